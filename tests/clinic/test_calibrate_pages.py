"""Calibrate and check, on the clinic's screens: a controller on simulated hardware, asked over its API, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from nicegui import Client, ui
from starlette.requests import Request

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.lamps import calibrating, lamp_upkeep
from irctl.clinic.lamps.stations import Station
from irctl.clinic.opening import open_desk
from irctl.clinic.pages import calibrate, calibration, lamp_check, lamp_drift
from irctl.clinic.screens.screen import COOKIE, Here
from irctl.clinic.settings import AboutSection, ClinicFile
from irctl.controller.api.app import create_app
from irctl.domain.people import Person, Role
from irctl.domain.problems import Refused
from tests.clinic.treated import ASSISTANT, CLINICIAN, NOW, by
from tests.records.people import ADMIN, GOOD, some_accounts, who
from tests.simulation.technician import FAST, a_config
from tests.simulation.world import World, a_station

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

TECHNICIAN = Person("tech", "Toni Tech", frozenset({Role.TECHNICIAN}))
LIGHT_S = 5000.0
AGED = 0.8


@dataclass
class Clinic:
    world: World
    desk: Desk
    doors: Doors
    station: Station

    def here(self, login: str) -> Here:
        """A screen that this person has just opened."""
        cookie, visitor = self.doors.open(who(self.desk.accounts, login))
        scope = {
            "type": "http", "method": "GET", "path": "/calibrate", "query_string": b"", "scheme": "http",
            "headers": [(b"cookie", f"{COOKIE}={cookie}".encode()), (b"host", b"clinic")],
        }  # fmt: skip
        return Here(self.desk, self.doors, visitor, self.station, Request(scope))

    def by(self, person: Person) -> Acting:
        """Who does what is pressed now."""
        return by(person, self.desk.now())

    async def overview(self, login: str) -> str:
        here = self.here(login)
        told = await calibrate.gather(here)
        return await seen(lambda: calibrate.draw(here, told, ui.element("div")))

    async def check(self, person: Person = ASSISTANT, reference: str = lamp_upkeep.MONITOR) -> dict[str, Any]:
        """A whole one."""
        await lamp_upkeep.begin_check(self.station, self.by(person), "left", reference, nobody=True)
        return await self.ended(f"{lamp_upkeep.at('left')}/check")

    async def ended(self, path: str) -> dict[str, Any]:
        """What is there once it runs no more."""
        async with asyncio.timeout(LIGHT_S):
            while (view := await self.station.get(path))["running"]:
                await asyncio.sleep(0.5)
        return view


@asynccontextmanager
async def a_clinic(folder: Path) -> AsyncIterator[Clinic]:
    config = a_config(folder / "config")
    async with a_station(folder / "state", config=config, sim=FAST) as world:
        await world.until(lambda: all(lamp.output.verified_dark for lamp in world.station.lamps.values()))
        issuer = Issuer(folder / "state")
        transport = httpx.ASGITransport(create_app(world.station))
        station = Station("here", "http://127.0.0.1:8970", issuer, transport=transport, monotonic_s=lambda: world.now)
        await station.hear()
        file = ClinicFile(clinic=AboutSection(zone="Europe/Oslo"))
        desk = open_desk(file, folder, issuer, world.station.journal.clock, stations={"here": station})
        desk.accounts = some_accounts(desk.database)
        desk.accounts.create(ADMIN, "Rose Okafor", [Role.ADMINISTRATOR], GOOD, None, NOW)
        for login, role in (("doctor", Role.CLINICIAN), ("tech", Role.TECHNICIAN), ("helper", Role.ASSISTANT)):
            desk.accounts.create(login, login, [role], GOOD, who(desk.accounts, ADMIN), NOW)
        try:
            yield Clinic(world, desk, Doors(desk.accounts), station)
        finally:
            await station.close()
            desk.database.close()


async def seen(draw: Callable[[], Awaitable[Any] | None]) -> str:
    """Every text that a page shows, hidden parts left out."""
    client = Client(ui.page("/calibrate"), request=None)
    with client:
        done = draw()
        if done is not None:
            await done
    told: list[str] = []
    for element in client.elements.values():
        if not all(one.visible for one in (element, *element.ancestors())):
            continue
        told += [str(getattr(element, name, "")) for name in ("text", "content", "value")]
        told += [f"{element.props.get('label', '')}", f"{element.props.get('innerHTML', '')}"]
    client.delete()
    return "\n".join(told)


async def test_a_check_begins_only_with_nobody_under_the_lamp_and_every_screen_shows_it(tmp_path: Path):
    async with a_clinic(tmp_path) as clinic:
        form = await seen(lambda: lamp_check.check(clinic.here("helper"), "left"))
        assert "Nobody is under the lamp" in form
        assert "Begin the check" in form

        with pytest.raises(Refused, match="the lamp will light"):
            await lamp_upkeep.begin_check(
                clinic.station, clinic.by(ASSISTANT), "left", lamp_upkeep.MONITOR, nobody=False
            )
        assert not clinic.world.events("check.started")

        await lamp_upkeep.begin_check(clinic.station, clinic.by(ASSISTANT), "left", lamp_upkeep.MONITOR, nobody=True)
        elsewhere = await seen(lambda: lamp_check.check(clinic.here("tech"), "left"))
        assert "The check is running" in elsewhere
        assert "0 of 2 levels" in elsewhere
        assert "Begin the check" not in elsewhere

        found = await clinic.ended(f"{lamp_upkeep.at('left')}/check")
        said = lamp_check.result(found)
        assert "Passed" in said
        assert "The lamp gives what its calibration says." in said
        worst = lamp_upkeep.deviation(found)
        assert worst is not None
        assert f"{worst[0]:+z.1f} % ± {worst[1]:.1f} %" in said
        told = await clinic.overview("helper")
        assert "Passed" in told
        assert ASSISTANT.login in told

        # The screen had locked itself in these minutes: whoever comes back sees what came out, and not a form.
        back = await seen(lambda: lamp_check.check(clinic.here("helper"), "left"))
        assert "Passed" in back
        assert "Begin the check" not in back
        await asyncio.sleep(lamp_check.STILL_NEWS_S)
        assert "Begin the check" in await seen(lambda: lamp_check.check(clinic.here("helper"), "left"))


async def test_a_failed_check_locks_the_lamp_and_says_what_to_do(tmp_path: Path):
    async with a_clinic(tmp_path) as clinic:
        clinic.world.sim.set_fault("left", "ageing", factor=AGED)
        said = lamp_check.result(await clinic.check())
        assert "Failed" in said
        assert "Locked: " in said
        assert "until it is calibrated or a check passes" in said

        assert "Unlock" in await clinic.overview("tech")
        assert "Unlock" not in await clinic.overview("doctor")
        with pytest.raises(Refused):
            await lamp_upkeep.unlock(clinic.station, clinic.by(CLINICIAN), "left", "it will do")
        await lamp_upkeep.unlock(clinic.station, clinic.by(TECHNICIAN), "left", "only the window was dirty")
        assert "Unlock" not in await clinic.overview("tech")


async def test_a_check_that_is_stopped_decides_nothing(tmp_path: Path):
    async with a_clinic(tmp_path) as clinic:
        await lamp_upkeep.begin_check(clinic.station, clinic.by(ASSISTANT), "left", lamp_upkeep.MONITOR, nobody=True)
        await asyncio.sleep(20.0)
        await clinic.station.post("/v1/stop", clinic.by(ASSISTANT))
        said = lamp_check.result(await clinic.ended(f"{lamp_upkeep.at('left')}/check"))
        assert "Cut off: nothing was decided" in said
        assert "Passed" not in said


async def test_who_may_not_calibrate_is_offered_the_check_alone(tmp_path: Path):
    async with a_clinic(tmp_path) as clinic:
        for login, offered in (("helper", False), ("doctor", False), ("tech", True)):
            told = (await clinic.overview(login)).splitlines()
            assert "Check" in told
            assert ("Calibrate" in told) is offered
            assert ("Maintenance" in told) is offered
        for person in (ASSISTANT, CLINICIAN):
            with pytest.raises(Refused):
                await calibrating.begin(
                    clinic.station, clinic.by(person), "left", "reference", nobody=True, temperature_c=None, note=""
                )


async def test_a_calibration_goes_on_from_any_screen_and_a_second_person_puts_it_in_force(tmp_path: Path):
    async with a_clinic(tmp_path) as clinic:
        station = clinic.station

        def tech() -> Acting:
            return clinic.by(TECHNICIAN)

        async def page(login: str) -> str:
            return await seen(lambda: calibration.one_calibration(clinic.here(login), number))

        begun = await calibrating.begin(station, tech(), "left", "reference", nobody=True, temperature_c=21.5, note="")
        number = str(begun["id"])
        assert "Serial number on the lamp's plate" in await page("tech")
        assert "Go on calibrating" in await clinic.overview("tech")
        assert "A technician does this step." in await page("doctor")
        with pytest.raises(Refused, match="serial"):
            await calibrating.identify(station, tech(), number, "another lamp", "clean")
        await calibrating.identify(station, tech(), number, begun_serial(clinic), "clean")

        assert "In which unit?" in await page("tech")
        with pytest.raises(Refused, match="is missing"):
            await calibrating.position(station, tech(), number, None, "cm", 0.0)
        clinic.world.sim.place("meter", "left", 50.0)
        view = await calibrating.position(station, tech(), number, 50.0, "cm", 0.0)
        assert "Light and read" in await page("tech")
        while view["step"] in ("dark", "warm-up", "readings"):
            await calibrating.go_on(station, tech(), number)
            assert "0 of 10 readings" in await page("doctor")
            view = await clinic.ended(calibrating.at(number))
            assert view["ended"] is None, view["ended"]

        assert view["step"] == "adjustment"
        told = await page("tech")
        assert "Nothing was adjusted" in told
        assert 'class="error-bar"' in told
        assert calibration.findings(view["as_found"]).count('class="error-bar"') == 5
        await calibrating.adjust(station, tech(), number, None)
        await calibrating.submit(station, tech(), number)

        told = await page("doctor")
        assert "Approve: in force from now" in told
        assert "Took part, and may not approve: tech" in told
        with pytest.raises(Refused, match="nobody approves their own work"):
            await calibrating.approve(station, tech(), number)
        await calibrating.approve(station, clinic.by(CLINICIAN), number)
        assert "Certificate as PDF" in await page("helper")
        told = await clinic.overview("helper")
        assert "Approved" in told
        assert number in told
        signed = await station.get(f"{calibrating.at(number)}/certificate")
        assert calibrating.certificate_pdf(signed, number).startswith(b"%PDF")


async def test_drift_is_told_from_the_checks(tmp_path: Path):
    async with a_clinic(tmp_path) as clinic:
        here = clinic.here("tech")
        assert "Nothing was seen yet" in await seen(lambda: lamp_drift.drift(here, "left"))
        await clinic.check()
        told = await seen(lambda: lamp_drift.drift(here, "left"))
        assert "<svg" in told
        assert "Tolerance ±10 %" in told
        assert "Nothing was seen yet" not in told


def begun_serial(clinic: Clinic) -> str:
    return str(clinic.world.station.lamps["left"].equipment.info.serial)
