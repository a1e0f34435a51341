"""What a map writes: by the manuals' frames, settings only where they differ, and nothing that wears a memory out."""

from __future__ import annotations

from typing import Any, cast

import pytest

from irctl.bus.unit import Unit
from irctl.devices.mapped import parse_map
from irctl.devices.mapped.device import MappedDevice
from irctl.devices.mapped.model import Assignment
from irctl.devices.roles import DeviceFault, FailSafe, NotArmed
from tests.devices.tables import Tables, connected
from tests.devices.test_map_reading import shipped

pytestmark = pytest.mark.anyio
RESTART = {"retrigger": "restart"}


def writes(tables: Tables) -> list[str]:
    return [pdu.hex(" ") for pdu in tables.asked if pdu[0] in (5, 6, 16)]


async def test_a_relay_is_closed_for_a_time_by_the_makers_own_frame() -> None:
    """DEVICES §13: FE 10 00 03 00 02 04 00 04 00 0A = channel 1 on for 1.0 s."""
    tables = Tables().coil(0, 0)
    relay = connected(shipped("jy-dam"), tables, **RESTART).cutoff(1)
    await relay.arm(1.0)
    tables.asked.clear()
    await relay.close(1.0)
    assert writes(tables) == ["10 00 03 00 02 04 00 04 00 0a"]


async def test_a_watchdog_is_armed_by_the_manuals_frames_and_not_written_again() -> None:
    """DEVICES §2: time-out 2.0 s is 06 01 E8 00 14, enable 05 01 04 FF 00."""
    tables = Tables().coil(0, 0).coil(128, 0).coil(160, 0).coil(259, 0, 0).coil(269, 0).coil(272, 0).holding(488, 50)
    relay = connected(shipped("icpdas-tm-da1p1r1"), tables, full=4095.0).cutoff(2)
    await relay.arm(2.0)
    assert writes(tables) == ["05 00 00 00 00", "06 01 e8 00 14", "05 01 04 ff 00"]
    tables.asked.clear()
    await relay.arm(2.0)
    assert writes(tables) == ["05 00 00 00 00"], "only OFF: what reads as it should is not written"


async def test_a_setting_that_does_not_keep_is_no_light() -> None:
    tables = Tables().coil(0, 0).coil(128, 0).coil(160, 0).coil(259, 0, 0).coil(269, 0).coil(272, 0).holding(488, 50)
    tables.deaf.add(488)
    relay = connected(shipped("icpdas-tm-da1p1r1"), tables, full=4095.0).cutoff(2)
    with pytest.raises(NotArmed, match=r"watchdog_time \(holding 488\) does not read 2 after writing it\. No light\."):
        await relay.arm(2.0)
    with pytest.raises(NotArmed):
        await relay.close(2.0)


async def test_a_supply_without_a_fail_safe_says_so_and_is_switched_off_by_its_frame() -> None:
    """DEVICES §17: 06 00 12 00 00 is output off."""
    tables = (
        Tables()
        .holding(0, 60062, 0, 4711, 128)
        .holding(8, 1200)
        .holding(9, 0)
        .holding(11, 0)
        .holding(18, 0)
        .holding(68, 1)
    )
    device = connected(shipped("riden-rd60xx"), tables, full=5.0, volts=24.0)
    supply = device.emitter(1)
    assert supply.lease.fail_safe is FailSafe.NONE
    await device.identify()
    await supply.arm(1.0)
    assert writes(tables) == ["06 00 12 00 00", "06 00 44 00 00", "06 00 08 09 60"], "off; not on at boot; 24.00 V"
    tables.asked.clear()
    await supply.emit(50.0, 1.0)
    assert writes(tables) == ["06 00 09 09 c4", "06 00 12 00 01"], "2.500 A, then on"


async def test_a_trip_is_cleared_in_the_dark_and_only_by_a_persons_action() -> None:
    tables = Tables().coil(0, 1).coil(128, 0).coil(160, 0).coil(259, 0, 1).coil(269, 1).coil(272, 0).holding(488, 20)
    tables.holding(32, 4095)
    device = connected(shipped("icpdas-tm-da1p1r1"), tables, full=4095.0)
    with pytest.raises(NotArmed, match="a person must clear it"):
        await device.cutoff(2).arm(2.0)
    tables.asked.clear()
    with pytest.raises(DeviceFault, match="did not clear"):
        await device.actions["clear-trip"].run()  # this table keeps the 1 that is written; a module would read 0
    assert writes(tables) == ["06 00 20 00 00", "05 00 00 00 00", "05 01 0d ff 00"]


async def test_a_memory_that_wears_out_is_spared_and_a_commit_follows() -> None:
    told = parse_map(
        """
name = "acme"
title = "Acme"
source = "Acme manual p. 5"
commit = { point = "save", value = 1 }

[points]
gain = { area = "holding", at = 4, write = "06", storage = "eeprom", min_write_s = 60.0, commit = true }
save = { area = "holding", at = 100, write = "06", storage = "ram", readable = false }

[probe]
answers = "gain"
""",
        "acme.toml",
    )
    tables = Tables().holding(4, 1)
    device = MappedDevice(Unit(cast("Any", tables), tables.unit), "dut", told, {})
    await device.ensure((Assignment(point="gain", value=2.0),))
    assert writes(tables) == ["06 00 04 00 02", "06 00 64 00 01"]
    with pytest.raises(DeviceFault, match=r"its memory wears out: not again within 60 s\. Try again in (59|60) s"):
        await device.ensure((Assignment(point="gain", value=3.0),))


async def test_a_watchdog_rests_only_once_nothing_on_the_device_is_armed() -> None:
    told = parse_map(
        """
name = "acme"
title = "Acme"
source = "Acme manual p. 6"

[points]
relay1 = { area = "coil", at = 0, write = "05", storage = "ram" }
relay2 = { area = "coil", at = 1, write = "05", storage = "ram" }
watchdog = { area = "coil", at = 8, write = "05", storage = "eeprom" }
time = { area = "holding", at = 8, write = "06", storage = "eeprom" }

[probe]
answers = "relay1"

[failsafe]
class = "comm-watchdog"
time = "time"
min_s = 1.0
max_s = 60.0
step_s = 1.0
set = [{ point = "watchdog", value = 1 }]
release = [{ point = "watchdog", value = 0 }]

[emitters.1]
switch = "relay1"

[cutoffs.1]
switch = "relay2"
""",
        "acme.toml",
    )
    tables = Tables().coil(0, 0, 0).coil(8, 0).holding(8, 0)
    device = connected(told, tables)
    lamp, cutoff = device.emitter(1), device.cutoff(1)
    await lamp.arm(2.0)
    await cutoff.arm(2.0)
    with pytest.raises(NotArmed, match="share one watchdog"):
        await cutoff.arm(3.0)
    await cutoff.arm(2.0)
    await cutoff.release()
    assert tables.bits["coil", 8] == 1, "the lamp's fail-safe is still counted on"
    await lamp.release()
    assert tables.bits["coil", 8] == 0
