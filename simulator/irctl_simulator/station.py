"""The simulated station: lines, devices, lamps and patients wired together as the configuration says."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar, cast, get_type_hints

from pydantic import TypeAdapter, ValidationError

from irctl_simulator import faults
from irctl_simulator.config import DeviceConfig, LampConfig, LineConfig, StationConfig, load_config
from irctl_simulator.device import Device
from irctl_simulator.faults import DeviceFaults, FaultError, LineFaults
from irctl_simulator.lamps import SimLamp, Terminal, a_treatment, calibration_points
from irctl_simulator.meters import MeterTruth, SimMeter
from irctl_simulator.physics.sensors import FirstOrder
from irctl_simulator.physics.treatment import Truth
from irctl_simulator.replay import ReplayLine, load_recording
from irctl_simulator.text_line import TextLine
from irctl_simulator.twins.base import RegisterTwin, Twin
from irctl_simulator.twins.beckhoff import Ek9000
from irctl_simulator.twins.calex import CalexPyroMiniBus
from irctl_simulator.twins.contacts import ContactTwin
from irctl_simulator.twins.registry import twin_of
from irctl_simulator.twins.sensing import RadiometerTwin, SensorTwin, ThermometerTwin
from irctl_simulator.twins.sr05 import HuksefluxSr05
from irctl_simulator.twins.text import TextMeter, TextTwin
from irctl_simulator.twins.tm_modules import TmDa1p1r1
from irctl_simulator.twins.waveshare import WaveshareIo8
from irctl_simulator.twins.wirenboard import Mr6cV3
from irctl_simulator.wire import Line, NetworkLine, SerialFormat, SerialLine

SENSOR_TAU_S = {"hukseflux-sr05": 6.0, "calex-pyrominibus": 0.3, "ophir": 1.0, "gentec": 1.0, "thorlabs-pm100": 1.0,
                "apogee-sp": 0.5, "kipp-zonen-smp": 1.5, "r4dcb08": 5.0, "pixsys-drr245": 1.0}  # fmt: skip
"""Response times where the configuration gives none: SR05 about 18 s to 95 % makes 6 s; the others assumed."""

Radiometer = HuksefluxSr05 | TextMeter | RadiometerTwin
Sensor = Radiometer | CalexPyroMiniBus | SensorTwin
SensorT = TypeVar("SensorT", bound=Sensor)


class WiringError(ValueError):
    """The configuration connects something to what is not there."""


class SimStation:
    """Everything a station's hardware would be, on lines that are attached in memory or served by `servers`."""

    def __init__(self, config: StationConfig, now: float) -> None:
        self.config = config
        self.started_at = self._now = now
        self.lines: dict[str, Line] = {name: self._line(name, one) for name, one in config.lines.items()}
        self.devices: dict[str, Device] = {name: self._device(name, one) for name, one in config.devices.items()}
        self.lamps: dict[str, SimLamp] = {name: self._lamp(name, one) for name, one in config.lamps.items()}
        self.meters = self._meters()
        self._fed_by: dict[str, list[SimLamp]] = {name: [] for name in self.devices}
        for lamp in self.lamps.values():
            for name in {end.device.name for end in (lamp.emitter, lamp.contactor) if end}:
                self._fed_by[name].append(lamp)
        self._timed = [one.twin for one in self.devices.values() if not isinstance(one.twin, _UNTIMED)]
        self._set_inputs()

    @classmethod
    def from_config(cls, source: StationConfig | dict[str, Any] | str | Path, seed: int | None = None) -> SimStation:
        """Build from a TOML path, a dict or a parsed configuration; time starts at the running loop's, or at 0 without one.

        `seed` overrides the configuration's: same seed and same requests at the same times, same bytes.

        Raises pydantic.ValidationError for a malformed configuration, WiringError for one that does not connect.
        """
        config = load_config(source)
        if seed is not None:
            config = config.model_copy(update={"seed": seed})
        return cls(config, _loop_time(0.0))

    # Building

    def _line(self, name: str, config: LineConfig) -> Line:
        random = Random(f"{self.config.seed}/line/{name}")
        if config.replay is not None:
            return ReplayLine(name, self, random, load_recording(Path(config.replay), config.recorded_as or name))
        if config.protocol == "modbus-tcp":
            return NetworkLine(name, self, random)
        if config.protocol == "text":
            return TextLine(name, self, random, SerialFormat(config.baud, config.format))
        return SerialLine(
            name,
            self,
            random,
            SerialFormat(config.baud, config.format),
            gap_chars_min=config.gap_chars_min,
            while_busy=config.while_busy,
        )

    def _device(self, name: str, config: DeviceConfig) -> Device:
        if config.line not in self.lines:
            raise WiringError(f"device {name} is on line {config.line}, which does not exist")
        kind = twin_of(config.twin)
        if isinstance(self.lines[config.line], ReplayLine):
            raise WiringError(f"device {name}: line {config.line} replays a recording, and has no twins")
        if issubclass(kind, TextTwin) is not isinstance(self.lines[config.line], TextLine):
            raise WiringError(f"device {name}: a {config.twin} and line {config.line} do not speak the same protocol")
        options = _checked_options(name, kind, config.options)
        if config.twin in SENSOR_TAU_S:
            options["random"] = Random(f"{self.config.seed}/noise/{name}")
        twin = cast("Callable[..., Twin]", kind)(config.unit, self._now, **options)
        random = Random(f"{self.config.seed}/device/{name}")
        device = Device(name, twin, random, config.latency_s, config.jitter_s)
        line = self.lines[config.line]
        if any(other.twin.answers_to(config.unit) for other in line.devices):
            raise WiringError(f"unit {config.unit} of {name} is taken on {config.line}")
        line.devices.append(device)
        return device

    def _lamp(self, name: str, config: LampConfig) -> SimLamp:
        treatment = a_treatment(name, config, self._now)
        if config.radiometer:
            head = self._sensor(config.radiometer, *_RADIOMETERS)
            head.source = treatment.radiometer_w_m2
            treatment.radiometer.tau_s = self._tau_s(config.radiometer)
        if config.skin:
            thermometer = self._sensor(config.skin, CalexPyroMiniBus, ThermometerTwin)
            thermometer.source = treatment.skin_c
            treatment.thermometer.tau_s = self._tau_s(config.skin)
        contactor = self._terminal(config.contactor) if config.contactor else None
        random = Random(f"{self.config.seed}/mains/{name}")
        return SimLamp(name, config, self._terminal(config.emitter), contactor, treatment, random)

    def _meters(self) -> dict[str, SimMeter]:
        """Every radiometer that is fixed to no lamp."""
        fixed = {lamp.radiometer for lamp in self.config.lamps.values()}
        meters: dict[str, SimMeter] = {}
        for name, device in self.devices.items():
            if isinstance(device.twin, _RADIOMETERS) and name not in fixed:
                meters[name] = SimMeter(name, FirstOrder(self._tau_s(name)), self._now)
                device.twin.source = meters[name].w_m2
        return meters

    def _sensor(self, name: str, *kinds: type[SensorT]) -> SensorT:
        device = self.devices.get(name)
        if device is None or not isinstance(device.twin, kinds):
            raise WiringError(f"{name} is no {' or '.join(kind.kind or kind.__name__ for kind in kinds)}")
        return device.twin

    def _tau_s(self, name: str) -> float:
        config = self.config.devices[name]
        return SENSOR_TAU_S[config.twin] if config.tau_s is None else config.tau_s

    def _terminal(self, place: str) -> Terminal:
        name, channel = _split(place)
        if name not in self.devices or channel is None:
            raise WiringError(f"{place}: there is no such device")
        terminal = Terminal(self.devices[name], channel)
        try:
            terminal.v2()
        except LookupError as error:
            raise WiringError(f"{place}: {error}") from None
        return terminal

    def _set_inputs(self) -> None:
        for name, interlock in self.config.interlocks.items():
            device, channel = _split(interlock.input)
            try:
                self._set_contact(device, channel, interlock.closed)
            except (FaultError, KeyError) as error:
                raise WiringError(f"interlock {name}: {interlock.input} is no input of any device") from error

    # Time

    @property
    def now(self) -> float:
        """The running loop's time; without a loop, the last moment the station was brought to."""
        return _loop_time(self._now)

    def sync(self, now: float) -> None:
        """Run all device timers due by `now`, in order; lamps and skin follow lazily."""
        while (due := min((twin.next_event() for twin in self._timed), default=now + 1.0)) <= now:
            for device in self.devices.values():
                if device.twin.next_event() <= due:
                    device.twin.advance(due)
                    self.acted(device, due)
        self._now = max(self._now, now)

    def acted(self, device: Device, now: float) -> None:
        for lamp in self._fed_by[device.name]:
            lamp.feed(now)

    # What really happens

    def truth(self, lamp: str) -> Truth:
        """What lamp `lamp` has really done up to now; raises KeyError for an unknown lamp."""
        self.sync(self.now)
        return self.lamps[lamp].treatment.truth(self._now)

    def calibration_points(
        self, lamp: str, distance_cm: float, levels: Sequence[int] = tuple(range(10, 101, 10))
    ) -> list[tuple[int, float]]:
        """(level %, steady irradiance in mW/cm2) at a distance, free of noise, as the lamp is now (age, reflector, mains)."""
        self.sync(self.now)
        self.lamps[lamp].treatment.advance(self._now)
        return calibration_points(self.lamps[lamp], distance_cm, levels)

    # Meters that are carried about

    def place(self, meter: str, lamp: str, distance_cm: float, angle_deg: float = 0.0) -> None:
        """Hold a meter under a lamp, in its axis, tilted by an angle. The lamp's own radiometer stays where it is.

        Raises FaultError where there is no such meter, lamp or place.
        """
        if lamp not in self.lamps:
            raise FaultError(f"there is no lamp {lamp}; there are {', '.join(self.lamps)}")
        self.sync(now := self.now)
        self._meter(meter).place(self.lamps[lamp], distance_cm, angle_deg, now)

    def remove(self, meter: str) -> None:
        """Take a meter away from every lamp: it shows its dark offset. Raises FaultError where there is no such meter."""
        self.sync(now := self.now)
        self._meter(meter).remove(now)

    def meter_truth(self, meter: str) -> MeterTruth:
        """Where a meter really is and what really falls on it now; raises FaultError where there is no such meter."""
        self.sync(now := self.now)
        return self._meter(meter).truth(now)

    def _meter(self, name: str) -> SimMeter:
        if name not in self.meters:
            known = ", ".join(self.meters) or "none: every radiometer is fixed to a lamp"
            raise FaultError(f"{name} is no meter that can be placed; there are {known}")
        return self.meters[name]

    # Faults

    def set_fault(self, target: str, kind: str, **params: object) -> None:
        """Break something now; see `faults` for targets and kinds. Raises FaultError saying what is possible.

        faults.PARAMETERS lists what each kind takes, `irctl-sim fault --help` in which unit.
        """
        kind = faults.ALIASES.get(kind, kind)
        unknown = params.keys() - faults.PARAMETERS.get(kind, frozenset())
        if unknown:
            raise FaultError(f"{kind} has no parameter {', '.join(sorted(unknown))}")
        now = self.now
        self.sync(now)
        name, channel = _split(target)
        if name in self.lines and channel is None:
            self._line_fault(self.lines[name], kind, params, now)
        elif name in self.lamps and channel is None:
            self.lamps[name].fault(kind, params, now)
        elif name in self.config.interlocks and channel is None:
            faults.check(kind, faults.INTERLOCK_KINDS, target)
            device, channel = _split(self.config.interlocks[name].input)
            self._set_contact(device, channel, kind == "close_contact")
        elif name in self.devices:
            self._device_fault(self.devices[name], channel, kind, params, now)
        else:
            known = ", ".join((*self.lines, *self.devices, *self.lamps, *self.config.interlocks))
            raise FaultError(f"there is no {target}; there are {known}")

    def clear_faults(self) -> None:
        """Mend everything: devices without power boot, contacts return to their configured state, lines are plugged in."""
        now = self.now
        self.sync(now)
        for line in self.lines.values():
            line.faults = LineFaults()
            line.replug()
        for device in self.devices.values():
            unpowered = device.faults.unpowered
            device.faults = DeviceFaults()
            if isinstance(device.twin, _SENSORS):
                device.twin.fault_gain, device.twin.frozen = 1.0, False
            if isinstance(device.twin, _RADIOMETERS):
                device.twin.fault_full_scale_w_m2 = math.inf
            if unpowered:
                device.reboot(now)
            self.acted(device, now)
        for lamp in self.lamps.values():
            lamp.mend(now)
        for meter in self.meters.values():
            meter.misplace(0.0, now)
        self._set_inputs()

    def _line_fault(self, line: Line, kind: str, params: dict[str, object], now: float) -> None:
        network = isinstance(line, NetworkLine)
        known = [one for one in faults.LINE_KINDS if not (network and one in faults.SERIAL_ONLY)]
        faults.check(kind, known, line.name)
        match kind:
            case "echo":
                line.faults.echo = True
            case "echo_only":
                line.faults.echo_only = True
            case "corrupt":
                line.faults.corrupt = faults.corruption(params)
            case "unplug":
                line.unplug()
            case "replug":
                line.replug()
            case _:
                asked = dict(params)
                for device in line.devices:
                    params.update(asked)
                    self._device_fault(device, None, kind, params, now)

    def _device_fault(
        self, device: Device, channel: int | None, kind: str, params: dict[str, object], now: float
    ) -> None:
        faults.check(kind, faults.DEVICE_KINDS, device.name)
        state = device.faults
        match kind:
            case "silent":
                state.silent = True
            case "unpowered":
                state.unpowered = True
            case "late":
                state.late_s = faults.number(kind, params, "seconds", 0.0, 3600.0)
            case "corrupt":
                state.corrupt = faults.corruption(params)
            case "wrong_echo":
                state.wrong_echo = faults.choice(kind, params, "field", ("address", "value"))
            case "wrong_answer":
                if isinstance(device.twin, TextTwin):
                    raise FaultError(f"{device.name} speaks no Modbus")
                state.wrong_answer = faults.choice(kind, params, "in", faults.LIES)
            case "junk":
                if not isinstance(device.twin, TextTwin):
                    raise FaultError(f"{device.name} is on no line of text")
                state.junk = True
            case "twice":
                state.twice = True
            case "reboot":
                seconds = faults.number(kind, params, "seconds", 0.0, 3600.0) if params else faults.BOOT_S
                device.reboot(now, seconds)
            case "frozen":
                self._sensor_of(device).frozen = True
            case "gain":
                self._sensor_of(device).fault_gain = faults.number(kind, params, "factor", -10.0, 10.0)
            case "range":
                if not isinstance(device.twin, _RADIOMETERS):
                    raise FaultError(f"{device.name} is no radiometer")
                device.twin.fault_full_scale_w_m2 = faults.number(kind, params, "mw_cm2", 0.0, 1000.0) * 10.0
            case "misplaced":
                self._meter(device.name).misplace(faults.number(kind, params, "cm", -100.0, 100.0), now)
            case "stuck_output":
                channels = _output_channels(device, channel)
                state.stuck.update({one: device.output(one) for one in channels})
            case "welded":
                state.welded.update(_output_channels(device, channel))
            case _:
                self._set_contact(device.name, channel, kind == "close_contact")
        self.acted(device, now)

    def _sensor_of(self, device: Device) -> Sensor:
        if not isinstance(device.twin, _SENSORS):
            raise FaultError(f"{device.name} is no sensor")
        return device.twin

    def _set_contact(self, name: str, channel: int | None, closed: bool) -> None:
        twin = self.devices[name].twin
        if not isinstance(twin, _WITH_INPUTS) or channel is None or not 1 <= channel <= len(twin.closed):
            raise FaultError(f"{name}: name an input channel of a device that has inputs, as in io.1")
        twin.set_input(channel, closed)
        self.acted(self.devices[name], self._now)


_RADIOMETERS = (HuksefluxSr05, TextMeter, RadiometerTwin)
_SENSORS = (*_RADIOMETERS, CalexPyroMiniBus, ThermometerTwin)
_UNTIMED = (HuksefluxSr05, TextMeter, CalexPyroMiniBus)
"""Sensors of which nothing ever falls due."""
_WITH_INPUTS = (WaveshareIo8, ContactTwin, TmDa1p1r1, Mr6cV3, Ek9000)


def _checked_options(name: str, twin: type[RegisterTwin | TextTwin], given: Mapping[str, object]) -> dict[str, Any]:
    """Options of a device against the keyword arguments of its twin; raises WiringError for unknown names and wrong values."""
    hints = get_type_hints(twin.__init__)
    known = sorted(hints.keys() - {"unit", "now", "source", "random", "return"})
    options: dict[str, Any] = {}
    for option, value in given.items():
        if option not in known:
            raise WiringError(f"device {name} has no option {option}; it has {', '.join(known)}")
        try:
            options[option] = TypeAdapter[Any](hints[option]).validate_python(value)
        except ValidationError as error:
            raise WiringError(f"device {name}, option {option}: {error.errors()[0]['msg']}") from None
    return options


def _output_channels(device: Device, channel: int | None) -> list[int]:
    """The channel named, or all; raises FaultError where there is none."""
    channels = list(range(1, len(device.outputs()) + 1))
    if channel is not None:
        channels = [one for one in channels if one == channel]
    if not channels:
        raise FaultError(f"{device.name} has no such output")
    return channels


def _split(place: str) -> tuple[str, int | None]:
    """ "dimmer.1" -> ("dimmer", 1); "dimmer" -> ("dimmer", None)."""
    name, dot, channel = place.rpartition(".")
    return (name, int(channel)) if dot and channel.isdigit() else (place, None)


def _loop_time(otherwise: float) -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return otherwise
