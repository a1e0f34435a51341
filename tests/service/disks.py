"""Real disks that fail under a real controller. Each works where the one before it does not: as root with mounts, as anybody on Linux."""

from __future__ import annotations

import os
import resource
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.crashes import Rig

SIZE_BYTES = 1024 * 1024
LEFT_BYTES = 1000
"""About two events: the disk takes a part of one more, as a full one does."""


class Disk(ABC):
    """Where the state folder lies."""

    says: tuple[str, ...]
    """What the failure may be called, by us and by the system."""

    def __init__(self, state: Path) -> None:
        self.state = state

    @abstractmethod
    def fail(self, rig: Rig) -> None: ...

    @abstractmethod
    def mend(self, rig: Rig) -> None: ...


class Full(Disk):
    """A small disk of its own, that something else fills."""

    says = ("the disk is full", "No space left on device")

    def fail(self, rig: Rig) -> None:
        with suppress(OSError), (self.state / "filler").open("wb", buffering=0) as filler:
            while filler.write(b"x" * 4096):
                pass

    def mend(self, rig: Rig) -> None:
        (self.state / "filler").unlink()


class Rationed(Disk):
    """No file may grow beyond a size: the system then takes a part of what is written, and nothing after that."""

    says = ("the disk is full", "File too large")
    left_bytes = LEFT_BYTES

    def fail(self, rig: Rig) -> None:
        most = (self.state / "journal.jsonl").stat().st_size + self.left_bytes
        resource.prlimit(rig.controller_pid, resource.RLIMIT_FSIZE, (most, most))

    def mend(self, rig: Rig) -> None:
        pass  # the next process has a ration of its own


class Refusing(Rationed):
    """The next byte is refused, as by a disk that went read-only."""

    left_bytes = 0


class Immutable(Disk):
    """The file may not be changed any more, not even by who has it open: what a file system does to all its files when it finds itself damaged."""

    says = ("Operation not permitted",)

    def fail(self, rig: Rig) -> None:
        _run("chattr", "+i", str(self.state / "journal.jsonl"))

    def mend(self, rig: Rig) -> None:
        _run("chattr", "-i", str(self.state / "journal.jsonl"))


@contextmanager
def a_disk_that_fills(state: Path) -> Iterator[Disk]:
    if not mountable(state):
        yield Rationed(state)
        return
    with mounted(state):
        yield Full(state)


@contextmanager
def a_disk_that_turns_read_only(state: Path) -> Iterator[Disk]:
    immutable = _holds_for_who_has_it_open(state / "probe")
    disk = Immutable(state) if immutable else Refusing(state)
    try:
        yield disk
    finally:
        if immutable:
            _works("chattr", "-i", str(state / "journal.jsonl"))  # or nobody could delete it


def _holds_for_who_has_it_open(probe: Path) -> bool:
    """Not every file system asks again at each write."""
    with probe.open("wb", buffering=0) as opened:
        if not _works("chattr", "+i", str(probe)):
            return False
        try:
            opened.write(b"x")
        except OSError:
            return True
        finally:
            _works("chattr", "-i", str(probe))
    return False


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """A small disk of its own."""
    _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(folder))


@contextmanager
def read_only(folder: Path) -> Iterator[str]:
    """The folder on a `mounted` disk, or one's own where one is not root, written by nobody while the body runs; what the system calls it."""
    if os.geteuid() == 0:
        _run("mount", "-o", "remount,ro", str(folder))
        try:
            yield "Read-only file system"
        finally:
            _run("mount", "-o", "remount,rw", str(folder))
        return
    everything = [folder, *folder.iterdir()]
    before = [path.stat().st_mode for path in everything]
    for path in everything:
        path.chmod(0o500)
    try:
        yield "Permission denied"
    finally:
        for path, mode in zip(everything, before, strict=True):
            path.chmod(mode)


def mountable(folder: Path) -> bool:
    if os.geteuid() != 0 or not _works("mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder)):
        return False
    _run("umount", str(folder))
    return True


def _works(*words: str) -> bool:
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _run(*words: str) -> None:
    subprocess.run(words, capture_output=True, check=True)
