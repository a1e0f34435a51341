"""What one seed stands for: the station's age, what is prescribed, what the operators do at bad moments, and what breaks when.

Drawn once, from one generator, before anything runs: the plan is data, and the same seed is the same plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp, log
from random import Random

from irctl.domain.limits import NO_BOUNDS, Bounds
from irctl_campaign.catalogue import BY_NAME, Kind, Params, possible
from irctl_campaign.scene import Scene, demonstration

FLUENCE_J_CM2 = (0.3, 2.5)
IRRADIANCE_MW_CM2 = (20.0, 75.0)
AGEING = (0.8, 1.03)
"""Radiant output relative to the calibration: what steering and the interval must cope with."""
AGEING_MARGIN = 0.05
"""Of the calibration's drift allowance, kept for the mains."""
LIGHT_AFTER_S = 3.5
"""About from an order to its first light: the checks take as long."""

HELPLESS_SHARE = 0.02
"""Of seeds where both ways to dark fail on one lamp."""
FEVER_SHARE = 0.01
"""Of seeds where the skin stays just below its limit for minutes: long ones, for the thermal dose."""
FEVERISH = (9.5, 50.0)
SURGE_SHARE = 0.025
"""Of seeds where the radiometer begins to show more: within the last second, more than prescribed as far as anybody can tell, or in full light, more than
the order allows."""
GLARE_SHARE = 0.25
"""Of those, in full light."""
SURGE_FACTOR = (1.29, 1.34)
"""As much as can pass for the lamp's own (below 35 %), in one step: less is lost in what the model tolerates."""
GLARE_J_CM2 = 1.6
"""Long enough for the radiometer to have followed."""
NIPPED_SHARE = 0.005
"""Of seeds where the process dies between an order and its first check."""
LAPSE_SHARE = 0.03
"""Of seeds where the calibrations run out during the treatment."""
NARROW_SHARE = 0.3
"""Of orders that come with limits of their own, close around what they prescribe."""
INATTENTIVE_SHARE = 0.06


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault: when (seconds after the first order), what, and for how long (None: until the end of the safety phase)."""

    at_s: float
    kind: Kind
    target: str
    params: Params
    lasts_s: float | None

    def __str__(self) -> str:
        params = "".join(f" {key}={value}" for key, value in self.params.items())
        lasting = "" if self.kind.once else " for good" if self.lasts_s is None else f" for {self.lasts_s:.2f} s"
        return f"{self.kind.name} {self.target}{params}{lasting}"


@dataclass(frozen=True, slots=True)
class Deed:
    """What a person does: when (seconds after the first order), a verb, and on which lamp."""

    at_s: float
    verb: str
    lamp: str


@dataclass(frozen=True, slots=True)
class Prescription:
    lamp: str
    at_s: float
    fluence_j_cm2: float
    irradiance_mw_cm2: float
    patience_s: float
    """From ready to start."""
    limits: Bounds = NO_BOUNDS
    attentive: bool = True
    """Whether anybody answers when the attendant is asked."""

    @property
    def planned_s(self) -> float:
        return self.fluence_j_cm2 * 1000.0 / self.irradiance_mw_cm2


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    ageing: dict[str, float]
    prescriptions: tuple[Prescription, ...]
    deeds: tuple[Deed, ...]
    strikes: tuple[Strike, ...]
    lapses_s: float | None = None
    """When the calibrations run out."""


def draw(seed: int, scene: Scene | None = None) -> Plan:
    """The plan of a seed, for this station (the demonstration where none is given)."""
    scene, random = scene or demonstration(), Random(seed)
    ageing = {lamp: _ageing(random, scene, lamp) for lamp in scene.lamps}
    if random.random() < FEVER_SHARE and scene.skins:
        return _fever(seed, scene, ageing)
    rare = random.random()
    if rare < SURGE_SHARE and scene.radiometers:
        return _surge(seed, scene, ageing, random)
    if rare < SURGE_SHARE + NIPPED_SHARE:
        return _nipped(seed, scene, ageing, random)
    first, *_ = every = scene.lamps
    lamps = random.choice(((first,), *((lamp,) for lamp in every), every, every))
    prescriptions = tuple(_prescription(random, scene, lamp) for lamp in lamps)
    span_s = max(p.at_s + LIGHT_AFTER_S + p.patience_s + p.planned_s for p in prescriptions)
    deeds = tuple(sorted(_deeds(random, lamps, span_s), key=lambda deed: deed.at_s))
    strikes = tuple(sorted(_strikes(random, scene, prescriptions), key=lambda strike: strike.at_s))
    lapses_s = round(random.uniform(2.0, span_s), 1) if random.random() < LAPSE_SHARE else None
    return Plan(seed, ageing, prescriptions, deeds, strikes, lapses_s)


def _ageing(random: Random, scene: Scene, lamp: str) -> float:
    """Within what the calibration allows for where nothing measures."""
    low, high = AGEING
    allowed = 1.0 - (scene.config.calibrations[lamp].drift_allowance_pct / 100.0 - AGEING_MARGIN)
    return round(random.uniform(max(low, allowed), high), 3)


def _fever(seed: int, scene: Scene, ageing: dict[str, float]) -> Plan:
    lamp, thermometer = _one_of(seed, scene.skins)
    fluence, irradiance = FEVERISH
    _, irradiance = scene.irradiances(lamp, 0.0, irradiance)
    strike = Strike(LIGHT_AFTER_S + 10.0, BY_NAME["fever"], thermometer, {}, None)
    return Plan(seed, ageing, (Prescription(lamp, 0.0, scene.fluence(lamp, fluence), irradiance, 0.0),), (), (strike,))


def _surge(seed: int, scene: Scene, ageing: dict[str, float], random: Random) -> Plan:
    lamp, radiometer = _one_of(seed, scene.radiometers)
    _, irradiance = scene.irradiances(lamp, 0.0, 60.0)
    fluence = scene.fluence(lamp, round(random.uniform(0.4, 0.7), 2))
    treated, low, high = Prescription(lamp, 0.0, fluence, irradiance, 0.0), -0.6, 0.6
    if random.random() < GLARE_SHARE:
        fluence, bounds = scene.fluence(lamp, GLARE_J_CM2), Bounds(irradiance_mw_cm2_max=irradiance)
        treated, low, high = Prescription(lamp, 0.0, fluence, irradiance, 0.0, bounds), -5.0, -2.0
    at_s = round(LIGHT_AFTER_S + treated.planned_s + random.uniform(low, high), 3)
    strike = Strike(at_s, BY_NAME["gain"], radiometer, {"factor": round(random.uniform(*SURGE_FACTOR), 3)}, None)
    return Plan(seed, ageing, (treated,), (), (strike,))


def _nipped(seed: int, scene: Scene, ageing: dict[str, float], random: Random) -> Plan:
    lamp = random.choice(scene.lamps)
    at_s, down_s = round(random.uniform(0.0, 0.1), 3), round(random.uniform(0.2, 3.0), 3)
    strike = Strike(at_s, BY_NAME["kill"], "controller", {"seconds": down_s}, None)
    return Plan(seed, ageing, (replace(_prescription(random, scene, lamp), at_s=0.0),), (), (strike,))


def _one_of(seed: int, fitted: Mapping[str, str]) -> tuple[str, str]:
    """A lamp with this instrument, and the instrument."""
    pairs = tuple(fitted.items())
    return pairs[seed % len(pairs)]


def _prescription(random: Random, scene: Scene, lamp: str) -> Prescription:
    low, high = FLUENCE_J_CM2
    at_s = round(random.choice((0.0, 0.0, random.uniform(0.0, 5.0))), 3)
    fluence = scene.fluence(lamp, round(exp(random.uniform(log(low), log(high))), 2))
    irradiance = round(random.uniform(*scene.irradiances(lamp, *IRRADIANCE_MW_CM2)), 1)
    limits = NO_BOUNDS
    if random.random() < NARROW_SHARE:
        limits = Bounds(
            irradiance_mw_cm2_max=round(irradiance * random.uniform(1.0, 1.2), 1),
            fluence_j_cm2_max=round(fluence * random.uniform(1.0, 1.2), 3),
            duration_s_max=round(fluence * 1000.0 / irradiance * random.uniform(1.01, 1.5), 1),
        )
    return Prescription(
        lamp,
        at_s,
        fluence,
        irradiance,
        patience_s=round(random.choice((0.0, random.uniform(0.0, 5.0))), 3),
        limits=limits,
        attentive=random.random() >= INATTENTIVE_SHARE,
    )


def _strikes(random: Random, scene: Scene, prescriptions: tuple[Prescription, ...]) -> list[Strike]:
    count = random.choices((0, 1, 2, 3, 5), (1, 6, 3, 1, 0.5))[0]
    kinds = possible(scene)
    strikes = [
        _strike(random, scene, random.choices(kinds, [k.weight for k in kinds])[0], prescriptions) for _ in range(count)
    ]
    if random.random() < HELPLESS_SHARE:
        treated = random.choice(prescriptions)
        for name, outputs in (("stuck_output", scene.emitters), ("welded", scene.cutoffs)):
            if treated.lamp in outputs:
                strikes.append(Strike(_moment(random, treated), BY_NAME[name], outputs[treated.lamp], {}, None))
    return strikes


def _strike(random: Random, scene: Scene, kind: Kind, prescriptions: tuple[Prescription, ...]) -> Strike:
    """Mostly where it matters: on what a lamp in treatment depends on."""
    treated, all_targets = random.choice(prescriptions), kind.targets(scene)
    targets = [target for target, lamps in all_targets.items() if treated.lamp in lamps or random.random() < 0.1]
    target = random.choice(sorted(targets or all_targets))
    lasts_s = random.choice((None, None, round(10 ** random.uniform(-1.0, 1.3), 3)))
    return Strike(_moment(random, treated), kind, target, kind.draw(random), lasts_s)


def _moment(random: Random, treated: Prescription) -> float:
    """Mostly while there is light, often near its beginning and end, sometimes before."""
    lit_s = treated.at_s + LIGHT_AFTER_S + treated.patience_s
    dark_s = lit_s + treated.planned_s
    low, high = random.choice(
        ((0.0, lit_s), (lit_s - 0.5, lit_s + 2.0), (lit_s, dark_s), (lit_s, dark_s), (dark_s - 2.0, dark_s + 3.0))
    )
    return round(max(0.0, random.uniform(low, high)), 3)


def _deeds(random: Random, lamps: tuple[str, ...], span_s: float) -> list[Deed]:
    """Mostly nobody meddles."""
    lamp = random.choice(lamps)
    at_s = round(random.uniform(0.0, span_s), 3)
    match random.choices(
        ("nothing", "pause", "storm", "end", "stop", "stops", "second order", "double start"), (8, 2, 1, 1, 1, 1, 1, 1)
    )[0]:
        case "pause":
            return [Deed(at_s, "pause", lamp), Deed(at_s + round(random.uniform(0.1, 20.0), 3), "resume", lamp)]
        case "storm":
            step_s = round(random.uniform(0.05, 1.5), 3)
            return [Deed(at_s + n * step_s, "resume" if n % 2 else "pause", lamp) for n in range(8)]
        case "end":
            return [Deed(at_s, "end", lamp)]
        case "stop":
            return [Deed(at_s, "stop", lamp)]
        case "stops":  # while arming or anywhere, from several at once, and cleared too soon
            at_s = random.choice((at_s, round(random.uniform(0.0, 5.0), 3)))
            return [*(Deed(at_s, "stop", lamp) for _ in range(4)), Deed(at_s + 0.2, "clear", lamp)]
        case "second order":
            return [Deed(at_s, "order", lamp)]
        case "double start":
            at_s = round(random.uniform(0.5, 6.0), 3)
            return [Deed(at_s, "start", lamp), Deed(at_s + 0.01, "start", lamp), Deed(at_s + 0.3, "start", lamp)]
        case _:
            return []
