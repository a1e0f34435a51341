"""The demonstration's week: what the clinic shows is what the simulated lamps gave, and all of it holds together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from irctl.cli import main
from irctl.clinic.care import courses, visits
from irctl.clinic.desk import Desk
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.opening import open_desk
from irctl.clinic.settings import load_clinic
from irctl.controller.config import load
from irctl.examples import examples
from irctl.records.tables import sessions
from irctl_campaign.virtual import run_virtual
from irctl_campaign.week import make
from irctl_campaign.week_clinic import Clinic
from irctl_campaign.week_people import PATIENTS, TODAY, Patient
from irctl_simulator.physics.treatment import Truth
from tests.simulation.world import hardware_of

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
PASSWORD, PIN = "quilted ferry mango lantern", "248163"


def named(name: str) -> Patient:
    return next(one for one in PATIENTS if one.name.startswith(name))


CLARA = named("Clara")
FEW = (named("Bruno"), replace(CLARA, comes=CLARA.comes[:1]), named("Elif"), named("Hugo"))


@dataclass(frozen=True)
class Made:
    state: Path
    desk: Desk
    truths: dict[str, Truth]

    def visits(self) -> list[Any]:
        return self.desk.papers.find(courses.VISIT, courses.Wanted())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    state = tmp_path_factory.mktemp("week")
    truths = make(state, examples(), NOW, PASSWORD, PIN, FEW)
    desk = open_desk(load_clinic(state / "clinic.toml"), state, Issuer(state), lambda: NOW, stations={})
    yield Made(state, desk, truths)
    desk.database.close()


def test_the_journal_is_whole_and_signed_to_its_end(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "verify", "--file", str(made.state / "journal.jsonl")]) == 0
    assert "The chain holds" in capsys.readouterr().out


def test_the_records_know_every_session_and_each_dose_is_what_the_lamp_really_gave(made: Made) -> None:
    with made.desk.database.reading() as connection:
        rows = {row.session: row for row in connection.execute(select(sessions))}
    assert rows.keys() == made.truths.keys()
    assert len(rows) == 6
    for session, truth in made.truths.items():
        row = rows[session]
        assert row.delivered_min_j_cm2 <= truth.fluence_j_cm2 <= row.delivered_max_j_cm2, session
    outcomes = [rows[session].outcome for session in sorted(rows)]
    assert outcomes.count("completed") == 5
    assert outcomes.count("stopped") == 1


def test_every_visit_with_light_is_signed_and_who_should_not_be_treated_was_not(made: Made) -> None:
    states = [visit.index.state for visit in made.visits()]
    assert states.count("signed") == len(made.truths)
    assert states.count("refused") == 1
    for visit in made.visits():
        body = visits.body_of(visit)
        assert (body.session is None) == (visit.index.state == "refused")


def test_the_course_that_reached_its_goal_was_ended_with_the_reason(made: Made) -> None:
    ended = made.desk.papers.find(courses.KIND, courses.Wanted(states=("ended",)))
    assert [courses.body_of(course).area for course in ended] == ["lumbar"]
    assert "the change that matters is reached" in ended[0].body["closed"]


def test_it_happened_on_the_five_working_days_before_today(made: Made) -> None:
    days = {f"{visit.index.moment.astimezone(made.desk.zone):%a %d}" for visit in made.visits()}
    assert days == {"Thu 19", "Fri 20", "Tue 24", "Wed 25"}
    assert TODAY == 5


def test_today_the_right_lamp_waits_for_its_check_and_nothing_else_is_overdue(made: Made) -> None:
    """The real processes go on with the same folder: the stop of the week is cleared, the calibration is in force."""

    async def this_morning() -> tuple[list[Any], Any]:
        clinic = Clinic(made.state, load(made.state / "station.toml"), hardware_of({}), NOW)
        async with clinic.switched_on():
            found = await clinic.station.get("/v1/due"), await clinic.station.hear()
        clinic.desk.database.close()
        return found

    due, view = run_virtual(this_morning())
    assert [one["what"] for one in due if one["overdue"]] == ["check of right"]
    assert view["latched"] is None
    right = next(lamp for lamp in view["lamps"] if lamp["name"] == "right")
    assert right["calibration"]["id"].startswith("C-20261119")
