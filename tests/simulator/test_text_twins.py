"""Twins on lines of text, asked in their makers' own words, and what can go wrong on their wire."""

from __future__ import annotations

import asyncio

import pytest

from irctl_simulator.faults import FaultError
from irctl_simulator.station import SimStation, WiringError
from irctl_simulator.twins.gentec import Gentec
from irctl_simulator.twins.korad import Korad
from irctl_simulator.twins.mightex_slc import MightexSlc
from irctl_simulator.twins.ophir import Ophir
from irctl_simulator.twins.pm100 import Pm100
from irctl_simulator.twins.scpi_supply import ScpiSupply


class Bench:
    """A twin and a clock; its timers run as time passes."""

    def __init__(self, twin: Korad | ScpiSupply | MightexSlc | Gentec | Ophir | Pm100) -> None:
        self.twin = twin
        self.now = 0.0

    def wait(self, seconds: float) -> None:
        ends = self.now + seconds
        while (due := self.twin.next_event()) <= ends:
            self.twin.advance(due)
        self.now = ends

    def say(self, text: str) -> bytes:
        self.wait(0.1)
        return self.twin.handle(text.encode(), self.now)


def test_a_korad_answers_in_fixed_lengths_and_acknowledges_nothing() -> None:
    bench = Bench(Korad(1))
    assert bench.say("VSET1:12.00") == b""
    assert bench.say("ISET1:0.500") == b""
    assert bench.say("VSET1?") == b"12.00"
    assert bench.say("ISET1?") == b"0.500K", "the sixth byte"
    assert bench.say("IOUT1?") == b"0.000"
    assert bench.say("OUT1") == b""
    assert bench.say("IOUT1?") == b"0.500"
    assert bench.say("STATUS?")[0] & 0x40
    assert bench.say("*IDN?") == b"KORADKA3005PV2.0\x01"


def test_a_korad_loses_what_comes_within_80_ms() -> None:
    bench = Bench(Korad(1))
    bench.say("OUT1")
    bench.now += 0.05
    bench.twin.handle(b"OUT0", bench.now)
    assert bench.say("STATUS?")[0] & 0x40


def test_a_genesys_goes_off_shows_bit_15_and_error_342_and_is_cleared_two_ways() -> None:
    for clearing in ("OUTP:PROT:CLE", "SYST:COMM:WATCH:STAT OFF"):
        bench = Bench(ScpiSupply(1, profile="tdk-genesys-plus"))
        for command in ("VOLT 20", "CURR 2", "SYSTem:WATCHdog:TIMe 2", "SYST:COMM:WATCH:STAT ON", "OUTP ON"):
            assert bench.say(command) == b""
        assert bench.twin.output(1) == 1.0
        bench.wait(1.7)
        assert bench.say("STAT:QUES:COND?") == b"0\n", "which feeds it, as any command does"
        bench.wait(2.1)
        assert bench.twin.output(1) == 0
        assert bench.say("STAT:QUES:COND?") == b"32768\n"
        assert bench.say("SYST:ERR?") == b'342,"WD FAULT"\n'
        bench.say(clearing)
        assert bench.say("STAT:QUES:COND?") == b"0\n"
        assert bench.twin.output(1) == 0


def test_a_keysight_is_off_from_the_factory_latches_and_restores_when_it_is_cleared() -> None:
    bench = Bench(ScpiSupply(1, profile="keysight-n67xx"))
    assert bench.say("OUTP:PROT:WDOG?") == b"0\n"
    assert bench.say("OUTP:PROT:WDOG:DEL?") == b"60\n"
    for command in ("VOLT 20", "CURR 2", "OUTP:PROT:WDOG:DEL 1", "OUTP:PROT:WDOG ON", "OUTP ON"):
        bench.say(command)
    bench.wait(1.2)
    assert bench.twin.output(1) == 0
    assert bench.say("OUTP?") == b"1\n", "the programmed state is unchanged"
    bench.say("OUTP:PROT:CLE")
    assert bench.twin.output(1) == 1.0


def test_a_delta_counts_in_milliseconds_and_says_what_is_left() -> None:
    bench = Bench(ScpiSupply(1, profile="delta-sm15k"))
    assert bench.say("SYSTem:COMmunicate:WATchdog?") == b"-1\n"
    for command in ("SOUR:VOL 20", "SOUR:CUR 2", "OUTP 1", "SYST:COM:WAT set,500"):
        bench.say(command)
    assert 0 < int(bench.say("SYST:COM:WAT?")) <= 500
    bench.wait(0.6)
    assert bench.twin.output(1) == 0
    assert bench.say("SYST:COM:WAT?") == b"0\n"
    for ms in ("19", "10001"):
        bench.say("SYST:COM:WAT stop")
        bench.say(f"SYST:COM:WAT set,{ms}")
        assert bench.say("SYST:COM:WAT?") == b"-1\n"


def test_an_slc_plays_its_pulse_once_and_begins_anew_when_told_again() -> None:
    bench = Bench(MightexSlc(1))
    for command in ("STROBE 1 1000 0", "STRP 1 0 500 1000000", "STRP 1 1 0 0", "MODE 1 2"):
        assert bench.say(command) == b"## \r\n"
    bench.wait(0.8)
    assert bench.say("MODE 1 2") == b"## \r\n"
    bench.wait(0.8)
    assert bench.twin.output(1) == 0.5
    assert bench.say("LoadVoltage 1") == b"#1:2900 \r\n"
    bench.wait(0.2)
    assert bench.twin.output(1) == 0
    assert bench.say("?MODE 1") == b"#2 \r\n"
    assert bench.say("MODE 1 7") == b"#? \r\n"
    assert bench.say("SHINE 1") == b"[    SHINE 1 is not defined] \r\n"


def test_an_slc_that_repeats_for_ever_does() -> None:
    bench = Bench(MightexSlc(1))
    for command in ("STROBE 2 1000 9999", "STRP 2 0 500 1000000", "STRP 2 1 0 0", "MODE 2 2"):
        bench.say(command)
    bench.wait(3600)
    assert bench.twin.output(2) == 0.5


def test_meters_answer_in_their_makers_words() -> None:
    for twin, asked, answered in (
        (Ophir(1, noise_w_m2=0.0), "$SP", b"*5.000E-03\r\n"),
        (Ophir(1, range_w=0.001, noise_w_m2=0.0), "$SP", b"*OVER\r\n"),
        (Ophir(1), "$XX", b"?UNKNOWN COMMAND\r\n"),
        (Gentec(1, noise_w_m2=0.0), "*CVU", b"Current Value : 0.005000\r\n"),
        (Pm100(1, noise_w_m2=0.0), "MEAS:POW?", b"5.000000E-03\n"),
    ):
        twin.source = lambda _now: 50.0
        assert Bench(twin).say(asked) == answered


def test_a_gentec_tells_an_old_value_again_and_says_that_it_is_one() -> None:
    bench = Bench(Gentec(1, noise_w_m2=0.0, period_s=1.0))
    bench.twin.source = lambda now: 50.0 * (1 + int(now))  # type: ignore[union-attr]
    bench.wait(1.0)
    assert bench.say("*NVU") == b"New Data Available\r\n"
    first = bench.say("*CVU")
    assert bench.say("*NVU") == b"New Data Not Available\r\n"
    assert bench.say("*CVU") == first


# --- the wire --------------------------------------------------------------------------------------------------------

STATION = {
    "lines": {"text": {"protocol": "text"}, "bus": {}},
    "devices": {"meter": {"twin": "ophir", "line": "text", "options": {"noise_w_m2": 0.0}},
                "relay": {"twin": "waveshare-relay", "line": "bus"}},
}  # fmt: skip


@pytest.mark.anyio
@pytest.mark.virtual
@pytest.mark.parametrize(
    ("target", "fault", "heard"),
    [
        ("meter", None, b"*0.000E+00\r\n"),
        ("meter", "silent", b""),
        ("meter", "unpowered", b""),
        ("meter", "twice", b"*0.000E+00\r\n*0.000E+00\r\n"),
        ("text", "echo", b"$SP\r\n*0.000E+00\r\n"),
        ("text", "echo_only", b"$SP\r\n"),
    ],
)
async def test_what_the_host_hears(target: str, fault: str | None, heard: bytes) -> None:
    station = SimStation.from_config(STATION)
    if fault:
        station.set_fault(target, fault)
    got = bytearray()
    station.lines["text"].attach(got.extend)(b"$SP\r\n")
    await asyncio.sleep(0.2)
    assert bytes(got) == heard


@pytest.mark.anyio
@pytest.mark.virtual
async def test_garbage_and_junk_are_what_they_are_called() -> None:
    station = SimStation.from_config(STATION)
    got = bytearray()
    send = station.lines["text"].attach(got.extend)
    station.set_fault("meter", "corrupt")
    send(b"$SP\r\n")
    await asyncio.sleep(0.2)
    assert len(got) == 12
    assert all(wrong != right for wrong, right in zip(got, b"*0.000E+00\r\n", strict=True))
    station.clear_faults()
    station.set_fault("meter", "junk")
    got.clear()
    send(b"$SP\r\n")
    await asyncio.sleep(0.2)
    assert got.endswith(b"*0.000E+00\r\n")
    assert 1 <= len(got) - 12 <= 3


@pytest.mark.anyio
@pytest.mark.virtual
async def test_bytes_take_their_time_and_paced_hosts_get_them_in_pieces() -> None:
    station = SimStation.from_config(STATION)
    whole: list[float] = []
    pieces: list[bytes] = []
    line = station.lines["text"]
    send = line.attach(lambda _data: whole.append(asyncio.get_running_loop().time()))
    line.attach(pieces.append, paced=True)
    began = asyncio.get_running_loop().time()
    send(b"$SP\r\n")
    await asyncio.sleep(0.2)
    assert whole[0] - began >= (5 + 12) * 10 / 9600
    assert pieces == [b"*0.000E+", b"00\r\n"]


def test_a_device_and_its_line_must_speak_the_same() -> None:
    for device, line in (("meter", "bus"), ("relay", "text")):
        wrong = {**STATION, "devices": {device: {**STATION["devices"][device], "line": line}}}
        with pytest.raises(WiringError, match="do not speak the same protocol"):
            SimStation.from_config(wrong)


def test_a_line_of_text_has_one_device() -> None:
    two = {**STATION, "devices": {name: {"twin": "korad", "line": "text"} for name in ("one", "two")}}
    with pytest.raises(WiringError, match="taken"):
        SimStation.from_config(two)


def test_faults_of_text_are_refused_for_others() -> None:
    with pytest.raises(FaultError, match="no line of text"):
        SimStation.from_config(STATION).set_fault("relay", "junk")
