"""Messages from other systems as plain values: appointments (SIU) and patients (ADT). What is wrong is named by segment and field."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from enum import StrEnum

from irctl.interop.hl7.syntax import unescaped

STAMP = re.compile(r"^(\d{8})(\d{2})?(\d{2})?(\d{2})?(?:\.\d{1,4})?([+-]\d{4})?$")


class HlError(ValueError):
    """It cannot be taken. `place`: segment and field, such as SCH-11; `code`: of table 0357."""

    def __init__(self, place: str, why: str, code: str = "207") -> None:
        super().__init__(f"{place}: {why}")
        self.place, self.why, self.code = place, why, code


class Event(StrEnum):
    BOOKED = "S12"
    MOVED = "S13"
    CHANGED = "S14"
    CANCELLED = "S15"
    NO_SHOW = "S26"


@dataclass(frozen=True, slots=True)
class PatientNews:
    """A patient as another system writes them down. `number`: theirs, from PID-3."""

    number: str
    name: str
    born: date | None


@dataclass(frozen=True, slots=True)
class Appointment:
    """What became of one. `id`: the other system's."""

    event: Event
    id: str
    patient: PatientNews
    at: datetime | None
    minutes: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Header:
    """What an acknowledgement needs to know of a message, understood or not."""

    id: str
    type: str
    trigger: str
    sender: tuple[str, str]
    processing: str
    version: str


Segments = dict[str, list[list[str]]]


def header_of(text: str) -> Header:
    """Raises HlError where there is no MSH that can be read."""
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    if not first.startswith("MSH|^~\\&|"):
        raise HlError("MSH-2", "does not begin with MSH|^~\\&|", "100")
    fields = ["MSH", "|", *first.split("|")[1:]]
    fields += [""] * (13 - len(fields))
    kind = [*fields[9].split("^"), "", ""]
    if not fields[10]:
        raise HlError("MSH-10", "is empty", "101")
    return Header(fields[10], kind[0], kind[1], (fields[3], fields[4]), fields[11] or "P", fields[12] or "2.5.1")


def read_message(text: str, zone: tzinfo) -> Appointment | PatientNews:
    """`zone`: of times that say none. Raises HlError."""
    header = header_of(text)
    segments = _segments(text)
    match header.type:
        case "SIU":
            if header.trigger not in set(Event):
                raise HlError("MSH-9", f"SIU^{header.trigger} is not taken", "201")
            return _appointment(Event(header.trigger), segments, zone)
        case "ADT":
            if header.trigger not in ("A04", "A08", "A28", "A31"):
                raise HlError("MSH-9", f"ADT^{header.trigger} is not taken", "201")
            return _patient(segments)
        case _:
            raise HlError("MSH-9", f"{header.type or 'nothing'} is not taken", "200")


def _segments(text: str) -> Segments:
    found: Segments = {}
    for line in re.split(r"[\r\n]+", text):
        if line:
            fields = line.split("|")
            found.setdefault(fields[0], []).append(fields)
    return found


def _field(segments: Segments, place: str, component: int = 1) -> str:
    """The first repetition's component; empty where there is none."""
    name, _, number = place.partition("-")
    lines = segments.get(name)
    if not lines or len(lines[0]) <= int(number):
        return ""
    parts = lines[0][int(number)].split("~")[0].split("^")
    return unescaped(parts[component - 1]).strip() if len(parts) >= component else ""


def _needed(segments: Segments, place: str, component: int = 1) -> str:
    if not (told := _field(segments, place, component)):
        raise HlError(place, "is empty", "101")
    return told


def _patient(segments: Segments) -> PatientNews:
    number = _needed(segments, "PID-3")
    family, given = _needed(segments, "PID-5"), _field(segments, "PID-5", 2)
    born = _field(segments, "PID-7")
    return PatientNews(number, f"{given} {family}".strip(), None if not born else _day(born))


def _day(text: str) -> date:
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise HlError("PID-7", f"{text!r} is no day") from None


def _appointment(event: Event, segments: Segments, zone: tzinfo) -> Appointment:
    known = _field(segments, "SCH-2") or _needed(segments, "SCH-1")
    begins, place = _field(segments, "SCH-11", 4), "SCH-11"
    if not begins:
        begins, place = _field(segments, "AIS-4"), "AIS-4"
    at = None if not begins else _moment(begins, place, zone)
    if at is None and event in (Event.BOOKED, Event.MOVED):
        raise HlError("SCH-11", "does not say when it begins", "101")
    minutes = _field(segments, "SCH-9")
    return Appointment(
        event,
        known,
        _patient(segments),
        at,
        None if not minutes else _minutes(minutes),
        _field(segments, "SCH-6", 2) or _field(segments, "SCH-6"),
    )


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 24 * 60:
        raise HlError("SCH-9", f"{text!r} are no minutes")
    return value


def _moment(text: str, place: str, zone: tzinfo) -> datetime:
    parts = STAMP.match(text)
    if parts is None or parts[2] is None:
        raise HlError(place, f"{text!r} is no moment")
    try:
        told = datetime.strptime(parts[1] + parts[2] + (parts[3] or "00") + (parts[4] or "00"), "%Y%m%d%H%M%S")  # noqa: DTZ007
        if (offset := parts[5]) is None:
            return told.replace(tzinfo=zone)
        apart = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))
        return told.replace(tzinfo=timezone(-apart if offset[0] == "-" else apart))
    except ValueError:
        raise HlError(place, f"{text!r} is no moment") from None
