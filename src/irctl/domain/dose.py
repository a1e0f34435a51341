"""Delivered dose: an interval with its reasons, and the two ways to arrive at it (measured, or calibrated estimate)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, hypot, isfinite

from irctl.domain.response import LampModel, LampResponse


@dataclass(frozen=True, slots=True)
class Contribution:
    """One reason why the dose is not known better: its half-width in J/cm² at k=2."""

    name: str
    half_width_j_cm2: float
    relative_pct: float | None = None
    """The same as a share of the dose, where it is one."""


@dataclass(frozen=True, slots=True)
class Dose:
    """Fluence in J/cm² as an interval: the truth is between `min` and `max` (k=2), `best` is the estimate."""

    min_j_cm2: float
    best_j_cm2: float
    max_j_cm2: float
    contributions: tuple[Contribution, ...] = ()

    @classmethod
    def of(
        cls,
        best_j_cm2: float,
        contributions: tuple[Contribution, ...],
        possible_j_cm2: float = 0.0,
        doubtful_j_cm2: float = 0.0,
    ) -> Dose:
        """The interval of independent contributions, combined as root sum of squares (GUM 5.1.2).

        `possible_j_cm2` may have been delivered besides: it raises the maximum alone. `doubtful_j_cm2` is in `best_j_cm2` and may
        not have been delivered: it lowers the minimum alone.
        """
        half_width = hypot(*(c.half_width_j_cm2 for c in contributions)) if contributions else 0.0
        low = max(0.0, best_j_cm2 - half_width - doubtful_j_cm2)
        return cls(low, best_j_cm2, best_j_cm2 + half_width + possible_j_cm2, contributions)


NO_DOSE = Dose(0.0, 0.0, 0.0)

SWITCHING_UNCERTAINTY_S = 0.05
"""How well the moments of on and off are known: one frame at 9600 baud, twice, and the device's own delay."""
RAMP_UNCERTAINTY_S = 0.5
"""The same where nothing measures: a dimmer fades in over half a second or so, and no calibration says how."""


@dataclass(slots=True)
class DoseMeter:
    """Follows one session's dose.

    With a radiometer the dose is its integral. A first-order sensor lags, but what it has not shown yet is known: between two readings
    ∫E dt = ∫r dt + τ·Δr, exactly (r without the dark reading). The calibration's model of the lamp runs beside it, scaled to what is measured, and gives the
    irradiance between readings and the afterglow. Without a radiometer the model is all there is, and the interval says so.
    """

    response: LampResponse
    uncertainty_pct: float
    """k=2, of the radiometer where there is one, else of the calibration curve."""
    distance_cm: float
    positioning_cm: float
    drift_allowance_pct: float = 0.0
    """Only where nothing measures: how far the lamp may have moved since its calibration."""
    sensor_response_s: float | None = None
    """First-order response time of the radiometer; None without one."""
    dark_mw_cm2: float = 0.0
    dark_uncertainty_mw_cm2: float = 0.0
    noise_mw_cm2: float = 0.0
    """Of one reading (k=2). What a lagging sensor has not shown yet is inferred from its last reading, noise and all."""
    monitor_factor: float = 1.0
    """True irradiance over what the radiometer shows, from the calibration."""
    possible_j_cm2: float = 0.0
    """What may have been delivered on top and nobody saw: it widens the interval upwards only."""
    disputed: bool = False
    """Radiometer and calibration contradicted each other so far that a rule ended the light: nobody knows which of them told the truth."""

    model: LampModel = field(init=False)
    scale: float = 1.0
    """Measured irradiance as a multiple of what the calibration predicts: ageing, mains, soiling."""
    _reading_mw_cm2: float = 0.0
    _reading_at_s: float | None = None
    _counted_j_cm2: float = 0.0
    """Measured, up to the last reading."""
    _counted_s: float = 0.0
    _missed_j_cm2: float = 0.0
    """How far measurement and model disagree about the gaps between readings."""
    _since_reading_j_cm2: float = 0.0
    _expected_reading_mw_cm2: float = 0.0
    _driven: bool = False
    _lit_s: float = 0.0
    """Since the output was last switched on."""
    _unconfirmed_j_cm2: float = 0.0
    _doubtful_j_cm2: float = 0.0
    _unlike_model: float = 1.0
    """How far the last reading was from what the scaled model says, as a share; all of it until the two could be compared."""
    _times_lit: int = 0
    _brightest_mw_cm2: float = 0.0

    def __post_init__(self) -> None:
        self.model = LampModel(self.response)

    @property
    def measured(self) -> bool:
        return self.sensor_response_s is not None

    @property
    def irradiance_mw_cm2(self) -> float:
        """Irradiance now: the model, scaled to what is measured."""
        return self.scale * self.model.irradiance_mw_cm2

    @property
    def expected_reading_mw_cm2(self) -> float:
        """What a radiometer should show now if the lamp behaved exactly as calibrated (its lag included)."""
        return self._expected_reading_mw_cm2

    @property
    def reading_mw_cm2(self) -> float | None:
        """The last reading less the dark reading, corrected; None before the first."""
        return None if self._reading_at_s is None else self._reading_mw_cm2

    @property
    def shown_mw_cm2(self) -> float:
        """What a person is shown: the reading where there is one, else the estimate."""
        return max(0.0, self._reading_mw_cm2) if self._reading_at_s is not None else self.irradiance_mw_cm2

    @property
    def fluence_j_cm2(self) -> float:
        """Best estimate of what has been delivered up to now."""
        if self.sensor_response_s is None:
            return self.model.fluence_j_cm2
        return max(0.0, self._counted_j_cm2 + self._since_reading_j_cm2)

    @property
    def afterglow_j_cm2(self) -> float:
        return self.scale * self.model.afterglow_j_cm2

    @property
    def dose(self) -> Dose:
        best = self.fluence_j_cm2
        shares = [
            ("radiometer calibration" if self.measured else "lamp calibration", self.uncertainty_pct),
            ("distance", 200.0 * self.positioning_cm / self.distance_cm),
        ]
        if not self.measured:
            shares.append(("lamp ageing and mains since calibration", self.drift_allowance_pct))
        contributions = [Contribution(name, best * pct / 100.0, pct) for name, pct in shares]
        switching_s = (SWITCHING_UNCERTAINTY_S if self.measured else RAMP_UNCERTAINTY_S) * self._times_lit
        contributions.append(Contribution("timing", self._brightest_mw_cm2 * switching_s / 1000.0))
        if self.sensor_response_s is not None:
            noise_j_cm2 = self.noise_mw_cm2 * self.monitor_factor * self.sensor_response_s / 1000.0
            if self._counted_s > 0 and noise_j_cm2 > 0:
                contributions.append(Contribution("reading noise", noise_j_cm2))
            contributions.append(
                Contribution(
                    "dark reading", self.dark_uncertainty_mw_cm2 * self.monitor_factor * self._counted_s / 1000.0
                )
            )
            if self._missed_j_cm2 > 0:
                contributions.append(Contribution("readings missing", self._missed_j_cm2))
            if self._since_reading_j_cm2 > 0:
                share = max(self.drift_allowance_pct / 100.0, min(1.0, self._unlike_model))
                contributions.append(Contribution("not measured", self._since_reading_j_cm2 * share))
        possible, doubtful = (
            self.possible_j_cm2,
            0.0 if self.measured else self._doubtful_j_cm2 + self._unconfirmed_j_cm2,
        )
        if self.disputed:
            calibrated, share = self.model.fluence_j_cm2, (self.uncertainty_pct + self.drift_allowance_pct) / 100.0
            possible += max(0.0, calibrated * (1.0 + share) - best)
            doubtful += max(0.0, best - calibrated * (1.0 - share))
        return Dose.of(best, tuple(contributions), possible, doubtful)

    def confirm(self) -> None:
        """The output has just read back as lit: what was given up to now is no guess."""
        self._unconfirmed_j_cm2 = 0.0

    def settle(self) -> None:
        """The session is over: count the afterglow still to come, as the calibration predicts it."""
        self._since_reading_j_cm2 += self.afterglow_j_cm2
        self.model.settle()

    def advance(self, duration_s: float, steady_mw_cm2: float) -> None:
        """Let `duration_s` pass with the lamp driven for a calibrated steady irradiance (0 when off)."""
        if duration_s <= 0:
            return
        before, glow_before = self.model.fluence_j_cm2, self.model.afterglow_j_cm2
        self.model.advance(duration_s, steady_mw_cm2)
        gained_j_cm2 = self.model.fluence_j_cm2 - before
        if steady_mw_cm2 > 0:
            self._doubt(duration_s, gained_j_cm2 + self.model.afterglow_j_cm2 - glow_before)
        self._driven = steady_mw_cm2 > 0
        self._brightest_mw_cm2 = max(self._brightest_mw_cm2, self.irradiance_mw_cm2)
        self._since_reading_j_cm2 += self.scale * gained_j_cm2
        if self.sensor_response_s is not None:
            mean = gained_j_cm2 * 1000.0 / duration_s
            follow = 1.0 - exp(-duration_s / self.sensor_response_s)
            self._expected_reading_mw_cm2 += (mean - self._expected_reading_mw_cm2) * follow

    def _doubt(self, duration_s: float, given_j_cm2: float) -> None:
        """Lit, as far as anybody knows: what was given with its afterglow is doubtful until the output reads back, and in a soft start for ever."""
        if not self._driven:
            self._times_lit += 1
            self._lit_s = 0.0
            self._doubtful_j_cm2 += self._unconfirmed_j_cm2
            self._unconfirmed_j_cm2 = 0.0
        if self._lit_s < SOFT_START_S:
            self._doubtful_j_cm2 += max(0.0, given_j_cm2)
        else:
            self._unconfirmed_j_cm2 += max(0.0, given_j_cm2)
        self._lit_s += duration_s

    def corrected(self, reading_mw_cm2: float) -> float:
        """True irradiance behind what the radiometer shows, mW/cm²."""
        return (reading_mw_cm2 - self.dark_mw_cm2) * self.monitor_factor

    def read(self, reading_mw_cm2: float, at_s: float) -> None:
        """Take a radiometer reading (as the instrument gives it) made at `at_s`, which `advance` has reached.

        What is no number is no reading: the model goes on.
        """
        value = self.corrected(reading_mw_cm2)
        if not isfinite(value) or self.sensor_response_s is None:
            return
        modelled = gained = self._since_reading_j_cm2
        if self._reading_at_s is not None:
            elapsed = at_s - self._reading_at_s
            shown = 0.5 * (value + self._reading_mw_cm2) * elapsed / 1000.0
            gained = shown + self.sensor_response_s * (value - self._reading_mw_cm2) / 1000.0
            if elapsed > GAP_S:
                # Nobody saw what happened in between: the larger counts, and the difference is doubt.
                self._missed_j_cm2 += abs(gained - modelled)
                gained = max(gained, modelled)
            self._counted_s += elapsed
            self._rescale(value, elapsed)
        self._counted_j_cm2 += gained
        self._reading_mw_cm2, self._reading_at_s = value, at_s
        self._since_reading_j_cm2 = 0.0

    def _rescale(self, value_mw_cm2: float, elapsed_s: float) -> None:
        """Follow the ratio of measured to expected slowly; while the lamp is too faint to tell, keep what was known."""
        if self._expected_reading_mw_cm2 < SCALE_FROM_MW_CM2:
            return
        found = value_mw_cm2 / self._expected_reading_mw_cm2
        ratio = min(max(found, SCALE_MIN), SCALE_MAX)
        self.scale += (ratio - self.scale) * (1.0 - exp(-elapsed_s / SCALE_FOLLOW_S))
        self._unlike_model = abs(found / self.scale - 1.0)


GAP_S = 2.0
"""Readings further apart than this (several ticks) leave a gap that a straight line does not describe."""
SOFT_START_S = 1.0
"""How long a dimmer may take to its level after it is switched on (Wiren Board as delivered: 10 ms per %)."""
SCALE_FROM_MW_CM2 = 2.0
"""Below this expected reading the ratio is mostly noise."""
SCALE_FOLLOW_S = 2.0
SCALE_MIN, SCALE_MAX = 0.3, 2.0
"""The ratio steers trim and prediction only within these; what is further off is a fault, and a rule stops for it."""
