"""From irctl's values to FHIR's: each takes a value and the scene, and answers with JSON, or None where there is nothing to say."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha1
from typing import Any, cast

from irctl.documents.dossier import Member, PlanOfCare, Signed
from irctl.interop.fhir.engine import Convert, Json, Row, Scene, Table, built
from irctl.interop.fhir.r4 import UCUM, Place


def as_is(value: Json, scene: Scene) -> Json:
    return value


def moment(value: date, scene: Scene) -> str:
    """A time with its offset, or a day."""
    return value.isoformat()


def said(template: str) -> Convert:
    """The value within words."""
    return lambda value, scene: template.format(value)


def one_of(known: Mapping[str, Json]) -> Convert:
    """By a table. A value that is not in it is a mistake here, and raises KeyError."""
    return lambda value, scene: known[value]


def concept(value: str, scene: Scene) -> Json:
    """The code of that name."""
    return scene.codes.concept(value)


def coding(value: str, scene: Scene) -> Json:
    return scene.codes.coding(value)


def called(name: str) -> Convert:
    """The code of that name, in the value's own words."""
    return lambda value, scene: scene.codes.concept(name, str(value))


def known(prefix: str) -> Convert:
    """The coding under the prefix and the value, where one was checked."""
    return lambda value, scene: scene.codes.concept(f"{prefix}{value}").get("coding")


def in_words(value: str, scene: Scene) -> Json:
    """A concept for which there are only words."""
    return {"text": value}


def site(value: str, scene: Scene) -> Json:
    return scene.codes.site(value)


def quantity(code: str, unit: str) -> Convert:
    """A number with its UCUM code, and the unit as people write it."""
    return lambda value, scene: {"value": value, "unit": unit, "system": UCUM, "code": code}


def refer(table: Table) -> Convert:
    """To what the table has made for this scene; to nothing where it was not made."""

    def reference(value: Json, scene: Scene) -> Json:
        url = table.url(scene)
        return {"reference": url, "type": table.kind} if url in scene.made else None

    return reference


def person(value: Member, scene: Scene) -> Json:
    """Somebody of the clinic, by an identifier: irctl keeps no Practitioner for an EHR."""
    systems = scene.codes.systems
    known = (
        {"system": systems.npi, "value": value.npi} if value.npi else {"system": systems.person, "value": value.login}
    )
    shown = ", ".join(part for part in (value.name, value.credentials) if part)
    return {"type": "Practitioner", "identifier": known, "display": shown}


def signer(value: Signed, scene: Scene) -> Json:
    """By what the course knows of this login; the name is the one that was signed with."""
    known = cast("Mapping[str, Member]", scene.values["people"]).get(
        value.login, Member(login=value.login, name=value.name)
    )
    return person(known.model_copy(update={"name": value.name}), scene)


def manifest(value: Signed, scene: Scene) -> str:
    """What was signed and by whom, as irctl keeps it: an electronic signature (21 CFR 11), not a key's."""
    kept = {
        "name": value.name, "login": value.login, "meaning": value.meaning, "at": value.at.isoformat(),
        "version": value.version, "record_sha256": value.record_sha256,
    }  # fmt: skip
    return b64encode(json.dumps(kept, ensure_ascii=False, sort_keys=True).encode()).decode()


def base64(value: bytes, scene: Scene) -> str:
    return b64encode(value).decode()


def size(value: bytes, scene: Scene) -> int:
    return len(value)


def sha1_of(value: bytes, scene: Scene) -> str:
    """As R4 asks for it: it finds damage, and protects against nobody."""
    return b64encode(sha1(value, usedforsecurity=False).digest()).decode()


def diagnoses(value: PlanOfCare, scene: Scene) -> Json:
    """Each code, in the clinic's own words for all of them."""
    system = scene.codes.systems.diagnosis
    coded = [{"coding": [{"system": system, "code": code}], "text": value.diagnosis} for code in value.diagnosis_codes]
    return coded or [{"text": value.diagnosis}]


def diagnosis_codes(value: Sequence[str], scene: Scene) -> Json:
    system = scene.codes.systems.diagnosis
    return [{"coding": [{"system": system, "code": code}]} for code in value]


def service(value: str, scene: Scene) -> Json:
    """The number alone: its descriptor is not ours to send."""
    words = scene.codes.concept("charge")["text"]
    return {"coding": [{"system": scene.codes.systems.service, "code": value}], "text": words}


def touch(value: tuple[bool, bool | None], scene: Scene) -> str:
    felt = value[1]
    return "felt nothing" if felt is None else "felt hot" if felt else "felt cold"


def touched(value: tuple[bool, bool | None], scene: Scene) -> str:
    return "Touched with heat" if value[0] else "Touched with cold"


def each(kind: str, path: str, rows: tuple[Row, ...]) -> Convert:
    """One structure for every value of a list, called `item`; `n` counts them from 1. `kind`, `path`: where they stand."""

    def structures(value: Json, scene: Scene) -> Json:
        items = cast("Sequence[Any]", value)
        place = Place(kind, path)
        return [built(place, rows, scene.beside(item=item, n=n)) for n, item in enumerate(items, start=1)]

    return structures
