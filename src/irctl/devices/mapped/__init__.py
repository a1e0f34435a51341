"""Devices written down as maps: a TOML file from the manual's tables, and no Python.

`load_map` reads one, `driver_of` makes an ordinary `Driver` of it, `schema` is what an editor checks it by.
"""

from irctl.devices.mapped.driver import driver_of
from irctl.devices.mapped.loading import BadMap, load_map, parse_map, schema
from irctl.devices.mapped.model import DeviceMap

__all__ = ["BadMap", "DeviceMap", "driver_of", "load_map", "parse_map", "schema"]
