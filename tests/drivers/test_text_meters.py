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
from irctl_drivers import gentec, ophir, thorlabs_pm100
from tests.drivers.text_benches import GENTEC_OPTIONS, METERS, OPHIR_OPTIONS, PM100_OPTIONS, a_text_device

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

DRIVERS: dict[str, tuple[AnyDriver, Mapping[str, object]]] = {
    "ophir": (ophir.DRIVER, OPHIR_OPTIONS),
    "gentec": (gentec.DRIVER, GENTEC_OPTIONS),
    "thorlabs-pm100": (thorlabs_pm100.DRIVER, PM100_OPTIONS),
}


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


# --- Gentec ----------------------------------------------------------------------------------------------------------


async def test_gentec_is_asked_for_a_value_only_when_there_is_a_new_one() -> None:
    async with a_text_device(gentec.DRIVER, GENTEC_OPTIONS, twin_options={"period_s": 0.3}) as world:
        meter = world.device.radiometer()
        await meter.irradiance_mw_cm2()
        await meter.irradiance_mw_cm2()
        said = world.said()
        assert said[-2:] == ["*NVU", "*CVU"]
        assert said.count("*CVU") == 2
        assert said.count("*NVU") > 3


async def test_gentec_never_gives_the_value_before_as_the_one_now() -> None:
    async with a_text_device(gentec.DRIVER, GENTEC_OPTIONS) as world:
        meter = world.device.radiometer()
        world.twin.source = lambda _now: 950.0
        await meter.irradiance_mw_cm2()
        world.station.set_fault("dut", "frozen")
        world.twin.source = lambda _now: 0.0
        await asyncio.sleep(5.0)
        with pytest.raises(DeviceFault, match="no new value"):
            await meter.irradiance_mw_cm2()


@pytest.mark.parametrize("end", ["none", "cr", "lf", "crlf"])
async def test_gentec_ends_its_commands_as_told(end: str) -> None:
    options = {**GENTEC_OPTIONS, "command_end": end}
    async with a_text_device(gentec.DRIVER, options, twin_options={"command_end": end}) as world:
        await world.device.radiometer().irradiance_mw_cm2()
        assert world.sent[0] == b"*NVU" + {"none": b"", "cr": b"\r", "lf": b"\n", "crlf": b"\r\n"}[end]


@pytest.mark.parametrize("missing", ["new_value_answer", "command_end", "range_w"])
def test_what_is_not_known_of_a_gentec_must_be_told(missing: str) -> None:
    with pytest.raises(BadOptions, match=f"'{missing}' is missing"):
        gentec.DRIVER.parse_options("meter", {name: v for name, v in GENTEC_OPTIONS.items() if name != missing})


# --- Thorlabs --------------------------------------------------------------------------------------------------------


async def test_pm100_asks_for_its_head_once_and_then_for_power() -> None:
    async with a_text_device(thorlabs_pm100.DRIVER, PM100_OPTIONS) as world:
        meter = world.device.radiometer()
        for _ in range(3):
            await meter.irradiance_mw_cm2()
        assert world.sent == [b"SYST:SENS:IDN?\n", b"SENS:CORR:WAV?\n", *3 * [b"MEAS:POW?\n"]]


async def test_pm100_set_to_another_wavelength_is_refused() -> None:
    async with a_text_device(thorlabs_pm100.DRIVER, PM100_OPTIONS, twin_options={"wavelength_nm": 635.0}) as world:
        with pytest.raises(DeviceFault, match="635 nm"):
            await world.device.radiometer().irradiance_mw_cm2()


async def test_pm100_whose_head_needs_a_wavelength_is_refused_without_one() -> None:
    options = {"area_cm2": 1.5, "range_w": 10.0}
    async with a_text_device(thorlabs_pm100.DRIVER, options) as world:
        with pytest.raises(DeviceFault, match="wavelength_nm"):
            await world.device.identify()
    async with a_text_device(thorlabs_pm100.DRIVER, options, twin_options={"flags": 1 + 256}) as world:
        await world.device.radiometer().irradiance_mw_cm2()


async def test_pm100_with_an_energy_head_is_no_radiometer() -> None:
    async with a_text_device(thorlabs_pm100.DRIVER, PM100_OPTIONS, twin_options={"flags": 2}) as world:
        with pytest.raises(DeviceFault, match="measures no power"):
            await world.device.radiometer().irradiance_mw_cm2()


async def test_pm100_looks_at_its_head_again_after_the_line_has_failed() -> None:
    async with a_text_device(thorlabs_pm100.DRIVER, PM100_OPTIONS) as world:
        meter = world.device.radiometer()
        await meter.irradiance_mw_cm2()
        world.silence(True)
        with pytest.raises(BusError):
            await meter.irradiance_mw_cm2()
        world.silence(False)
        world.twin.flags = 2
        await asyncio.sleep(1.0)
        with pytest.raises(DeviceFault, match="measures no power"):
            await meter.irradiance_mw_cm2()
