"""What a device can be to a lamp: five small roles, and what each promises.

A driver implements one or more of these for a channel of its device. Nothing here does I/O. The promises every driver is
held to are in `conformance.py`; how a driver is found is in `registry.py`.

The one that matters most: there is no verb that switches light on. `Emitter.emit` *leases* light: it lasts `lease_s` unless it
is renewed, and the hardware keeps that promise when this process does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from irctl.bus.bus import Priority
from irctl.bus.request import AnyRequest


class FailSafe(StrEnum):
    """How the hardware itself ends the light when nobody renews the lease."""

    COMM_WATCHDOG = "comm-watchdog"
    TIMED_OUTPUT = "timed-output"
    NONE = "none"


class LeaseScope(StrEnum):
    """What one renewal keeps alight: the channel it names, or every channel of the device (a communication watchdog)."""

    CHANNEL = "channel"
    DEVICE = "device"


class Retrigger(StrEnum):
    """What a renewal does to a timed output that is still on. Only one that restarts its time can carry a lease."""

    RESTART = "restart"
    IGNORE = "ignore"
    EXTEND = "extend"


@dataclass(frozen=True, slots=True)
class LeaseSpec:
    """The lease a channel can enforce. Times in seconds; the device counts in steps of `step_s`.

    `retrigger`: what the station file or the manual says of a timed output; commissioning measures it. A watchdog has none.
    Which frames feed a watchdog is not declared: the manuals of these devices do not say, so it is only ever measured.
    """

    fail_safe: FailSafe
    scope: LeaseScope
    min_s: float
    max_s: float
    step_s: float
    retrigger: Retrigger | None = None

    def __post_init__(self) -> None:
        if (self.fail_safe is FailSafe.TIMED_OUTPUT) != (self.retrigger is not None):
            raise ValueError(f"retrigger {self.retrigger}: a timed output must say it, and nothing else can")

    def fits(self, lease_s: float) -> bool:
        """Whether the device can count exactly `lease_s`: within its range and a whole number of its steps."""
        steps = lease_s / self.step_s
        return self.min_s <= lease_s <= self.max_s and abs(steps - round(steps)) < 1e-6


NO_LEASE = LeaseSpec(FailSafe.NONE, LeaseScope.CHANNEL, min_s=0.1, max_s=3600, step_s=0.001)
"""Of an emitter that keeps none: the times are what the controller may ask for, and the cut-off behind it keeps."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the device says it is. `serial` and `firmware` are None where the device cannot tell."""

    model: str
    serial: str | None = None
    firmware: str | None = None


@dataclass(frozen=True, slots=True)
class OutputState:
    """An emitter's or cut-off's output, read back from the device.

    `on` is the output as the device reports it; `level_pct` only where the device dims. `tripped`: the fail-safe has acted.
    `rebooted`: the device restarted since the last look. None is unknown, and unknown is unsafe.
    """

    on: bool
    level_pct: float | None = None
    tripped: bool | None = None
    rebooted: bool | None = None


class DeviceFault(Exception):
    """The device answered, but what it said is not acceptable. The text says which device, what, and what to do."""


class NotArmed(DeviceFault):
    """The fail-safe could not be armed, or did not read back as armed. No light."""


@runtime_checkable
class Device(Protocol):
    """Anything on a line."""

    name: str

    async def identify(self) -> Identity:
        """Probe: is this the device the configuration claims? Raises DeviceFault when not, BusError when silent."""
        ...


@runtime_checkable
class Emitter(Device, Protocol):
    """Something that makes a lamp radiate at a level from 0 to 100 %."""

    lease: LeaseSpec
    level_min_pct: float
    """Lowest level above dark that the device can hold; a switch can only do 100."""
    level_step_pct: float
    """Levels come in whole steps of this."""

    async def arm(self, lease_s: float) -> None:
        """Set the fail-safe to `lease_s` and read it back. Output stays dark. Raises NotArmed, BusError."""
        ...

    async def emit(self, level_pct: float, lease_s: float) -> None:
        """Light at `level_pct` for at most `lease_s` seconds unless called again. Idempotent; renews the lease.

        Raises NotArmed when the fail-safe is not armed for exactly this lease, ValueError outside the level range.
        """
        ...

    async def dark(self) -> None:
        """OFF, acknowledged by the device, at stop priority. Idempotent, allowed at any time. Not proof: see `observe`."""
        ...

    async def release(self) -> None:
        """The session is over and the output is dark: let a fail-safe rest that would count idle silence as a fault.

        `arm` comes again before the next light. Most devices need nothing here.
        """
        ...

    async def observe(self, priority: Priority = Priority.POLL) -> OutputState:
        """Read the output back from the device."""
        ...

    def off_requests(self) -> tuple[AnyRequest, ...]:
        """The frames `dark` sends, so that a line can compute its worst-case time-to-dark."""
        ...

    def broadcast_off(self) -> AnyRequest | None:
        """One frame that darkens every unit of this kind on the line, where the device honours broadcast; else None."""
        ...


@runtime_checkable
class Cutoff(Device, Protocol):
    """An independent contact in the lamp's supply. Closed only while leased; open is safe."""

    lease: LeaseSpec

    async def arm(self, lease_s: float) -> None: ...

    async def close(self, lease_s: float) -> None:
        """Let power through for at most `lease_s` seconds unless called again. Idempotent; renews the lease."""
        ...

    async def open(self) -> None:
        """Cut the power, acknowledged, at stop priority. Idempotent."""
        ...

    async def release(self) -> None:
        """As `Emitter.release`."""
        ...

    async def observe(self, priority: Priority = Priority.POLL) -> OutputState:
        """`on` means closed: power can flow. A relay's coil only: a welded contact is not visible here."""
        ...

    def off_requests(self) -> tuple[AnyRequest, ...]: ...

    def broadcast_off(self) -> AnyRequest | None: ...


@runtime_checkable
class Radiometer(Device, Protocol):
    """Measures irradiance."""

    response_s: float
    """First-order response time constant (63 %), seconds."""

    async def irradiance_mw_cm2(self) -> float:
        """One reading, mW/cm², as the instrument gives it (no dark correction). Raises DeviceFault when it reports an error."""
        ...


@runtime_checkable
class Thermometer(Device, Protocol):
    """Measures a temperature."""

    async def temperature_c(self) -> float:
        """One reading, °C. Raises DeviceFault when the sensor reports an error."""
        ...


@runtime_checkable
class Contact(Device, Protocol):
    """A contact that an interlock or stop button opens."""

    async def closed(self) -> bool:
        """True when the circuit is closed (safe)."""
        ...
