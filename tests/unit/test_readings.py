"""What an instrument said, and when: a value ages, and what could not be read is not kept alive."""

from __future__ import annotations

import asyncio
from math import inf, nan

import pytest

from irctl.bus.errors import NoReply
from irctl.controller.light.readings import Instruments, Interlock, Latest
from irctl.devices.roles import DeviceFault, Identity

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


def now() -> float:
    return asyncio.get_running_loop().time()


async def saying(value: float) -> float:
    return value


async def failing(error: Exception) -> float:
    raise error


async def test_before_the_first_reading_everything_is_unknown() -> None:
    latest = Latest[float]()
    assert latest.value is None
    assert latest.age_s(now()) == inf
    assert latest.fresh(now(), 1e9) is None
    assert latest.problem


async def test_a_reading_is_fresh_for_so_long_and_then_unknown_never_the_last_value() -> None:
    latest = Latest[float]()
    assert await latest.refresh(saying, 34.0)
    await asyncio.sleep(1.5)
    assert latest.fresh(now(), 1.5) == 34.0
    await asyncio.sleep(0.01)
    assert latest.fresh(now(), 1.5) is None


@pytest.mark.parametrize("error", [NoReply("a line", 1, "no answer"), DeviceFault("the sensor reports too hot")])
async def test_a_failure_is_remembered_with_its_reason_and_the_value_ages(error: Exception) -> None:
    latest = Latest[float]()
    await latest.refresh(saying, 34.0)
    await asyncio.sleep(1.0)
    assert not await latest.refresh(failing, error)
    assert latest.problem == str(error)
    assert latest.age_s(now()) == pytest.approx(1.0)
    assert await latest.refresh(saying, 35.0)
    assert latest.problem is None


@pytest.mark.parametrize("nonsense", [nan, inf, -inf])
async def test_what_is_no_number_is_a_failure_too(nonsense: float) -> None:
    latest = Latest[float]()
    await latest.refresh(saying, 34.0)
    assert not await latest.refresh(saying, nonsense)
    assert latest.value == 34.0
    assert latest.problem is not None
    assert "no number" in latest.problem


class AnInstrument:
    """Says one thing, after a while; a contact, a radiometer and a thermometer at once."""

    name = "instrument"
    response_s = 1.0

    def __init__(self, value: float, answer_s: float = 0.1, error: Exception | None = None) -> None:
        self.value, self.answer_s, self.error = value, answer_s, error

    async def identify(self) -> Identity:
        return Identity("instrument")

    async def irradiance_mw_cm2(self) -> float:
        await asyncio.sleep(self.answer_s)
        if self.error:
            raise self.error
        return self.value

    temperature_c = irradiance_mw_cm2

    async def closed(self) -> bool:
        return bool(await self.irradiance_mw_cm2())


async def test_all_instruments_are_asked_at_once_and_one_failure_spoils_no_other() -> None:
    door, button = Interlock("door", AnInstrument(1.0)), Interlock("button", AnInstrument(0.0))
    silent = AnInstrument(0.0, error=NoReply("a line", 1, "no answer"))
    instruments = Instruments((door, button), radiometer=AnInstrument(50.0), skin=silent)
    asked_at = now()
    assert await instruments.read()
    assert now() - asked_at == pytest.approx(0.1)
    readings = dict(instruments.interlock_readings(now()))
    assert readings["door"] is not None
    assert readings["door"].value == 1.0
    assert readings["button"] is not None
    assert readings["button"].value == 0.0
    assert instruments.skin_reading(now()) is None
    assert instruments.irradiance.value == 50.0


async def test_without_a_fresh_irradiance_there_is_none_to_count() -> None:
    assert not await Instruments(()).read()
    silent = AnInstrument(0.0, error=NoReply("a line", 1, "no answer"))
    assert not await Instruments((), radiometer=silent).read()


async def test_an_interlock_that_was_never_read_is_unknown_not_open_nor_closed() -> None:
    instruments = Instruments((Interlock("door", AnInstrument(1.0)),))
    assert instruments.interlock_readings(now()) == (("door", None),)
