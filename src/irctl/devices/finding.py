"""How the `driver` of a station file is found: a Python driver, a map that came with a package, or a map beside the station file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

from irctl.devices.mapped import driver_of, load_map, parse_map
from irctl.devices.registry import AnyDriver, UnknownDriver, installed_drivers, load_driver

MAPS = "irctl.maps"
"""Entry points of this group name a package with *.toml files in it, each called like its map."""


@dataclass(frozen=True, slots=True)
class InstalledMap:
    """A map that a package brought. `package`: its distribution."""

    name: str
    package: str
    text: str


def find_driver(name: str, beside: Path) -> AnyDriver:
    """`name` as a station file says it; a name that ends in ".toml" is a file, from the folder `beside` on. Raises UnknownDriver, BadMap."""
    if name.endswith(".toml"):
        return driver_of(load_map(beside / name), name)
    if (found := installed_maps().get(name)) is not None:
        if name in installed_drivers():
            raise UnknownDriver(f"both a driver and a map are called '{name}'. Remove the package of one of them.")
        return driver_of(parse_map(found.text, f"{found.package}: {name}.toml"))
    if name not in installed_drivers():
        known = ", ".join(sorted({*installed_drivers(), *installed_maps()})) or "none"
        raise UnknownDriver(f"no driver '{name}' is installed. Installed drivers: {known}. A map's file ends in .toml.")
    return load_driver(name)


@cache
def installed_maps() -> dict[str, InstalledMap]:
    """By name. Raises UnknownDriver when two packages bring one of the same name."""
    found: dict[str, InstalledMap] = {}
    for one in _maps():
        if (other := found.setdefault(one.name, one)) is not one:
            raise UnknownDriver(f"{other.package} and {one.package} both bring a map '{one.name}'. Remove one.")
    return found


def _maps() -> Iterator[InstalledMap]:
    for entry in sorted(entry_points(group=MAPS), key=lambda entry: entry.value):
        package = entry.dist.name if entry.dist else entry.value
        try:
            listed = sorted(files(entry.load()).iterdir(), key=lambda file: file.name)
        except Exception as error:  # whatever a stranger's package raises while it is imported
            raise UnknownDriver(f"the maps of {package} ({entry.value}) cannot be read: {error}.") from error
        for file in listed:
            if file.name.endswith(".toml"):
                yield InstalledMap(file.name.removesuffix(".toml"), package, file.read_text("utf-8"))


def every_driver() -> list[AnyDriver]:
    """All that is installed, by name. Raises UnknownDriver, BadMap."""
    return [find_driver(name, Path()) for name in sorted({*installed_drivers(), *installed_maps()})]
