"""A map as a driver: the rest of irctl does not know the difference."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from pydantic import Field, create_model

from irctl.bus.bus import UnitTiming
from irctl.bus.unit import Unit
from irctl.devices.mapped.device import MappedDevice
from irctl.devices.mapped.loading import outputs
from irctl.devices.mapped.model import DeviceMap, Output
from irctl.devices.mapped.outputs import MappedCutoff, MappedEmitter, MappedOutput, clear_trip, lease_of
from irctl.devices.mapped.points import MappedPoints
from irctl.devices.mapped.sensors import MappedContact, MappedRadiometer, MappedThermometer
from irctl.devices.registry import About, Action, ConnectedDevice, Driver, DriverOptions
from irctl.devices.roles import FailSafe, Retrigger

TIMEOUT_SHARE = 1 / 3
"""Of the longest answer time: until its first byte, where nothing else is known."""
TIMEOUT_MIN_S = 0.1


def driver_of(told: DeviceMap, name: str | None = None) -> Driver[Any]:
    """`name`: as the station file calls it, where that is not the map's own."""
    reply_max_s = told.reply_max_ms / 1000
    timing = UnitTiming(
        min(reply_max_s, max(TIMEOUT_MIN_S, reply_max_s * TIMEOUT_SHARE)), reply_max_s, told.gap_ms / 1000
    )
    called = name or told.name
    return Driver(called, _options_of(told), partial(_connect, told, called), timing, about=_about(told))


def _about(told: DeviceMap) -> About:
    roles = {
        "emitter": told.emitters,
        "cutoff": told.cutoffs,
        "radiometer": told.radiometers,
        "thermometer": told.thermometers,
        "contact": told.contacts,
    }
    return About(
        told.title,
        tuple(role for role, channels in roles.items() if channels),
        None if told.failsafe is None else FailSafe(told.failsafe.kind),
        " ".join(str(part) for part in (told.line.baud, told.line.format) if part is not None),
        told.source,
        told.tested,
    )


def _options_of(told: DeviceMap) -> type[DriverOptions]:
    """Only what the manual leaves open is asked of the station file, and then there is no default."""
    fields: dict[str, Any] = {}
    if told.failsafe is not None and told.failsafe.kind == "timed-output" and told.failsafe.retrigger is None:
        fields["retrigger"] = (Retrigger, Field(strict=False))
    if _needs_full(told):
        fields["full"] = (float, Field(gt=0))
    for name in _named(told):
        fields[name] = (float, Field(allow_inf_nan=False))
    return create_model("MapOptions", __base__=DriverOptions, **fields)


def _needs_full(told: DeviceMap) -> bool:
    """Whether some level is in another unit than per cent: what is 100 %, the lamp says."""
    levels = [output.level for output in told.emitters.values() if output.level is not None]
    return any(told.points[level].unit != "%" for level in levels)


def _named(told: DeviceMap) -> set[str]:
    """Options that settings ask for, such as "$volts"."""
    settings = [one for _, output in outputs(told) for one in output.set]
    if (safe := told.failsafe) is not None:
        settings += [*safe.set, *safe.clear, *safe.release]
    return {one.value.removeprefix("$") for one in settings if isinstance(one.value, str)}


def _connect(told: DeviceMap, driver: str, unit: Unit, name: str, options: DriverOptions) -> ConnectedDevice:
    given = options.model_dump()
    device = MappedDevice(unit, name, told, {key: given[key] for key in _named(told)})
    make = partial(_output, device, given)
    emitters = {int(channel): make(MappedEmitter, channel, role) for channel, role in told.emitters.items()}
    cutoffs = {int(channel): make(MappedCutoff, channel, role) for channel, role in told.cutoffs.items()}
    actions: dict[str, Action] = {}
    if told.failsafe is not None and told.failsafe.trip is not None:
        every = {f"{kind.name}": kind for kind in (*emitters.values(), *cutoffs.values())}
        actions["clear-trip"] = Action("Clear the fail-safe's trip", partial(clear_trip, device, every))
    return ConnectedDevice(
        name,
        driver,
        device.identify,
        emitters=cast("dict[int, MappedEmitter]", emitters),
        cutoffs=cast("dict[int, MappedCutoff]", cutoffs),
        radiometers={
            int(channel): MappedRadiometer(device, channel, role) for channel, role in told.radiometers.items()
        },
        thermometers={
            int(channel): MappedThermometer(device, channel, role) for channel, role in told.thermometers.items()
        },
        contacts={int(channel): MappedContact(device, channel, role) for channel, role in told.contacts.items()},
        actions=actions,
        points=MappedPoints(device),
    )


def _output(
    device: MappedDevice, given: Mapping[str, Any], kind: type[MappedOutput], channel: str, role: Output
) -> MappedOutput:
    in_per_cent = role.level is None or device.told.points[role.level].unit == "%"
    full = None if in_per_cent else float(given["full"])
    return kind(device, channel, role, lease_of(device.told, given.get("retrigger")), full)
