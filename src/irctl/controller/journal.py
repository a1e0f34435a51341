"""The journal: one event a line, hash-chained, on disk before the light it explains.

It is the only thing the controller writes. Whatever cannot be written here cannot be done: a journal that fails turns `writable` false, and a rule
stops the light.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, cast

from irctl.controller import seal
from irctl.controller.seal import Anchor, Seal
from irctl.domain import chain

Event = Mapping[str, Any]
WallClock = Callable[[], datetime]


CHECKPOINT_EVENTS = 500
CHECKPOINT_S = 60.0
"""A journal that is written to is signed at least this often, and after each event that closes something."""
CLOSING = frozenset({"session.ended", "stop.cleared", "commissioning.completed", "controller.stopped"})


def utc_now() -> datetime:
    """The one place that reads the wall clock."""
    return datetime.now(UTC)


LOOK_FIRST = "Nobody is treated until somebody has looked into it; then: irctl journal set-aside"


class JournalDamaged(Exception):
    """The file's chain does not hold, so nothing may be added to it."""


class Disk(Protocol):
    """The two calls whose failure must not go unnoticed. `os` has them."""

    def write(self, file: int, data: bytes, /) -> int: ...

    def fsync(self, file: int, /) -> None: ...


class Journal:
    """An open journal file. Times: `at` from the injected wall clock, `mono_s` from the running loop."""

    def __init__(self, path: Path, clock: WallClock, anchor: Path | None = None) -> None:
        """`anchor`: where the last signed head is kept; beside the journal where not given, better on another disk."""
        self.path = path
        self.anchor = anchor or path.with_name(seal.ANCHOR)
        self.anchor_failure: str | None = None
        self._seal: Seal | None = None
        self._signed_seq = 0
        self._signed_at_s: float | None = None
        self.clock = clock
        self.disk: Disk = os
        """Replaced by a disk that fails, to see what happens then."""
        self.failure: str | None = None
        self.seq = 0
        self.head = chain.GENESIS
        self.events: list[Event] = []
        """Every event of this file, oldest first: sessions, stream and notes are read from here."""
        self._file: int | None = None
        self._log: Any = None

    @property
    def writable(self) -> bool:
        return self._file is not None and self.failure is None

    def open(self) -> None:
        """Read what is there, verify its chain, and open it for appending.

        A last line that was cut off while being written is set aside beside the journal. Raises JournalDamaged when the chain does not hold, OSError.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            torn = self._set_torn_tail_aside()
            self._seal = self._key()
            self._read()
        except BaseException:
            os.close(file)
            raise
        self._log = self._log or self._logger()
        self._file = file
        _sync_folder(self.path.parent)
        if torn:
            self.write("journal.tail_set_aside", bytes=torn)

    def _key(self) -> Seal:
        try:
            return Seal.of(self.path.parent)
        except ValueError as error:
            raise JournalDamaged(f"{seal.KEY} is no key ({error}). Put the right one back") from None

    def _logger(self) -> Any:
        # Imported here: a controller opens its journal once the lamps are dark, and this costs as much as driving one dark.
        import structlog
        from structlog.processors import JSONRenderer

        return structlog.wrap_logger(
            _Lines(self._write),
            processors=[self._stamp, self._link, JSONRenderer(_canonical_line)],
            wrapper_class=structlog.BoundLogger,
            cache_logger_on_first_use=True,
        )

    def _read(self) -> None:
        lines = chain.lines(self.path.read_bytes())
        try:
            verified = examine(lines, self.path.parent, self.anchor)
        except ValueError as error:
            raise JournalDamaged(f"{error}. {LOOK_FIRST}") from None
        if verified.broken:
            raise JournalDamaged(f"{self.path.name} line {verified.broken.line}: {verified.broken.text}. {LOOK_FIRST}")
        self._signed_seq = verified.signed
        self.seq, self.head = verified.events, verified.head
        self.events = list(parse(lines))

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def write(self, event: str, *, sync: bool = True, **fields: Any) -> None:
        """Append an event. With `sync` it is on the disk when this returns; samples go without.

        Never raises: a failure (of the disk, or of fields that JSON cannot hold) is kept in `failure`, from where a rule stops the light.
        """
        if self._file is None:
            return
        try:
            self._log.msg(event, **fields)
            if sync:
                self.disk.fsync(self._file)
                self._sign_when_due(event)
        except (OSError, ValueError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else f"event {event!r} cannot be written: {error}"
            self.failure = f"{self.path.name}: {reason or error}"

    def _sign_when_due(self, event: str) -> None:
        now_s = asyncio.get_running_loop().time()
        since_s = self._signed_at_s = now_s if self._signed_at_s is None else self._signed_at_s
        due = event in CLOSING or self.seq - self._signed_seq >= CHECKPOINT_EVENTS or now_s - since_s >= CHECKPOINT_S
        if self._seal is None or not due:
            return
        seq, head = self.seq, self.head
        signature = self._seal.sign(seq, head)
        self._signed_seq, self._signed_at_s = seq + 1, now_s
        self._log.msg(chain.CHECKPOINT, signs=seq, key=self._seal.fingerprint, signature=signature)
        assert self._file is not None
        self.disk.fsync(self._file)
        self._anchor(Anchor(seq, head, self.events[-1]["at"], self._seal.fingerprint, signature))

    def _anchor(self, anchor: Anchor) -> None:
        """Only what is on the disk is anchored, so an anchor ahead of its journal always means a loss. It may lie elsewhere, and fail: that ends no treatment."""
        try:
            seal.write_anchor(self.anchor, anchor)
        except OSError as error:
            failure = f"{self.anchor.name}: {error.strerror or error}"
            if self.anchor_failure is None:
                self._log.msg("journal.anchor_failed", reason=failure)
            self.anchor_failure = failure
        else:
            self.anchor_failure = None

    def after(self, seq: int) -> list[Event]:
        """Events with a higher number than `seq`."""
        return self.events[max(0, seq) :]

    def _stamp(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        at = self.clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        mono_s = round(asyncio.get_running_loop().time(), 4)
        return {"seq": self.seq + 1, "at": at, "mono_s": mono_s, **event}

    def _link(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["prev"] = self.head
        # Hashed as it will be read back, whatever enums and live mappings the caller passed.
        event = cast("dict[str, Any]", json.loads(chain.canonical(event)))
        event["hash"] = chain.link(event)
        self._pending = event
        return event

    def _write(self, line: str) -> None:
        assert self._file is not None
        data, whole = line.encode(), os.fstat(self._file).st_size
        if self.disk.write(self._file, data) != len(data):
            self._take_back(whole)
            raise OSError(errno.ENOSPC, "the disk took only part of a line")
        event = self._pending
        self.seq, self.head = event["seq"], event["hash"]
        self.events.append(event)

    def _take_back(self, size: int) -> None:
        """Half a line would spoil the next one, and with it the chain. Where it cannot be removed, nothing more is written."""
        assert self._file is not None
        try:
            os.ftruncate(self._file, size)
        except OSError:
            self.close()

    def _set_torn_tail_aside(self) -> int:
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with self.path.with_suffix(".torn").open("ab") as aside:
                aside.write(data[whole:])
            os.truncate(self.path, whole)
        return len(data) - whole


class _Lines:
    """What structlog hands the rendered line to."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.msg = write


def _canonical_line(event: Mapping[str, Any], **_options: Any) -> str:
    return chain.line(event)


def _sync_folder(folder: Path) -> None:
    """A new file's name must survive a power cut too. Some systems cannot, and say so by an error."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def examine(lines: Iterable[str], folder: Path, anchor: Path | None = None) -> chain.Verified:
    """Chain, signatures (by the public key in `folder`) and anchor (there too, if not named), as far as they are there.

    Raises ValueError for a key or an anchor that is none, OSError.
    """
    known = seal.read_anchor(anchor or folder / seal.ANCHOR)
    return chain.verify(lines, seal.verifier(folder), None if known is None else (known.seq, known.head))


def set_aside(path: Path, clock: WallClock) -> Path:
    """Keep a journal that cannot be used as evidence, under a name that says when; its anchor with it. The journal's new path. Raises OSError."""
    aside = path.with_name(f"{path.stem}-set-aside-{clock():%Y%m%dT%H%M%SZ}{path.suffix}")
    path.rename(aside)
    with suppress(FileNotFoundError):
        path.with_name(seal.ANCHOR).rename(aside.with_suffix(".anchor"))
    return aside


def parse(lines: Iterable[str]) -> Iterator[Event]:
    """Events from a journal's lines. Raises ValueError on a line that is no event."""
    for line in lines:
        record: Any = json.loads(line)
        if not isinstance(record, dict):
            raise ValueError("not an event")
        yield cast("dict[str, Any]", record)
