"""The envelope: what must hold while a lamp may emit. Each rule is a pure function of one snapshot, with a hazard id.

A rule answers Ok (None), `Warn` or `Stop`. Unknown is unsafe: a reading that is missing, stale or no number stops, as a bad one does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from irctl.domain.limits import Limits


class Hazard(StrEnum):
    """What may go wrong, by the ids the safety case uses."""

    SKIN_HOT = "H01"
    TOO_BRIGHT = "H02"
    OVER_DOSE = "H03"
    TOO_LONG = "H04"
    INTERLOCK = "H05"
    BLIND = "H06"
    OFF_CALIBRATION = "H07"
    LIT_WHEN_OFF = "H08"
    EMITTER_DISOBEYS = "H09"
    CUTOFF_DISOBEYS = "H10"
    LEASE_LATE = "H11"
    LINE_SILENT = "H12"
    CALIBRATION_LAPSED = "H13"
    NO_JOURNAL = "H14"
    EMERGENCY_STOP = "H15"
    THERMAL_DOSE = "H16"
    HOUSING_HOT = "H17"
    SKIN_IMPLAUSIBLE = "H18"
    UNATTENDED = "H19"
    CLOCK_STEPPED = "H20"


@dataclass(frozen=True, slots=True)
class Warn:
    hazard: Hazard
    text: str


@dataclass(frozen=True, slots=True)
class Stop:
    hazard: Hazard
    text: str
    remedy: str
    trips: bool = False
    """Nobody treats on at this station until somebody has looked: the stop latches, every cut-off opens."""


Verdict = Warn | Stop | None

SKIN_WARN_BEFORE_C = 1.5
"""A patient with a lower limit is warned of it as early as one with the usual."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A value and how old it is, seconds."""

    value: float
    age_s: float


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the rules compare with: the lamp's limits and how much each rule tolerates. Defaults say why they are so."""

    limits: Limits
    stale_s: float = 1.5
    """A reading older than this is unknown: a few ticks, so one lost reply does not end a treatment."""
    skin_warn_c: float = 41.5
    skin_trip_c: float = 45.0
    """Pain begins about here (DOMAIN facts §2): something has failed on the way up."""
    skin_plausible_c: tuple[float, float] = (15.0, 55.0)
    skin_jump_c: float = 4.0
    """Between two readings a tick apart: skin takes many seconds for that; the sensor has lost its aim."""
    skin_still_warn_s: float = 120.0
    skin_still_s: float = 300.0
    """Living skin under a lamp does not stay the same to the last digit for as long as this."""
    skin_warms_s: float = 120.0
    skin_warms_c: float = 0.3
    skin_warms_from_mw_cm2: float = 20.0
    """By then, under this much light, skin is this much warmer; what is not is a sheet, or a wall."""
    housing_c_max: float | None = None
    """As the lamp's maker says; None where no thermometer is fitted."""
    housing_warn_c: float = 10.0
    """This close to the limit it warns."""
    attend_every_s: float = 300.0
    """So often the attendant is asked whether he is there and the patient comfortable."""
    answer_within_s: float = 30.0
    """An attendant who has not answered by then is not there: the lamp is dimmed."""
    dimmed_s: float = 30.0
    """Dimmed for this long without an answer, it goes dark."""
    clock_step_s: float = 2.0
    """Of the wall clock against the loop's: the computer slept, or somebody set the clock. A lease is as long."""
    cem43_warn_min: float = 1.0
    cem43_stop_min: float = 2.0
    irradiance_margin: float = 1.15
    """A reading this far above the limit is too bright whatever the meter's uncertainty."""
    calibration_stop: float = 0.35
    """How far the lamp may stray from its calibration: an old lamp at −20 % is still steered, a broken one is not (a project choice)."""
    rise_s: float = 4.0
    """By then a lit lamp must show at its radiometer."""
    dark_mw_cm2: float = 2.0
    """Below this a lamp counts as dark."""
    overdose: float = 1.02
    """The end is predicted to well within this; more means that the prediction failed."""
    overtime: float = 1.6
    """A session may take this much longer than planned (warm-up, trim) before it ends."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at one moment about a lamp in a session. None in a field that is fitted means unknown."""

    lit_s: float
    """Seconds since the output was last switched on; 0 while it is off."""
    dark_s: float
    """Seconds since it was last switched off; 0 while it is on."""
    time_on_s: float
    planned_s: float
    fluence_j_cm2: float
    prescribed_j_cm2: float
    output_on: bool | None
    output_age_s: float
    tripped: bool | None
    cutoff_fitted: bool
    cutoff_closed: bool | None
    interlocks: tuple[tuple[str, Reading | None], ...]
    radiometer_fitted: bool
    irradiance: Reading | None
    """Dark-corrected reading, mW/cm²."""
    expected_mw_cm2: float
    """What the radiometer should read now if the lamp is as calibrated."""
    expected_within_pct: float
    """How well that is known, k=2: the curve, the radiometer, and how far the lamp may have moved since."""
    skin_fitted: bool
    skin: Reading | None
    skin_jump_c: float
    """The largest step between two readings a moment apart, since the light came on."""
    skin_still_s: float
    """How long the reading has been the same to the last digit."""
    skin_rise_c: float | None
    """Since the first light; None while unknown."""
    housing_fitted: bool
    housing: Reading | None
    unanswered_s: float
    """Since the attendant was asked; 0 while nothing is asked."""
    restarted: bool
    """The emitter or the cut-off says that it has restarted."""
    clock_step_s: float
    """By how much the wall clock has jumped during this session."""
    cem43_min: float
    calibration_in_force: bool
    journal_writable: bool

    @property
    def lit(self) -> bool:
        return self.lit_s > 0


def _known(reading: Reading | None, e: Envelope) -> float | None:
    """The reading's value; None when it is missing, stale or no number. Comparisons with NaN are all false, which would look safe."""
    if reading is None or not reading.age_s <= e.stale_s or not isfinite(reading.value):
        return None
    return reading.value


def record_and_calibration_hold(s: Snapshot, e: Envelope) -> Verdict:
    if not s.journal_writable:
        return Stop(Hazard.NO_JOURNAL, "the journal cannot be written", "Free disk space or restore access, then clear")
    if not s.calibration_in_force:
        return Stop(Hazard.CALIBRATION_LAPSED, "the calibration is no longer in force", "Calibrate the lamp")
    return None


def skin_temperature(s: Snapshot, e: Envelope) -> Verdict:
    if not s.skin_fitted:
        return None
    skin_c = _known(s.skin, e)
    if skin_c is None:
        return Stop(Hazard.BLIND, "the skin temperature is unknown", "Check the skin sensor and its cable")
    low, high = e.skin_plausible_c
    if not low <= skin_c <= high:
        text = f"the skin sensor shows {skin_c:.1f} °C, which no skin has"
        return Stop(Hazard.SKIN_IMPLAUSIBLE, text, "Aim the sensor at the skin")
    if skin_c >= e.limits.skin_c_max:
        text, trips = f"skin at {skin_c:.1f} °C (limit {e.limits.skin_c_max:g})", skin_c >= e.skin_trip_c
        return Stop(Hazard.SKIN_HOT, text, "Look at the skin; let it cool", trips)
    if skin_c >= min(e.skin_warn_c, e.limits.skin_c_max - SKIN_WARN_BEFORE_C):
        return Warn(Hazard.SKIN_HOT, f"skin at {skin_c:.1f} °C")
    return None


def skin_moves_as_skin(s: Snapshot, e: Envelope) -> Verdict:
    """A sensor that jumps, stands still, or does not warm in the light does not look at skin."""
    if not s.skin_fitted or not s.lit:
        return None
    remedy = "Aim the sensor at the treated skin; check its cable"
    if not s.skin_jump_c <= e.skin_jump_c:
        return Stop(Hazard.SKIN_IMPLAUSIBLE, f"the skin sensor jumped by {s.skin_jump_c:.1f} °C", remedy)
    warm_by_now = s.lit_s >= e.skin_warms_s and s.expected_mw_cm2 >= e.skin_warms_from_mw_cm2
    if warm_by_now and (s.skin_rise_c is None or not s.skin_rise_c >= e.skin_warms_c):
        text = f"after {s.lit_s:.0f} s of light the skin sensor shows no warmth"
        return Stop(Hazard.SKIN_IMPLAUSIBLE, text, remedy)
    still_s = min(s.skin_still_s, s.lit_s)
    if not still_s < e.skin_still_s:
        return Stop(Hazard.SKIN_IMPLAUSIBLE, f"the skin sensor has not moved for {still_s:.0f} s", remedy)
    if still_s >= e.skin_still_warn_s:
        return Warn(Hazard.SKIN_IMPLAUSIBLE, f"the skin sensor has not moved for {still_s:.0f} s")
    return None


def housing_temperature(s: Snapshot, e: Envelope) -> Verdict:
    if not s.housing_fitted or e.housing_c_max is None:
        return None
    housing_c = _known(s.housing, e)
    if housing_c is None:
        return Stop(Hazard.BLIND, "the housing's temperature is unknown", "Check its sensor and cable")
    text = f"the lamp's housing is at {housing_c:.0f} °C (limit {e.housing_c_max:g})"
    if not housing_c < e.housing_c_max:
        return Stop(Hazard.HOUSING_HOT, text, "Let it cool; check its fan and air")
    return Warn(Hazard.HOUSING_HOT, text) if housing_c >= e.housing_c_max - e.housing_warn_c else None


def attended(s: Snapshot, e: Envelope) -> Verdict:
    """Silence dims, then stops."""
    if not s.unanswered_s <= e.answer_within_s + e.dimmed_s:
        text = f"nobody has answered for {s.unanswered_s:.0f} s whether the patient is comfortable"
        return Stop(Hazard.UNATTENDED, text, "Look after the patient; order the rest anew if it is wanted")
    if s.unanswered_s > e.answer_within_s:
        return Warn(Hazard.UNATTENDED, "nobody has answered: the lamp is dimmed")
    return None


def clock_steady(s: Snapshot, e: Envelope) -> Verdict:
    if abs(s.clock_step_s) <= e.clock_step_s:
        return None
    text = f"this computer's clock jumped by {s.clock_step_s:+.1f} s: it slept, or was set"
    return Stop(Hazard.CLOCK_STEPPED, text, "Forbid this computer to sleep; let its clock be steered, not set")


def thermal_dose(s: Snapshot, e: Envelope) -> Verdict:
    if not s.cem43_min < e.cem43_stop_min:
        return Stop(Hazard.THERMAL_DOSE, f"thermal dose {s.cem43_min:.1f} min CEM43", "End here; look at the skin")
    if s.cem43_min >= e.cem43_warn_min:
        return Warn(Hazard.THERMAL_DOSE, f"thermal dose {s.cem43_min:.1f} min CEM43")
    return None


def interlocks_closed(s: Snapshot, e: Envelope) -> Verdict:
    for name, reading in s.interlocks:
        closed = _known(reading, e)
        if closed is None:
            return Stop(Hazard.BLIND, f"interlock {name!r} is unknown", "Check its input module and wiring")
        if not closed:
            return Stop(Hazard.INTERLOCK, f"interlock {name!r} is open", f"Close {name!r}, then order again")
    return None


def irradiance_within_limit(s: Snapshot, e: Envelope) -> Verdict:
    irradiance = _known(s.irradiance, e)
    if irradiance is None:
        return None
    limit = e.limits.irradiance_mw_cm2_max * e.irradiance_margin
    if irradiance > limit:
        return Stop(
            Hazard.TOO_BRIGHT,
            f"{irradiance:.0f} mW/cm² is above {limit:.0f}",
            "Check the distance and the dimmer",
        )
    return None


def irradiance_known(s: Snapshot, e: Envelope) -> Verdict:
    if s.radiometer_fitted and _known(s.irradiance, e) is None:
        return Stop(Hazard.BLIND, "the radiometer is silent", "Check the radiometer and its cable")
    return None


def lamp_as_calibrated(s: Snapshot, e: Envelope) -> Verdict:
    """On but not rising, or far from what the calibration says, in either direction."""
    irradiance = _known(s.irradiance, e)
    if not s.lit or irradiance is None or s.lit_s < e.rise_s or s.expected_mw_cm2 < e.dark_mw_cm2:
        return None
    deviation = irradiance / s.expected_mw_cm2 - 1.0
    if irradiance < e.dark_mw_cm2:
        return Stop(
            Hazard.OFF_CALIBRATION,
            "the lamp is on but gives no light",
            "Check the bulb, the cut-off and the radiometer",
        )
    if abs(deviation) > e.calibration_stop:
        return Stop(
            Hazard.OFF_CALIBRATION,
            f"the lamp is {deviation:+.0%} off its calibration",
            "Check distance, bulb and mains; calibrate",
        )
    if not 100.0 * abs(deviation) <= s.expected_within_pct:
        text = f"the lamp is {deviation:+.0%} off its calibration, which is known to {s.expected_within_pct:.0f} %"
        return Warn(Hazard.OFF_CALIBRATION, text)
    return None


def dark_when_off(s: Snapshot, e: Envelope) -> Verdict:
    """Off but still emitting: a stuck output or a welded contact, by its own read-back or as the radiometer sees it."""
    if s.lit or s.dark_s <= e.rise_s:
        return None
    remedy = "Pull the plug; have the output checked"
    supply_cut = s.cutoff_fitted and s.cutoff_closed is False
    if s.output_on and not supply_cut:
        return Stop(Hazard.LIT_WHEN_OFF, "off, yet the emitter reads back as on", remedy)
    irradiance = _known(s.irradiance, e)
    if irradiance is None:
        return None
    if irradiance > s.expected_mw_cm2 + max(3 * e.dark_mw_cm2, 0.25 * s.expected_mw_cm2):
        return Stop(Hazard.LIT_WHEN_OFF, f"off, yet the radiometer shows {irradiance:.0f} mW/cm²", remedy)
    return None


def output_as_commanded(s: Snapshot, e: Envelope) -> Verdict:
    if not s.lit:
        return None
    if not s.output_age_s <= e.stale_s or s.output_on is None:
        return Stop(Hazard.LINE_SILENT, "the emitter does not answer", "Check the emitter's line and supply")
    if s.restarted:
        return Stop(Hazard.EMITTER_DISOBEYS, "an output has restarted: its fail-safe is off", "Check its supply")
    if s.tripped or not s.output_on:
        return Stop(
            Hazard.EMITTER_DISOBEYS,
            "the emitter went off by itself (fail-safe, restart or fault)",
            "Check its supply and line",
        )
    return None


def cutoff_as_commanded(s: Snapshot, e: Envelope) -> Verdict:
    if s.lit and s.cutoff_fitted and s.cutoff_closed is not True:
        state = "is open" if s.cutoff_closed is False else "does not answer"
        return Stop(Hazard.CUTOFF_DISOBEYS, f"the cut-off {state}", "Check the cut-off's line and supply")
    return None


def dose_not_exceeded(s: Snapshot, e: Envelope) -> Verdict:
    if s.lit and not s.fluence_j_cm2 <= min(s.prescribed_j_cm2, e.limits.fluence_j_cm2_max) * e.overdose:
        return Stop(
            Hazard.OVER_DOSE,
            f"{s.fluence_j_cm2:.2f} J/cm² delivered of {s.prescribed_j_cm2:g}",
            "Check the record before another session",
        )
    return None


def time_not_exceeded(s: Snapshot, e: Envelope) -> Verdict:
    allowed = min(s.planned_s * e.overtime + 10.0, e.limits.duration_s_max)
    if s.lit and s.time_on_s > allowed:
        return Stop(
            Hazard.TOO_LONG,
            f"lit for {s.time_on_s:.0f} s, planned {s.planned_s:.0f}",
            "The lamp is too weak for this dose: check or calibrate it",
        )
    return None


Rule = Callable[[Snapshot, Envelope], Verdict]

RULES: tuple[Rule, ...] = (
    dark_when_off,  # first: an open door or a hot skin after the stop must not hide that the lamp is still lit
    interlocks_closed,
    skin_temperature,
    skin_moves_as_skin,
    thermal_dose,
    housing_temperature,
    attended,
    clock_steady,
    irradiance_within_limit,
    irradiance_known,
    output_as_commanded,
    cutoff_as_commanded,
    lamp_as_calibrated,
    dose_not_exceeded,
    time_not_exceeded,
    record_and_calibration_hold,
)


def evaluate(snapshot: Snapshot, envelope: Envelope) -> tuple[Stop | None, tuple[Warn, ...]]:
    """The first reason to stop, in the order of `RULES`, and every warning."""
    verdicts = [rule(snapshot, envelope) for rule in RULES]
    stops = [v for v in verdicts if isinstance(v, Stop)]
    return (stops[0] if stops else None), tuple(v for v in verdicts if isinstance(v, Warn))
