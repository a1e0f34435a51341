"""A day at a simulated station, through its API and in virtual time: what it answers and what its journal says are the reference's examples.

It takes seconds, and is the same each time.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from irctl.controller.api.app import create_app
from irctl.controller.config import load
from irctl.controller.journal.setting_aside import set_aside
from irctl.domain.chain import Event
from irctl.examples import examples
from irctl_campaign.process import Process
from irctl_campaign.virtual import run_virtual
from irctl_simulator.station import SimStation

BEGINS = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CLINICIAN, TECHNICIAN, SECOND = "a clinician", "a technician", "a second person"
BENCH = {"by": TECHNICIAN, "nobody_under_the_lamp": True}
MORE = """
[bench]
burn_in = true

[journal]
file_mb_max = 0.05

[lamps.right.upkeep]
levels_pct = [20.0, 40.0, 60.0, 80.0, 100.0]
repeats = 2
samples = 3
"""
"""Beside the demonstration's station: what makes the day short, and more happen in it."""
COOL_S = 180.0
"""Between two lights: the radiometer must have forgotten the one before."""
WAIT_MAX_S = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked of one route, and what it said."""

    status: int
    asked: Any
    said: Any


@dataclass(frozen=True, slots=True)
class Day:
    """What there is to show of it."""

    answers: dict[tuple[str, str], Answer] = field(default_factory=dict[tuple[str, str], Answer])
    """The fullest of each route, by method and path."""
    events: list[Event] = field(default_factory=list[Event])


@cache
def day() -> Day:
    """The whole of it. Raises RuntimeError where the station refuses what the day asks."""
    with TemporaryDirectory(prefix="irctl-docs-") as folder:
        return run_virtual(_Day(Path(folder)).run())


class _Day:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._state = folder / "state"
        self._told = Day()
        self._process: Process
        self._http: httpx.AsyncClient

    async def run(self) -> Day:
        configs = examples()
        for name in ("calibrations", "meters"):
            shutil.copytree(configs / name, self._folder / name)
        station = self._folder / "station.toml"
        station.write_text((configs / "demo.toml").read_text("utf-8") + MORE, "utf-8")
        hardware = tomllib.loads((configs / "demo-sim.toml").read_text("utf-8"))
        hardware["lamps"]["right"]["envelope_fraction"] = 0.0  # it warms through at once
        sim = SimStation.from_config(hardware)
        self._process = await Process.start(sim, load(station), self._state, _clock)
        transport = httpx.ASGITransport(create_app(self._process.station))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8970") as self._http:
            await self._look_round()
            await self._commission()
            await self._check()
            await self._treat()
            await self._end_one_early()
            await self._open_the_door()
            await self._stop_and_clear()
            await self._calibrate()
            await self._burn_in()
            await self._upkeep()
        await self._process.switch_off()
        set_aside(self._state / "journal.jsonl", _clock, by=TECHNICIAN, reason="only to show it")
        for path in self._state.glob("journal*.jsonl"):
            self._told.events.extend(json.loads(line) for line in path.read_text("utf-8").splitlines())
        self._told.events.sort(key=lambda event: event["seq"])
        return self._told

    # --- what happens -----------------------------------------------------------------------------------------------------

    async def _look_round(self) -> None:
        lamps = self._process.station.lamps.values()
        await self._until(lambda: all(lamp.output.verified_dark for lamp in lamps))
        await asyncio.sleep(3.0)
        for path in ("/v1/station", "/v1/lamps", "/v1/lines", "/v1/meters", "/v1/due"):
            await self._get(path)
        await self._get("/v1/lines/{line}/trace", line="lamp-line")

    async def _commission(self) -> None:
        await self._post("/v1/lamps/{lamp}/commission", BENCH, lamp="left")
        await self._follow("/v1/lamps/{lamp}/commissioning", lambda view: view["done"], lamp="left")
        await self._get("/v1/lamps/{lamp}/commissioned", lamp="left")
        await self._post("/v1/lamps/{lamp}/commission", BENCH, lamp="right")
        await self._post("/v1/lamps/{lamp}/commissioning/abort", {"by": TECHNICIAN}, lamp="right")
        await self._follow("/v1/lamps/{lamp}/commissioning", lambda view: view["done"], lamp="right")

    async def _check(self) -> None:
        await self._post("/v1/lamps/{lamp}/check", BENCH, lamp="left")
        await self._follow("/v1/lamps/{lamp}/check", lambda view: not view["running"], lamp="left")
        await self._get("/v1/lamps/{lamp}/checks", lamp="left")

    async def _treat(self) -> None:
        session = await self._lit(3.0)
        await self._post(
            "/v1/sessions/{session_id}/attend", {"by": CLINICIAN, "comfort": "comfortable"}, session_id=session
        )
        await self._verb(session, "pause")
        await asyncio.sleep(5.0)
        await self._verb(session, "resume")
        self._process.hardware.set_fault("left", "mains", factor=0.85)
        await self._over(session)
        self._process.hardware.clear_faults()
        await self._get("/v1/sessions")
        for path in (
            "/v1/sessions/{session_id}",
            "/v1/sessions/{session_id}/events",
            "/v1/sessions/{session_id}/excerpt",
        ):
            await self._get(path, session_id=session)

    async def _end_one_early(self) -> None:
        session = await self._lit(3.0)
        await self._verb(session, "end", "patient asked")
        await self._over(session)

    async def _open_the_door(self) -> None:
        session = await self._lit(3.0)
        self._process.hardware.set_fault("door", "open_contact")
        await self._over(session)
        self._process.hardware.clear_faults()
        await self._post("/v1/alarms/audio-pause", {"by": CLINICIAN})
        (alarm, *_) = self._process.station.alarms.open
        await self._post("/v1/alarms/{alarm_id}/acknowledge", {"by": CLINICIAN}, alarm_id=alarm.id)

    async def _stop_and_clear(self) -> None:
        session = await self._lit(3.0)
        await self._post("/v1/stop", {"by": CLINICIAN, "reason": "she felt faint"})
        await self._over(session)
        await self._post("/v1/clear", {"by": TECHNICIAN, "reason": "looked at with the patient"})

    async def _calibrate(self) -> None:
        about = BENCH | {"meter": "reference", "temperature_c": 22.0}
        view = await self._post("/v1/lamps/{lamp}/calibrations", about, lamp="right")
        which, by = {"calibration": view["id"]}, {"by": TECHNICIAN}
        path, redone = "/v1/calibrations/{calibration}", False
        while view["step"] != "approval":
            match view["step"]:
                case "identity":
                    plate = by | {"serial": "SIM-R-001", "condition": "clean, no damage"}
                    view = await self._post(f"{path}/identify", plate, **which)
                case "position":
                    distance_cm = view["next"]["distance_cm"]
                    self._process.hardware.place("meter", "right", distance_cm)
                    view = await self._post(f"{path}/position", by | {"distance": distance_cm, "unit": "cm"}, **which)
                case "adjustment" if not redone:
                    redone = True
                    again = by | {"step": "readings", "reason": "somebody walked past", "levels_pct": [100.0]}
                    view = await self._post(f"{path}/redo", again, **which)
                case "adjustment":
                    view = await self._post(f"{path}/adjust", by | {"what": None}, **which)
                case "review":
                    view = await self._post(f"{path}/submit", by, **which)
                case _:
                    await self._post(f"{path}/read", by, **which)
                    view = await self._follow(path, lambda view: not view["running"], **which)
        await self._post(f"{path}/approve", {"by": SECOND}, **which)
        self._process.hardware.remove("meter")
        for one in (path, f"{path}/events", f"{path}/certificate"):
            await self._get(one, **which)
        await self._get("/v1/calibrations")
        begun = await self._post("/v1/lamps/{lamp}/calibrations", about, lamp="right")
        why = {"by": TECHNICIAN, "reason": "another day"}
        await self._post("/v1/calibrations/{calibration}/{how}", why, calibration=begun["id"], how="abandon")

    async def _burn_in(self) -> None:
        plan = BENCH | {"dummy_load": True, "hours": 0.1, "levels_pct": [60.0], "on_min": 5.0, "off_min": 2.0}
        await self._post("/v1/lamps/{lamp}/burn-in", plan, lamp="left")
        await self._get("/v1/lamps/{lamp}/burn-in", lamp="left")
        await self._post("/v1/lamps/{lamp}/burn-in/abort", {"by": TECHNICIAN}, lamp="left")
        await asyncio.sleep(5.0)

    async def _upkeep(self) -> None:
        why = {"by": TECHNICIAN, "reason": "looked at it"}
        await self._post("/v1/clock/accept", why)
        await self._post("/v1/devices/{device}/{action}", why, device="contactor2", action="clear-trip")
        await self._post(
            "/v1/lamps/{lamp}/maintenance", {"by": TECHNICIAN, "kind": "cleaned", "note": "reflector"}, lamp="left"
        )
        for path in ("/v1/lamps/{lamp}/maintenance", "/v1/lamps/{lamp}/drift"):
            await self._get(path, lamp="left")
        (item, *_) = await self._get("/v1/due")
        told = {"item": item["what"], "occasion": "2027-01-01", "lead_days": 14, "text": "due in 14 days"}
        await self._post("/v1/reminders", told)
        await self._get("/v1/reminders")
        await self._post("/v1/reminders/settle", {"item": item["what"], "because": "it was done"})
        await self._get("/v1/journal", limit="2")
        await self._get("/v1/journal/verify")

    # --- asking -----------------------------------------------------------------------------------------------------------

    async def _lit(self, fluence_j_cm2: float) -> str:
        """A session that has been giving light for a while."""
        await asyncio.sleep(COOL_S)
        order = {"lamp": "left", "fluence_j_cm2": fluence_j_cm2, "irradiance_mw_cm2": 50.0}
        who = {"patient": "P-17", "area": "left knee", "by": CLINICIAN}
        session = (await self._post("/v1/sessions", order | who))["id"]
        await self._until(lambda: self._process.station.sessions[session].state in ("ready", "ended"))
        await self._verb(session, "start")
        await self._until(lambda: self._process.station.sessions[session].lit)
        await asyncio.sleep(10.0)
        return session

    async def _verb(self, session: str, verb: str, reason: str = "") -> None:
        body = {"by": CLINICIAN, "reason": reason}
        await self._post("/v1/sessions/{session_id}/{verb}", body, session_id=session, verb=verb)
        await asyncio.sleep(2.0)

    async def _over(self, session: str) -> None:
        await self._until(lambda: not self._process.station.sessions[session].running)

    async def _until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_MAX_S):
            while not so():
                await asyncio.sleep(0.5)

    async def _follow(self, path: str, done: Callable[[Mapping[str, Any]], bool], **words: str) -> Any:
        async with asyncio.timeout(WAIT_MAX_S):
            while not done(view := await self._get(path, **words)):
                await asyncio.sleep(10.0)
        return view

    async def _get(self, path: str, **words: str) -> Any:
        return await self._ask("GET", path, None, words)

    async def _post(self, path: str, body: Mapping[str, Any], **words: str) -> Any:
        return await self._ask("POST", path, body, words)

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, words: Mapping[str, str]) -> Any:
        query = {name: value for name, value in words.items() if f"{{{name}}}" not in path}
        response = await self._http.request(method, path.format(**words), params=query, json=body)
        if response.is_error:
            raise RuntimeError(f"{method} {path}: {response.text}")
        said = response.json()
        before = self._told.answers.get((method, path))
        if before is None or len(str(said)) > len(str(before.said)):
            self._told.answers[method, path] = Answer(response.status_code, body, said)
        return said


def _clock() -> datetime:
    return BEGINS + timedelta(seconds=asyncio.get_running_loop().time())
