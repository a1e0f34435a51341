"""What a scrape of the largest station costs the loop that its lamps share. Printed (`pytest -s`), not judged."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from statistics import median

import pytest

from irctl.controller.api.scrape import Scrape
from irctl.controller.station import Station
from irctl.tally import Tally
from tests.unit.worlds import StationFolder

LAMPS, LINES, SCRAPES = 64, 16, 10
LOOK_S = 0.001


def a_large_station(folder: Path) -> Station:
    """Each lamp with a dimmer of its own, a radiometer and a skin thermometer; four of them on a line."""
    made = StationFolder(folder)
    told, like = made.station, made.left
    devices = told["devices"]
    told["lines"] |= {f"lan-{n}": {"port": f"tcp://10.0.0.{n + 1}:502"} for n in range(LINES)}
    for n in range(LAMPS):
        for device, like_device in (("dimmer", "dimmer"), ("radiometer", "radiometer"), ("skin", "skin")):
            unit = 10 * (n // LINES) + ("dimmer", "radiometer", "skin").index(device) + 1
            devices[f"{device}-{n}"] = devices[like_device] | {"line": f"lan-{n % LINES}", "unit": unit}
    own = {key: like[key] for key in ("lease_s", "distance_cm", "limits", "interlocks")}
    told["lamps"] = {
        f"lamp-{n}": own | {"serial": f"L-{n}", "emitter": f"dimmer-{n}.1", "radiometer": f"radiometer-{n}", "skin": f"skin-{n}"}
        for n in range(LAMPS)
    }  # fmt: skip
    return made.build()


@pytest.mark.anyio
async def test_the_loop_goes_round_while_64_lamps_are_told_of(tmp_path: Path) -> None:
    scrape = Scrape(a_large_station(tmp_path), lambda: 0, Tally((1.0,)), every_s=0.0)
    late_s, took_s, told = list[float](), list[float](), ""

    async def look() -> None:
        while True:
            asked_s = time.perf_counter()
            await asyncio.sleep(LOOK_S)
            late_s.append(time.perf_counter() - asked_s - LOOK_S)

    looking = asyncio.create_task(look())
    await asyncio.sleep(0.2)
    idle_s = max(late_s)
    late_s.clear()
    for _ in range(SCRAPES):
        began_s = time.perf_counter()
        told = (await scrape.text()).decode()
        took_s.append(time.perf_counter() - began_s)
    looking.cancel()

    print(
        f"\n{LAMPS} lamps: {told.count(chr(10))} lines, {len(told) // 1024} KiB, in {1000 * median(took_s):.0f} ms."
        f" The loop was {1000 * median(late_s):.1f} ms late meanwhile, {1000 * max(late_s):.1f} ms at most ({1000 * idle_s:.1f} ms without a scrape)."
    )
    assert len(late_s) > 5 * SCRAPES, "the loop stood still while the text was written"
    assert told.count("irctl_lamp_lease_seconds{") == LAMPS
