"""The worksheet of a guided calibration: whatever happened, it says what is next, and nothing is in force that nobody approved."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irctl.domain.problems import Refused
from irctl.domain.steps import BENCH, Outcome, Stage, Step
from irctl.domain.tolerance import Decision
from irctl.domain.worksheet_fold import folded
from tests.unit.benches import APPROVED, ENGINEER, LEVELS, TECHNICIAN, ALamp, Bench, a_plan

THREE_DISTANCES = (50.0, 40.0, 70.0)


def small(**changes: Any) -> Bench:
    return Bench(plan=a_plan(repeats=2), **changes)


def whole(what: str | None = "cleaned the reflector", **changes: Any) -> Bench:
    """A calibration from beginning to end, adjusted, with two extra distances."""
    bench = Bench(plan=a_plan(repeats=2, distances_cm=THREE_DISTANCES), **changes)
    bench.until(Step.APPROVAL, what).approve()
    return bench


def redo(bench: Bench, step: Step, stage: Stage = Stage.AS_FOUND, **fields: Any) -> None:
    bench.add("redone", by=TECHNICIAN, step=str(step), stage=str(stage), reason="to be sure", **fields)


def test_the_steps_come_in_their_order() -> None:
    bench, steps = small(), [Step.IDENTITY]
    while bench.sheet.step is not Step.APPROVAL:
        bench.step("cleaned the reflector")
        if bench.sheet.step is not steps[-1]:
            steps.append(bench.sheet.step)
    on_the_bench = [Step.POSITION, *BENCH]
    assert steps == [Step.IDENTITY, *on_the_bench, Step.ADJUSTMENT, *on_the_bench, Step.REVIEW, Step.APPROVAL]


def test_every_distance_has_its_own_position_dark_reading_and_warm_up() -> None:
    bench = whole(what=None)
    verbs = [e["event"].removeprefix("calibration.") for e in bench.events]
    assert verbs.count("positioned") == verbs.count("dark") == verbs.count("steady") == 3
    sheet = bench.sheet
    assert sheet.as_found is not None
    assert sheet.as_found.law is not None
    assert sheet.as_left is sheet.as_found


PREFIXES = whole().events


@pytest.mark.parametrize("length", range(1, len(PREFIXES) + 1))
def test_any_prefix_is_a_worksheet_with_a_next_step_and_nothing_in_force_before_the_last(length: int) -> None:
    sheet = folded(PREFIXES[:length])
    assert sheet.ignored == frozenset()
    if length < len(PREFIXES):
        assert sheet.step is not Step.CLOSED
        assert sheet.waits_for
        assert sheet.outcome is None
    else:
        assert sheet.outcome is Outcome.APPROVED
    done, of = sheet.progress
    assert 0 <= done <= of
    json.dumps(sheet.result)


def test_the_journal_may_come_back_as_json() -> None:
    again = folded([json.loads(json.dumps(event)) for event in PREFIXES])
    assert again.result == whole().sheet.result


@st.composite
def lives(draw: st.DrawFn) -> Bench:
    """A calibration with interruptions, redos and events out of their turn, up to some point."""
    bench = small(with_monitor=draw(st.booleans()))
    for _ in range(draw(st.integers(1, 25))):
        match draw(st.sampled_from(["step"] * 8 + ["interrupted", "redo", "approve", "abandon", "submit"])):
            case "interrupted":
                bench.add("interrupted", reason="the meter was unplugged")
            case "redo":
                step = draw(st.sampled_from([s for s in Step if s not in (Step.APPROVAL, Step.CLOSED)]))
                levels = draw(st.sampled_from([None, [LEVELS[0]], [LEVELS[1], LEVELS[2]]]))
                redo(bench, step, draw(st.sampled_from(list(Stage))), levels_pct=levels, distance_cm=None)
            case "approve":
                bench.add("approved", by=draw(st.sampled_from([ENGINEER, TECHNICIAN])), record={}, certificate={})
            case "abandon" if draw(st.integers(0, 9)) == 0:
                bench.add("abandoned", by=TECHNICIAN, reason="the lamp is needed")
            case "submit":
                bench.add("submitted", by=TECHNICIAN, result={})
            case _ if bench.sheet.step not in (Step.CLOSED, Step.APPROVAL):
                bench.step(draw(st.sampled_from([None, "cleaned"])))
            case _:
                pass
    return bench


@settings(max_examples=150, deadline=None)
@given(lives())
def test_whatever_happens_the_worksheet_stays_one_and_nothing_is_in_force_without_approval(bench: Bench) -> None:
    sheet = bench.sheet
    assert len(sheet.events) == len(bench.events)
    assert (sheet.outcome is None) == (sheet.step is not Step.CLOSED)
    if sheet.step is not Step.CLOSED:
        assert sheet.waits_for
    if sheet.outcome is Outcome.APPROVED:
        assert sheet.closed is not None
        assert sheet.closed["by"] == ENGINEER
        assert sheet.submitted is not None
    if sheet.step in (Step.REVIEW, Step.APPROVAL):
        assert sheet.as_found is not None
        assert sheet.as_left is not None
    # Every reading is accounted for: it counts, was set aside, or was out of its turn.
    read = {e["seq"] for e in bench.events if e["event"] == "calibration.reading"}
    counts = {taken.reading.seq for taken in sheet.taken.values()}
    assert read == counts | {e["seq"] for e in sheet.set_aside} | (sheet.ignored & read)


@settings(max_examples=60, deadline=None)
@given(lives())
def test_whatever_happened_it_can_be_finished(bench: Bench) -> None:
    if bench.sheet.step is Step.CLOSED:
        return
    bench.until(Step.APPROVAL).approve()
    assert bench.sheet.outcome is Outcome.APPROVED


@pytest.mark.parametrize("by", [TECHNICIAN, "A  Technician ", "a second pair of hands", ""])
def test_nobody_approves_their_own_work(by: str) -> None:
    bench = small().until(Step.REVIEW)
    bench.add("submitted", by="A second pair of hands", result=bench.sheet.result)
    assert bench.sheet.problems_with_approval(by)
    with pytest.raises(Refused):
        bench.sheet.as_calibration(**APPROVED | {"approved_by": by})
    bench.add("approved", by=by, record={}, certificate={})
    assert bench.sheet.outcome is None
    assert not bench.sheet.problems_with_approval(ENGINEER)


def test_what_was_not_submitted_cannot_be_approved() -> None:
    bench = small().until(Step.REVIEW)
    assert bench.sheet.problems_with_approval(ENGINEER)
    with pytest.raises(Refused):
        bench.sheet.as_calibration(**APPROVED)


def test_an_approval_puts_in_force_what_was_left() -> None:
    bench = small(lamp=ALamp(0.88))
    bench.until(Step.ADJUSTMENT)
    bench.step("replaced the reflector")
    bench.lamp.output = 1.0
    calibration = bench.until(Step.APPROVAL).sheet.as_calibration(**APPROVED)
    for level in LEVELS:
        assert calibration.irradiance_at(level) == pytest.approx(bench.lamp.irradiance(level), rel=0.01)
    assert 8.0 < calibration.expanded_uncertainty_pct < 10.0
    assert calibration.performed_by == TECHNICIAN
    assert calibration.approved_by == ENGINEER
    assert (calibration.lamp_type, calibration.lamp_hours, calibration.binding) == ("halogen", 120.0, "b" * 64)
    assert calibration.meter_uncertainty_pct is not None


def test_a_lamp_without_radiometer_has_no_monitor_in_its_calibration() -> None:
    calibration = small(with_monitor=False).until(Step.APPROVAL).sheet.as_calibration(**APPROVED)
    assert calibration.meter_uncertainty_pct is None
    assert calibration.monitor_factor == 1.0


def test_an_interruption_keeps_the_readings_and_begins_with_the_dark_reading() -> None:
    bench = small().until(Step.READINGS)
    for _ in range(4):
        bench.step()
    bench.add("interrupted", reason="killed")
    assert bench.sheet.step is Step.DARK
    assert bench.sheet.progress[0] == 4
    bench.until(Step.READINGS)
    assert bench.sheet.progress[0] == 4
    assert bench.sheet.next_reading == bench.plan.order[4]


def test_each_reading_rests_on_the_dark_reading_of_its_own_time() -> None:
    bench = small().until(Step.READINGS)
    bench.step()
    bench.add("interrupted", reason="killed")
    bench.until(Step.ADJUSTMENT)
    first, second = bench.sheet.readings(Stage.AS_FOUND)[:2]
    assert first.based_on != second.based_on
    assert all(seq < second.seq for seq in second.based_on)


def test_a_redo_of_two_levels_asks_for_these_alone_and_keeps_the_record() -> None:
    bench = small().until(Step.ADJUSTMENT)
    redo(bench, Step.READINGS, levels_pct=[LEVELS[1], LEVELS[2]], distance_cm=None)
    sheet = bench.sheet
    assert sheet.step is Step.WARM_UP
    assert sheet.progress == (8, 12)
    assert {e["level_pct"] for e in sheet.set_aside} == {LEVELS[1], LEVELS[2]}
    assert bench.until(Step.ADJUSTMENT).sheet.progress == (12, 12)
    assert len(bench.sheet.set_aside) == 4


@pytest.mark.parametrize(
    ("step", "then", "left"),
    [
        (Step.IDENTITY, Step.IDENTITY, 0),
        (Step.POSITION, Step.POSITION, 0),
        (Step.DARK, Step.DARK, 0),
        (Step.WARM_UP, Step.WARM_UP, 0),
        (Step.READINGS, Step.WARM_UP, 0),
        (Step.ADJUSTMENT, Step.ADJUSTMENT, 12),
        (Step.REVIEW, Step.REVIEW, 12),
    ],
)
def test_a_redo_goes_back_to_its_step_and_drops_what_rests_on_it(step: Step, then: Step, left: int) -> None:
    bench = small().until(Step.APPROVAL)
    redo(bench, step)
    assert bench.sheet.step is then
    assert bench.sheet.progress[0] == left
    assert bench.sheet.submitted is None


def test_a_lamp_that_was_adjusted_can_no_longer_be_read_as_found() -> None:
    bench = small().until(Step.REVIEW, "cleaned")
    assert bench.sheet.problems_with_redo(Step.READINGS, Stage.AS_FOUND)
    redo(bench, Step.READINGS, Stage.AS_FOUND)
    assert bench.sheet.step is Step.REVIEW
    redo(bench, Step.READINGS, Stage.AS_LEFT)
    assert bench.sheet.step is Step.WARM_UP
    assert bench.sheet.stage is Stage.AS_LEFT


def test_adjusting_again_reads_again_as_left_and_keeps_as_found() -> None:
    bench = small().until(Step.REVIEW, "cleaned")
    redo(bench, Step.ADJUSTMENT)
    assert bench.sheet.step is Step.ADJUSTMENT
    assert bench.sheet.as_found is not None
    assert len(bench.sheet.set_aside) == 12
    bench.step("cleaned again")
    assert bench.sheet.step is Step.POSITION


def test_a_slip_at_the_meter_shows_at_once_and_holds_the_next_step_up() -> None:
    bench = small().until(Step.READINGS)
    while bench.sheet.step is Step.READINGS:
        done = bench.sheet.progress[0]
        bench.read((lambda value: 10.0 * value) if done == 3 else (lambda value: value))
    (problem,) = bench.sheet.problems
    assert "reading" in problem.limit
    assert bench.sheet.problems_with(Step.ADJUSTMENT) == [problem]


def test_a_saturated_meter_shows_with_its_first_reading() -> None:
    bench = small().until(Step.READINGS)
    bench.read(lambda _: 199.0)
    (problem,) = bench.sheet.problems
    assert "saturated" in problem.limit


def test_a_step_out_of_its_turn_says_whose_turn_it_is() -> None:
    (problem,) = small().sheet.problems_with(Step.REVIEW)
    assert problem.limit == "the calibration is at identity"
    assert "serial number" in problem.remedy


@pytest.mark.parametrize(("verb", "outcome"), [("abandoned", Outcome.ABANDONED), ("rejected", Outcome.REJECTED)])
def test_abandoned_and_rejected_are_ends(verb: str, outcome: Outcome) -> None:
    bench = small().until(Step.APPROVAL)
    bench.add(verb, by=ENGINEER, reason="unsure")
    assert bench.sheet.outcome is outcome
    with pytest.raises(Refused):
        bench.sheet.as_calibration(**APPROVED)
    bench.add("approved", by=ENGINEER, record={}, certificate={})
    assert bench.sheet.outcome is outcome
    assert bench.sheet.problems_with_redo(Step.READINGS, Stage.AS_FOUND)


def test_as_found_is_decided_against_what_was_in_force() -> None:
    truth = ALamp()
    in_force = {"id": "C-1", "points": [[level, truth.irradiance(level)] for level in LEVELS]}
    sheet = small(lamp=ALamp(0.88), in_force=in_force).until(Step.ADJUSTMENT).sheet
    assert sheet.as_found is not None
    assert sheet.as_found.verdict is not None
    assert sheet.as_found.verdict.decision is Decision.FAIL


def test_a_meter_off_its_planned_distance_does_not_stand_there() -> None:
    bench = small().until(Step.POSITION)
    where = {"stage": Stage.AS_FOUND, "angle_deg": 0.0, "positioning_cm": 0.5}
    bench.add("positioned", by=TECHNICIAN, distance_cm=45.0, **where)
    assert bench.sheet.step is Step.POSITION
    bench.add("positioned", by=TECHNICIAN, distance_cm=50.3, **where)
    assert bench.sheet.step is Step.DARK


@pytest.mark.parametrize("events", [[], PREFIXES[1:]])
def test_without_its_beginning_there_is_no_worksheet(events: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match=r"calibration\.started"):
        folded(events)
