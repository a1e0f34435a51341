"""A clinic in virtual time: the real controller on simulated hardware, and the clinic's own services, told what people would do.

Between treatments the controller is switched off, and the time until the next one costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from irctl.clinic.acting import Acting
from irctl.clinic.care import visits
from irctl.clinic.care.visits import AfterPart
from irctl.clinic.desk import Desk
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.duties.projecting import Projecting
from irctl.clinic.lamps.stations import Station
from irctl.clinic.opening import open_desk
from irctl.clinic.settings import load_clinic
from irctl.controller.api.app import create_app
from irctl.controller.config import StationConfig
from irctl.domain.people import Person
from irctl.domain.screening import Answer, Trial
from irctl.records.papers import Paper
from irctl_campaign.process import Process
from irctl_simulator.physics.treatment import Truth
from irctl_simulator.station import SimStation

HERE = "here"
"""What the clinic calls the station that it is started beside."""
MINUTE = timedelta(minutes=1)
FIRST_READINGS_S = 2.0
"""Until interlocks and sensors have said something."""
LAST_LOOK_S = 2.0
"""After the last thing that was done, before it is switched off."""
TOUCHES = (True, False, False, True, False, True, True, False)
"""Hot or cold, in the order in which the test tubes touch the skin."""


class _Beside(httpx.AsyncBaseTransport):
    """Requests to the controller that runs now; none while it is switched off."""

    def __init__(self) -> None:
        self.controller: httpx.ASGITransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.controller is None:
            raise httpx.ConnectError("the station is switched off")
        return await self.controller.handle_async_request(request)


class Clinic:
    """One clinic and its station, at a wall clock that begins at `begins` and runs with the loop."""

    def __init__(self, state: Path, config: StationConfig, hardware: dict[str, Any], begins: datetime) -> None:
        self.state, self._config, self._hardware = state, config, hardware
        self.truths: dict[str, Truth] = {}
        """By session: what its lamp really gave."""
        self._loop = asyncio.get_running_loop()
        self._begins, self._origin_s = begins, self._loop.time()
        self._beside = _Beside()
        issuer = Issuer(state)
        # What was heard last of a station that is switched off for a minute is still true: nobody else touches it.
        self.station = Station(HERE, "http://127.0.0.1:8970", issuer, transport=self._beside, monotonic_s=lambda: 0.0)
        self.desk: Desk = open_desk(
            load_clinic(state / "clinic.toml"), state, issuer, self.wall, stations={HERE: self.station}
        )

    # --- time -------------------------------------------------------------------------------------------------------------

    def wall(self) -> datetime:
        """Now, UTC."""
        return self._begins + timedelta(seconds=self._loop.time() - self._origin_s)

    async def until(self, moment: datetime) -> None:
        """Wait; no time at all where it is past."""
        await asyncio.sleep(max(0.0, moment.timestamp() - self.wall().timestamp()))

    async def after(self, time: timedelta) -> None:
        await asyncio.sleep(time.total_seconds())

    def by(self, person: Person) -> Acting:
        return self.desk.acting(person)

    # --- the station ------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def switched_on(self) -> AsyncGenerator[Process]:
        """Power on, and the controller runs; at the end the records know everything that it wrote."""
        process = await Process.start(SimStation.from_config(self._hardware), self._config, self.state, self.wall)
        self._beside.controller = httpx.ASGITransport(create_app(process.station))
        lamps = process.station.lamps.values()
        await self._while(lambda: not all(lamp.output.verified_dark for lamp in lamps), 0.1)
        await asyncio.sleep(FIRST_READINGS_S)
        await self.station.hear()
        try:
            yield process
            await asyncio.sleep(LAST_LOOK_S)
            await self.station.hear()
            await self.projected()
        finally:
            self._beside.controller = None
            await process.switch_off()

    async def projected(self) -> None:
        """What the journal says now is in the records."""
        projecting = Projecting(self.desk, self.station)
        while await projecting.step():
            pass

    async def check(self, lamp: str, reference: str, person: Person) -> dict[str, Any]:
        """The short check, with the lamp's own radiometer ("monitor") or a reference meter that is put under it."""
        async with self.switched_on() as process:
            if reference != "monitor":
                process.hardware.place("meter", lamp, self.station.lamp(lamp)["distance_cm"])
            path = f"/v1/lamps/{lamp}/check"
            await self.station.post(path, self.by(person), {"with": reference, "nobody_under_the_lamp": True})
            return await self._follow(path)

    async def calibrate(self, lamp: str, meter: str, technician: Person, second: Person) -> dict[str, Any]:
        """From the first look at the plate to the approval by a second person."""
        acting = self.by(technician)
        about = {"meter": meter, "nobody_under_the_lamp": True, "temperature_c": 22.0}
        async with self.switched_on() as process:
            view = await self.station.post(f"/v1/lamps/{lamp}/calibrations", acting, about)
            path = f"/v1/calibrations/{view['id']}"
            while view["step"] != "approval":
                view = await self._calibrated_further(process, view, path, acting)
            return await self.station.post(f"{path}/approve", self.by(second))

    async def _calibrated_further(self, process: Process, view: Any, path: str, acting: Acting) -> Any:
        lamp, post = view["lamp"], self.station.post
        match view["step"]:
            case "identity":
                plate = {"serial": self.station.lamp(lamp)["serial"], "condition": "clean, no damage"}
                return await post(f"{path}/identify", acting, plate)
            case "position":
                at_cm = view["next"]["distance_cm"]
                process.hardware.place("meter", lamp, at_cm)
                return await post(f"{path}/position", acting, {"distance": at_cm, "unit": "cm"})
            case "adjustment":
                return await post(f"{path}/adjust", acting, {"what": None})
            case "review":
                return await post(f"{path}/submit", acting)
            case _:
                await post(f"{path}/read", acting)
                return await self._follow(path)

    async def _follow(self, path: str) -> Any:
        while (view := await self.station.get(path))["running"]:  # noqa: ASYNC110 - as a screen does
            await asyncio.sleep(2.0)
        return view

    async def _while(self, condition: Callable[[], bool], every_s: float) -> None:
        while condition():  # noqa: ASYNC110
            await asyncio.sleep(every_s)

    # --- a visit ----------------------------------------------------------------------------------------------------------

    async def prepare(
        self,
        course: Paper,
        lamp: str,
        appointment: str,
        person: Person,
        answers: dict[str, Answer],
        pain: int,
        function: int | None,
    ) -> Paper:
        """Greeting, screening, position, pain: seven minutes. What the screening found stands in the visit."""
        patient = course.index.patient or ""
        self.desk.patients.show(patient, person.login, "treatment", self.wall())
        visit = visits.begin(self.desk, self.by(person), course, self.station, lamp, appointment)
        await self.after(MINUTE)
        visit = visits.identify(self.desk, self.by(person), visit)
        await self.after(3 * MINUTE)
        told = {
            item.key: answers.get(item.key, _harmless(item.dangerous)) for item in self.desk.library.screening.items
        }
        trials = tuple(Trial(hot, hot) for hot in TOUCHES)
        visit = visits.screen(self.desk, self.by(person), visit, told, trials)
        await self.after(2 * MINUTE)
        distance_cm = self.station.lamp(lamp)["distance_cm"]
        visit = visits.position(self.desk, self.by(person), visit, distance_cm, 0.0, eyes=True)
        await self.after(MINUTE)
        return visits.before(self.desk, self.by(person), visit, pain, function)

    async def light(self, visit: Paper, person: Person, stop_after_s: float | None = None) -> Paper:
        """Both actions, and the light to its end; or somebody presses STOP in the middle of it."""
        async with self.switched_on() as process:
            visit = await visits.arm(self.desk, self.by(person), visit, self.station)
            session = process.station.sessions[(visit.index.session or "").partition("/")[2]]
            await self._while(lambda: session.running and session.state != "ready", 0.5)
            await self.station.hear()
            visit = await visits.start(self.desk, self.by(person), visit, self.station)
            if stop_after_s is not None:
                await self._while(lambda: session.running and not session.lit, 0.5)
                await asyncio.sleep(stop_after_s)
                await self.station.post("/v1/stop", self.by(person), {"reason": "the patient felt faint"})
            await self._while(lambda: session.running, 0.5)
            self.truths[session.id] = process.hardware.truth(session.order.lamp)
        return visit

    async def finish(self, visit: Paper, person: Person, password: str, part: AfterPart) -> None:
        """What is seen afterwards, and the signature."""
        visits.after(self.desk, self.by(person), visit, part)
        await self.after(MINUTE)
        proof = self.desk.accounts.reauthenticate(person.login, password, self.wall(), self._loop.time())
        visits.sign(self.desk, self.by(person), visit, proof)


def _harmless(dangerous: Answer) -> Answer:
    return Answer.NO if dangerous is Answer.YES else Answer.YES
