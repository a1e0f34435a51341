"""The station on paper: its file, put together without a wire, and the drivers that it names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from irctl.cli.health.finding import Finding, ok, warning
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.controller.config import LineSection, StationConfig
    from irctl.controller.station import Station, Wire


def on_paper(file: Path) -> Station:
    """The station put together without a wire. Raises Refused with everything that is wrong."""
    from irctl.bus.port import MemoryPort, open_port
    from irctl.controller.clock import utc_now
    from irctl.controller.config import load
    from irctl.controller.journal.journal import Journal
    from irctl.controller.station import Wire, build

    def wire(name: str, section: LineSection) -> Wire:
        if section.port.startswith("sim://"):  # whatever a simulator would offer there
            return Wire(MemoryPort(lambda _receive: lambda _data: None))
        try:
            return Wire(open_port(section.port, section.baud, section.format), section.port.startswith("tcp://"))
        except ValueError as error:
            raise Refused([Problem(f"lines.{name}.port", section.port, str(error), "Correct the port")]) from None

    return build(load(file), Journal(Path(os.devnull), utc_now), wire)


def file_findings(config: StationConfig, broken: Mapping[str, str]) -> list[Finding]:
    """Of a file that holds together. `broken`: installed drivers that cannot be loaded, and why."""
    file = config.file
    own = sum(device.driver.endswith(".toml") for device in file.devices.values())
    drivers = len({device.driver for device in file.devices.values()}) - own
    told = [
        ok(
            "file.holds", "{path} holds together: lamps {lamps}, devices {devices}, lines {lines}, mode {mode}",
            path=config.path, lamps=len(file.lamps), devices=len(file.devices), lines=len(file.lines),
            mode=file.station.mode,
        ),
        ok(
            "file.drivers", "every driver that it names is installed and takes its options: {drivers}; maps of its own: {own}",
            drivers=drivers, own=own,
        ),
    ]  # fmt: skip
    told += [
        warning("file.driver-broken", "an installed driver cannot be loaded: {why}", "Update or remove its package: this station does not use it", name, why=why)
        for name, why in broken.items()
    ]  # fmt: skip
    return told


def broken_drivers() -> dict[str, str]:
    """Of those that are installed, each that cannot be loaded, and why."""
    from irctl.devices.registry import UnknownDriver, installed_drivers, load_driver

    found: dict[str, str] = {}
    for name in installed_drivers():
        try:
            load_driver(name)
        except UnknownDriver as error:
            found[name] = str(error)
    return found
