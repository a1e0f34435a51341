"""The station put together from its file: lines, devices, lamps, the stop latch. And everything only seen once they are together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from irctl.bus.bus import Bus, Trace, UnitTiming
from irctl.bus.line import Line
from irctl.bus.port import Port, open_port
from irctl.bus.request import AnyRequest
from irctl.bus.stats import UnitStats
from irctl.bus.tcp import TcpLine
from irctl.bus.text_line import TextLine
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit
from irctl.controller.calibration.calibrations import Calibrations
from irctl.controller.calibration.in_force import InForce, binding
from irctl.controller.calibration.reminders import Reminders
from irctl.controller.calibration.upkeep import Upkeep
from irctl.controller.config import DeviceSection, LampSection, LineSection, StationConfig, StationFile, resolve_port
from irctl.controller.journal.journal import Journal
from irctl.controller.light.alarms import Alarms
from irctl.controller.light.commissioning import Commissioned, Commissioning, configuration
from irctl.controller.light.equipment import Equipment, LampInfo
from irctl.controller.light.lamp import Lamp
from irctl.controller.light.output import Evidence, Output
from irctl.controller.light.place import Place
from irctl.controller.light.readings import Instruments, Interlock
from irctl.controller.light.session import Session
from irctl.controller.light.shutdown import Shutdown
from irctl.devices.finding import find_driver
from irctl.devices.registry import AnyDriver, ConfigurationError, ConnectedDevice, Devices
from irctl.devices.roles import Cutoff, Emitter, FailSafe, LeaseScope, LeaseSpec
from irctl.domain.orders import Order
from irctl.domain.problems import Problem, Refused
from irctl.domain.rules import Envelope

TIMING_OPTIONS = ("timeout_s", "reply_max_s", "gap_s")


class Wire(NamedTuple):
    """A port, and whether Modbus TCP is spoken on it (else RTU)."""

    port: Port
    modbus_tcp: bool = False


OpenWire = Callable[[str, LineSection], Wire]


def real_wire(endpoints: Path | None = None) -> OpenWire:
    """Ports of this machine; `sim://NAME` through the simulator's endpoints file."""

    def open_it(name: str, section: LineSection) -> Wire:
        url = resolve_port(section.port, endpoints)
        try:
            return Wire(open_port(url, section.baud, section.format), url.startswith("tcp://"))
        except ValueError as error:
            raise Refused([Problem(f"lines.{name}.port", section.port, str(error), "Correct the port")]) from None

    return open_it


UNIT_MAX = 247
"""The highest address a Modbus unit may have."""
SESSIONS_KEPT = 100
"""Sessions that have ended and can still be looked at live; the journal has them all."""


class Station:
    """Everything one controller owns. `build` checks it and opens nothing; `start` drives it dark first."""

    def __init__(
        self,
        config: StationConfig,
        journal: Journal,
        lines: Mapping[str, Bus],
        devices: Devices,
    ) -> None:
        self.config = config
        self.journal = journal
        self.lines = lines
        self.devices = devices
        self.alarms = Alarms(journal)
        stops = config.file.stop.contacts
        interlocks = {
            name: Interlock(name, devices.contact(ref), name in stops) for name, ref in config.file.interlocks.items()
        }
        self.lamps = {name: self._lamp(name, section, interlocks) for name, section in config.file.lamps.items()}
        self.calibrations = Calibrations(journal, config, devices, self.lamps)
        self.upkeep = Upkeep(config, journal, self.lamps, self.calibrations)
        self.reminders = Reminders(journal, self.alarms, self.upkeep.due)
        self.sessions: dict[str, Session] = {}
        self.shutdown = Shutdown(
            list(lines.values()), self._broadcasts(), self.lamps, journal, config.file.stop.may_clear
        )
        journal.at_rest = self._at_rest
        self._tasks: list[asyncio.Task[None]] = []
        self._stops: set[asyncio.Task[Any]] = set()

    @property
    def simulated(self) -> bool:
        return self.config.file.station.mode == "simulation"

    @property
    def sign_in(self) -> bool:
        """Whether names are vouched for by the clinic; else they are what somebody typed."""
        return self.config.file.people.sign_in

    def _lamp(self, name: str, section: LampSection, interlocks: Mapping[str, Interlock]) -> Lamp:
        devices = self.devices
        emitter = devices.emitter(section.emitter)
        output = Output(
            emitter,
            section.lease_s,
            devices.cutoff(section.cutoff) if section.cutoff else None,
            section.cutoff_lease_s or 0.0,
            emitter_line=self._line_of(section.emitter),
        )
        instruments = Instruments(
            tuple(interlocks[ref] for ref in dict.fromkeys((*self.config.file.stop.contacts, *section.interlocks))),
            devices.radiometer(section.radiometer) if section.radiometer else None,
            devices.thermometer(section.skin) if section.skin else None,
            devices.thermometer(section.housing) if section.housing else None,
        )
        info = LampInfo(
            station=self.config.file.station.name,
            simulated=self.simulated,
            title=section.title or name,
            serial=section.serial,
            lamp_type=section.upkeep.lamp_type,
            emitter=self._described(section.emitter),
            cutoff=self._described(section.cutoff) if section.cutoff else None,
            radiometer=self._described(section.radiometer) if section.radiometer else None,
            skin=self._described(section.skin) if section.skin else None,
            housing=self._described(section.housing) if section.housing else None,
            distance_cm=section.distance_cm,
            fail_safe=emitter.lease.fail_safe,
            tick_s=section.tick_s,
            idle_s=section.idle_s,
        )
        return Lamp(
            Equipment(
                name,
                info,
                output,
                instruments,
                Envelope(
                    section.limits.as_limits(),
                    housing_c_max=section.housing_c_max,
                    attend_every_s=section.attendance.every_s,
                    answer_within_s=section.attendance.answer_within_s,
                    dimmed_s=section.attendance.dimmed_s,
                ),
                InForce(
                    self.journal,
                    name,
                    section.serial,
                    binding(self.config.file, name),
                    section.upkeep,
                    self.config.calibrations.get(name),
                    self.config.meters,
                ),
                self.journal,
                self.alarms,
                stopped=lambda: self.shutdown.latch.reason if self.shutdown.latch else None,
                stop_station=self.stop_soon,
                commissioned=Commissioned(
                    self.journal, name, configuration(self.config.file, name), required=not self.simulated
                ),
                changed=self.config.changed,
            )
        )

    def _line_of(self, ref: str) -> str:
        return self.config.file.devices[ref.partition(".")[0]].line

    def _described(self, ref: str) -> str:
        return f"{ref} ({self.config.file.devices[ref.partition('.')[0]].driver})"

    def _broadcasts(self) -> dict[str, list[AnyRequest]]:
        """The broadcast OFFs each line knows, once each."""
        frames: dict[str, list[AnyRequest]] = {}
        for name, section in self.config.file.lamps.items():
            output = self.lamps[name].output
            sources: list[tuple[str, Emitter | Cutoff]] = [(section.emitter, output.emitter)]
            if section.cutoff and output.cutoff:
                sources.append((section.cutoff, output.cutoff))
            for ref, source in sources:
                frame = source.broadcast_off()
                on_line = frames.setdefault(self._line_of(ref), [])
                if frame is not None and frame not in on_line:
                    on_line.append(frame)
        return frames

    # --- life ------------------------------------------------------------------------------------------------------------

    async def go_dark_first(self) -> dict[str, Evidence]:
        """The first act: open the lines and drive every lamp dark, verified where it answers."""
        await asyncio.gather(*(line.start() for line in self.lines.values()))
        now_s = asyncio.get_running_loop().time()
        evidence = await asyncio.gather(*(lamp.output.darken(now_s) for lamp in self.lamps.values()))
        return dict(zip(self.lamps, evidence, strict=True))

    def record_dark(self, evidence: Mapping[str, Evidence]) -> None:
        """Write down what the first act found."""
        for name, found in evidence.items():
            if found.verified_dark_s is None:
                reason = self.lamps[name].output.state.problem or "reads back as on"
                self.journal.write("lamp.unverified", lamp=name, reason=reason)
            else:
                self.journal.write("lamp.dark_verified", lamp=name, **found.as_dict())

    def run(self) -> None:
        """Take up a stop that nobody has cleared, and start each lamp's task."""
        self.shutdown.restore(self.journal.events)
        self.alarms.restore(self.journal.events)
        self.reminders.restore(self.journal.events)
        self.calibrations.restore()
        for lamp in self.lamps.values():
            task = asyncio.create_task(lamp.run(), name=f"lamp {lamp.name}")
            task.add_done_callback(self._lamp_task_ended)
            self._tasks.append(task)

    def _at_rest(self) -> bool:
        """Whether nobody misses the moment that the journal takes to begin its next file."""
        return not any(lamp.in_use for lamp in self.lamps.values())

    def _lamp_task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.journal.write("controller.defect", task=task.get_name(), text=repr(error))
            self.stop_soon("controller", f"{task.get_name()} failed: {error!r}")

    async def close(self, by: str, reason: str) -> None:
        """Dark before anything else; then give the ports back."""
        await self.shutdown.stop(by, reason, "shutdown")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self.lines.values():
            await line.close()

    def stop_soon(self, by: str, reason: str, source: str = "controller") -> None:
        """Stop the station from inside a lamp's task, without waiting for it there."""
        if self.shutdown.latch is not None:
            return
        task = asyncio.create_task(self.shutdown.stop(by, reason, source))
        self._stops.add(task)
        task.add_done_callback(self._stops.discard)

    def commission(self, lamp: str, by: str) -> Commissioning:
        """Begin to commission a lamp, with nobody under it. Raises Refused."""
        if lamp not in self.lamps:
            raise Refused([Problem("lamp", lamp, "no such lamp", f"Known are {', '.join(sorted(self.lamps))}")])
        section = self.config.file.lamps[lamp]
        places = {"emitter": self._place(lamp, section.emitter)}
        if section.cutoff is not None:
            places["cutoff"] = self._place(lamp, section.cutoff)
        return self.lamps[lamp].commission(by, configuration(self.config.file, lamp), places)

    def _place(self, lamp: str, ref: str) -> Place:
        file, own, name = self.config.file, _device(ref), self._line_of(ref)
        units = {device: section.unit for device, section in file.devices.items() if section.line == name}
        line = self.lines[name]
        return Place(
            line,
            serial=isinstance(line, Line),
            own_echo=file.lines[name].local_echo,
            others=tuple(unit for device, unit in units.items() if device != own),
            unused=max(set(range(1, UNIT_MAX + 1)) - set(units.values())),
            neighbours=tuple(self.lamps[other] for other in file.lamps_on(name) if other != lamp),
            off_frames=tuple(off_frames(self, name)),
        )

    def accept_clock(self, by: str, reason: str) -> None:
        """Somebody vouches that the clock is right now, though the journal holds later entries. Raises Refused."""
        problems = _unnamed(by, reason)
        if problems:
            raise Refused(problems)
        self.journal.write("clock.accepted", by=by, reason=reason)

    async def act(self, device: str, action: str, by: str, reason: str) -> None:
        """Something only a person may order of a device, such as clearing a latched trip. Raises Refused, BusError, DeviceFault."""
        known = {f"{d.name} {name}": a for d in self.devices.by_name.values() for name, a in d.actions.items()}
        problems = _unnamed(by, reason)
        chosen = known.get(f"{device} {action}")
        if chosen is None:
            problems.append(
                Problem(
                    "action",
                    f"{device} {action}",
                    "no such device or action",
                    f"Known are: {', '.join(known) or 'none'}",
                )
            )
        if problems or chosen is None:
            raise Refused(problems)
        self.journal.write("device.action", device=device, action=action, by=by, reason=reason)
        await chosen.run()

    # --- sessions --------------------------------------------------------------------------------------------------------

    def order(self, order: Order) -> Session:
        """Accept an order or refuse it with every reason."""
        lamp = self.lamps.get(order.lamp)
        if lamp is None:
            known = ", ".join(sorted(self.lamps))
            raise Refused([Problem("lamp", order.lamp, "no such lamp", f"Known are {known}")])
        session = lamp.order(self.journal.memory.next_session(f"{self.journal.clock():%Y%m%d}"), order)
        self.sessions[session.id] = session
        for old in [one for one in self.sessions.values() if not one.running][:-SESSIONS_KEPT]:
            del self.sessions[old.id]
        return session

    def lamp_of(self, session_id: str) -> Lamp:
        """The lamp whose session this is. Raises Refused."""
        session = self.sessions.get(session_id)
        if session is None:
            raise Refused(
                [Problem("session", session_id, "is not known to this run of the controller", "See `irctl sessions`")]
            )
        return self.lamps[session.order.lamp]

    def line_views(self) -> list[dict[str, Any]]:
        """Each line's state, statistics and worst-case time-to-dark."""
        return [
            {
                "name": name,
                "port": self.config.file.lines[name].port,
                "baud": self.config.file.lines[name].baud,
                "format": self.config.file.lines[name].format,
                "status": line.state.status,
                "reason": line.state.reason or None,
                "worst_time_to_dark_s": round(line.worst_time_to_dark_s(off_frames(self, name)), 4),
                "leases_s": leases(self.config.file, name),
                "devices": [self._device_view(d, line) for d, s in self.config.file.devices.items() if s.line == name],
                "requests": line.stats.requests,
                "ok": line.stats.ok,
                "errors": dict(line.stats.errors),
                "latency_ms": {
                    "mean": round(1000 * line.stats.latency.mean_s, 2),
                    "p50": round(1000 * line.stats.latency.p50_s, 2),
                    "p99": round(1000 * line.stats.latency.p99_s, 2),
                    "max": round(1000 * line.stats.latency.max_s, 2),
                },
                "connects": line.stats.connects,
                "stray_bytes": line.stats.stray_bytes,
                "notes": list(line.stats.notes),
            }
            for name, line in self.lines.items()
        ]

    def _device_view(self, name: str, line: Bus) -> dict[str, Any]:
        """What stands at one address, who it said it is when it was asked last, and how it answers."""
        section, device = self.config.file.devices[name], self.devices.by_name[name]
        stats = line.stats.units.get(section.unit, UnitStats())
        identity = None
        for lamp, lamp_section in self.config.file.lamps.items():
            for role, ref in (("emitter", lamp_section.emitter), ("cutoff", lamp_section.cutoff)):
                if ref is not None and _device(ref) == name:
                    identity = self.lamps[lamp].output.identities.get(role, identity)
        return {
            "name": name,
            "driver": section.driver,
            "unit": section.unit,
            "offers": device.offers(),
            "identity": None if identity is None else asdict(identity),
            "actions": {action: one.title for action, one in device.actions.items()},
            "requests": stats.requests,
            "ok": stats.ok,
            "errors": dict(stats.errors),
            "latency_p99_ms": round(1000 * stats.latency.p99_s, 2),
        }


def leases(file: StationFile, line: str) -> dict[str, float]:
    """Every lease, seconds, that has to outlast this line's worst-case time-to-dark, by lamp and role."""
    return {
        f"{name}.{role}": lease_s
        for name, lamp in file.lamps.items()
        for role, ref, lease_s in (
            ("emitter", lamp.emitter, lamp.lease_s),
            ("cutoff", lamp.cutoff, lamp.cutoff_lease_s),
        )
        if ref is not None and lease_s is not None and file.devices[_device(ref)].line == line
    }


def _unnamed(by: str, reason: str) -> list[Problem]:
    return [
        Problem(name, value, "is empty", "Say who does this and why: it goes into the record")
        for name, value in (("by", by), ("reason", reason))
        if not value.strip()
    ]


def off_frames(station: Station, line: str) -> list[AnyRequest]:
    """Every frame a stop sends on one line."""
    frames: list[AnyRequest] = []
    for name, section in station.config.file.lamps.items():
        output = station.lamps[name].output
        if station.config.file.devices[section.emitter.partition(".")[0]].line == line:
            frames += output.emitter.off_requests()
        if (
            section.cutoff
            and output.cutoff
            and station.config.file.devices[section.cutoff.partition(".")[0]].line == line
        ):
            frames += output.cutoff.off_requests()
    return frames


def build(
    config: StationConfig, journal: Journal, open_wire: OpenWire, trace: Callable[[str], Trace] | None = None
) -> Station:
    """Put a station together and check what can be checked without a wire. Raises Refused with every problem."""
    problems: list[Problem] = []
    lines: dict[str, Bus] = {}
    for name, section in config.file.lines.items():
        try:
            lines[name] = _line(name, section, open_wire, trace)
        except Refused as refused:
            problems += refused.problems
    if problems:
        raise Refused(problems)
    connected: list[ConnectedDevice] = []
    for name, section in config.file.devices.items():
        try:
            connected.append(connect_device(name, section, lines[section.line], config.path.parent))
        except ConfigurationError as error:
            problems.append(Problem(f"devices.{name}", section.driver, str(error), "Correct this device's section"))
    devices = Devices(connected)
    problems += _reference_problems(config, devices)
    if problems:
        raise Refused(problems)
    station = Station(config, journal, lines, devices)
    problems = _lease_problems(station)
    if problems:
        raise Refused(problems)
    return station


def _line(name: str, section: LineSection, open_wire: OpenWire, trace: Callable[[str], Trace] | None) -> Bus:
    wire = open_wire(name, section)
    tracer = trace(name) if trace else None
    timing = LineTiming.serial(section.baud, section.format)
    if section.protocol == "text":
        if wire.modbus_tcp:
            problem = Problem(f"lines.{name}.port", section.port, "tcp:// is Modbus TCP, and this line speaks text",
                              "Write socket://host:port, or a serial device")  # fmt: skip
            raise Refused([problem])
        return TextLine(name, wire.port, timing, local_echo=section.local_echo, trace=tracer)
    if wire.modbus_tcp:
        return TcpLine(name, wire.port, trace=tracer)
    return Line(
        name,
        wire.port,
        timing,
        local_echo=section.local_echo,
        broadcast_turnaround_s=section.broadcast_turnaround_s,
        trace=tracer,
    )


def connect_device(name: str, section: DeviceSection, line: Bus, folder: Path) -> ConnectedDevice:
    """`folder`: where maps of the station's own are. Raises ConfigurationError."""
    driver: AnyDriver = find_driver(section.driver, folder)
    if driver.speaks != line.speaks:
        raise ConfigurationError(
            f"its driver speaks {driver.speaks}, and line {section.line!r} speaks {line.speaks}. "
            f'Put it on a line with `protocol = "{driver.speaks}"`'
        )
    own = {key: value for key, value in section.options.items() if key not in TIMING_OPTIONS}
    try:
        timing: UnitTiming = replace(
            driver.timing, **{k: section.options[k] for k in TIMING_OPTIONS if k in section.options}
        )
    except (ValueError, TypeError) as error:
        raise ConfigurationError(str(error)) from None
    return driver.connect(Unit(line, section.unit, timing), name, driver.parse_options(name, own))


def _reference_problems(config: StationConfig, devices: Devices) -> list[Problem]:
    """Every "device.channel" in the file must be something the device offers. A device that is itself wrong is not asked."""
    asked: list[tuple[str, str, Callable[[str], object]]] = []
    for name, lamp in config.file.lamps.items():
        asked.append((f"lamps.{name}.emitter", lamp.emitter, devices.emitter))
        optional = (
            ("cutoff", lamp.cutoff, devices.cutoff),
            ("radiometer", lamp.radiometer, devices.radiometer),
            ("skin", lamp.skin, devices.thermometer),
            ("housing", lamp.housing, devices.thermometer),
        )
        asked += [(f"lamps.{name}.{role}", ref, find) for role, ref, find in optional if ref is not None]
    asked += [(f"interlocks.{name}", ref, devices.contact) for name, ref in config.file.interlocks.items()]
    asked += [(f"meters.{n}.device", m.device, devices.radiometer) for n, m in config.file.meters.items() if m.device]
    problems: list[Problem] = []
    wrong = config.file.devices.keys() - devices.by_name.keys()
    for field, ref, find in asked:
        if _device(ref) in wrong:
            continue
        try:
            find(ref)
        except ConfigurationError as error:
            problems.append(Problem(field, ref, str(error), "Name a channel that the device offers"))
    return problems


def _lease_problems(station: Station) -> list[Problem]:
    problems: list[Problem] = []
    for name, section in station.config.file.lamps.items():
        output, at = station.lamps[name].output, f"lamps.{name}"
        problems += _lease(
            station, f"{at}.lease_s", section.lease_s, output.emitter.lease, section.emitter, section.tick_s
        )
        if all(leased.channel.lease.fail_safe is FailSafe.NONE for leased in _leased(station, section)):
            problems.append(
                Problem(
                    f"{at}.emitter",
                    section.emitter,
                    "cannot end the light by itself, and no cut-off does",
                    "Put a cut-off with a fail-safe in its supply",
                )
            )
        if section.cutoff and output.cutoff and section.cutoff_lease_s:
            problems += _lease(
                station,
                f"{at}.cutoff_lease_s",
                section.cutoff_lease_s,
                output.cutoff.lease,
                section.cutoff,
                section.tick_s,
            )
    return problems + _shared_channels(station) + _shared_watchdogs(station)


def _lease(station: Station, field: str, lease_s: float, spec: LeaseSpec, ref: str, tick_s: float) -> list[Problem]:
    if spec.fail_safe is FailSafe.NONE:
        return []
    problems: list[Problem] = []
    if not spec.fits(lease_s):
        problems.append(
            Problem(
                field,
                lease_s,
                f"{ref} counts {spec.min_s:g} to {spec.max_s:g} s in steps of {spec.step_s:g} s",
                "Choose such a lease",
            )
        )
    line = station.config.file.devices[ref.partition(".")[0]].line
    worst_s = station.lines[line].worst_time_to_dark_s(off_frames(station, line))
    if lease_s < worst_s:
        problems.append(
            Problem(
                field,
                lease_s,
                f"shorter than line {line!r} may need to go dark ({worst_s:.2f} s)",
                "Take a longer lease, a faster line or fewer devices on it",
            )
        )
    if lease_s < 2 * tick_s:
        problems.append(
            Problem(field, lease_s, f"too short to be renewed every {tick_s:g} s", "Take a lease of at least two ticks")
        )
    return problems


class _Leased(NamedTuple):
    """One of a lamp's leased channels: its role, how the file names it, and what that is."""

    role: str
    ref: str
    channel: Emitter | Cutoff


def _leased(station: Station, section: LampSection) -> list[_Leased]:
    found = [_Leased("emitter", section.emitter, station.devices.emitter(section.emitter))]
    if section.cutoff is not None:
        found.append(_Leased("cutoff", section.cutoff, station.devices.cutoff(section.cutoff)))
    return found


def _shared_channels(station: Station) -> list[Problem]:
    """A channel serves one lamp in one role: shared, one lamp's lease would light the other, or a cut-off would be the emitter itself."""
    problems: list[Problem] = []
    taken: dict[str, str] = {}
    for name, section in station.config.file.lamps.items():
        for role, ref, channel in _leased(station, section):
            field = f"lamps.{name}.{role}"
            other = taken.setdefault(channel.name, field)
            if other != field:
                problems.append(Problem(field, ref, f"is {other} already", "Give each lamp and role its own channel"))
    return problems


def _shared_watchdogs(station: Station) -> list[Problem]:
    """A watchdog that any poll feeds cannot tell two lamps apart: one lamp's task would keep the other's light alive.

    So each lamp needs one fail-safe that nobody else feeds: timed per channel, or on a device that no other lamp talks to.
    """
    lamps = station.config.file.lamps
    polled = {name: station.config.file.devices_of(name) for name in lamps}
    problems: list[Problem] = []
    for name, section in lamps.items():
        shared: list[Problem] = []
        for _, ref, channel in _leased(station, section):
            device = _device(ref)
            others = [other for other in lamps if other != name and device in polled[other]]
            if channel.lease.fail_safe is FailSafe.NONE:
                continue
            if channel.lease.scope is LeaseScope.CHANNEL or not others:
                break
            shared.append(
                Problem(
                    f"lamps.{name}.emitter",
                    ref,
                    f"shares the watchdog of {device!r} with lamp {others[0]!r}: one lamp's polling would keep the other alight",
                    "Give it its own device, or a cut-off with a timed output per channel",
                )
            )
        else:
            problems += shared[:1]
    return problems


def _device(ref: str) -> str:
    return ref.partition(".")[0]
