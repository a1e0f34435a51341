"""What a journal says is in the database: once, whole, the same whatever came in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irctl.controller.journal import archive, segments
from irctl.domain.chain import CHECKPOINT, CONTINUED, Event
from irctl.domain.problems import Refused
from irctl.records import following
from irctl.records.database import Database
from irctl.records.following import controller_of, cursor, follow, rebuild, status
from irctl.records.listing import Wanted, listed
from tests.records.worlds import NOW, Written, events_of, of, told

NewDatabase = Callable[[], Database]


def test_the_sessions_are_what_the_journal_says_they_are(database: Database, journal: Path) -> None:
    events = events_of(journal)
    follow(database, of(events), events)
    cut_off, stopped, completed = listed(database, Wanted(), 10)
    assert [one["outcome"] for one in (completed, stopped, cut_off)] == ["completed", "stopped", "interrupted"]
    ended = [event for event in events if event["event"] == "session.ended"]
    for session, event in zip((completed, stopped, cut_off), ended, strict=True):
        delivered = event["delivered"]
        assert session["session"] == event["session"]
        assert session["delivered_min_j_cm2"] == delivered["min_j_cm2"]
        assert session["delivered_j_cm2"] == delivered["best_j_cm2"]
        assert session["delivered_max_j_cm2"] == delivered["max_j_cm2"]
        assert session["contributions"] == delivered["contributions"]
        assert session["ended_at"] == datetime.fromisoformat(event["ended_at"])
        assert session["ended_at"].tzinfo is UTC
    assert (completed["patient"], completed["area"], completed["ordered_by"]) == ("P-1", "lumbar", "a clinician")
    assert (completed["prescribed_j_cm2"], completed["lamp"], completed["lamp_serial"]) == (1.0, "left", "SIM-L-001")
    assert completed["calibration"].startswith("C-20261123-")
    assert completed["station"] == "Demonstration"
    assert stopped["hazard"] == "H15"


def test_everything_else_has_its_table(database: Database, journal: Path) -> None:
    events = events_of(journal)
    assert len({segments.closed(journal)[0].path, journal}) == 2, "it is one of several files"
    controller = of(events)
    follow(database, controller, events)
    found = told(database, controller)
    (stop,) = found["stops"]
    assert (stop["by"], stop["reason"], stop["cleared_by"], stop["cleared_reason"]) == (
        "a nurse", "smoke", "a technician", "it was steam",
    )  # fmt: skip
    assert stop["evidence"]["left"]["verified_dark_s"] < 1.0
    approved, abandoned = found["calibrations"]
    assert (approved["outcome"], approved["closed_by"], abandoned["outcome"]) == (
        "approved", "a second person", "abandoned",
    )  # fmt: skip
    assert approved["result"]["as-found"]["verdict"]["decision"] == "pass"
    assert abandoned["reason"] == "the meter was dropped"
    assert [check["verdict"] for check in found["checks"]] == ["pass"]
    assert [(work["kind"], work["note"]) for work in found["maintenance"]] == [("cleaned", "the reflector")]
    assert [proof["ok"] for proof in found["commissioning"]] == [True]
    (alarm,) = [alarm for alarm in found["alarms"] if alarm["hazard"] == "H15"]
    assert alarm["acknowledged_by"] == "a nurse"
    kinds = [entry["event"] for entry in found["entries"]]
    assert {"session.paused", "session.resumed"} <= set(kinds)
    assert not any("sample" in kind or "reading" in kind for kind in kinds), "each second stays in the journal"
    (at,) = found["cursors"]
    assert (at["seq"], at["head"]) == (events[-1]["seq"], events[-1]["hash"])


def test_an_event_of_a_later_controller_is_kept_as_it_is(database: Database) -> None:
    written = Written()
    written.write("lamp.polished", lamp="left", by="somebody", cloth={"kind": "dry"})
    written.write("text.with.nul", by="a\0b", lamp="left")
    follow(database, "c", written.events)
    polished, nul = told(database, "c")["entries"]
    assert (polished["event"], polished["by"], polished["told"]) == (
        "lamp.polished", "somebody", {"cloth": {"kind": "dry"}},
    )  # fmt: skip
    assert nul["by"] == "a\ufffdb", "PostgreSQL holds no U+0000"


_names = count(1)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_split_of_the_stream_gives_the_same_rows(database: Database, journal: Path, data: st.DataObject) -> None:
    """In pieces of any size, in runs that end anywhere and begin again anywhere before, as a client that asks twice would."""
    events = events_of(journal)
    once, split = f"once-{next(_names)}", f"split-{next(_names)}"
    follow(database, once, events, batch=len(events))
    end = 0
    while end < len(events):
        again = data.draw(st.integers(0, max(0, cursor(database, split).seq - 1)), label="begins again at")
        end = data.draw(st.integers(end + 1, len(events)), label="and ends before")
        batch = data.draw(st.integers(1, 50), label="in pieces of")
        follow(database, split, events[again:end], batch)
    assert told(database, split) == told(database, once)


def test_both_databases_hold_the_same(new_database: NewDatabase, journal: Path, tmp_path: Path) -> None:
    """Told by what a SQLite file holds: this runs on SQLite, where it says little, and on PostgreSQL."""
    events, database = events_of(journal), new_database()
    beside = Database(f"sqlite:///{tmp_path}/beside.sqlite")
    beside.prepare()
    for one in (database, beside):
        follow(one, of(events), events)
    assert told(database, of(events)) == told(beside, of(events))
    beside.close()


def test_a_rebuild_gives_the_same_rows_and_says_so(database: Database, journal: Path) -> None:
    events = events_of(journal)
    controller = of(events)
    follow(database, controller, events[:100], batch=7)
    follow(database, controller, events[cursor(database, controller).seq - 1 :], batch=7)
    before = told(database, controller)
    done = rebuild(database, controller, iter(events))
    assert done.differing == ()
    assert done.events == len(events)
    assert told(database, controller) == before


def test_a_rebuild_finds_a_row_that_somebody_changed_and_puts_it_right(database: Database, journal: Path) -> None:
    events = events_of(journal)
    controller = of(events)
    follow(database, controller, events)
    before = told(database, controller)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE sessions SET delivered_max_j_cm2 = 0.5 WHERE outcome = 'interrupted'")
    assert rebuild(database, controller, iter(events)).differing == ("sessions",)
    assert told(database, controller) == before


def test_a_rebuild_goes_on_to_what_is_new(database: Database, journal: Path) -> None:
    events = events_of(journal)
    controller = of(events)
    follow(database, controller, events[:60])
    done = rebuild(database, controller, iter(events))
    assert (done.differing, done.seq) == ((), events[-1]["seq"])


def test_a_rebuild_from_less_than_was_known_changes_nothing(database: Database, journal: Path) -> None:
    events = events_of(journal)
    controller = of(events)
    follow(database, controller, events)
    before = told(database, controller)
    begins = next(i for i, event in enumerate(events) if event["event"] == CONTINUED)
    for less in (events[:-1], events[begins:]):
        with pytest.raises(Refused, match="no longer tells everything"):
            rebuild(database, controller, iter(less))
    assert told(database, controller) == before


def test_what_a_controller_told_is_not_touched_by_another(database: Database, journal: Path) -> None:
    events = events_of(journal)
    follow(database, "one", events)
    other = Written()
    other.write("session.ended", **{name: value for name, value in _ended(events).items() if name not in _FRAME})
    follow(database, "other", other.events)
    rebuild(database, "other", iter(other.events))
    assert len(told(database, "one")["sessions"]) == 3
    assert len(told(database, "other")["sessions"]) == 1
    assert [one["controller"] for one in status(database)] == ["one", "other"]


_FRAME = {"seq", "at", "mono_s", "event", "prev", "hash"}


def _ended(events: list[Event]) -> Event:
    return next(event for event in events if event["event"] == "session.ended")


# --- what does not fit -----------------------------------------------------------------------------------------------------


def test_nothing_of_a_batch_is_there_when_it_breaks_off(database: Database, journal: Path) -> None:
    events = events_of(journal)
    controller = of(events)

    def breaking() -> Iterator[Event]:
        yield from islice(events, 57)
        raise ConnectionError("the line is gone")

    with pytest.raises(ConnectionError):
        follow(database, controller, breaking(), batch=10)
    assert cursor(database, controller).seq == 50
    follow(database, controller, events[49:])
    follow(database, "once", events)
    assert told(database, controller) == told(database, "once")


def test_rows_and_cursor_are_written_together_or_not_at_all(
    database: Database, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursor is the last row of a batch; a failure at any of the statements before it leaves nothing."""
    events = events_of(journal)
    follow(database, "c", events[:100])
    before, write = told(database, "c"), following.upsert
    for survives in range(6):
        left = count(survives, -1)

        def fails(*row: Any, left: Iterator[int] = left) -> None:
            if next(left) == 0:
                raise MemoryError
            write(*row)

        monkeypatch.setattr(following, "upsert", fails)
        with pytest.raises(MemoryError):
            follow(database, "c", events)
        assert told(database, "c") == before


def test_what_a_power_cut_could_take_waits(database: Database, journal: Path) -> None:
    """Samples are written without a sync. After a power cut their numbers may be those of other events, and the record must go on with these."""
    events = events_of(journal)
    begin = next(i for i, e in enumerate(events) if e["event"] == "session.sample" and _is_sample(events[i + 1]))
    follow(database, "c", events[: begin + 2])
    assert cursor(database, "c").seq == begin, "up to the last event that was synced"
    after = Written(begin, events[begin - 1]["hash"])
    after.write("controller.started", station="S", simulated=True, version="1", station_hash="")
    assert follow(database, "c", [*events[:begin], *after.events]).events == 1


def _is_sample(event: Event) -> bool:
    return event["event"] == "session.sample"


def test_a_missing_event_is_refused(database: Database, journal: Path) -> None:
    events = events_of(journal)
    with pytest.raises(Refused, match="does not follow event 20"):
        follow(database, "c", [*events[:20], *events[21:]])
    assert cursor(database, "c").seq == 0, "nothing of that batch"


def test_a_changed_event_is_refused(database: Database, journal: Path) -> None:
    events = events_of(journal)
    place = next(i for i, event in enumerate(events) if event["event"] == "session.ended")
    events[place] = {**events[place], "delivered": events[place]["delivered"] | {"max_j_cm2": 0.1}}
    with pytest.raises(Refused, match="it was changed"):
        follow(database, "c", events)


def test_a_history_that_was_written_anew_is_refused(database: Database) -> None:
    for text in ("first", "second"):
        written = Written()
        written.write("note", text=text)
        if text == "first":
            follow(database, "c", written.events)
    with pytest.raises(Refused, match="written anew"):
        follow(database, "c", written.events)


def test_a_journal_whose_end_was_lost_is_refused(database: Database, journal: Path) -> None:
    events = events_of(journal)
    follow(database, "c", events)
    for shorter in (events[:-5], []):
        with pytest.raises(Refused, match="its end was lost"):
            follow(database, "c", shorter)


def test_an_event_of_no_known_form_stops_it_and_is_named(database: Database) -> None:
    written = Written()
    written.write("note", text="fine")
    written.write("session.ordered", session="S-1", lamp="left")
    with pytest.raises(Refused, match=r"seq = 2: session.ordered is not as this version knows it"):
        follow(database, "c", written.events)


def test_another_projection_asks_for_a_rebuild(
    database: Database, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = events_of(journal)
    follow(database, "c", events)
    monkeypatch.setattr("irctl.records.projection.VERSION", 2)
    assert [one["rebuild"] for one in status(database)] == [True]
    with pytest.raises(Refused, match="irctl records rebuild"):
        follow(database, "c", events)
    rebuild(database, "c", iter(events))
    assert [one["rebuild"] for one in status(database)] == [False]
    assert follow(database, "c", events).events == 0


# --- files ---------------------------------------------------------------------------------------------------------------


def test_whose_journal_it_is_is_known_by_its_key(journal: Path) -> None:
    events = events_of(journal)
    (key,) = {event["key"] for event in events if event["event"] == CHECKPOINT}
    assert controller_of(events) == key
    assert controller_of(event for event in events if event["event"] != CHECKPOINT) is None


@pytest.mark.parametrize("after", [0, 1, 40, 100])
def test_files_are_read_from_any_number_on(journal: Path, after: int) -> None:
    assert [event["seq"] for event in events_of(journal, after)] == [
        event["seq"] for event in events_of(journal) if event["seq"] > after
    ]


def test_a_line_that_is_being_written_is_left_for_the_next_time(
    database: Database, journal: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    copy.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    assert events_of(copy)[-1]["seq"] == events_of(journal)[-2]["seq"]


def test_files_that_were_moved_away_are_read_there_or_said_to_be_missing(
    new_database: NewDatabase, journal: Path, tmp_path: Path
) -> None:
    state, into = tmp_path / "state", tmp_path / "archive"
    state.mkdir(), into.mkdir()
    for path in journal.parent.glob("journal*.jsonl"):
        (state / path.name).write_bytes(path.read_bytes())
    here = state / "journal.jsonl"
    moved = archive.move(here, into, NOW)
    assert moved
    assert events_of(here, 0, into) == events_of(journal)
    whole, part = new_database(), new_database()
    follow(whole, "c", events_of(here, 0, into))
    follow(part, "c", events_of(here))
    begins = events_of(here)[0]["seq"]
    assert status(whole)[0]["gaps"] == []
    assert status(part)[0]["gaps"] == [(0, begins)]
    assert rebuild(part, "c", events_of(here, 0, into)).events == len(events_of(journal))
    assert told(part, "c") == told(whole, "c")
