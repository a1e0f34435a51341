"""Cleaning by an allow-list: a shape names the fields that may leave, and what a value in each must look like. Everything else is replaced or counted.

A field that is known is not enough: a text stands where a person may have typed it. So texts are let through only when they are words of a closed set, have
a form that no name has (a moment, a version, a session's number), or are what `recognised` finds of them.
"""

from __future__ import annotations

import builtins
import errno
import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

LEFT_OUT = "(left out)"
DEEPEST = 3
"""Lists within lists of figures, such as the points of a curve."""

Kind = Callable[[Any], Any]
"""A value as it may leave; LEFT_OUT for what is not of this kind."""
Shape = Kind | Mapping[str, Any]
"""A kind, or the shapes of an object's fields."""

MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?")
"""With its time of day: a date alone may be a birthday."""
NUMBER = re.compile(r"(?:[SC]-\d{8}-\d{4}|A-(?:unwritten-)?\d{1,9})")
VERSION = re.compile(r"[vV]?\d{1,3}(?:\.\d{1,3}){1,3}(?:\.?(?:a|b|rc|dev|post)\d{1,3})?")
"""Of what a program or a device says of itself. Without a year: 21.08.1937 is none."""
ENDED = re.compile(
    r"killed by signal \d+|exit code -?\d+|hung: silent for [\d.]+ s|starting it again (?:now|in [\d.]+ s)|serves again, after [\d.]+ s"
    r"|got SIG(?:TERM|INT|HUP)|unit \d{1,3}\b|within [\d.]+ s\b|exception [0-9A-F]{2}\b|status \d{3}\b|revision [0-9a-f]{4}\b"
)
"""How a process ended, and where on a line: irctl's own words with figures in them."""
OURS = (
    "NoReply", "WrongReply", "ExceptionReply", "LineDown", "LineEchoes", "LineSaturated", "Preempted", "PortLost", "DeviceFault", "Refused",
    "InvariantViolation", "JournalDamaged", "KeyMissing", "ConfigurationError", "UnknownDriver", "BadMap", "Unreachable", "Unanswered",
    "SerialException", "ModbusException", "OperationalError", "ProgrammingError", "IntegrityError", "DatabaseError", "DataError",
    "ConnectError", "ReadTimeout", "ConnectTimeout", "ValidationError", "CancelledError",
)  # fmt: skip
PHRASES = (
    "no answer to", "line is down", "line went down", "is not connected", "is not open", "cannot open", "cannot write to", "cannot connect to", "its disk does not answer",
    "could not be started", "did not end within", "the controller has ended", "the clinic has ended", "the door has ended", "the controller serves again", "the clinic serves again",
    "goes on without the clinic", "goes on without the door", "reads back as on", "is in use by another controller", "is not there", "has tables of", "database is locked", "Traceback (most recent call last)",
)  # fmt: skip
_EXCEPTIONS = (
    *OURS,
    *(name for name, one in vars(builtins).items() if isinstance(one, type) and issubclass(one, BaseException)),
)
_SAYINGS = sorted({*PHRASES, *(os.strerror(number) for number in errno.errorcode)}, key=len, reverse=True)
_KNOWN = re.compile("|".join([ENDED.pattern, rf"\b(?:{'|'.join(_EXCEPTIONS)})\b", *map(re.escape, _SAYINGS)]))


def figure(value: Any, depth: int = 0) -> Any:
    """A number, a yes or no, nothing; or lists of these."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, list) and depth < DEEPEST:
        return [figure(one, depth + 1) for one in cast("list[Any]", value)]
    return LEFT_OUT


def moment(value: Any) -> Any:
    return _matching(MOMENT, value)


def number(value: Any) -> Any:
    """Of a session, a calibration or an alarm."""
    return _matching(NUMBER, value)


def version(value: Any) -> Any:
    return _matching(VERSION, value)


def words(known: Collection[str]) -> Kind:
    """One of these, and no other."""
    return lambda value: value if value is None or (isinstance(value, str) and value in known) else LEFT_OUT


def given(value: Any) -> Any:
    """Whether there is something."""
    return "(given)" if value not in (None, "", [], {}) else None


def count(value: Any) -> Any:
    """How many."""
    return len(cast("Collection[Any]", value)) if isinstance(value, (list, tuple, dict)) else LEFT_OUT


def recognised(value: Any) -> Any:
    """Of a text, the parts that are this program's own or the system's: kinds of errors, how a process ended. The rest is not taken along."""
    if value is None:
        return None
    found = [match[0] for match in _KNOWN.finditer(value)] if isinstance(value, str) else []
    return " … ".join(dict.fromkeys(found)) or LEFT_OUT


def either(plain: Kind, fields: Mapping[str, Any]) -> Kind:
    """Something that is told in one word here and as an object there."""
    return lambda value: cleaned(fields, value) if isinstance(value, dict) else plain(value)


def listed(inside: Shape) -> Kind:
    """A list of such."""
    return lambda value: (
        [cleaned(inside, one) for one in cast("list[Any]", value)] if isinstance(value, list) else LEFT_OUT
    )


@dataclass(frozen=True, slots=True)
class Named:
    """An object whose keys are names that people chose: `name` says what stands for each."""

    name: Kind
    inside: Shape

    def __call__(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return LEFT_OUT
        return {str(self.name(key)): cleaned(self.inside, one) for key, one in cast("dict[str, Any]", value).items()}


def cleaned(shape: Shape, value: Any) -> Any:
    """A value as it may leave. Fields that the shape does not name are counted, their names too stay here."""
    if callable(shape):
        return shape(value)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return LEFT_OUT
    fields = cast("Mapping[str, Any]", value)
    told = {name: cleaned(inside, fields[name]) for name, inside in shape.items() if name in fields}
    unnamed = len(fields.keys() - shape.keys())
    return told | ({"left_out": unnamed} if unnamed else {})


def _matching(pattern: re.Pattern[str], value: Any) -> Any:
    return value if value is None or (isinstance(value, str) and pattern.fullmatch(value)) else LEFT_OUT
