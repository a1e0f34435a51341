"""What really happened, written down by somebody who sees both sides: the lamps' power, the wires, and the controller's own state.

It changes nothing and asks nothing over the wire. `judge` holds what is written here against the promises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from irctl.controller.light.session import Session, State
from irctl_campaign.plan import Plan, Strike
from irctl_campaign.process import Process
from irctl_campaign.scene import Scene
from irctl_simulator import modbus
from irctl_simulator.lamps import Terminal
from irctl_simulator.station import SimStation
from irctl_simulator.wire import NetworkLine, WireEvent

WRITES = (modbus.WRITE_COIL, modbus.WRITE_REGISTER)
GONE = "controller gone"
"""A decision that nobody took: there is no one left to send OFF."""
FLASH_ON = range(0x0200, 0x0220)


@dataclass(frozen=True, slots=True)
class LightFrame:
    """A frame on the wire that lights a lamp or renews its lease, and what the controller held to be true just then."""

    at_s: float
    session: str | None
    state: State | None
    latched: bool
    in_force: bool
    """The calibration, by the wall clock of that moment."""
    journal_writable: bool


@dataclass(slots=True)
class Struck:
    """A fault as it happened."""

    strike: Strike
    at_s: float
    powered: frozenset[str]
    """Lamps that had power then."""
    mended_at_s: float | None = None

    def lasts_until(self, end_s: float) -> float:
        return end_s if self.mended_at_s is None else self.mended_at_s


@dataclass(slots=True)
class Given:
    """One ordered session: what was prescribed, and what the physics say was given, afterglow included."""

    lamp: str
    ordered_at_s: float
    prescribed_j_cm2: float
    irradiance_mw_cm2: float
    committed_before_j_cm2: float
    truth_j_cm2: float = 0.0
    until_s: float = float("inf")
    """When the next session of the lamp was ordered."""


@dataclass(frozen=True, slots=True)
class Decision:
    """From here on a lamp is to be dark."""

    at_s: float
    lamp: str
    why: str


@dataclass(slots=True)
class Latched:
    from_s: float
    by: str
    until_s: float | None = None
    cleared: bool = False
    """By a person, and written down."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the timeline."""

    at_s: float
    who: str
    text: str


@dataclass
class Trace:
    """Everything that was seen in one seed's world."""

    plan: Plan
    scene: Scene
    frames: dict[str, list[LightFrame]] = field(init=False)
    asked_light_s: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """By session: when a person's start or resume was accepted."""
    given: dict[str, Given] = field(default_factory=dict[str, Given])
    decisions: list[Decision] = field(default_factory=list[Decision])
    latches: list[Latched] = field(default_factory=list[Latched])
    struck: list[Struck] = field(default_factory=list[Struck])
    kills_s: list[float] = field(default_factory=list[float])
    powered: Mapping[str, tuple[tuple[float, float | None], ...]] = field(default_factory=dict)
    events: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    lines: list[Line] = field(default_factory=list[Line])
    problems: list[Line] = field(default_factory=list[Line])
    """What was seen to be wrong on the way."""
    faults_over_s: float = float("inf")
    end_s: float = 0.0
    journal: bytes = b""

    def __post_init__(self) -> None:
        self.frames = {lamp: [] for lamp in self.scene.lamps}


class Observer:
    """Looks whenever a frame has passed any wire, and whenever somebody did something."""

    def __init__(self, plan: Plan, scene: Scene, hardware: SimStation) -> None:
        self.trace = Trace(plan, scene)
        self.process: Process | None = None
        self._hardware = hardware
        self._seen: dict[str, tuple[str, State]] = {}
        self._jump_j_cm2: dict[str, float] = dict.fromkeys(scene.lamps, 0.0)
        self._outputs = _outputs(hardware)
        for name, line in hardware.lines.items():
            asked = asked_on_network if isinstance(line, NetworkLine) else asked_on_wire
            line.observers.append(lambda event, name=name, asked=asked: self._passed(name, event, asked))

    @property
    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def note(self, who: str, text: str) -> None:
        self.trace.lines.append(Line(self.now_s, who, text))

    def wrong(self, what: str, text: str) -> None:
        self.trace.problems.append(Line(self.now_s, what, text))

    # --- energy ----------------------------------------------------------------------------------------------------------

    def committed_j_cm2(self, lamp: str) -> float:
        """See `committed_j_cm2`; as if nothing about the lamp's place had ever changed."""
        return committed_j_cm2(self._hardware, lamp) - self._jump_j_cm2[lamp]

    def moved(self, before: Mapping[str, float]) -> None:
        """Something about the lamps' place changed: an afterglow counts as it would have been."""
        for lamp, was in before.items():
            self._jump_j_cm2[lamp] += self.committed_j_cm2(lamp) - was

    def ordered(self, session: Session) -> None:
        lamp, order = session.order.lamp, session.order
        now_s, committed = self.now_s, self.committed_j_cm2(lamp)
        self.settle(lamp, committed, now_s)
        self.trace.given[session.id] = Given(lamp, now_s, order.fluence_j_cm2, order.irradiance_mw_cm2, committed)

    def settle(self, lamp: str, committed_j_cm2: float, now_s: float) -> None:
        """The light of the lamp's last session is complete."""
        for given in self.trace.given.values():
            if given.lamp == lamp and given.until_s == float("inf"):
                given.truth_j_cm2, given.until_s = committed_j_cm2 - given.committed_before_j_cm2, now_s

    # --- looking ---------------------------------------------------------------------------------------------------------

    def _passed(self, line: str, event: WireEvent, asked: Callable[[bytes], tuple[int, bytes]]) -> None:
        self.look()
        if event.direction != "host" or not event.ok or self.process is None:
            return
        unit, pdu = asked(event.data)
        lamp = self._outputs.get((line, unit, lit_channel(pdu)))
        if lamp is not None:
            self.trace.frames[lamp].append(self._frame(lamp, event.at))

    def _frame(self, lamp: str, at_s: float) -> LightFrame:
        assert self.process is not None
        controlled = self.process.station.lamps[lamp]
        session, calibration = controlled.session, controlled.equipment.calibration
        journal = self.process.station.journal
        return LightFrame(
            at_s,
            session.id if session else None,
            session.state if session else None,
            self.process.station.shutdown.latch is not None,
            calibration is not None and calibration.in_force(journal.clock()),
            journal.writable,
        )

    def asked_dark(self, lamps: Iterable[str], why: str) -> None:
        """A person has asked for dark, and was not refused."""
        self.trace.decisions += [Decision(self.now_s, lamp, why) for lamp in lamps]

    def look(self) -> None:
        """Notice what has changed in the controller."""
        process = self.process
        if process is None or not process.alive:
            return
        station = process.station
        for name, lamp in station.lamps.items():
            session = lamp.session
            if session is None or (seen := (session.id, session.state)) == self._seen.get(name):
                continue
            self._seen[name] = seen
            if session.state in (State.PAUSED, State.ENDING):
                self.trace.decisions.append(Decision(self.now_s, name, session.state.value))
        latch, known = station.shutdown.latch, self._open_latch()
        if (latch is None) == (known is None):
            return
        now_s = self.now_s
        if latch is not None:
            self.trace.latches.append(Latched(now_s, latch.by))
            self.trace.decisions += [Decision(now_s, lamp, "stop") for lamp in self.trace.scene.lamps]
        elif known is not None:
            known.until_s = now_s
            events = station.journal.events
            known.cleared = any(e["event"] == "stop.cleared" and e["mono_s"] >= now_s - 0.5 for e in events[-20:])

    def _open_latch(self) -> Latched | None:
        latches = self.trace.latches
        return latches[-1] if latches and latches[-1].until_s is None else None

    def died(self) -> None:
        """The process was killed or closed: what it held in memory is gone; what its record says is not."""
        now_s = self.now_s
        self.trace.decisions += [Decision(now_s, lamp, GONE) for lamp in self.trace.scene.lamps]
        self._seen.clear()

    def started(self, process: Process, orderly: bool) -> None:
        """A new life. A latch that a person did not lift must be in force again; one that the orderly end set need not."""
        self.process = process
        known = self._open_latch()
        if known is not None and process.station.shutdown.latch is None:
            known.until_s = self.now_s
            known.cleared = orderly
        self.look()


def committed_j_cm2(hardware: SimStation, lamp: str) -> float:
    """What a lamp has given, and what its heat will still give, J/cm²: in the dark it does not change any more."""
    hardware.truth(lamp)
    light = hardware.lamps[lamp].treatment
    return light.fluence_j_cm2 + light.full_mw_cm2 * light.body.afterglow_s / 1000.0


def asked_on_wire(frame: bytes) -> tuple[int, bytes]:
    """Unit and PDU of an intact RTU frame."""
    return frame[0], frame[1:-2]


def asked_on_network(frame: bytes) -> tuple[int, bytes]:
    """The same behind a TCP frame's header."""
    return frame[6], frame[7:]


def _outputs(hardware: SimStation) -> dict[tuple[str, int, int | None], str]:
    """Which (line, unit, channel from 0) lights which lamp."""
    found: dict[tuple[str, int, int | None], str] = {}
    for name, lamp in hardware.lamps.items():
        for end in (lamp.emitter, lamp.contactor):
            if end is not None:
                found[line_of(hardware, end), end.device.twin.unit, end.channel - 1] = name
    return found


def line_of(hardware: SimStation, terminal: Terminal) -> str:
    return hardware.config.devices[terminal.device.name].line


def lit_channel(pdu: bytes) -> int | None:
    """The output channel that a write switches on or keeps on; None for anything else."""
    if pdu[0] not in WRITES:
        return None
    address, value = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
    if value == 0:
        return None
    if pdu[0] == modbus.WRITE_COIL and address in FLASH_ON:
        return address - FLASH_ON.start
    return address if address < 8 else None
