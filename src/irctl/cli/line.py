"""`irctl line …`: who is on a line, and what goes over it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json, To
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.devices.scanning import Seen

_TO = To()
LOOK_EVERY_S = 0.5
TIMEOUT_S = 0.15
"""Until a device must have begun to answer; the slowest that irctl knows take 100 ms."""


@dataclass(frozen=True)
class Found:
    baud: int
    format: str
    seen: Seen


def scan(
    port: Annotated[
        str, Parameter(help="As in a station file: /dev/ttyUSB0, COM3, socket://HOST:PORT, tcp://HOST:502.")
    ],
    /,
    *,
    baud: Annotated[tuple[int, ...], Parameter(help="May be said again for more.")] = (9600, 19200),
    format: Annotated[tuple[str, ...], Parameter(help="May be said again for more.")] = ("8N1", "8N2", "8E1"),
    units: Annotated[str, Parameter(help="Addresses, as 1-32 or 1,5,12.")] = "1-32",
    timeout: Annotated[float, Parameter(help="Seconds until an answer must have begun.")] = TIMEOUT_S,
    json: Json = False,
) -> int:
    """Look for Modbus devices: every address, with every line format, by reads that change nothing. Only while no controller runs on the line.

    irctl line scan /dev/ttyUSB0 --baud 9600 --units 1-247

    A device that is found is asked by every driver that needs no options whether it knows it. Exit code 1 when nobody answers.
    """
    wanted = _units(units)
    tcp = port.startswith("tcp://")
    settings = [(0, "")] if tcp else [(one, like) for one in baud for like in format]
    found = asyncio.run(_scan(port, settings, wanted, timeout, quiet=json))
    if json:
        say.as_json([_told(one) for one in found])
        return exits.OK if found else exits.FAILED
    out = say.console()
    if not found:
        out.print("Nobody answers. Check power, A and B, termination, and try --baud, --format and --units.")
        return exits.FAILED
    rows = [
        (
            f"{one.seen.unit}",
            "–" if tcp else f"{one.baud} {one.format}",
            say.escape("; ".join(f"{name}: {_who(identity)}" for name, identity in one.seen.known))
            or "no driver knows it",
        )
        for one in found
    ]
    out.print(say.table(("unit", "line", "is"), rows))
    return exits.OK


def watch(
    line: Annotated[str, Parameter(help="A line of the station file.")],
    /,
    *,
    seconds: Annotated[float | None, Parameter(help="How long; default until Ctrl-C.")] = None,
    to: To = _TO,
) -> None:
    """The frames of one of a running controller's lines as they go by, decoded.

    irctl line watch dimmer-line
    """
    number, end = 0, None if seconds is None else time.monotonic() + seconds
    out = say.console()
    with suppress(KeyboardInterrupt):
        while end is None or time.monotonic() < end:
            answer = to.controller.get(f"/v1/lines/{quote(line, safe='')}/trace?after={number}")
            for frame in answer["frames"]:
                number = max(number, frame["number"])
                if to.json:
                    say.as_json(frame)
                else:
                    out.print(_frame(frame), soft_wrap=True)
            time.sleep(LOOK_EVERY_S)


def _frame(frame: dict[str, Any]) -> str:
    arrow = "→" if frame["direction"] == "tx" else "←"
    unit = "" if frame["unit"] is None else f"unit {frame['unit']}"
    verdict = {None: "", True: "", False: "[bold red]✗[/] "}[frame["ok"]]
    note = f"  [red]{say.escape(frame['note'])}[/]" if frame["note"] else ""
    return (
        f"{frame['at_s']:>12.3f}  {arrow} {verdict}{unit:8} {say.escape(frame['name']):24} [dim]{frame['hex']}[/]{note}"
    )


async def _scan(
    port: str, settings: list[tuple[int, str]], units: list[int], timeout: float, *, quiet: bool
) -> list[Found]:
    from rich.progress import Progress

    from irctl.bus.bus import UnitTiming
    from irctl.bus.line import Line
    from irctl.bus.port import open_port
    from irctl.bus.tcp import TcpLine
    from irctl.bus.timing import LineTiming
    from irctl.devices.finding import every_driver
    from irctl.devices.scanning import scan as look

    drivers = every_driver()
    found: list[Found] = []
    for baud, format in settings:
        try:
            opened = open_port(port, baud or 9600, format or "8N1")
        except ValueError as error:
            raise Refused([Problem("port", port, str(error), "Name it as in a station file")]) from None
        line = Line("scan", opened, LineTiming.serial(baud, format)) if baud else TcpLine("scan", opened)
        await line.start()
        try:
            if not line.state.is_up:
                remedy = "Check the name, its rights, and that no controller has it open"
                raise Refused([Problem("port", port, line.state.reason, remedy)])
            shown = f"{port} {baud} {format}" if baud else port
            with Progress(console=say.console(stderr=True), transient=True, disable=quiet) as progress:
                task = progress.add_task(f"Asking on {shown}", total=len(units))
                async for _, seen in look(line, units, drivers, UnitTiming(timeout, 2 * timeout)):
                    progress.advance(task)
                    if seen is not None:
                        found.append(Found(baud, format, seen))
        finally:
            await line.close()
    return found


def _units(said: str) -> list[int]:
    """ "1-3,7" -> 1, 2, 3, 7. Raises Refused."""
    try:
        units = [one for part in said.split(",") for one in _range(part)]
    except ValueError:
        units = []
    if not units or not all(1 <= one <= 247 for one in units):
        raise Refused([Problem("units", said, "are no addresses", "Such as 1-32 or 1,5,12; they go from 1 to 247")])
    return units


def _range(part: str) -> Iterable[int]:
    first, dash, last = part.partition("-")
    return range(int(first), int(last) + 1) if dash else (int(first),)


def _who(identity: Any) -> str:
    return ", ".join(
        filter(
            None,
            (
                identity.model,
                identity.serial and f"serial {identity.serial}",
                identity.firmware and f"firmware {identity.firmware}",
            ),
        )
    )


def _told(one: Found) -> dict[str, Any]:
    known = [
        {"driver": name, "model": identity.model, "serial": identity.serial, "firmware": identity.firmware}
        for name, identity in one.seen.known
    ]
    return {"unit": one.seen.unit, "baud": one.baud or None, "format": one.format or None, "known": known}
