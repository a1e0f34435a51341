"""Devices, as their manuals describe them: golden frames, refusals, watchdogs."""

from __future__ import annotations

from random import Random

import pytest

from irctl_simulator import SimStation
from irctl_simulator.modbus import crc16, parse_rtu, rtu_frame
from irctl_simulator.twins.base import RegisterTwin
from irctl_simulator.twins.calex import CalexPyroMiniBus
from irctl_simulator.twins.mdm3 import Mdm3
from irctl_simulator.twins.sr05 import HuksefluxSr05
from irctl_simulator.twins.tm_modules import TmR5
from irctl_simulator.twins.waveshare import WaveshareIo8, WaveshareRelay

GOLDEN = [
    "010502000007 8DB0",
    "010502000014 CC7D",
    "000500FF0000 FC2B",
    "010600080005 C80B",
    "010602880001 C998",
    "010600000028 89D4",
    "010601E80014 080D",
    "01050104FF00 CC07",
    "400310000004 4FD8",
    "4003080040000500017C4F 79DA",
]


@pytest.mark.parametrize("text", GOLDEN)
def test_checksums_of_frames_found_in_manuals(text: str):
    whole = bytes.fromhex(text)
    assert crc16(whole[:-2]) == int.from_bytes(whole[-2:], "little")
    assert parse_rtu(whole) == (whole[0], whole[1:-2])
    assert rtu_frame(whole[0], whole[1:-2]) == whole


def test_a_wrong_bit_is_no_frame():
    assert parse_rtu(bytes.fromhex("010502000007 8DB1")) is None
    assert parse_rtu(b"\x01\x05") is None


def say(twin: RegisterTwin, text: str, now: float = 0.0) -> str:
    """PDU hex to PDU hex; timers run first, as the station does it."""
    run(twin, now)
    return twin.handle(bytes.fromhex(text), now).hex(" ")


def run(twin: RegisterTwin, now: float) -> None:
    while twin.next_event() <= now:
        twin.advance(twin.next_event())


@pytest.mark.parametrize(
    ("twin", "request_pdu", "reply"),
    [
        (Mdm3(12), "03 00 03 00 01", "83 02"),  # no such register
        (Mdm3(12), "03 00 00 00 04", "83 02"),  # block runs into a hole
        (Mdm3(12), "06 00 00 00 65", "86 03"),  # 101 %
        (Mdm3(12), "06 00 08 00 00", "86 03"),  # safety timeout of 0 s
        (Mdm3(12), "06 00 5a 00 01", "86 02"),  # duty is read only
        (Mdm3(12), "05 00 00 12 34", "85 03"),
        (Mdm3(12), "2b 0e 01 00", "ab 01"),
        (Mdm3(12), "03 00 00", "83 03"),  # short
        (Mdm3(12), "03 00 00 00 00", "83 03"),
        (Mdm3(12), "10 00 00 00 02 03 00 01 00", "90 03"),  # byte count
        (TmR5(1), "06 01 e8 01 00", "86 03"),  # 256 ticks
        (TmR5(1), "05 01 10 ff 00", "85 02"),  # reset status is read only
        (WaveshareRelay(1), "06 02 00 00 07", "86 02"),  # flash by FC06 is not this device's
        (WaveshareRelay(1), "05 00 08 ff 00", "85 02"),  # ninth relay
        (WaveshareRelay(1), "05 02 00 ff 00", "85 03"),  # what a careless write_coil sends: 6528 s
        (WaveshareRelay(1), "01 00 ff 00 01", "81 02"),  # all-relays is write only
        (WaveshareRelay(1), "02 00 00 00 08", "82 01"),  # no inputs here
        (WaveshareIo8(2), "06 10 00 00 03", "86 03"),
        (HuksefluxSr05(1), "06 00 00 00 02", "86 01"),
        (CalexPyroMiniBus(3), "06 00 07 00 01", "86 03"),  # emissivity 0.0001
    ],
)
def test_illegal_requests_are_refused(twin: RegisterTwin, request_pdu: str, reply: str):
    assert say(twin, request_pdu) == reply


# Wiren Board MDM3


def test_mdm3_ramps_at_ten_milliseconds_a_percent():
    twin = Mdm3(12)
    say(twin, "06 00 00 00 32")
    say(twin, "05 00 00 ff 00")
    assert twin.output(1) == 0.0
    run(twin, 0.255)
    assert twin.channels[0].shown == 25
    run(twin, 2.0)
    assert twin.output(1) == pytest.approx(0.5, abs=0.001)
    assert say(twin, "03 00 5a 00 01", 2.0) == "03 02 13 88"  # 5000 us
    say(twin, "05 00 00 00 00", 2.0)
    run(twin, 2.6)
    assert twin.output(1) == 0.0
    assert say(twin, "03 00 5a 00 01", 2.6) == "03 02 00 00"
    assert say(twin, "03 00 00 00 01", 2.6) == "03 02 00 32"  # the level stays set


def test_mdm3_goes_dark_after_silence_only_when_told_to():
    for action, lit in (("00 00", True), ("00 01", False)):
        twin = Mdm3(12, ramp_ms=0)
        say(twin, f"06 02 88 {action}")
        say(twin, "06 00 08 00 02")
        say(twin, "06 00 00 00 64")
        say(twin, "05 00 00 ff 00", 1.0)
        run(twin, 2.99)
        assert twin.output(1) > 0.9
        run(twin, 3.01)
        assert (twin.output(1) > 0.9) is lit


def test_mdm3_stays_lit_while_it_is_polled():
    twin = Mdm3(12, ramp_ms=0, safety_action=1)
    say(twin, "06 00 08 00 01")
    say(twin, "06 00 04 00 64")  # level with auto-on
    for tick in range(40):
        say(twin, "03 00 5a 00 01", tick * 0.9)
    assert twin.output(1) > 0.9
    run(twin, 39 * 0.9 + 1.01)
    assert twin.output(1) == 0.0


@pytest.mark.parametrize(("fed_by", "lit"), [("addressed", False), ("any", True)])
def test_whether_other_frames_feed_the_mdm3_is_an_option(fed_by: str, lit: bool):
    twin = Mdm3(12, ramp_ms=0, safety_action=1, fed_by=fed_by)  # pyright: ignore[reportArgumentType]
    say(twin, "06 00 04 00 64")
    for tick in range(1, 30):
        run(twin, tick * 0.5)
        twin.overheard(tick * 0.5)
    assert (twin.output(1) > 0.0) is lit


def test_mdm3_reboot_darkens_and_restarts_the_uptime():
    twin = Mdm3(12, ramp_ms=0)
    say(twin, "06 00 04 00 64")
    assert say(twin, "04 00 68 00 02", 7.0) == "04 04 00 00 00 07"
    say(twin, "06 00 78 00 01", 7.5)
    assert twin.output(1) == 0.0
    assert say(twin, "04 00 68 00 02", 9.0) == "04 04 00 00 00 01"


def test_mdm3_tells_its_signature_and_serial():
    twin = Mdm3(12, serial=0x00412BD9)
    assert bytes.fromhex(say(twin, "04 00 c8 00 06"))[2:].replace(b"\0", b"") == b"WBMDM3"
    assert say(twin, "04 01 0e 00 02") == "04 04 00 41 2b d9"


# ICP DAS tM-R5


def a_watched_tm_r5() -> TmR5:
    twin = TmR5(1)
    say(twin, "06 01 e8 00 14")  # 2.0 s
    say(twin, "05 01 04 ff 00")
    say(twin, "05 00 00 ff 00")
    return twin


def test_tm_r5_trips_to_its_safe_value_and_stays_latched():
    twin = a_watched_tm_r5()
    run(twin, 1.9)
    assert twin.output(1) == 1.0
    run(twin, 2.1)
    assert twin.output(1) == 0.0
    assert say(twin, "01 01 0d 00 01", 3.0) == "01 01 01"
    assert say(twin, "05 00 00 ff 00", 3.0) == "05 00 00 ff 00"  # acknowledged and not obeyed
    assert twin.output(1) == 0.0
    assert say(twin, "05 01 0d ff 00", 3.1) == "05 01 0d ff 00"
    say(twin, "05 00 00 ff 00", 3.2)
    assert twin.output(1) == 1.0
    assert say(twin, "03 01 eb 00 01", 3.3) == "03 02 00 01"  # one trip counted


def test_tm_r5_mode_1_lets_a_write_clear_the_trip():
    twin = a_watched_tm_r5()
    say(twin, "05 01 03 ff 00")
    run(twin, 2.1)
    say(twin, "05 00 00 ff 00", 3.0)
    assert twin.output(1) == 1.0


def test_tm_r5_shows_a_reboot_once():
    twin = TmR5(1)
    assert say(twin, "01 01 10 00 01") == "01 01 01"
    assert say(twin, "01 01 10 00 01") == "01 01 00"
    twin.reboot(5.0)
    assert say(twin, "01 01 10 00 01", 6.0) == "01 01 01"


# Waveshare


def test_flash_on_ends_by_itself():
    twin = WaveshareRelay(1)
    assert say(twin, "05 02 00 00 07") == "05 02 00 00 07"
    run(twin, 0.69)
    assert twin.output(1) == 1.0
    run(twin, 0.71)
    assert twin.output(1) == 0.0


@pytest.mark.parametrize(("retrigger", "ends"), [("restart", 1.5), ("ignore", 1.0), ("extend", 2.0)])
def test_what_a_second_flash_does_is_an_option(retrigger: str, ends: float):
    twin = WaveshareRelay(1, retrigger=retrigger)  # pyright: ignore[reportArgumentType]
    say(twin, "05 02 00 00 0a", 0.0)
    say(twin, "05 02 00 00 0a", 0.5)
    run(twin, ends - 0.01)
    assert twin.output(1) == 1.0
    run(twin, ends + 0.01)
    assert twin.output(1) == 0.0


def test_plain_off_ends_a_flash_and_flash_off_ends_on():
    twin = WaveshareRelay(1)
    say(twin, "05 02 00 00 32")
    say(twin, "05 00 00 00 00", 1.0)
    assert twin.output(1) == 0.0
    say(twin, "05 04 01 00 05", 1.0)
    run(twin, 2.0)
    assert twin.output(2) == 1.0  # the hazard the facts warn of


@pytest.mark.parametrize("channels", [8, 16, 32])
def test_all_relays_at_once(channels: int):
    twin = WaveshareRelay(1, channels=channels)
    say(twin, "05 00 ff ff 00")
    assert [twin.output(one + 1) for one in range(channels)] == [1.0] * channels
    say(twin, "05 01 ff 55 00")
    assert [twin.output(one + 1) for one in range(channels)] == [0.0] * channels


def test_several_relays_by_one_frame():
    twin = WaveshareRelay(1)
    assert say(twin, "0f 00 00 00 08 01 a5") == "0f 00 00 00 08"
    assert say(twin, "01 00 00 00 08") == "01 01 a5"


def test_linked_outputs_follow_their_input():
    twin = WaveshareIo8(2)
    say(twin, "06 10 00 00 01")
    twin.set_input(1, True)
    assert twin.output(1) == 1.0
    assert say(twin, "02 00 00 00 08") == "02 01 01"
    twin.set_input(1, False)
    assert twin.output(1) == 0.0


# Sensors


def test_sr05_shows_the_worked_example():
    twin = HuksefluxSr05(0x40, source=lambda _now: 973.59, noise_w_m2=0.0, register_base=0x1000)
    assert say(twin, "03 10 00 00 04") == "03 08 00 40 00 05 00 01 7c 4f"


def test_sr05_below_zero_is_twos_complement():
    twin = HuksefluxSr05(1, offset_w_m2=-0.05, noise_w_m2=0.0)
    assert say(twin, "03 00 02 00 02") == "03 04 ff ff ff fb"


def test_calex_counts_writes_that_wear_its_memory():
    twin = CalexPyroMiniBus(3, source=lambda _now: 34.2, noise_c=0.0)
    assert say(twin, "03 00 0e 00 02") == "03 04 01 56 01 56"
    say(twin, "06 00 17 24 b8")
    assert twin.nonvolatile_writes == 0
    say(twin, "06 00 08 00 01")
    assert twin.nonvolatile_writes == 1


def test_wrong_options_are_refused_at_once():
    for options in ({"fed_by": "nobody"}, {"retriger": "ignore"}):
        device = {"twin": "wirenboard-mdm3", "line": "line", "options": options}
        with pytest.raises(ValueError, match="option"):
            SimStation.from_config({"lines": {"line": {}}, "devices": {"a": device}})


def test_wrong_wiring_is_refused_at_once():
    with pytest.raises(ValueError, match="does not exist"):
        SimStation.from_config({"lines": {}, "devices": {"a": {"twin": "icpdas-tm-r5", "line": "none"}}})


@pytest.mark.parametrize("kind", [Mdm3, TmR5, WaveshareRelay, WaveshareIo8, HuksefluxSr05, CalexPyroMiniBus])
def test_no_request_whatever_breaks_a_twin(kind: type[RegisterTwin]):
    random = Random(97026)
    twin = kind(1)
    for turn in range(3000):
        function = random.choice([1, 2, 3, 4, 5, 6, 15, 16, random.randrange(256)])
        address = random.choice([0, 1, 8, 90, 256, 480, 512, 648, 0x1000, random.randrange(65536)])
        rest = random.randbytes(random.randrange(9)) if turn % 2 else b"\0\1" + random.randbytes(random.randrange(5))
        pdu = bytes((function,)) + address.to_bytes(2, "big") + rest
        run(twin, turn * 0.1)
        reply = twin.handle(pdu[: random.randrange(1, 12)], turn * 0.1)
        assert reply[0] & 0x7F == function & 0x7F
        assert len(reply) <= 253
