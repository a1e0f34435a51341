"""Patients and appointments from other systems: they wait for a person, and what is told twice is there once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import hl7
import pytest
from hl7.mllp import open_hl7_connection

from irctl.clinic.calendar import appointments
from irctl.clinic.care import courses, patients
from irctl.clinic.care.courses import CourseBody
from irctl.clinic.desk import Desk
from irctl.clinic.exchange import incoming
from irctl.clinic.exchange.incoming import Event, News
from irctl.clinic.exchange.incoming_forms import news_in
from irctl.clinic.exchange.receiving import Receiving
from irctl.clinic.settings import ClinicFile, ReceiveSection
from irctl.domain.problems import Refused
from irctl.interop.fhir.client import FhirServer
from irctl.records.people import Person
from tests.clinic.shelves import HELPER, WROTE, a_desk, by
from tests.interop import peer as peers

THEIRS = "APPT-77"
MONDAY = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
KNEE = CourseBody(
    area="left knee", protocol="luminous-ir", diagnosis="gonarthrosis", goal="stairs", function_scale="walking",
    baseline_nprs=6, baseline_function=3,
)  # fmt: skip
BOOKED = News(
    system="hospital", event=Event.BOOKED, theirs=THEIRS, number="MRN 7", name="Bo Example", born=date(1970, 1, 2), at=MONDAY,
    about="infrared, knee",
)  # fmt: skip
SIU = "\r".join((
    r"MSH|^~\&|SCHED|HOSP|IRCTL|CLINIC|20261125090000||SIU^{event}^SIU_S12|{id}|P|2.5.1",
    "SCH|APPT-77|||||^knee|||30|min|^^^{at}",
    "PID|1||MRN 7^^^HOSP^MR||Example^Bo||19700102|M",
)) + "\r"  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = a_desk(tmp_path)
    yield made
    made.database.close()


def told(desk: Desk, news: News) -> None:
    incoming.keep(desk, news, desk.now())


def taken(desk: Desk) -> list[str]:
    """Everything that waits, taken over; whose it was."""
    return [
        incoming.take(desk, by(desk, HELPER), one.id, one.version) for one in incoming.waiting(desk, by(desk, HELPER))
    ]


def with_course(desk: Desk, number: str = "MRN 7") -> str:
    patient = patients.register(desk, by(desk, HELPER), Person("Bo Example", date(1970, 1, 2), number, ""))
    courses.plan(desk, by(desk, WROTE), patient, KNEE)
    return patient


def booked(desk: Desk, patient: str) -> list[tuple[datetime, str]]:
    found = appointments.of_patient(desk, by(desk, HELPER), patient)
    return [(one.at.astimezone(UTC), one.state) for one in found]


def test_nothing_is_done_until_a_person_takes_it_over(desk: Desk) -> None:
    patient = with_course(desk)
    told(desk, BOOKED)
    told(desk, BOOKED)
    (one,) = incoming.waiting(desk, by(desk, HELPER))
    assert one.news == BOOKED
    assert booked(desk, patient) == []
    assert taken(desk) == [patient]
    assert booked(desk, patient) == [(MONDAY, "planned")]
    told(desk, BOOKED)
    assert incoming.waiting(desk, by(desk, HELPER)) == [], "told again, it is no news"


def test_a_move_moves_and_a_cancellation_cancels_the_same_appointment(desk: Desk) -> None:
    patient = with_course(desk)
    told(desk, BOOKED)
    taken(desk)
    later = MONDAY + timedelta(hours=3)
    told(desk, BOOKED.model_copy(update={"event": Event.MOVED, "at": later}))
    taken(desk)
    assert booked(desk, patient) == [(later, "planned")]
    told(desk, BOOKED.model_copy(update={"event": Event.CANCELLED, "about": "ill"}))
    taken(desk)
    assert booked(desk, patient) == [(later, "cancelled")]


def test_somebody_new_is_registered_by_what_was_told(desk: Desk) -> None:
    told(
        desk,
        News(
            system="hospital", event=Event.PATIENT, theirs="9", number="MRN 9", name="Ny Person", born=date(1980, 5, 6)
        ),
    )
    (patient,) = taken(desk)
    opened = patients.open_patient(desk, by(desk, HELPER), patient)
    assert (opened.person.name, opened.person.number) == ("Ny Person", "MRN 9")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "Somebody Else"}, "name"),
        ({"born": date(1971, 1, 2)}, "birthday"),
        ({"number": ""}, "record number"),
        ({"number": "MRN 8", "born": None}, "birthday"),
        ({"at": None}, "time"),
    ],
)
def test_what_a_person_must_find_out_first_waits_on_and_says_what(desk: Desk, change: dict[str, Any], why: str) -> None:
    with_course(desk)
    told(desk, BOOKED.model_copy(update=change))
    with pytest.raises(Refused) as refused:
        taken(desk)
    assert refused.value.problems[0].field == why
    assert len(incoming.waiting(desk, by(desk, HELPER))) == 1


def test_an_appointment_is_for_the_only_course_that_goes_on(desk: Desk) -> None:
    patient = with_course(desk)
    courses.plan(desk, by(desk, WROTE), patient, KNEE.model_copy(update={"area": "lumbar"}))
    told(desk, BOOKED)
    with pytest.raises(Refused, match="has 2 courses at once"):
        taken(desk)


def test_what_is_told_anew_while_somebody_looks_is_not_taken_by_their_click(desk: Desk) -> None:
    with_course(desk)
    told(desk, BOOKED)
    (seen,) = incoming.waiting(desk, by(desk, HELPER))
    told(desk, BOOKED.model_copy(update={"event": Event.CANCELLED}))
    with pytest.raises(Refused, match="told anew"):
        incoming.take(desk, by(desk, HELPER), seen.id, seen.version)


def test_what_is_set_aside_says_why_and_waits_no_more(desk: Desk) -> None:
    told(desk, BOOKED)
    (one,) = incoming.waiting(desk, by(desk, HELPER))
    with pytest.raises(Refused, match="reason"):
        incoming.set_aside(desk, by(desk, HELPER), one.id, one.version, " ")
    incoming.set_aside(desk, by(desk, HELPER), one.id, one.version, "not ours")
    assert incoming.waiting(desk, by(desk, HELPER)) == []


def test_files_of_other_programs_are_read(desk: Desk) -> None:
    table = "number,name,born,contact,at\nMRN 7,Bo Example,1970-01-02,,2026-11-30T10:00\nMRN 8,Cy Example,1971-02-03,cy@example.org,\n"
    first, second = news_in(table, "old", UTC)
    assert (first.event, first.at, second.event, second.contact) == (
        Event.BOOKED,
        MONDAY,
        Event.PATIENT,
        "cy@example.org",
    )
    messages = SIU.format(event="S12", id="1", at="20261130100000") + SIU.format(event="S15", id="2", at="")
    assert [one.event for one in news_in(messages, "hospital", UTC)] == [Event.BOOKED, Event.CANCELLED]
    with pytest.raises(Refused) as refused:
        news_in("number,name,born\nMRN 7,Bo,second of May\nMRN 8,Cy,1970-13-01\n", "old", UTC)
    assert [one.field for one in refused.value.problems] == ["line 1, born", "line 2, born"]


@pytest.mark.anyio
async def test_another_program_sends_over_mllp_and_is_acknowledged_when_it_is_kept(desk: Desk) -> None:
    patient = with_course(desk)
    server = await Receiving(desk, Path()).listen("hospital", "127.0.0.1", 0)
    async with server:
        reader, writer = await open_hl7_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        for event, at in (("S12", "20261130100000"), ("S13", "20261130140000+0000")):
            writer.writemessage(hl7.parse(SIU.format(event=event, id=event, at=at)))
            await writer.drain()
            answer = await asyncio.wait_for(reader.readmessage(), 5)
            assert str(answer["MSA"][0][1]) == "AA"
            taken(desk)
        writer.close()
    assert booked(desk, patient) == [(MONDAY + timedelta(hours=4), "planned")]


@pytest.mark.anyio
async def test_a_fhir_server_is_asked_who_comes(desk: Desk) -> None:
    patient = with_course(desk)
    section = ReceiveSection(what="fhir", at="https://ehr.example.org", number_system="urn:clinic")
    with peers.running() as origin:
        ehr = peers.Peer(origin, "ehr").can()
        place = ehr.add({
            "resourceType": "Patient", "name": [{"family": "Example", "given": ["Bo"]}], "birthDate": "1970-01-02",
            "identifier": [{"system": "urn:other", "value": "X"}, {"system": "urn:clinic", "value": "MRN 7"}],
        })  # fmt: skip
        actor = {"actor": {"reference": f"Patient/{place['id']}"}, "status": "accepted"}
        for status, days in (("booked", 0), ("proposed", 1), ("booked", 400)):
            start = (MONDAY + timedelta(days=days)).isoformat()
            end = (MONDAY + timedelta(days=days, minutes=30)).isoformat()
            ehr.add(
                {"resourceType": "Appointment", "status": status, "start": start, "end": end, "participant": [actor]}
            )
        for _ in range(2):
            await Receiving(desk, Path()).ask("ehr", section, FhirServer(ehr.url), desk.now())
    assert len(incoming.waiting(desk, by(desk, HELPER))) == 1
    taken(desk)
    assert booked(desk, patient) == [(MONDAY, "planned")]


@pytest.mark.parametrize(
    ("section", "why"),
    [
        (ReceiveSection(what="hl7", at="mllp://0.0.0.0:2575"), "from anybody, unencrypted"),
        (ReceiveSection(what="hl7", at="127.0.0.1:2575"), "is no address"),
        (ReceiveSection(what="fhir", at="http://ehr.example.org"), "is no https address"),
    ],
)
def test_patients_data_is_not_taken_from_an_open_network(tmp_path: Path, section: ReceiveSection, why: str) -> None:
    desk = a_desk(tmp_path, ClinicFile(receive={"hospital": section}))
    with pytest.raises(Refused, match=why):
        Receiving(desk, tmp_path)
    desk.database.close()
