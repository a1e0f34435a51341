"""Every driver we ship keeps every promise, against the twin of its device, at 9600 baud in virtual time."""

import pytest

from irctl.devices import conformance
from irctl.devices.conformance import OutputCheck, SensorCheck
from tests.drivers.benches import CUTOFFS, EMITTERS, SENSORS

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


@pytest.mark.parametrize("driver", EMITTERS)
@pytest.mark.parametrize("check", [*conformance.OUTPUT_CHECKS, *conformance.EMITTER_CHECKS], ids=conformance.check_name)
async def test_emitter(driver: str, check: OutputCheck) -> None:
    async with EMITTERS[driver]() as bench:
        await check(bench)


@pytest.mark.parametrize("driver", CUTOFFS)
@pytest.mark.parametrize("check", conformance.OUTPUT_CHECKS, ids=conformance.check_name)
async def test_cutoff(driver: str, check: OutputCheck) -> None:
    async with CUTOFFS[driver]() as bench:
        await check(bench)


@pytest.mark.parametrize("driver", SENSORS)
@pytest.mark.parametrize("check", conformance.SENSOR_CHECKS, ids=conformance.check_name)
async def test_sensor(driver: str, check: SensorCheck) -> None:
    async with SENSORS[driver]() as bench:
        await check(bench)


async def test_the_suite_runs_in_one_call() -> None:
    await conformance.check_emitter(EMITTERS["waveshare-relay"])
    await conformance.check_cutoff(CUTOFFS["icpdas-tm-r5"])
    await conformance.check_sensor(SENSORS["hukseflux-sr05"])
