"""The tutorial, followed literally: its lines typed at a terminal, its steps done in a browser, and what it ends with is a signed note."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from irctl.clinic.care import courses, visits
from irctl.clinic.care.courses import Wanted
from irctl.clinic.desk import Desk
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.opening import open_desk
from irctl.clinic.settings import load_clinic
from irctl.controller.clock import utc_now
from irctl.records.papers import Paper
from tests.browser.clinic_world import PASSWORD
from tests.browser.conftest import browser
from tests.docs.given import give
from tests.docs.pages import Page, pages
from tests.docs.shell import run_in, typed_text
from tests.docs.terminal import Terminal
from tests.docs.tutorial import Player, Press, Step, Type, steps
from tests.docs.worlds import World, a_world

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs bash on a pseudo-terminal"),
]
(TUTORIAL,) = [page for page in pages() if page.path.name == "tutorial.md"]
OTHERS = [page for page in pages() if page.world == "demo" and page is not TUTORIAL]
OPENS_S, ENDS_S = 120.0, 60.0


@dataclass
class Demonstration:
    """It runs in a terminal of its own."""

    world: World
    terminal: Terminal
    clinic: str
    controller: str

    @property
    def week(self) -> Path:
        (found,) = (self.world.folder / "irctl-demo").glob("week-*")
        return found

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """The clinic's records, read beside it."""
        desk = open_desk(load_clinic(self.week / "clinic.toml"), self.week, Issuer(self.week), utc_now, stations={})
        try:
            yield desk
        finally:
            desk.database.close()


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """By the tutorial's first line."""
    folder = tmp_path_factory.mktemp("demonstration") / "here"
    with ExitStack() as beside:
        world = beside.enter_context(a_world("ehr", folder, ""))
        world.environment["TZ"] = where_it_is_nine()
        environment = {name: value for name, value in world.environment.items() if not name.startswith("IRCTL_")}
        subprocess.run(
            [sys.executable, "-m", "tests.docs.brief_week", folder / "irctl-demo"], env=environment, check=True
        )
        first = TUTORIAL.blocks[0]
        (folder / "first.sh").write_text(first.text, encoding="utf-8")
        terminal = Terminal.open(folder / "first.sh", folder, environment, {})
        beside.callback(terminal.close)
        said = terminal.until(lambda said: first.marks["stays"] in said, OPENS_S)
        clinic, controller = (re.search(rf"{name}\s+(http\S+)", said) for name in ("Clinic", "Controller"))
        assert clinic, said
        assert controller, said
        yield Demonstration(world, terminal, clinic[1], controller[1])


@pytest.fixture(scope="module")
def followed(demonstration: Demonstration, browser: Browser) -> Player:
    """Its numbered steps, one after the other."""
    screen = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB").new_page()
    screen.goto(demonstration.clinic)
    player = Player(screen, demonstration.world.folder)
    for step in steps(TUTORIAL):
        try:
            player.follow(step)
        except Exception as error:
            shown = screen.get_by_role("main").aria_snapshot()
            pytest.fail(f"{step.section}, step {step.number} {step.acts}: {error}\n{shown}")
    player.wait_for_a_file()
    return player


def test_the_steps_say_what_is_pressed_and_typed() -> None:
    found = list(steps(TUTORIAL))
    assert {step.section[0] for step in found} == set("1234")
    assert Type("Password", PASSWORD) in [act for step in found for act in step.acts]
    assert Step("2. Adaeze Sample, left knee", 7, (Press("Make the lamp ready"), Press("START the light"))) in found


def test_it_ends_with_a_note_that_is_signed_and_holds(demonstration: Demonstration, followed: Player) -> None:
    session = session_of(followed)
    with demonstration.desk() as desk:
        visit = visit_of(desk, session)
        (signature,) = desk.papers.signatures(courses.VISIT, visit.id)
    assert visit.index.state == "signed"
    assert signature.printed_name == "Robin Demo"
    _as_the_pages_have_it(demonstration, session)
    ran = run_in(TUTORIAL, demonstration.world, TUTORIAL.blocks[1:])
    assert ran.code == 0, ran.said
    assert f"Session {session} holds." in ran.said
    assert re.search("signatures: Robin Demo, .*, performed: was given to version", ran.said)


@pytest.mark.parametrize("page", OTHERS, ids=lambda page: page.name)
def test_the_lines_of_a_page_run_beside_the_demonstration(
    page: Page, demonstration: Demonstration, followed: Player
) -> None:
    _as_the_pages_have_it(demonstration, session_of(followed))
    give(demonstration.world.folder, typed_text(page))
    ran = run_in(page, demonstration.world)
    print(f"{page.name}: {ran.seconds:.1f} s\n{ran.said}")
    assert ran.code == 0, ran.said


def test_ctrl_c_ends_it_dark(demonstration: Demonstration, followed: Player) -> None:
    demonstration.terminal.press_ctrl_c()
    assert demonstration.terminal.to_its_end(ENDS_S) == 0
    events = (demonstration.week / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    assert '"event":"controller.stopped"' in events[-2]


def where_it_is_nine() -> str:
    """A zone: nobody is treated twice within 16 hours, and no day ends in the middle of a visit, whenever this is run."""
    east = (9 - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-east:+d}"


def session_of(player: Player) -> str:
    """By the name of the file that the browser saved."""
    (note,) = player.saved
    return note.name.removesuffix(".irctl.pdf")


def visit_of(desk: Desk, session: str) -> Paper:
    found = desk.papers.find(courses.VISIT, Wanted())
    (visit,) = [visit for visit in found if (visit.index.session or "").endswith(session)]
    return visit


def _as_the_pages_have_it(demonstration: Demonstration, session: str) -> None:
    """What stands in the pages for this demonstration's own session, course and addresses."""
    world = demonstration.world
    with demonstration.desk() as desk:
        course = visits.body_of(visit_of(desk, session)).course
    world.instead |= {"S-20261123-0001": session, "C-0a1b2c3d": course}
    world.environment |= {
        "IRCTL_URL": demonstration.controller,
        "IRCTL_CLINIC": demonstration.clinic,
        "IRCTL_STATE": str(demonstration.week),
    }
