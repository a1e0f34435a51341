"""Who is on a line: every address asked by reads that change nothing, and every driver that needs no options asked whether it knows the device."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from irctl.bus.bus import Bus, Priority, UnitTiming
from irctl.bus.errors import BusError, ExceptionReply, WrongReply
from irctl.bus.modbus import ReadCoils, ReadHolding, ReadInput
from irctl.bus.unit import Unit
from irctl.devices.registry import AnyDriver, BadOptions
from irctl.devices.roles import DeviceFault, Identity


@dataclass(frozen=True, slots=True)
class Seen:
    """Something answers at `unit`. `known`: drivers that recognise it, with what it says of itself; empty where none does."""

    unit: int
    known: tuple[tuple[str, Identity], ...]


async def scan(
    line: Bus, units: Iterable[int], drivers: Sequence[AnyDriver], timing: UnitTiming
) -> AsyncIterator[tuple[int, Seen | None]]:
    """Each address with who is there, None for nobody. The line is started. Raises LineDown when it is lost."""
    for unit in units:
        line.add_unit(unit, timing)
        if not await _answers(line, unit):
            yield unit, None
            continue
        yield unit, Seen(unit, tuple([found async for found in _known(line, unit, drivers)]))


async def _answers(line: Bus, unit: int) -> bool:
    """Any answer counts, a refusal and a damaged one too."""
    for question in (ReadHolding(unit, 0, 1), ReadInput(unit, 0, 1), ReadCoils(unit, 0, 1)):
        try:
            await line.transact(question, Priority.BACKGROUND)
        except (ExceptionReply, WrongReply):
            return True
        except BusError:
            if not line.state.is_up:
                raise
            continue
        return True
    return False


async def _known(line: Bus, unit: int, drivers: Sequence[AnyDriver]) -> AsyncIterator[tuple[str, Identity]]:
    for driver in drivers:
        if driver.speaks != line.speaks:
            continue
        try:
            device = driver.connect(
                Unit(line, unit, driver.timing), f"unit {unit}", driver.parse_options(driver.name, {})
            )
            identity = await device.identify()
        except (BadOptions, DeviceFault, BusError):
            continue
        yield driver.name, identity
