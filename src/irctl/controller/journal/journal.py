"""The journal: one event a line, hash-chained, on disk before the light it explains.

It is the only thing the controller writes. Whatever cannot be written here cannot be done: a journal that fails turns `writable` false, and a rule
stops the light. What a start makes of the file it finds is in reopening.py, what stays in memory in memory.py, the files before it in segments.py, how a
next one begins in beginning.py, signatures in seal.py and anchor.py.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from irctl.controller.clock import WallClock, now_s
from irctl.controller.journal import segments
from irctl.controller.journal.anchor import ANCHOR, Anchor, Anchoring, AtOnce
from irctl.controller.journal.beginning import Beginning, checkpoint, signed_head, stamp
from irctl.controller.journal.disk import APPEND, OWNER_ONLY, Disk, sync_folder, write_all
from irctl.controller.journal.memory import Memory
from irctl.controller.journal.reopening import LOOK_FIRST, JournalDamaged, newer, reopen
from irctl.controller.journal.seal import Seal
from irctl.domain import chain
from irctl.domain.chain import Event
from irctl.tally import Tally

CHECKPOINT_EVENTS = 500
CHECKPOINT_S = 60.0
"""A journal that is written to is signed at least this often, and after each event that closes something."""
CLOSING = frozenset(
    {
        "session.ended",
        "stop.cleared",
        "commissioning.completed",
        "controller.stopped",
        "calibration.approved",
        "check.completed",
    }
)
FILE_BYTES_MAX = 32 * 2**20
"""A file larger than this is closed once nothing is open. It is what a start reads and verifies, after the lamps are dark."""
SYNCS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
ROTATE_EVERY_S_MIN = 60.0
"""Between two files, also where the next one could not be made: what one file must hand to the next may itself be large."""


class Journal:
    """An open journal. Times: `at` from the injected wall clock, `mono_s` from the running loop."""

    def __init__(
        self,
        path: Path,
        clock: WallClock,
        anchoring: Anchoring | None = None,
        *,
        file_bytes_max: int = FILE_BYTES_MAX,
    ) -> None:
        """`anchoring`: keeps the last signed head; beside the journal where not given, better on another disk."""
        self.path = path
        self.clock = clock
        self.anchoring: Anchoring = anchoring or AtOnce(path.with_name(ANCHOR))
        self.file_bytes_max = file_bytes_max
        self.disk: Disk = os
        """Replaced by a disk that fails, to see what happens then."""
        self.at_rest: Callable[[], bool] = lambda: False
        """Whether nothing is open at the station, so that a file may end here. The sessions this journal knows of itself."""
        self.reading = asyncio.Lock()
        """Held while somebody's question is read from the files: one thread at a time, for each takes the interpreter from the loop."""
        self.failure: str | None = None
        self.syncs = Tally(SYNCS_S)
        """How long an event took to be on the disk, seconds. The loop waits for it."""
        self.seq: int = 0
        self.head: str = chain.GENESIS
        self.memory = Memory()
        self._first: int = 1
        """The number of the current file's first event."""
        self._file: int | None = None
        self._files = threading.Lock()
        """Held while files are renamed, and while a reader's thread opens them."""
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
    def public_key(self) -> str | None:
        """What a certificate's signature is verified with, hexadecimal."""
        return None if self._seal is None else self._seal.public_key.hex()

    @property
    def signer(self) -> str | None:
        """By what this journal is known elsewhere: the fingerprint of the key that signs it; None while it is not open."""
        return None if self._seal is None else self._seal.fingerprint

    def sign_document(self, told: bytes) -> tuple[str, str]:
        """The key's fingerprint, and its signature. The journal must be open."""
        assert self._seal is not None
        return self._seal.fingerprint, self._seal.sign_document(told)

    @property
    def anchor_failure(self) -> str | None:
        """Why the last signed head could not be kept, or what was missing at the start until it could be."""
        return self.anchoring.failure or self._anchor_lacking

    def open(self) -> None:
        """Read the current file, verify its chain, and open it for appending. Earlier files are not read.

        A last line that was cut off while being written is set aside beside the journal. Raises JournalDamaged when the chain does not hold, or when a newer
        irctl has written it: then nothing is touched. OSError.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if (why := newer(self.path)) is not None:
            raise JournalDamaged(why)
        if not segments.settle(self.path):
            raise JournalDamaged(f"{self.path.name} is gone, and closed files are there. {LOOK_FIRST}")
        file = os.open(self.path, APPEND, OWNER_ONLY)
        try:
            found = reopen(self.path, self.anchoring.path, now_s())
            self.memory = found.memory  # of one that is damaged too: a stop that nobody cleared is still in force
            if found.damage:
                raise JournalDamaged(found.damage)
        except BaseException:
            os.close(file)
            raise
        self.seq, self.head, self._first = found.verified.last, found.verified.head, found.first
        self._seal, self._signed_seq, self._anchor_lacking = found.seal, found.verified.signed, found.anchor_lacking
        self._log = self._log or self._logger()
        self._file = file
        sync_folder(self.path.parent)
        if found.torn_bytes:
            self.write("journal.tail_set_aside", bytes=found.torn_bytes)
        if self.anchor_failure:
            self._tell_anchor_failure()

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
            if self._rotation_due():
                self._rotate()
            began_s = now_s()
            self._log.msg(event, **fields)
            if sync:
                self.disk.fsync(self._file)
                self.syncs.add(now_s() - began_s)
                self._sign_when_due(event)
        except (OSError, ValueError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else f"event {event!r} cannot be written: {error}"
            self.failure = f"{self.path.name}: {reason or error}"

    def _logger(self) -> Any:
        # Imported here: a controller opens its journal once the lamps are dark, and this costs as much as driving one dark.
        import structlog
        from structlog.processors import JSONRenderer

        return structlog.wrap_logger(
            _Lines(self._append),
            processors=[self._stamped, self._linked, JSONRenderer(_canonical_line)],
            wrapper_class=structlog.BoundLogger,
            cache_logger_on_first_use=True,
        )

    def _stamped(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**stamp(self.seq + 1, self.clock), **event}

    def _linked(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        self._pending = chain.linked(event, self.head)
        return self._pending

    def _append(self, line: str) -> None:
        assert self._file is not None
        whole = os.fstat(self._file).st_size
        try:
            write_all(self.disk, self._file, line.encode())
        except OSError:
            self._take_back(whole)
            raise
        self._took(self._pending)

    def _took(self, event: Event) -> None:
        self.seq, self.head = event["seq"], event["hash"]
        self.memory.add(event, now_s())

    def _take_back(self, size: int) -> None:
        """Half a line would spoil the next one, and with it the chain. Where it cannot be removed, nothing more is written."""
        assert self._file is not None
        try:
            os.ftruncate(self._file, size)
        except OSError:
            self.close()

    # --- signing ---------------------------------------------------------------------------------------------------------

    def _sign_when_due(self, event: str) -> None:
        since_s = self._signed_at_s = now_s() if self._signed_at_s is None else self._signed_at_s
        if event in CLOSING or self.seq - self._signed_seq >= CHECKPOINT_EVENTS or now_s() - since_s >= CHECKPOINT_S:
            self._sign()

    def _sign(self) -> None:
        assert self._file is not None
        assert self._seal is not None
        anchor = signed_head(self._seal, self.seq, self.head, self.memory.events[-1]["at"])
        self._log.msg(chain.CHECKPOINT, **checkpoint(anchor))
        self.disk.fsync(self._file)
        self._keep(anchor)

    def _keep(self, anchor: Anchor) -> None:
        """Only what is on the disk is anchored, so an anchor ahead of its journal always means a loss."""
        self._signed_seq, self._signed_at_s = anchor.seq + 1, now_s()
        self.anchoring.keep(anchor, self._signed_at_s)
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

    def _rotation_due(self) -> bool:
        assert self._file is not None
        if self.failure or os.fstat(self._file).st_size < self.file_bytes_max:
            return False
        return now_s() >= self._rotate_not_before_s and not self.memory.open_sessions and self.at_rest()

    def _rotate(self) -> None:
        """Close the file and begin the next, before the event that is about to be written.

        The next file is whole and on the disk, its beginning signed, before the first of two renames. Whatever ends the process in between, the next
        start finds either the old file or the new one (segments.settle). Raises OSError where afterwards there is no file to write to.
        """
        assert self._seal is not None
        self._rotate_not_before_s = now_s() + ROTATE_EVERY_S_MIN
        self._sign()
        former = segments.closed_name(self.path, self._first)
        told = {"file": former.name, "first": self._first, "seq": self.seq, "hash": self.head}
        carried = self.memory.carried(self.clock())
        beginning = Beginning.after(
            self.seq, self.head, chain.CONTINUED, self._seal, self.clock, former=told, **carried
        )
        try:
            begun = beginning.write(segments.next_name(self.path), self.disk)
        except OSError:
            return  # this file goes on, and says itself whether it can
        try:
            with self._files:
                self._rename(former)
        except OSError:
            os.close(begun)
            if not self.path.exists():  # a start would not find it, so nothing more is written to it
                self.close()
                raise
            return
        sync_folder(self.path.parent)
        ended, self._file, self._first = self._file, begun, beginning.event["seq"]
        if ended is not None:
            os.close(ended)
        self._took(beginning.event)
        self._took(beginning.checkpoint)
        self._keep(beginning.anchor)

    def _rename(self, former: Path) -> None:
        """Raises OSError where the file that was written to keeps its name, if it can have it back."""
        self.disk.rename(self.path, former)
        try:
            self.disk.rename(segments.next_name(self.path), self.path)
        except OSError:
            with suppress(OSError):
                self.disk.rename(former, self.path)
            raise

    # --- reading, beside the loop ----------------------------------------------------------------------------------------

    def opened(self) -> list[tuple[int, IO[bytes]]]:
        """Every file that is here, newest first, with the number it begins with; for a thread that reads, and closes them. Raises OSError."""
        with self._files:
            here = [part for part in segments.closed(self.path) if not part.moved]
            found: list[tuple[int, IO[bytes]]] = [(self._first, self.path.open("rb"))] if self.path.exists() else []
            return found + [(part.first, part.path.open("rb")) for part in reversed(here)]


class _Lines:
    """What structlog hands the rendered line to."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.msg = write


def _canonical_line(event: Event, **_options: Any) -> str:
    return chain.line(event)
