"""The maps of the page work as they stand, in under forty lines each: written from a table of registers, for devices that nobody has written a driver for."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from irctl.devices.mapped import DeviceMap, parse_map
from irctl.devices.roles import DeviceFault, FailSafe, NotArmed
from tests.devices.tables import Tables, connected

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "device-maps.md").read_text("utf-8")
LINES_MAX = 40


def of_the_page(name: str) -> DeviceMap:
    (text,) = [block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.S) if f'name = "{name}"' in block]
    assert len(text.splitlines()) < LINES_MAX
    return parse_map(text, name)


async def test_a_controller_as_thermometer() -> None:
    high, low = struct.unpack(">HH", struct.pack(">f", 37.25))
    tables = Tables().holding(0x8002, high, low).holding(4, 0).holding(75, 0)
    device = connected(of_the_page("eurotherm-3200"), tables)
    await device.identify()
    assert await device.thermometer(1).temperature_c() == 37.25
    tables.holding(75, 1 << 5)
    with pytest.raises(DeviceFault, match="sensor_break reads 1"):
        await device.thermometer(1).temperature_c()


async def test_a_relay_box_as_emitters_that_need_a_cut_off() -> None:
    tables = Tables(unit=9).coil(0, 0, 0).holding(100, 9)
    device = connected(of_the_page("wellpro-wp8025"), tables)
    await device.identify()
    lamp = device.emitter(2)
    assert lamp.lease.fail_safe is FailSafe.NONE
    with pytest.raises(NotArmed):
        await lamp.emit(100, 2.0)
    await lamp.arm(2.0)
    await lamp.emit(100, 2.0)
    assert (await lamp.observe()).on
    assert tables.asked[-2] == bytes.fromhex("05 00 01 ff 00")
    await lamp.dark()
    assert not (await lamp.observe()).on
