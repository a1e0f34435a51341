"""`irctl device read|watch|write`: one device of a station file on its line, for technicians, while no controller runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.station import ConfigOption, EndpointsOption, require_no_controller
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.devices.registry import ConnectedDevice

Reading = dict[str, tuple[Any, str]]
"""Name -> value and unit."""


def read(
    device: Annotated[str, Parameter(help="A device of the station file.")],
    /,
    *points: Annotated[str, Parameter(help="Of a mapped device: these only.")],
    config: ConfigOption,
    sim_endpoints: EndpointsOption = None,
    json: Json = False,
) -> int:
    """What a device says of itself and measures. Reads only. Only while no controller runs.

    irctl device read skin --config station.toml
    irctl device read contactor poll_timeout behaviour1 --config station.toml

    Exit code 1 when it does not answer as it should.
    """
    return asyncio.run(_read(device, points, config, sim_endpoints, json))


def watch(
    device: Annotated[str, Parameter(help="A device of the station file.")],
    /,
    *points: Annotated[str, Parameter(help="Of a mapped device: these only.")],
    config: ConfigOption,
    sim_endpoints: EndpointsOption = None,
    every: Annotated[float, Parameter(help="Seconds between two looks.")] = 1.0,
    times: Annotated[int | None, Parameter(help="How often; default until Ctrl-C.")] = None,
    json: Json = False,
) -> int:
    """The same again and again.

    irctl device watch radiometer --config station.toml --every 0.5
    """
    with suppress(KeyboardInterrupt):
        return asyncio.run(_watch(device, points, config, sim_endpoints, every, times, json))
    return exits.OK


def write(
    device: Annotated[str, Parameter(help="A mapped device of the station file.")],
    point: Annotated[str, Parameter(help="A point of its map.")],
    value: Annotated[float, Parameter(help="Scaled, as it is read.", allow_leading_hyphen=True)],
    /,
    *,
    config: ConfigOption,
    sim_endpoints: EndpointsOption = None,
    json: Json = False,
) -> int:
    """Set a point and read it back. What could light a lamp, or is part of a fail-safe, is refused. Only while no controller runs.

    irctl device write pyranometer averaging 4 --config station.toml
    """
    return asyncio.run(_write(device, point, value, config, sim_endpoints, json))


async def _read(device: str, points: Collection[str], config: Path, endpoints: Path | None, json: bool) -> int:
    from irctl.bus.errors import BusError
    from irctl.devices.roles import DeviceFault

    async with _connected(device, config, endpoints) as found:
        wanted = _wanted(found, points)
        try:
            identity = await found.identify()
            values = await _values(found, wanted)
        except (BusError, DeviceFault) as fault:
            if json:
                say.as_json({"ok": False, "problem": str(fault)})
            else:
                say.console(stderr=True).print(f"[bold red]{say.escape(str(fault))}[/]", soft_wrap=True)
            return exits.FAILED
    if json:
        told = {"model": identity.model, "serial": identity.serial, "firmware": identity.firmware}
        say.as_json(
            {"ok": True, "device": device, **told, "values": {name: value for name, (value, _) in values.items()}}
        )
        return exits.OK
    out = say.console()
    out.print(f"[bold]{say.escape(device)}[/]  {say.escape(identity.model)}")
    out.print(
        say.table(
            ("", "value", ""), [(name, _shown(value), unit) for name, (value, unit) in values.items()], right=("value",)
        )
    )
    return exits.OK


async def _watch(
    device: str,
    points: Collection[str],
    config: Path,
    endpoints: Path | None,
    every_s: float,
    times: int | None,
    json: bool,
) -> int:
    from irctl.bus.errors import BusError
    from irctl.devices.roles import DeviceFault

    out, begun, left = say.console(), time.monotonic(), times
    async with _connected(device, config, endpoints) as found:
        wanted = _wanted(found, points)
        while left is None or left > 0:
            left = None if left is None else left - 1
            at_s = time.monotonic() - begun
            try:
                values = await _values(found, wanted)
            except (BusError, DeviceFault) as fault:
                said: dict[str, Any] = {"at_s": round(at_s, 3), "problem": str(fault)}
                line = f"[bold red]{say.escape(str(fault))}[/]"
            else:
                said = {"at_s": round(at_s, 3), "values": {name: value for name, (value, _) in values.items()}}
                line = "   ".join(f"{name} {_shown(value)} {unit}".rstrip() for name, (value, unit) in values.items())
            if json:
                say.as_json(said)
            else:
                out.print(f"[dim]{at_s:8.1f} s[/]  {line}", soft_wrap=True)
            if left != 0:
                await asyncio.sleep(every_s)
    return exits.OK


async def _write(device: str, point: str, value: float, config: Path, endpoints: Path | None, json: bool) -> int:
    from irctl.bus.errors import BusError
    from irctl.devices.roles import DeviceFault

    async with _connected(device, config, endpoints) as found:
        if found.points is None:
            raise Refused(
                [
                    Problem(
                        "device", device, "has no map: its driver writes what it must", "Write to mapped devices only"
                    )
                ]
            )
        if (why := found.points.why_not(point)) is not None:
            raise Refused([Problem("point", point, why, "See what may be read with `irctl device read`")])
        try:
            await found.identify()
            await found.points.set(point, value)
        except ValueError as wrong:
            raise Refused([Problem("value", value, str(wrong), "See the range in the map")]) from None
        except (BusError, DeviceFault) as fault:
            say.console(stderr=True).print(f"[bold red]{say.escape(str(fault))}[/]", soft_wrap=True)
            return exits.FAILED
    if json:
        say.as_json({"ok": True, "device": device, "point": point, "value": value})
    else:
        say.console().print(f"{say.escape(device)}: {say.escape(point)} = {value:g}")
    return exits.OK


@asynccontextmanager
async def _connected(device: str, file: Path, endpoints: Path | None) -> AsyncGenerator[ConnectedDevice]:
    """On its line, opened; the other lines stay closed. Raises Refused."""
    import os

    from irctl.controller.clock import utc_now
    from irctl.controller.config import load
    from irctl.controller.journal.journal import Journal
    from irctl.controller.station import build, real_wire

    config = load(file)
    if device not in config.file.devices:
        known = ", ".join(sorted(config.file.devices))
        raise Refused([Problem("device", device, "is not in this station file", f"Known are {known}")])
    require_no_controller(config)
    station = build(config, Journal(Path(os.devnull), utc_now), real_wire(endpoints))
    line = station.lines[config.file.devices[device].line]
    await line.start()
    try:
        yield station.devices.by_name[device]
    finally:
        await line.close()


def _wanted(device: ConnectedDevice, points: Collection[str]) -> tuple[str, ...]:
    """Raises Refused for points that the device does not have."""
    if not points:
        return () if device.points is None else device.points.names
    known = () if device.points is None else device.points.names
    unknown = [point for point in points if point not in known]
    if unknown:
        remedy = f"Known are {', '.join(known)}" if known else "Leave it out: everything it measures is read"
        raise Refused([Problem("point", point, "cannot be read of this device", remedy) for point in unknown])
    return tuple(points)


async def _values(device: ConnectedDevice, points: tuple[str, ...]) -> Reading:
    """Points of a map; else what the device's roles say."""
    found: Reading = {}
    if device.points is not None:
        for name in points:  # one by one: a sensor that is missing must not hide the others
            found[name] = await _point(device, name)
        return found
    for channel, radiometer in device.radiometers.items():
        found[f"radiometer {channel}"] = await radiometer.irradiance_mw_cm2(), "mW/cm²"
    for channel, thermometer in device.thermometers.items():
        found[f"thermometer {channel}"] = await thermometer.temperature_c(), "°C"
    for channel, contact in device.contacts.items():
        found[f"contact {channel}"] = "closed" if await contact.closed() else "open", ""
    for role, outputs in (("emitter", device.emitters), ("cutoff", device.cutoffs)):
        for channel, output in outputs.items():
            state = await output.observe()
            level = "" if state.level_pct is None else f" {state.level_pct:g} %"
            found[f"{role} {channel}"] = (
                f"{'on' if state.on else 'off'}{level}{', tripped' if state.tripped else ''}",
                "",
            )
    return found


async def _point(device: ConnectedDevice, name: str) -> tuple[Any, str]:
    from irctl.devices.roles import DeviceFault

    assert device.points is not None
    try:
        return (await device.points.read((name,)))[name], device.points.unit_of(name)
    except DeviceFault as fault:
        return None, str(fault)


def _shown(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else f"{value:.10g}"
