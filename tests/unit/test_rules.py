"""Every rule: when it is content, when it warns, when it stops, and that not knowing is never taken for safe."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain import rules
from irctl.domain.limits import Limits
from irctl.domain.rules import RULES, Envelope, Hazard, Reading, Rule, Snapshot, Stop, Verdict, Warn, evaluate
from tests.unit.worlds import ENVELOPE, LIMITS, dark, lit

FRESH_S, STALE_S = ENVELOPE.stale_s, ENVELOPE.stale_s + 0.01

UNKNOWN: list[Any] = [
    pytest.param(None, id="never read"),
    pytest.param(STALE_S, id="stale"),
    pytest.param(inf, id="ages old"),
    pytest.param(nan, id="of unknown age"),
    pytest.param("nan", id="not a number"),
]


def unknown(good: float, how: Any) -> Reading | None:
    """A reading that would be fine, were it known."""
    if how is None:
        return None
    return Reading(nan, 0.1) if how == "nan" else Reading(good, how)


def ok(rule: Rule, snapshot: Snapshot) -> None:
    assert rule(snapshot, ENVELOPE) is None


def warns(rule: Rule, hazard: Hazard, snapshot: Snapshot) -> str:
    verdict = rule(snapshot, ENVELOPE)
    assert isinstance(verdict, Warn)
    assert verdict.hazard is hazard
    assert verdict.text
    return verdict.text


def stops(rule: Rule, hazard: Hazard, snapshot: Snapshot) -> str:
    verdict = rule(snapshot, ENVELOPE)
    assert isinstance(verdict, Stop)
    assert verdict.hazard is hazard
    assert verdict.text
    assert verdict.remedy
    return verdict.text


# --- all together ------------------------------------------------------------------------------------------------------


def test_a_treatment_that_goes_well_meets_no_objection() -> None:
    assert evaluate(lit(), ENVELOPE) == (None, ())
    assert evaluate(dark(), ENVELOPE) == (None, ())


def test_every_rule_of_this_module_is_asked() -> None:
    written = {
        value
        for name, value in vars(rules).items()
        if callable(value)
        and getattr(value, "__module__", "") == rules.__name__
        and getattr(value, "__annotations__", {}).get("return") == "Verdict"
    }
    assert set(RULES) == written
    assert len(RULES) == len(set(RULES))


def test_the_first_stop_is_given_with_every_warning() -> None:
    stop, warnings = evaluate(
        lit(skin=Reading(42.0, 0.1), cem43_min=1.5, interlocks=(("door", Reading(0.0, 0.1)),)), ENVELOPE
    )
    assert isinstance(stop, Stop)
    assert stop.hazard is Hazard.INTERLOCK
    assert [w.hazard for w in warnings] == [Hazard.SKIN_HOT, Hazard.THERMAL_DOSE]


@pytest.mark.parametrize(
    "reason",
    [
        {"interlocks": (("door", Reading(0.0, 0.1)),)},
        {"skin": Reading(44.0, 0.1)},
        {"skin": None},
        {"cem43_min": 3.0},
        {"journal_writable": False},
        {"calibration_in_force": False},
    ],
    ids=str,
)
def test_nothing_hides_a_lamp_that_is_still_lit_after_it_was_switched_off(reason: dict[str, Any]) -> None:
    stop, _ = evaluate(dark(irradiance=Reading(50.0, 0.1), **reason), ENVELOPE)
    assert isinstance(stop, Stop)
    assert stop.hazard is Hazard.LIT_WHEN_OFF


ages = st.one_of(st.floats(0, 3), st.just(inf), st.just(nan))
figures = st.one_of(st.floats(-20, 200), st.just(nan), st.just(inf))
readings = st.one_of(st.none(), st.builds(Reading, figures, ages))
tristate = st.sampled_from([True, False, None])


@st.composite
def moments(draw: st.DrawFn) -> Snapshot:
    usual = draw(st.sampled_from([lit(), dark()]))
    return replace(
        usual,
        output_on=draw(tristate),
        output_age_s=draw(ages),
        tripped=draw(tristate),
        cutoff_fitted=draw(st.booleans()),
        cutoff_closed=draw(tristate),
        interlocks=(("door", draw(readings)),),
        radiometer_fitted=draw(st.booleans()),
        irradiance=draw(readings),
        expected_mw_cm2=draw(st.floats(0, 100)),
        skin_fitted=draw(st.booleans()),
        skin=draw(readings),
        cem43_min=draw(st.one_of(st.floats(0, 5), st.just(nan))),
        fluence_j_cm2=draw(st.one_of(st.floats(0, 100), st.just(nan))),
        calibration_in_force=draw(st.booleans()),
        journal_writable=draw(st.booleans()),
    )


def known(reading: Reading | None) -> bool:
    return reading is not None and reading.age_s <= ENVELOPE.stale_s and abs(reading.value) < inf


@given(moments())
def test_light_goes_on_only_while_everything_fitted_is_known_and_within_its_limits(s: Snapshot) -> None:
    """The whole envelope once more, as one condition, against the rules one by one."""
    stop, _ = evaluate(s, ENVELOPE)
    if stop is not None or not s.lit:
        return
    assert s.journal_writable
    assert s.calibration_in_force
    assert s.output_on
    assert not s.tripped
    assert s.output_age_s <= ENVELOPE.stale_s
    assert s.cutoff_closed or not s.cutoff_fitted
    assert all(known(reading) and reading and reading.value for _, reading in s.interlocks)
    assert known(s.skin) or not s.skin_fitted
    assert known(s.irradiance) or not s.radiometer_fitted
    assert s.cem43_min < ENVELOPE.cem43_stop_min
    assert s.fluence_j_cm2 <= s.prescribed_j_cm2 * ENVELOPE.overdose
    if s.skin_fitted and s.skin:
        assert s.skin.value < LIMITS.skin_c_max
    if s.radiometer_fitted and s.irradiance:
        assert s.irradiance.value <= LIMITS.irradiance_mw_cm2_max * ENVELOPE.irradiance_margin


@given(moments(), st.sampled_from(["irradiance", "skin", "output_on", "tripped", "cutoff_closed", "interlocks"]))
def test_forgetting_something_never_turns_a_stop_into_consent(s: Snapshot, field: str) -> None:
    forgotten: Any = (("door", None),) if field == "interlocks" else None
    fitted = replace(s, radiometer_fitted=True, skin_fitted=True, cutoff_fitted=True)
    before, _ = evaluate(fitted, ENVELOPE)
    after, _ = evaluate(replace(fitted, **{field: forgotten}), ENVELOPE)
    if fitted.lit and before is not None and field != "tripped":
        assert after is not None


def test_what_protects_somebody_is_not_changed_by_accident() -> None:
    """Each has its reason beside it in the source; the safety case cites these figures."""
    assert Envelope(LIMITS) == Envelope(
        LIMITS,
        stale_s=1.5,
        skin_warn_c=41.5,
        skin_plausible_c=(15.0, 55.0),
        cem43_warn_min=1.0,
        cem43_stop_min=2.0,
        irradiance_margin=1.15,
        calibration_stop=0.35,
        rise_s=4.0,
        dark_mw_cm2=2.0,
        overdose=1.02,
        overtime=1.6,
    )


def test_the_comparison_with_the_calibration_begins_when_the_lamp_had_its_time_to_rise() -> None:
    beginning = lit(lit_s=ENVELOPE.rise_s, expected_mw_cm2=ENVELOPE.dark_mw_cm2, irradiance=Reading(0.0, 0.1))
    stops(rules.lamp_as_calibrated, Hazard.OFF_CALIBRATION, beginning)


# --- skin --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skin_c", [15.0, 34.0, 41.4])
def test_skin_well_below_the_limit_is_fine(skin_c: float) -> None:
    ok(rules.skin_temperature, lit(skin=Reading(skin_c, FRESH_S)))


@pytest.mark.parametrize("skin_c", [41.5, 42.9])
def test_warm_skin_warns(skin_c: float) -> None:
    assert f"{skin_c}" in warns(rules.skin_temperature, Hazard.SKIN_HOT, lit(skin=Reading(skin_c, 0.1)))


@pytest.mark.parametrize("skin_c", [43.0, 45.0, 55.0])
def test_hot_skin_stops(skin_c: float) -> None:
    stops(rules.skin_temperature, Hazard.SKIN_HOT, lit(skin=Reading(skin_c, 0.1)))


def test_a_lower_limit_of_the_lamp_counts() -> None:
    careful = replace(ENVELOPE, limits=Limits(100.0, 90.0, 1800.0, 39.0))
    verdict = rules.skin_temperature(lit(skin=Reading(39.0, 0.1)), careful)
    assert isinstance(verdict, Stop)


@pytest.mark.parametrize("skin_c", [-40.0, 0.0, 14.9, 55.1, 3276.7])
def test_a_temperature_no_skin_has_is_a_sensor_that_looks_elsewhere(skin_c: float) -> None:
    stops(rules.skin_temperature, Hazard.SKIN_IMPLAUSIBLE, lit(skin=Reading(skin_c, 0.1)))


@pytest.mark.parametrize("how", UNKNOWN)
def test_an_unknown_skin_temperature_stops(how: Any) -> None:
    stops(rules.skin_temperature, Hazard.BLIND, lit(skin=unknown(34.0, how)))
    stops(rules.skin_temperature, Hazard.BLIND, dark(skin=unknown(34.0, how)))


def test_a_lamp_without_skin_sensor_is_not_asked_for_one() -> None:
    ok(rules.skin_temperature, lit(skin_fitted=False, skin=None))


# --- skin that is none -------------------------------------------------------------------------------------------------


def test_skin_at_the_trip_stops_the_whole_station() -> None:
    at_the_limit = rules.skin_temperature(lit(skin=Reading(43.5, 0.1)), ENVELOPE)
    at_the_trip = rules.skin_temperature(lit(skin=Reading(45.0, 0.1)), ENVELOPE)
    assert isinstance(at_the_limit, Stop)
    assert isinstance(at_the_trip, Stop)
    assert (at_the_limit.trips, at_the_trip.trips) == (False, True)


def test_a_patient_with_a_lower_limit_is_warned_of_it_as_early() -> None:
    careful = replace(ENVELOPE, limits=replace(LIMITS, skin_c_max=39.0))
    assert isinstance(rules.skin_temperature(lit(skin=Reading(37.6, 0.1)), careful), Warn)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"skin_jump_c": 4.1}, id="jumped"),
        pytest.param({"skin_jump_c": nan}, id="jumped by nobody knows what"),
        pytest.param({"skin_still_s": 300.0, "lit_s": 400.0}, id="frozen"),
        pytest.param({"skin_rise_c": 0.2, "lit_s": 120.0}, id="does not warm"),
        pytest.param({"skin_rise_c": -1.0, "lit_s": 120.0}, id="cools in the light"),
        pytest.param({"skin_rise_c": None, "lit_s": 120.0}, id="warmth unknown"),
    ],
)
def test_a_sensor_that_does_not_behave_as_skin_does_stops(change: dict[str, Any]) -> None:
    stops(rules.skin_moves_as_skin, Hazard.SKIN_IMPLAUSIBLE, lit(**change))


def test_skin_is_given_time_to_warm_and_a_faint_lamp_need_not_warm_it() -> None:
    ok(rules.skin_moves_as_skin, lit(skin_rise_c=0.0, lit_s=119.0))
    ok(rules.skin_moves_as_skin, lit(skin_rise_c=0.0, lit_s=130.0, expected_mw_cm2=19.0))


def test_a_reading_that_stands_still_warns_before_it_stops_and_counts_from_the_light_only() -> None:
    warns(rules.skin_moves_as_skin, Hazard.SKIN_IMPLAUSIBLE, lit(skin_still_s=130.0, lit_s=400.0))
    ok(rules.skin_moves_as_skin, lit(skin_still_s=500.0, lit_s=100.0))
    ok(rules.skin_moves_as_skin, dark(skin_still_s=500.0, skin_jump_c=20.0))
    ok(rules.skin_moves_as_skin, lit(skin_fitted=False, skin=None, skin_rise_c=None, lit_s=500.0, skin_still_s=500.0))


# --- housing, attendant, clock, restarts ---------------------------------------------------------------------------------


HOUSED = replace(ENVELOPE, housing_c_max=80.0)


def test_a_housing_warns_near_its_limit_and_stops_at_it() -> None:
    def at(reading: Reading | None) -> Verdict:
        return rules.housing_temperature(lit(housing_fitted=True, housing=reading), HOUSED)

    assert at(Reading(69.0, 0.1)) is None
    assert isinstance(at(Reading(70.0, 0.1)), Warn)
    hot = at(Reading(80.0, 0.1))
    assert isinstance(hot, Stop)
    assert hot.hazard is Hazard.HOUSING_HOT
    ok(rules.housing_temperature, lit())


@pytest.mark.parametrize("how", UNKNOWN)
def test_a_housing_of_unknown_temperature_stops(how: Any) -> None:
    verdict = rules.housing_temperature(lit(housing_fitted=True, housing=unknown(40.0, how)), HOUSED)
    assert isinstance(verdict, Stop)
    assert verdict.hazard is Hazard.BLIND


def test_silence_of_the_attendant_dims_then_stops() -> None:
    ok(rules.attended, lit(unanswered_s=30.0))
    warns(rules.attended, Hazard.UNATTENDED, lit(unanswered_s=30.1))
    stops(rules.attended, Hazard.UNATTENDED, lit(unanswered_s=60.1))
    stops(rules.attended, Hazard.UNATTENDED, lit(unanswered_s=nan))


@pytest.mark.parametrize("step_s", [2.1, -2.1, 3600.0, nan])
def test_a_clock_that_jumps_stops(step_s: float) -> None:
    stops(rules.clock_steady, Hazard.CLOCK_STEPPED, lit(clock_step_s=step_s))
    ok(rules.clock_steady, lit(clock_step_s=2.0))


def test_an_output_that_has_restarted_is_not_leased_any_more() -> None:
    stops(rules.output_as_commanded, Hazard.EMITTER_DISOBEYS, lit(restarted=True))


# --- thermal dose ------------------------------------------------------------------------------------------------------


def test_thermal_dose_is_fine_then_warns_then_stops() -> None:
    ok(rules.thermal_dose, lit(cem43_min=0.99))
    warns(rules.thermal_dose, Hazard.THERMAL_DOSE, lit(cem43_min=1.0))
    warns(rules.thermal_dose, Hazard.THERMAL_DOSE, lit(cem43_min=1.99))
    stops(rules.thermal_dose, Hazard.THERMAL_DOSE, lit(cem43_min=2.0))


def test_a_thermal_dose_that_is_no_number_stops() -> None:
    stops(rules.thermal_dose, Hazard.THERMAL_DOSE, lit(cem43_min=nan))


# --- interlocks --------------------------------------------------------------------------------------------------------


def test_closed_interlocks_are_fine_and_so_are_none() -> None:
    ok(rules.interlocks_closed, lit(interlocks=(("door", Reading(1.0, FRESH_S)),)))
    ok(rules.interlocks_closed, lit(interlocks=()))


@pytest.mark.parametrize("snapshot", [lit(), dark()], ids=["lit", "dark"])
def test_an_open_interlock_stops_and_is_named(snapshot: Snapshot) -> None:
    opened = replace(snapshot, interlocks=(("stop-button", Reading(1.0, 0.1)), ("door", Reading(0.0, 0.1))))
    assert "'door'" in stops(rules.interlocks_closed, Hazard.INTERLOCK, opened)


@pytest.mark.parametrize("how", UNKNOWN)
def test_an_unknown_interlock_stops_as_an_open_one_does(how: Any) -> None:
    snapshot = lit(interlocks=(("door", unknown(1.0, how)),))
    assert "'door'" in stops(rules.interlocks_closed, Hazard.BLIND, snapshot)


# --- irradiance --------------------------------------------------------------------------------------------------------


def test_light_up_to_the_limit_and_its_margin_is_fine_and_beyond_stops() -> None:
    limit = LIMITS.irradiance_mw_cm2_max * ENVELOPE.irradiance_margin
    ok(rules.irradiance_within_limit, lit(irradiance=Reading(limit, 0.1)))
    stops(rules.irradiance_within_limit, Hazard.TOO_BRIGHT, lit(irradiance=Reading(limit + 0.1, 0.1)))


@pytest.mark.parametrize("how", UNKNOWN)
def test_a_silent_radiometer_stops(how: Any) -> None:
    stops(rules.irradiance_known, Hazard.BLIND, lit(irradiance=unknown(50.0, how)))
    stops(rules.irradiance_known, Hazard.BLIND, dark(irradiance=unknown(0.0, how)))


def test_a_fresh_reading_is_known_and_a_lamp_without_radiometer_is_not_asked() -> None:
    ok(rules.irradiance_known, lit(irradiance=Reading(50.0, FRESH_S)))
    ok(rules.irradiance_known, lit(radiometer_fitted=False, irradiance=None))


# --- the lamp as calibrated --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.89, 1.0, 1.11])
def test_a_lamp_near_its_calibration_is_fine(share: float) -> None:
    ok(rules.lamp_as_calibrated, lit(irradiance=Reading(50.0 * share, 0.1)))


@pytest.mark.parametrize("share", [0.66, 0.87, 1.13, 1.34])
def test_a_lamp_that_has_drifted_warns(share: float) -> None:
    warns(rules.lamp_as_calibrated, Hazard.OFF_CALIBRATION, lit(irradiance=Reading(50.0 * share, 0.1)))


@pytest.mark.parametrize("share", [0.1, 0.64, 1.36, 3.0])
def test_a_lamp_far_off_its_calibration_stops_in_either_direction(share: float) -> None:
    stops(rules.lamp_as_calibrated, Hazard.OFF_CALIBRATION, lit(irradiance=Reading(50.0 * share, 0.1)))


@pytest.mark.parametrize("value", [-3.0, 0.0, 1.9])
def test_a_lamp_that_is_on_and_gives_no_light_stops(value: float) -> None:
    text = stops(rules.lamp_as_calibrated, Hazard.OFF_CALIBRATION, lit(irradiance=Reading(value, 0.1)))
    assert "no light" in text


@pytest.mark.parametrize(
    "snapshot",
    [
        lit(lit_s=ENVELOPE.rise_s - 0.1, irradiance=Reading(0.0, 0.1)),
        lit(expected_mw_cm2=1.9, irradiance=Reading(0.0, 0.1)),
        lit(irradiance=Reading(0.0, STALE_S)),
        dark(irradiance=Reading(50.0, 0.1)),
    ],
    ids=["still rising", "too faint to tell", "stale", "off"],
)
def test_no_comparison_is_made_where_there_is_nothing_to_compare(snapshot: Snapshot) -> None:
    ok(rules.lamp_as_calibrated, snapshot)


# --- dark when off -----------------------------------------------------------------------------------------------------


def test_a_lamp_that_glows_on_as_it_should_is_dark_enough() -> None:
    ok(rules.dark_when_off, dark(dark_s=5.0, irradiance=Reading(24.0, 0.1), expected_mw_cm2=20.0))


@pytest.mark.parametrize(("expected", "lit_from"), [(0.0, 6.0), (20.0, 26.0), (40.0, 50.0)])
def test_light_without_being_on_stops_once_it_is_clearly_more_than_the_afterglow(
    expected: float, lit_from: float
) -> None:
    just_below, just_above = (
        dark(irradiance=Reading(lit_from + d, 0.1), expected_mw_cm2=expected) for d in (-0.1, 0.1)
    )
    ok(rules.dark_when_off, just_below)
    stops(rules.dark_when_off, Hazard.LIT_WHEN_OFF, just_above)


def test_it_is_given_the_time_to_fall() -> None:
    ok(rules.dark_when_off, dark(dark_s=ENVELOPE.rise_s, irradiance=Reading(50.0, 0.1), output_on=True))


def test_an_old_reading_from_when_it_was_lit_is_no_light_now() -> None:
    ok(rules.dark_when_off, dark(irradiance=Reading(50.0, STALE_S)))


def test_an_emitter_that_reads_back_as_on_while_it_should_be_off_stops_without_any_radiometer() -> None:
    snapshot = dark(output_on=True, cutoff_closed=None, radiometer_fitted=False, irradiance=None)
    stops(rules.dark_when_off, Hazard.LIT_WHEN_OFF, snapshot)
    stops(rules.dark_when_off, Hazard.LIT_WHEN_OFF, replace(snapshot, cutoff_fitted=False))


def test_an_emitter_behind_an_open_cut_off_cannot_light() -> None:
    ok(rules.dark_when_off, dark(output_on=True, cutoff_closed=False))


def test_a_lit_lamp_is_not_asked_to_be_dark() -> None:
    ok(rules.dark_when_off, lit())


# --- outputs -----------------------------------------------------------------------------------------------------------


def test_an_emitter_that_does_as_told_is_fine() -> None:
    ok(rules.output_as_commanded, lit(output_age_s=FRESH_S))
    ok(rules.output_as_commanded, lit(tripped=None))
    ok(rules.output_as_commanded, dark())


@pytest.mark.parametrize(
    "changes", [{"output_on": None}, {"output_age_s": STALE_S}, {"output_age_s": inf}, {"output_age_s": nan}]
)
def test_an_emitter_that_does_not_answer_stops(changes: dict[str, Any]) -> None:
    stops(rules.output_as_commanded, Hazard.LINE_SILENT, lit(**changes))


@pytest.mark.parametrize("changes", [{"output_on": False}, {"tripped": True}])
def test_an_emitter_that_went_off_by_itself_stops(changes: dict[str, Any]) -> None:
    stops(rules.output_as_commanded, Hazard.EMITTER_DISOBEYS, lit(**changes))


def test_a_closed_cut_off_is_fine_and_none_fitted_too() -> None:
    ok(rules.cutoff_as_commanded, lit())
    ok(rules.cutoff_as_commanded, lit(cutoff_fitted=False, cutoff_closed=None))
    ok(rules.cutoff_as_commanded, dark())


def test_a_cut_off_that_is_open_or_unknown_while_lit_stops() -> None:
    assert "open" in stops(rules.cutoff_as_commanded, Hazard.CUTOFF_DISOBEYS, lit(cutoff_closed=False))
    assert "does not answer" in stops(rules.cutoff_as_commanded, Hazard.CUTOFF_DISOBEYS, lit(cutoff_closed=None))


# --- dose and time -----------------------------------------------------------------------------------------------------


def test_the_prescribed_dose_may_be_reached_and_hardly_exceeded() -> None:
    ok(rules.dose_not_exceeded, lit(fluence_j_cm2=60.0))
    ok(rules.dose_not_exceeded, lit(fluence_j_cm2=61.1))
    stops(rules.dose_not_exceeded, Hazard.OVER_DOSE, lit(fluence_j_cm2=61.3))
    ok(rules.dose_not_exceeded, dark(fluence_j_cm2=61.3))


def test_the_lamps_own_limit_counts_even_when_more_was_prescribed() -> None:
    stops(rules.dose_not_exceeded, Hazard.OVER_DOSE, lit(prescribed_j_cm2=500.0, fluence_j_cm2=92.0))


def test_a_dose_that_is_no_number_stops() -> None:
    stops(rules.dose_not_exceeded, Hazard.OVER_DOSE, lit(fluence_j_cm2=nan))


def test_a_session_may_take_somewhat_longer_than_planned_and_no_more() -> None:
    allowed_s = 600.0 * ENVELOPE.overtime + 10.0
    ok(rules.time_not_exceeded, lit(planned_s=600.0, time_on_s=allowed_s))
    stops(rules.time_not_exceeded, Hazard.TOO_LONG, lit(planned_s=600.0, time_on_s=allowed_s + 0.1))
    ok(rules.time_not_exceeded, dark(planned_s=600.0, time_on_s=allowed_s + 0.1))


def test_the_longest_duration_of_the_lamp_is_never_exceeded() -> None:
    stops(rules.time_not_exceeded, Hazard.TOO_LONG, lit(planned_s=1800.0, time_on_s=1800.1))


# --- record and calibration --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("snapshot", [lit(), dark()], ids=["lit", "dark"])
def test_no_record_no_light_and_no_calibration_no_light(snapshot: Snapshot) -> None:
    ok(rules.record_and_calibration_hold, snapshot)
    stops(rules.record_and_calibration_hold, Hazard.NO_JOURNAL, replace(snapshot, journal_writable=False))
    stops(rules.record_and_calibration_hold, Hazard.CALIBRATION_LAPSED, replace(snapshot, calibration_in_force=False))


@given(moments())
def test_every_verdict_says_something_and_every_stop_says_what_to_do(s: Snapshot) -> None:
    verdicts: list[Verdict] = [rule(s, ENVELOPE) for rule in RULES]
    assert all(v is None or v.text for v in verdicts)
    assert all(v.remedy for v in verdicts if isinstance(v, Stop))
