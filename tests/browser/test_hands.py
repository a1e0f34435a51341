"""A whole treatment, from choosing the lamp to the signature, by fingers on a small screen and by the keys alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import pytest

from irctl.clinic.care import courses
from tests.browser import walk
from tests.browser.clinic_world import LONG, Clinic, a_clinic
from tests.browser.walk import HAND, Somebody

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, LONG]
PEOPLE = {"finger": Somebody("Ada Example", date(1961, 5, 4)), "keys": Somebody("Bo Sample", date(1975, 2, 1), "Neck")}
LAMPS = {"finger": "Left lamp", "keys": "Right lamp"}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with a_clinic(tmp_path_factory.mktemp("hands")) as found:
        yield found
        assert not found.faults


@pytest.mark.parametrize("hand", ["finger", "keys"])
def test_a_treatment_from_the_lamp_to_the_signature(browser: Browser, clinic: Clinic, hand: walk.Hand) -> None:
    page = clinic.open(browser, viewport={"width": 1024, "height": 768}, has_touch=hand == "finger")
    who = PEOPLE[hand]
    course = walk.plan_course(page, clinic, walk.register(page, clinic, who), who.area)
    token = HAND.set(hand)
    try:
        visit = walk.begin(page, clinic, course, LAMPS[hand])
        walk.prepare(page)
        walk.light(page)
        walk.finish(page)
    finally:
        HAND.reset(token)
        page.context.close()
    with clinic.desk() as desk:
        assert desk.papers.get(courses.VISIT, visit).index.state == "signed"
