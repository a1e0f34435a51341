"""One treatment: its order, its state, and what has been delivered. Data and its allowed changes; the lamp's task moves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from irctl.domain.dose import NO_DOSE, Dose, DoseMeter
from irctl.domain.orders import Order
from irctl.domain.problems import InvariantViolation, Problem, Refused
from irctl.domain.rules import Hazard


class State(StrEnum):
    ORDERED = "ordered"
    CHECKING = "checking"
    READY = "ready"
    WARMING = "warming"
    EMITTING = "emitting"
    PAUSED = "paused"
    ENDING = "ending"
    ENDED = "ended"


class Outcome(StrEnum):
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAULTED = "faulted"
    INTERRUPTED = "interrupted"


NEXT: dict[State, frozenset[State]] = {
    State.ORDERED: frozenset({State.CHECKING}),
    State.CHECKING: frozenset({State.READY, State.ENDING}),
    State.READY: frozenset({State.WARMING, State.ENDING}),
    State.WARMING: frozenset({State.EMITTING, State.PAUSED, State.ENDING}),
    State.EMITTING: frozenset({State.PAUSED, State.ENDING}),
    State.PAUSED: frozenset({State.WARMING, State.ENDING}),
    State.ENDING: frozenset({State.ENDED}),
    State.ENDED: frozenset(),
}

LIT = frozenset({State.WARMING, State.EMITTING})


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a session ends."""

    outcome: Outcome
    reason: str
    hazard: Hazard | None = None
    by: str | None = None


@dataclass
class Drift:
    """What the lamp gave in steady light against what its calibration says, summed over the readings."""

    readings: int = 0
    measured_mw_cm2: float = 0.0
    expected_mw_cm2: float = 0.0
    level_pct: float = 0.0

    def see(self, level_pct: float, measured_mw_cm2: float, expected_mw_cm2: float) -> None:
        self.readings += 1
        self.measured_mw_cm2 += measured_mw_cm2
        self.expected_mw_cm2 += expected_mw_cm2
        self.level_pct += level_pct


@dataclass
class Session:
    """A session in memory. Everything that matters about it is in the journal too."""

    id: str
    order: Order
    ordered_at: datetime
    state: State = State.ORDERED
    meter: DoseMeter | None = None
    """None until checking has made sure of the calibration and the dark reading."""
    ending: Ending | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    first_light_s: float | None = None
    """Loop time of the first light."""
    time_on_s: float = 0.0
    lit_j_cm2: float = 0.0
    """What was given while the lamp was on, without the afterglow."""
    levels_pct: tuple[float, float] | None = None
    """Lowest and highest level that gave light, or may have; None before there was any."""
    cem43_min: float = 0.0
    attended_at_s: float | None = None
    """Loop time of the last word from the attendant, or of the light; None while there is no light."""
    skin_c_max: float | None = None
    drift: Drift = field(default_factory=Drift)
    warned: set[Hazard] = field(default_factory=set[Hazard])
    warnings: list[str] = field(default_factory=list[str])

    @property
    def running(self) -> bool:
        return self.state is not State.ENDED

    @property
    def lit(self) -> bool:
        """Whether the lamp is meant to emit."""
        return self.state in LIT

    @property
    def dose(self) -> Dose:
        return self.meter.dose if self.meter else NO_DOSE

    @property
    def irradiance_mean_mw_cm2(self) -> float | None:
        return self.lit_j_cm2 * 1000.0 / self.time_on_s if self.time_on_s > 0 else None

    def used(self, level_pct: float) -> None:
        """The lamp is, or may have been, lit at this level."""
        low, high = self.levels_pct or (level_pct, level_pct)
        self.levels_pct = (min(low, level_pct), max(high, level_pct))

    def move(self, state: State) -> None:
        """Change state. Raises InvariantViolation for a change that the design does not know."""
        if state not in NEXT[self.state]:
            raise InvariantViolation(f"session {self.id}: {self.state} cannot become {state}")
        self.state = state

    def require(self, verb: str, *states: State) -> None:
        """Refuse a verb that makes no sense in the present state."""
        if self.state not in states:
            allowed = " or ".join(states)
            raise Refused(
                [Problem("session", self.id, f"is {self.state}", f"{verb!r} needs a session that is {allowed}")],
                conflict=True,
            )

    def remaining_s(self) -> float | None:
        """Estimated seconds of light still to come, None while unknown."""
        if self.meter is None or not self.running or self.state is State.ENDING:
            return None
        missing = max(0.0, self.order.fluence_j_cm2 - self.meter.fluence_j_cm2 - self.meter.afterglow_j_cm2)
        return missing * 1000.0 / self.order.irradiance_mw_cm2
