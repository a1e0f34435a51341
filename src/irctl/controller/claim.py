"""One controller per state folder: two would write one journal, and neither would know what the other does to the lamps."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from irctl.domain.problems import Problem, Refused

NAME = "controller.lock"


@contextmanager
def claim(state_dir: Path) -> Generator[None]:
    """Hold the folder while the body runs; the system gives it back however this process ends. Raises Refused."""
    file = _opened(state_dir)
    try:
        try:
            _lock(file)
        except OSError:
            remedy = "End that one first, or give this one its own --state"
            raise Refused(
                [Problem("state", str(state_dir), "is in use by another controller", remedy)], conflict=True
            ) from None
        yield
    finally:
        os.close(file)


def _opened(state_dir: Path) -> int:
    """A folder that has become read-only can still be held: its controller gives no light, but goes dark and says why. Raises Refused."""
    path = state_dir / NAME
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        with suppress(OSError):
            return os.open(path, os.O_RDONLY)
        remedy = "Check the folder's rights and space, or choose another with --state"
        raise Refused([Problem("state", str(state_dir), error.strerror or str(error), remedy)]) from None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
