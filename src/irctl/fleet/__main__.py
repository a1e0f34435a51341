"""`python -m irctl.fleet`: the door, as a child of the supervisor. People run `irctl serve`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from irctl.domain.problems import Refused
from irctl.fleet.door import Door
from irctl.listening import listen
from irctl.rope import Rope

BEAT_S = 1.0
SILENCE_MAX_S = 15.0
RETRY_S = 2.0
"""At the start of a computer its address may come later than this process."""
NICENESS = 10
"""Late is dangerous for the controller, which shares the computer with this; here it is not."""


def main() -> int:
    options = _options()
    rope = Rope("the door")
    if sys.platform != "win32":
        with suppress(OSError):
            os.nice(NICENESS)
    asyncio.run(_run(options, rope))
    return 0


async def _run(options: argparse.Namespace, rope: Rope) -> None:
    loop, ending = asyncio.get_running_loop(), asyncio.Event()

    def end(*_why: object) -> None:
        loop.call_soon_threadsafe(ending.set)

    rope.hold(end)
    signal.signal(signal.SIGTERM, end)
    controller = urlsplit(str(options.url))
    door = Door(options.state, (controller.hostname or "127.0.0.1", controller.port or 80), _log)
    work = [asyncio.create_task(_beat(rope)), asyncio.create_task(_keep(door, options, rope))]
    await asyncio.wait({asyncio.create_task(ending.wait()), *work}, return_when=asyncio.FIRST_COMPLETED)
    for task in work:
        if task.done():
            task.result()
        task.cancel()


async def _keep(door: Door, options: argparse.Namespace, rope: Rope) -> None:
    told = ""
    while True:
        try:
            listening = listen(options.host, options.port, "fleet.port", "Choose another: [fleet] port")
            break
        except Refused as refused:
            if told != (told := str(refused)):
                _log(told)
            await asyncio.sleep(RETRY_S)
    host, port = listening.getsockname()[:2]
    _log(f"listening at {host}:{port}")
    rope.serving(silence_max_s=SILENCE_MAX_S, pid=os.getpid(), url=f"https://{host}:{port}")
    await door.keep(listening)


async def _beat(rope: Rope) -> None:
    while True:
        rope.beat()
        await asyncio.sleep(BEAT_S)


def _log(text: str) -> None:
    print(json.dumps({"at": datetime.now(UTC).isoformat(), "event": "door", "text": text}), file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m irctl.fleet", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--url", required=True, help="of the controller on this machine")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
