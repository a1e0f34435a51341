"""Patients and appointments of an EHR as plain values. What it does not say is empty; what cannot be understood is left out and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar, cast

from irctl.interop.fhir.client import FhirServer
from irctl.interop.fhir.r4 import Resource

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PatientFound:
    """`place`: where the server has it ("Patient/17"). `number`: in the system that was asked for, else the first there is."""

    place: str
    number: str
    name: str
    born: date | None
    phone: str
    email: str


@dataclass(frozen=True, slots=True)
class AppointmentFound:
    """`patient`: "Patient/17"; `patient_number`: where the server refers to the patient by number. `status`: as R4 names it."""

    place: str
    status: str
    start: datetime
    end: datetime | None
    patient: str
    patient_number: str
    about: str


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What was understood, and of how many others nothing can be made."""

    values: tuple[T, ...]
    left_out: int


def patients(resources: Iterable[Resource], number_system: str = "") -> Found[PatientFound]:
    """From a search's Patient resources. Who is inactive, or has no name, is left out."""
    return _all(resources, lambda one: _patient(one, number_system))


def appointments(resources: Iterable[Resource]) -> Found[AppointmentFound]:
    """From a search's Appointment resources. What has no beginning or no patient is left out."""
    return _all(resources, _appointment)


async def search_patients(server: FhirServer, number_system: str = "", **criteria: str) -> Found[PatientFound]:
    """`criteria` as FHIR names them (name, birthdate, identifier). Raises httpx.HTTPError."""
    return patients(await server.search("Patient", **criteria), number_system)


async def search_appointments(server: FhirServer, **criteria: str) -> Found[AppointmentFound]:
    """`criteria` as FHIR names them (date, status, patient). Raises httpx.HTTPError."""
    return appointments(await server.search("Appointment", **criteria))


def _all(resources: Iterable[Resource], read: Callable[[Resource], T | None]) -> Found[T]:
    read_ones = [_tried(read, one) for one in resources]
    known = tuple(one for one in read_ones if one is not None)
    return Found(known, len(read_ones) - len(known))


def _tried(read: Callable[[Resource], T | None], one: Resource) -> T | None:
    try:
        return read(one)
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def _patient(one: Resource, number_system: str) -> PatientFound | None:
    name = _name(one.get("name", []))
    if not name or one.get("active") is False:
        return None
    born = str(one.get("birthDate", ""))
    return PatientFound(
        f"Patient/{one['id']}",
        _number(one.get("identifier", []), number_system),
        name,
        date.fromisoformat(born) if len(born) == len("2000-01-01") else None,
        _telecom(one, "phone"),
        _telecom(one, "email"),
    )


def _name(names: list[Resource]) -> str:
    """The official one, else the usual one, else the first; old ones never."""
    ranks = {"official": 0, "usual": 1}
    current = [name for name in names if name.get("use") not in ("old", "maiden", "nickname", "anonymous")]
    if not current:
        return ""
    best = min(current, key=lambda name: ranks.get(name.get("use", ""), 2))
    return best.get("text") or " ".join([*best.get("given", ()), best.get("family", "")]).strip()


def _number(identifiers: list[Resource], system: str) -> str:
    wanted = [one for one in identifiers if not system or one.get("system") == system]
    return next((str(one["value"]) for one in wanted if one.get("value") and one.get("use") != "old"), "")


def _telecom(one: Resource, system: str) -> str:
    told: list[Mapping[str, Any]] = one.get("telecom", [])
    return next((t["value"] for t in told if t.get("system") == system and t.get("use") != "old"), "")


def _appointment(one: Resource) -> AppointmentFound | None:
    actors = [cast("Resource", each.get("actor", {})) for each in one.get("participant", ())]
    patient = next((actor for actor in actors if _is_patient(actor)), None)
    if patient is None:
        return None
    kinds: list[Resource] = one.get("serviceType", [])
    about = one.get("description") or next((kind["text"] for kind in kinds if kind.get("text")), "")
    end = one.get("end")
    return AppointmentFound(
        f"Appointment/{one['id']}",
        one["status"],
        _instant(one["start"]),
        _instant(end) if end else None,
        patient.get("reference", ""),
        patient.get("identifier", {}).get("value", ""),
        about,
    )


def _is_patient(actor: Resource) -> bool:
    return actor.get("type") == "Patient" or "Patient/" in actor.get("reference", "")


def _instant(told: str) -> datetime:
    at = datetime.fromisoformat(told)
    if at.tzinfo is None:
        raise ValueError("a time without its offset")
    return at
