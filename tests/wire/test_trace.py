"""A recorded conversation, played back."""

from pathlib import Path

import pytest

from irctl.bus.errors import LineDown
from irctl.bus.line import Line
from irctl.bus.modbus import ReadHolding, WriteCoil
from irctl.bus.port import MemoryPort
from irctl.bus.timing import LineTiming
from irctl.bus.trace import ReplayPort, TraceWriter, read_trace
from tests.wire.wires import MemoryWire, value_at

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


async def conversation(line: Line) -> list[object]:
    return [await line.transact(ReadHolding(1, 7, 2)), await line.transact(WriteCoil(2, 0, False))]


@pytest.fixture
async def recording(tmp_path: Path) -> Path:
    path = tmp_path / "trace.jsonl"
    writer = TraceWriter(path)
    for name in ("rs485", "other"):
        line = Line(name, MemoryPort(MemoryWire().attach), LineTiming.serial(9600), trace=writer.for_line(name))
        await line.start()
        assert await conversation(line) == [(value_at(1, 7), value_at(1, 8)), None]
        await line.close()
    writer.close()
    return path


async def test_a_recording_answers_as_the_devices_did(recording: Path) -> None:
    port = ReplayPort(recording, "rs485")
    line = Line("rs485", port, LineTiming.serial(9600))
    await line.start()
    assert await conversation(line) == [(value_at(1, 7), value_at(1, 8)), None]
    assert port.finished
    await line.close()


async def test_a_different_question_shows_both(recording: Path) -> None:
    line = Line("rs485", ReplayPort(recording, "rs485"), LineTiming.serial(9600))
    await line.start()
    with pytest.raises(LineDown, match=r"recorded 01 03 00 07 00 02 .* but 01 03 00 08 00 02 .* was sent"):
        await line.transact(ReadHolding(1, 8, 2))
    await line.close()


async def test_a_recording_holds_time_direction_and_bytes(recording: Path) -> None:
    records = read_trace(recording, "rs485")
    assert [record.direction for record in records] == ["tx", "tx", "rx", "tx", "rx"]  # the first is the echo test
    assert records[1].data[:2] == b"\x01\x03"
    assert records[2].at_s > records[1].at_s


def test_what_is_not_a_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"t": 1}\n')
    with pytest.raises(ValueError, match="line 1 is not a trace record"):
        read_trace(path, "rs485")
