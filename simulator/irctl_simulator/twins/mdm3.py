"""Wiren Board WB-MDM3 (firmware 2.12 and later): three-channel 230 V MOSFET dimmer with a safety mode.

Source: the vendor's own device template `config-wb-mdm3-fw-2.12.json.jinja`. Assumptions, all unverified on hardware and configurable:
which frames feed the safety poll timeout (`fed_by`) and how long one count of it lasts (`safety_unit_s`), the factory safety action
(0, none), that broadcasts are obeyed, that the ramp applies to every change of output (coil, level and safety action alike) in steps
of 1 %, and that "linear resistive" means V_rms^2 proportional to the level while "log" means decades of it (two, over the scale).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

from irctl_simulator.modbus import ILLEGAL_VALUE, ModbusError
from irctl_simulator.physics.lamp import conduction_for, phase_v2
from irctl_simulator.twins.base import (
    NEVER,
    Cell,
    FedBy,
    RegisterTwin,
    constant,
    int_cells,
    live_int_cells,
    put,
    stored,
    text_cells,
)

CHANNELS = 3
HALF_WAVE_US = 10_000
"""Half a mains period at 50 Hz."""

CURVE_LOG, CURVE_LINEAR, CURVE_SWITCH = 0, 1, 2
ACTION_NONE, ACTION_OFF, ACTION_ON, ACTION_LEVEL = 0, 1, 2, 3
POWER_UP_PREVIOUS = 1
"""Registers 664..: 0 off, 1 previous, 2 on, 3 level; 2 and 3 mean the same there as in the safety action."""

SAFETY_TIMEOUT_S = 10
"""Factory value of the safety poll timeout (register 8)."""


@lru_cache(maxsize=4096)
def duty_us(percent: int, curve: int, min_us: int, max_us: int) -> int:
    """Conduction time in a half wave for a level; 0 when dark."""
    if percent <= 0:
        return 0
    level = percent / 100.0
    if curve == CURVE_SWITCH:
        return max_us
    v2 = level if curve == CURVE_LINEAR else (100.0**level - 1.0) / 99.0
    return min(max(round(conduction_for(v2) * HALF_WAVE_US), min_us), max_us)


@lru_cache(maxsize=4096)
def v2_of_duty(us: int) -> float:
    return phase_v2(us / HALF_WAVE_US) if us else 0.0


@dataclass(slots=True)
class Channel:
    """One output: what is asked for, and how far the ramp has got."""

    on: bool = False
    level: int = 0
    curve: int = CURVE_LINEAR
    shown: int = 0
    """Present output in per cent, on its way to `goal`."""
    step_at: float = NEVER

    @property
    def goal(self) -> int:
        return self.level if self.on else 0


@dataclass(slots=True)
class Mdm3Settings:
    """Registers that survive a reboot."""

    safety_timeout_s: list[int] = field(default_factory=lambda: [SAFETY_TIMEOUT_S])
    min_us: list[int] = field(default_factory=lambda: [1000] * CHANNELS)
    max_us: list[int] = field(default_factory=lambda: [9999] * CHANNELS)
    dimming_type: list[int] = field(default_factory=lambda: [0] * CHANNELS)
    ramp_up_ms: list[int] = field(default_factory=lambda: [10] * CHANNELS)
    ramp_down_ms: list[int] = field(default_factory=lambda: [10] * CHANNELS)
    safety_action: list[int] = field(default_factory=lambda: [ACTION_NONE] * CHANNELS)
    safety_level: list[int] = field(default_factory=lambda: [0] * CHANNELS)
    power_up_action: list[int] = field(default_factory=lambda: [0] * CHANNELS)
    power_up_level: list[int] = field(default_factory=lambda: [0] * CHANNELS)
    serial_line: list[int] = field(default_factory=lambda: [96, 0, 2])


class Mdm3(RegisterTwin):
    kind: ClassVar[str] = "wirenboard-mdm3"

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        serial: int = 4_271_033,
        firmware: str = "2.12.1",
        fed_by: FedBy = "addressed",
        broadcast: bool = True,
        curve: int = CURVE_LINEAR,
        ramp_ms: int = 10,
        safety_action: int = ACTION_NONE,
        safety_unit_s: float = 1.0,
    ) -> None:
        super().__init__(unit, broadcast=broadcast)
        self.fed_by = fed_by
        self.safety_unit_s = safety_unit_s
        self.settings = Mdm3Settings(
            ramp_up_ms=[ramp_ms] * CHANNELS, ramp_down_ms=[ramp_ms] * CHANNELS, safety_action=[safety_action] * CHANNELS
        )
        self.channels = [Channel(curve=curve) for _ in range(CHANNELS)]
        self.mains_state = 1
        self.safety_mode = False
        self._booted_at = now
        self._fed_at = now
        self._map(serial, firmware)

    def _map(self, serial: int, firmware: str) -> None:
        keep = self.settings
        for index in range(CHANNELS):
            self._map_channel(index)
        self.holdings[8] = stored(keep.safety_timeout_s, 0, 1, 65534)
        for address, index in ((110, 0), (111, 1), (112, 2)):
            self.holdings[address] = stored(keep.serial_line, index)
        self.holdings[120] = Cell(lambda _now: 0, self._reboot_register)
        self.holdings[128] = Cell(lambda _now: self.unit, self._readdress)

        self.inputs[97] = Cell(lambda _now: self.mains_state)
        self.inputs[100] = constant(0)  # overcurrent
        put(self.inputs, 104, live_int_cells(lambda now: int(now - self._booted_at), 2))
        put(self.inputs, 121, [constant(24_000)])  # supply, mV
        put(self.inputs, 123, [constant(3_300), constant(412)])  # processor supply, mV; temperature x0.1
        put(self.inputs, 200, text_cells("WBMDM3", 20))
        put(self.inputs, 250, text_cells(firmware, 16))
        put(self.inputs, 270, int_cells(serial, 2))

    def _map_channel(self, index: int) -> None:
        keep, channel = self.settings, self.channels[index]
        self.coils[index] = Cell(lambda _now: int(channel.on), lambda value, now: self._switch(index, bool(value), now))
        self.holdings[index] = Cell(lambda _now: channel.level, lambda value, now: self._level(index, value, now))
        self.holdings[4 + index] = Cell(
            lambda _now: channel.level, lambda value, now: self._level(index, value, now, switch_on=True)
        )
        self.holdings[50 + index] = Cell(lambda _now: channel.curve, lambda value, _now: self._curve(channel, value))
        self.holdings[90 + index] = Cell(lambda _now: self.duty_us(index))
        for address, memory, low, high in (
            (60, keep.dimming_type, 0, 1),
            (70, keep.min_us, 0, HALF_WAVE_US),
            (80, keep.max_us, 0, HALF_WAVE_US),
            (140, keep.ramp_up_ms, 0, 1000),
            (150, keep.ramp_down_ms, 0, 1000),
            (648, keep.safety_action, 0, 3),
            (656, keep.safety_level, 0, 100),
            (664, keep.power_up_action, 0, 3),
            (672, keep.power_up_level, 0, 100),
        ):
            self.holdings[address + index] = stored(memory, index, low, high)

    # What the registers do

    def _switch(self, index: int, on: bool, now: float) -> None:
        self.channels[index].on = on
        self._aim(index, now)

    def _level(self, index: int, percent: int, now: float, *, switch_on: bool = False) -> None:
        if percent > 100:
            raise ModbusError(ILLEGAL_VALUE)
        channel = self.channels[index]
        channel.level = percent
        channel.on = channel.on or switch_on
        self._aim(index, now)

    def _curve(self, channel: Channel, curve: int) -> None:
        if curve > CURVE_SWITCH:
            raise ModbusError(ILLEGAL_VALUE)
        channel.curve = curve

    def _reboot_register(self, value: int, now: float) -> None:
        if value:
            self.reboot(now)

    def _readdress(self, unit: int, _now: float) -> None:
        if not 1 <= unit <= 247:
            raise ModbusError(ILLEGAL_VALUE)
        self.unit = unit

    # Outputs and their ramp

    def duty_us(self, index: int) -> int:
        channel = self.channels[index]
        return duty_us(channel.shown, channel.curve, self.settings.min_us[index], self.settings.max_us[index])

    def output(self, channel: int) -> float:
        if not 1 <= channel <= CHANNELS:
            raise LookupError(f"an MDM3 has channels 1..{CHANNELS}, not {channel}")
        return v2_of_duty(self.duty_us(channel - 1)) if self.mains_state else 0.0

    def steady_output(self, channel: int, percent: int) -> float:
        """Mean-square voltage fraction at a level once the ramp is over."""
        index = channel - 1
        keep = self.settings
        return v2_of_duty(duty_us(percent, self.channels[index].curve, keep.min_us[index], keep.max_us[index]))

    def _aim(self, index: int, now: float) -> None:
        channel = self.channels[index]
        step_s = self._step_s(index)
        if channel.shown == channel.goal:
            channel.step_at = NEVER
        elif step_s == 0.0:
            channel.shown, channel.step_at = channel.goal, NEVER
        elif channel.step_at == NEVER:
            channel.step_at = now + step_s

    def _step_s(self, index: int) -> float:
        up = self.channels[index].goal > self.channels[index].shown
        return (self.settings.ramp_up_ms if up else self.settings.ramp_down_ms)[index] / 1000.0

    # Timers

    def polled(self, function: int, now: float) -> None:
        if self.fed_by != "writes" or function in (5, 6, 15, 16):
            self._feed(now)

    def overheard(self, now: float) -> None:
        if self.fed_by == "any":
            self._feed(now)

    def _feed(self, now: float) -> None:
        self._fed_at = now
        self.safety_mode = False

    def _safety_due(self) -> float:
        return NEVER if self.safety_mode else self._fed_at + self.settings.safety_timeout_s[0] * self.safety_unit_s

    def next_event(self) -> float:
        first, second, third = self.channels
        return min(self._safety_due(), first.step_at, second.step_at, third.step_at)

    def advance(self, now: float) -> None:
        if self._safety_due() <= now:
            self._enter_safety_mode(now)
        for index, channel in enumerate(self.channels):
            if channel.step_at <= now:
                due = channel.step_at
                channel.shown += 1 if channel.goal > channel.shown else -1 if channel.goal < channel.shown else 0
                channel.step_at = NEVER
                self._aim(index, due)

    def _enter_safety_mode(self, now: float) -> None:
        self.safety_mode = True
        for index, channel in enumerate(self.channels):
            match self.settings.safety_action[index]:
                case 1:
                    channel.on = False
                case 2:
                    channel.on = True
                case 3:
                    channel.level, channel.on = self.settings.safety_level[index], True
                case _:
                    continue
            self._aim(index, now)

    def reboot(self, now: float) -> None:
        """Outputs drop at once, then follow the power-up action; settings are kept."""
        self._booted_at = now
        self._feed(now)
        for index, channel in enumerate(self.channels):
            action = self.settings.power_up_action[index]
            if action == ACTION_LEVEL:
                channel.level = self.settings.power_up_level[index]
            if action != POWER_UP_PREVIOUS:
                channel.on = action in (ACTION_ON, ACTION_LEVEL)
            channel.shown, channel.step_at = 0, NEVER
            self._aim(index, now)
