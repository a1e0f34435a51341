"""What people do on the clinic's screens, one function for each thing they would say they did."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tests.browser.clinic_world import PASSWORD, Clinic

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TRIES, COOLS_MS = 4, 5000
READY_MS = 45_000
"""Checks before the light, among them the wait for an afterglow of the patient before."""
LIGHT_MS = 60_000
HARMLESS = {"Are the patient's eyes protected?": "Yes"}
"""Answers other than No that forbid nothing."""


@dataclass(frozen=True)
class Somebody:
    """An invented patient."""

    name: str
    born: date
    area: str = "Lumbar"


def main(page: Page) -> Locator:
    return page.get_by_role("main")


def go(page: Page, url: str) -> None:
    """Open a page, and wait until it listens: what is typed before that is lost."""
    page.goto(url)
    page.wait_for_function("window.socket?.connected")


def press(page: Page, name: str | re.Pattern[str], *, exact: bool = False) -> None:
    main(page).get_by_role("button", name=name, exact=exact).first.click()


# --- before the day -------------------------------------------------------------------------------------------------------


def register(page: Page, clinic: Clinic, who: Somebody) -> str:
    """Write the patient down; their reference."""
    go(page, f"{clinic.url}/patients/new")
    page.get_by_label("Name", exact=True).fill(who.name)
    page.get_by_label("Birthday").fill(who.born.isoformat())
    press(page, "Save")
    page.wait_for_url(re.compile(r"/patients/P-"))
    return page.url.rpartition("/")[2]


def plan_course(page: Page, clinic: Clinic, patient: str, area: str) -> str:
    """By the short protocol; the course's reference."""
    go(page, f"{clinic.url}/patients/{patient}/course/new")
    press(page, re.compile(rf"^{area}(, |$)"))
    press(page, "Next")
    press(page, re.compile("Short infrared"))
    press(page, "Next")
    main(page).get_by_role("group", name=re.compile("^Pain")).get_by_role("button", name="6", exact=True).click()
    press(page, "Next")
    press(page, "Plan this course")
    page.wait_for_url(re.compile(r"/courses/C-"))
    return page.url.rpartition("/")[2]


def book_today(page: Page, clinic: Clinic, course: str, hour: str, lamp: str) -> None:
    """One appointment, through the dialog that plans a course."""
    go(page, f"{clinic.url}/calendar?course={course}")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Time").fill(hour)
    option = page.get_by_role("option", name=lamp)
    for _ in range(5):
        dialog.get_by_label("Lamp").click()
        page.wait_for_timeout(500)
        if option.is_visible():
            break  # a list that opens while its dialog still moves is closed again
    option.click()
    first = dialog.get_by_role("button", name="Book only the first")
    dialog.get_by_role("listitem").filter(has_text=hour).first.wait_for()
    first.click()
    dialog.wait_for(state="hidden")


# --- a visit --------------------------------------------------------------------------------------------------------------


def begin(page: Page, clinic: Clinic, course: str, lamp: str) -> str:
    """At this lamp, called by its title; the visit's reference."""
    go(page, f"{clinic.url}/treat/{course}")
    return begin_here(page, lamp)


def begin_here(page: Page, lamp: str) -> str:
    """Where the lamps are offered already."""
    at = main(page).locator("section").filter(has=page.get_by_role("heading", name=lamp))
    at.get_by_role("button", name="Treat at this lamp").click()
    page.wait_for_url(re.compile(r"/visits/V-"))
    return page.url.rpartition("/")[2]


def identify(page: Page) -> None:
    press(page, re.compile("It is this patient"))
    page.get_by_role("heading", name="Contraindications").wait_for()


def answer(page: Page, dangerous: str = "") -> None:
    """Every question harmlessly, except that one; and every touch rightly."""
    for asked in main(page).get_by_role("radiogroup").all():
        name = asked.get_attribute("aria-label") or ""
        if "HOT" in name:
            chosen = "says hot"
        elif "COLD" in name:
            chosen = "says cold"
        else:
            protected = name.startswith("Are the patient's eyes protected")  # by irctl's own example list
            chosen = "Yes" if name == dangerous or protected else HARMLESS.get(name, "No")
        asked.get_by_role("radio", name=chosen, exact=True).click()
    press(page, "Screening done")


def position(page: Page, distance: str = "50") -> None:
    page.get_by_label("Distance, cm").fill(distance)
    page.get_by_label(re.compile("^Angle")).fill("0")
    page.get_by_role("radio", name="Yes, I have looked").click()
    press(page, "Positioned")


def rate_pain(page: Page, rating: int) -> None:
    asked = page.get_by_role("radiogroup", name="How much does it hurt now?")
    asked.get_by_role("radio", name=f"{rating}", exact=True).click()


def prepare(page: Page, rating: int = 6) -> None:
    """From the greeting up to the lamp."""
    identify(page)
    answer(page)
    position(page)
    rate_pain(page, rating)
    press(page, "Next", exact=True)
    main(page).get_by_role("button", name="Make the lamp ready").wait_for()


def light(page: Page) -> None:
    """Make the lamp ready, and start it. One that still glows from the patient before says so, and is asked again."""
    start = main(page).get_by_role("button", name=re.compile("START"))
    refused = main(page).get_by_text("No light was given")
    for _ in range(TRIES):
        press(page, "Make the lamp ready")
        main(page).get_by_text("The lamp is being checked").or_(start).first.wait_for(timeout=READY_MS)
        start.or_(refused).first.wait_for(timeout=READY_MS)
        if start.is_visible():
            break
        page.wait_for_timeout(COOLS_MS)
    start.click(timeout=READY_MS)
    main(page).get_by_role("button", name="Pause").wait_for(timeout=READY_MS)


def finish(page: Page, rating: int = 4) -> None:
    """Wait for the end of the light, look at the skin, sign."""
    page.get_by_role("radio", name="As before").click(timeout=LIGHT_MS)
    rate_pain(page, rating)
    press(page, "Next", exact=True)
    sign(page)


def sign(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    signed = main(page).get_by_role("heading", name="Signed")
    for _ in range(10):
        press(page, re.compile("^Sign:"))
        refused = page.get_by_role("dialog").get_by_role("button", name="Close")
        signed.or_(refused).first.wait_for()
        if signed.is_visible():
            return
        # The lamp still glows out, or its record is on its way: the page says so, and one tries again.
        refused.click()
        page.wait_for_timeout(2000)
        page.get_by_label("Password").fill(PASSWORD)
    raise AssertionError("the visit could not be signed")


def refuse(page: Page, why: str) -> None:
    """No light today."""
    page.get_by_role("heading", name=re.compile("Must not be treated now")).wait_for()
    press(page, "Do not treat today…")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(re.compile("^Why")).fill(why)
    dialog.get_by_role("button", name="Do not treat").click()
    page.get_by_role("heading", name="Not treated").wait_for()


# --- STOP -----------------------------------------------------------------------------------------------------------------


def stop_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^STOP")).first


def stop(page: Page) -> None:
    stop_button(page).click()
    page.get_by_text(re.compile("^Stopped at")).first.wait_for()


def clear_the_stop(page: Page, why: str) -> None:
    """With the reason that the record keeps."""
    page.get_by_label("Reason", exact=True).first.fill(why)
    page.get_by_role("button", name="Clear the stop").first.click()
    page.get_by_text(re.compile("^Stopped at")).first.wait_for(state="hidden")
