"""What a start finds: the journal's current file, its end mended where a crash cut it off, and what of it counts.

What a crash or a power cut leaves can be told from what somebody changed. The first is set aside and told; the second forbids light.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from irctl.controller.journal import segments
from irctl.controller.journal.anchor import Anchor, read_anchor
from irctl.controller.journal.memory import Memory
from irctl.controller.journal.seal import KEY, PUBLIC_KEY, KeyMissing, Seal, verifier
from irctl.domain import chain

UNSYNCED_BYTES_MAX = 64 * 2**10
"""What a power cut may leave unreadable at the end: the samples of four lamps since the last sync are a quarter of it."""
GO_BACK = "or go back to the back-up of the whole state folder that was made before the upgrade"
LOOK_FIRST = "Nobody is treated until somebody has looked into it; then: irctl journal set-aside"


class JournalDamaged(Exception):
    """The journal does not hold, so nothing may be added to it."""


@dataclass(frozen=True, slots=True)
class Found:
    """The current file, as far as it holds."""

    damage: str | None
    """Why nothing may be added to it."""
    seal: Seal
    verified: chain.Verified
    memory: Memory
    first: int
    """The number of its first event."""
    torn_bytes: int
    """Set aside at its end."""
    anchor_lacking: str | None
    """Why there was no anchor to compare with, where there should be one."""


def newer(path: Path) -> str | None:
    """Why the current file is not for this irctl to touch; None where it is. Only reads, and takes no event for what it seems to be. Raises OSError."""
    tells = [f'"event":"{name}"'.encode() for name in chain.TELLS_FORMAT]
    for line in segments.lines_of(path) if path.exists() else ():
        if any(name in line for name in tells):
            with suppress(ValueError, TypeError, AttributeError):
                if (why := chain.newer(json.loads(line))) is not None:
                    return f"{path.name} {why}. Install that version or a newer one; {GO_BACK}"
    return None


def reopen(path: Path, anchor_path: Path, now_s: float) -> Found:
    """The current file, which is there, empty at the first start. Earlier files are not read. Raises OSError, JournalDamaged where it cannot be judged."""
    torn_bytes = _set_torn_line_aside(path)
    seal = _seal(path.parent)
    try:
        anchor, lacking = _anchor(path, anchor_path)
        reading = _Reading(path, anchor, now_s)
        if reading.verified.broken and (unsynced_bytes := _set_unsynced_aside(path, reading, anchor)):
            torn_bytes += unsynced_bytes
            reading = _Reading(path, anchor, now_s)
    except ValueError as error:
        raise JournalDamaged(f"{error}. {LOOK_FIRST}") from None
    if reading.verified.signed and anchor is None:
        lacking = lacking or f"{anchor_path.name}: is gone"
    damage = _damage(path, reading)
    return Found(damage, seal, reading.verified, reading.memory, reading.first, torn_bytes, lacking)


def _damage(path: Path, reading: _Reading) -> str | None:
    """A chain that does not hold; or an old file in the place of the current one, which the anchor would find if it were not gone as well."""
    verified = reading.verified
    if verified.broken:
        return f"{path.name} line {verified.broken.line}: {verified.broken.text}. {LOOK_FIRST}"
    empty = not verified.events
    newer = [part.first for part in segments.closed(path) if empty or part.first >= reading.first]
    if newer:
        what = "is empty" if empty else f"is older than the closed file that begins with event {newer[-1]}"
        return f"{path.name} {what}. {LOOK_FIRST}"
    return None


class _Reading:
    """One way through the file: what holds of it goes to memory."""

    def __init__(self, path: Path, anchor: Anchor | None, now_s: float) -> None:
        self.memory, self.first = Memory(), 1
        self.size = 0
        """The bytes that hold."""
        signed = verifier(path.with_name(PUBLIC_KEY))
        walk = chain.Walk(signed, None if anchor is None else (anchor.seq, anchor.head), alone=True)
        for number, event in enumerate(walk.follow(self._lines(path))):
            self.first = self.first if number else event["seq"]
            self.memory.add(event, now_s, read=True)
        self.verified = walk.verified()

    def _lines(self, path: Path) -> Iterator[bytes]:
        for line in segments.lines_of(path):
            yield line
            self.size += len(line)  # whoever asks for the next line has taken this one


def _seal(folder: Path) -> Seal:
    try:
        return Seal.of(folder)
    except KeyMissing:
        what = f"{KEY} is gone, and this journal was signed with it. Put it back. Where it is lost"
        raise JournalDamaged(f"{what}: {LOOK_FIRST}") from None
    except ValueError as error:
        raise JournalDamaged(f"{KEY} is no key ({error}). Put the right one back") from None


def _anchor(path: Path, anchor_path: Path) -> tuple[Anchor | None, str | None]:
    """What was kept elsewhere, or why that cannot be read. One that nobody signed is a forgery: raises ValueError."""
    try:
        anchor = read_anchor(anchor_path)
    except OSError as error:
        return None, f"{anchor_path.name}: {error.strerror or error}"
    if anchor is not None and (why := anchor.problem(verifier(path.with_name(PUBLIC_KEY)))) is not None:
        raise ValueError(f"{anchor_path.name} is not valid: {why}")
    return anchor, None


# --- what a crash left at the end ----------------------------------------------------------------------------------------


def _set_torn_line_aside(path: Path) -> int:
    with path.open("rb") as file:
        whole = segments.last_line_end(file)
        file.seek(whole)
        torn = file.read()
    return _set_aside(path, whole, torn) if torn else 0


def _set_unsynced_aside(path: Path, reading: _Reading, anchor: Anchor | None) -> int:
    """What a power cut left behind the part that holds; how many bytes it was, 0 where it was something else.

    Only samples go without a sync, so what is lost that way is short, unreadable where it begins, not known to the anchor, and holds nothing but samples.
    """
    with path.open("rb") as file:
        file.seek(reading.size)
        rest = file.read(UNSYNCED_BYTES_MAX + 1)
    known = anchor is not None and anchor.seq > reading.verified.last
    if known or not 0 < len(rest) <= UNSYNCED_BYTES_MAX or not _left_by_a_power_cut(rest):
        return 0
    return _set_aside(path, reading.size, rest)


def _left_by_a_power_cut(rest: bytes) -> bool:
    """Blocks that never reached the disk read as zeros or as nothing; whole lines beside them are samples. Anything else was not lost but changed."""
    lines = rest.split(b"\n")
    return b"\0" in rest and all(b"\0" in line or not line or b'"event":"session.sample"' in line for line in lines)


def _set_aside(path: Path, size: int, rest: bytes) -> int:
    """Kept beside the journal before it is cut off there."""
    with path.with_suffix(".torn").open("ab") as aside:
        aside.write(rest)
        aside.flush()
        os.fsync(aside.fileno())
    os.truncate(path, size)
    return len(rest)
