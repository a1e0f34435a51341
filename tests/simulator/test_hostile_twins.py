"""Every Modbus twin under every fault, on both wires: the fault is in the bytes, and is told by the control socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from irctl_simulator import FaultError, SimStation
from irctl_simulator.control import answer
from irctl_simulator.faults import LIES
from irctl_simulator.modbus import parse_rtu, tcp_frame
from irctl_simulator.twins.registry import REGISTER_TWINS
from tests.simulator.test_twins_of_others import KNOWN
from tests.simulator.worlds import frame
from tests.virtual_time import run_virtual

UNIT = 17
LATE_S = 0.5
TRANSACTION = 0x2A17
FUNCTION = {"coil": 1, "holding": 3, "input": 4}

Heard = list[tuple[float, bytes]]
Found = Callable[[bytes, bytes], bool]


def cut(data: bytes, wire: str) -> tuple[int, bytes]:
    """Unit and PDU of one whole answer whose checksum or header is right."""
    if wire == "rtu":
        parsed = parse_rtu(data)
        assert parsed is not None, f"no frame: {data.hex(' ')}"
        return parsed
    assert int.from_bytes(data[:2], "big") == TRANSACTION
    assert int.from_bytes(data[4:6], "big") == len(data) - 6
    return data[6], data[7:]


def wrong_length(right: bytes, told: bytes) -> bool:
    return told[0] == right[0] and told[1] == right[1] - 1 == len(told) - 2


def is_exception(right: bytes, told: bytes) -> bool:
    return told == bytes((right[0] | 0x80, 4))


def differs_everywhere(right: bytes, told: bytes) -> bool:
    return len(told) == len(right) and all(one != other for one, other in zip(told, right, strict=True))


def wrong_function(right: bytes, told: bytes) -> bool:
    return told[0] != right[0] and told[0] < 0x80 and told[1:] == right[1:]


LIE_IN_PDU: dict[str, Found] = {"function": wrong_function, "length": wrong_length, "exception": is_exception}


async def heard_from(kind: str, wire: str, fault: dict[str, Any] | None) -> tuple[Heard, SimStation]:
    """One question by KNOWN to a new twin; times from the question on."""
    line = {"protocol": "modbus-tcp"} if wire == "tcp" else {"baud": 9600}
    device = {"twin": kind, "line": "line", "unit": UNIT, "jitter_s": 0.0}
    station = SimStation.from_config({"lines": {"line": line}, "devices": {"it": device}})
    if fault:
        told = json.loads(json.dumps({"do": "fault", "target": "it"} | fault))
        assert answer(station, json.dumps(told).encode()) == {"ok": True}
    loop = asyncio.get_running_loop()
    asked_at = loop.time()
    heard: Heard = []
    send = station.lines["line"].attach(lambda data: heard.append((loop.time() - asked_at, data)))
    area, at, values = KNOWN[kind]
    pdu = bytes((FUNCTION[area],)) + at.to_bytes(2, "big") + len(values).to_bytes(2, "big")
    send(frame((bytes((UNIT,)) + pdu).hex()) if wire == "rtu" else tcp_frame(TRANSACTION, UNIT, pdu))
    await asyncio.sleep(2.0)
    return heard, station


FAULTS: tuple[dict[str, Any], ...] = (
    *({"kind": "wrong_answer", "in": lie} for lie in LIES),
    {"kind": "silent"},
    {"kind": "late", "seconds": LATE_S},
    {"kind": "twice"},
)


@pytest.mark.parametrize("wire", ["rtu", "tcp"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.get("in", fault["kind"])))
@pytest.mark.parametrize("kind", [twin.kind for twin in REGISTER_TWINS])
def test_the_fault_is_in_the_bytes(kind: str, fault: dict[str, Any], wire: str):
    async def main() -> None:
        ((usual_s, right),), _ = await heard_from(kind, wire, None)
        unit, pdu = cut(right, wire)
        assert (unit, pdu[0]) == (UNIT, FUNCTION[KNOWN[kind][0]]), "a new twin answers rightly"
        heard, _ = await heard_from(kind, wire, fault)
        whole = b"".join(data for _, data in heard)
        match fault.get("in", fault["kind"]):
            case "silent":
                assert heard == []
            case "late":
                assert whole == right
                assert heard[0][0] == pytest.approx(usual_s + LATE_S)
            case "twice":
                assert whole == right * 2
            case "unit":
                told_unit, told = cut(whole, wire)
                assert told == pdu
                assert told_unit != UNIT
            case "garbage" if wire == "rtu":
                assert differs_everywhere(right, whole)
            case "garbage":
                assert differs_everywhere(pdu, cut(whole, wire)[1])
            case lie:
                told_unit, told = cut(whole, wire)
                assert told_unit == UNIT
                assert LIE_IN_PDU[lie](pdu, told), told.hex(" ")

    run_virtual(main())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.get("in", fault["kind"])))
def test_a_fault_is_shown_and_ends_when_mended(fault: dict[str, Any]):
    async def main() -> None:
        _, station = await heard_from("waveshare-relay", "rtu", fault)
        shown = answer(station, b'{"do": "state"}')["state"]["devices"]["it"]
        name = "late_s" if fault["kind"] == "late" else fault["kind"]
        assert shown[name] == fault.get("in", fault.get("seconds", True))
        assert answer(station, b'{"do": "clear"}') == {"ok": True}
        mended = answer(station, b'{"do": "state"}')["state"]["devices"]["it"]
        assert not mended[name]

    run_virtual(main())


def test_another_lie_is_refused_with_those_there_are():
    async def main() -> None:
        _, station = await heard_from("waveshare-relay", "rtu", None)
        with pytest.raises(FaultError, match="unit or function or length or exception or garbage"):
            station.set_fault("it", "wrong_answer", **{"in": "colour"})

    run_virtual(main())
