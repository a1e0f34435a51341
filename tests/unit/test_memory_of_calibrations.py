"""What a decision asks of calibrations, checks and lamp-hours is carried from one journal file into the next, however long ago it was."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from irctl.controller.journal.memory import REMEMBERED_S, Memory, Use
from irctl.domain.chain import CONTINUED
from tests.unit.worlds import NOW

LAMP: dict[str, Any] = {"lamp": "left"}
SERIAL = "L-1"


class Story:
    """Events one after the other, in a memory."""

    def __init__(self) -> None:
        self.memory, self.seq = Memory(), 0

    def tell(self, event: str, **fields: Any) -> None:
        self.seq += 1
        at = (NOW + timedelta(seconds=self.seq)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.memory.add(
            {"seq": self.seq, "at": at, "mono_s": float(self.seq), "event": event, **fields}, float(self.seq)
        )

    def session(self, session: str, lit_s: float, *, ended: bool = True) -> None:
        self.tell("session.ordered", session=session, lamp_info={"serial": SERIAL}, order=ORDER, **LAMP)
        self.tell("session.first_light", session=session, **LAMP)
        self.tell("session.resumed", session=session, **LAMP)
        if ended:
            delivered = {"max_j_cm2": 1.0}
            self.tell(
                "session.ended", session=session, time_on_s=lit_s, ended_at=NOW.isoformat(), delivered=delivered, **LAMP
            )

    def next_file(self) -> Memory:
        """A start that reads only the file after this one."""
        opening = {"seq": self.seq + 1, "at": NOW.isoformat(), "mono_s": 0.0, "event": CONTINUED}
        memory = Memory()
        memory.add(opening | self.memory.carried(NOW), 0.0, read=True)
        return memory


ORDER = {"patient": "P-1", "area": "lumbar", "fluence_j_cm2": 1.0}


def names(events: Iterable[Any]) -> list[str]:
    return [e["event"] for e in events if e["event"] != CONTINUED]


@pytest.fixture
def story() -> Story:
    return Story()


def test_lamp_hours_are_of_the_serial_and_counted_once(story: Story) -> None:
    story.session("S-1", 1800.0)
    story.tell("bench.lit", serial=SERIAL, lit_s=900.0, starts=1, **LAMP)
    story.tell("bench.lit", serial="L-2", lit_s=3600.0, starts=1, **LAMP)
    assert story.memory.use_of(SERIAL) == Use(0.75, 3)
    after = story.next_file()
    assert after.use_of(SERIAL) == Use(0.75, 3)
    assert after.use_of("L-2") == Use(1.0, 1)
    assert after.use_of("new") == Use(0.0, 0)


def test_an_open_session_is_counted_when_it_ends_in_the_next_file(story: Story) -> None:
    story.session("S-1", 0.0, ended=False)
    after = story.next_file()
    assert after.use_of(SERIAL) == Use()
    ended = {
        "seq": 9,
        "at": NOW.isoformat(),
        "mono_s": 0.0,
        "event": "session.ended",
        "session": "S-1",
        "time_on_s": 3600.0,
    }
    after.add(ended | LAMP, 1.0)
    assert after.use_of(SERIAL) == Use(1.0, 2)


def test_an_open_worksheet_is_carried_whole_and_a_closed_one_is_not(story: Story) -> None:
    for calibration in ("C-20261123-0001", "C-20261123-0002"):
        story.tell("calibration.started", calibration=calibration, **LAMP)
        story.tell("calibration.reading", calibration=calibration, **LAMP)
    story.tell("calibration.abandoned", calibration="C-20261123-0001", **LAMP)
    after = story.next_file()
    assert names(after.events) == ["calibration.started", "calibration.reading"]
    assert after.open_calibrations == {"C-20261123-0002"}
    assert after.next_calibration("20261123") == "C-20261123-0003"
    assert after.next_session("20261123") == "S-20261123-0001"


def test_what_decides_over_a_lamp_is_carried_the_newest_of_each(story: Story) -> None:
    for _ in range(2):
        story.tell("calibration.started", calibration="C-1", **LAMP)
        story.tell("calibration.approved", calibration="C-1", **LAMP)
        story.tell("check.completed", verdict="pass", **LAMP)
        story.tell("check.completed", verdict="fail", **LAMP)
        story.tell("maintenance.recorded", kind="cleaned", consequence="check", **LAMP)
        story.tell("maintenance.recorded", kind="replaced", consequence="void", **LAMP)
    after = story.next_file()
    kept = [
        "calibration.approved",
        "check.completed",
        "check.completed",
        "maintenance.recorded",
        "maintenance.recorded",
    ]
    assert names(after.events) == kept
    assert [e["seq"] for e in after.events if e["event"] != CONTINUED] == [8, 9, 10, 11, 12]


def test_an_open_worksheet_outlasts_the_days_that_are_remembered(story: Story) -> None:
    story.tell("calibration.started", calibration="C-1", **LAMP)
    for day in range(1, 4):
        later = {"seq": story.seq + day, "at": NOW.isoformat(), "mono_s": 0.0, "event": "device.action"}
        story.memory.add(later, day * (REMEMBERED_S + 100.0))
    assert "calibration.started" in names(story.memory.events)
