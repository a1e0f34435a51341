"""`irctl mqtt`: what the lamps are doing, told to a broker."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.systemd import Systemd

if TYPE_CHECKING:
    from irctl.mqtt.bridge import Bridge

ALIVE_S = 1.0


def mqtt(*, config: Annotated[Path, Parameter(help="The file that names broker and stations, TOML.")]) -> int:
    """Tell an MQTT broker what the lamps are doing. It only tells: nothing that anybody says to the broker is heard.

    irctl mqtt --config mqtt.toml

    Runs until Ctrl-C or SIGTERM. Topics: docs/how-to/publish-to-mqtt.md.
    """
    from irctl.mqtt.bridge import Bridge
    from irctl.mqtt.settings import load_mqtt, password, trusted

    file = load_mqtt(config)
    secret, tls = password(config, file), trusted(config, file)
    asyncio.run(_run([Bridge(file, name, secret, tls, _log) for name in file.stations]))
    return exits.OK


async def _run(bridges: Iterable[Bridge]) -> None:
    ending, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: loop.call_soon_threadsafe(ending.set))
    systemd = Systemd()
    systemd.tell("READY=1")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_live(systemd)), *(group.create_task(bridge.run()) for bridge in bridges)]
        await ending.wait()
        systemd.tell("STOPPING=1")
        for task in tasks:
            task.cancel()


async def _live(systemd: Systemd) -> None:
    while True:
        systemd.alive()
        await asyncio.sleep(ALIVE_S)


def _log(text: str) -> None:
    say.console(stderr=True).print(f"irctl mqtt: {say.escape(text)}", soft_wrap=True)
