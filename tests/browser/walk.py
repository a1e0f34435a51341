"""What people do on the clinic's screens, one function for each thing they would say they did."""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from tests.browser.clinic_world import PASSWORD, WAIT_MS, Clinic

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


# --- hands ----------------------------------------------------------------------------------------------------------------

TABS_MAX = 200
Hand = Literal["mouse", "finger", "keys"]
HAND: ContextVar[Hand] = ContextVar("HAND", default="mouse")
"""What everything here is done with."""


def touch(what: Locator, timeout_ms: float = WAIT_MS) -> None:
    """Press it: with the mouse, a finger, or the keys alone, which reach it as a person would, from one thing to the next."""
    match HAND.get():
        case "mouse":
            what.click(timeout=timeout_ms)
        case "finger":
            what.tap(timeout=timeout_ms)
        case "keys":
            what.wait_for(timeout=timeout_ms)
            _tab_to(what)
            what.page.keyboard.press("Enter")


def write(what: Locator, text: str) -> None:
    """Type into it."""
    if HAND.get() != "keys" or "-" in text:  # a day has a field of its own for each of its parts
        what.fill(text)
        return
    what.wait_for()
    _tab_to(what)
    what.page.keyboard.press("ControlOrMeta+a")
    what.page.keyboard.type(text)


def _tab_to(what: Locator) -> None:
    for _ in range(TABS_MAX):
        if what.evaluate("one => one === document.activeElement"):
            return
        what.page.keyboard.press("Tab")
    raise AssertionError(f"the keys do not reach {what}")


def press(page: Page, name: str | re.Pattern[str], *, exact: bool = False) -> None:
    touch(main(page).get_by_role("button", name=name, exact=exact).first)


# --- before the day -------------------------------------------------------------------------------------------------------


def register(page: Page, clinic: Clinic, who: Somebody) -> str:
    """Write the patient down; their reference."""
    go(page, f"{clinic.url}/patients/new")
    write(page.get_by_label("Name", exact=True), who.name)
    write(page.get_by_label("Birthday"), who.born.isoformat())
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
    touch(main(page).get_by_role("group", name=re.compile("^Pain")).get_by_role("button", name="6", exact=True))
    press(page, "Next")
    press(page, "Plan this course")
    page.wait_for_url(re.compile(r"/courses/C-"))
    return page.url.rpartition("/")[2]


def book_today(page: Page, clinic: Clinic, course: str, hour: str, lamp: str) -> None:
    """One appointment, through the dialog that plans a course."""
    go(page, f"{clinic.url}/calendar?course={course}")
    dialog = page.get_by_role("dialog")
    write(dialog.get_by_label("Time"), hour)
    option = page.get_by_role("option", name=lamp)
    for _ in range(5):
        touch(dialog.get_by_label("Lamp"))
        page.wait_for_timeout(500)
        if option.is_visible():
            break  # a list that opens while its dialog still moves is closed again
    touch(option)
    first = dialog.get_by_role("button", name="Book only the first")
    dialog.get_by_role("listitem").filter(has_text=hour).first.wait_for()
    touch(first)
    dialog.wait_for(state="hidden")


# --- a visit --------------------------------------------------------------------------------------------------------------


def begin(page: Page, clinic: Clinic, course: str, lamp: str) -> str:
    """At this lamp, called by its title; the visit's reference."""
    go(page, f"{clinic.url}/treat/{course}")
    return begin_here(page, lamp)


def begin_here(page: Page, lamp: str) -> str:
    """Where the lamps are offered already."""
    at = main(page).locator("section").filter(has=page.get_by_role("heading", name=lamp))
    touch(at.get_by_role("button", name="Treat at this lamp"))
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
        touch(asked.get_by_role("radio", name=chosen, exact=True))
    press(page, "Screening done")


def position(page: Page, distance: str = "50") -> None:
    write(page.get_by_label("Distance, cm"), distance)
    write(page.get_by_label(re.compile("^Angle")), "0")
    touch(page.get_by_role("radio", name="Yes, I have looked"))
    press(page, "Positioned")


def rate_pain(page: Page, rating: int) -> None:
    asked = page.get_by_role("radiogroup", name="How much does it hurt now?")
    touch(asked.get_by_role("radio", name=f"{rating}", exact=True))


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
    touch(start, READY_MS)
    main(page).get_by_role("button", name="Pause").wait_for(timeout=READY_MS)


def finish(page: Page, rating: int = 4) -> None:
    """Wait for the end of the light, look at the skin, sign."""
    touch(page.get_by_role("radio", name="As before"), LIGHT_MS)
    rate_pain(page, rating)
    press(page, "Next", exact=True)
    sign(page)


def sign(page: Page) -> None:
    write(page.get_by_label("Password"), PASSWORD)
    signed = main(page).get_by_role("heading", name="Signed")
    for _ in range(10):
        press(page, re.compile("^Sign:"))
        refused = page.get_by_role("dialog").get_by_role("button", name="Close")
        signed.or_(refused).first.wait_for()
        if signed.is_visible():
            return
        # The lamp still glows out, or its record is on its way: the page says so, and one tries again.
        touch(refused)
        page.wait_for_timeout(2000)
        write(page.get_by_label("Password"), PASSWORD)
    raise AssertionError("the visit could not be signed")


def refuse(page: Page, why: str) -> None:
    """No light today."""
    page.get_by_role("heading", name=re.compile("Must not be treated now")).wait_for()
    press(page, "Do not treat today…")
    dialog = page.get_by_role("dialog")
    write(dialog.get_by_label(re.compile("^Why")), why)
    touch(dialog.get_by_role("button", name="Do not treat"))
    page.get_by_role("heading", name="Not treated").wait_for()


# --- STOP -----------------------------------------------------------------------------------------------------------------


def stop_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^STOP")).first


def stop(page: Page) -> None:
    touch(stop_button(page))
    page.get_by_text(re.compile("^Stopped at")).first.wait_for()


def clear_the_stop(page: Page, why: str) -> None:
    """With the reason that the record keeps."""
    write(page.get_by_label("Reason", exact=True).first, why)
    touch(page.get_by_role("button", name="Clear the stop").first)
    page.get_by_text(re.compile("^Stopped at")).first.wait_for(state="hidden")
