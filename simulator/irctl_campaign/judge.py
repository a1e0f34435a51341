"""The promises, held against what was seen. Each check names its promise; what is exempt is listed with its reason.

Bounds come from the station file's leases and the rules' own tolerances, not from what the controller happens to do.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import hypot
from typing import Any, TypeVar

from irctl.controller.light.session import State
from irctl.domain import chain
from irctl_campaign.observer import GONE, Given, LightFrame, Struck, Trace
from irctl_campaign.scene import LINE_S, Bounds

HEALTHY_BOUND_S = 0.5
"""From a decision to dark where nothing is broken: that is an OFF frame behind whatever is on the wire."""
STILL_ON_THE_WAY_S = 0.15
"""A frame handed to the wire before the decision."""
SEEN_LATER_S = 0.02
"""The observer looks when a frame is over and the line quiet; the frame carries the time of its last byte."""
ARMING_S = 5.0
"""From a person's start or resume to the first light, at most."""
MEASURED_TOLERANCE = 0.03
"""Of the prescription, where a radiometer steers. Without one a lamp is known to within its calibration, drift and place."""
DRIFT_MARGIN = 0.01
"""Of the drift that a calibration allows for: closer to it than this is beyond it."""
TOLERANCE_J_CM2 = 0.02
RESOLUTION_J_CM2 = 0.002
"""An interval is k=2 and its noise is random: one in twenty may miss by a little, and of eight thousand sessions a few by this much."""
BRIGHTEST = 1.25
"""What a lamp may give beyond the prescribed irradiance before a rule ends it."""
UNWRITTEN_S = 0.15
"""A stop acts first and is written next, before it is answered: a process that dies in between takes the latch with it, not the dark."""
LATCH_AFTER_LEASE_S = 10.0
"""A lamp that nobody can darken must be known, latched and alarmed this long after its emitter's lease."""

EXEMPT: Mapping[str, str] = {
    "dark: stuck output and welded cut-off": "nothing on this station can end that light; required instead: alarm H08 and a latched stop",
    "dose: radiometer gain": "the one instrument that measures lies; ±35 % against the calibration is a rule (H07), less cannot be seen",
    "dose: radiometer frozen": "a reading that does not move looks like a lamp that does not; caught against the calibration only",
    "dose: another device answers as the radiometer": "its figures are taken for irradiance; in the dark they latch (H08), in light they are a rule's (H07)",
    "dose: distance without radiometer": "nothing measures at the skin; keeping the distance is the operator's part (positioning_cm)",
    "dose: mains or ageing beyond the drift allowance without radiometer": "outside what the calibration allows for; nothing measures",
    "dose: emitter stuck without radiometer": "it reports the output it was told, not the one it gives, and nothing measures",
    "interval: nothing can darken the lamp": "the record is closed while the light goes on; the alarm says so",
}


@dataclass(frozen=True, slots=True)
class Violation:
    seed: int
    promise: str
    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Worst:
    """The figure of one sort that came nearest to the bound that held for it, and where."""

    value: float
    bound: float
    seed: int

    @property
    def share(self) -> float:
        return self.value / self.bound


def worse(one: Worst | None, other: Worst | None) -> Worst | None:
    """The one nearer to its bound."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda worst: (worst.share, -worst.seed))


@dataclass(slots=True)
class Tally:
    """What one kind of fault has done."""

    injected: int = 0
    lit: int = 0
    """Injected while a lamp concerned was lit."""
    violations: int = 0
    dark: Worst | None = None
    """Seconds from the fault to dark, where it has to end the light."""
    over: Worst | None = None
    """J/cm² beyond the prescription in a session that met it."""


@dataclass(slots=True)
class Verdict:
    """What one seed showed."""

    seed: int
    violations: list[Violation] = field(default_factory=list[Violation])
    tallies: dict[str, Tally] = field(default_factory=dict[str, Tally])
    transitions: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    hazards: dict[str, int] = field(default_factory=dict[str, int])
    """By hazard id: how many of its alarms, warnings and endings are on record."""
    outcomes: dict[str, int] = field(default_factory=dict[str, int])
    exempted: dict[str, int] = field(default_factory=dict[str, int])
    virtual_s: float = 0.0


NO_FAULT = "no fault"


def judge(trace: Trace) -> Verdict:
    """Every promise, for one seed."""
    return _Judge(trace).verdict()


class _Judge:
    def __init__(self, trace: Trace) -> None:
        self.t = trace
        self.found = Verdict(trace.plan.seed, virtual_s=trace.end_s)
        self.ended = {e["session"]: e for e in trace.events if e["event"] == "session.ended"}

    def verdict(self) -> Verdict:
        for lamp in self.t.scene.lamps:
            self._leased(lamp)
            self._dark_after_decisions(lamp)
        self._frames()
        self._faults()
        self._undarkenable()
        self._doses()
        self._records()
        self._latches()
        self._coverage()
        for problem in self.t.problems:
            self._violated(problem.who, problem.at_s, problem.text)
        for kind in {s.strike.kind.name for s in self.t.struck} or {NO_FAULT}:
            self._tally(kind).violations += len(self.found.violations)
        return self.found

    def _violated(self, promise: str, at_s: float, text: str) -> None:
        self.found.violations.append(Violation(self.t.plan.seed, promise, round(at_s, 3), text))

    def _exempt(self, why: str) -> None:
        assert why in EXEMPT, why
        self.found.exempted[why] = self.found.exempted.get(why, 0) + 1

    def _tally(self, kind: str) -> Tally:
        return self.found.tallies.setdefault(kind, Tally())

    # --- light -----------------------------------------------------------------------------------------------------------

    def _powered(self, lamp: str) -> Iterator[tuple[float, float]]:
        for on, off in self.t.powered[lamp]:
            yield on, self.t.end_s if off is None else off

    def _helpless(self, lamp: str) -> list[tuple[float, float]]:
        """When neither the emitter nor the cut-off of the lamp, if it has one, could be darkened."""
        stuck = self._times("stuck_output", self.t.scene.emitters[lamp])
        if (cutoff := self.t.scene.cutoffs.get(lamp)) is None:
            return stuck
        welded = self._times("welded", cutoff)
        return [(max(a, c), min(b, d)) for a, b in stuck for c, d in welded if max(a, c) < min(b, d)]

    def _times(self, kind: str, target: str) -> list[tuple[float, float]]:
        return [
            (s.at_s, s.lasts_until(self.t.end_s))
            for s in self.t.struck
            if s.strike.kind.name == kind and s.strike.target == target
        ]

    def _bounds(self, lamp: str) -> Bounds:
        return self.t.scene.bounds[lamp]

    def _excused(self, lamp: str, at_s: float) -> bool:
        """Nothing could darken this lamp then, or until just before."""
        return any(since <= at_s <= until + self._bounds(lamp).lease_bound_s for since, until in self._helpless(lamp))

    def _leased(self, lamp: str) -> None:
        """No power beyond the hardware's own lease after the last frame that renewed it."""
        frames_s, longest_s = [frame.at_s for frame in self.t.frames[lamp]], self._bounds(lamp).lease_bound_s
        for on, off in self._powered(lamp):
            known = bisect_right(frames_s, on + SEEN_LATER_S)
            asked_s = frames_s[known - 1] if known else float("-inf")
            if on - asked_s > longest_s and not self._excused(lamp, on):
                self._violated("leased", on, f"{lamp} lit and no frame has just asked for light")
            marks = [max(asked_s, on - longest_s), *(at for at in frames_s if asked_s < at < off), off]
            for earlier, later in pairwise(marks):
                if later - earlier > longest_s:
                    if self._excused(lamp, earlier + longest_s):
                        self._exempt("dark: stuck output and welded cut-off")
                    else:
                        self._violated(
                            "leased", earlier + longest_s, f"{lamp} had power {later - earlier:.2f} s unrenewed"
                        )

    def _off_after(self, lamp: str, at_s: float) -> float | None:
        """When the power that the lamp had at `at_s` went; None when it had none."""
        return next((off for on, off in self._powered(lamp) if on <= at_s < off), None)

    def _dark_after_decisions(self, lamp: str) -> None:
        """After a stop, a pause, an end, a rule, the controller's death: dark within the lease bound, and no light again without a reason."""
        longest_s = self._bounds(lamp).lease_bound_s
        for decision in self.t.decisions:
            if decision.lamp != lamp or (off := self._off_after(lamp, decision.at_s)) is None:
                continue
            took_s = off - decision.at_s
            bound_s = longest_s if self.t.struck or decision.why == GONE else self._healthy_bound_s(lamp)
            if took_s > bound_s:
                if self._excused(lamp, decision.at_s + longest_s):
                    self._exempt("dark: stuck output and welded cut-off")
                    continue
                self._violated("dark", decision.at_s, f"{lamp} lit {took_s:.2f} s after: {decision.why}")
            if not self.t.struck:
                self._worst_dark(NO_FAULT, took_s, bound_s)

    def _healthy_bound_s(self, lamp: str) -> float:
        return HEALTHY_BOUND_S * self._bounds(lamp).line_s / LINE_S

    def _frames(self) -> None:
        """Each frame that lights has a session that may be lit, a calibration in force, a journal that takes it, and no stop."""
        for lamp in self.t.scene.lamps:
            decided_s = [d.at_s for d in self.t.decisions if d.lamp == lamp]
            bad_since: float | None = None
            for frame in self.t.frames[lamp]:
                if why := self._no_reason(frame, decided_s):
                    self._violated("reason", frame.at_s, f"a frame lights {lamp}: {why}")
                bad = not (frame.in_force and frame.journal_writable)
                bad_since = (frame.at_s if bad_since is None else bad_since) if bad else None
                if (
                    bad_since is not None
                    and frame.at_s - bad_since > 2 * self._bounds(lamp).tick_s + STILL_ON_THE_WAY_S
                ):
                    what = "the calibration is not in force" if not frame.in_force else "the journal cannot be written"
                    self._violated("reason", frame.at_s, f"a frame lights {lamp} though {what}")

    def _no_reason(self, frame: LightFrame, decided_s: list[float]) -> str | None:
        if any(-SEEN_LATER_S <= frame.at_s - at <= STILL_ON_THE_WAY_S for at in decided_s):
            return None
        if frame.latched:
            return "the station is stopped"
        match frame.state:
            case State.WARMING | State.EMITTING:
                return None
            case State.READY | State.PAUSED:
                asked = self.t.asked_light_s.get(frame.session or "", [])
                if any(0 <= frame.at_s - at <= ARMING_S for at in asked):
                    return None
                return f"its session is {frame.state} and nobody asked for light"
            case None:
                return "it has no session"
            case state:
                return f"its session is {state}"

    # --- faults ----------------------------------------------------------------------------------------------------------

    def _faults(self) -> None:
        """How soon a fault that must end the light has ended it."""
        if not self.t.struck:
            self._tally(NO_FAULT).injected += 1
        for struck in self.t.struck:
            kind, tally = struck.strike.kind, self._tally(struck.strike.kind.name)
            tally.injected += 1
            concerned = kind.targets(self.t.scene)[struck.strike.target] & struck.powered
            tally.lit += bool(concerned)
            if not kind.ends_light(struck.strike.params):
                continue
            for lamp in concerned:
                self._ended_by(struck, lamp)

    def _ended_by(self, struck: Struck, lamp: str) -> None:
        off = self._off_after(lamp, struck.at_s)
        if off is None:
            return
        took_s, kind = off - struck.at_s, struck.strike.kind
        bound_s = self._fault_bound_s(struck, lamp)
        lasted_s = took_s if kind.once else struck.lasts_until(self.t.end_s) - struck.at_s
        if lasted_s < min(took_s, bound_s):
            return  # mended before it had to be noticed
        if took_s > bound_s:
            if self._excused(lamp, struck.at_s + bound_s):
                self._exempt("dark: stuck output and welded cut-off")
                return
            self._violated("dark", struck.at_s, f"{lamp} lit {took_s:.2f} s after {struck.strike}")
        self._worst_dark(kind.name, took_s, bound_s)

    def _fault_bound_s(self, struck: Struck, lamp: str) -> float:
        """Alone a fault leaves one way to dark; together with others perhaps only the leases."""
        alone, params, bounds = len(self.t.struck) == 1, struck.strike.params, self._bounds(lamp)
        noticed_s = bounds.notice_bound_s + bounds.line_s if alone else bounds.fault_bound_s
        match struck.strike.kind.name:
            case "kill" | "power cut" | "crash at start" | "stall":
                return bounds.lease_s + bounds.line_s if alone else bounds.lease_bound_s
            case "interlock open" if alone:
                return 3 * bounds.tick_s + self._healthy_bound_s(lamp)
            case "late":
                return float(params["seconds"]) + noticed_s
            case _:
                return noticed_s

    def _worst_dark(self, kind: str, took_s: float, bound_s: float) -> None:
        tally = self._tally(kind)
        tally.dark = worse(tally.dark, Worst(took_s, bound_s, self.t.plan.seed))

    def _undarkenable(self) -> None:
        """A lamp that nothing can darken: known, latched, alarmed."""
        for lamp in self.t.scene.lamps:
            within_s = self._bounds(lamp).lease_s + LATCH_AFTER_LEASE_S
            for since, until in self._helpless(lamp):
                if (off := self._off_after(lamp, since)) is None:
                    continue
                wanted = [d.at_s for d in self.t.decisions if d.lamp == lamp and since <= d.at_s < min(until, off)]
                wanted = [at for at in wanted if min(until, off) - at > within_s]
                if not wanted or any(wanted[0] <= at <= wanted[0] + within_s for at in self.t.kills_s):
                    continue
                latched = any(
                    one.from_s <= wanted[0] + within_s and (one.until_s or self.t.end_s) > wanted[0]
                    for one in self.t.latches
                )
                alarmed = any(e["event"] == "alarm" and e["hazard"] == "H08" for e in self.t.events)
                if not latched or not (alarmed or self._journal_failed()):
                    missing = "latched" if not latched else "alarmed"
                    self._violated("dark", wanted[0], f"{lamp} cannot be darkened, and that was not {missing}")

    def _journal_failed(self) -> bool:
        return any(s.strike.kind.name.startswith("disk") for s in self.t.struck)

    # --- dose ------------------------------------------------------------------------------------------------------------

    def _doses(self) -> None:
        for session, given in self.t.given.items():
            faults = [
                s for s in self.t.struck if s.at_s < given.until_s and s.lasts_until(self.t.end_s) >= given.ordered_at_s
            ]
            record = self.ended.get(session)
            if record is None:
                continue
            self._over_delivery(session, given, faults)
            self._interval(session, given, faults, record)

    def _over_delivery(self, session: str, given: Given, faults: list[Struck]) -> None:
        bound = given.prescribed_j_cm2 * self._tolerance(given.lamp) + TOLERANCE_J_CM2
        if faults or self._decided_by_hand(given):
            bound += BRIGHTEST * given.irradiance_mw_cm2 * self._bounds(given.lamp).fault_bound_s / 1000.0
        over = given.truth_j_cm2 - given.prescribed_j_cm2
        excuse = self._dose_excuse(given, faults)
        if over > bound:
            if excuse:
                self._exempt(excuse)
            else:
                self._violated("dose", given.ordered_at_s, f"{session}: {over:+.3f} J/cm² over the prescription")
        if excuse:
            return
        for kind in {s.strike.kind.name for s in faults} or {NO_FAULT}:
            tally = self._tally(kind)
            tally.over = worse(tally.over, Worst(over, bound, self.t.plan.seed))

    def _tolerance(self, lamp: str) -> float:
        if lamp in self.t.scene.radiometers:
            return MEASURED_TOLERANCE
        known = self.t.scene.config.calibrations[lamp]
        place_pct = 200.0 * known.positioning_cm / known.distance_cm
        return hypot(known.expanded_uncertainty_pct, known.drift_allowance_pct, place_pct) / 100.0

    def _decided_by_hand(self, given: Given) -> bool:
        return any(d.why == "stop" and d.at_s < given.until_s for d in self.t.decisions)

    def _interval(self, session: str, given: Given, faults: list[Struck], record: Mapping[str, Any]) -> None:
        delivered, truth = record["delivered"], given.truth_j_cm2
        low, high = delivered["min_j_cm2"], delivered["max_j_cm2"]
        if low - RESOLUTION_J_CM2 <= truth <= high + RESOLUTION_J_CM2:
            return
        if excuse := self._dose_excuse(given, faults):
            self._exempt(excuse)
            return
        self._violated(
            "interval",
            given.ordered_at_s,
            f"{session} ({record['outcome']}): truth {truth:.4f} outside {low:.4f}..{high:.4f}",
        )

    def _dose_excuse(self, given: Given, faults: list[Struck]) -> str | None:
        if any(since < given.until_s and until > given.ordered_at_s for since, until in self._helpless(given.lamp)):
            return "interval: nothing can darken the lamp"
        radiometer = self.t.scene.radiometers.get(given.lamp)
        measured = radiometer is not None
        for struck in faults:
            kind, target = struck.strike.kind.name, struck.strike.target
            if target == radiometer and kind in ("gain", "frozen"):
                return f"dose: radiometer {kind}"
            if kind == "wrong device" and radiometer in target.split():
                return "dose: another device answers as the radiometer"
            if not measured and target == given.lamp and kind == "distance":
                return "dose: distance without radiometer"
            if not measured and target == self.t.scene.emitters[given.lamp] and kind == "stuck_output":
                return "dose: emitter stuck without radiometer"
            if not measured and target == given.lamp and kind in ("mains", "ageing") and not self._allowed(struck):
                return "dose: mains or ageing beyond the drift allowance without radiometer"
        return None

    def _allowed(self, struck: Struck) -> bool:
        factor = float(struck.strike.params["factor"])
        total = factor * (self.t.plan.ageing[struck.strike.target] if struck.strike.kind.name == "mains" else 1.0)
        drift_pct = self.t.scene.config.calibrations[struck.strike.target].drift_allowance_pct
        return abs(total - 1.0) <= drift_pct / 100.0 - DRIFT_MARGIN

    # --- record ----------------------------------------------------------------------------------------------------------

    def _records(self) -> None:
        """The chain holds, and each session that was ordered has one terminal record."""
        verified = chain.verify(chain.lines(self.t.journal))
        if verified.broken:
            self._violated("chain", self.t.end_s, f"line {verified.broken.line}: {verified.broken.text}")
        ends = [e["session"] for e in self.t.events if e["event"] == "session.ended"]
        orders = [e["session"] for e in self.t.events if e["event"] == "session.ordered"]
        for session in dict.fromkeys((*orders, *self.t.given)):
            if session not in orders:
                self._violated("record", self.t.end_s, f"{session} was accepted and its order is not on record")
            elif ends.count(session) != 1:
                self._violated("record", self.t.end_s, f"{session} has {ends.count(session)} terminal records")
        if len(orders) != len(set(orders)):
            self._violated("record", self.t.end_s, "two sessions have one id")

    def _latches(self) -> None:
        """A stop is left by one door."""
        for latch in self.t.latches:
            written = not any(0.0 <= at - latch.from_s <= UNWRITTEN_S for at in self.t.kills_s)
            if latch.until_s is not None and not latch.cleared and written:
                self._violated("latch", latch.until_s, f"the stop by {latch.by} is gone and nobody cleared it")

    # --- coverage --------------------------------------------------------------------------------------------------------

    def _coverage(self) -> None:
        states: dict[str, str] = {}
        for event in self.t.events:
            match event["event"]:
                case "session.ordered":
                    states[event["session"]] = State.ORDERED
                case "session.state":
                    _count(self.found.transitions, (states[event["session"]], event["state"]))
                    states[event["session"]] = event["state"]
                case "session.ended":
                    _count(self.found.outcomes, event["outcome"])
                    _count(self.found.transitions, (states.pop(event["session"], "?"), f"ended ({event['outcome']})"))
                case _:
                    pass
            if event.get("hazard"):
                _count(self.found.hazards, event["hazard"])


Key = TypeVar("Key")


def _count(counts: dict[Key, int], key: Key) -> None:
    counts[key] = counts.get(key, 0) + 1
