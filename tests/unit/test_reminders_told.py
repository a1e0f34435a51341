"""Reminders at the controller: told once as an alarm of low priority, until somebody has acknowledged it or has done what was due."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from irctl.controller.calibration.reminders import Reminders, Request
from irctl.controller.journal.journal import Journal
from irctl.controller.light.alarms import Alarms
from irctl.controller.station import Station
from irctl.domain.problems import Refused
from irctl.domain.rules import Hazard, Warn
from tests.unit.worlds import NOW, StationFolder, refusal

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

DUE = [
    {"kind": "calibration", "about": "left", "what": "calibration of left"},
    {"kind": "check", "about": "left", "what": "check of left"},
    {"kind": "meter", "about": "reference", "what": "calibration of meter reference"},
]


def a_reminder(
    item: str = "calibration of left", occasion: str = "2027", lead_days: int = 7, late_s: float = 0.0
) -> Request:
    return Request(item, occasion, lead_days, f"{item}: due in {lead_days} days", NOW, late_s)


class Controller:
    """What of a controller reminders need: started on what the journal holds."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal(path, lambda: NOW)
        self.journal.open()
        self.alarms = Alarms(self.journal)
        self.alarms.restore(self.journal.events)
        self.reminders = Reminders(self.journal, self.alarms, lambda: DUE)
        self.reminders.restore(self.journal.events)

    def shown(self) -> list[str]:
        return [alarm.text for alarm in self.alarms.open]

    def events(self, name: str) -> list[Any]:
        return [event for event in self.journal.events if event["event"] == name]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Controller]]:
    """Start it, again and again: each time on the journal of the one before."""
    started: list[Controller] = []

    def start_it() -> Controller:
        for one in started:
            one.journal.close()
        started.append(Controller(tmp_path / "journal.jsonl"))
        return started[-1]

    yield start_it
    for one in started:
        one.journal.close()


async def test_a_reminder_is_an_alarm_of_low_priority_that_says_what_to_do(start: Callable[[], Controller]) -> None:
    controller = start()
    assert controller.reminders.tell(a_reminder("check of left", late_s=7200.0))
    (alarm,) = controller.alarms.view()["alarms"]
    assert (alarm["priority"], alarm["lamp"], alarm["remedy"]) == ("low", "left", "irctl check left --by NAME")
    (event,) = controller.events("reminder.raised")
    assert (event["item"], event["kind"], event["late_s"], event["id"]) == (
        "check of left",
        "check",
        7200.0,
        alarm["id"],
    )


async def test_the_same_reminder_told_twice_is_one(start: Callable[[], Controller]) -> None:
    controller = start()
    assert [controller.reminders.tell(a_reminder()) for _ in range(3)] == [True, False, False]
    assert len(controller.events("reminder.raised")) == len(controller.shown()) == 1


async def test_it_is_still_one_and_still_there_after_a_restart(start: Callable[[], Controller]) -> None:
    start().reminders.tell(a_reminder())
    again = start()
    assert again.shown() == ["calibration of left: due in 7 days"]
    assert not again.reminders.tell(a_reminder())
    assert [one["open"] for one in again.reminders.view()] == [True]


async def test_one_that_was_acknowledged_does_not_come_back(start: Callable[[], Controller]) -> None:
    controller = start()
    controller.reminders.tell(a_reminder())
    controller.alarms.acknowledge(controller.alarms.open[0].id, "a technician")
    for each in (controller, start()):
        assert not each.reminders.tell(a_reminder())
        assert not each.reminders.tell(a_reminder(lead_days=30)), "a late, less urgent one is no news either"
        assert each.shown() == []
        assert [one["open"] for one in each.reminders.view()] == [False]


async def test_a_more_urgent_one_takes_the_place_of_the_one_before(start: Callable[[], Controller]) -> None:
    controller = start()
    controller.reminders.tell(a_reminder(lead_days=7))
    assert controller.reminders.tell(a_reminder(lead_days=0))
    assert controller.shown() == start().shown() == ["calibration of left: due in 0 days"]


async def test_another_item_and_the_next_occasion_are_told_beside_it(start: Callable[[], Controller]) -> None:
    controller = start()
    controller.reminders.tell(a_reminder())
    assert controller.reminders.tell(a_reminder("check of left"))
    assert controller.reminders.tell(a_reminder(occasion="2028", lead_days=30))
    assert controller.shown() == ["check of left: due in 7 days", "calibration of left: due in 30 days"]


async def test_what_has_been_done_needs_nobody_any_more(start: Callable[[], Controller]) -> None:
    controller = start()
    controller.reminders.tell(a_reminder())
    for _ in range(2):
        controller.reminders.settle("calibration of left", "it was calibrated")
    controller.reminders.settle("check of left", "nobody had been told")
    (resolved,) = controller.events("alarm.resolved")
    assert resolved["because"] == "it was calibrated"
    assert controller.shown() == start().shown() == []


async def test_it_does_not_end_a_silence(start: Callable[[], Controller]) -> None:
    controller = start()
    controller.alarms.pause_audio("a nurse")
    controller.reminders.tell(a_reminder())
    assert controller.alarms.view()["audio_paused_s"] > 0
    controller.alarms.sound(Warn(Hazard.SKIN_HOT, "warm"), "left")
    assert controller.alarms.view()["audio_paused_s"] == 0


async def test_a_warning_of_the_same_lamp_is_another_matter(start: Callable[[], Controller]) -> None:
    controller = start()
    controller.reminders.tell(a_reminder())
    controller.alarms.sound(Warn(Hazard.CALIBRATION_LAPSED, "lapses soon"), "left")
    assert len(controller.shown()) == 2


async def test_what_this_station_does_not_keep_is_refused(start: Callable[[], Controller]) -> None:
    found = refusal(lambda: start().reminders.tell(a_reminder("calibration of elsewhere")))
    assert found["item"].value == "calibration of elsewhere"


async def test_without_a_journal_it_is_refused_and_told_later(start: Callable[[], Controller]) -> None:
    controller = start()
    controller.journal.failure = "journal.jsonl: no space left on device"
    with pytest.raises(Refused, match="cannot be written") as refused:
        controller.reminders.tell(a_reminder())
    assert refused.value.conflict
    assert controller.shown() == []
    controller.journal.failure = None
    assert controller.reminders.tell(a_reminder())


async def test_what_was_told_outlasts_the_files_of_the_journal(tmp_path: Path) -> None:
    """It would be told again, months later, by the first file that does not know of it."""
    journal = Journal(tmp_path / "journal.jsonl", lambda: NOW, file_bytes_max=4000)
    journal.at_rest = lambda: True
    journal.open()
    alarms = Alarms(journal)
    reminders = Reminders(journal, alarms, lambda: DUE)
    reminders.tell(a_reminder())
    alarms.acknowledge(alarms.open[0].id, "a technician")
    reminders.tell(a_reminder("check of left"))
    for _ in range(40):
        journal.write("something.else", text="x" * 400)
    journal.close()
    assert len(list(tmp_path.glob("journal*.jsonl"))) > 1  # noqa: ASYNC240
    again = Journal(tmp_path / "journal.jsonl", lambda: NOW)
    again.open()
    shown = Alarms(again)
    shown.restore(again.events)
    restored = Reminders(again, shown, lambda: DUE)
    restored.restore(again.events)
    assert not restored.tell(a_reminder())
    assert [alarm.text for alarm in shown.open] == ["check of left: due in 7 days"]
    again.close()


# --- what a station has to keep ------------------------------------------------------------------------------------------


def a_station(folder: Path) -> Station:
    station = StationFolder(folder)
    cleaning = {"kind": "cleaned", "every_days": 90.0, "every_hours": 200.0}
    station.left["upkeep"] = {"check_every_hours": 24.0, "maintenance": [cleaning]}
    return station.build()


async def test_due_are_calibrations_checks_maintenance_and_meters(tmp_path: Path) -> None:
    station = a_station(tmp_path)
    station.journal.open()
    kinds = {(one["kind"], one["what"]) for one in station.upkeep.due()}
    assert kinds == {
        ("calibration", "calibration of left"),
        ("calibration", "calibration of right"),
        ("check", "check of left"),
        ("maintenance", "cleaned of left"),
        ("meter", "calibration of meter reference"),
    }
    station.journal.close()


async def test_what_somebody_did_is_due_from_then_on(tmp_path: Path) -> None:
    station = a_station(tmp_path)
    station.journal.open()

    def cleaning() -> dict[str, Any]:
        return next(one for one in station.upkeep.due() if one["what"] == "cleaned of left")

    assert cleaning()["text"] == "cleaned of left: never done"
    station.upkeep.maintain("left", "a technician", "cleaned", "the reflector")
    assert cleaning()["last_at"] == "2026-11-23T10:00:00.000Z"
    assert cleaning()["at"] == "2027-02-21T10:00:00.000Z"
    assert cleaning()["hours_left"] == 200.0
    station.journal.close()
