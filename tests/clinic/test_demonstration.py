"""The demonstration signs in by itself, and nothing else does: one lamp that is not simulated is enough to ask for a password."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from irctl.clinic.desk import Desk
from irctl.clinic.lamps.stations import Station
from irctl.clinic.opening import open_desk
from irctl.clinic.screens.entrance import demonstrates
from irctl.clinic.settings import ClinicFile
from irctl.domain.people import Person, Role
from tests.clinic.a_clinic import NoTokens

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
PASSWORD = "quilted ferry mango lantern"
ADMIN = Person("admin", "Ari Admin", frozenset({Role.ADMINISTRATOR}))


def a_station(name: str, simulated: object) -> Station:
    """A controller that says this of itself; one that does not answer for None."""

    def answered(_request: httpx.Request) -> httpx.Response:
        if simulated is None:
            raise httpx.ConnectError("nobody is there")
        return httpx.Response(200, json={"simulated": simulated})

    return Station(name, "http://station", NoTokens(), transport=httpx.MockTransport(answered))


def a_desk(folder: Path, *simulated: object, demonstration: bool = True, clinician: str = "demo") -> Desk:
    stations = {f"s{number}": a_station(f"s{number}", told) for number, told in enumerate(simulated)}
    file = ClinicFile(demonstration=demonstration)
    desk = open_desk(file, folder, NoTokens(), lambda: NOW, stations=stations)
    desk.accounts.create("admin", "Ari Admin", [Role.ADMINISTRATOR], PASSWORD, None, NOW)
    desk.accounts.create(clinician, "Robin Demo", [Role.CLINICIAN], PASSWORD, ADMIN, NOW)
    return desk


async def test_where_every_station_is_simulated_the_demonstrations_clinician_is_signed_in(tmp_path: Path) -> None:
    found = await demonstrates(a_desk(tmp_path, True, True))
    assert found is not None
    assert found.login == "demo"


@pytest.mark.parametrize("said", [False, None, "yes", 1], ids=["real", "silent", "a word", "a number"])
async def test_one_station_that_is_not_simulated_for_certain_asks_for_a_password(tmp_path: Path, said: object) -> None:
    assert await demonstrates(a_desk(tmp_path, True, said)) is None


async def test_a_clinic_in_earnest_asks_for_a_password_on_simulated_lamps_too(tmp_path: Path) -> None:
    assert await demonstrates(a_desk(tmp_path, True, demonstration=False)) is None


async def test_without_a_station_or_without_that_clinician_there_is_nothing_to_demonstrate(tmp_path: Path) -> None:
    for folder, desk in (("a", []), ("b", [True])):
        (tmp_path / folder).mkdir()
        assert await demonstrates(a_desk(tmp_path / folder, *desk, clinician="robin")) is None
