"""The last look before the light: whatever does not agree is named, and only some of it can be overridden."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from irctl.domain.course import Settings
from irctl.domain.override import overriding
from irctl.domain.people import Person, Role
from irctl.domain.problems import Problem
from irctl.domain.record_and_verify import NEVER, AtTheLamp, Prescribed, disagreements
from irctl.domain.screening import Finding, Findings
from tests.unit.worlds import NOW

SETTINGS = Settings("left", 24.0, 40.0, "luminous-ir version 1, 0123456789ab")
PRESCRIBED = Prescribed("P-17", "lumbar", SETTINGS, 50.0, 0.5, "CAL-1")
THERE = AtTheLamp("P-17", "lumbar", SETTINGS, 50.3, "CAL-1", SETTINGS.protocol, Findings((), ()))
OKAFOR = Person("okafor", "M. Okafor", frozenset({Role.CLINICIAN}))
SECOND = Person("lindqvist", "E. Lindqvist", frozenset({Role.CLINICIAN}))


def named(found: list[Problem]) -> list[str]:
    assert all(problem.limit and problem.remedy for problem in found)
    return [problem.field for problem in found]


def against(change: dict[str, Any], **more: Any) -> list[str]:
    return named(disagreements(PRESCRIBED, replace(THERE, **change), NOW, **more))


def test_what_agrees_may_start() -> None:
    assert against({}) == []
    assert against({"patient": " p-17", "area": "LUMBAR"}) == []
    assert against({}, last=SETTINGS) == []


OTHERWISE: dict[str, tuple[dict[str, Any], str]] = {
    "another patient": ({"patient": "P-18"}, "patient"),
    "nobody asked": ({"patient": None}, "patient"),
    "another area": ({"area": "neck"}, "area"),
    "no area": ({"area": " "}, "area"),
    "another dose": ({"settings": replace(SETTINGS, fluence_j_cm2=36.0)}, "fluence_j_cm2"),
    "brighter": ({"settings": replace(SETTINGS, irradiance_mw_cm2=45.0)}, "irradiance_mw_cm2"),
    "another lamp": ({"settings": replace(SETTINGS, lamp="right")}, "lamp"),
    "another protocol": ({"settings": replace(SETTINGS, protocol="")}, "protocol"),
    "a protocol that changed": ({"protocol": "luminous-ir version 2, 0123456789ab"}, "protocol"),
    "too near": ({"distance_cm": 49.4}, "distance_cm"),
    "too far": ({"distance_cm": 50.6}, "distance_cm"),
    "no distance": ({"distance_cm": None}, "distance_cm"),
    "no number": ({"distance_cm": float("nan")}, "distance_cm"),
    "no calibration": ({"calibration": None}, "calibration"),
    "another calibration": ({"calibration": "CAL-2"}, "calibration"),
    "no screening": ({"findings": None}, "screening"),
    "a contraindication": ({"findings": Findings((Finding("infection", "Do not treat.", True),), ())}, "infection"),
    "no answer": ({"findings": Findings((), (Problem("metal", None, "was not answered", "Ask"),))}, "metal"),
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_whatever_does_not_agree_is_named(what: str) -> None:
    change, field = OTHERWISE[what]
    assert against(change) == [field]


def test_nothing_that_is_looked_at_is_left_out_of_these_tests() -> None:
    assert {name for change, _ in OTHERWISE.values() for name in change} == {f.name for f in fields(AtTheLamp)}


def test_everything_wrong_is_said_at_once() -> None:
    assert against({"patient": "P-18", "distance_cm": None, "findings": None}) == [
        "patient",
        "distance_cm",
        "screening",
    ]


@pytest.mark.parametrize("what", OTHERWISE)
def test_two_people_override_a_disagreement_but_no_patient_no_calibration_and_no_screening(what: str) -> None:
    change, field = OTHERWISE[what]
    override = overriding([field], OKAFOR, SECOND, "the stand is bent, measured twice", NOW)
    may_be = field not in NEVER and field in (
        "area",
        "fluence_j_cm2",
        "irradiance_mw_cm2",
        "lamp",
        "protocol",
        "distance_cm",
    )
    assert (against(change, override=override) == []) == may_be


def test_ten_times_the_last_visits_dose_needs_two_people_a_change_is_confirmed_by_one() -> None:
    slip = replace(SETTINGS, fluence_j_cm2=2.4)
    assert against({}, last=slip, confirmed={"fluence_j_cm2"}) == ["fluence_j_cm2"]
    override = overriding(["fluence_j_cm2"], OKAFOR, SECOND, "the last one was cut to a trial", NOW)
    assert against({}, last=slip, override=override) == []
    elsewhere = replace(slip, lamp="right")
    assert against({}, last=elsewhere, override=override) == ["lamp"], "overriding the one hides nothing else"
    lower = replace(SETTINGS, fluence_j_cm2=18.0, lamp="right")
    assert against({}, last=lower) == ["lamp", "fluence_j_cm2"]
    assert against({}, last=lower, explained={"fluence_j_cm2"}, confirmed={"lamp"}) == []
