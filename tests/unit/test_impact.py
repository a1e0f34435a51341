"""A lamp found wrong: exactly the sessions since it was last right, and what they may have been; maintenance and due dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.findings import Conditions, findings
from irctl.domain.impact import FoundRatio, GivenSession, found_ratios, impact
from irctl.domain.upkeep import RULES, Consequence, Kind, due
from tests.unit.benches import LEVELS, NOW, ALamp, a_meter, a_plan, readings_of

AGED = (FoundRatio(20.0, 0.90, 4.0), FoundRatio(60.0, 0.88, 4.0), FoundRatio(100.0, 0.86, 4.0))
PASSED_AT = NOW - timedelta(days=30)


def a_session(days_ago: float = 10.0, **changes: object) -> GivenSession:
    usual = GivenSession(
        f"S-{days_ago:g}", NOW - timedelta(days=days_ago), "P-1", (54.0, 60.0, 66.0), False, (60.0, 60.0)
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def test_exactly_the_sessions_since_the_last_pass_are_listed_in_order() -> None:
    sessions = [a_session(d) for d in (1.0, 45.0, 29.0, 30.0, 12.0, -1.0)]
    assert [a.session for a in impact(sessions, AGED, PASSED_AT, NOW)] == ["S-29", "S-12", "S-1"]
    assert [a.session for a in impact(sessions, AGED, None, NOW)] == ["S-45", "S-30", "S-29", "S-12", "S-1"]


def test_the_dose_was_between_what_was_told_and_what_the_lamp_gives_now() -> None:
    (affected,) = impact([a_session()], AGED, PASSED_AT, NOW)
    least, best, most = affected.recomputed_j_cm2
    assert least == pytest.approx(54.0 * 0.88 * 0.96)
    assert most == 66.0  # it may have been right until yesterday
    assert best == pytest.approx(60.0 * (1.0 - 0.12 * 2 / 3))  # two thirds of the time had gone by
    assert affected.told_j_cm2 == (54.0, 60.0, 66.0)
    assert "88.0 %" in affected.why
    assert affected.as_dict()["recomputed_j_cm2"][2] == 66.0
    assert affected.as_dict()["levels_pct"] == [60.0, 60.0]


def test_a_lamp_that_gave_too_much_raises_the_maximum() -> None:
    (affected,) = impact([a_session()], [FoundRatio(60.0, 1.15, 4.0)], PASSED_AT, NOW)
    assert affected.recomputed_j_cm2[0] == 54.0
    assert affected.recomputed_j_cm2[2] == pytest.approx(66.0 * 1.15 * 1.04)


def test_only_the_levels_around_those_used_count_and_all_of_them_when_nobody_knows() -> None:
    def least(levels: tuple[float, float] | None) -> float:
        return impact([a_session(levels_pct=levels)], AGED, PASSED_AT, NOW)[0].recomputed_j_cm2[0]

    assert least((20.0, 20.0)) == pytest.approx(54.0 * 0.90 * 0.96)
    assert least((30.0, 50.0)) == pytest.approx(54.0 * 0.88 * 0.96)
    assert least((10.0, 15.0)) == pytest.approx(54.0 * 0.90 * 0.96)
    assert least(None) == pytest.approx(54.0 * 0.86 * 0.96)


def test_a_measured_session_is_as_wrong_as_its_radiometer() -> None:
    found = [replace(f, monitor_ratio=1.01, monitor_expanded_pct=3.0) for f in AGED]
    (measured,) = impact([a_session(measured=True)], found, PASSED_AT, NOW)
    assert measured.recomputed_j_cm2[0] == pytest.approx(54.0 * 1.01 * 0.97)
    assert "radiometer" in measured.why
    (unknown,) = impact([a_session(measured=True)], AGED, PASSED_AT, NOW)
    assert "was not looked at" in unknown.why
    assert unknown.recomputed_j_cm2[0] < measured.recomputed_j_cm2[0]


@given(st.floats(0.5, 1.5), st.floats(0.5, 10.0), st.floats(0.1, 29.0))
def test_the_interval_holds_what_was_told_best_and_is_never_narrower(ratio: float, u: float, days_ago: float) -> None:
    session = a_session(days_ago)
    (affected,) = impact([session], [FoundRatio(60.0, ratio, u)], PASSED_AT, NOW)
    least, best, most = affected.recomputed_j_cm2
    assert least <= session.told_j_cm2[0]
    assert most >= session.told_j_cm2[2]
    assert least < best < most


def test_the_ratios_come_from_the_as_found_readings() -> None:
    lamp, planned = ALamp(), a_plan()
    readings = [
        replace(r, monitor_mw_cm2=0.88 * lamp.irradiance(r.level_pct))
        for r in readings_of(replace(lamp, output=0.88), planned, a_meter())
    ]
    stated = [(level, lamp.irradiance(level)) for level in LEVELS]
    conditions = Conditions(0.1, 2.0, 0.5)
    result = findings("as-found", readings, a_meter(), "halogen", planned, conditions, stated, "C-1")
    ratios = found_ratios(result, monitor_factor=1.0)
    assert [r.level_pct for r in ratios] == list(LEVELS)
    for ratio in ratios:
        assert ratio.ratio == pytest.approx(0.88, rel=0.01)
        assert ratio.monitor_ratio == pytest.approx(1.0, rel=0.01)
        assert ratio.expanded_pct == pytest.approx(8.7, abs=0.2)


def test_every_kind_of_maintenance_has_its_consequence_and_reason() -> None:
    assert set(RULES) == set(Kind)
    assert all(rule.why for rule in RULES.values())
    assert RULES[Kind.REPLACED].consequence is Consequence.VOID
    assert RULES[Kind.CLEANED].consequence is Consequence.CHECK
    assert RULES[Kind.INSPECTED].consequence is Consequence.STAYS


def test_due_by_date_or_by_lamp_hours_whichever_comes_first() -> None:
    done = NOW - timedelta(days=350)

    def when(**changes: float) -> tuple[bool, bool]:
        told = due("calibration", NOW, last_at=done, every_days=changes.pop("every_days", 365.0), **changes)
        return told.overdue, told.soon

    assert when(every_days=400.0) == (False, False)
    assert when(every_days=360.0) == (False, True)
    assert when(every_days=350.0) == (True, True)
    assert when(every_days=400.0, every_hours=500.0, last_hours=100.0, lamp_hours=300.0) == (False, False)
    assert when(every_days=400.0, every_hours=500.0, last_hours=100.0, lamp_hours=560.0, hours_per_day=4.0) == (
        False,
        True,
    )
    assert when(every_days=400.0, every_hours=500.0, last_hours=100.0, lamp_hours=600.0) == (True, True)


def test_what_was_never_done_is_overdue_and_what_has_no_rule_is_not() -> None:
    assert due("check", NOW, last_at=None).text == "check: never done"
    assert due("check", NOW, last_at=None).overdue
    assert not due("cleaning", NOW, last_at=NOW).overdue
    assert due("calibration", NOW, last_at=NOW - timedelta(days=370), every_days=365.0).text == (
        "calibration: overdue since 2026-11-18"
    )
