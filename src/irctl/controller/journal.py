"""The journal: one event a line, hash-chained, on disk before the light it explains.

It is the only thing the controller writes. Whatever cannot be written here cannot be done: a journal that fails turns `writable` false, and a rule
stops the light. Its files are in segments.py, what of it stays in memory in memory.py, its signatures in seal.py and anchor.py.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import threading
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Protocol, cast

from irctl.controller import segments
from irctl.controller.anchor import ANCHOR, Anchor, Anchoring, AtOnce, read_anchor
from irctl.controller.memory import Memory
from irctl.controller.seal import KEY, PUBLIC_KEY, KeyMissing, Seal, verifier
from irctl.domain import chain
from irctl.domain.chain import Event

WallClock = Callable[[], datetime]

CHECKPOINT_EVENTS = 500
CHECKPOINT_S = 60.0
"""A journal that is written to is signed at least this often, and after each event that closes something."""
CLOSING = frozenset({"session.ended", "stop.cleared", "commissioning.completed", "controller.stopped"})
SEGMENT_BYTES_MAX = 32 * 2**20
"""A file larger than this is closed once nothing is open. It is what a start reads and verifies: a second at most."""
ROTATE_AGAIN_S = 60.0
"""After a next file that could not be made."""
UNSYNCED_BYTES_MAX = 64 * 2**10
"""What a power cut may leave unreadable at the end: the samples of four lamps since the last sync are a quarter of it."""
APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT
LOOK_FIRST = "Nobody is treated until somebody has looked into it; then: irctl journal set-aside"


def utc_now() -> datetime:
    """The one place that reads the wall clock."""
    return datetime.now(UTC)


class JournalDamaged(Exception):
    """The file's chain does not hold, so nothing may be added to it."""


class Disk(Protocol):
    """The calls whose failure must not go unnoticed. `os` has them."""

    def write(self, file: int, data: bytes, /) -> int: ...

    def fsync(self, file: int, /) -> None: ...

    def rename(self, old: Path, new: Path, /) -> None: ...


class Journal:
    """An open journal. Times: `at` from the injected wall clock, `mono_s` from the running loop."""

    def __init__(
        self,
        path: Path,
        clock: WallClock,
        anchoring: Anchoring | None = None,
        *,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
    ) -> None:
        """`anchoring`: keeps the last signed head; beside the journal where not given, better on another disk."""
        self.path = path
        self.clock = clock
        self.anchoring: Anchoring = anchoring or AtOnce(path.with_name(ANCHOR))
        self.segment_bytes_max = segment_bytes_max
        self.disk: Disk = os
        """Replaced by a disk that fails, to see what happens then."""
        self.at_rest: Callable[[], bool] = lambda: False
        """Whether nothing is open at the station, so that a file may end here. The sessions this journal knows of itself."""
        self.reading = asyncio.Lock()
        """Held while somebody's question is read from the files: one thread at a time, for each takes the interpreter from the loop."""
        self.failure: str | None = None
        self.seq: int = 0
        self.head: str = chain.GENESIS
        self.memory = Memory()
        self._first: int = 1
        """The number of the current file's first event."""
        self._file: int | None = None
        self._files = threading.Lock()
        """Held while files are renamed, and while a reader's thread opens one."""
        self._log: Any = None
        self._seal: Seal | None = None
        self._signed_seq = 0
        self._signed_at_s: float | None = None
        self._anchor_lacking: str | None = None
        self._anchor_told = False
        self._rotate_not_before_s = float("-inf")

    @property
    def writable(self) -> bool:
        return self._file is not None and self.failure is None

    @property
    def events(self) -> list[Event]:
        """What is remembered, oldest first: everything that is open, two days of what happened, and what lasts. Numbers may have gaps."""
        return self.memory.events

    @property
    def key(self) -> str | None:
        """The fingerprint of the key that signs."""
        return None if self._seal is None else self._seal.fingerprint

    @property
    def anchor_failure(self) -> str | None:
        """Why the last signed head could not be kept, or what was missing at the start until it could be."""
        return self.anchoring.failure or self._anchor_lacking

    # --- opening ---------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Read the current file, verify its chain, and open it for appending. Earlier files are not read.

        A last line that was cut off while being written is set aside beside the journal. Raises JournalDamaged when the chain does not hold, OSError.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not segments.settle(self.path):
            raise JournalDamaged(f"{self.path.name} is gone, and closed files are there. {LOOK_FIRST}")
        file = os.open(self.path, APPEND, 0o600)
        try:
            torn = self._set_torn_tail_aside()
            self._seal = self._key()
            torn += self._read()
        except BaseException:
            os.close(file)
            raise
        self._log = self._log or self._logger()
        self._file = file
        _sync_folder(self.path.parent)
        if torn:
            self.write("journal.tail_set_aside", bytes=torn)
        if self.anchor_failure:
            self._tell_anchor_failure()

    def _key(self) -> Seal:
        try:
            return Seal.of(self.path.parent)
        except KeyMissing:
            what = f"{KEY} is gone, and this journal was signed with it. Put it back. Where it is lost"
            raise JournalDamaged(f"{what}: {LOOK_FIRST}") from None
        except ValueError as error:
            raise JournalDamaged(f"{KEY} is no key ({error}). Put the right one back") from None

    def _read(self) -> int:
        """Take up what the current file holds; the bytes at its end that a power cut had left unreadable."""
        try:
            anchor = self._anchor()
            verified, size = self._walk(anchor)
            if verified.broken and (torn := self._set_unsynced_aside(size, verified, anchor)):
                verified, _ = self._walk(anchor)
            else:
                torn = 0
        except ValueError as error:
            raise JournalDamaged(f"{error}. {LOOK_FIRST}") from None
        if verified.broken:
            raise JournalDamaged(f"{self.path.name} line {verified.broken.line}: {verified.broken.text}. {LOOK_FIRST}")
        older = [part.first for part in segments.closed(self.path) if part.first >= self._first or not verified.events]
        if older:
            what = (
                f"is older than the closed file that begins with event {older[-1]}" if verified.events else "is empty"
            )
            raise JournalDamaged(f"{self.path.name} {what}. {LOOK_FIRST}")
        self._signed_seq = verified.signed
        self.seq, self.head = verified.last, verified.head
        if verified.signed and anchor is None:
            self._anchor_lacking = self._anchor_lacking or f"{self.anchoring.path.name}: is gone"
        return torn

    def _anchor(self) -> Anchor | None:
        """What was kept elsewhere. One that cannot be read is told of; one that nobody signed is a forgery. Raises ValueError."""
        path = self.anchoring.path
        try:
            anchor = read_anchor(path)
        except OSError as error:
            self._anchor_lacking = f"{path.name}: {error.strerror or error}"
            return None
        if anchor is not None and (why := anchor.problem(verifier(self.path.with_name(PUBLIC_KEY)))) is not None:
            raise ValueError(f"{path.name} is not valid: {why}")
        return anchor

    def _walk(self, anchor: Anchor | None) -> tuple[chain.Verified, int]:
        """What the current file holds goes to memory; the size of what holds."""
        signed = verifier(self.path.with_name(PUBLIC_KEY))
        walk = chain.Walk(signed, None if anchor is None else (anchor.seq, anchor.head))
        self.memory, size, now_s = Memory(), 0, _now_s()

        def lines() -> Any:
            nonlocal size
            for line in segments.lines_of(self.path):
                yield line
                size += len(line)

        for number, event in enumerate(walk.follow(lines())):
            self._first = self._first if number else event["seq"]
            self.memory.add(event, now_s, read=True)
        return walk.verified(), size

    def _set_unsynced_aside(self, size: int, verified: chain.Verified, anchor: Anchor | None) -> int:
        """What a power cut left behind `size` bytes that hold; how many bytes it was, 0 where it was something else.

        Only samples go without a sync, so what is lost that way is short, unreadable where it begins, not known to the anchor, and holds nothing but samples.
        """
        with self.path.open("rb") as file:
            file.seek(size)
            rest = file.read(UNSYNCED_BYTES_MAX + 1)
        known = anchor is not None and anchor.seq > verified.last
        if known or not 0 < len(rest) <= UNSYNCED_BYTES_MAX or not _left_by_a_power_cut(rest):
            return 0
        self._set_aside(size, rest)
        return len(rest)

    def _set_torn_tail_aside(self) -> int:
        with self.path.open("rb") as file:
            whole = segments.last_line_end(file)
            file.seek(whole)
            torn = file.read()
        if torn:
            self._set_aside(whole, torn)
        return len(torn)

    def _set_aside(self, size: int, rest: bytes) -> None:
        with self.path.with_suffix(".torn").open("ab") as aside:
            aside.write(rest)
            aside.flush()
            os.fsync(aside.fileno())
        os.truncate(self.path, size)

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

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self.anchoring.close()

    # --- writing ---------------------------------------------------------------------------------------------------------

    def write(self, event: str, *, sync: bool = True, **fields: Any) -> None:
        """Append an event. With `sync` it is on the disk when this returns; samples go without.

        Never raises: a failure (of the disk, or of fields that JSON cannot hold) is kept in `failure`, from where a rule stops the light.
        """
        if self._file is None:
            return
        try:
            self._rotate_when_due()
            self._log.msg(event, **fields)
            if sync:
                self.disk.fsync(self._file)
                self._sign_when_due(event)
        except (OSError, ValueError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else f"event {event!r} cannot be written: {error}"
            self.failure = f"{self.path.name}: {reason or error}"

    def _stamped(self, seq: int) -> dict[str, Any]:
        at = self.clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"seq": seq, "at": at, "mono_s": round(_now_s(), 4)}

    def _stamp(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**self._stamped(self.seq + 1), **event}

    def _link(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        self._pending = _linked(event, self.head)
        return self._pending

    def _write(self, line: str) -> None:
        assert self._file is not None
        data, whole = line.encode(), os.fstat(self._file).st_size
        if self.disk.write(self._file, data) != len(data):
            self._take_back(whole)
            raise OSError(errno.ENOSPC, "the disk is full, and took only part of a line")
        event = self._pending
        self.seq, self.head = event["seq"], event["hash"]
        self.memory.add(event, _now_s())

    def _take_back(self, size: int) -> None:
        """Half a line would spoil the next one, and with it the chain. Where it cannot be removed, nothing more is written."""
        assert self._file is not None
        try:
            os.ftruncate(self._file, size)
        except OSError:
            self.close()

    # --- signing ---------------------------------------------------------------------------------------------------------

    def _sign_when_due(self, event: str) -> None:
        now_s = _now_s()
        since_s = self._signed_at_s = now_s if self._signed_at_s is None else self._signed_at_s
        if event in CLOSING or self.seq - self._signed_seq >= CHECKPOINT_EVENTS or now_s - since_s >= CHECKPOINT_S:
            self._sign()

    def _sign(self) -> None:
        assert self._file is not None
        anchor = self._signed_head(self.seq, self.head, self.memory.events[-1]["at"])
        self._log.msg(chain.CHECKPOINT, **_checkpoint(anchor))
        self.disk.fsync(self._file)
        self._keep(anchor)

    def _signed_head(self, seq: int, head: str, at: str) -> Anchor:
        assert self._seal is not None
        return Anchor(seq, head, at, self._seal.fingerprint, self._seal.sign(seq, head))

    def _keep(self, anchor: Anchor) -> None:
        """Only what is on the disk is anchored, so an anchor ahead of its journal always means a loss."""
        now_s = _now_s()
        self._signed_seq, self._signed_at_s = anchor.seq + 1, now_s
        self.anchoring.keep(anchor, now_s)
        self._anchor_lacking = None
        if self.anchoring.failure is None:
            self._anchor_told = False
        elif not self._anchor_told:
            self._tell_anchor_failure()

    def _tell_anchor_failure(self) -> None:
        """It ends no treatment, and is on record."""
        self._anchor_told = True
        self._log.msg("journal.anchor_failed", reason=self.anchor_failure)

    # --- one file after another ------------------------------------------------------------------------------------------

    def _rotate_when_due(self) -> None:
        assert self._file is not None
        big = os.fstat(self._file).st_size >= self.segment_bytes_max
        if not big or self.failure or self.memory.open_sessions or _now_s() < self._rotate_not_before_s:
            return
        if self.at_rest():
            self._rotate_not_before_s = _now_s() + ROTATE_AGAIN_S
            self._rotate()

    def _rotate(self) -> None:
        """Close the file and begin the next, before the event that is about to be written.

        The next file is whole and on the disk, its opening signed, before the first of two renames. Whatever ends the process in between, the next
        start finds either the old file or the new one (segments.settle). Raises OSError where afterwards there is no file to write to.
        """
        self._sign()
        former = segments.closed_name(self.path, self._first)
        told = {"file": former.name, "first": self._first, "seq": self.seq, "hash": self.head}
        opening = self._opening(chain.CONTINUED, self.seq, self.head, former=told, **self.memory.carried(self.clock()))
        try:
            begun = self._begun(opening)
        except OSError:
            return  # this file goes on, and says itself whether it can
        with self._files:
            try:
                self.disk.rename(self.path, former)
                self.disk.rename(segments.next_name(self.path), self.path)
            except OSError:
                os.close(begun)
                self._stay(former)
                return
        assert self._file is not None
        os.close(self._file)
        self._file, self._first = begun, opening.event["seq"]
        _sync_folder(self.path.parent)
        for event in (opening.event, opening.checkpoint):
            self.seq, self.head = event["seq"], event["hash"]
            self.memory.add(event, _now_s())
        self._keep(opening.anchor)

    def _stay(self, former: Path) -> None:
        """A rename failed. Back to the file that is open; where it cannot have its name back, a start would not find it, so nothing more is written to it."""
        if self.path.exists():
            return
        try:
            self.disk.rename(former, self.path)
        except OSError:
            self.close()
            raise

    def begin_anew(self, broken: Path, held: chain.Verified, carried: Mapping[str, Any], **fields: Any) -> None:
        """The first file of a new chain, after one that did not hold and is kept as `broken`; the numbers go on. Raises OSError, ValueError."""
        self._seal = Seal.of(self.path.parent, anew=True)
        told = {"file": broken.name, "held_events": held.events, "held_head": held.head}
        opening = self._opening(chain.SET_ASIDE, self.seq, chain.GENESIS, **told, **fields, **carried)
        os.close(self._begun(opening))
        with suppress(FileNotFoundError):
            self.path.rename(broken)
        segments.next_name(self.path).rename(self.path)
        _sync_folder(self.path.parent)
        self.anchoring.keep(opening.anchor, _now_s())

    def _opening(self, name: str, seq: int, head: str, **fields: Any) -> _Opening:
        event = _linked({**self._stamped(seq + 1), "event": name, **fields}, head)
        anchor = self._signed_head(event["seq"], event["hash"], event["at"])
        stamped = {**self._stamped(seq + 2), "event": chain.CHECKPOINT, **_checkpoint(anchor)}
        return _Opening(event, _linked(stamped, event["hash"]), anchor)

    def _begun(self, opening: _Opening) -> int:
        """The next file, open, with its first two lines on the disk. Raises OSError, and then there is none."""
        path = segments.next_name(self.path)
        file = os.open(path, APPEND | os.O_TRUNC, 0o600)
        try:
            data = (chain.line(opening.event) + chain.line(opening.checkpoint)).encode()
            if self.disk.write(file, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.disk.fsync(file)
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        return file

    # --- reading, beside the loop ----------------------------------------------------------------------------------------

    def opened(self) -> list[tuple[int, IO[bytes]]]:
        """Every file that is here, newest first, with the number it begins with; for a thread that reads, and closes them. Raises OSError."""
        with self._files:
            here = [part for part in segments.closed(self.path) if not part.moved]
            found: list[tuple[int, IO[bytes]]] = [(self._first, self.path.open("rb"))] if self.path.exists() else []
            return found + [(part.first, part.path.open("rb")) for part in reversed(here)]


@dataclass(frozen=True, slots=True)
class _Opening:
    """A file's first event, and the checkpoint that signs it at once."""

    event: Event
    checkpoint: Event
    anchor: Anchor


class _Lines:
    """What structlog hands the rendered line to."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.msg = write


def _canonical_line(event: Event, **_options: Any) -> str:
    return chain.line(event)


def _linked(event: Mapping[str, Any], prev: str) -> dict[str, Any]:
    # Hashed as it will be read back, whatever enums and live mappings the caller passed.
    linked = cast("dict[str, Any]", json.loads(chain.canonical({**event, "prev": prev})))
    linked["hash"] = chain.link(linked)
    return linked


def _checkpoint(anchor: Anchor) -> dict[str, Any]:
    return {"signs": anchor.seq, "key": anchor.key, "signature": anchor.signature}


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _left_by_a_power_cut(rest: bytes) -> bool:
    """Blocks that never reached the disk read as zeros or as nothing; whole lines beside them are samples. Anything else was not lost but changed."""
    lines = rest.split(b"\n")
    return b"\0" in rest and all(b"\0" in line or not line or b'"event":"session.sample"' in line for line in lines)


def _sync_folder(folder: Path) -> None:
    """A new file's name must survive a power cut too. Some systems cannot, and say so by an error."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def examine(
    path: Path, anchor: Path | None = None, archive: Path | None = None, *, alone: bool = False
) -> chain.Verified:
    """Chain, signatures (by the public key beside it) and anchor (there too, if not named), as far as they are there.

    A closed file is examined alone, and so is the current one where `alone` is said; otherwise everything that belongs to the journal is, also what
    was moved to `archive`. Raises ValueError for a key or an anchor that is none, OSError.
    """
    signed = verifier(path.with_name(PUBLIC_KEY))
    alone = alone or segments.is_closed(path)
    anchor = anchor or path.with_name(ANCHOR)
    known = None if segments.is_closed(path) else read_anchor(anchor)
    forged = None if known is None else known.problem(signed)
    walk = chain.Walk(signed, None if known is None else (known.seq, known.head))
    if alone:
        segments.through(walk.follow(segments.lines_of(path), path.name))
    else:
        segments.walk_folder(path, walk, archive)
    if forged and walk.broken is None:
        walk.broken = chain.Break(0, f"is not valid: {forged}", anchor.name)
    return walk.verified()


def set_aside(path: Path, clock: WallClock, *, by: str, reason: str, anchor: Path | None = None) -> Path:
    """Keep a journal that cannot be used as evidence, under a name that says when, and begin a new one that says so.

    What can still be read of the old one goes on to count: what patients were given, alarms, a stop that nobody cleared, sessions that nobody ended. To be
    called within a running loop, with the state folder claimed. The old journal's new path. Raises OSError, ValueError.
    """
    broken = path.with_name(f"{path.stem}-set-aside-{clock():%Y%m%dT%H%M%SZ}{path.suffix}")
    held = (
        chain.verify(segments.lines_of(path), verifier(path.with_name(PUBLIC_KEY)))
        if path.exists()
        else chain.verify([])
    )
    anchoring = AtOnce(anchor or path.with_name(ANCHOR))
    memory = Memory()
    for event in segments.readable(path):
        with suppress(KeyError, TypeError, ValueError):  # an event of no known form is evidence, and tells nothing
            memory.add(event, _now_s(), read=True)
    known = None
    with suppress(FileNotFoundError):
        broken.with_suffix(".anchor").write_bytes(anchoring.path.read_bytes())
        with suppress(ValueError):
            known = read_anchor(anchoring.path)
    journal = Journal(path, clock, anchoring)
    journal.seq = max([memory.last, known.seq if known else 0, *(part.first for part in segments.closed(path))])
    journal.begin_anew(broken, held, memory.carried(clock()), by=by, reason=reason)
    return broken
