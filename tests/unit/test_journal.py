"""The journal: what it acknowledges is on the disk and in the chain; what it cannot write it says, and never raises."""

# ruff: noqa: ASYNC240 - files are what this is about

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from irctl.controller.journal.anchor import ANCHOR, AtOnce, read_anchor
from irctl.controller.journal.examining import examine
from irctl.controller.journal.journal import Journal
from irctl.controller.journal.reopening import JournalDamaged
from irctl.controller.journal.seal import Seal
from irctl.controller.journal.setting_aside import set_aside
from irctl.domain import chain
from tests.unit.worlds import NOW

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

OpenJournal = Callable[[], Journal]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.jsonl"


@pytest.fixture
def open_journal(path: Path) -> Iterator[OpenJournal]:
    """Opens the journal, as often as it is asked: each time as a controller does that has just started."""
    opened: list[Journal] = []

    def open_it() -> Journal:
        for journal in opened:
            journal.close()
        journal = Journal(path, lambda: NOW)
        opened.append(journal)
        journal.open()
        return journal

    yield open_it
    for journal in opened:
        journal.close()


def on_disk(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    assert chain.verify(chain.lines(text.encode())).broken is None
    return [json.loads(line) for line in text.split("\n") if line]


def told(journal: Journal, count: int) -> None:
    for number in range(count):
        journal.write("told", number=number)


# --- written and read back ---------------------------------------------------------------------------------------------


async def test_what_is_written_is_on_the_disk_in_order_and_chained(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    journal.write("session.ordered", session="S-1", order={"fluence_j_cm2": 60.0})
    await asyncio.sleep(1.5)
    journal.write("session.off", session="S-1")
    first, second = on_disk(path)
    assert (first["seq"], first["event"], first["at"], first["mono_s"]) == (
        1,
        "session.ordered",
        "2026-11-23T10:00:00.000Z",
        0.0,
    )
    assert (second["seq"], second["mono_s"], second["prev"]) == (2, 1.5, first["hash"])
    assert (journal.seq, journal.head) == (2, second["hash"])


async def test_what_is_kept_in_memory_is_what_is_on_the_disk(open_journal: OpenJournal, path: Path) -> None:
    class State(StrEnum):
        READY = "ready"

    journal = open_journal()
    evidence: dict[str, Any] = {"off_sent_s": None}
    journal.write("odd", state=State.READY, numbers={10: "a", 9: "b"}, pair=(1, 2), evidence=evidence)
    evidence["off_sent_s"] = 0.1
    assert journal.events == on_disk(path)
    assert open_journal().events == on_disk(path)


async def test_after_a_restart_it_goes_on_where_it_was(open_journal: OpenJournal, path: Path) -> None:
    told(open_journal(), 3)
    journal = open_journal()
    assert [e["number"] for e in journal.events] == [0, 1, 2]
    journal.write("told", number=3)
    assert [e["seq"] for e in on_disk(path)] == [1, 2, 3, 4]


async def test_the_same_events_make_the_same_bytes(open_journal: OpenJournal, path: Path) -> None:
    told(open_journal(), 3)
    first = path.read_bytes()
    path.unlink()
    told(open_journal(), 3)
    assert path.read_bytes() == first


async def test_a_reader_can_go_on_from_any_number(open_journal: OpenJournal) -> None:
    journal = open_journal()
    told(journal, 4)
    assert [e["seq"] for e in journal.memory.after(2)] == [3, 4]
    assert [e["seq"] for e in journal.memory.after(-1)] == [1, 2, 3, 4]
    assert journal.memory.after(4) == journal.memory.after(99) == []


async def test_nobody_else_may_read_it(open_journal: OpenJournal, path: Path) -> None:
    open_journal()
    assert path.stat().st_mode & 0o077 == 0


async def test_an_event_is_synced_before_write_returns_and_a_sample_is_not(
    open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal()
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    journal.write("session.sample", sync=False)
    assert synced == []
    journal.write("session.off")
    assert len(synced) == 1


@pytest.mark.parametrize(
    "text",
    [
        "next\x85line",
        "separator\u2028",
        "paragraph\u2029",
        "feed\x0c",
        "return\r",
        "break\n",
        "\x1c\x1d\x1e",
        "\0",
        "😀 腰部",
    ],
)
async def test_no_text_that_anybody_sends_spoils_the_next_start(open_journal: OpenJournal, text: str) -> None:
    """An emergency stop takes any reason from anybody: it must not keep the controller from starting again."""
    open_journal().write("stop.latched", reason=text)
    journal = open_journal()
    assert journal.events[0]["reason"] == text
    assert journal.writable


# --- torn and damaged --------------------------------------------------------------------------------------------------


async def test_a_torn_tail_is_set_aside_and_the_journal_goes_on(open_journal: OpenJournal, path: Path) -> None:
    told(open_journal(), 2)
    torn = b'{"event":"told","mono_s":0.0,"num'
    with path.open("ab") as file:
        file.write(torn)
    journal = open_journal()
    assert [e["event"] for e in on_disk(path)] == ["told", "told", "journal.tail_set_aside"]
    assert journal.events[-1]["bytes"] == len(torn)
    assert path.with_suffix(".torn").read_bytes() == torn


async def test_every_torn_tail_is_kept(open_journal: OpenJournal, path: Path) -> None:
    told(open_journal(), 1)
    for torn in (b"first", b"second"):
        with path.open("ab") as file:
            file.write(torn)
        open_journal()
    assert path.with_suffix(".torn").read_bytes() == b"firstsecond"


@pytest.mark.parametrize("cut", [1, 20, 100])
async def test_wherever_a_kill_cuts_the_last_line_the_events_before_it_survive(
    open_journal: OpenJournal, path: Path, cut: int
) -> None:
    told(open_journal(), 3)
    os.truncate(path, path.stat().st_size - cut)
    assert [e["event"] for e in open_journal().events] == ["told", "told", "journal.tail_set_aside"]


def change_a_value(data: bytes) -> bytes:
    return data.replace(b'"number":1', b'"number":7')


def drop_a_line(data: bytes) -> bytes:
    first, _, *rest = data.splitlines(keepends=True)
    return b"".join([first, *rest])


def swap_lines(data: bytes) -> bytes:
    a, b, *rest = data.splitlines(keepends=True)
    return b"".join([b, a, *rest])


def spoil_utf8(data: bytes) -> bytes:
    return data.replace(b'"number":1', b'"number":"\xff"')


@pytest.mark.parametrize(("damage", "line"), [(change_a_value, 2), (drop_a_line, 2), (swap_lines, 1), (spoil_utf8, 2)])
async def test_a_damaged_chain_refuses_to_open_names_the_line_and_changes_nothing(
    open_journal: OpenJournal, path: Path, damage: Callable[[bytes], bytes], line: int
) -> None:
    told(open_journal(), 4)
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    with pytest.raises(JournalDamaged, match=rf"journal\.jsonl line {line}: "):
        open_journal()
    assert path.read_bytes() == damaged


# --- not to be written -------------------------------------------------------------------------------------------------


async def test_a_journal_that_is_not_open_is_not_writable_and_says_nothing(path: Path) -> None:
    journal = Journal(path, lambda: NOW)
    assert not journal.writable
    journal.write("told")
    assert not path.exists()


async def test_a_closed_journal_is_not_writable(open_journal: OpenJournal) -> None:
    journal = open_journal()
    assert journal.writable
    journal.close()
    assert not journal.writable


async def test_a_full_disk_makes_it_unwritable_with_the_reason(
    open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal()
    told(journal, 1)

    def full(_file: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    journal.write("session.ordered")
    assert not journal.writable
    assert journal.failure == "journal.jsonl: No space left on device"
    assert [e["event"] for e in on_disk(path)] == [e["event"] for e in journal.events] == ["told"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
async def test_a_really_full_device_too(open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = open_journal()
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(journal, "_file", full)
    journal.write("session.ordered")
    assert journal.failure == "journal.jsonl: No space left on device"
    assert journal.seq == 0


async def test_a_disk_that_cannot_sync_makes_it_unwritable(
    open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal()

    def broken(_file: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    journal.write("session.sample", sync=False)
    assert journal.writable
    journal.write("session.ordered")
    assert not journal.writable


async def test_half_a_line_is_taken_back_and_later_events_keep_the_chain_whole(
    open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal()
    told(journal, 1)
    whole_write = os.write
    with monkeypatch.context() as nearly_full:
        nearly_full.setattr(os, "write", lambda file, data: whole_write(file, data[:20]))
        journal.write("session.ordered")
    assert not journal.writable
    journal.write("stop.latched")
    assert [e["event"] for e in on_disk(path)] == ["told", "stop.latched"]
    assert not journal.writable, "what failed once has to be looked at"
    assert open_journal().writable


async def test_where_half_a_line_cannot_be_taken_back_nothing_is_written_after_it(
    open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal()
    told(journal, 1)
    whole_write = os.write

    def stuck(_file: int, _size: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as failing:
        failing.setattr(os, "write", lambda file, data: whole_write(file, data[:20]))
        failing.setattr(os, "ftruncate", stuck)
        journal.write("session.ordered")
    journal.write("stop.latched")
    assert not journal.writable
    assert [e["event"] for e in open_journal().events] == ["told", "journal.tail_set_aside"]


@pytest.mark.parametrize("field", [float("nan"), float("inf"), Ellipsis, {1, 2}, b"bytes", "half\ud800pair"], ids=repr)
async def test_a_field_that_json_cannot_hold_is_a_failure_and_not_an_exception(
    open_journal: OpenJournal, path: Path, field: object
) -> None:
    journal = open_journal()
    journal.write("session.sample", value=field)
    assert not journal.writable
    assert journal.failure is not None
    assert "'session.sample'" in journal.failure
    journal.write("stop.latched")
    assert [e["event"] for e in on_disk(path)] == ["stop.latched"]


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may write everywhere")
async def test_a_folder_that_may_not_be_written_is_an_error_at_once(open_journal: OpenJournal, path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o500)
    with pytest.raises(OSError, match="Permission"):
        open_journal()


# --- signed, and anchored ------------------------------------------------------------------------------------------------


def examined(path: Path) -> chain.Verified:
    return examine(path)


def signed_up(journal: Journal, count: int = 3) -> None:
    """A few events and a checkpoint behind them."""
    told(journal, count)
    journal.write("session.ended", session="S-1")


async def test_what_closes_a_session_is_signed_and_anchored(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    signed_up(journal)
    assert [e["event"] for e in on_disk(path)][-2:] == ["session.ended", "journal.checkpoint"]
    found = examined(path)
    assert (found.broken, found.signed) == (None, 4)
    anchor = read_anchor(journal.anchoring.path)
    assert anchor is not None
    assert (anchor.seq, anchor.head) == (4, on_disk(path)[3]["hash"])


async def test_a_journal_that_is_written_to_is_signed_every_minute(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    for _ in range(5):
        journal.write("told", number=1)
        await asyncio.sleep(31.0)
    assert sum(e["event"] == "journal.checkpoint" for e in on_disk(path)) == 2


@pytest.mark.parametrize("kept", [0, 1, 3])
async def test_an_end_that_is_missing_is_found_and_forbids_light(
    open_journal: OpenJournal, path: Path, kept: int
) -> None:
    signed_up(open_journal())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:kept]))
    broken = examined(path).broken
    assert broken is not None
    assert broken.line == kept + 1
    assert "cut off" in broken.text
    with pytest.raises(JournalDamaged, match="cut off"):
        open_journal()


async def test_an_older_copy_in_its_place_is_found(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    signed_up(journal)
    copy = path.read_bytes()
    signed_up(journal)
    path.write_bytes(copy)
    with pytest.raises(JournalDamaged, match="older copy"):
        open_journal()


async def test_a_history_computed_anew_does_not_match_its_signatures(open_journal: OpenJournal, path: Path) -> None:
    signed_up(open_journal())
    events, prev = on_disk(path), chain.GENESIS
    events[0]["number"] = 99
    for event in events:
        event["prev"] = prev
        prev = event["hash"] = chain.link(event)
    path.write_text("".join(map(chain.line, events)), encoding="utf-8")
    assert chain.verify(chain.lines(path.read_bytes())).broken is None, "the chain alone is fooled"
    broken = examined(path).broken
    assert broken is not None
    assert broken.line == 4, "the anchor knows another event by this number"
    (path.parent / ANCHOR).unlink()
    broken = examined(path).broken
    assert broken is not None
    assert "signature" in broken.text


async def test_a_checkpoint_by_another_key_is_no_checkpoint(open_journal: OpenJournal, path: Path) -> None:
    signed_up(open_journal())
    (path.parent / "journal.pub").write_text(Seal(bytes(32)).public_key.hex())
    broken = examined(path).broken
    assert broken is not None
    assert "not known" in broken.text


async def test_an_anchor_that_cannot_be_written_ends_no_treatment_and_is_on_record(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", lambda: NOW, AtOnce(tmp_path / "gone" / "journal.anchor"))
    journal.open()
    signed_up(journal)
    signed_up(journal)
    assert journal.writable
    assert journal.anchor_failure
    journal.close()
    assert [e["event"] for e in on_disk(journal.path)].count("journal.anchor_failed") == 1


async def test_only_its_owner_may_read_the_key(open_journal: OpenJournal, path: Path) -> None:
    open_journal()
    assert (path.parent / "journal.key").stat().st_mode & 0o077 == 0


async def test_a_journal_that_is_set_aside_is_kept(open_journal: OpenJournal, path: Path) -> None:
    signed_up(open_journal())
    path.write_bytes(path.read_bytes()[:300])
    aside = set_aside(path, lambda: NOW, by="okafor", reason="the disk failed")
    assert aside.stat().st_size == 300
    journal = open_journal()
    assert journal.writable
    (opening, *_) = on_disk(path)
    assert (opening["event"], opening["by"], opening["reason"]) == ("journal.set_aside", "okafor", "the disk failed")
    assert opening["seq"] > 4, "the numbers go on: none is given twice"
