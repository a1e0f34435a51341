"""Many seeds, examined on several processors and added up."""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import Pool
from typing import TypeVar

from irctl.controller.light.session import NEXT, Outcome, State
from irctl.domain.rules import Hazard
from irctl_campaign.catalogue import possible
from irctl_campaign.judge import EXEMPT, NO_FAULT, Tally, Verdict, Violation, judge, worse
from irctl_campaign.plan import draw
from irctl_campaign.play import play
from irctl_campaign.scene import Files, scene_of

SAME_AGAIN_EVERY = 25
"""Every so many seeds one is played twice: its journal must be the same, byte for byte."""
COLLECTED_EVERY = 8
"""Seeds between two collections: a look at everything costs a tenth of a seed."""

TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {(state.value, after.value) for state, nexts in NEXT.items() for after in nexts if after is not State.ENDED}
    | {(State.ENDING.value, f"ended ({outcome})") for outcome in Outcome if outcome is not Outcome.INTERRUPTED}
    | {(state.value, f"ended ({Outcome.INTERRUPTED})") for state in NEXT if state is not State.ENDED}
)
"""Every change of a session's state that the design knows; a crash may fall into any."""

SEEN_BY_RADIOMETER = (Hazard.TOO_BRIGHT, Hazard.OVER_DOSE, Hazard.OFF_CALIBRATION)
SEEN_BY_SKIN = (Hazard.SKIN_HOT, Hazard.THERMAL_DOSE, Hazard.SKIN_IMPLAUSIBLE)
SEEN_BY_HOUSING = (Hazard.HOUSING_HOT,)
SEEN_BY_CUTOFF = (Hazard.CUTOFF_DISOBEYS,)

Key = TypeVar("Key")


@dataclass(slots=True)
class Summary:
    """What all seeds showed."""

    files: Files | None = None
    """The station they ran on; None: the demonstration."""
    seeds: int = 0
    virtual_s: float = 0.0
    violations: list[Violation] = field(default_factory=list[Violation])
    tallies: dict[str, Tally] = field(default_factory=dict[str, Tally])
    transitions: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    hazards: dict[str, int] = field(default_factory=dict[str, int])
    outcomes: dict[str, int] = field(default_factory=dict[str, int])
    exempted: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EXEMPT, 0))
    played_twice: int = 0

    def __post_init__(self) -> None:
        kinds = possible(scene_of(self.files))
        self.tallies = {name: Tally() for name in (NO_FAULT, *(kind.name for kind in kinds))}

    @property
    def station(self) -> str:
        return scene_of(self.files).config.file.station.name

    def replay(self, seed: int) -> str:
        """The command that shows this seed again."""
        return f"irctl campaign{self.files.words if self.files else ''} --seed {seed} --timeline"

    @property
    def sessions(self) -> int:
        return sum(self.outcomes.values())

    @property
    def transitions_missed(self) -> list[tuple[str, str]]:
        return sorted(TRANSITIONS - self.transitions.keys())

    @property
    def hazards_possible(self) -> list[Hazard]:
        """Those that this station has something to see them with."""
        scene = scene_of(self.files)
        fitted = ((SEEN_BY_RADIOMETER, scene.radiometers), (SEEN_BY_SKIN, scene.skins))
        fitted += ((SEEN_BY_HOUSING, scene.housings), (SEEN_BY_CUTOFF, scene.cutoffs))
        unseen = [hazard for hazards, lamps in fitted if not lamps for hazard in hazards]
        return [hazard for hazard in Hazard if hazard not in unseen]

    @property
    def hazards_missed(self) -> list[Hazard]:
        return [hazard for hazard in self.hazards_possible if hazard not in self.hazards]

    @property
    def kinds_missed(self) -> list[str]:
        return [name for name, tally in self.tallies.items() if not tally.injected]

    def add(self, verdict: Verdict) -> None:
        self.seeds += 1
        self.virtual_s += verdict.virtual_s
        self.violations += verdict.violations
        self.played_twice += _twice(verdict.seed)
        for name, tally in verdict.tallies.items():
            _merge(self.tallies[name], tally)
        _sum(self.transitions, verdict.transitions)
        _sum(self.hazards, verdict.hazards)
        _sum(self.outcomes, verdict.outcomes)
        _sum(self.exempted, verdict.exempted)


def examine(seed: int, files: Files | None = None) -> Verdict:
    """Draw, play, judge. A defect of the world itself is a finding too."""
    scene = scene_of(files)
    plan = draw(seed, scene)
    try:
        trace = play(plan, scene)
        verdict = judge(trace)
        if _twice(seed) and play(plan, scene).journal != trace.journal:
            verdict.violations.append(Violation(seed, "same again", 0.0, "the same seed gave another journal"))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{error!r} in {where.name}, line {where.lineno} of {where.filename.rpartition('/')[2]}"
        verdict = Verdict(seed, violations=[Violation(seed, "no defect", 0.0, text)])
    if seed % COLLECTED_EVERY == 0:
        gc.collect()
    return verdict


def examine_all(seeds: Sequence[int], jobs: int, files: Files | None = None) -> Iterator[Verdict]:
    """A verdict a seed, in the order in which they are ready. Raises Refused when the two files do not fit together."""
    scene_of(files)
    examined = partial(examine, files=files)
    if jobs == 1 or len(seeds) == 1:
        yield from map(examined, seeds)
        return
    with Pool(min(jobs, len(seeds)), initializer=_quiet) as pool:
        yield from pool.imap_unordered(examined, seeds)


def _quiet() -> None:
    """Lines say in the log what they suffer; here that is on purpose. The collector runs between seeds."""
    logging.getLogger("irctl").setLevel(logging.CRITICAL)
    gc.freeze()
    gc.disable()


def _twice(seed: int) -> bool:
    return seed % SAME_AGAIN_EVERY == 0


def _merge(total: Tally, one: Tally) -> None:
    total.injected += one.injected
    total.lit += one.lit
    total.violations += one.violations
    total.dark = worse(total.dark, one.dark)
    total.over = worse(total.over, one.over)


def _sum(total: dict[Key, int], one: dict[Key, int]) -> None:
    for key, count in one.items():
        total[key] = total.get(key, 0) + count
