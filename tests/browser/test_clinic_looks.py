"""Every page of the clinic, in light and dark and in two sizes: STOP is there, nothing overflows, fingers hit everything, axe finds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import pytest

from tests.browser import walk
from tests.browser.clinic_world import Clinic, a_clinic
from tests.browser.looks import problems_with_access, problems_with_layout, problems_with_targets, settle
from tests.browser.walk import Somebody

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
SIZES = ((1280, 800), (1024, 768))
PLAIN = {
    "demo": (
        "/",
        "/calendar",
        "/treat",
        "/treat/{course}",
        "/visits/{visit}",
        "/patients",
        "/patients/new",
        "/patients/{patient}",
        "/patients/{patient}/record",
        "/patients/{patient}/course/new",
        "/courses/{course}",
        "/records",
        "/records/alarms",
        "/records/checks",
        "/messages",
        "/messages/new",
        "/messages/new/{patient}",
        "/settings",
        "/settings/about",
        "/settings/me",
        "/settings/stations",
        "/settings/protocols",
        "/settings/protocols/short",
        "/settings/screening",
        "/settings/templates",
        "/billing/rvu",
    ),
    "admin": ("/billing/rvu", "/settings/people", "/settings/people/new", "/settings/people/demo", "/patients"),
    "auditor": ("/audit", "/"),
}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with a_clinic(tmp_path_factory.mktemp("looks")) as found:
        yield found
        assert not found.faults


@pytest.fixture(scope="module")
def names(browser: Browser, clinic: Clinic) -> dict[str, str]:
    """Somebody with a course, an appointment and a visit that has begun."""
    page = clinic.open(browser)
    patient = walk.register(page, clinic, Somebody("Ada Example", date(1961, 5, 4)))
    course = walk.plan_course(page, clinic, patient, "Lumbar")
    walk.book_today(page, clinic, course, "11:00", "Left lamp")
    visit = walk.begin(page, clinic, course, "Right lamp")
    page.context.close()
    return {"patient": patient, "course": course, "visit": visit}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("login", PLAIN)
def test_every_page_can_be_read_touched_and_stopped_from(
    browser: Browser, clinic: Clinic, names: dict[str, str], login: str, scheme: str
) -> None:
    page = clinic.open(browser, login, color_scheme=scheme)
    found: list[str] = []
    for path in (one.format(**names) for one in PLAIN[login]):
        page.set_viewport_size({"width": 1280, "height": 800})
        answer = page.goto(f"{clinic.url}{path}")
        if answer is None or not answer.ok:
            found.append(f"{path}  is not served")
            continue
        settle(page)
        told = problems_with_access(page)
        if scheme == "light":
            told += problems_with_targets(page)
            for width, height in SIZES:
                page.set_viewport_size({"width": width, "height": height})
                told += [f"{width}: {one}" for one in problems_with_layout(page)]
        found += [f"{path}  {one}" for one in told]
    page.context.close()
    assert not found, "\n".join(found)
