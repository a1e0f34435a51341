"""Every Modbus twin read by clients that others wrote: pymodbus over RTU on a terminal and over TCP, mbpoll where it is installed; and the manuals' own frames."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from irctl_simulator.modbus import rtu_frame
from irctl_simulator.twins.base import RegisterTwin
from irctl_simulator.twins.registry import REGISTER_TWINS, TWINS
from tests.simulator.test_served import Served

KNOWN: dict[str, tuple[str, int, list[int]]] = {
    "wirenboard-mdm3": ("holding", 8, [10]),
    "icpdas-tm-r5": ("holding", 484, [0]),
    "waveshare-relay": ("holding", 0x8000, [400]),
    "waveshare-io8": ("holding", 0x8000, [400]),
    "hukseflux-sr05": ("holding", 40, [2741]),
    "calex-pyrominibus": ("holding", 0, [17]),
    "icpdas-tm-da1p1r1": ("holding", 484, [0]),
    "wirenboard-mr6c-v3": ("holding", 8, [10]),
    "wirenboard-mao4": ("holding", 8, [10]),
    "jy-dam": ("coil", 0, [0]),
    "pixsys-drr245": ("holding", 1016, [0]),
    "riden-rd60xx": ("holding", 0, [60062]),
    "apogee-sp": ("holding", 12, [0x3F99, 0x999A]),
    "kipp-zonen-smp": ("input", 0, [602]),
    "r4dcb08": ("holding", 253, [0]),
    "moxa-e1210": ("input", 5000, [0x4531]),
    "adam-6050": ("coil", 11, [0]),
    "beckhoff-ek9000": ("holding", 0x1120, [1000]),
    "beckhoff-bk9000": ("holding", 0x1120, [1000]),
}
"""What each reads when new; a 0 at 484 stands for its own address."""
UNITS = {kind: unit for unit, kind in enumerate(KNOWN, start=1)}


def expected(kind: str) -> list[int]:
    _area, at, values = KNOWN[kind]
    return [UNITS[kind]] if at == 484 else values


def station(protocol: str) -> str:
    text = f'[lines.wire]\nprotocol = "{protocol}"\nbaud = 38400\nformat = "8N1"\n'
    for kind, unit in UNITS.items():
        text += f'\n[devices.{kind}]\ntwin = "{kind}"\nline = "wire"\nunit = {unit}\n'
    return text


@pytest.fixture(scope="module", params=["rtu", "modbus-tcp"])
def wire(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "sim.toml").write_text(station(request.param), "utf-8")
    served = Served(folder, "--config", str(folder / "sim.toml"))
    yield served.endpoints["lines"]["wire"]
    served.stop()


def test_every_modbus_twin_is_in_the_table() -> None:
    assert set(KNOWN) == {twin.kind for twin in REGISTER_TWINS}


def test_pymodbus_reads_every_twin(wire: str) -> None:
    client: Any
    if wire.startswith("tcp://"):
        host, _, port = wire.removeprefix("tcp://").rpartition(":")
        client = ModbusTcpClient(host, port=int(port), timeout=2)
    else:
        client = ModbusSerialClient(wire, baudrate=38400, timeout=2)
    assert client.connect()
    try:
        for kind, (area, at, values) in KNOWN.items():
            ask = {
                "holding": client.read_holding_registers,
                "input": client.read_input_registers,
                "coil": client.read_coils,
            }
            answer = ask[area](at, count=len(values), device_id=UNITS[kind])
            assert not answer.isError(), kind
            found = [int(bit) for bit in answer.bits[: len(values)]] if area == "coil" else answer.registers
            assert found == expected(kind), kind
    finally:
        client.close()


@pytest.mark.skipif(shutil.which("mbpoll") is None and os.environ.get("CI") != "true", reason="mbpoll is not installed")
def test_mbpoll_reads_every_twin(wire: str) -> None:
    table = {"holding": "4", "input": "3", "coil": "0"}
    for kind, (area, at, _values) in KNOWN.items():
        where, target = ("-m", "rtu", "-b", "38400", "-P", "none", "-s", "1"), wire
        if wire.startswith("tcp://"):
            target, _, port = wire.removeprefix("tcp://").rpartition(":")
            where = ("-m", "tcp", "-p", port)
        words = [
            "mbpoll",
            *where,
            "-a",
            str(UNITS[kind]),
            "-0",
            "-1",
            "-t",
            table[area],
            "-r",
            str(at),
            "-c",
            "1",
            target,
        ]
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
        first = expected(kind)[0]
        shown = first if first < 0x8000 else f"{first} ({first - 0x10000})"
        assert f"[{at}]: \t{shown}" in done.stdout, (kind, done.stdout, done.stderr)


GOLDEN: tuple[tuple[str, int, str, str], ...] = (
    ("r4dcb08", 1, "03 00 00 00 01", "03 02 00 db"),
    ("icpdas-tm-da1p1r1", 1, "06 01 e8 00 14", "06 01 e8 00 14"),
    ("icpdas-tm-da1p1r1", 1, "05 01 04 ff 00", "05 01 04 ff 00"),
    ("jy-dam", 0xFE, "10 00 03 00 02 04 00 04 00 0a", "10 00 03 00 02"),
    ("riden-rd60xx", 1, "06 00 12 00 00", "06 00 12 00 00"),
)
"""Twin, unit, question and answer as the makers' texts print them (docs of the devices, addresses from 0)."""


@pytest.mark.parametrize(("kind", "unit", "asked", "answered"), GOLDEN)
def test_a_twin_speaks_as_its_manual_prints(kind: str, unit: int, asked: str, answered: str) -> None:
    options = {"source": lambda _now: 21.9, "noise_c": 0.0} if kind == "r4dcb08" else {}
    twin: Any = TWINS[kind]
    made: RegisterTwin = twin(1, 0.0, **options)
    assert made.answers_to(unit)
    assert made.handle(bytes.fromhex(asked), 1.0).hex(" ") == answered
    assert rtu_frame(0xFE, bytes.fromhex("10 00 03 00 02 04 00 04 00 0a")).hex() == "fe10000300020400" + "04000a416b"


def test_a_relay_that_is_closed_for_a_time_opens_by_itself() -> None:
    twin: Any = TWINS["jy-dam"](1)  # type: ignore[call-arg]
    twin.handle(bytes.fromhex("10 00 03 00 02 04 00 04 00 0a"), 5.0)
    assert twin.output(1) == 1.0
    twin.advance(5.99)
    assert twin.output(1) == 1.0
    twin.advance(6.0)
    assert twin.output(1) == 0.0


def test_too_many_registers_at_once_are_not_answered_at_all() -> None:
    twin: Any = TWINS["riden-rd60xx"](1)  # type: ignore[call-arg]
    assert twin.handle(bytes.fromhex("03 00 00 00 15"), 0.0) == b""


def test_settings_wait_for_their_commit() -> None:
    twin: Any = TWINS["apogee-sp"](1)  # type: ignore[call-arg]
    twin.handle(bytes.fromhex("10 00 10 00 02 04 40 e0 00 00"), 0.0)  # address 7.0
    assert twin.unit == 1
    twin.handle(bytes.fromhex("10 00 64 00 01 02 00 01"), 0.0)
    assert twin.unit == 7
