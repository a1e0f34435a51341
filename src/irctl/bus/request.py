"""What can be asked on a line, whatever is spoken there: one question, its checked answer, and whether it changes anything."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)

Speech = Literal["modbus", "text"]
"""What a line speaks: Modbus (RTU or TCP), or lines of text."""


class Request(Protocol[T_co]):
    """One question to one unit, as a value; `T_co` is what the answer means. See `modbus` and `text` for those there are."""

    is_write: ClassVar[bool]
    """Whether it changes something: then the line never repeats it by itself."""

    @property
    def unit(self) -> int: ...

    @property
    def is_broadcast(self) -> bool: ...

    def pdu(self) -> bytes:
        """What is asked, without what a line adds to it (addressing, checksum)."""
        ...

    def parse(self, pdu: bytes, line: str = "") -> T_co:
        """The answer's meaning. Raises ExceptionReply when refused, WrongReply when it does not fit this question."""
        ...


AnyRequest = Request[Any]
