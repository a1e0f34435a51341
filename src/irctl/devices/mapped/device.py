"""A unit as its map sees it: values instead of registers, and every write that matters read back."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from math import inf

from irctl.bus.bus import Priority
from irctl.bus.errors import ExceptionReply
from irctl.bus.modbus import AnyRequest, WriteCoil, WriteCoilValue, WriteRegister, WriteRegisters
from irctl.bus.unit import Unit
from irctl.devices.mapped.blocks import Block, blocks, words_at
from irctl.devices.mapped.model import Assignment, DeviceMap, Model
from irctl.devices.mapped.values import NoValue, order_of, raw_of, text_of, words_for
from irctl.devices.roles import DeviceFault, Identity, NotArmed

Value = float | str
SAME = 1e-6
"""Of a scaled value's step: what it may differ by and be the same."""


class MappedDevice:
    """`name` as configured."""

    def __init__(self, unit: Unit, name: str, told: DeviceMap, given: Mapping[str, float]) -> None:
        """`given`: the options of the station file that the map's settings name."""
        self.unit, self.name, self.told, self._given = unit, name, told, given
        self.restarts = 0
        """Seen so far: reading it may clear it, so each output compares this count."""
        self.leases: dict[object, float] = {}
        """By output, where they share one watchdog."""
        self._model: Model | None = None
        self._written_at: dict[str, float] = {}

    # --- reading -------------------------------------------------------------------------------------------------------------

    async def read(
        self, points: Collection[str], priority: Priority = Priority.POLL, retries: int = 0
    ) -> Mapping[str, Value]:
        """These points, scaled. Raises DeviceFault for what is no value or out of its range, BusError."""
        await self._know_the_model(points)
        scaling = {by for name in points if (by := self.told.points[name].scale_by)}
        raw = await self._raw({*points, *scaling}, priority, retries)
        return {name: self._scaled(name, raw) for name in points}

    async def number(self, point: str, priority: Priority = Priority.POLL, retries: int = 0) -> float:
        value = (await self.read((point,), priority, retries))[point]
        assert not isinstance(value, str), "a text has no number"
        return value

    async def _raw(self, points: Collection[str], priority: Priority, retries: int) -> Mapping[str, Value]:
        found: dict[str, Value] = {}
        for block in blocks(self.told, points):
            answer = await self._ask(block, priority, retries)
            for name in points:
                area, first, count = self.told.place(name)
                if block.holds(area, first, count):
                    found[name] = self._of_words(name, words_at(block, answer, first, count))
        return found

    async def _ask(self, block: Block, priority: Priority, retries: int) -> Sequence[int]:
        ask = {
            "coil": self.unit.read_coils,
            "discrete": self.unit.read_discrete,
            "input": self.unit.read_input,
            "holding": self.unit.read_holding,
        }[block.area]
        return await ask(block.first, block.count, priority, retries)

    def _of_words(self, name: str, words: Sequence[int]) -> Value:
        try:
            if self.told.kind(name) == "text":
                return text_of(words)
            return raw_of(words, self.told.kind(name), order_of(self.told, name), self.told.points[name].bit)
        except NoValue as why:
            raise self._fault(name, str(why)) from None

    def _scaled(self, name: str, raw: Mapping[str, Value]) -> Value:
        point, value = self.told.points[name], raw[name]
        if isinstance(value, str):
            return value
        if value in point.absent:
            raise self._fault(name, f"reads {value:g}, by which the device says that it has no value")
        if point.scale_by is not None:
            power = raw[point.scale_by]
            assert not isinstance(power, str)
            value = value / 10.0**power
        else:
            value *= self._scale(name)
        if not (-inf if point.low is None else point.low) <= value <= (inf if point.high is None else point.high):
            raise self._fault(name, f"reads {value:g} {point.unit}, outside its range".replace("  ", " "))
        return value

    def _scale(self, name: str) -> float:
        if self._model is not None and name in self._model.scale:
            return self._model.scale[name]
        scale = self.told.points[name].scale
        return 1.0 if scale is None else scale

    def _fault(self, name: str, why: str) -> DeviceFault:
        area, at, _ = self.told.place(name)
        return DeviceFault(f"{self.name}: {name} ({area} {at}) {why}. Check the device and its cable; it is not used.")

    async def _know_the_model(self, points: Collection[str]) -> None:
        """Scales differ by model: no value before that is known."""
        by = self.told.model_by
        if by is None or self._model is not None or by in points:
            return
        value = (await self._raw((by,), Priority.POLL, 1))[by]
        for model in self.told.models:
            if value in model.ids:
                self._model = model
                return
        known = ", ".join(f"{model.title} ({min(model.ids)} to {max(model.ids)})" for model in self.told.models)
        raise DeviceFault(
            f"{self.name}: {by} reads {value:g}, which is none of the models of '{self.told.name}': {known}. "
            "A wrong scale would be ten times the current: it is not used."
        )

    # --- writing -------------------------------------------------------------------------------------------------------------

    def requests_for(self, point: str, value: float) -> tuple[AnyRequest, ...]:
        """The frames that write a value. Raises ValueError outside the point's range, DeviceFault while the model is not known."""
        told, unit = self.told.points[point], self.unit.address
        if not (-inf if told.low is None else told.low) <= value <= (inf if told.high is None else told.high):
            raise ValueError(f"{self.name}: {point} = {value:g} {told.unit} is outside its range")
        if self._model is None and any(point in model.scale for model in self.told.models):
            raise DeviceFault(f"{self.name}: which model it is, is not known yet. Probe it first.")
        _, at, _ = self.told.place(point)
        words = words_for(value / self._scale(point), self.told.kind(point), order_of(self.told, point))
        match told.write:
            case "05":
                return (WriteCoil(unit, at, bool(words[0])),)
            case "05-value":
                return (WriteCoilValue(unit, at, words[0]),)
            case "06":
                return (WriteRegister(unit, at, words[0]),)
            case _:
                return (WriteRegisters(unit, at - len(told.before), (*told.before, *words)),)

    async def write(self, point: str, value: float, priority: Priority = Priority.POLL) -> None:
        """Once, unproven. Raises DeviceFault where an EEPROM would be written again too soon, BusError."""
        told, now = self.told.points[point], asyncio.get_running_loop().time()
        if told.storage == "eeprom" and told.min_write_s is not None:
            ready = self._written_at.get(point, -inf) + told.min_write_s
            if now < ready:
                wait = f"its memory wears out: not again within {told.min_write_s:g} s"
                raise DeviceFault(
                    f"{self.name}: {point} was written just now, and {wait}. Try again in {ready - now:.0f} s."
                )
        self._written_at[point] = now
        for request in self.requests_for(point, value):
            await self.unit.bus.transact(request, priority)
        if told.commit and (commit := self.told.commit) is not None:
            await self.write(commit.point, self.value_of(commit), priority)

    def value_of(self, setting: Assignment) -> float:
        """What it is to read, from the map or the station file."""
        value = setting.value
        return self._given[value.removeprefix("$")] if isinstance(value, str) else value

    async def ensure(self, settings: Sequence[Assignment]) -> None:
        """Make settings read as they should, writing only what differs. Raises NotArmed where one does not keep."""
        if not settings:
            return
        wanted = {one.point: self.value_of(one) for one in settings}
        differing = [name for name, value in wanted.items() if not await self._reads(name, value)]
        for name in differing:
            await self.write(name, wanted[name])
        for name in differing:
            if not await self._reads(name, wanted[name]):
                area, at, _ = self.told.place(name)
                raise NotArmed(
                    f"{self.name}: {name} ({area} {at}) does not read {wanted[name]:g} after writing it. No light."
                )

    async def _reads(self, point: str, value: float) -> bool:
        read = await self.number(point, retries=1)
        return abs(read - value) <= SAME * max(1.0, abs(value)) + abs(self._scale(point)) * SAME

    # --- who it is -----------------------------------------------------------------------------------------------------------

    async def identify(self) -> Identity:
        """Raises DeviceFault when something else answers."""
        probe = self.told.probe
        points = {*probe.expect, *filter(None, (probe.own_address, probe.answers, probe.serial, probe.firmware))}
        try:
            await self._know_the_model(())
            found = await self.read(points, Priority.BACKGROUND, retries=1)
        except ExceptionReply as refusal:
            raise DeviceFault(
                f"{self.name}: this is no {self.told.title}. Check unit and driver. {refusal}"
            ) from refusal
        for name, allowed in probe.expect.items():
            if not any(_fits(found[name], one) for one in allowed):
                one_of = " or ".join(map(_text, allowed))
                raise DeviceFault(
                    f"{self.name}: {name} reads {_text(found[name])}, and a {self.told.title} reads {one_of}. "
                    "Another device answers here: check unit and driver."
                )
        if probe.own_address and found[probe.own_address] != self.unit.address:
            raise DeviceFault(
                f"{self.name}: {probe.own_address} reads {_text(found[probe.own_address])} where a {self.told.title} holds "
                f"its address ({self.unit.address}). Another device answers here: check unit and driver."
            )
        title = self._model.title if self._model else self.told.title
        serial, firmware = (None if name is None else _text(found[name]) for name in (probe.serial, probe.firmware))
        return Identity(title, serial, firmware)


def _fits(read: Value, expected: Value) -> bool:
    return expected in read if isinstance(read, str) and isinstance(expected, str) else read == expected


def _text(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:.10g}"
