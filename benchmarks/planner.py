"""What the planner of device maps saves: every readable point of a device, in few questions or one by one, at the pace of a real wire (virtual time)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.report import Report, figure, times
from irctl.devices.finding import installed_maps
from irctl.devices.mapped import parse_map
from tests.drivers.benches import a_device
from tests.virtual_time import run_virtual

ROUNDS = 20
DEVICES: Sequence[tuple[str, Mapping[str, Any], int, str]] = (
    ("r4dcb08", {}, 9600, "8N1"),
    ("kipp-zonen-smp", {}, 19200, "8E1"),
    ("wirenboard-mr6c-v3", {}, 9600, "8N2"),
    ("wirenboard-mao4", {}, 9600, "8N2"),
    ("riden-rd60xx", {"full": 5.0, "volts": 24.0}, 115200, "8N1"),
    ("moxa-e1210", {}, 9600, "8N1"),
)


@dataclass(frozen=True, slots=True)
class Looks:
    """At all of a device's points: questions for one look, and looks a second."""

    frames: float
    per_s: float


def run() -> Report:
    rows: list[list[str]] = []
    for name, options, baud, format in DEVICES:
        told = parse_map(installed_maps()[name].text, name)
        points = tuple(point for point, one in told.points.items() if one.readable)
        planned = run_virtual(_looks(name, options, baud, format, [points]))
        naive = run_virtual(_looks(name, options, baud, format, [(point,) for point in points]))
        rows.append([
            f"{name}, {len(points)} points, {baud} {format}", f"{planned.frames:g}", f"{naive.frames:g}",
            figure(planned.per_s), figure(naive.per_s), times(planned.per_s / naive.per_s),
        ])  # fmt: skip
    return Report(
        "Reading a mapped device whole: planned questions against one for each point",
        ("device", "questions", "one by one", "looks/s", "one by one", "ratio"),
        rows,
        notes=[
            f"each the mean of {ROUNDS} looks on a simulated line with 4 to 5 ms of thinking; the ratio is of looks a second"
        ],
    )


async def _looks(
    name: str, options: Mapping[str, Any], baud: int, format: str, questions: Sequence[tuple[str, ...]]
) -> Looks:
    async with a_device(name, options, {}, baud, format) as world:
        points = world.device.points
        assert points is not None
        await world.device.identify()
        world.sent.clear()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(ROUNDS):
            for question in questions:
                await points.read(question)
        return Looks(len(world.sent) / ROUNDS, ROUNDS / (loop.time() - begun))
