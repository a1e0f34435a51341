"""`irctl records` as a person runs it, and what a kill leaves."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.records import KEY, a_journal
from irctl.domain import chain
from irctl.records.database import Database
from irctl.records.following import cursor, follow
from tests.records.conftest import NewUrl
from tests.records.worlds import events_of, of, told
from tests.service.worlds import a_station, an_order, environment, irctl

SESSIONS = 150
FOLLOWS = """
import sys
from irctl.controller.journal.segments import events_after
from irctl.records.database import Database
from irctl.records.following import cursor, follow
from pathlib import Path
database, key, path = Database(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
print("begins", flush=True)
follow(database, key, events_after(path, max(0, cursor(database, key).seq - 1)), batch=5)
"""


def test_killed_at_any_moment_it_goes_on_and_ends_with_the_same_rows(new_url: NewUrl, tmp_path: Path) -> None:
    """SIGKILL in the middle of small batches, again and again: nothing is lost, nothing is there twice."""
    path = tmp_path / "journal.jsonl"
    events = list(a_journal(SESSIONS))
    path.write_text("".join(map(chain.line, events)), encoding="utf-8")
    url = new_url()
    database = Database(url)
    database.prepare()
    reached = [0]
    while reached[-1] < len(events):
        _killed_on_the_way(url, path, len(reached))
        reached.append(cursor(database, KEY).seq)
        assert reached[-1] >= reached[-2], "never back"
        assert len(reached) < 500
    cut = [seq for seq in reached[1:] if seq < len(events)]
    assert len(set(cut)) >= 3, f"it was killed on the way: {reached}"
    follow(database, "once", iter(events))
    assert told(database, KEY) == told(database, "once")
    database.close()


def _killed_on_the_way(url: str, path: Path, nth: int) -> None:
    """One run, killed after a little longer than the one before: so that it ends one day, however slow this computer is."""
    words = [sys.executable, "-c", FOLLOWS, url, KEY, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begins\n"
        time.sleep(0.02 * nth)
        process.kill()


def records(*words: str, url: str) -> subprocess.CompletedProcess[str]:
    return irctl("records", *words, "--database", url)


def asked(*words: str, url: str) -> object:
    done = records(*words, "--json", url=url)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_from_a_file_to_a_restored_back_up(new_url: NewUrl, journal: Path, tmp_path: Path) -> None:
    url, controller, events = new_url(), of(events_of(journal)), events_of(journal)
    done = {"controller": controller, "events": len(events), "seq": len(events)}
    assert asked("sync", "--file", str(journal), url=url) == [done]
    assert asked("sync", "--file", str(journal), url=url) == [done | {"events": 0}]
    assert asked("rebuild", "--file", str(journal), url=url) == [done | {"differing": []}]
    found = asked("sessions", "--patient", "P-1", "--outcome", "completed", "--since", "2026-11-23", url=url)
    assert isinstance(found, list)
    (one,) = found
    ended = next(event for event in events if event["event"] == "session.ended")
    assert (one["session"], one["delivered_j_cm2"]) == (ended["session"], ended["delivered"]["best_j_cm2"])
    assert one["ordered_at"].endswith("+00:00")
    assert asked("sessions", "--until", "2026-11-23", url=url) == []
    backup, key, other = tmp_path / "backup.jsonl", tmp_path / "records.key", new_url()
    written = asked("backup", str(backup), url=url)
    assert asked("restore", str(backup), url=other) == written
    assert asked("sessions", url=other) == asked("sessions", url=url)
    rotated = asked("rotate-key", "--key", str(key), url=url)
    assert isinstance(rotated, dict)
    assert rotated["rows"] == 0
    assert key.stat().st_mode & 0o777 == 0o600
    status = asked("status", url=url)
    assert isinstance(status, dict)
    assert status["controllers"][0]["rows"]["sessions"] == 3
    assert status["bytes"] > 0


def test_people_read_the_interval_of_what_was_delivered(new_url: NewUrl, journal: Path) -> None:
    url = new_url()
    assert records("sync", "--file", str(journal), url=url).returncode == 0
    said = records("sessions", url=url).stdout
    assert "S-20261123-0001" in said
    assert "between" in said
    assert "interrupted" in said
    assert "Demonstration (simulated)" in records("status", url=url).stdout


@pytest.mark.parametrize("command", ["sync", "rebuild", "sessions", "status", "backup", "restore", "rotate-key"])
def test_help_shows_an_example(command: str) -> None:
    assert f"\nirctl records {command}" in irctl("records", command, "--help").stdout


def test_what_cannot_be_done_is_refused_with_the_codes_of_all_commands(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.sqlite"
    assert records("sync", "--url", "http://127.0.0.1:9", url=url).returncode == 4, "no controller answers"
    for words in (
        ("sync", "--file", str(tmp_path / "none.jsonl")),
        ("backup", str(tmp_path / "nowhere" / "backup.jsonl")),
        ("restore", str(tmp_path / "none.jsonl")),
    ):
        done = records(*words, "--json", url=url)
        assert done.returncode == 3, (words, done.stdout, done.stderr)
        assert json.loads(done.stdout)["problems"]
    assert records("sessions", url=f"sqlite:///{tmp_path}/other.sqlite").returncode == 3, "nothing was ever synced"
    assert not (tmp_path / "other.sqlite").exists(), "who only looks makes no file"


def test_a_journal_that_nobody_has_signed_yet_has_no_name(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(chain.line(next(a_journal(1))), encoding="utf-8")
    done = records("sync", "--file", str(path), url=f"sqlite:///{tmp_path}/records.sqlite")
    assert done.returncode == 3
    assert "not signed yet" in done.stderr


def test_from_a_running_controller(tmp_path: Path) -> None:
    """Page by page over its API, while it runs; then from its file: the same events, none counted again."""
    url = f"sqlite:///{tmp_path}/records.sqlite"
    with a_station(tmp_path) as station:
        done = irctl(*an_order(fluence=0.5), url=station.url, timeout=90.0)
        assert done.returncode == 0, done.stdout + done.stderr
        (session,) = json.loads(station.irctl("sessions", "--json").stdout)
        assert station.irctl("records", "sync", "--database", url).returncode == 0
        found = asked("sessions", url=url)
        assert isinstance(found, list)
        (one,) = found
        assert (one["session"], one["patient"], one["outcome"]) == (session["id"], "P-17", "completed")
        assert one["delivered_max_j_cm2"] == session["delivered"]["max_j_cm2"]
        assert asked("sync", "--file", str(station.journal), url=url) != []
        assert asked("sessions", url=url) == found
