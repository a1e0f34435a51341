"""Segments, fields and components as text: escaping, and putting rows of a table into their places. HL7 v2.5.1 chapter 2."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

FIELD, COMPONENT, REPEAT, ESCAPE, SUB = "|^~\\&"
SEGMENT_END = "\r"
PLACE = re.compile(r"^([A-Z][A-Z0-9]{2})-(\d+)(?:\.(\d+))?$")
_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\"}
_UNESCAPES = {"E": "\\", "F": "|", "S": "^", "R": "~", "T": "&"}

Row = tuple[str, str] | tuple[str, str, Callable[[Any], Any]]
"""A place such as PID-5.1, where its value is found (or, after "=", the value itself), and what makes a text of it."""


def escaped(text: str) -> str:
    """Line breaks become spaces: a carriage return would end the segment."""
    plain = "".join(_ESCAPES.get(sign, sign) for sign in text)
    return "".join(sign if sign.isprintable() else " " for sign in plain)


def unescaped(text: str) -> str:
    """Codes that are not known stay as they are."""

    def one(found: re.Match[str]) -> str:
        code = found[1]
        if code in _UNESCAPES:
            return _UNESCAPES[code]
        if code.startswith("X") and re.fullmatch(r"(?:[0-9A-F]{2})+", code[1:]):
            return bytes.fromhex(code[1:]).decode("utf-8", "replace")
        return {".br": "\n"}.get(code, found[0])

    return re.sub(r"\\([^\\]{1,40})\\", one, text)


def stamp(at: datetime) -> str:
    """A moment with its offset."""
    return f"{at:%Y%m%d%H%M%S%z}"


def day(on: date) -> str:
    return f"{on:%Y%m%d}"


def number(value: float) -> str:
    """As the record has it, unrounded: no bound is moved inwards."""
    return f"{value:g}" if value == int(value) else repr(value)


def segment(rows: Sequence[Row], told: Any) -> str:
    """One segment. Raises KeyError or AttributeError for a source that is not there: a table that is wrong."""
    name = _placed(rows[0][0])[0]
    fields: dict[int, dict[int, str]] = {}
    for row in rows:
        segment_name, field, component = _placed(row[0])
        assert segment_name == name, f"{row[0]} in a table of {name}"
        value = row[1][1:] if row[1].startswith("=") else found(told, row[1])
        if value is None or value == "":
            continue
        text = (row[2] if len(row) == 3 else str)(value)
        fields.setdefault(field, {})[component or 1] = text if isinstance(text, Raw) else escaped(text)
    return _written(name, fields)


class Raw(str):
    """Text that is HL7 already."""

    __slots__ = ()


def found(told: Any, path: str) -> Any:
    """By names with dots between them; None where something on the way is."""
    value: Any = told
    for name in path.split("."):
        if value is None:
            return None
        value = cast("Mapping[str, Any]", value)[name] if isinstance(value, Mapping) else getattr(value, name)
    return value


def repeated(values: Iterable[str]) -> Raw:
    """Repetitions of one field."""
    return Raw(REPEAT.join(escaped(value) for value in values))


def message(segments: Iterable[str]) -> str:
    """Every segment ends with a carriage return, the last one, too."""
    return "".join(one + SEGMENT_END for one in segments)


def _placed(place: str) -> tuple[str, int, int]:
    parts = PLACE.match(place)
    assert parts is not None, f"{place} is no place"
    return parts[1], int(parts[2]), int(parts[3] or 0)


def _written(name: str, fields: Mapping[int, Mapping[int, str]]) -> str:
    texts: list[str] = []
    for number in range(1, max(fields, default=0) + 1):
        components = fields.get(number, {})
        texts.append(COMPONENT.join(components.get(place, "") for place in range(1, max(components, default=0) + 1)))
    if name == "MSH":
        # MSH-1 is the separator itself, and MSH-2 says the others.
        texts[:2] = [f"{COMPONENT}{REPEAT}{ESCAPE}{SUB}"]
    return FIELD.join([name, *texts])
