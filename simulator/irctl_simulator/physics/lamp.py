"""What radiates: a tungsten or halogen reflector lamp behind a phase-angle dimmer, a ceramic emitter, an LED panel.

Electrical: what reaches the lamp is given as the mean-square voltage fraction `v2` = (V_rms / V_mains)^2, 0..1.
Steady radiant output follows lamp power, P ~ V^1.6 = v2^0.8 (not the luminous exponent of 3.4), normalised to 1 at full mains.
Thermal: two first-order components, the filament (94 %, 0.35 s) and the warm envelope and reflector (6 %, 25 s); both figures
are assumptions within the published ranges and can be configured. Between changes of drive the output is a sum of
exponentials, so steps of any length are exact, and so is the fluence.

A ceramic emitter is a resistor that hardly changes with its temperature, so it takes v2 of its full power and radiates that once it is warm; it warms and cools with one
time constant of minutes (assumed: really it cools the slower the colder it is, as T^4 goes). It radiates on after its power is cut: nothing electrical darkens it.
An LED panel radiates at once what its drive and its junction allow: output = drive (1 + d - d T), where T is the junction's warmth, 1 at full drive, and d its droop
(LED data sheets give 5 to 20 % from cold to warm); T follows the drive within tens of seconds. Both figures are assumptions and can be configured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

POWER_EXPONENT = 1.6
"""Tungsten lamp power against rms voltage."""


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the radiant output that follows the drive with one time constant."""

    fraction: float
    tau_s: float


FILAMENT_AND_ENVELOPE = (Component(0.94, 0.35), Component(0.06, 25.0))


@dataclass(frozen=True, slots=True)
class Field:
    """Where the light falls: E = k / (d + d0)^2, pinned at one distance. A reflector lamp's source lies virtually behind it."""

    irradiance_mw_cm2: float
    at_cm: float = 50.0
    virtual_source_cm: float = 5.0

    def at(self, distance_cm: float) -> float:
        """Full-power irradiance at a distance, mW/cm2."""
        return (
            self.irradiance_mw_cm2
            * ((self.at_cm + self.virtual_source_cm) / (distance_cm + self.virtual_source_cm)) ** 2
        )


@dataclass(frozen=True, slots=True)
class Ageing:
    """Radiant output relative to the lamp when new; every hour it is lit costs the same part of what is left."""

    factor: float = 1.0
    loss_pct_per_h: float = 0.0

    def after(self, lit_s: float) -> float:
        return self.factor * (1.0 - self.loss_pct_per_h / 100.0) ** (lit_s / 3600.0)


def steady_fraction(v2: float) -> float:
    """Radiant output in steady state, as a fraction of full power, for a mean-square voltage fraction."""
    return max(v2, 0.0) ** (POWER_EXPONENT / 2.0)


def phase_v2(conduction: float) -> float:
    """Mean-square voltage fraction of a resistive load conducting for the last `conduction` (0..1) of every half wave.

    V_rms / V = sqrt(1 - a/pi + sin(2a)/(2 pi)) at firing angle a; trailing edge conducts the mirrored part, same value.
    """
    angle = math.pi * (1.0 - min(max(conduction, 0.0), 1.0))
    return 1.0 - angle / math.pi + math.sin(2.0 * angle) / (2.0 * math.pi)


def conduction_for(v2: float) -> float:
    """Inverse of `phase_v2`, by bisection to 1e-6."""
    low, high = 0.0, 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2.0
        low, high = (middle, high) if phase_v2(middle) < v2 else (low, middle)
    return (low + high) / 2.0


@dataclass(slots=True)
class LampBody:
    """The radiant state of one lamp, as fractions of full power; starts cold and dark."""

    components: tuple[Component, ...] = FILAMENT_AND_ENVELOPE
    drive: float = 0.0
    """Radiant fraction the present electrical state leads to once everything has settled."""
    parts: list[float] = field(default_factory=lambda: list[float]())
    """Output of each component as a fraction of its own full output."""

    def __post_init__(self) -> None:
        self.parts = [0.0] * len(self.components)

    @property
    def output(self) -> float:
        """Radiant output now, as a fraction of full power."""
        return sum(one.fraction * part for one, part in zip(self.components, self.parts, strict=True))

    @property
    def dark(self) -> bool:
        return self.drive == 0.0 and not any(self.parts)

    @property
    def settled(self) -> float:
        """What the output will be if the drive stays."""
        return self.drive

    @property
    def afterglow_s(self) -> float:
        """Seconds of full power that its heat would still give if it went dark now."""
        return sum(one.fraction * part * one.tau_s for one, part in zip(self.components, self.parts, strict=True))

    def steady(self, v2: float) -> float:
        """Settled output of a new lamp at a drive."""
        return steady_fraction(v2)

    def feed(self, v2: float, strength: float) -> None:
        """Drive it from now on; `strength`: of the lamp and its mains, 1 when new and nominal."""
        self.drive = self.steady(v2) * strength

    def transients(self) -> list[tuple[float, float]]:
        """(amplitude, tau_s): the output from now on is `settled` + sum(amplitude * exp(-t / tau)) while the drive stays."""
        return [
            (one.fraction * (part - self.drive), one.tau_s)
            for one, part in zip(self.components, self.parts, strict=True)
        ]

    def step(self, dt_s: float) -> float:
        """Move `dt_s` on at the present drive; returns the exact integral of the output fraction over the step, seconds."""
        integral = self.drive * dt_s
        drive = self.drive
        for index, one in enumerate(self.components):
            away = self.parts[index] - drive
            left = math.exp(-dt_s / one.tau_s)
            integral += one.fraction * away * one.tau_s * (1.0 - left)
            part = drive + away * left
            self.parts[index] = part if part > 1e-12 else 0.0
        return integral


class CeramicEmitter(LampBody):
    """Minutes to warm, minutes of afterglow."""

    def steady(self, v2: float) -> float:
        return max(v2, 0.0)


@dataclass(slots=True)
class LedPanel:
    """The same interface: light at once, and less of it as the junction warms. `warmth`: of the junction, 1 at full drive."""

    afterglow_s: ClassVar[float] = 0.0
    droop: float
    tau_s: float
    drive: float = 0.0
    strength: float = 1.0
    warmth: float = 0.0

    def steady(self, v2: float) -> float:
        drive = max(v2, 0.0)
        return drive * (1.0 + self.droop - self.droop * drive)

    def feed(self, v2: float, strength: float) -> None:
        self.drive, self.strength = max(v2, 0.0), strength

    @property
    def output(self) -> float:
        return self.strength * self.drive * (1.0 + self.droop - self.droop * self.warmth)

    @property
    def settled(self) -> float:
        return self.strength * self.steady(self.drive)

    @property
    def dark(self) -> bool:
        return self.drive == 0.0 and self.warmth == 0.0

    def transients(self) -> list[tuple[float, float]]:
        return [(self.output - self.settled, self.tau_s)]

    def step(self, dt_s: float) -> float:
        left = math.exp(-dt_s / self.tau_s)
        integral = self.settled * dt_s + (self.output - self.settled) * self.tau_s * (1.0 - left)
        warmth = self.drive + (self.warmth - self.drive) * left
        self.warmth = warmth if warmth > 1e-12 else 0.0
        return integral


Body = LampBody | LedPanel
