"""Patients and appointments of an EHR, from a real server and in the shapes in which they come."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from irctl.interop.fhir.client import FhirServer
from irctl.interop.fhir.imported import (
    AppointmentFound,
    PatientFound,
    appointments,
    patients,
    search_appointments,
    search_patients,
)
from tests.interop.peer import Peer

pytestmark = pytest.mark.anyio
NUMBERS = "urn:example:mrn"
ADA: dict[str, Any] = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:other", "value": "9"}, {"system": NUMBERS, "value": "R-2071"}],
    "name": [
        {"use": "old", "family": "Former"},
        {"use": "official", "given": ["Ada", "M."], "family": "Example"},
    ],
    "birthDate": "1961-05-04",
    "telecom": [{"system": "phone", "value": "555 0142"}, {"system": "email", "value": "ada@example.org"}],
}


def an_appointment(patient: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "status": "booked",
        "description": "Infrared, lower back",
        "start": "2026-12-07T09:30:00Z",
        "end": "2026-12-07T10:00:00Z",
        "participant": [
            {"actor": {"display": "Room 2"}, "status": "accepted"},
            {"actor": patient, "status": "accepted"},
        ],
    }


async def test_patients_and_their_appointments_are_found_on_a_server(peer: Peer) -> None:
    ada = peer.add(ADA)
    place = f"Patient/{ada['id']}"
    booked = peer.add(an_appointment({"reference": place}))
    server = FhirServer(peer.url)
    found = await search_patients(server, NUMBERS, identifier=f"{NUMBERS}|R-2071")
    assert found.values == (
        PatientFound(place, "R-2071", "Ada M. Example", date(1961, 5, 4), "555 0142", "ada@example.org"),
    )
    assert not (await search_patients(server, identifier=f"{NUMBERS}|R-9999")).values
    (appointment,) = (await search_appointments(server, patient=place)).values
    assert appointment == AppointmentFound(
        f"Appointment/{booked['id']}", "booked", datetime(2026, 12, 7, 9, 30, tzinfo=UTC),
        datetime(2026, 12, 7, 10, tzinfo=UTC), place, "", "Infrared, lower back",
    )  # fmt: skip


async def test_a_server_that_does_not_answer_raises_what_the_caller_can_catch() -> None:
    with pytest.raises(httpx.HTTPError):
        await search_patients(FhirServer("http://127.0.0.1:9/fhir"), name="Example")


@pytest.mark.parametrize(
    ("change", "number", "name", "born"),
    [
        ({}, "R-2071", "Ada M. Example", date(1961, 5, 4)),
        ({"name": [{"text": "Ada Example"}]}, "R-2071", "Ada Example", date(1961, 5, 4)),
        ({"birthDate": "1961"}, "R-2071", "Ada M. Example", None),
        ({"identifier": []}, "", "Ada M. Example", date(1961, 5, 4)),
    ],
)
def test_what_is_not_told_is_empty(change: dict[str, Any], number: str, name: str, born: date | None) -> None:
    (found,) = patients([ADA | {"id": "1"} | change], NUMBERS).values
    assert (found.number, found.name, found.born) == (number, name, born)


@pytest.mark.parametrize(
    "change", [{"name": []}, {"name": [{"use": "old", "text": "Former"}]}, {"active": False}, {"birthDate": "4 May 1961"}, {"id": None, "name": 7}]
)  # fmt: skip
def test_patients_that_cannot_be_taken_are_counted(change: dict[str, Any]) -> None:
    found = patients([ADA | {"id": "1"} | change, ADA | {"id": "2"}])
    assert [one.place for one in found.values] == ["Patient/2"]
    assert found.left_out == 1


def test_an_appointment_may_name_its_patient_by_number() -> None:
    named = {"type": "Patient", "identifier": {"system": NUMBERS, "value": "R-2071"}}
    (found,) = appointments([an_appointment(named) | {"id": "1"}]).values
    assert (found.patient, found.patient_number) == ("", "R-2071")


@pytest.mark.parametrize(
    "change",
    [{"participant": []}, {"start": "2026-12-07T09:30:00"}, {"start": "soon"}, {"status": None, "start": None}],
)
def test_appointments_that_cannot_be_taken_are_counted(change: dict[str, Any]) -> None:
    found = appointments([an_appointment({"reference": "Patient/1"}) | {"id": "1"} | change])
    assert (found.values, found.left_out) == ((), 1)


class _Pages(httpx.AsyncBaseTransport):
    """A server whose searches come in pages; the second on another computer where `astray`."""

    def __init__(self, *, astray: bool) -> None:
        self._astray = astray

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        second = "page=2" in str(request.url)
        host = "https://elsewhere.example" if self._astray else ""
        link = [] if second else [{"relation": "next", "url": f"{host}/fhir/Patient?page=2"}]
        entry = [{"resource": ADA | {"id": "2" if second else "1"}}, {"resource": {"resourceType": "OperationOutcome"}}]
        return httpx.Response(200, json={"resourceType": "Bundle", "link": link, "entry": entry})


@pytest.mark.parametrize("astray", [False, True])
async def test_all_pages_are_read_and_none_from_another_server(monkeypatch: pytest.MonkeyPatch, astray: bool) -> None:
    real = httpx.AsyncClient

    def paged(**options: Any) -> httpx.AsyncClient:
        return real(transport=_Pages(astray=astray), **options)

    monkeypatch.setattr(httpx, "AsyncClient", paged)
    server = FhirServer("https://ehr.example/fhir")
    if astray:
        with pytest.raises(httpx.HTTPError, match="on another server"):
            await server.search("Patient")
    else:
        assert [one["id"] for one in await server.search("Patient")] == ["1", "2"]
