"""How to read an alarm: the page's tables tell every alarm that the controller can raise, with its priority, and no other."""

from __future__ import annotations

import re

from irctl.domain.alarms import Priority
from irctl.domain.reminders import Kind
from tests.docs.alarms import Said, raised
from tests.docs.pages import pages

(PAGE,) = [page for page in pages() if page.path.name == "read-an-alarm.md"]
ROW = re.compile(r"^\| `(?P<text>[^`]+)` \| (?P<hazard>H\d\d) \| (?P<means>[^|]+) \| (?P<do>[^|]+) \|$", re.M)


def told() -> list[Said]:
    """By section: its heading begins with the priority."""
    found: list[Said] = []
    for section in re.split(r"^## ", PAGE.text, flags=re.M):
        priority = section.partition(":")[0].lower()
        found += [Said(row["hazard"], priority, row["text"]) for row in ROW.finditer(section)]
    return found


def test_the_page_tells_every_alarm_with_its_priority_once_and_no_other() -> None:
    rows = told()
    assert len(rows) == len(set(rows))
    assert set(rows) == raised()


def test_it_tells_every_priority_and_whatever_a_reminder_may_be_about() -> None:
    assert all(f"**{priority}**" in PAGE.text for priority in Priority)
    assert all(f"`{kind}`" in PAGE.text for kind in Kind)
