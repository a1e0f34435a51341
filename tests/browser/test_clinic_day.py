"""A day of a clinic through its screens: twelve patients, two lamps, two people; one of them stopped, one refused; and every record right afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from threading import Event
from typing import TYPE_CHECKING

import pytest

from irctl.clinic.care import courses
from irctl.domain.electronic_signature import problems_with_signature, problems_with_versions
from irctl.records.audit import Audit
from irctl.records.papers import Wanted
from tests.browser import walk
from tests.browser.clinic_world import LONG, Clinic, a_clinic, chromium, wait_for
from tests.browser.scripted import unavailable
from tests.browser.walk import Somebody
from tests.service.worlds import irctl

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, LONG]
FLUENCE_J_CM2 = 0.3
"""Six seconds of light."""
PATIENTS = {
    "Left lamp": ("Ada Example", "Bo Sample", "Cleo Fictive", "Dan O'Invented", "Eve Madeup", "Finn Specimen"),
    "Right lamp": ("Gil Example", "Hana Sample", "Ivo Fictive", "Juno Invented", "Kai Madeup", "Lena Specimen"),
}
STOPPED, REFUSED = "Cleo Fictive", "Hana Sample"
STOPS_AFTER = "Hana Sample"
"""Whoever treats at the right lamp stops the left one after this patient."""
PEOPLE = {"Left lamp": "demo", "Right lamp": "second"}
WAIT_S = 120.0
GLOW_J_CM2 = 0.005


@dataclass
class Day:
    """What the two people tell each other, and what the simulator saw."""

    clinic: Clinic
    courses: dict[str, str] = field(default_factory=dict)
    visits: dict[str, str] = field(default_factory=dict)
    truth_j_cm2: dict[str, float] = field(default_factory=dict)
    lit: Event = field(default_factory=Event)
    cleared: Event = field(default_factory=Event)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """The whole day, once; the tests read its records."""
    if chromium() is None:
        unavailable("no Chromium on this machine")
    with a_clinic(tmp_path_factory.mktemp("day"), FLUENCE_J_CM2) as clinic:
        found = Day(clinic)
        with ThreadPoolExecutor(len(PEOPLE)) as people:
            for work in (book, treat):
                for done in [people.submit(at_a_screen, found, lamp, work) for lamp in PEOPLE]:
                    done.result(300)
        yield found
        assert not clinic.faults


def at_a_screen(day: Day, lamp: str, work: Callable[[Page, Day, str], None]) -> None:
    """In a thread: a browser of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = day.clinic.open(browser, PEOPLE[lamp])
        try:
            work(page, day, lamp)
        except BaseException:
            page.screenshot(path=day.clinic.state / f"failed-{lamp}.png")
            raise
        finally:
            browser.close()


def book(page: Page, day: Day, lamp: str) -> None:
    """Write down everybody of one lamp, plan their courses, give them their times."""
    for number, name in enumerate(PATIENTS[lamp]):
        patient = walk.register(page, day.clinic, Somebody(name, date(1960 + number, 3, 4)))
        day.courses[name] = walk.plan_course(page, day.clinic, patient, "Lumbar")
        walk.book_today(page, day.clinic, day.courses[name], f"{11 + number // 3}:{number % 3 * 20:02d}", lamp)


def treat(page: Page, day: Day, lamp: str) -> None:
    """Everybody of one lamp, from the day board to the signature."""
    name_of_lamp = lamp.split()[0].lower()
    for name in PATIENTS[lamp]:
        walk.go(page, day.clinic.url)
        row = page.get_by_role("listitem").filter(has_text=name)
        row.get_by_role("button", name="Arrived").click()
        row.get_by_role("button", name="Undo").wait_for()
        row.get_by_role("button", name="Treat").click()
        day.visits[name] = walk.begin_here(page, lamp)
        if name == REFUSED:
            walk.identify(page)
            walk.answer(page, dangerous="Is there an infection here?")
            walk.refuse(page, "an infection over the area")
        else:
            walk.prepare(page)
            before = day.clinic.simulator.truth(name_of_lamp)["fluence_j_cm2"]
            walk.light(page)
            if name == STOPPED:
                day.lit.set()
                page.get_by_text(re.compile("^Stopped at")).first.wait_for()
            walk.finish(page)
            if name == STOPPED:
                assert day.cleared.wait(WAIT_S)
            after = day.clinic.simulator.truth(name_of_lamp)["fluence_j_cm2"]
            day.truth_j_cm2[name] = after - before
        if name == STOPS_AFTER:
            assert day.lit.wait(WAIT_S)
            walk.stop(page)
            wait_for(lambda: day.clinic.lamp("left")["session"]["outcome"] == "stopped", 5)
            walk.clear_the_stop(page, "looked at the left lamp: all is well")
            day.cleared.set()


def test_every_visit_is_in_its_state_and_signed(day: Day) -> None:
    with day.clinic.desk() as desk:
        papers = {paper.id: paper for paper in desk.papers.find(courses.VISIT, Wanted())}
        assert set(papers) == set(day.visits.values())
        for name, visit in day.visits.items():
            paper = papers[visit]
            assert paper.index.state == ("refused" if name == REFUSED else "signed"), name
            versions = desk.papers.versions(courses.VISIT, visit)
            assert not problems_with_versions(versions)
            signatures = desk.papers.signatures(courses.VISIT, visit)
            assert len(signatures) == (name != REFUSED), name
            for signature in signatures:
                assert not problems_with_signature(signature, versions[signature.version - 1])
                assert signature.login == next(PEOPLE[lamp] for lamp, names in PATIENTS.items() if name in names)


def test_every_dose_holds_what_the_simulator_saw(day: Day) -> None:
    with day.clinic.desk() as desk:
        for name, visit in day.visits.items():
            paper = desk.papers.get(courses.VISIT, visit)
            if name == REFUSED:
                assert paper.index.session is None
                continue
            controller, _, session = (paper.index.session or "").partition("/")
            row = courses.session_row(desk, controller, session)
            assert row is not None
            assert row.outcome == ("stopped" if name == STOPPED else "completed"), name
            # The interval is k=2, and the simulator still counts what glows after the session has ended.
            low, high = row.delivered_min_j_cm2 - GLOW_J_CM2, row.delivered_max_j_cm2 + GLOW_J_CM2
            assert low <= day.truth_j_cm2[name] <= high, name


def test_every_look_at_a_patient_is_in_the_audit(day: Day) -> None:
    with day.clinic.desk() as desk:
        trail = Audit(desk.database).trail(limit=5000)
        patients = {desk.papers.get(courses.VISIT, visit).index.patient for visit in day.visits.values()}
    looked = {(entry.about, entry.by) for entry in trail if entry.what.startswith("patient-")}
    assert {patient for patient, _ in looked} >= patients
    assert {by for _, by in looked} == set(PEOPLE.values())


def fail_a_check(page: Page, day: Day, lamp: str) -> None:
    """The guided check of a lamp that gives a fifth less than it did; then it is not offered for treating."""
    walk.go(page, f"{day.clinic.url}/calibrate/left/check")
    page.get_by_role("radio", name="The lamp's own radiometer").click()
    page.get_by_role("radio", name="Nobody is under the lamp").click()
    walk.press(page, "Begin the check")
    failed = page.get_by_text("The lamp does not give what its calibration says.")
    while not failed.is_visible():
        page.keyboard.press("Shift")  # somebody is there: the screen does not lock itself
        page.wait_for_timeout(10_000)
    page.get_by_text(re.compile("^Locked")).first.wait_for()
    course = day.courses["Dan O'Invented"]
    walk.go(page, f"{day.clinic.url}/treat/{course}")
    at = walk.main(page).locator("section").filter(has=page.get_by_role("heading", name=lamp))
    at.get_by_text("is locked").first.wait_for()
    assert not at.get_by_role("button", name="Treat at this lamp").is_visible()


def test_a_lamp_that_has_aged_fails_its_check_and_treats_nobody(day: Day) -> None:
    day.clinic.simulator.ask(do="fault", target="left", kind="ageing", factor=0.8)
    with ThreadPoolExecutor(1) as people:
        people.submit(at_a_screen, day, "Left lamp", fail_a_check).result(400)
    assert day.clinic.lamp("left")["locked"]
    assert day.clinic.lamp("right")["locked"] is None


def test_the_journal_holds(day: Day) -> None:
    verified = irctl("journal", "verify", "--file", str(day.clinic.state / "journal.jsonl"))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    journal = (day.clinic.state / "journal.jsonl").read_text(encoding="utf-8")
    assert not [name for names in PATIENTS.values() for name in names if name in journal]
