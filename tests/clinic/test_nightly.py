"""What the clinic does by itself at night is done once at each occasion, late where it was missed; and what fails is told, with what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from irctl.clinic.duties import backups
from irctl.clinic.duties.nightly import BACK_UP, RETENTION, Watch, last_runs, verification
from irctl.clinic.office import notices
from irctl.clinic.office.notices import open_notices
from irctl.domain.problems import Refused
from irctl.records.audit import Audit
from irctl.records.backup import examine, restore
from irctl.records.database import Database
from irctl.records.retention import old
from tests.clinic.nights import AUDITOR, BROKEN, DAY, HOUR, MINUTE, NOON, NURSE, Night, a_patient, by

VERIFIED = verification("here")


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    one = Night(tmp_path, daily=3)
    yield one
    one.end()
    one.desk.database.close()


def files(night: Night) -> list[str]:
    return sorted(path.name for path in (night.state / "backups").iterdir())


# --- once, whatever happens ------------------------------------------------------------------------------------------------


def test_a_back_up_is_made_every_night_and_can_be_restored(night: Night, tmp_path: Path) -> None:
    a_patient(night.desk)
    night.work(2 * DAY)
    assert files(night) == ["records-2040-03-05.jsonl", "records-2040-03-06.jsonl", "records-2040-03-07.jsonl"]
    with closing(Database(f"sqlite:///{tmp_path}/again.sqlite")) as again:
        restore(again, night.state / "backups" / "records-2040-03-07.jsonl")
    run = last_runs(night.desk, BACK_UP)[0]
    assert (run.index.state, run.body["late_s"], run.body["file"]) == ("done", 0.0, "records-2040-03-07.jsonl")


def test_a_restart_does_nothing_twice(night: Night) -> None:
    night.work(HOUR)
    night.end()
    night.begin()
    night.work(HOUR)
    assert len(night.done(BACK_UP)) == len(night.done(VERIFIED)) == len(night.done(RETENTION)) == 1
    assert night.asked == ["/v1/journal/verify"]


def test_of_several_nights_that_were_missed_one_back_up_is_made_late(night: Night) -> None:
    night.work(HOUR)
    night.end()
    night.hands.go_on(4 * DAY)
    night.begin()
    night.work(HOUR)
    assert files(night) == ["records-2040-03-05.jsonl", "records-2040-03-09.jsonl"]
    assert night.done(BACK_UP)[-1]["late"] == "11 h"


def test_a_clock_that_is_set_back_makes_nothing_again(night: Night) -> None:
    night.work(15 * HOUR)
    made = len(night.done(BACK_UP))
    night.hands.wall -= 2 * DAY
    night.work(HOUR)
    assert len(night.done(BACK_UP)) == made


def test_the_hour_may_be_changed_between_two_starts(night: Night) -> None:
    night.work(HOUR)
    keeping = night.desk.file.keeping.model_copy(update={"at": NOON.time().replace(hour=11)})
    night.desk.file = night.desk.file.model_copy(update={"keeping": keeping})
    night.end()
    night.begin()
    night.work(HOUR)
    assert last_runs(night.desk, BACK_UP)[0].index.moment == NOON.replace(hour=11)
    assert not night.log.named("night.waiting")


def test_each_is_planned_for_its_next_moment(night: Night) -> None:
    night.work(MINUTE)
    planned = night.jobs.planned
    assert planned[BACK_UP] == datetime(2040, 3, 6, 2, tzinfo=UTC)
    assert planned[VERIFIED] == datetime(2040, 3, 6, 3, tzinfo=UTC)
    assert planned[RETENTION] == datetime(2040, 4, 1, 3, tzinfo=UTC)


# --- back-ups --------------------------------------------------------------------------------------------------------------


def test_the_newest_are_kept_and_nothing_else_in_the_folder_is_touched(night: Night) -> None:
    (night.state / "backups").mkdir()
    (night.state / "backups" / "records-before-the-move.jsonl").write_text("mine")
    night.work(5 * DAY)
    assert files(night) == [
        "records-2040-03-08.jsonl",
        "records-2040-03-09.jsonl",
        "records-2040-03-10.jsonl",
        "records-before-the-move.jsonl",
    ]


def test_no_older_one_goes_before_the_new_one_is_found_whole(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.work(2 * DAY)
    before = files(night)

    def damaged(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-9])
        examine(path)

    monkeypatch.setattr(backups, "examine", damaged)
    night.work(DAY)
    assert set(before) <= set(files(night))
    assert "is cut off or was changed" in open_notices(night.desk)[0].text


def test_the_one_just_made_is_never_let_go_though_the_clock_was_set_back(night: Night) -> None:
    night.work(2 * DAY)
    folder = night.state / "backups"
    path, _, gone = backups.make(night.desk.database, folder, date(2040, 1, 1), NOON, keep=3)
    assert path.exists()
    assert [one.name for one in gone] == ["records-2040-03-05.jsonl"]


def test_a_disk_that_is_not_there_is_told_with_what_to_do_and_settled_when_it_is_back(tmp_path: Path) -> None:
    disk = tmp_path / "usb"
    night = Night(tmp_path, folder=str(disk))
    night.work(2 * HOUR)
    assert not disk.exists(), "a folder of its name would be on this disk"
    (notice,) = open_notices(night.desk)
    assert "keeping.folder" in notice.text
    assert "is not there" in notice.text
    assert "Connect its disk" in notice.remedy
    assert notice.priority == "high"
    assert last_runs(night.desk, BACK_UP)[0].body["failures"] == 3
    disk.mkdir()
    night.work(HOUR)
    assert not open_notices(night.desk)
    assert [path.name for path in disk.iterdir()] == ["records-2040-03-05.jsonl"]
    night.end()


@pytest.mark.skipif(not hasattr(os, "geteuid") or not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_too(night: Night) -> None:
    (night.state / "backups").mkdir()
    (night.state / "backups" / "records-2040-03-05.jsonl.part").symlink_to("/dev/full")
    night.work(MINUTE)
    (notice,) = open_notices(night.desk)
    assert "No space left on device" in notice.text
    assert files(night) == ["records-2040-03-05.jsonl.part"]


def test_what_somebody_has_acknowledged_is_not_told_again_every_hour(tmp_path: Path) -> None:
    night = Night(tmp_path, folder=str(tmp_path / "usb"))
    night.work(HOUR)
    notices.acknowledge(night.desk, by(night.desk), open_notices(night.desk)[0].id)
    night.work(3 * HOUR)
    assert not open_notices(night.desk)
    night.work(DAY)
    assert len(open_notices(night.desk)) == 1, "the next night it is"
    night.end()


def test_a_back_up_that_something_holds_up_without_a_word_is_told(night: Night) -> None:
    night.work(MINUTE)
    night.hands.go_on(DAY)
    watch = Watch(night.desk, night.hands.clocks(), night.log)
    watch.look()
    assert not open_notices(night.desk), "it has just been started, and will make it"
    night.hands.go_on(2 * HOUR)
    watch.look()
    assert [notice.about for notice in open_notices(night.desk)] == ["back-up overdue"]
    night.work(MINUTE)
    watch.look()
    assert not open_notices(night.desk)


def test_while_the_records_cannot_be_written_a_notice_is_shown_all_the_same(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Refused([])

    with monkeypatch.context() as patch:
        patch.setattr(night.desk.papers, "new", full)
        notices.tell(night.desk, "back-up", "disk full", "Make room", "high", night.desk.now())
    (shown,) = open_notices(night.desk)
    assert shown.text == "disk full"
    with pytest.raises(Refused):
        notices.acknowledge(night.desk, by(night.desk), shown.id)
    notices.tell(night.desk, "back-up", "disk full", "Make room", "high", night.desk.now())
    notices.acknowledge(night.desk, by(night.desk), open_notices(night.desk)[0].id)
    assert not open_notices(night.desk)


# --- journals --------------------------------------------------------------------------------------------------------------


def test_a_journal_that_does_not_hold_is_told_aloud_and_written_into_the_audit(night: Night) -> None:
    night.answer = lambda: httpx.Response(200, json=BROKEN)
    night.work(HOUR)
    (notice,) = open_notices(night.desk)
    assert notice.priority == "high"
    assert "line 7: the hash is not that of the line before" in notice.text
    (entry,) = Audit(night.desk.database).listed(what="journal-broken")
    assert (entry.by, entry.about) == ("clinic", "here")
    assert last_runs(night.desk, VERIFIED)[0].body["ok"] is False
    assert len(night.asked) == 1


def test_a_journal_that_holds_again_needs_nobody(night: Night) -> None:
    night.answer = lambda: httpx.Response(200, json=BROKEN)
    night.work(HOUR)
    night.answer = lambda: httpx.Response(200, json=BROKEN | {"ok": True})
    night.work(DAY)
    assert not open_notices(night.desk)


def test_a_station_that_is_off_is_asked_again_every_hour_and_its_notice_goes_when_it_answers(night: Night) -> None:
    def away() -> httpx.Response:
        raise httpx.ConnectError("nobody there")

    usual, night.answer = night.answer, away
    night.work(3 * HOUR)
    assert 3 <= len(night.asked) <= 4
    assert [(one.about, one.priority) for one in open_notices(night.desk)] == [(f"{VERIFIED} failing", "low")]
    night.answer = usual
    night.work(HOUR)
    assert not open_notices(night.desk)
    assert last_runs(night.desk, VERIFIED)[0].index.state == "done"


# --- what has been kept long enough ----------------------------------------------------------------------------------------


def test_old_records_are_listed_once_a_month_by_reference_and_never_deleted(night: Night) -> None:
    night.hands.wall = NOON - timedelta(days=4000)
    a_patient(night.desk, "P-old")
    night.hands.wall = NOON
    a_patient(night.desk, "P-new")
    night.work(HOUR)
    (notice,) = open_notices(night.desk)
    assert "P-old" in notice.text
    assert "P-new" not in notice.text
    assert "Novak" not in notice.text
    notices.acknowledge(night.desk, by(night.desk), notice.id)
    night.work(10 * DAY, step=HOUR)
    assert not open_notices(night.desk)
    night.work(20 * DAY, step=HOUR)
    assert len(open_notices(night.desk)) == 1
    assert night.desk.patients.show("P-old", NURSE.login, "still here", night.desk.now()).person.name == "Iris Novak"


def test_a_patient_counts_from_the_last_thing_that_was_written(night: Night) -> None:
    night.hands.wall = NOON - timedelta(days=4000)
    a_patient(night.desk)
    before = NOON - timedelta(days=3650)
    assert [one.patient for one in old(night.desk.database, before)] == ["P-1"]
    night.hands.wall = NOON
    from irctl.records.papers import Index

    night.desk.papers.new("course", "C-1", {}, NURSE, NOON, Index("P-1", NOON, "active"))
    assert not old(night.desk.database, before)


def test_an_auditor_changes_nothing(night: Night) -> None:
    notice = notices.tell(night.desk, "back-up", "disk full", "Make room", "high", night.desk.now())
    with pytest.raises(Refused):
        notices.acknowledge(night.desk, by(night.desk, AUDITOR), notice.id)
