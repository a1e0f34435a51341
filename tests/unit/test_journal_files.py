"""The journal over many files: one follows another while nothing is open, and nothing that a decision asks for is forgotten."""

# ruff: noqa: ASYNC240 - files are what this is about

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from irctl.controller.journal import archive, lookup, past, segments
from irctl.controller.journal.anchor import ANCHOR, Beside, read_anchor
from irctl.controller.journal.examining import examine
from irctl.controller.journal.journal import Journal
from irctl.controller.journal.reopening import JournalDamaged
from irctl.controller.journal.setting_aside import set_aside
from irctl.domain import chain
from irctl_campaign.virtual import run_virtual
from tests.unit.worlds import NOW

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

OpenJournal = Callable[[], Journal]
ORDER = {"patient": "P-1", "area": "left shoulder", "fluence_j_cm2": 5.0, "irradiance_mw_cm2": 50.0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.jsonl"


@pytest.fixture
def open_journal(path: Path) -> Iterator[OpenJournal]:
    opened: list[Journal] = []

    def open_it() -> Journal:
        for journal in opened:
            journal.close()
        journal = Journal(path, lambda: NOW, file_bytes_max=4000)
        journal.at_rest = lambda: True
        opened.append(journal)
        journal.open()
        return journal

    yield open_it
    for journal in opened:
        journal.close()


async def session(journal: Journal, samples: int = 12, *, ends: bool = True) -> str:
    """A session of some 4 kB, as the controller writes one, and a minute."""
    name = journal.memory.next_session("20261123")
    journal.write("session.ordered", session=name, lamp="left", order=ORDER)
    for number in range(samples):
        journal.write("session.sample", sync=False, session=name, lamp="left", t_s=number)
    if ends:
        delivered = {"min_j_cm2": 4.9, "best_j_cm2": 5.0, "max_j_cm2": 5.1}
        journal.write(
            "session.ended", session=name, lamp="left", outcome="completed", reason=None, delivered=delivered,
            ended_at=NOW.isoformat(),
        )  # fmt: skip
    await asyncio.sleep(60.0)
    return name


def files(path: Path) -> list[str]:
    return sorted(found.name for found in path.parent.glob("journal*.jsonl"))


def whole(path: Path) -> None:
    found = examine(path)
    assert found.broken is None, found.broken


async def test_a_file_that_is_large_is_followed_by_another_and_the_chain_goes_on(
    open_journal: OpenJournal, path: Path
) -> None:
    journal = open_journal()
    journal.write("controller.started")
    for _ in range(5):
        await session(journal)
    assert len(files(path)) >= 4
    whole(path)
    assert open_journal().seq == journal.seq


async def test_no_file_ends_while_a_session_is_open(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    await session(journal, samples=100, ends=False)
    assert files(path) == ["journal.jsonl"]


async def test_no_file_ends_while_the_station_is_busy(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    journal.at_rest = lambda: False
    for _ in range(5):
        await session(journal)
    assert files(path) == ["journal.jsonl"]


async def test_a_file_lasts_a_minute_however_large_its_beginning(open_journal: OpenJournal, path: Path) -> None:
    """What one file hands to the next may be larger than a file should be: without the minute, each event would get a file of its own."""
    journal = open_journal()
    for number in range(40):
        journal.write("alarm", id=f"A-{number}", text="something that nobody acknowledges " * 4)
    assert len(files(path)) == 2
    await asyncio.sleep(60.0)
    told_thrice(journal)
    assert len(files(path)) == 3
    whole(path)


async def test_what_a_decision_asks_for_is_in_the_newest_file(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    journal.write("controller.started", station_hash="abc")
    journal.write("commissioning.completed", lamp="left", ok=True)
    journal.write("alarm", id="A-1")
    journal.write("alarm", id="A-2")
    journal.write("alarm.acknowledged", alarm="A-2")
    journal.write("stop.latched", by="nurse", source="api")
    given = [await session(journal) for _ in range(4)]
    assert len(files(path)) >= 3
    for closed in segments.closed(path):
        closed.path.unlink()  # nothing may be read from there
    again = open_journal()
    assert [g.session for g in past.given_to(again.events, "p-1", "Left Shoulder", NOW)] == given
    assert again.memory.next_session("20261123") == "S-20261123-0005"
    kept = [event for event in again.events if event["event"] not in ("journal.continued", "journal.checkpoint")]
    assert {e["event"] for e in kept} >= {"controller.started", "commissioning.completed", "stop.latched"}
    assert [e["id"] for e in kept if e["event"] == "alarm"] == ["A-1"]


async def test_a_clock_that_was_ahead_is_still_known_in_the_next_file(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    journal.clock = lambda: NOW + timedelta(days=400)
    journal.write("told")
    journal.clock = lambda: NOW
    await session(journal)
    await session(journal)
    assert len(files(path)) >= 2
    assert past.latest_entry(open_journal().events) == NOW + timedelta(days=400)


async def test_a_clock_that_somebody_vouched_for_stays_vouched_for(open_journal: OpenJournal) -> None:
    journal = open_journal()
    journal.clock = lambda: NOW + timedelta(days=400)
    journal.write("commissioning.completed", lamp="left", ok=True)
    journal.clock = lambda: NOW
    journal.write("clock.accepted", by="okafor", reason="the battery was empty")
    await session(journal)
    for _ in range(4):
        await asyncio.sleep(86400.0)
        await session(journal)
    assert past.latest_entry(journal.events) == NOW
    assert past.latest_entry(open_journal().events) == NOW


# --- interrupted ---------------------------------------------------------------------------------------------------------


class PowerCut(BaseException):
    """Not an Exception: nothing catches it."""


class Failing:
    """The disk until its nth call, counted from when a file follows another; then `how`."""

    def __init__(self, nth: int, how: BaseException) -> None:
        self.left, self.how = nth, how

    def _call(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.how

    def write(self, file: int, data: bytes, /) -> int:
        self._call()
        return os.write(file, data)

    def fsync(self, file: int, /) -> None:
        self._call()

    def rename(self, old: Path, new: Path, /) -> None:
        self._call()
        old.rename(new)


async def almost_full(journal: Journal) -> None:
    """The next event is the first of the next file."""
    await session(journal, samples=20)


def told_thrice(journal: Journal) -> None:
    for _ in range(3):
        journal.write("told")


@pytest.mark.parametrize("nth", range(1, 10))
async def test_whatever_ends_the_process_between_two_files_nothing_is_lost(
    open_journal: OpenJournal, path: Path, nth: int
) -> None:
    journal = open_journal()
    await almost_full(journal)
    before = journal.seq
    journal.disk = Failing(nth, PowerCut())
    with pytest.raises(PowerCut):
        told_thrice(journal)
    again = open_journal()
    whole(path)
    assert again.seq >= before
    again.write("told")
    assert again.writable
    whole(path)


@pytest.mark.parametrize("nth", range(1, 8))
async def test_a_disk_that_fails_between_two_files_leaves_one_that_can_be_read(
    open_journal: OpenJournal, path: Path, nth: int
) -> None:
    journal = open_journal()
    await almost_full(journal)
    journal.disk = Failing(nth, OSError(28, "No space left on device"))
    journal.write("told")
    journal.write("told")
    again = open_journal()
    whole(path)
    assert again.writable


async def test_zeros_that_a_power_cut_left_are_set_aside(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    await session(journal, ends=False)
    journal.close()
    with path.open("ab") as file:
        file.write(bytes(3000) + b"\n")
    again = open_journal()
    assert again.events[-1]["event"] == "journal.tail_set_aside"
    assert again.events[-1]["bytes"] == 3001


async def test_what_was_acknowledged_cannot_have_been_left_unreadable_by_a_power_cut(
    open_journal: OpenJournal, path: Path
) -> None:
    journal = open_journal()
    journal.write("told")
    journal.write("told")
    journal.close()
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + bytes(300) + b"\n" + second)
    with pytest.raises(JournalDamaged, match="line 2"):
        open_journal()
    assert path.read_bytes() == first + bytes(300) + b"\n" + second


async def test_what_was_changed_is_no_power_cut(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    await session(journal)
    journal.close()
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"max_j_cm2":5.1', b'"max_j_cm2":1.1'))
    with pytest.raises(JournalDamaged, match="was changed"):
        open_journal()


# --- read again ----------------------------------------------------------------------------------------------------------


async def test_every_event_can_be_read_from_whichever_file(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    for _ in range(6):
        await session(journal)
    again = open_journal()
    for after in (0, 1, 7, 13, 14, 15, 16, 40, again.seq - 1, again.seq):
        found = [event["seq"] for event in await lookup.page(again, after, 20)]
        assert found == list(range(after + 1, min(again.seq, after + 20) + 1))


async def test_a_session_of_an_earlier_file_can_be_told(open_journal: OpenJournal) -> None:
    journal = open_journal()
    journal.write("controller.started", version="1")
    names = [await session(journal) for _ in range(5)]
    again = open_journal()
    for name in names:
        events = await lookup.session_events(again, name)
        assert [e["event"] for e in events if e.get("session") == name] == [
            "session.ordered", *["session.sample"] * 12, "session.ended",
        ]  # fmt: skip
        assert events[0]["event"] == "controller.started"
    assert [s["id"] for s in await lookup.sessions(again, 100)] == names[::-1]
    assert [s["id"] for s in await lookup.sessions(again, 2)] == names[:-3:-1]
    assert await lookup.session_events(again, "S-20261123-0099") == []


async def test_a_session_is_told_from_its_own_file_though_its_alarm_is_still_open(open_journal: OpenJournal) -> None:
    journal = open_journal()
    first = await session(journal)
    journal.write("alarm", id="A-1", lamp="left", session=first)
    for _ in range(3):
        await session(journal)
    again = open_journal()
    assert [e["id"] for e in again.events if e["event"] == "alarm"] == ["A-1"], "it is carried along"
    assert (await lookup.session_events(again, first))[0]["event"] == "session.ordered"


async def test_memory_forgets_what_is_old_and_keeps_what_lasts(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    journal.write("commissioning.completed", lamp="left", ok=True)
    journal.write("alarm", id="A-1")
    names: list[str] = []
    remembered: list[int] = []
    for _ in range(6):
        for _ in range(5):
            names.append(await session(journal))
            await asyncio.sleep(86400 / 5)
        remembered.append(len(journal.events))
    assert max(remembered[2:]) <= remembered[2] * 1.1, "flat from the third day"
    assert {"commissioning.completed", "alarm"} <= {event["event"] for event in journal.events}
    assert [s["id"] for s in await lookup.sessions(journal, 100)] == names[::-1]
    assert sum("session" in event for event in await lookup.session_events(journal, names[0])) == 14
    assert journal.memory.next_session("20261123") == "S-20261123-0031"


# --- verified ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(open_journal: OpenJournal, path: Path) -> Path:
    """Several closed files, and the one that is written."""

    async def write() -> None:
        journal = open_journal()
        for _ in range(5):
            await session(journal)
        journal.close()

    run_virtual(write())
    return path


def closed(path: Path) -> list[Path]:
    return [part.path for part in segments.closed(path)]


@pytest.mark.parametrize("which", [0, 1, -1], ids=["oldest", "middle", "newest"])
def test_a_closed_file_that_is_gone_is_missed(many: Path, which: int) -> None:
    closed(many)[which].unlink()
    broken = examine(many).broken
    assert broken is not None
    assert "no file holds them" in broken.text


def test_a_file_that_ends_while_somebody_verifies_is_no_loss(
    open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def follow_on() -> None:
        journal = open_journal()
        for _ in range(2):
            await session(journal)
        listed = segments.closed

        def closed_then_another(path: Path) -> list[segments.Closed]:
            found = listed(path)
            monkeypatch.setattr(segments, "closed", listed)
            told_thrice(journal)
            assert len(listed(path)) == len(found) + 1
            return found

        monkeypatch.setattr(segments, "closed", closed_then_another)
        whole(path)

    run_virtual(follow_on())


def test_a_closed_file_that_was_changed_is_named_with_its_line(many: Path) -> None:
    target = closed(many)[1]
    lines = target.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"t_s":', b'"t_s":1')
    target.write_bytes(b"".join(lines))
    broken = examine(many).broken
    assert broken is not None
    assert (broken.file, broken.line) == (target.name, 5)


def test_closed_files_that_changed_places_are_found(many: Path) -> None:
    one, two = closed(many)[:2]
    a, b = one.read_bytes(), two.read_bytes()
    one.write_bytes(b)
    two.write_bytes(a)
    assert examine(many).broken is not None


@pytest.mark.parametrize("behind", [0, 1, 5])
def test_a_beginning_that_nobody_signed_begins_nothing(many: Path, behind: int) -> None:
    """Whoever has no key cannot begin a file in the middle."""
    former = {"seq": 899, "hash": chain.GENESIS}
    events = [chain.linked({"seq": 900, "event": "journal.continued", "former": former}, chain.GENESIS)]
    for seq in range(901, 901 + behind):
        events.append(chain.linked({"seq": seq, "event": "told"}, events[-1]["hash"]))
    many.write_text("".join(map(chain.line, events)), encoding="utf-8")
    broken = examine(many, alone=True).broken
    assert broken is not None
    assert broken.line == 2
    assert "signed" in broken.text


async def test_a_current_file_that_is_gone_is_missed(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    for _ in range(3):
        await session(journal)
    journal.close()
    path.unlink()
    with pytest.raises(JournalDamaged, match="is gone"):
        open_journal()


async def test_a_key_that_is_gone_is_missed(open_journal: OpenJournal, path: Path) -> None:
    await session(open_journal())
    path.with_name("journal.key").unlink()
    with pytest.raises(JournalDamaged, match="key is gone"):
        open_journal()
    set_aside(path, lambda: NOW, by="okafor", reason="the disk was replaced")
    assert open_journal().writable
    whole(path)


# --- moved away ----------------------------------------------------------------------------------------------------------


def test_closed_files_can_be_moved_and_the_chain_can_still_be_followed(many: Path, tmp_path: Path) -> None:
    into = tmp_path / "elsewhere"
    into.mkdir()
    events = examine(many).events
    moved = archive.move(many, into, NOW + timedelta(days=1))
    assert len(moved) >= 3
    assert files(many) == ["journal.jsonl"]
    here = examine(many)
    assert here.broken is None
    assert any("archived elsewhere" in told for told in here.unchecked)
    both = examine(many, archive=into)
    assert (both.broken, both.events) == (None, events)
    moved[0].write_bytes(moved[1].read_bytes())
    assert examine(many, archive=into).broken is not None


def test_what_is_not_old_stays(many: Path, tmp_path: Path) -> None:
    assert archive.move(many, tmp_path, NOW - timedelta(days=1)) == []


def test_a_closed_file_that_does_not_hold_is_evidence_and_stays(many: Path, tmp_path: Path) -> None:
    target = closed(many)[0]
    target.write_bytes(target.read_bytes().replace(b'"t_s":3', b'"t_s":4', 1))
    with pytest.raises(ValueError, match="does not hold"):
        archive.move(many, tmp_path, NOW + timedelta(days=1))
    assert target.exists()


def test_another_station_s_archive_is_not_overwritten(many: Path, tmp_path: Path) -> None:
    theirs = tmp_path / closed(many)[0].name
    theirs.write_bytes(b"theirs\n")
    with pytest.raises(ValueError, match="is there already"):
        archive.move(many, tmp_path, NOW + timedelta(days=1))
    assert theirs.read_bytes() == b"theirs\n"
    assert examine(many).broken is None


def test_what_the_archive_s_disk_did_not_keep_is_not_deleted_here(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(many)

    def lossy(source: Path, into: Path) -> None:
        into.write_bytes(source.read_bytes()[:-500])

    monkeypatch.setattr(archive.shutil, "copyfile", lossy)
    with pytest.raises(ValueError, match="not what was copied"):
        archive.move(many, tmp_path, NOW + timedelta(days=1))
    assert files(many) == before


def test_a_move_that_was_cut_off_is_finished_by_the_next(many: Path, tmp_path: Path) -> None:
    first = closed(many)[0]
    (tmp_path / first.name).write_bytes(first.read_bytes())
    assert (tmp_path / first.name) in archive.move(many, tmp_path, NOW + timedelta(days=1))
    assert not first.exists()


# --- begun anew ----------------------------------------------------------------------------------------------------------


async def test_what_can_be_read_of_a_journal_that_does_not_hold_goes_on_to_count(
    open_journal: OpenJournal, path: Path
) -> None:
    journal = open_journal()
    journal.file_bytes_max = 10**9
    given = [await session(journal), await session(journal)]
    journal.write("stop.latched", by="nurse", source="api", reason="smell")
    unended = await session(journal, ends=False)
    journal.close()
    path.write_bytes(path.read_bytes().replace(b'"t_s":3', b'"t_s":4', 1))
    with pytest.raises(JournalDamaged):
        open_journal()
    set_aside(path, lambda: NOW, by="okafor", reason="a bad sector")
    again = open_journal()
    assert [g.session for g in past.given_to(again.events, "P-1", "left shoulder", NOW)] == [*given, unended]
    assert unended in again.memory.open_sessions
    assert any(e["event"] == "stop.latched" for e in again.events)
    assert again.memory.next_session("20261123") == "S-20261123-0004"
    whole(path)


async def test_a_current_file_that_is_gone_leaves_the_closed_ones_to_count(
    open_journal: OpenJournal, path: Path
) -> None:
    journal = open_journal()
    given = [await session(journal) for _ in range(3)]
    journal.close()
    in_it = sum("session.ended" in line for line in path.read_text().splitlines())
    path.unlink()
    path.with_name(ANCHOR).unlink()
    with pytest.raises(JournalDamaged, match="is gone"):
        open_journal()
    set_aside(path, lambda: NOW, by="okafor", reason="somebody deleted it")
    again = open_journal()
    known = [g.session for g in past.given_to(again.events, "P-1", "left shoulder", NOW)]
    assert known == given[: len(given) - in_it]
    whole(path)
    await session(again)
    whole(path)
    closed(path)[-1].unlink()
    broken = examine(path).broken
    assert broken is not None
    assert "no file holds them" in broken.text


# --- anchored on another disk --------------------------------------------------------------------------------------------


async def test_an_anchor_on_another_disk_is_kept_beside_the_loop(tmp_path: Path) -> None:
    elsewhere = tmp_path / "usb" / ANCHOR
    elsewhere.parent.mkdir()
    journal = Journal(tmp_path / "journal.jsonl", lambda: NOW, Beside(elsewhere))
    journal.open()
    await session(journal)
    journal.close()
    anchor: Any = read_anchor(elsewhere)
    assert anchor.seq == journal.seq - 1
