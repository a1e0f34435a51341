"""Meters on lines of text, against their twins: the suite, the traps of their protocols, and a hostile wire."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import pytest

from irctl.bus.errors import BusError
from irctl.devices import conformance
from irctl.devices.conformance import SensorCheck
from irctl.devices.registry import AnyDriver, BadOptions
from irctl.devices.roles import DeviceFault
from irctl_drivers import ophir
from tests.drivers.text_benches import METERS, OPHIR_OPTIONS, a_text_device

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

DRIVERS: dict[str, tuple[AnyDriver, Mapping[str, object]]] = {"ophir": (ophir.DRIVER, OPHIR_OPTIONS)}


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("check", conformance.SENSOR_CHECKS, ids=conformance.check_name)
async def test_it_keeps_every_promise_of_a_sensor(meter: str, check: SensorCheck) -> None:
    async with METERS[meter]() as bench:
        await check(bench)


@pytest.mark.parametrize("fault", ["corrupt", "junk", "twice", "silent", "echo", "echo_only", "late"])
@pytest.mark.parametrize("meter", METERS)
async def test_no_hostile_wire_makes_it_read_wrong(meter: str, fault: str) -> None:
    driver, options = DRIVERS[meter]
    right = 0
    async with a_text_device(driver, options, twin_options={"area_cm2": 1.5, "noise_w_m2": 0.0}) as world:
        sensor = world.device.radiometer()
        target = "wire" if fault.startswith("echo") else "dut"
        world.station.set_fault(target, fault, **({"seconds": driver.timing.timeout_s} if fault == "late" else {}))
        for step in range(20):
            truth = 100.0 + 10.0 * step
            world.twin.source = lambda _now, w_m2=truth: w_m2
            with suppress(BusError, DeviceFault):
                assert await sensor.irradiance_mw_cm2() == pytest.approx(truth / 10, rel=1e-3)
                right += 1
            await asyncio.sleep(0.05)
        world.station.clear_faults()
        await asyncio.sleep(3.0)
        world.twin.source = lambda _now: 555.0
        assert await sensor.irradiance_mw_cm2() == pytest.approx(55.5, rel=1e-3), "and it recovers"
    if fault == "junk":
        assert right > 0, "a byte or two of noise is skipped"


@pytest.mark.parametrize("meter", METERS)
async def test_an_area_has_no_default(meter: str) -> None:
    driver, options = DRIVERS[meter]
    with pytest.raises(BadOptions, match="'area_cm2' is missing"):
        driver.parse_options("meter", {name: value for name, value in options.items() if name != "area_cm2"})


# --- Ophir -----------------------------------------------------------------------------------------------------------


async def test_ophir_is_asked_in_its_own_words() -> None:
    async with a_text_device(ophir.DRIVER, OPHIR_OPTIONS) as world:
        await world.device.identify()
        await world.device.radiometer().irradiance_mw_cm2()
        assert world.sent == [b"$II\r\n", b"$HI\r\n", b"$SP\r\n"]


async def test_ophir_names_its_head() -> None:
    async with a_text_device(ophir.DRIVER, OPHIR_OPTIONS) as world:
        assert "284755" in str((await world.device.identify()).serial)


async def test_ophir_over_range_is_no_number() -> None:
    async with a_text_device(ophir.DRIVER, OPHIR_OPTIONS, twin_options={"range_w": 0.01}) as world:
        world.twin.source = lambda _now: 950.0
        with pytest.raises(DeviceFault, match="beyond its range"):
            await world.device.radiometer().irradiance_mw_cm2()
