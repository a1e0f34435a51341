"""How busy a station's lines are, on paper: what every lamp asks each tick, as frames, and how long those take.

The devices' own drivers are asked what they would send, on a line that only counts. Times of frames follow from baud rate and format (Modbus over Serial Line
V1.02 §2.5.1: 3.5 characters of silence around each); how long a device thinks before it answers is an assumption, the same for all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from irctl.bus.bus import Bus, Priority, UnitTiming
from irctl.bus.errors import BusError, NoReply
from irctl.bus.modbus import RTU_OVERHEAD, ModbusRequest
from irctl.bus.request import AnyRequest, Request, Speech
from irctl.bus.timing import LineTiming
from irctl.controller.config import LampSection, StationConfig
from irctl.controller.light.output import CUTOFF_RENEWALS_PER_LEASE
from irctl.controller.station import connect_device
from irctl.devices.registry import Devices
from irctl.devices.roles import Cutoff, DeviceFault, Emitter

T = TypeVar("T")
THINKING_S = 0.006
"""Assumed of every device, from the last byte of a question to the first of its answer."""
NETWORK_S = 0.003
"""Assumed of a question and its answer over Modbus TCP."""
TEXT_ANSWER_BYTES = 16
FULL = 0.8
"""Of a line's time: beyond it, one late answer makes the next tick late."""


class Counting:
    """A line that sends nothing, answers every read with zeros, and keeps how long it would have taken."""

    def __init__(self, name: str, speaks: Speech, timing: LineTiming | None) -> None:
        """`timing`: None for a network."""
        self.name, self.speaks, self._timing = name, speaks, timing
        self.taken_s = 0.0
        self.frames = 0

    def add_unit(self, unit: int, timing: UnitTiming) -> None:
        """Nobody is there."""

    async def transact(self, request: Request[T], priority: Priority = Priority.POLL, retries: int = 0) -> T:
        self.count(request)
        if isinstance(request, ModbusRequest):
            zeros = bytes(request.reply_pdu_length - 2)
            with suppress(BusError):
                return request.parse(bytes((request.function, len(zeros))) + zeros)
        raise NoReply(self.name, request.unit, f"{request} is only counted")

    def count(self, request: AnyRequest) -> None:
        self.frames += 1
        self.taken_s += self._duration_s(request)

    def _duration_s(self, request: AnyRequest) -> float:
        if self._timing is None:
            return NETWORK_S
        sent = len(request.pdu())
        if isinstance(request, ModbusRequest):
            asked, answered = sent + RTU_OVERHEAD, request.reply_pdu_length + RTU_OVERHEAD
            return 2 * self._timing.t35_s + self._timing.frame_s(asked + answered) + THINKING_S
        return self._timing.frame_s(sent + TEXT_ANSWER_BYTES) + THINKING_S


@dataclass(frozen=True, slots=True)
class LineLoad:
    """One line. `by_device` and `by_lamp`: seconds of each second; `frames`: of each second; `tick_s`: the shortest of its lamps."""

    line: str
    by_device: Mapping[str, float]
    by_lamp: Mapping[str, float]
    frames: float
    tick_s: float

    @property
    def busy(self) -> float:
        """Of its time; more than 1 cannot be."""
        return sum(self.by_lamp.values())

    @property
    def tick_at_best_s(self) -> float:
        """How often its lamps could be asked so that it stays below `FULL`."""
        return self.tick_s * self.busy / FULL

    @property
    def advice(self) -> str | None:
        """What to do about a line that is too busy; None where it is not."""
        if self.busy <= FULL:
            return None
        device, share = max(self.by_device.items(), key=lambda one: one[1])
        alone = len(self.by_device) == 1
        move = (
            "Raise its baud rate"
            if alone
            else f"Move {device} ({share:.0%}) to a line of its own, or raise the baud rate"
        )
        return (
            f"Its lamps could be asked every {self.tick_at_best_s:.2f} s at best, not every {self.tick_s:g} s. {move}"
        )


async def loads(config: StationConfig) -> tuple[LineLoad, ...]:
    """Of every line with something on it, in the order of the file. Raises ConfigurationError."""
    file = config.file
    lines = {name: _counting(name, section) for name, section in file.lines.items()}
    by_device: dict[str, dict[str, float]] = {name: {} for name in lines}
    by_lamp: dict[str, dict[str, float]] = {name: {} for name in lines}
    frames: dict[str, float] = dict.fromkeys(lines, 0.0)
    for name, lamp in file.lamps.items():
        for ref, per_s, ask in _asked(config, lamp, _connected(config, lines)):
            device = ref.partition(".")[0]
            line = file.devices[device].line
            counting = lines[line]
            counting.taken_s, counting.frames = 0.0, 0
            with suppress(DeviceFault, BusError):
                await ask(counting)
            share = counting.taken_s * per_s
            by_device[line][device] = by_device[line].get(device, 0.0) + share
            by_lamp[line][name] = by_lamp[line].get(name, 0.0) + share
            frames[line] += counting.frames * per_s
    ticks = {line: [file.lamps[lamp].tick_s for lamp in lamps] for line, lamps in by_lamp.items()}
    return tuple(
        LineLoad(line, by_device[line], by_lamp[line], frames[line], min(ticks[line])) for line in lines if ticks[line]
    )


def _connected(config: StationConfig, lines: Mapping[str, Counting]) -> Devices:
    """Anew for each lamp: what one lamp has just read another does not wait for."""
    folder = config.path.parent
    sections = config.file.devices.items()
    return Devices(connect_device(name, one, cast("Bus", lines[one.line]), folder) for name, one in sections)


Ask = Callable[[Counting], Awaitable[object]]


def _asked(config: StationConfig, lamp: LampSection, devices: Devices) -> list[tuple[str, float, Ask]]:
    """What is asked of which device while the lamp is lit, how often in a second, and how."""
    each_s = 1 / lamp.tick_s
    emitter = devices.emitter(lamp.emitter)
    found: list[tuple[str, float, Ask]] = [
        (lamp.emitter, each_s, _observed(emitter)),
        (lamp.emitter, each_s, _renewed(emitter.off_requests)),
    ]
    if lamp.cutoff is not None and lamp.cutoff_lease_s is not None:
        cutoff = devices.cutoff(lamp.cutoff)
        found.append((lamp.cutoff, each_s, _observed(cutoff)))
        found.append((lamp.cutoff, CUTOFF_RENEWALS_PER_LEASE / lamp.cutoff_lease_s, _renewed(cutoff.off_requests)))
    if lamp.radiometer is not None:
        radiometer = devices.radiometer(lamp.radiometer)
        found.append((lamp.radiometer, each_s, lambda _line: radiometer.irradiance_mw_cm2()))
    for ref in (lamp.skin, lamp.housing):
        if ref is not None:
            thermometer = devices.thermometer(ref)
            found.append((ref, each_s, lambda _line, one=thermometer: one.temperature_c()))
    for name in dict.fromkeys((*config.file.stop.contacts, *lamp.interlocks)):
        ref = config.file.interlocks[name]
        contact = devices.contact(ref)
        found.append((ref, each_s, lambda _line, one=contact: one.closed()))
    return found


def _observed(output: Emitter | Cutoff) -> Ask:
    """The first look may ask for more than all others do: it is not counted."""

    async def count(line: Counting) -> None:
        with suppress(DeviceFault, BusError):
            await output.observe()
        line.taken_s, line.frames = 0.0, 0
        await output.observe()

    return count


def _renewed(off_requests: Callable[[], tuple[AnyRequest, ...]]) -> Ask:
    """A renewal is about as long as OFF: one write or two."""

    async def count(line: Counting) -> None:
        with suppress(DeviceFault):  # of a supply whose model is not known yet: one write
            for request in off_requests():
                line.count(request)

    return count


def _counting(name: str, section: Any) -> Counting:
    network = str(section.port).startswith("tcp://")
    return Counting(name, section.protocol, None if network else LineTiming.serial(section.baud, section.format))
