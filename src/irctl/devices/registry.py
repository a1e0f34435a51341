"""How a driver is found, and how "dimmer.1" in a configuration becomes an emitter.

A driver is one `Driver` object named by an entry point in the group `irctl.drivers`:

    [project.entry-points."irctl.drivers"]
    acme-dimmer = "acme_irctl:DRIVER"

The drivers shipped with irctl register in exactly the same way; nothing in `irctl` imports one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from irctl.bus.bus import UnitTiming
from irctl.bus.request import Speech
from irctl.bus.unit import Unit
from irctl.devices.roles import Contact, Cutoff, Emitter, FailSafe, Identity, Radiometer, Thermometer

GROUP = "irctl.drivers"

R = TypeVar("R")


class ConfigurationError(ValueError):
    """A device section of the configuration cannot work. The text says what is wrong and what would be right."""


class UnknownDriver(ConfigurationError):
    """No installed package offers this driver, or it cannot be loaded."""


class BadOptions(ConfigurationError):
    """The driver does not accept these keys or values."""


class NotOffered(ConfigurationError):
    """The device has no such role or channel."""


class DriverOptions(BaseModel):
    """Base of a driver's own configuration keys. An unknown key or a wrong type is an error at load, never ignored."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NoOptions(DriverOptions):
    """For drivers that have none."""


O = TypeVar("O", bound=BaseModel)  # noqa: E741


@dataclass(frozen=True, slots=True)
class Action:
    """Something only a person may order of a device, such as clearing a latched trip. `title` is shown on the button."""

    title: str
    run: Callable[[], Awaitable[None]]


class Points(Protocol):
    """What a technician may look at, and set, beyond a device's roles: the points of its map."""

    @property
    def names(self) -> tuple[str, ...]:
        """Those that can be read."""
        ...

    async def read(self, points: Collection[str]) -> Mapping[str, float | str]:
        """Raises DeviceFault, BusError."""
        ...

    def unit_of(self, point: str) -> str: ...

    def why_not(self, point: str) -> str | None:
        """Why it is not for a technician's hand: it could light a lamp or weaken its fail-safe. None where it is."""
        ...

    async def set(self, point: str, value: float) -> None:
        """Write, and read back. Raises DeviceFault where it does not keep, ValueError outside its range, BusError."""
        ...


def _none() -> dict[Any, Any]:
    return {}


@dataclass(frozen=True)
class ConnectedDevice:
    """One configured device: what it offers, by channel number as printed on it (from 1)."""

    name: str
    driver: str
    identify: Callable[[], Awaitable[Identity]]
    """Raises DeviceFault when something else answers there, BusError when nothing does."""
    emitters: Mapping[int, Emitter] = field(default_factory=_none)
    cutoffs: Mapping[int, Cutoff] = field(default_factory=_none)
    radiometers: Mapping[int, Radiometer] = field(default_factory=_none)
    thermometers: Mapping[int, Thermometer] = field(default_factory=_none)
    contacts: Mapping[int, Contact] = field(default_factory=_none)
    actions: Mapping[str, Action] = field(default_factory=_none)
    points: Points | None = None

    def offers(self) -> dict[str, tuple[int, ...]]:
        """Role -> channels, without the roles it does not have."""
        roles: dict[str, Mapping[int, object]] = {
            "emitter": self.emitters,
            "cutoff": self.cutoffs,
            "radiometer": self.radiometers,
            "thermometer": self.thermometers,
            "contact": self.contacts,
        }
        return {role: tuple(sorted(channels)) for role, channels in roles.items() if channels}

    def emitter(self, channel: int | None = None) -> Emitter:
        return self._pick("emitter", self.emitters, channel)

    def cutoff(self, channel: int | None = None) -> Cutoff:
        return self._pick("cutoff", self.cutoffs, channel)

    def radiometer(self, channel: int | None = None) -> Radiometer:
        return self._pick("radiometer", self.radiometers, channel)

    def thermometer(self, channel: int | None = None) -> Thermometer:
        return self._pick("thermometer", self.thermometers, channel)

    def contact(self, channel: int | None = None) -> Contact:
        return self._pick("contact", self.contacts, channel)

    def _pick(self, role: str, channels: Mapping[int, R], channel: int | None) -> R:
        """The channel asked for; without a number the only one there is. Raises NotOffered."""
        if channel is None:
            if len(channels) == 1:
                return next(iter(channels.values()))
            problem = f"'{self.name}' does not say which {role}" if channels else f"'{self.name}' is no {role}"
        elif channel in channels:
            return channels[channel]
        else:
            problem = f"'{self.name}.{channel}' is no {role}"
        raise NotOffered(f"{problem}: {self.name} ({self.driver}) offers {self._offers_text()}.")

    def _offers_text(self) -> str:
        return "; ".join(
            f"{role} " + ", ".join(f"{self.name}.{channel}" for channel in channels)
            for role, channels in self.offers().items()
        )


@dataclass(frozen=True, slots=True)
class About:
    """What people choose a driver by. `line`: as from the factory. `source`: the manual; `tested`: against what.

    `fail_safe`: how its outputs end the light by themselves; None of what has no outputs.
    """

    title: str
    roles: tuple[str, ...]
    fail_safe: FailSafe | None = None
    line: str = ""
    source: str = ""
    tested: tuple[str, ...] = ()


@dataclass(frozen=True)
class Driver(Generic[O]):
    """A kind of device.

    `connect(unit, name, options)` builds the device's roles and does no I/O, so a configuration can be checked off-line.
    `timing` is the unit's usual patience; a device section may override it.
    """

    name: str
    options: type[O]
    connect: Callable[[Unit, str, O], ConnectedDevice]
    timing: UnitTiming = field(default_factory=UnitTiming)
    speaks: Speech = "modbus"
    """What the line must speak on which such a device hangs."""
    about: About | None = None

    def parse_options(self, device: str, raw: Mapping[str, object]) -> O:
        """The device section's driver keys, checked. Raises BadOptions naming every wrong key."""
        try:
            return self.options.model_validate(dict(raw))
        except ValidationError as error:
            known = ", ".join(self.options.model_fields) or "none"
            problems = "; ".join(_problem(detail) for detail in cast("list[dict[str, Any]]", error.errors()))
            raise BadOptions(f"device {device} ({self.name}): {problems}. Its options: {known}.") from None


def _problem(detail: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"unknown option '{where}'"
    if detail["type"] == "missing":
        return f"'{where}' is missing"
    text = str(detail["msg"]).removeprefix("Value error, ")
    return f"{where}: {text}" if where else text


AnyDriver = Driver[Any]


class Devices:
    """Every configured device, looked up the way a configuration names them: "dimmer.1", or "radiometer" for an only channel."""

    def __init__(self, devices: Iterable[ConnectedDevice]) -> None:
        self.by_name: dict[str, ConnectedDevice] = {device.name: device for device in devices}

    def emitter(self, ref: str) -> Emitter:
        device, channel = self._find(ref)
        return device.emitter(channel)

    def cutoff(self, ref: str) -> Cutoff:
        device, channel = self._find(ref)
        return device.cutoff(channel)

    def radiometer(self, ref: str) -> Radiometer:
        device, channel = self._find(ref)
        return device.radiometer(channel)

    def thermometer(self, ref: str) -> Thermometer:
        device, channel = self._find(ref)
        return device.thermometer(channel)

    def contact(self, ref: str) -> Contact:
        device, channel = self._find(ref)
        return device.contact(channel)

    def _find(self, ref: str) -> tuple[ConnectedDevice, int | None]:
        name, channel = parse_ref(ref)
        if name not in self.by_name:
            known = ", ".join(sorted(self.by_name)) or "none"
            raise NotOffered(f"'{ref}': there is no device '{name}'. Configured devices: {known}.")
        return self.by_name[name], channel


def parse_ref(ref: str) -> tuple[str, int | None]:
    """ "dimmer.1" -> ("dimmer", 1); "radiometer" -> ("radiometer", None). Raises NotOffered when it is neither."""
    name, dot, number = ref.partition(".")
    if not dot and name:
        return name, None
    if not name or not (number.isascii() and number.isdigit()):
        raise NotOffered(f"'{ref}' names no channel. Write device.number, with the number printed on the device.")
    return name, int(number)


@cache
def installed_drivers() -> dict[str, EntryPoint]:
    """Drivers by name, not yet imported. Raises UnknownDriver when two packages claim one name.

    Looked up once: it reads the metadata of every installed package, and a start that must be dark within a second asks for each device.
    """
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise UnknownDriver(
                f"two installed packages offer a driver '{entry.name}' ({other.value} and {entry.value}). Remove one."
            )
    return found


def load_driver(name: str) -> AnyDriver:
    """Import one driver. Raises UnknownDriver listing the installed ones."""
    installed = installed_drivers()
    if name not in installed:
        known = ", ".join(sorted(installed)) or "none"
        raise UnknownDriver(f"no driver '{name}' is installed. Installed drivers: {known}.")
    entry = installed[name]
    try:
        driver = entry.load()
    except Exception as error:  # whatever a stranger's module raises while it is imported
        raise UnknownDriver(
            f"driver '{name}' ({entry.value}) cannot be loaded: {type(error).__name__}: {error}."
        ) from error
    if not isinstance(driver, Driver):
        raise UnknownDriver(f"driver '{name}' ({entry.value}) is not a Driver object.")
    if driver.name != name:
        raise UnknownDriver(f"driver '{name}' ({entry.value}) calls itself '{driver.name}'. The two must agree.")
    return cast("AnyDriver", driver)


def load_drivers() -> dict[str, AnyDriver]:
    """Import every installed driver, by name."""
    return {name: load_driver(name) for name in installed_drivers()}
