"""The clinic's process is killed while there is light: the lamp, its figures and its STOP have nothing to do with that."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from irctl.clinic.care import courses
from tests.browser import walk
from tests.browser.clinic_world import LONG, Clinic, a_clinic, answers, wait_for
from tests.browser.walk import Somebody
from tests.fleet.worlds import children

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, LONG]
LAMP, TITLE = "right", "Right lamp"
FLUENCE_J_CM2 = 2.5
"""Fifty seconds of light: the clinic is back, and its user signed in again, before they are over."""
RESTART_S = 30.0
KILLS_S = 2.0


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with a_clinic(tmp_path_factory.mktemp("killed"), FLUENCE_J_CM2) as found:
        yield found
        assert not found.faults


@pytest.fixture
def page(browser: Browser, clinic: Clinic) -> Iterator[Page]:
    page = clinic.open(browser)
    yield page
    page.context.close()


def a_lit_visit(page: Page, clinic: Clinic, who: Somebody) -> str:
    """Somebody under the right lamp; the visit's reference."""
    patient = walk.register(page, clinic, who)
    course = walk.plan_course(page, clinic, patient, who.area)
    visit = walk.begin(page, clinic, course, TITLE)
    walk.prepare(page)
    walk.light(page)
    return visit


def kill(clinic: Clinic) -> None:
    """And whatever is started in its place, so that the supervisor waits longer each time: after this it is away for some seconds."""
    give_up_s = time.monotonic() + KILLS_S
    while time.monotonic() < give_up_s:
        for pid in children(clinic.process.pid):
            with suppress(OSError):
                if b"irctl.clinic" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    assert not answers(clinic.url)


def time_left(page: Page) -> str:
    return page.get_by_role("article", name=TITLE).locator("[data-f=left]").inner_text()


def test_the_light_goes_on_to_its_end_and_its_record_is_whole(page: Page, clinic: Clinic) -> None:
    visit = a_lit_visit(page, clinic, Somebody("Ada Example", date(1961, 5, 4)))
    served = clinic.times_served()
    kill(clinic)
    before = time_left(page)
    page.wait_for_timeout(1500)
    assert not answers(clinic.url), "the clinic came back too soon for this test to show anything"
    assert time_left(page) != before
    assert "Unknown" not in page.get_by_role("article", name=TITLE).inner_text()

    wait_for(lambda: clinic.times_served() > served and answers(f"{clinic.url}/sign-in"), RESTART_S)
    page.goto(f"{clinic.url}/visits/{visit}")
    clinic.fill_in(page)
    page.wait_for_url(f"**/visits/{visit}")
    page.get_by_role("article", name=TITLE).get_by_role("button", name="Pause").wait_for()
    walk.finish(page)

    with clinic.desk() as desk:
        paper = desk.papers.get(courses.VISIT, visit)
        assert paper.index.state == "signed"
        controller, _, session = (paper.index.session or "").partition("/")
        row = courses.session_row(desk, controller, session)
        [signature] = desk.papers.signatures(courses.VISIT, visit)
        assert signature.login == "demo"
    assert row is not None
    assert row.outcome == "completed"
    truth = clinic.simulator.truth(LAMP)["fluence_j_cm2"]
    assert row.delivered_min_j_cm2 <= truth <= row.delivered_max_j_cm2
    assert row.delivered_min_j_cm2 <= FLUENCE_J_CM2 <= row.delivered_max_j_cm2


def test_stop_works_while_the_clinic_is_dead(page: Page, clinic: Clinic) -> None:
    served = clinic.times_served()
    visit = a_lit_visit(page, clinic, Somebody("Bo Sample", date(1975, 2, 1), "Neck"))
    kill(clinic)
    page.get_by_role("button", name=re.compile("^STOP")).first.click()
    page.get_by_text(re.compile("^Stopped at")).first.wait_for()
    assert not answers(clinic.url), "the clinic came back too soon for this test to show anything"
    wait_for(lambda: clinic.lamp(LAMP)["session"]["outcome"] == "stopped", 5)
    assert clinic.simulator.truth(LAMP)["powered"] is False

    wait_for(lambda: clinic.times_served() > served and answers(f"{clinic.url}/sign-in"), RESTART_S)
    page.goto(f"{clinic.url}/visits/{visit}")
    clinic.fill_in(page)
    page.get_by_role("heading", name="Afterwards").wait_for()
    assert page.get_by_text("stopped", exact=False).first.is_visible()
