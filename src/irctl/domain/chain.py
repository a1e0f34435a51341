"""The record's hash chain: each event carries the SHA-256 of the one before and of itself, so an edit or a gap shows.

h_n = SHA-256(h_{n−1} ‖ canonical record). The chain alone does not show a cut tail or a complete rewrite: for that, signed checkpoints are among the
events, and the last signed head is kept outside the file as well (the record of FDA 21 CFR 11.10(e)). A journal may be several files, one after the
other; the chain runs on across them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NoReturn, cast

Event = Mapping[str, Any]

GENESIS = "0" * 64
CHECKPOINT = "journal.checkpoint"
CONTINUED = "journal.continued"
"""The first event of a file that goes on where a closed one ended; it names that file, its last number and hash."""
SET_ASIDE = "journal.set_aside"
"""The first event of a journal that was begun anew because the one before it did not hold: a new chain, the numbers go on."""
STARTED = "controller.started"
FORMAT = 1
"""Of what events mean, told in the events of `TELLS_FORMAT`; 1 where nothing is told. Raised when an irctl before would misread what this one writes; then
`irctl.records.projection.VERSION` rises too, for an older clinic may begin to read behind the event that tells it."""
TELLS_FORMAT = frozenset({STARTED, CONTINUED, SET_ASIDE})


def newer(event: Event) -> str | None:
    """Why a journal with this event is not for this irctl, in words that go on after its name; None where it is."""
    told = event.get("format", 1)
    if event.get("event") not in TELLS_FORMAT or (isinstance(told, int) and told <= FORMAT):
        return None
    wrote = event.get("version", "a newer version")
    return f"was written by irctl {wrote}: its journals have format {told}, and this one knows {FORMAT}"


def canonical(record: Mapping[str, Any]) -> bytes:
    """The one way a record is written down for hashing: keys sorted, no spaces, UTF-8, without its own hash."""
    body = {key: value for key, value in record.items() if key != "hash"}
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def link(record: Mapping[str, Any]) -> str:
    """The hash of a record that already carries `prev`."""
    return _hash(str(record["prev"]), canonical(record))


def linked(event: Mapping[str, Any], prev: str) -> dict[str, Any]:
    """The event as the next of the chain, and as it will be read back, whatever enums and live mappings it was given. Raises ValueError, TypeError."""
    told = cast("dict[str, Any]", json.loads(canonical({**event, "prev": prev})))
    told["hash"] = link(told)
    return told


def _hash(prev: str, body: bytes) -> str:
    return sha256(prev.encode() + body).hexdigest()


def line(event: Mapping[str, Any]) -> str:
    """An event as its line of the journal: exactly what was hashed, plus the hash."""
    return canonical(event).decode()[:-1] + _tail(event["hash"])


def _tail(own: str) -> str:
    return f',"hash":"{own}"}}\n'


def lines(data: bytes) -> list[str]:
    """A journal file's lines, each with its end.

    Split as bytes: a text may hold characters that `str.splitlines` takes for line ends (U+0085, U+2028). Damaged UTF-8 is kept for `verify` to find.
    """
    return [raw.decode("utf-8", "surrogateescape") for raw in data.splitlines(keepends=True)]


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold, and why."""

    line: int
    text: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a walk along the chain found."""

    events: int
    head: str
    broken: Break | None = None
    signed: int = 0
    """Up to this event a signature vouches for the chain; what follows, only the chain itself."""
    last: int = 0
    """The number of the last event that holds."""
    unchecked: tuple[str, ...] = ()
    """What could not be judged with what was given."""

    def as_dict(self) -> dict[str, Any]:
        """For the API and `--json`."""
        broken = self.broken
        return {
            "ok": broken is None,
            "events": self.events,
            "head": self.head,
            "signed": self.signed,
            "file": broken.file if broken else None,
            "line": broken.line if broken else None,
            "problem": broken.text if broken else None,
            "unchecked": list(self.unchecked),
        }


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A stretch of the chain that was moved away: its first and last number, the hash before it and its last."""

    first: int
    last: int
    prev: str
    head: str


Signed = Callable[[int, str, str, str], str | None]
"""Why a signature (seq, head, key, signature) does not vouch; None when it does."""


def verify(
    lines: Iterable[str | bytes], signed: Signed | None = None, anchored: tuple[int, str] | None = None
) -> Verified:
    """Walk one file's lines and say how far the chain holds. Never raises on a damaged line: it is the finding.

    `signed` judges the checkpoints' signatures; without it they are not judged. `anchored`: an event's number and hash as kept outside the file.
    """
    walk = Walk(signed, anchored, alone=True)
    for _ in walk.follow(lines):
        pass
    return walk.verified()


class Walk:
    """Along one file after another, line by line: a year of journal needs no more memory than its longest line."""

    def __init__(
        self, signed: Signed | None = None, anchored: tuple[int, str] | None = None, *, alone: bool = False
    ) -> None:
        """`alone`: along one file, whatever came before it; otherwise along the whole journal, and what came before must have been there."""
        self.last, self.head = 0, GENESIS
        """The last event that holds: its number and hash."""
        self.vouched = 0
        self.broken: Break | None = None
        self._signed, self._anchored, self._alone = signed, anchored, alone
        self._events = 0
        self._opening = False
        """The event before this one opened a file: the next one must sign it."""
        self._at = ("", 0)
        self._unchecked: list[str] = []

    def follow(self, lines: Iterable[str | bytes], file: str = "") -> Iterator[Event]:
        """The events of the next file as far as the chain holds. Where it does not, `broken` says why."""
        self._at = (file, 0)
        for number, text in enumerate(lines, start=1):
            if self.broken:
                return
            self._at = (file, number)
            found = _parsed(text)
            why = found if isinstance(found, str) else self._fits(*found, opens=number == 1)
            if isinstance(found, str) or why is not None:
                self.broken = Break(number, str(why), file)
                return
            yield found[0]

    def pass_over(self, stretch: Elsewhere, file: str = "") -> None:
        """A stretch that is not here: the chain must lead to it, and go on from its end."""
        anew = stretch.prev == GENESIS and stretch.first > self.last
        if not anew and (stretch.first, stretch.prev) != (self.last + 1, self.head):
            self.broken = self.broken or Break(0, _missing(self.last + 1, stretch.first), file)
            return
        self._unchecked.append(f"events {stretch.first} to {stretch.last}: archived elsewhere ({file})")
        self.last, self.head = stretch.last, stretch.head

    def unable(self, what: str) -> None:
        """Something that could not be judged, for the person who reads the result."""
        self._unchecked.append(what)

    def verified(self) -> Verified:
        """The result; the anchor is asked whether anything is missing at the end."""
        anchored, (file, number) = self._anchored, self._at
        broken = self.broken
        if broken is None and anchored is not None and self.last < anchored[0]:
            missing = anchored[0] - self.last
            text = f"the anchor knows {missing} more events: the end was cut off, or an older copy put in its place"
            broken = Break(number + 1, text, file)
        if broken is None and self._opening and self._signed is not None:
            broken = Break(number + 1, "the file ends before its opening is signed: its end was cut off", file)
        unchecked = list(self._unchecked)
        if self._signed is None:
            unchecked.append("the signatures: there is no public key")
        elif broken is None and self.last > self.vouched + 1:
            unchecked.append(f"events {self.vouched + 1} to {self.last}: no signature vouches for them yet")
        if anchored is None:
            unchecked.append("whether the end is missing: there is no anchor")
        return Verified(self._events, self.head, broken, self.vouched, self.last, tuple(unchecked))

    def _fits(self, event: Event, raw: bytes, *, opens: bool) -> str | None:
        """Why this event is not the next one; None when it is, and it is taken."""
        if opens:
            self._opened_by(event)
        if event.get("seq") != self.last + 1:
            if opens and _number(event) > self.last + 1:
                return _missing(self.last + 1, _number(event))
            what = "events are missing, repeated or out of order"
            return f"event number {event.get('seq')!r} where {self.last + 1} belongs: {what}"
        if event.get("prev") != self.head:
            return "does not follow from the event before: something was removed, inserted or changed"
        own = event.get("hash")
        tail = _tail(str(own)).encode("utf-8", "replace")
        if not raw.endswith(tail):
            return "is not written as events are written: the line was changed"
        # What is hashed is what is written, byte for byte: the same content written otherwise does not pass.
        if own != _hash(self.head, raw[: -len(tail)] + b"}"):
            return "its content does not match its hash: the line was changed"
        if (why := self._signature_problem(event)) is not None:
            return why
        self._opening = opens and event.get("event") in (CONTINUED, SET_ASIDE)
        self.last, self.head = self.last + 1, str(own)
        self._events += 1
        if self._anchored is not None and self._anchored[0] == self.last and self._anchored[1] != self.head:
            return "is not the event that the anchor knows by this number: the history was written anew"
        return None

    def _signature_problem(self, event: Event) -> str | None:
        """A file that opens in the middle says itself what was before it: that must be signed at once, or anybody could begin one."""
        if self._signed is None:
            return None
        if event.get("event") == CHECKPOINT:
            if (why := checkpoint_problem(event, self._signed)) is not None:
                return f"the checkpoint is not valid: {why}"
            self.vouched = self.last
        elif self._opening:
            return (
                "a file that opens in the middle of the chain must be signed by its second event, and this one is not"
            )
        return None

    def _opened_by(self, event: Event) -> None:
        """A file may begin in the middle of the chain, or a new one: its first event says so, and names what it follows."""
        name, seq, prev, former = event.get("event"), _number(event), event.get("prev"), _former(event)
        follows = self._alone or former in (None, (self.last, self.head))
        if name == SET_ASIDE and prev == GENESIS and seq > self.last and follows:
            self.unable(f"what is before event {seq}: that journal did not hold and was set aside")
            self.last, self.head = seq - 1, GENESIS
        elif name == CONTINUED and self._alone and former == (seq - 1, prev):
            self.unable(f"what is before event {seq}: it is in another file")
            self.last, self.head = seq - 1, str(prev)


def _number(event: Event) -> int:
    seq = event.get("seq")
    return seq if isinstance(seq, int) else 0


def _former(event: Event) -> tuple[Any, Any] | None:
    """The number and hash with which the closed file before ended, by what this event says."""
    former: Any = event.get("former")
    if not isinstance(former, dict):
        return None
    told = cast("dict[str, Any]", former)
    return told.get("seq"), told.get("hash")


def _missing(first: int, after: int) -> str:
    return f"events {first} to {after - 1} are missing: no file holds them"


def checkpoint_problem(event: Event, signed: Signed) -> str | None:
    """Why a checkpoint does not vouch for the event before it; None when it does."""
    seq, key, signature = (event.get(name) for name in ("signs", "key", "signature"))
    if (
        not isinstance(seq, int)
        or not isinstance(key, str)
        or not isinstance(signature, str)
        or seq != event["seq"] - 1
    ):
        return "it does not sign the event before it"
    return signed(seq, event["prev"], key, signature)


def _not_a_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


_DECODER = json.JSONDecoder(parse_constant=_not_a_number)


def _parsed(text: str | bytes) -> tuple[Event, bytes] | str:
    """A line's event and the bytes it was read from, or what is wrong with it."""
    try:
        raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        if not raw.endswith(b"\n"):
            return "the line is not finished (cut off while it was written?)"
        record: Any = _DECODER.decode(raw.decode())
    except (ValueError, RecursionError):
        return "not a JSON line"
    if not isinstance(record, dict):
        return "not an event"
    return cast("dict[str, Any]", record), raw
