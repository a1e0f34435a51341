"""What a map makes of registers: few questions, values that are values, and no other."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.devices.finding import installed_maps
from irctl.devices.mapped import DeviceMap, parse_map
from irctl.devices.mapped.blocks import BITS_MAX, blocks
from irctl.devices.mapped.model import BITS, Kind, Order
from irctl.devices.mapped.values import LIMITS, raw_of, words_for
from irctl.devices.registry import BadOptions
from irctl.devices.roles import DeviceFault
from tests.devices.tables import Tables, connected

pytestmark = pytest.mark.anyio


def shipped(name: str) -> DeviceMap:
    return parse_map(installed_maps()[name].text, name)


def f32(value: float) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


async def test_a_temperature_is_read_by_the_makers_own_frame() -> None:
    """DEVICES §17: 01 03 00 00 00 01 84 0A -> 00 DB = 21.9 °C, FF 90 = -11.2 °C."""
    tables = Tables().holding(0, 0x00DB, 0xFF90)
    device = connected(shipped("r4dcb08"), tables)
    assert await device.thermometer(1).temperature_c() == pytest.approx(21.9)
    assert await device.thermometer(2).temperature_c() == pytest.approx(-11.2)
    assert tables.asked[0] == bytes.fromhex("03 00 00 00 01")


async def test_no_sensor_is_no_temperature() -> None:
    device = connected(shipped("r4dcb08"), Tables().holding(0, 0x8000))
    with pytest.raises(DeviceFault, match="the device says that it has no value"):
        await device.thermometer(1).temperature_c()


async def test_a_device_that_talks_unasked_is_refused() -> None:
    tables = Tables().holding(0xFD, 5, 1)
    with pytest.raises(DeviceFault, match="auto_report reads 5, and a R4DCB08"):
        await connected(shipped("r4dcb08"), tables).identify()
    await connected(shipped("r4dcb08"), tables.holding(0xFD, 0)).identify()


@pytest.mark.parametrize(("scale", "raw", "w_m2"), [(0, 973, 973.0), (1, 9736, 973.6), (-1, 97, 970.0)])
async def test_a_scale_that_the_device_tells_is_used(scale: int, raw: int, w_m2: float) -> None:
    tables = Tables().input(3, 0, scale, raw)
    radiometer = connected(shipped("kipp-zonen-smp"), tables).radiometer(1)
    assert await radiometer.irradiance_mw_cm2() == pytest.approx(w_m2 / 10)
    assert len(tables.asked) == 1, "status, scale and value in one frame, so that they belong together"


async def test_a_reading_counts_only_when_the_status_says_so() -> None:
    radiometer = connected(shipped("kipp-zonen-smp"), Tables().input(3, 4, 0, 900)).radiometer(1)
    with pytest.raises(DeviceFault, match=r"status reads 4\.?0?, and only at 0 a reading counts"):
        await radiometer.irradiance_mw_cm2()


async def test_a_busy_sensor_is_asked_again_and_given_up() -> None:
    tables = Tables().holding(0, *f32(812.5)).holding(10, *f32(1.0))
    radiometer = connected(shipped("apogee-sp"), tables).radiometer(1)
    with pytest.raises(DeviceFault, match="still busy"):
        await radiometer.irradiance_mw_cm2()
    tables.holding(10, *f32(0.0))
    assert await radiometer.irradiance_mw_cm2() == pytest.approx(81.25)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 9000.0])
async def test_what_no_sun_gives_is_no_reading(value: float) -> None:
    tables = Tables().holding(0, *f32(value)).holding(10, *f32(0.0))
    with pytest.raises(DeviceFault, match="it is not used"):
        await connected(shipped("apogee-sp"), tables).radiometer(1).irradiance_mw_cm2()


async def test_contacts_are_read_where_the_manual_counts_from_one() -> None:
    tables = Tables().coil(0, 0, 1)
    device = connected(shipped("adam-6050"), tables)
    assert [await device.contact(channel).closed() for channel in (1, 2)] == [False, True]
    assert tables.asked[1] == bytes.fromhex("01 00 01 00 01")


@pytest.mark.parametrize(("model", "amps"), [(60062, 1.234), (60065, 0.1234), (60181, 12.34)])
async def test_a_supply_is_scaled_by_its_model(model: int, amps: float) -> None:
    tables = Tables().holding(0, model).holding(11, 1234).holding(18, 1)
    supply = connected(shipped("riden-rd60xx"), tables, full=20.0, volts=24.0).emitter(1)
    state = await supply.observe()
    assert state.level_pct == pytest.approx(100 * amps / 20.0)


async def test_an_unknown_model_is_refused_before_anything_is_believed() -> None:
    tables = Tables().holding(0, 60127).holding(11, 1234).holding(18, 1)
    supply = connected(shipped("riden-rd60xx"), tables, full=20.0, volts=24.0).emitter(1)
    with pytest.raises(DeviceFault, match="none of the models"):
        await supply.observe()


def test_what_the_manual_leaves_open_the_station_file_must_say() -> None:
    with pytest.raises(BadOptions, match="'full' is missing; 'volts' is missing"):
        connected(shipped("riden-rd60xx"), Tables())
    with pytest.raises(BadOptions, match="'retrigger' is missing"):
        connected(shipped("jy-dam"), Tables())


@given(st.sampled_from(sorted(installed_maps())), st.data())
def test_questions_are_few_short_and_never_over_what_is_not_mapped(name: str, data: st.DataObject) -> None:
    told = shipped(name)
    readable = sorted(point for point, one in told.points.items() if one.readable)
    wanted = data.draw(st.sets(st.sampled_from(readable), min_size=1))
    asked = blocks(told, wanted)
    places = {told.place(point) for point in wanted}
    assert len(asked) <= len(places)
    for place in places:
        assert sum(block.holds(*place) for block in asked) == 1
    mapped = {(area, first + n) for area, first, count in map(told.place, readable) for n in range(count)}
    for block in asked:
        assert block.count <= (BITS_MAX if block.area in BITS else told.block)
        assert all((block.area, at) in mapped for at in range(block.first, block.first + block.count))


@given(st.sampled_from(["u16", "s16", "u32", "s32"]), st.sampled_from(["high-first", "low-first"]), st.data())
def test_what_is_written_is_read_back(kind: Kind, order: Order, data: st.DataObject) -> None:
    value = data.draw(st.integers(*LIMITS[kind]))
    assert raw_of(words_for(value, kind, order), kind, order) == value


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(["high-first", "low-first"]))
def test_a_float_is_read_back(value: float, order: Order) -> None:
    assert raw_of(words_for(value, "f32", order), "f32", order) == value
