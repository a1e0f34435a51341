"""What a day at a clinic of four lamps brings, drawn from a seed before it begins: who comes, what is prescribed, what goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from irctl.domain.limits import NO_BOUNDS, Bounds
from irctl_campaign.catalogue import BY_NAME, Draw, factor, nothing
from irctl_campaign.plan import Strike

CONFIGS = Path(__file__).parents[1] / "configs"
STATION, HARDWARE = CONFIGS / "four.toml", CONFIGS / "four-sim.toml"
LAMPS = ("bay-1", "bay-2", "bay-3", "bay-4")
MEASURED = frozenset({"bay-1", "bay-3"})
"""Those with a radiometer."""
DEVICES = ("dimmer-a", "dimmer-b", "relays", "io", "radiometer-1", "radiometer-3", "skin-1", "skin-3")
LINES = ("dimmer-line-a", "dimmer-line-b", "safety-line", "radiometer-line", "skin-line")

IRRADIANCE_MW_CM2 = (40.0, 75.0)
FLUENCE_MAX_J_CM2 = 78.0
"""What every lamp of the station may be asked for, and a little less."""
PATIENTS = 80
"""Who comes today comes again the day after tomorrow."""
TWICE_SHARE = 0.08
"""Of visits by somebody who was there today already: the interval or the day's ceiling must notice."""
NARROW_SHARE = 0.2
"""Of patients whose order brings limits of its own."""
PAUSED_SHARE, ENDED_SHARE = 0.15, 0.06


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How long things take. A day may be a short one: then everything that happens once a day happens sooner."""

    day_s: float = 86400.0
    open_s: float = 36000.0
    """From the day's beginning."""
    visit_every_s: float = 2400.0
    """On each lamp."""
    light_s: tuple[float, float] = (600.0, 1200.0)
    """At the prescribed irradiance."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One patient's appointment, and what comes of it if nothing intervenes. Times in seconds."""

    at_s: float
    """From the day's beginning."""
    lamp: str
    patient: str
    area: str
    fluence_j_cm2: float
    irradiance_mw_cm2: float
    limits: Bounds
    patience_s: float
    """From ready to start."""
    paused_after_s: float | None
    """Of light; None: not at all."""
    pause_s: float
    ended_after_s: float | None
    """Of light, by hand, for whatever reason."""


@dataclass(frozen=True, slots=True)
class Day:
    visits: tuple[Visit, ...]
    strikes: tuple[Strike, ...]
    stops_s: tuple[float, ...]
    """Emergency stops."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that goes wrong now and then."""

    kind: str
    targets: Sequence[str]
    lasts_s: tuple[float, float]
    per_hour: float = 0.0
    per_day: int = 0
    draw: Draw = nothing
    at_work: bool = True
    """Only in opening hours: people do it, or only then does it matter."""


def _late(random: Random) -> dict[str, float | str]:
    return {"seconds": round(10 ** random.uniform(-1.7, -0.1), 3)}


def _next(_random: Random) -> dict[str, float | str]:
    return {"next": 1}


MISHAPS = (
    Mishap("late", DEVICES, (0.3, 1.0), per_hour=3.0, draw=_late, at_work=False),
    Mishap("corrupt", DEVICES, (1.0, 5.0), per_hour=3.0, draw=_next, at_work=False),
    Mishap("silent", DEVICES, (2.0, 120.0), per_day=1),
    Mishap("unplug", LINES, (5.0, 120.0), per_day=1),
    Mishap(
        "reboot", DEVICES, (0.0, 0.0), per_day=1, draw=lambda random: {"seconds": round(random.uniform(0.5, 5.0), 2)}
    ),
    Mishap("frozen", ("radiometer-1", "radiometer-3", "skin-1", "skin-3"), (30.0, 600.0), per_day=1),
    Mishap("interlock open", tuple(f"curtain-{n}" for n in (1, 2, 3, 4)), (3.0, 60.0), per_day=4),
    Mishap("mains", ("all",), (5.0, 120.0), per_day=2, draw=factor(0.86, 0.97)),
    Mishap("kill", ("controller",), (0.0, 0.0), per_day=1),
    Mishap("power cut", ("controller",), (0.0, 0.0), per_hour=1 / 48, at_work=False),
)
STOPS_A_DAY = 1


def draw(rhythm: Rhythm, seed: int, day: int) -> Day:
    """The day with this number."""
    visits = _visits(Random(f"{seed}/day {day}/visits"), rhythm, day)
    random = Random(f"{seed}/day {day}/mishaps")
    strikes = [strike for mishap in MISHAPS for strike in _strikes(random, rhythm, mishap)]
    stops_s = [round(random.uniform(0.0, rhythm.open_s), 2) for _ in range(STOPS_A_DAY)]
    return Day(tuple(visits), tuple(sorted(strikes, key=lambda strike: strike.at_s)), tuple(stops_s))


def _visits(random: Random, rhythm: Rhythm, day: int) -> list[Visit]:
    """In the order in which people come."""
    patients = [f"P-{'even' if day % 2 == 0 else 'odd'}-{n:02d}" for n in range(PATIENTS)]
    random.shuffle(patients)
    times = [
        (n * rhythm.visit_every_s, lamp) for n in range(int(rhythm.open_s // rhythm.visit_every_s)) for lamp in LAMPS
    ]
    visits: list[Visit] = []
    for at_s, lamp in times:
        patient = patients.pop()
        if visits and random.random() < TWICE_SHARE:
            patient = random.choice(visits).patient
        visits.append(_visit(random, rhythm, at_s + random.uniform(0.0, rhythm.visit_every_s / 10), lamp, patient))
    return visits


def _visit(random: Random, rhythm: Rhythm, at_s: float, lamp: str, patient: str) -> Visit:
    irradiance = round(random.uniform(*IRRADIANCE_MW_CM2), 1)
    light_s = random.uniform(*rhythm.light_s)
    fluence = round(min(irradiance * light_s / 1000.0, FLUENCE_MAX_J_CM2), 2)
    narrow = Bounds(
        irradiance_mw_cm2_max=irradiance, day_fluence_j_cm2_max=round(1.2 * fluence, 2), interval_s_min=43200.0
    )
    return Visit(
        round(at_s, 2),
        lamp,
        patient,
        "lumbar",
        fluence,
        irradiance,
        narrow if random.random() < NARROW_SHARE else NO_BOUNDS,
        patience_s=round(random.uniform(0.0, rhythm.visit_every_s / 50), 2),
        paused_after_s=round(random.uniform(0.1, 0.9) * light_s, 1) if random.random() < PAUSED_SHARE else None,
        pause_s=round(random.uniform(0.005, 0.05) * rhythm.visit_every_s, 1),
        ended_after_s=round(random.uniform(0.1, 0.9) * light_s, 1) if random.random() < ENDED_SHARE else None,
    )


def _strikes(random: Random, rhythm: Rhythm, mishap: Mishap) -> list[Strike]:
    within_s = rhythm.open_s if mishap.at_work else rhythm.day_s
    count = mishap.per_day + int(mishap.per_hour * within_s / 3600.0 + random.random())
    kind = BY_NAME[mishap.kind]
    return [
        Strike(
            round(random.uniform(0.0, within_s), 2),
            kind,
            random.choice(mishap.targets),
            mishap.draw(random),
            None if kind.once else round(random.uniform(*mishap.lasts_s), 2),
        )
        for _ in range(count)
    ]
