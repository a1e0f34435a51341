"""The forms in which other systems tell of patients and appointments: HL7 messages, FHIR resources, tables. All become the same news."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from io import StringIO
from typing import Any

from pydantic import ValidationError

from irctl.clinic.exchange.incoming import Event, News
from irctl.domain.problems import Problem, Refused
from irctl.interop.fhir.imported import AppointmentFound, PatientFound, appointments, patients
from irctl.interop.hl7.reading import Appointment, PatientNews, read_message

MEANING: Mapping[str, Event] = {
    "booked": Event.BOOKED, "arrived": Event.BOOKED, "checked-in": Event.BOOKED, "cancelled": Event.CANCELLED,
    "entered-in-error": Event.CANCELLED, "noshow": Event.NO_SHOW,
}  # fmt: skip
"""What a status of a FHIR appointment means here; what is only proposed, pending, waited for or fulfilled means nothing."""
COLUMNS = ("number", "name", "born", "contact", "at", "about", "theirs", "event")
ABOUT_MAX = 500


def news_in(text: str, system: str, zone: tzinfo) -> list[News]:
    """Of a file: HL7 messages, a FHIR Bundle, or a table (CSV with `COLUMNS`, or a JSON list with the same names).

    `system`: who tells it; `zone`: of times that name none. Raises Refused with everything that cannot be understood; then nothing is taken.
    """
    told = text.lstrip("\ufeff\x0b\r\n ")
    if told.startswith("MSH|"):
        return list(_messages(told, system, zone))
    if told.startswith(("{", "[")):
        try:
            found = json.loads(told)
        except ValueError as error:
            raise Refused([Problem("file", None, f"is no JSON: {error}", "Export it again")]) from None
        if isinstance(found, list):
            return _rows(found, system, zone)  # type: ignore[reportUnknownArgumentType]
        return list(_resources(found, system))
    return _rows(csv.DictReader(StringIO(told)), system, zone)


def of_hl7(system: str, told: Appointment | PatientNews) -> News:
    """Raises ValueError where something is longer than a record takes."""
    match told:
        case PatientNews():
            return News(
                system=system, event=Event.PATIENT, theirs=told.number, number=told.number, name=told.name, born=told.born
            )  # fmt: skip
        case Appointment():
            event, who = Event(told.event.name.lower().replace("_", "-")), told.patient
            return News(
                system=system, event=event, theirs=told.id, number=who.number, name=who.name, born=who.born, at=told.at,
                about=told.reason[:ABOUT_MAX],
            )  # fmt: skip


def of_fhir(system: str, one: AppointmentFound, who: PatientFound | None) -> News | None:
    """None where its status means nothing here, or nobody can say whose it is. Raises ValueError where something is longer than a record takes."""
    number = who.number if who else one.patient_number
    if not number or one.status not in MEANING:
        return None
    news = News(
        system=system, event=MEANING[one.status], theirs=one.place, number=number, at=one.start, about=one.about[:ABOUT_MAX]
    )  # fmt: skip
    if who is None:
        return news
    return news.model_copy(update={"name": who.name, "born": who.born, "contact": who.email or who.phone})


def _messages(text: str, system: str, zone: tzinfo) -> Iterator[News]:
    """Framed for MLLP or one after the other."""
    lines = re.sub(r"[\x0b\x1c]", "", text).replace("\r\n", "\r").replace("\n", "\r")
    for message in filter(None, re.split(r"(?:^|\r+)(?=MSH\|)", lines)):
        try:
            yield of_hl7(system, read_message(message, zone))
        except ValueError as error:
            raise Refused(
                [Problem("message", message[:60], str(error).splitlines()[0], "Correct it, or take it out")]
            ) from None


def _resources(bundle: Mapping[str, Any], system: str) -> Iterator[News]:
    held = [entry["resource"] for entry in bundle.get("entry", ()) if "resource" in entry] or [bundle]
    of_kind = {kind: [one for one in held if one.get("resourceType") == kind] for kind in ("Patient", "Appointment")}
    people, booked = patients(of_kind["Patient"]), appointments(of_kind["Appointment"])
    if people.left_out or booked.left_out:
        limit = f"has {people.left_out} patients and {booked.left_out} appointments that cannot be understood"
        raise Refused(
            [Problem("bundle", None, limit, "A patient needs a name; an appointment a beginning and a patient")]
        )
    by_place = {one.place: one for one in people.values}
    for who in people.values:
        contact = who.email or who.phone
        yield News(
            system=system, event=Event.PATIENT, theirs=who.place, number=who.number, name=who.name, born=who.born, contact=contact
        )  # fmt: skip
    for one in booked.values:
        if (news := of_fhir(system, one, by_place.get(one.patient))) is not None:
            yield news


def _rows(rows: Iterable[Mapping[str, Any]], system: str, zone: tzinfo) -> list[News]:
    taken: list[News] = []
    problems: list[Problem] = []
    for line, row in enumerate(rows, start=1):
        said = {name: value for name, value in row.items() if value not in (None, "")}
        said.setdefault("event", Event.BOOKED if "at" in said else Event.PATIENT)
        said.setdefault("theirs", " ".join(str(said.get(name, "")) for name in ("number", "at")).strip())
        try:
            news = News.model_validate({**said, "system": system})
        except ValidationError as error:
            problems += [
                Problem(f"line {line}, {'.'.join(map(str, told['loc']))}", told["input"], told["msg"], f"Columns are {', '.join(COLUMNS)}")
                for told in error.errors()
            ]  # fmt: skip
            continue
        taken.append(news.model_copy(update={"at": _in(zone, news.at)}))
    if problems:
        raise Refused(problems)
    return taken


def _in(zone: tzinfo, at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo else at.replace(tzinfo=zone)
