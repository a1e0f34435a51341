"""Small files that must be whole or not there at all, such as keys: half a key would be no key for ever."""

from __future__ import annotations

import os
from pathlib import Path

OWNER_ONLY, EVERYBODY_READS = 0o600, 0o644


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Under another name first, then on the disk, then in its place. Raises OSError."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    made = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(made, content)
        os.fsync(made)
    finally:
        os.close(made)
    if os.name == "posix":
        beside.chmod(mode)  # whatever this process's umask takes away
    beside.replace(path)
