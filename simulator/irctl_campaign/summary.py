"""Many seeds, examined on several processors and added up."""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import Pool
from typing import TypeVar

from irctl.controller.session import NEXT, Outcome, State
from irctl.domain.rules import Hazard
from irctl_campaign.catalogue import KINDS
from irctl_campaign.judge import EXEMPT, NO_FAULT, Tally, Verdict, Violation, judge, worse
from irctl_campaign.plan import draw
from irctl_campaign.play import play

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

Key = TypeVar("Key")


@dataclass(slots=True)
class Summary:
    """What all seeds showed."""

    seeds: int = 0
    virtual_s: float = 0.0
    violations: list[Violation] = field(default_factory=list[Violation])
    tallies: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in (NO_FAULT, *_names())})
    transitions: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    hazards: dict[str, int] = field(default_factory=dict[str, int])
    outcomes: dict[str, int] = field(default_factory=dict[str, int])
    exempted: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EXEMPT, 0))
    played_twice: int = 0

    @property
    def sessions(self) -> int:
        return sum(self.outcomes.values())

    @property
    def transitions_missed(self) -> list[tuple[str, str]]:
        return sorted(TRANSITIONS - self.transitions.keys())

    @property
    def hazards_missed(self) -> list[Hazard]:
        return [hazard for hazard in Hazard if hazard not in self.hazards]

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


def examine(seed: int) -> Verdict:
    """Draw, play, judge. A defect of the world itself is a finding too."""
    plan = draw(seed)
    try:
        trace = play(plan)
        verdict = judge(trace)
        if _twice(seed) and play(plan).journal != trace.journal:
            verdict.violations.append(Violation(seed, "same again", 0.0, "the same seed gave another journal"))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{error!r} in {where.name}, line {where.lineno} of {where.filename.rpartition('/')[2]}"
        verdict = Verdict(seed, violations=[Violation(seed, "no defect", 0.0, text)])
    if seed % COLLECTED_EVERY == 0:
        gc.collect()
    return verdict


def examine_all(seeds: Sequence[int], jobs: int) -> Iterator[Verdict]:
    """A verdict a seed, in the order in which they are ready."""
    if jobs == 1 or len(seeds) == 1:
        yield from map(examine, seeds)
        return
    with Pool(min(jobs, len(seeds)), initializer=_quiet) as pool:
        yield from pool.imap_unordered(examine, seeds)


def _quiet() -> None:
    """Lines say in the log what they suffer; here that is on purpose. The collector runs between seeds."""
    logging.getLogger("irctl").setLevel(logging.CRITICAL)
    gc.freeze()
    gc.disable()


def _twice(seed: int) -> bool:
    return seed % SAME_AGAIN_EVERY == 0


def _names() -> list[str]:
    return [kind.name for kind in KINDS]


def _merge(total: Tally, one: Tally) -> None:
    total.injected += one.injected
    total.lit += one.lit
    total.violations += one.violations
    total.dark = worse(total.dark, one.dark)
    total.over = worse(total.over, one.over)


def _sum(total: dict[Key, int], one: dict[Key, int]) -> None:
    for key, count in one.items():
        total[key] = total.get(key, 0) + count
