"""The certificate as data: the same events give the same bytes, and whatever is changed in it no longer follows from its readings."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irctl.domain.certificate import STATEMENT, Approval, digest, message, payload
from irctl.domain.certificate_check import check
from irctl.domain.steps import Step
from tests.unit.benches import APPROVED, ENGINEER, LEVELS, TECHNICIAN, ALamp, Bench, a_plan

STATION = {"name": "practice", "title": "A practice"}
IN_FORCE = {"id": "C-0", "points": [[level, ALamp().irradiance(level)] for level in LEVELS]}


def a_bench(what: str | None = "cleaned the reflector") -> Bench:
    bench = Bench(lamp=ALamp(0.95), plan=a_plan(repeats=2, distances_cm=(50.0, 40.0, 70.0)), in_force=IN_FORCE)
    bench.until(Step.ADJUSTMENT)
    bench.add(
        "redone", by=TECHNICIAN, step="readings", stage="as-found", reason="shaken", levels_pct=[20.0], distance_cm=None
    )
    bench.until(Step.APPROVAL, what).approve()
    return bench


BENCH = a_bench()
PAYLOAD = payload(BENCH.events, STATION, "0.1.0")


def changed(path: str, value: Any) -> dict[str, Any]:
    told = copy.deepcopy(PAYLOAD)
    *way, last = [int(name) if name.isdigit() else name for name in path.split("/")]
    place: Any = told
    for name in way:
        place = place[name]
    place[last] = value(place[last]) if callable(value) else value
    return told


def test_an_honest_certificate_follows_from_its_readings() -> None:
    assert check(PAYLOAD) == []
    assert check(json.loads(json.dumps(PAYLOAD))) == []


def test_nothing_adjusted_is_said_once() -> None:
    told = payload(a_bench(None).events, STATION, "0.1.0")
    assert told["stages"]["as-left"] is None
    assert told["adjustment"]["what"] is None
    assert check(told) == []


def test_the_same_events_give_the_same_bytes_before_and_after_the_approval_is_written() -> None:
    approved = BENCH.events[-1]
    before = payload(BENCH.events[:-1], STATION, "0.1.0", Approval.of(approved))
    again = payload([json.loads(json.dumps(event)) for event in BENCH.events], STATION, "0.1.0")
    assert digest(before) == digest(again) == digest(PAYLOAD)
    assert message(PAYLOAD).startswith(b"irctl certificate\nIRC-2026-0001\n")


def test_it_says_what_the_standard_asks_for() -> None:
    assert PAYLOAD["number"] == "IRC-2026-0001"
    assert PAYLOAD["statement"] == STATEMENT
    assert "relate only to the item calibrated" in STATEMENT
    assert PAYLOAD["meter"]["certificate"] == "K-2026-118"
    assert PAYLOAD["environment"]["temperature_c"] == 22.0
    assert (PAYLOAD["performed_by"], PAYLOAD["approved_by"]) == (TECHNICIAN, ENGINEER)
    assert PAYLOAD["lamp"]["condition"] == "clean"
    for stage in ("as-found", "as-left"):
        for point in PAYLOAD["stages"][stage]["findings"]["points"]:
            assert 7.0 < point["expanded_pct"] < 10.0
    assert PAYLOAD["stages"]["as-found"]["findings"]["errors"][0]["decision"] == "warn"


def test_every_figure_can_be_traced_to_events_of_the_journal() -> None:
    journal = {event["seq"]: event for event in BENCH.events}
    for stage in ("as-found", "as-left"):
        for point in PAYLOAD["stages"][stage]["findings"]["points"]:
            events = [journal[seq] for seq in point["seqs"]]
            readings = [e for e in events if e["event"] == "calibration.reading"]
            assert len(readings) == point["n"]
            assert {e["level_pct"] for e in readings} == {point["level_pct"]}
            assert {e["event"] for e in events} >= {"calibration.positioned", "calibration.dark", "calibration.steady"}


def test_readings_that_count_no_more_are_still_told() -> None:
    assert {told["level_pct"] for told in PAYLOAD["set_aside"]} == {20.0}
    assert PAYLOAD["redone"][0]["reason"] == "shaken"


READINGS = [
    f"stages/{stage}/readings/{index}/{field}"
    for stage in ("as-found", "as-left")
    for index in range(len(PAYLOAD["stages"][stage]["readings"]))
    for field in ("reading_mw_cm2", "dark_mw_cm2", "monitor_mw_cm2")
    if field != "monitor_mw_cm2" or PAYLOAD["stages"][stage]["readings"][index]["distance_cm"] == 50.0
]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(READINGS), st.floats(0.01, 0.3))
def test_a_reading_that_was_changed_is_found(path: str, by: float) -> None:
    assert check(changed(path, lambda value: value + by))


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("stages/as-left/findings/points/2/irradiance_mw_cm2", lambda v: v * 1.001, "points[2].irradiance_mw_cm2"),
        (
            "stages/as-left/findings/points/0/budget/1/standard_uncertainty_pct",
            1.0,
            "budget[1].standard_uncertainty_pct",
        ),
        ("stages/as-left/findings/curve/expanded_pct", 5.0, "curve.expanded_pct"),
        ("stages/as-found/findings/errors/0/decision", "pass", "errors[0].decision"),
        ("stages/as-found/findings/law/d0_cm", 9.0, "law.d0_cm"),
        ("stages/as-left/findings/monitor/factor", 1.0, "monitor.factor"),
        ("meter/factor", 1.0, "irradiance_mw_cm2"),
        ("meter/valid_until", "2026-06-01T00:00:00+00:00", "meter: certificate K-2026-118 ended"),
        ("record/points/1/1", lambda v: v * 1.01, "record.points[1][1]"),
        ("record/expanded_uncertainty_pct", 4.0, "record.expanded_uncertainty_pct"),
        ("record/id", "C-2", "record.id"),
        ("decision_rule", "pass if it looks right", "decision_rule"),
        ("statement", "", "statement"),
        ("approved_by", TECHNICIAN.upper(), "approved_by"),
        ("approved_at", "2020-01-01T00:00:00+00:00", "approved_at"),
        ("plan/tolerance_pct", 20.0, "tolerance_pct"),
        ("stages/as-left/readings", lambda v: v[:-1], "not those of the plan"),
        ("stages/as-left", None, "missing"),
        ("stages", {}, "damaged"),
        ("format", "another", "format"),
    ],
)
def test_whatever_is_changed_no_longer_follows(path: str, value: Any | Callable[[Any], Any], says: str) -> None:
    assert any(says in text for text in check(changed(path, value)))


def test_what_is_not_approved_has_no_certificate() -> None:
    with pytest.raises(ValueError, match="not approved"):
        payload(BENCH.events[:-1], STATION, "0.1.0")
    with pytest.raises(ValueError, match="no certificate"):
        payload(BENCH.events[:5], STATION, "0.1.0", Approval("N", ENGINEER, APPROVED["approved_at"], {}))
