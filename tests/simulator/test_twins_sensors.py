"""Sensors and contacts as their manuals describe them, and what is dangerous about each."""

from __future__ import annotations

import asyncio
import struct

import pytest

from irctl_simulator.twins.base import RegisterTwin
from irctl_simulator.twins.contacts import Adam6050, MoxaE1210
from irctl_simulator.twins.pyranometers import ApogeeSp, KippZonenSmp
from irctl_simulator.twins.r4dcb08 import R4dcb08
from tests.simulator.worlds import MemoryHost, a_line_with, frame
from tests.virtual_time import run_virtual

REPORT_BYTES = 1 + 1 + 1 + 16 + 2


def say(twin: RegisterTwin, text: str, now: float = 1.0) -> str:
    return twin.handle(bytes.fromhex(text), now).hex(" ")


def shown(twin: RegisterTwin, address: int, now: float) -> float:
    """A single of an Apogee, high word first."""
    return struct.unpack(">f", bytes.fromhex(say(twin, f"03 {address:04x} 00 02", now))[2:])[0]


# Apogee SP


def an_apogee() -> ApogeeSp:
    """Its light grows by 1 W/m² a second."""
    return ApogeeSp(1, source=lambda now: now, noise_w_m2=0.0, busy_s=0.5)


def test_apogee_shows_watts_as_a_single_with_the_high_word_first():
    twin = ApogeeSp(1, source=lambda _now: 973.59, noise_w_m2=0.0)
    assert say(twin, "03 00 00 00 02") == "03 04 " + struct.pack(">f", 973.59).hex(" ")
    assert say(twin, "04 00 00 00 02") == "84 01"
    assert say(twin, "06 00 10 00 02") == "86 01", "settings go by FC10 only"


def test_apogee_says_that_it_is_busy_and_keeps_its_last_value_meanwhile():
    twin = an_apogee()
    assert (shown(twin, 0, 100.0), shown(twin, 10, 100.0)) == (100.0, 0.0)
    say(twin, "10 00 64 00 01 02 00 01", 100.1)
    assert (shown(twin, 0, 100.3), shown(twin, 10, 100.3)) == (100.0, 1.0)
    assert shown(twin, 0, 101.0) == pytest.approx(101.0)
    assert shown(twin, 10, 101.0) == 0.0


@pytest.mark.parametrize("address", ["7f c0 00 00", "7f 80 00 00", "00 00 00 00", "c0 a0 00 00", "43 80 00 00"])
def test_apogee_takes_no_impossible_address(address: str):
    twin = an_apogee()
    say(twin, f"10 00 10 00 02 04 {address}")
    assert say(twin, "10 00 64 00 01 02 00 01") == "90 03"
    assert twin.unit == 1


# Kipp & Zonen SMP


@pytest.mark.parametrize(
    ("scale", "raw"), [(0, "03 cb"), (1, "25 ee"), (-1, "00 61")], ids=["in W/m²", "in tenths", "in tens"]
)
@pytest.mark.parametrize("function", ["03", "04"])
def test_smp_shows_radiation_by_its_scale(function: str, scale: int, raw: str):
    twin = KippZonenSmp(1, source=lambda _now: 971.0, noise_w_m2=0.0, scale=scale)
    exponent = f"{scale & 0xFFFF:04x}"
    assert say(twin, f"{function} 00 03 00 03") == f"{function} 06 00 00 {exponent[:2]} {exponent[2:]} {raw}"


def test_smp_can_be_in_error_and_goes_no_further_than_its_register():
    twin = KippZonenSmp(1, source=lambda _now: 4000.0, noise_w_m2=0.0, scale=1)
    twin.status = 8
    assert say(twin, "04 00 03 00 03") == "04 06 00 08 00 01 7f ff"


# R4DCB08


@pytest.mark.parametrize(("celsius", "raw"), [(21.9, "00 db"), (-11.2, "ff 90")])
def test_r4dcb08_shows_the_degrees_that_its_maker_prints(celsius: float, raw: str):
    assert say(R4dcb08(1, source=lambda _now: celsius, noise_c=0.0), "03 00 00 00 01") == f"03 02 {raw}"


def test_r4dcb08_has_no_temperature_where_no_sensor_is():
    twin = R4dcb08(1, noise_c=0.0, fitted=1)
    assert say(twin, "03 00 00 00 08") == "03 10 00 f0" + " 80 00" * 7


def test_r4dcb08_is_quiet_unless_it_is_told_to_report():
    async def main() -> None:
        host = MemoryHost(a_line_with("r4dcb08").lines["line"])
        await asyncio.sleep(60)
        assert host.heard == []

    run_virtual(main())


def test_r4dcb08_reports_unasked_and_stops_when_told():
    async def main() -> None:
        host = MemoryHost(a_line_with("r4dcb08", auto_report_s=2, noise_c=0.0).lines["line"])
        await asyncio.sleep(7)
        assert [data for _, data in host.heard] == [frame("01 03 10" + " 00 f0" * 8)] * 3
        assert await host.ask("01 06 00 fd 00 00") == "01 06 00 fd 00 00"
        before = len(host.heard)
        await asyncio.sleep(60)
        assert len(host.heard) == before

    run_virtual(main())


def test_r4dcb08_starts_to_report_once_the_register_says_so():
    async def main() -> None:
        host = MemoryHost(a_line_with("r4dcb08").lines["line"])
        await host.ask("01 06 00 fd 00 01")
        await asyncio.sleep(3.5)
        assert [len(data) for _, data in host.heard] == [8] + [REPORT_BYTES] * 3

    run_virtual(main())


def test_a_report_spoils_what_is_said_to_another_device():
    async def main() -> None:
        station = a_line_with("r4dcb08", auto_report_s=1)
        host = MemoryHost(station.lines["line"])
        await asyncio.sleep(1.003)  # the report begins within 5 ms
        host.send(frame("02 05 00 00 00 00"))
        await asyncio.sleep(0.1)
        assert len(host.heard) == 1
        assert frame(host.heard[0][1][:-2].hex()) != host.heard[0][1], "both were spoiled"

    run_virtual(main())


def test_a_report_goes_on_after_the_cable_was_out():
    async def main() -> None:
        station = a_line_with("r4dcb08", auto_report_s=1)
        line = station.lines["line"]
        MemoryHost(line)
        station.set_fault("line", "unplug")
        station.set_fault("line", "replug")
        host = MemoryHost(line)
        await asyncio.sleep(3.5)
        assert len(host.heard) == 3

    run_virtual(main())


# Moxa E1210, ADAM-6050


def test_moxa_has_sixteen_inputs_and_no_outputs():
    twin = MoxaE1210(1)
    twin.set_input(1, True)
    twin.set_input(16, True)
    assert say(twin, "02 00 00 00 10") == "02 02 01 80"
    assert say(twin, "02 00 00 00 11") == "82 02"
    assert say(twin, "05 00 00 ff 00") == "85 01"


def test_adam_shows_its_twelve_inputs_as_coils_that_nobody_can_write():
    twin = Adam6050(1)
    twin.set_input(12, True)
    assert say(twin, "01 00 00 00 0c") == "01 02 00 08"
    assert say(twin, "02 00 00 00 0c") == "82 01"
    assert say(twin, "05 00 00 ff 00") == "85 02"
