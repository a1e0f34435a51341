"""A day at a station of four lamps, hurried: whatever goes wrong in it, every session is accounted for and the journal holds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks import soak
from benchmarks.accounts import audit
from benchmarks.clinic import LAMPS, Rhythm
from benchmarks.ward import Turned, Ward, Week
from irctl.domain.limits import Bounds
from irctl_campaign.virtual import run_virtual

pytestmark = pytest.mark.skipif("IRCTL_LONG" not in os.environ, reason="a minute of computing: make long")

HURRIED = Rhythm(day_s=600.0, open_s=420.0, visit_every_s=70.0, light_s=(10.0, 30.0))
SEED = 4
"""One whose crash falls into treatments."""
FILE_BYTES_MAX = 2**17


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("soak")


@pytest.fixture(scope="module")
def week(folder: Path) -> Week:
    """What was seen of one day."""
    return run_virtual(Ward(folder, HURRIED, SEED, file_bytes_max=FILE_BYTES_MAX).run(1.0))


def test_every_session_of_a_day_with_mishaps_is_accounted_for(folder: Path, week: Week):
    found = audit(folder / "journal.jsonl", week)
    assert found.wrong == ()
    assert found.files > 1
    assert week.deaths >= 1
    assert week.cleared >= 1
    assert len(week.accounts) > 15
    assert {account.visit.lamp for account in week.accounts} == set(LAMPS)
    assert {end["outcome"] for end in found.ends.values()} >= {"completed", "interrupted"}


def _other_truth(week: Week) -> None:
    week.accounts[0].truth_j_cm2 = 1000.0


def _another_death(week: Week) -> None:
    week.deaths += 1


def _crash_without_victims(week: Week) -> None:
    week.cut_off.clear()


def _uncleared_stop(week: Week) -> None:
    week.cleared -= 1


def _refused_for_nothing(week: Week) -> None:
    stranger = replace(week.accounts[0].visit, patient="P-never-there")
    week.turned.append(Turned(week.accounts[0].ordered_at + timedelta(seconds=60), stranger))


def _beyond_the_ceiling(week: Week) -> None:
    visit = week.accounts[0].visit
    bounds = Bounds(day_fluence_j_cm2_max=visit.fluence_j_cm2 / 2)
    week.accounts[0].visit = replace(visit, limits=bounds)


def _unrecorded(week: Week) -> None:
    week.accounts.append(replace(week.accounts[0], session="S-20261123-9999"))


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (_other_truth, "gave 1000.000 J/cm², the record says"),
        (_another_death, "2 deaths"),
        (_crash_without_victims, "cut off []"),
        (_uncleared_stop, "cleared on record"),
        (_refused_for_nothing, "P-never-there was refused"),
        (_beyond_the_ceiling, "should have been refused"),
        (_unrecorded, "S-20261123-9999 was accepted and is not on record"),
    ],
)
def test_what_does_not_hold_is_found(folder: Path, week: Week, spoil: Callable[[Week], None], problem: str):
    spoiled = deepcopy(week)
    spoil(spoiled)
    found = audit(folder / "journal.jsonl", spoiled).wrong
    assert any(problem in one for one in found)


def test_a_session_that_is_missing_from_the_journal_is_found(tmp_path: Path, folder: Path, week: Week):
    copied, session = tmp_path / "copy", week.accounts[0].session
    shutil.copytree(folder, copied)
    for file in copied.glob("journal*.jsonl"):
        lines = file.read_bytes().splitlines(keepends=True)
        kept = (line for line in lines if b'"session.ended"' not in line or session.encode() not in line)
        file.write_bytes(b"".join(kept))
    found = "\n".join(audit(copied / "journal.jsonl", week).wrong)
    for problem in ("jsonl line", "numbers", f"{session} has 0 ends"):
        assert problem in found


def test_the_figures_say_what_was_seen(folder: Path, week: Week):
    found = audit(folder / "journal.jsonl", week)
    reports = (soak.memory(week), soak.timing(week, found), soak.accounts(week, found))
    assert all(target.met for report in reports for target in report.targets)
    assert sum(int(row[1]) for row in reports[2].rows) == len(week.accounts)
    doubled = deepcopy(week)
    later = [replace(sample, day=sample.day + 1, rss_mb=2 * sample.rss_mb) for sample in week.samples]
    doubled.samples += [*later, *(replace(sample, day=sample.day + 1, rss_mb=2 * sample.rss_mb) for sample in later)]
    assert not all(target.met for target in soak.memory(doubled).targets)
