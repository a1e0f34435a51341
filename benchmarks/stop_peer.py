"""The other program in the stop benchmark: pymodbus's asynchronous serial client as a user would write it. A process of its own.

`python -m benchmarks.stop_peer PORT TIMEOUT_S RETRIES broadcast|addressed`. It polls eight units in turn; each line on stdin is a stop, in the
form kindest to it: polling pauses by itself after the request under way, so OFF waits for nothing but that.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress

from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusException

UNITS = range(1, 9)
RELAY, ALL_RELAYS = 0x0000, 0x00FF
TURNAROUND_S = 0.1
"""After a broadcast. Without it the client glues the next frame to this one, and no unit understands either."""


async def main(port: str, timeout_s: float, retries: int, broadcast: bool) -> None:
    client = AsyncModbusSerialClient(port, baudrate=9600, timeout=timeout_s, retries=retries)
    if not await client.connect():
        raise SystemExit(f"cannot open {port}")
    stopping, line = asyncio.Event(), asyncio.Lock()

    async def poll() -> None:
        while True:
            for unit in UNITS:
                if stopping.is_set():
                    await asyncio.sleep(0.001)
                    continue
                async with line:
                    with suppress(ModbusException):
                        await client.read_coils(RELAY, count=1, device_id=unit)

    async def stop() -> None:
        if broadcast:
            async with line:
                await client.write_coil(ALL_RELAYS, False, device_id=0, no_response_expected=True)
                await asyncio.sleep(TURNAROUND_S)
        for unit in UNITS:
            async with line:
                with suppress(ModbusException):
                    await client.write_coil(RELAY, False, device_id=unit)

    polling = asyncio.create_task(poll())
    stdin = await _stdin()
    while await stdin.readline():
        stopping.set()
        await stop()
        stopping.clear()
    polling.cancel()
    client.close()


async def _stdin() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


if __name__ == "__main__":
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "broadcast"))
