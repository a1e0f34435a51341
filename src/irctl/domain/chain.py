"""The record's hash chain: each event carries the SHA-256 of the one before and of itself, so an edit or a gap shows.

h_n = SHA-256(h_{n−1} ‖ canonical record). The chain alone does not show a cut tail or a complete rewrite: for that, signed checkpoints are among the
events, and the last signed head is kept outside the file as well (the record of FDA 21 CFR 11.10(e)).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

GENESIS = "0" * 64


def canonical(record: Mapping[str, Any]) -> bytes:
    """The one way a record is written down for hashing: keys sorted, no spaces, UTF-8, without its own hash."""
    body = {key: value for key, value in record.items() if key != "hash"}
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def link(record: Mapping[str, Any]) -> str:
    """The hash of a record that already carries `prev`."""
    return sha256(str(record["prev"]).encode() + canonical(record)).hexdigest()


def line(event: Mapping[str, Any]) -> str:
    """An event as its line of the journal: exactly what was hashed, plus the hash."""
    return canonical(event).decode()[:-1] + f',"hash":"{event["hash"]}"}}\n'


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


@dataclass(frozen=True, slots=True)
class Verified:
    """What a walk along the chain found."""

    events: int
    head: str
    broken: Break | None = None
    signed: int = 0
    """Up to this event a signature vouches for the chain; what follows, only the chain itself."""


Signed = Callable[[int, str, str, str], str | None]
"""Why a signature (seq, head, key, signature) does not vouch; None when it does."""
CHECKPOINT = "journal.checkpoint"


def verify(lines: Iterable[str], signed: Signed | None = None, anchored: tuple[int, str] | None = None) -> Verified:
    """Walk a journal's lines and say how far the chain holds. Never raises on a damaged line: it is the finding.

    `signed` judges the checkpoints' signatures; without it they are not judged. `anchored`: an event's number and hash as kept outside the file.
    """
    prev, seq, number, vouched = GENESIS, 0, 0, 0
    for number, text in enumerate(lines, start=1):
        finding = _check(text, prev, seq + 1)
        if isinstance(finding, str):
            return Verified(seq, prev, Break(number, finding), vouched)
        if signed is not None and finding.get("event") == CHECKPOINT:
            if (why := _unsigned(finding, signed)) is not None:
                return Verified(seq, prev, Break(number, f"the checkpoint is not valid: {why}"), vouched)
            vouched = seq
        prev, seq = cast("str", finding["hash"]), seq + 1
        if anchored is not None and seq == anchored[0] and prev != anchored[1]:
            text = "is not the event that the anchor knows by this number: the history was written anew"
            return Verified(seq, prev, Break(number, text), vouched)
    if anchored is not None and seq < anchored[0]:
        missing = anchored[0] - seq
        text = f"the anchor knows {missing} more events: the end was cut off, or an older copy put in its place"
        return Verified(seq, prev, Break(number + 1, text), vouched)
    return Verified(seq, prev, None, vouched)


def _unsigned(event: Mapping[str, Any], signed: Signed) -> str | None:
    seq, key, signature = (event.get(name) for name in ("signs", "key", "signature"))
    if (
        not isinstance(seq, int)
        or not isinstance(key, str)
        or not isinstance(signature, str)
        or seq != event["seq"] - 1
    ):
        return "it does not sign the event before it"
    return signed(seq, event["prev"], key, signature)


def _check(text: str, prev: str, seq: int) -> Mapping[str, Any] | str:
    if not text.endswith("\n"):
        return "the line is not finished (cut off while it was written?)"
    try:
        record: Any = json.loads(text)
    except (ValueError, RecursionError):
        return "not a JSON line"
    if not isinstance(record, dict):
        return "not an event"
    event = cast("dict[str, Any]", record)
    if event.get("seq") != seq:
        return f"event number {event.get('seq')!r} where {seq} belongs: events are missing, repeated or out of order"
    if event.get("prev") != prev:
        return "does not follow from the event before: something was removed, inserted or changed"
    try:
        if event.get("hash") != link(event):
            return "its content does not match its hash: the line was changed"
    except ValueError:
        return "holds a number or a character that is none"
    if text != line(event):
        # The same content written otherwise, such as one key given twice: another reader could take it for another event.
        return "is not written as events are written: the line was changed"
    return event
