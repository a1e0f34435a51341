"""Files in TOML, as the documentation shows them, read by the program that they are for.

A part of a file is laid over an example that is whole; a file that begins with what only a whole one has is read as it is.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from irctl.clinic.settings import ClinicFile
from irctl.controller.config import load
from irctl.devices.mapped import parse_map
from irctl.mqtt.settings import MqttFile
from irctl_simulator.config import StationConfig
from tests.docs.given import CONFIGS
from tests.simulation.world import merged
from tests.unit.worlds import StationFolder

Told = dict[str, Any]


def check(kind: str, text: str, folder: Path) -> None:
    """Raises whatever the program raises for a file that it does not take."""
    assert kind in KINDS, f"no file is of the kind {kind!r}; there are {', '.join(KINDS)}"
    KINDS[kind](text, folder)


def as_whole(text: str) -> Told:
    """A station file; what is only a part of one is laid over the demonstration's."""
    told = tomllib.loads(text)
    return told if "station" in told else merged(tomllib.loads((CONFIGS / "demo.toml").read_text("utf-8")), told)


def _station(text: str, folder: Path) -> None:
    station = StationFolder(folder)
    station.station = as_whole(text)
    load(station.write())


def _clinic(text: str, _folder: Path) -> None:
    ClinicFile.model_validate(tomllib.loads(text))


def _mqtt(text: str, _folder: Path) -> None:
    MqttFile.model_validate(tomllib.loads(text))


def _map(text: str, _folder: Path) -> None:
    parse_map(text, tomllib.loads(text)["name"])


def _simulator(text: str, _folder: Path) -> None:
    told = tomllib.loads(text)
    whole = tomllib.loads((CONFIGS / "demo-sim.toml").read_text(encoding="utf-8"))
    StationConfig.model_validate(told if "devices" in told else merged(whole, told))


def _pyproject(text: str, _folder: Path) -> None:
    assert tomllib.loads(text).keys() <= {"project", "build-system"}


KINDS: Mapping[str, Callable[[str, Path], None]] = {
    "station": _station,
    "clinic": _clinic,
    "mqtt": _mqtt,
    "map": _map,
    "simulator": _simulator,
    "pyproject": _pyproject,
}
