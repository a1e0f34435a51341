"""Lines over scripted wires, closed again after each test."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from irctl.bus.bus import UnitTiming
from irctl.bus.line import Line
from irctl.bus.port import MemoryPort, SerialPort
from irctl.bus.timing import LineTiming
from tests.wire.wires import MemoryWire, PtyWire, Wire

TIMING = UnitTiming(timeout_s=0.08, reply_max_s=0.3)
# Real time: generous enough for a busy computer, short enough to be waited out.
PATIENT = UnitTiming(timeout_s=0.3, reply_max_s=0.35)

OpenLine = Callable[..., Awaitable[Line]]


@pytest.fixture
async def open_line() -> AsyncIterator[OpenLine]:
    """`await open_line(wire, baud=..., **options)`: a started line with units 1 to 4."""
    lines: list[Line] = []
    terminals: list[PtyWire] = []

    async def open_on(wire: Wire, baud: int = 115200, timing: UnitTiming | None = None, **options: object) -> Line:
        if isinstance(wire, PtyWire):
            port = SerialPort(wire.path, baud)
            terminals.append(wire)
        else:
            assert isinstance(wire, MemoryWire)
            port = MemoryPort(wire.attach)
        line = Line("rs485", port, LineTiming.serial(baud), **options)  # type: ignore[arg-type]
        for unit in range(1, 5):
            line.add_unit(unit, timing or (PATIENT if isinstance(wire, PtyWire) else TIMING))
        lines.append(line)
        await line.start()
        return line

    yield open_on
    for line in lines:
        await line.close()
    for wire in terminals:
        wire.unplug()
