"""Lines of text as values: what is sent, what the answer must look like, and nothing about time or ports.

A text protocol has no checksum and says neither who answers nor what was asked. So a request says all that can be known beforehand
of its answer, and whatever differs is refused: how it ends or how long it is, and a pattern that *all* of it matches. What a pattern
lets pass is believed, so it is as narrow as the manual allows. Damage that leaves a plausible answer cannot be seen here: a driver
believes nothing that matters from one answer alone.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar, Generic, TypeVar

from irctl.bus.errors import ExceptionReply, WrongReply

T = TypeVar("T")

ONLY_UNIT = 1
"""A line of text has one device, which has no address."""
NOISE_MAX = 2
"""Unprintable bytes skipped before an answer: a driver switching direction often leaves a 00 or FF."""
COMMAND_MAX = 64
"""Bytes; a line computes its worst time to dark with a command of this length under way."""
SHOWN_MAX = 48
FORBIDDEN = re.compile(r"\*?(RCL|SAV) ?[0-9]*$|STORE\b|.*\bTOGG", re.IGNORECASE)
"""Recalling a preset lights what nobody ordered, storing outlives a power cut, toggling is not idempotent. They do not exist here."""

NUMBER = r"([+-]?[0-9]+(?:\.[0-9]*)?(?:[Ee][+-]?[0-9]+)?)"
"""One number, as the first group."""


def number(match: re.Match[str]) -> float:
    """What `NUMBER` found. Raises ValueError for one too large for a float."""
    value = float(match[1])
    if not isfinite(value):
        raise ValueError("not a finite number")
    return value


@dataclass(frozen=True, slots=True)
class Ended:
    """An answer that `by` closes; an LF may have a CR before it. `longest`: bytes, `by` included."""

    by: bytes = b"\n"
    longest: int = 80


@dataclass(frozen=True, slots=True)
class Unended:
    """An answer that nothing closes: so many bytes, then quiet."""

    shortest: int
    longest: int


Shape = Ended | Unended


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one family of devices writes. `refused` is the pattern of an answer that means "understood, but no"."""

    end: bytes
    """Closes what we send."""
    answer: Shape = Ended()
    acknowledged: str | None = None
    """The pattern of the answer to a command; None: commands are not answered, so what they did must be read back."""
    refused: str = ""
    gap_s: float = 0.0
    """Quiet the device needs after each of our commands, seconds from its last byte."""
    may_echo: bool = False
    """The device itself may return a command before answering it. Only where an answer cannot look like a command."""

    def ask(
        self, text: str, pattern: str, meaning: Callable[[re.Match[str]], T], answer: Shape | None = None
    ) -> TextQuery[T]:
        """A question; `answer` where this one's is shaped otherwise."""
        return TextQuery(text, self, answer or self.answer, pattern, meaning)

    def tell(self, text: str) -> TextCommand:
        """A command."""
        if self.acknowledged is None:
            return TextCommand(text, self, None, "")
        return TextCommand(text, self, self.answer, self.acknowledged)


@dataclass(frozen=True, slots=True)
class TextRequest(ABC, Generic[T]):
    """One line to a device; `T` is what the answer means. `answer` None: nothing is answered."""

    text: str
    dialect: Dialect
    answer: Shape | None
    pattern: str

    is_write: ClassVar[bool]

    @abstractmethod
    def _value(self, match: re.Match[str]) -> T:
        """What an answer that fits means. Raises ValueError saying what does not."""

    def __post_init__(self) -> None:
        if not self.text or not self.text.isascii() or not self.text.isprintable() or len(self.pdu()) > COMMAND_MAX:
            raise ValueError(
                f"command {self.text!r}: must be 1 to {COMMAND_MAX} printable ASCII characters, its end included"
            )
        if FORBIDDEN.match(self.text):
            raise ValueError(f"command {self.text!r} recalls, stores or toggles: refused, set the values themselves")

    @property
    def unit(self) -> int:
        return ONLY_UNIT

    @property
    def is_broadcast(self) -> bool:
        return False

    def pdu(self) -> bytes:
        """The line as it is sent, its end included."""
        return self.text.encode() + self.dialect.end

    def parse(self, pdu: bytes, line: str = "") -> T:
        """The meaning of an answer without its end. Raises ExceptionReply when refused, WrongReply when it does not fit."""
        text = pdu.decode("latin-1")
        if self.dialect.refused and re.fullmatch(self.dialect.refused, text, re.ASCII | re.DOTALL):
            raise ExceptionReply(line, self.unit, None, shown(pdu), str(self))
        try:
            match = re.fullmatch(self.pattern, text, re.ASCII | re.DOTALL)
            if match is None:
                raise ValueError("nothing that answers it")
            return self._value(match)
        except ValueError as why:
            text = f"answered {self} with {shown(pdu)}: {why}"
            remedy = "Check that the configured driver fits the device's model, and the line's baud rate and format."
            raise WrongReply(line, self.unit, text, remedy) from None

    def __str__(self) -> str:
        return repr(self.text)


@dataclass(frozen=True, slots=True)
class TextQuery(TextRequest[T]):
    """A question that changes nothing."""

    meaning: Callable[[re.Match[str]], T]
    is_write: ClassVar[bool] = False

    def _value(self, match: re.Match[str]) -> T:
        return self.meaning(match)


@dataclass(frozen=True, slots=True)
class TextCommand(TextRequest[None]):
    """A command. Acknowledged or not, only a read-back shows what it did."""

    is_write: ClassVar[bool] = True

    def _value(self, match: re.Match[str]) -> None:
        return None


AnyText = TextRequest[Any]


def shown(data: bytes) -> str:
    """Bytes as a person reads them: text, with what is unprintable in hexadecimal."""
    text = "".join(chr(byte) if 32 <= byte < 127 else f"<{byte:02x}>" for byte in data[:SHOWN_MAX])
    return f"'{text}'" + (" ..." if len(data) > SHOWN_MAX else "")


def unprintable(data: bytes | bytearray) -> bool:
    """Whether there is nothing in it but line ends and noise."""
    return not any(32 <= byte < 127 for byte in data)


class TextDecoder:
    """Collects the answer to one request from chunks of any size. Feed it every byte since the request.

    An echo is told from an answer: where bytes are the beginning of our own command, no answer is taken until they could have
    become all of it. `own_echo`: the adapter returns what it sends; it is expected, and removed.
    """

    def __init__(self, request: AnyText, line: str = "", own_echo: bool = False) -> None:
        self._request = request
        self._line = line
        self._own_echo = own_echo
        self._command = request.text.encode()
        self._buffer = bytearray()
        self.echoed = False
        """Our own command came back, and must not."""
        self.held = False
        """What has come may still become an echo."""

    @property
    def received(self) -> bytes:
        return bytes(self._buffer)

    def feed(self, data: bytes) -> bytes | None:
        """Add bytes; the answer, without its end, once it is complete. Raises WrongReply as soon as it cannot be ours."""
        self._buffer += data
        return self._answer(quiet=False)

    def at_quiet(self) -> bytes:
        """The answer, now that nothing more has come. Raises WrongReply when there is none in what came."""
        answer = self._answer(quiet=True)
        if answer is None or self.echoed:
            raise self._wrong("it does not end, or is cut off")
        return answer

    def _answer(self, *, quiet: bool) -> bytes | None:
        body = self._without_echo(quiet)
        shape = self._request.answer
        if body is None or shape is None:
            return None
        if isinstance(shape, Unended):
            if len(body) > shape.longest:
                raise self._wrong(f"{len(body)} bytes instead of {shape.longest}")
            return body if quiet and len(body) >= shape.shortest else None
        body = body[_noise(body) :]
        answer, end, rest = body.partition(shape.by)
        if len(answer) + len(end) > shape.longest:
            raise self._wrong(f"it does not end within {shape.longest} bytes")
        if not end:
            return None
        if not unprintable(rest):
            raise self._wrong("more than one answer")
        return answer.removesuffix(b"\r") if shape.by == b"\n" else answer

    def _without_echo(self, quiet: bool) -> bytes | None:
        """What is left for an answer; None while it cannot be told."""
        body, command = bytes(self._buffer), self._command
        heard = body[_noise(body) :]
        self.held = not quiet and 0 < len(heard) < len(command) and command.startswith(heard)
        if self.held:
            return None
        if heard.startswith(command):
            if not (self._own_echo or self._request.dialect.may_echo):
                self.echoed = True
                return None
            return heard.removeprefix(command).removeprefix(self._request.dialect.end)
        if self._own_echo and heard:
            raise WrongReply(
                self._line,
                self._request.unit,
                f"sent {self._request}, heard {shown(heard)}",
                "The line is set to `local_echo = true`: check the adapter, or for a short circuit or a collision.",
            )
        return body

    def _wrong(self, why: str) -> WrongReply:
        text = f"asked {self._request}: {why}: {shown(self.received)}"
        return WrongReply(
            self._line, self._request.unit, text, "Check baud rate and format, and that nobody else talks on this line."
        )


def _noise(data: bytes) -> int:
    """How many bytes of noise there are in front."""
    count = 0
    while count < min(NOISE_MAX, len(data)) and not 32 <= data[count] < 127:
        count += 1
    return count
