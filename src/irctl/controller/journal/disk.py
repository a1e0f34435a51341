"""The journal's disk: the calls whose failure must not go unnoticed, and small files that are whole or not there."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT
OWNER_ONLY = 0o600


class Disk(Protocol):
    """`os` is one. Tests have others, that fail."""

    def write(self, file: int, data: bytes, /) -> int: ...

    def fsync(self, file: int, /) -> None: ...

    def rename(self, old: Path, new: Path, /) -> None: ...


def write_all(disk: Disk, file: int, data: bytes) -> None:
    """Raises OSError also where only a part was taken."""
    if disk.write(file, data) != len(data):
        raise OSError(errno.ENOSPC, "the disk is full, and took only part of a line")


def replace(path: Path, content: Mapping[str, Any]) -> None:
    """A small JSON file, whole or not at all. Raises OSError."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def sync_folder(folder: Path) -> None:
    """A file's new name must survive a power cut too. Some systems cannot, and say so by an error."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
