"""Asking every device who it is, while no controller owns the lines. Commands nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irctl.cli.health.finding import Finding, ok, problem

if TYPE_CHECKING:
    from irctl.controller.config import StationConfig
    from irctl.devices.registry import ConnectedDevice
    from irctl.devices.roles import Identity

View = dict[str, Any]


async def probe(config: StationConfig, endpoints: Path | None) -> list[View]:
    """Who answers at every configured address. Opens the lines; whoever calls has seen to it that no controller does."""
    from irctl.bus.errors import BusError
    from irctl.controller.clock import utc_now
    from irctl.controller.journal.journal import Journal
    from irctl.controller.station import build, real_wire
    from irctl.devices.roles import DeviceFault

    station = build(config, Journal(Path(os.devnull), utc_now), real_wire(endpoints))
    await asyncio.gather(*(line.start() for line in station.lines.values()))
    found: list[View] = []
    try:
        for name, device in station.devices.by_name.items():
            section = config.file.devices[name]
            verdict: View = {"name": name, "driver": device.driver, "line": section.line, "unit": section.unit}
            try:
                identity = await _identify(device)
            except (BusError, DeviceFault) as error:
                found.append(verdict | {"ok": False, "problem": str(error)})
                continue
            told = {"model": identity.model, "serial": identity.serial, "firmware": identity.firmware}
            found.append(verdict | {"ok": True, "problem": None} | told)
    finally:
        await asyncio.gather(*(line.close() for line in station.lines.values()))
    return found


async def _identify(device: ConnectedDevice) -> Identity:
    """Asked twice before it counts as silent: a time-out is short, and a computer may be busy. Raises BusError, DeviceFault."""
    from irctl.bus.errors import BusError

    try:
        return await device.identify()
    except BusError:
        return await device.identify()


def probe_findings(devices: Sequence[View]) -> list[Finding]:
    return [_answer(device) for device in devices]


def _answer(device: View) -> Finding:
    where = {"line": device["line"], "unit": device["unit"]}
    if not device["ok"]:
        remedy = "Check power, address and wiring; `irctl line scan PORT` shows who is there"
        return problem("device.answers", "{line}, unit {unit}: {why}", remedy, device["name"], why=device["problem"], **where)  # fmt: skip
    told = ", ".join([device["model"], *(f"{name} {device[name]}" for name in ("serial", "firmware") if device[name])])
    return ok("device.answers", "{line}, unit {unit} answers: {identity}", device["name"], identity=told, **where)
