"""Settings: people for administrators alone, one's own password, the station and language of a workstation, and texts that are shown as texts."""

from __future__ import annotations

import importlib
import pkgutil
import re
import tomllib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from irctl.clinic import pages, words
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.drawing.dose_chart import dose_chart
from irctl.clinic.office import drafts, staff
from irctl.clinic.office.shipped import shipped
from irctl.clinic.pages import settings, settings_people, settings_protocols, settings_stations, shelf
from irctl.clinic.screens import screen
from irctl.clinic.screens.screen import COOKIE, LANGUAGE_COOKIE, STATION_COOKIE
from irctl.clinic.shelf.toml_writing import written
from irctl.domain.people import Person, Role, Verb
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Source
from tests.clinic.shelves import ADMIN, HELPER, NAME, SECOND, WROTE, a_desk, a_station, by

PASSWORD = "quilted ferry mango lantern"
ANOTHER = "seven slow herons over Bergen"
EVIL = '<img src=x onerror="alert(1)">&<script>alert(2)</script>'


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = a_desk(tmp_path)
    made.stations = {"room": a_station()}
    made.accounts.create(ADMIN.login, ADMIN.name, [Role.ADMINISTRATOR], PASSWORD, None, made.now())
    made.accounts.create(WROTE.login, WROTE.name, [Role.CLINICIAN], PASSWORD, ADMIN, made.now())
    yield made
    made.database.close()


# --- people --------------------------------------------------------------------------------------------------------------


def test_the_pages_of_people_are_for_administrators() -> None:
    found = [
        one for one in screen.SCREENS if one.draw.__module__ == settings_people.__name__ and one.path != "/settings/me"
    ]
    assert len(found) == 3
    assert {one.verb for one in found} == {Verb.MANAGE_PEOPLE}


@pytest.mark.parametrize("person", [WROTE, HELPER])
def test_nobody_else_lists_makes_or_changes_accounts(desk: Desk, person: Person) -> None:
    acting = by(desk, person)
    with pytest.raises(Refused, match="for a administrator"):
        staff.listed(desk, acting)
    with pytest.raises(Refused, match="for a administrator"):
        staff.add(desk, acting, "n.ewcomer", "N. Ewcomer", [Role.CLINICIAN], ANOTHER)
    with pytest.raises(Refused, match="for a administrator"):
        staff.change(desk, acting, ADMIN.login, 1, name="x", roles=[Role.AUDITOR], active=False)
    with pytest.raises(Refused, match="for a administrator"):
        staff.new_password(desk, acting, ADMIN.login, ANOTHER, 0.0)


def test_an_administrator_makes_an_account_that_can_sign_in(desk: Desk) -> None:
    staff.add(desk, by(desk, ADMIN), " n.ewcomer", " N. Ewcomer ", [Role.ASSISTANT], ANOTHER)
    assert desk.accounts.sign_in("n.ewcomer", ANOTHER, desk.now(), 0.0).name == "N. Ewcomer"


def test_nobody_gives_himself_a_role(desk: Desk) -> None:
    with pytest.raises(Refused, match="about them"):
        staff.change(
            desk, by(desk, ADMIN), ADMIN.login, 1, name="A", roles=[Role.ADMINISTRATOR, Role.CLINICIAN], active=True
        )
    with pytest.raises(Refused, match="about them"):
        staff.new_password(desk, by(desk, ADMIN), ADMIN.login, ANOTHER, 0.0)
    assert desk.accounts.person(ADMIN.login) == Person(ADMIN.login, ADMIN.name, frozenset({Role.ADMINISTRATOR}))


def test_roles_are_changed_and_taken_by_somebody_else(desk: Desk) -> None:
    version = staff.found(desk, by(desk, ADMIN), WROTE.login).version
    done = staff.change(
        desk, by(desk, ADMIN), WROTE.login, version, name=WROTE.name, roles=[Role.AUDITOR], active=False
    )
    assert (done.person.roles, done.person.active) == (frozenset({Role.AUDITOR}), False)
    with pytest.raises(Refused, match="is not in force any more"):
        staff.change(desk, by(desk, ADMIN), WROTE.login, version, name="x", roles=[Role.CLINICIAN], active=True)


def test_ones_own_password_needs_the_old_one_and_the_new_one_twice(desk: Desk) -> None:
    with pytest.raises(Refused, match="same twice"):
        staff.own_password(desk, by(desk, WROTE), PASSWORD, ANOTHER, ANOTHER + ".", 0.0)
    with pytest.raises(Refused, match="not right"):
        staff.own_password(desk, by(desk, WROTE), "not the password at all", ANOTHER, ANOTHER, 0.0)
    staff.own_password(desk, by(desk, WROTE), PASSWORD, ANOTHER, ANOTHER, 100.0)
    assert desk.accounts.sign_in(WROTE.login, ANOTHER, desk.now(), 200.0).login == WROTE.login


def test_ones_own_pin_opens_the_locked_screen(desk: Desk) -> None:
    staff.own_pin(desk, by(desk, WROTE), PASSWORD, "248163", "248163", 0.0)
    assert desk.accounts.verify_pin(WROTE.login, "248163", desk.now())


def test_nobody_changes_a_password_from_a_locked_screen(desk: Desk) -> None:
    acting = by(desk, WROTE)
    locked = replace(acting, context=replace(acting.context, locked=True))
    with pytest.raises(Refused, match="nobody is signed in"):
        staff.own_password(desk, locked, PASSWORD, ANOTHER, ANOTHER, 0.0)


def test_an_approval_takes_the_approvers_own_password(desk: Desk) -> None:
    desk.accounts.create(SECOND.login, SECOND.name, [Role.CLINICIAN], ANOTHER, ADMIN, desk.now())
    paper = drafts.begin(desk, by(desk, WROTE), "protocol", NAME)
    handed = drafts.hand_in(desk, by(desk, WROTE), "protocol", NAME, paper.number)
    with pytest.raises(Refused, match="not right"):
        drafts.approve_typed(desk, by(desk, SECOND), "protocol", NAME, handed.number, PASSWORD, 0.0)
    assert desk.library.protocols[NAME].version == 1
    drafts.approve_typed(desk, by(desk, SECOND), "protocol", NAME, handed.number, ANOTHER, 100.0)
    assert desk.library.protocols[NAME].version == 2


# --- the workstation -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def browser(desk: Desk) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """Signed in, with the word that its forms bring along."""
    doors = Doors(desk.accounts)
    cookie, visitor = doors.open(WROTE)
    app = FastAPI()
    app.include_router(settings_stations.routes(desk, doors))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://clinic", cookies={COOKIE: cookie}) as client:
        yield client, visitor.csrf


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("field", "value", "cookie"), [("station", "room", STATION_COOKIE), ("language", "de", LANGUAGE_COOKIE)]
)
async def test_the_browser_keeps_what_was_chosen_for_this_workstation(
    browser: tuple[httpx.AsyncClient, str], field: str, value: str, cookie: str
) -> None:
    client, csrf = browser
    answer = await client.post(f"/settings/{field}", data={"csrf": csrf, field: value})
    assert answer.status_code == 303
    kept = answer.headers["set-cookie"]
    assert kept.startswith(f"{cookie}={value};")
    assert "HttpOnly" in kept
    assert "SameSite=strict" in kept


@pytest.mark.anyio
async def test_only_our_own_form_chooses_and_only_what_there_is(browser: tuple[httpx.AsyncClient, str]) -> None:
    client, csrf = browser
    forged = await client.post("/settings/station", data={"csrf": "guessed", "station": "room"})
    unknown = await client.post("/settings/station", data={"csrf": csrf, "station": "elsewhere"})
    client.cookies.clear()
    nobody = await client.post("/settings/station", data={"csrf": csrf, "station": "room"})
    assert [answer.status_code for answer in (forged, unknown, nobody)] == [403, 422, 403]
    assert not any("set-cookie" in answer.headers for answer in (forged, unknown, nobody))


# --- texts are shown as texts --------------------------------------------------------------------------------------------


class Elements(HTMLParser):
    """Which elements a browser would make."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.made: set[str] = set()
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.made.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]


def test_markup_in_a_protocol_stays_text(desk: Desk) -> None:
    evil = replace(
        desk.library.protocols[NAME],
        title=EVIL,
        written_by=EVIL,
        areas=(EVIL,),
        lamp_types=(EVIL,),
        sources=(Source("F", EVIL, EVIL),),
    )
    for markup in (
        settings_protocols._facts(evil),  # pyright: ignore[reportPrivateUsage]
        settings_protocols._tests(evil),  # pyright: ignore[reportPrivateUsage]
        settings_protocols._table(evil),  # pyright: ignore[reportPrivateUsage]
        dose_chart(evil),
        shelf._diff((f"+{EVIL}", f"-{EVIL}", EVIL)),  # pyright: ignore[reportPrivateUsage]
        f"<p>{shelf._problem(Problem(EVIL, EVIL, EVIL, EVIL))}</p>",  # pyright: ignore[reportPrivateUsage]
    ):
        assert not Elements(markup).made & {"img", "script"}
        assert "<img" not in markup


def test_what_a_form_writes_reads_back_to_the_same(desk: Desk) -> None:
    configs = Path(__file__).parents[2] / "configs"
    files = [*configs.glob("protocols/*.toml"), *configs.glob("screening/*.toml"), *configs.glob("templates/*.toml")]
    assert len(files) >= 5
    for file in files:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        assert tomllib.loads(written(told)) == told
    odd = {"title": f'{EVIL}"\\\n\t\x7f\x01 ·é😀', "empty": [], "table": {}, "deep": {"a b": {"x": [{"y": 1}]}}}
    assert tomllib.loads(written(odd)) == odd


def test_what_is_shipped_along_is_named_with_its_licence() -> None:
    found = {package.name.lower(): package for package in shipped()}
    assert "pydantic" in found
    assert "MIT" in found["pydantic"].licence
    assert all(package.version and package.licence for package in found.values())


def test_every_tab_is_a_page() -> None:
    for found in pkgutil.iter_modules(pages.__path__):
        importlib.import_module(f"{pages.__name__}.{found.name}")
    assert {path for path, *_ in settings.TABS} <= {one.path for one in screen.SCREENS}


def test_what_is_pressed_on_a_page_is_answered_in_its_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_of_screen", [])
    assert words.tr("Settings") == "Settings"
    words.screens_say(lambda: "de")
    assert words.tr("Settings") == "Einstellungen"
    words.screens_say(lambda: None)
    assert words.tr("Settings") == "Settings"


def test_the_german_words_are_one_list_and_fill_in_what_the_english_ones_do() -> None:
    told = tomllib.loads((Path(words.__file__).parent / "de.toml").read_text(encoding="utf-8"))  # each text once
    assert len(told) > 200
    gaps = re.compile(r"\{\w+[^}]*\}")
    wrong = [text for text, german in told.items() if sorted(gaps.findall(text)) != sorted(gaps.findall(german))]
    assert not wrong
