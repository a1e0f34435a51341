"""The line in memory and virtual time: pace, collisions, debts, faults, the whole treatment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from irctl_simulator import FaultError, SimStation, WireEvent
from irctl_simulator.wire import SerialFormat
from tests.simulator.worlds import MemoryHost, a_line_with, demo_station, frame
from tests.virtual_time import run_virtual

CHAR_S = 10 / 9600


def test_characters_have_their_bits():
    assert SerialFormat(9600, "8N1").char_s == 10 / 9600
    assert SerialFormat(9600, "8N2").char_s == 11 / 9600
    assert SerialFormat(19200, "8E1").char_s == 11 / 19200
    assert SerialFormat(9600, "8E1").t35_s == pytest.approx(4.01e-3, abs=1e-5)
    assert SerialFormat(115200).t35_s == 1.75e-3


def test_a_transaction_takes_the_time_of_its_bytes():
    async def main() -> None:
        station = a_line_with("waveshare-relay")
        host = MemoryHost(station.lines["line"])
        events: list[WireEvent] = []
        station.lines["line"].observers.append(events.append)
        assert await host.ask("01 05 00 00 ff 00") == "01 05 00 00 ff 00"
        request, reply = events
        assert (request.direction, request.at, request.ok) == ("host", pytest.approx(8 * CHAR_S), True)
        assert request.data == frame("01 05 00 00 ff 00")
        assert (reply.direction, reply.device) == ("device", "it")
        answered = 8 * CHAR_S + 3.5 * CHAR_S + 8 * CHAR_S
        assert answered + 0.004 <= reply.at <= answered + 0.005  # device latency 4 ms, jitter 1 ms
        assert host.heard[0][0] == pytest.approx(reply.at)

    run_virtual(main())


def test_broadcast_is_obeyed_in_silence():
    async def main() -> None:
        station = a_line_with("waveshare-relay")
        host = MemoryHost(station.lines["line"])
        await host.ask("01 05 00 00 ff 00")
        assert await host.ask("00 05 00 ff 00 00") == ""
        assert station.devices["it"].outputs() == [0.0] * 8

    run_virtual(main())


def test_other_units_and_wrong_checksums_meet_silence():
    async def main() -> None:
        host = MemoryHost(a_line_with("waveshare-relay").lines["line"])
        assert await host.ask("02 01 00 00 00 08") == ""
        host.send(b"\x01\x01\x00\x00\x00\x08\x00\x00")
        await asyncio.sleep(0.1)
        assert host.heard == []

    run_virtual(main())


def test_glued_frames_are_one_unreadable_frame():
    async def main() -> None:
        station = a_line_with("waveshare-relay")
        host = MemoryHost(station.lines["line"])
        host.send(frame("01 05 00 00 ff 00"))
        host.send(frame("01 05 00 01 ff 00"))
        await asyncio.sleep(0.2)
        assert host.heard == []
        assert station.devices["it"].outputs() == [0.0] * 8

    run_virtual(main())


@pytest.mark.parametrize(("wait_s", "understood"), [(0.0, False), (1.4 * CHAR_S, False), (3.5 * CHAR_S, True)])
def test_a_frame_too_soon_after_a_reply_is_not_understood(wait_s: float, understood: bool):
    async def main() -> None:
        station = a_line_with("waveshare-relay")
        line = station.lines["line"]
        replied = asyncio.Event()
        heard: list[bytes] = []

        def receive(data: bytes) -> None:
            heard.append(data)
            replied.set()

        send = line.attach(receive)
        send(frame("01 05 00 00 ff 00"))
        await replied.wait()
        await asyncio.sleep(wait_s)
        send(frame("01 05 00 00 00 00"))
        await asyncio.sleep(0.1)
        assert (len(heard) == 2) is understood
        assert station.devices["it"].output(1) == (0.0 if understood else 1.0)

    run_virtual(main())


def test_talking_over_a_reply_spoils_both():
    async def main() -> None:
        station = a_line_with("waveshare-relay")
        host = MemoryHost(station.lines["line"])
        host.send(frame("01 05 00 00 ff 00"))
        await asyncio.sleep(8 * CHAR_S + 3.5 * CHAR_S + 0.007)  # the reply is under way
        host.send(frame("01 05 00 00 00 00"))
        await asyncio.sleep(0.2)
        assert len(host.heard) == 1
        assert host.heard[0][1] != frame("01 05 00 00 ff 00")
        assert station.devices["it"].output(1) == 1.0, "the OFF was spoiled"

    run_virtual(main())


@pytest.mark.parametrize(("while_busy", "obeyed"), [("ignore", False), ("queue", True)])
def test_a_device_that_owes_a_reply_obeys_nothing_before_it(while_busy: str, obeyed: bool):
    async def main() -> None:
        station = SimStation.from_config(
            {
                "lines": {"line": {"while_busy": while_busy}},
                "devices": {"it": {"twin": "waveshare-relay", "line": "line", "latency_s": 0.2, "jitter_s": 0.0}},
            }
        )
        host = MemoryHost(station.lines["line"])
        host.send(frame("01 05 00 00 ff 00"))
        await asyncio.sleep(0.05)
        host.send(frame("01 05 00 00 00 00"))
        await asyncio.sleep(0.1)
        assert station.devices["it"].output(1) == 1.0
        await asyncio.sleep(0.5)
        assert station.devices["it"].output(1) == (0.0 if obeyed else 1.0)
        assert host.heard[0][1] == frame("01 05 00 00 ff 00"), "the owed reply came through untouched"

    run_virtual(main())


def ask_with(kind: str, text: str, target: str = "it", **params: Any) -> tuple[str, SimStation, MemoryHost]:
    """One question to a relay module under a fault; the reply, or whatever came as raw hex."""

    async def main() -> tuple[str, SimStation, MemoryHost]:
        station = a_line_with("waveshare-relay")
        host = MemoryHost(station.lines["line"])
        station.set_fault(target, kind, **params)
        host.send(frame(text))
        await asyncio.sleep(0.5)
        return b"|".join(data for _, data in host.heard).hex(), station, host

    return run_virtual(main())


ON = "01 05 00 00 ff 00"


def test_silent_still_acts():
    heard, station, _ = ask_with("silent", ON)
    assert heard == ""
    assert station.devices["it"].output(1) == 1.0


@pytest.mark.parametrize("kind", ["unpowered", "dead"])
def test_unpowered_neither_answers_nor_acts(kind: str):
    heard, station, _ = ask_with(kind, ON)
    assert heard == ""
    assert station.devices["it"].output(1) == 0.0


def test_late_comes_late():
    _, _, host = ask_with("late", ON, seconds=0.25)
    assert host.heard[0][0] > 0.25


def test_echo_comes_first_and_alone_if_nobody_is_there():
    heard, _, host = ask_with("echo", ON, target="line")
    assert [data for _, data in host.heard] == [frame(ON), frame(ON)]
    heard, station, host = ask_with("echo_only", ON, target="line")
    assert bytes.fromhex(heard) == frame(ON)
    assert station.devices["it"].output(1) == 0.0


def test_wrong_echo_names_another_address_or_value():
    heard, _, _ = ask_with("wrong_echo", ON)
    assert bytes.fromhex(heard) == frame("01 05 00 01 ff 00")
    heard, _, _ = ask_with("wrong_echo", ON, field="value")
    assert bytes.fromhex(heard) == frame("01 05 00 00 ff 01")


def test_corrupt_reply_arrives_with_a_wrong_checksum():
    heard, _, _ = ask_with("corrupt", ON, next=1)
    assert len(bytes.fromhex(heard)) == 8
    assert bytes.fromhex(heard) != frame(ON)


def test_welded_contact_stays_closed_while_its_coil_reads_off():
    async def main() -> None:
        station = a_line_with("waveshare-relay")
        host = MemoryHost(station.lines["line"])
        station.set_fault("it.1", "welded")
        await host.ask("01 05 00 00 00 00")
        assert await host.ask("01 01 00 00 00 08") == "01 01 01 00"
        assert station.devices["it"].outputs() == [1.0] + [0.0] * 7
        station.clear_faults()
        assert station.devices["it"].output(1) == 0.0

    run_virtual(main())


def test_a_rebooting_device_is_away_for_a_while():
    async def main() -> None:
        station = a_line_with("waveshare-relay")
        host = MemoryHost(station.lines["line"])
        await host.ask(ON)
        station.set_fault("it", "reboot", seconds=1.0)
        assert await host.ask("01 01 00 00 00 08") == ""
        await asyncio.sleep(1.0)
        assert await host.ask("01 01 00 00 00 08") == "01 01 01 00"

    run_virtual(main())


def test_unplugged_hosts_are_told_and_must_attach_again():
    async def main() -> None:
        station = a_line_with("waveshare-relay")
        line = station.lines["line"]
        host = MemoryHost(line)
        host.send(frame(ON))
        station.set_fault("line", "unplug")
        assert host.lost
        with pytest.raises(ConnectionError):
            line.attach(lambda _data: None)
        await asyncio.sleep(0.2)
        assert host.heard == []
        station.set_fault("line", "replug")
        assert await MemoryHost(line).ask(ON) == ON

    run_virtual(main())


@pytest.mark.parametrize(
    ("target", "kind", "params"),
    [
        ("nobody", "silent", {}),
        ("dimmer", "mains", {}),
        ("dimmer", "late", {}),
        ("dimmer", "late", {"seconds": "soon"}),
        ("dimmer", "late", {"seconds": -1}),
        ("dimmer", "silent", {"seconds": 1}),
        ("dimmer", "gain", {"factor": 2}),
        ("dimmer.9", "stuck_output", {}),
        ("skin", "welded", {}),
        ("io", "open_contact", {}),
        ("left", "silent", {}),
        ("left", "replaced", {"factor": 1.0}),
        ("left", "replaced", {"serial": " ", "factor": 1.0}),
        ("left", "replaced", {"serial": "SIM-L-002"}),
        ("left", "dirty", {}),
        ("left", "dirty", {"factor": 1.1}),
        ("left", "dirty", {"factor": 0.9, "virtual_source_cm": -1}),
        ("left", "ageing", {"factor": 0.9, "loss_pct_per_h": 100}),
        ("left", "unsteady", {"percent": 3}),
        ("left", "unsteady", {"percent": 30, "seconds": 60}),
        ("left", "unsteady", {"percent": 3, "seconds": 60, "shape": "square"}),
        ("meter", "misplaced", {}),
        ("meter", "misplaced", {"cm": "near"}),
        ("radiometer", "misplaced", {"cm": 1}),
        ("meter", "range", {"mw_cm2": float("nan")}),
        ("skin", "range", {"mw_cm2": 50}),
    ],
)
def test_impossible_faults_are_refused(target: str, kind: str, params: dict[str, object]):
    with pytest.raises(FaultError):
        demo_station().set_fault(target, kind, **params)


def test_interlocks_open_and_close():
    async def main() -> None:
        station = demo_station()
        host = MemoryHost(station.lines["safety-line"])
        assert await host.ask("02 02 00 00 00 08") == "02 02 01 03"
        station.set_fault("door", "open_contact")
        assert await host.ask("02 02 00 00 00 08") == "02 02 01 01"
        station.set_fault("io.1", "open_contact")
        assert await host.ask("02 02 00 00 00 08") == "02 02 01 00"
        station.clear_faults()
        assert await host.ask("02 02 00 00 00 08") == "02 02 01 03"

    run_virtual(main())


async def light_left(station: SimStation, level: int = 50) -> tuple[MemoryHost, MemoryHost]:
    lamp, safety = MemoryHost(station.lines["lamp-line"]), MemoryHost(station.lines["safety-line"])
    assert await lamp.ask("0c 06 02 88 00 01")
    assert await lamp.ask(f"0c 06 00 00 00 {level:02x}")
    assert await lamp.ask("0c 05 00 00 ff 00")
    assert await safety.ask("01 05 00 00 ff 00")
    return lamp, safety


def test_light_needs_dimmer_and_contactor():
    async def main() -> None:
        station = demo_station()
        _, safety = await light_left(station)
        assert station.truth("left").powered
        assert not station.truth("right").powered
        await safety.ask("01 05 00 00 00 00")
        assert not station.truth("left").powered
        assert len(station.truth("left").on_intervals) == 1

    run_virtual(main())


def test_an_abandoned_lamp_goes_dark_by_its_dimmer_alone():
    async def main() -> None:
        station = demo_station()
        await light_left(station, 100)
        await asyncio.sleep(60)
        truth = station.truth("left")
        assert not truth.powered
        ((on, off),) = truth.on_intervals
        assert off is not None
        # 10 s of safety poll timeout after the last frame to the dimmer, then a ramp of 1 s
        assert 10.5 < off - on < 11.5

    run_virtual(main())


def test_a_stuck_dimmer_needs_the_contactor():
    async def main() -> None:
        station = demo_station()
        lamp, safety = await light_left(station, 100)
        await asyncio.sleep(2.0)
        station.set_fault("dimmer.1", "stuck_output")
        await lamp.ask("0c 05 00 00 00 00")
        await asyncio.sleep(2.0)
        assert await lamp.ask("0c 03 00 5a 00 01") == "0c 03 02 00 00", "the register believes it is off"
        assert station.truth("left").powered
        await safety.ask("01 05 00 00 00 00")
        assert not station.truth("left").powered

    run_virtual(main())


async def treat(seed: int, seconds: int) -> list[tuple[float, bytes]]:
    """Everything three hosts hear of a treatment of the left lamp."""
    station = demo_station(seed)
    lamp, safety = await light_left(station)
    sensor = MemoryHost(station.lines["sensor-line"])
    for _ in range(seconds):
        await lamp.ask("0c 03 00 5a 00 01")
        await sensor.ask("01 03 00 02 00 02")
        await safety.ask("03 03 00 0e 00 02")
        await asyncio.sleep(0.9)
    return lamp.heard + safety.heard + sensor.heard


def test_the_same_seed_gives_the_same_bytes_at_the_same_times():
    assert run_virtual(treat(7, 30)) == run_virtual(treat(7, 30))
    assert run_virtual(treat(7, 30)) != run_virtual(treat(8, 30))


def test_a_whole_treatment_reads_true():
    async def main() -> None:
        station = demo_station()
        lamp, _ = await light_left(station)
        sensor, reads = MemoryHost(station.lines["sensor-line"]), 600
        for _ in range(reads):
            await lamp.ask("0c 03 00 5a 00 01")
            await asyncio.sleep(1.98)
        ((level, steady),) = station.calibration_points("left", 50.0, [50])
        assert level == 50
        assert steady == pytest.approx(95.0 * 0.5**0.8, rel=0.001)
        reply = bytes.fromhex(await sensor.ask("01 03 00 02 00 02"))
        assert int.from_bytes(reply[3:], "big") / 1000 == pytest.approx(steady, rel=0.005)  # 0.01 W/m2 -> mW/cm2
        truth = station.truth("left")
        assert truth.fluence_j_cm2 == pytest.approx(truth.powered_s * steady / 1000, rel=0.005)
        assert 38.5 < truth.peak_skin_c < 40.5
        assert truth.peak_irradiance_mw_cm2 == pytest.approx(steady, rel=1e-3)

    run_virtual(main())


def test_a_frozen_or_scaled_sensor_lies_as_told():
    async def main() -> None:
        station = demo_station()
        await light_left(station, 100)
        await asyncio.sleep(5)
        sensor = MemoryHost(station.lines["sensor-line"])
        before = await sensor.ask("01 03 00 02 00 02")
        station.set_fault("radiometer", "frozen")
        await asyncio.sleep(30)
        assert await sensor.ask("01 03 00 02 00 02") == before
        station.clear_faults()
        station.set_fault("radiometer", "gain", factor=0.0)
        reading = bytes.fromhex(await sensor.ask("01 03 00 02 00 02"))
        assert abs(int.from_bytes(reading[3:], "big", signed=True)) < 200  # noise only, 0.01 W/m2

    run_virtual(main())


def mbap(transaction: int, unit: int, pdu: str) -> bytes:
    body = bytes((unit,)) + bytes.fromhex(pdu)
    return transaction.to_bytes(2, "big") + b"\0\0" + len(body).to_bytes(2, "big") + body


def test_over_modbus_tcp_a_slow_device_holds_nobody_up():
    async def main() -> None:
        station = SimStation.from_config(
            {
                "lines": {"net": {"protocol": "modbus-tcp"}},
                "devices": {
                    "slow": {"twin": "waveshare-relay", "line": "net", "unit": 1, "latency_s": 1.0},
                    "fast": {"twin": "waveshare-relay", "line": "net", "unit": 2},
                },
            }
        )
        host = MemoryHost(station.lines["net"])
        stream = mbap(1, 1, "05 00 00 ff 00") + mbap(2, 2, "05 00 00 ff 00") + mbap(3, 9, "01 00 00 00 01")
        host.send(stream[:5])
        host.send(stream[5:])
        await asyncio.sleep(2.0)
        assert [data for _, data in host.heard] == [
            mbap(3, 9, "81 0b"),
            mbap(2, 2, "05 00 00 ff 00"),
            mbap(1, 1, "05 00 00 ff 00"),
        ]

    run_virtual(main())
