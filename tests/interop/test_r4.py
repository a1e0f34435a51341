"""What irctl takes R4 for, against the published definitions and against implementations that are not ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any
from xml.etree import ElementTree

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irctl.interop.fhir import Codes, load_codes
from irctl.interop.fhir.r4 import Element, elements, units, value_sets
from tests.documents.dossiers import a_dossier
from tests.interop import peer as peers
from tests.interop.courses import a_bundle, every_case

ROWS = [(kind, path) for kind, rows in elements().items() for path in rows]
NOT_R4 = {"Bot", "ClientApplication", "Subscription"}
"""What the packaging of the definitions has added to targets of references."""


def bundled(name: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in json.loads((peers.definitions() / name).read_bytes())["entry"]]


@cache
def structures() -> dict[str, dict[str, dict[str, Any]]]:
    """By type and path."""
    every = [one for name in ("profiles-types.json", "profiles-resources.json") for one in bundled(name)]
    plain = [
        one for one in every if one["resourceType"] == "StructureDefinition" and one.get("derivation") != "constraint"
    ]
    return {one["id"]: {element["path"]: element for element in one["snapshot"]["element"]} for one in plain}


@cache
def terminology() -> dict[tuple[str, str], dict[str, Any]]:
    """ValueSets and CodeSystems by their kind and URL."""
    every = [one for name in ("valuesets.json", "v3-codesystems.json") for one in bundled(name)]
    return {(one["resourceType"], one["url"]): one for one in every if "url" in one}


def concepts(told: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for one in told:
        yield one
        yield from concepts(one.get("concept", []))


def codes_of(value_set: str) -> set[str]:
    found: set[str] = set()
    for part in terminology()["ValueSet", value_set.split("|")[0]]["compose"]["include"]:
        system = terminology().get(("CodeSystem", part["system"]), {})
        found |= {one["code"] for one in part.get("concept") or concepts(system.get("concept", []))}
    return found


def official(kind: str, path: str) -> tuple[dict[str, Any], str, list[str]]:
    """The element's definition, its type, and where a reference may lead; of a choice, the one that JSON's name stands for."""
    full, within = f"{kind}.{path}", structures()[kind]
    if full in within:
        definition = within[full]
        chosen = definition.get("type", [])
    else:
        name, definition = next(
            (name, one) for name, one in within.items() if name.endswith("[x]") and full.startswith(name[:-3])
        )
        chosen = [one for one in definition["type"] if one["code"].lower() == full[len(name) - 3 :].lower()]
    if "contentReference" in definition:
        return definition, "@" + definition["contentReference"].split("#")[1].partition(".")[2], []
    (one,) = chosen
    code = "string" if one["code"].endswith("System.String") else one["code"].replace("Element", "BackboneElement")
    code = code.replace("BackboneBackbone", "Backbone")
    return definition, code, [url.rpartition("/")[2] for url in one.get("targetProfile", [])]


@pytest.mark.parametrize(("kind", "path"), ROWS, ids=lambda one: one)
def test_every_row_of_the_table_is_as_published(kind: str, path: str) -> None:
    ours: Element = elements()[kind][path]
    definition, type_of, targets = official(kind, path)
    assert ours.type == type_of
    assert ours.many == (definition["max"] == "*")
    assert ours.least == (0 if definition["path"].endswith("[x]") else definition["min"])
    assert ours.targets == (set(targets) - NOT_R4 or ({"Resource"} if type_of == "Reference" else set()))


@pytest.mark.parametrize(("kind", "path"), ROWS, ids=lambda one: one)
def test_every_required_binding_is_held_with_exactly_its_codes(kind: str, path: str) -> None:
    definition, type_of, _ = official(kind, path)
    binding = definition.get("binding", {})
    if type_of != "code" or binding.get("strength") != "required" or not codes_of(binding["valueSet"]):
        return  # codes that nobody can list, such as media types
    ours = elements()[kind][path]
    assert ours.value_set == binding["valueSet"].split("|")[0].rpartition("/")[2]
    assert ours.codes == codes_of(binding["valueSet"])


def test_nothing_that_r4_demands_is_missing_from_the_table() -> None:
    for kind, rows in elements().items():
        for full, definition in structures()[kind].items():
            parent, _, _ = full.removeprefix(f"{kind}.").rpartition(".")
            inside = "." in full and (not parent or parent in rows) and not full.endswith("[x]")
            if inside and definition["min"]:
                assert full.removeprefix(f"{kind}.") in rows, full


def test_no_value_set_is_kept_that_nothing_is_bound_to() -> None:
    assert set(value_sets()) == {
        one.value_set for rows in elements().values() for one in rows.values() if one.value_set
    }


def test_every_unit_is_one_to_an_independent_ucum(fhir_origin: str) -> None:
    found = peers.units(fhir_origin, [*units(), "J/cm²"])
    assert {unit for unit, status in found.items() if status != "valid"} == {"J/cm²"}


def test_every_code_of_a_published_vocabulary_is_in_it_with_its_display() -> None:
    held = [code for code in load_codes().codes.values() if ("CodeSystem", code.system or "") in terminology()]
    compared = 0
    for code in held:
        published = list(concepts(terminology()["CodeSystem", code.system or ""].get("concept", [])))
        if published:
            assert (code.code, code.display) in [(one["code"], one.get("display")) for one in published]
            compared += 1
    assert compared >= 8


@pytest.mark.parametrize("name", ["note-PT", "note-OT"])
def test_the_type_of_a_note_is_of_r4s_value_set(name: str) -> None:
    included = terminology()["ValueSet", "http://hl7.org/fhir/ValueSet/c80-doc-typecodes"]["compose"]["include"]
    note = load_codes().coding(name)
    assert {"code": note["code"], "display": note["display"]} in [
        one for part in included for one in part.get("concept", [])
    ]


@cache
def schema(kind: str) -> jsonschema_rs.Draft6Validator:
    """HL7's JSON schema, of one type of resource."""
    told = json.loads((peers.definitions() / "fhir.schema.json").read_bytes())
    # The packaging has added types of its own, which refer to two that are not there: nothing may be of these.
    definitions = told["definitions"] | {"Resource": False, "integer64": False}
    return jsonschema_rs.Draft6Validator({"$ref": f"#/definitions/{kind}", "definitions": definitions})


@pytest.mark.parametrize("name", every_case())
def test_every_resource_of_every_course_is_valid_to_an_independent_schema(name: str) -> None:
    for entry in every_case()[name]()["entry"]:
        resource = entry["resource"]
        errors = schema(resource["resourceType"]).iter_errors(resource)
        assert not [f"{error.instance_path}: {error.message[:200]}" for error in errors]


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=40, deadline=None)
@given(reaction=WORDS, area=WORDS, reason=WORDS)
def test_whatever_people_write_is_r4_and_a_text_that_can_be_shown(reaction: str, area: str, reason: str) -> None:
    usual = a_dossier(1)
    (visit,) = usual.visits
    assert visit.response is not None
    response = visit.response.model_copy(update={"reaction": reaction, "adverse_event": reason})
    plan = usual.plan.model_copy(update={"area": area})
    course = usual.model_copy(update={"plan": plan, "visits": (visit.model_copy(update={"response": response}),)})
    for entry in a_bundle(course)["entry"]:
        resource = entry["resource"]
        assert schema(resource["resourceType"]).is_valid(resource)
        ElementTree.fromstring(resource["text"]["div"])


def test_the_schema_notices_what_is_not_r4() -> None:
    entries = every_case()["one visit"]()["entry"]
    (procedure,) = [one["resource"] for one in entries if one["resource"]["resourceType"] == "Procedure"]
    (metric,) = [one["resource"] for one in entries if one["resource"]["resourceType"] == "DeviceMetric"]
    assert schema("Procedure").is_valid(procedure)
    assert not schema("Procedure").is_valid(procedure | {"performedAt": "2026-11-02"})
    assert not schema("Procedure").is_valid(procedure | {"performedPeriod": {"start": "2 November"}})
    assert not schema("DeviceMetric").is_valid(metric | {"category": "guess"})


def test_the_codes_of_the_example_say_where_they_come_from() -> None:
    codes: Codes = load_codes()
    assert {"lumbar", "neck", "shoulder", "knee"} <= set(codes.unverified)
    for code in [*codes.codes.values(), *codes.sites.values()]:
        assert (code.code is None) == (code.mark is None) == (code.source is None)
