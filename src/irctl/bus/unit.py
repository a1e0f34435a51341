"""What a driver is given: one unit on some line. Which line, and what it is made of, a driver never knows."""

from __future__ import annotations

from typing import TypeVar

from irctl.bus.bus import Bus, Priority, UnitTiming
from irctl.bus.modbus import (
    ReadCoils,
    ReadDiscreteInputs,
    ReadHolding,
    ReadInput,
    WriteCoil,
    WriteCoilValue,
    WriteRegister,
    WriteRegisters,
)
from irctl.bus.request import Request

T = TypeVar("T")
POLL = Priority.POLL


class Unit:
    """One Modbus unit. Every method raises BusError; a write never repeats itself, a read as often as `retries` says."""

    def __init__(self, bus: Bus, address: int, timing: UnitTiming | None = None) -> None:
        self.bus = bus
        self.address = address
        self.timing = timing or UnitTiming()
        bus.add_unit(address, self.timing)

    async def read_coils(
        self, address: int, count: int, priority: Priority = POLL, retries: int = 0
    ) -> tuple[bool, ...]:
        return await self.bus.transact(ReadCoils(self.address, address, count), priority, retries)

    async def read_discrete(
        self, address: int, count: int, priority: Priority = POLL, retries: int = 0
    ) -> tuple[bool, ...]:
        return await self.bus.transact(ReadDiscreteInputs(self.address, address, count), priority, retries)

    async def read_holding(
        self, address: int, count: int, priority: Priority = POLL, retries: int = 0
    ) -> tuple[int, ...]:
        return await self.bus.transact(ReadHolding(self.address, address, count), priority, retries)

    async def read_input(
        self, address: int, count: int, priority: Priority = POLL, retries: int = 0
    ) -> tuple[int, ...]:
        return await self.bus.transact(ReadInput(self.address, address, count), priority, retries)

    async def write_coil(self, address: int, value: bool, priority: Priority = POLL) -> None:
        await self.bus.transact(WriteCoil(self.address, address, value), priority)

    async def write_coil_value(self, address: int, value: int, priority: Priority = POLL) -> None:
        """FC05 with a raw value: a duration on some relay boards."""
        await self.bus.transact(WriteCoilValue(self.address, address, value), priority)

    async def write_register(self, address: int, value: int, priority: Priority = POLL) -> None:
        await self.bus.transact(WriteRegister(self.address, address, value), priority)

    async def write_registers(self, address: int, values: tuple[int, ...], priority: Priority = POLL) -> None:
        await self.bus.transact(WriteRegisters(self.address, address, values), priority)

    async def broadcast(self, request: Request[T], priority: Priority = Priority.STOP) -> None:
        """Send a write to unit 0. Nobody acknowledges: always follow with addressed writes and read-back."""
        if not request.is_broadcast:
            raise ValueError(f"not a broadcast: unit {request.unit}")
        await self.bus.transact(request, priority)
