"""A lamp's outputs as small machines: they hold a lease, obey or do not, answer soon, late or never. No wire, no register.

They keep the promises of `irctl.devices.roles` unless a test tells them not to; the drivers are held to them elsewhere.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from irctl.bus.bus import Priority
from irctl.bus.errors import NoReply
from irctl.bus.modbus import AnyRequest, WriteCoil
from irctl.devices.roles import FailSafe, Identity, LeaseScope, LeaseSpec, NotArmed, OutputState, Retrigger

LEASE = LeaseSpec(
    FailSafe.TIMED_OUTPUT, LeaseScope.CHANNEL, min_s=0.1, max_s=60.0, step_s=0.1, retrigger=Retrigger.RESTART
)
TIMEOUT_S = 0.1


@dataclass
class Machine:
    """One leased contact. `silent`: hears nothing and says nothing. `deaf`: answers, but does not go dark."""

    name: str
    silent: bool = False
    deaf: bool = False
    answer_s: float = 0.01
    said: list[str] = field(default_factory=list[str])
    armed_s: float | None = None
    lit_until_s: float = 0.0
    level_pct: float | None = None
    lease: LeaseSpec = LEASE

    @property
    def on(self) -> bool:
        return asyncio.get_running_loop().time() < self.lit_until_s

    async def identify(self) -> Identity:
        return Identity("machine")

    async def arm(self, lease_s: float) -> None:
        await self._hear("arm")
        self.armed_s = lease_s

    async def release(self) -> None:
        await self._hear("release")
        self.armed_s = None

    async def observe(self, priority: Priority = Priority.POLL) -> OutputState:
        await self._hear("observe")
        return OutputState(self.on, self.level_pct if self.on else 0.0)

    def off_requests(self) -> tuple[AnyRequest, ...]:
        return (WriteCoil(1, 0, False),)

    def broadcast_off(self) -> AnyRequest | None:
        return None

    async def _light(self, word: str, lease_s: float) -> None:
        await self._hear(word)
        if self.armed_s != lease_s:
            raise NotArmed(f"{self.name}: armed for {self.armed_s}, so no light for {lease_s} s.")
        self.lit_until_s = asyncio.get_running_loop().time() + lease_s

    async def _off(self, word: str) -> None:
        await self._hear(word)
        if not self.deaf:
            self.lit_until_s = 0.0

    async def _hear(self, word: str) -> None:
        self.said.append(word)
        if self.silent:
            await asyncio.sleep(TIMEOUT_S)
            raise NoReply("a line", 1, f"no answer to {word}")
        await asyncio.sleep(self.answer_s)


@dataclass
class AnEmitter(Machine):
    name: str = "emitter"
    level_min_pct: float = 1.0
    level_step_pct: float = 1.0

    async def emit(self, level_pct: float, lease_s: float) -> None:
        await self._light("emit", lease_s)
        self.level_pct = level_pct

    async def dark(self) -> None:
        await self._off("dark")


@dataclass
class ACutoff(Machine):
    name: str = "cutoff"

    async def close(self, lease_s: float) -> None:
        await self._light("close", lease_s)

    async def open(self) -> None:
        await self._off("open")
