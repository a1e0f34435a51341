"""A visit up to its light: what has to agree first, and what is asked of the controller then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from irctl.clinic.acting import Acting
from irctl.clinic.care import courses, visits
from irctl.clinic.care.courses import CourseBody
from irctl.clinic.desk import Desk
from irctl.clinic.lamps.stations import Station
from irctl.domain.people import Person, Role
from irctl.domain.problems import Problem, Refused
from irctl.domain.screening import Answer, Trial
from irctl.records.papers import Paper
from irctl.records.people import Person as Patient
from tests.clinic.shelves import HELPER, NAME, SECOND, WROTE, Lamp, a_desk, by

TECHNICIAN = Person("t.tech", "T. Tech", frozenset({Role.TECHNICIAN}))
SESSION = "S-20261125-0001"


class Controller(Lamp):
    """Takes orders and starts, and keeps what was asked of it. `calibration` is what is in force there."""

    def __init__(self) -> None:
        super().__init__(simulated=True)
        self.asked: list[tuple[str, str]] = []
        self.calibration = "CAL-1"
        self.refusal: Problem | None = None
        """Instead of a start."""

    def lamp(self, name: str) -> dict[str, Any]:
        return super().lamp(name) | {"calibration": {"id": self.calibration}}

    async def post(self, path: str, acting: Acting, body: Any = None) -> dict[str, Any]:
        assert acting.person is not None
        self.asked.append((path, acting.person.login))
        if path.endswith("/start") and self.refusal is not None:
            raise Refused([self.refusal])
        return {"id": SESSION}

    async def controller(self) -> str:
        return "c0ffee"


class Beside:
    """A patient beside a lamp, and somebody who treats."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.asked_of = desk, Controller()
        self.station = cast("Station", self.asked_of)
        desk.patients.add("P-1", Patient("Ada Example", date(1961, 5, 4)), WROTE.login, desk.now())
        body = CourseBody(area="lumbar", protocol=NAME, baseline_nprs=6)
        self.course = courses.plan(desk, by(desk, WROTE), "P-1", body)
        self.visit = visits.begin(desk, self.helper, self.course, self.station, "left")

    @property
    def helper(self) -> Acting:
        return by(self.desk, HELPER)

    def identify(self) -> None:
        visits.identify(self.desk, self.helper, self.visit)

    def screen(self) -> None:
        items = self.desk.library.screening.items
        harmless = {one.key: Answer.NO if one.dangerous is Answer.YES else Answer.YES for one in items}
        trials = tuple(Trial(hot, hot) for hot in (True, False) * 4)
        visits.screen(self.desk, self.helper, self.visit, harmless, trials)

    def position(self, distance_cm: float = 60.0) -> None:
        visits.position(self.desk, self.helper, self.visit, distance_cm, 0.0, eyes=True)

    def ask(self) -> None:
        visits.before(self.desk, self.helper, self.visit, 6, None)

    def ready(self) -> None:
        for step in (self.identify, self.screen, self.position, self.ask):
            step()

    @property
    def now(self) -> Paper:
        return self.desk.papers.get(courses.VISIT, self.visit.id)

    async def arm(self, person: Person = HELPER) -> None:
        await visits.arm(self.desk, by(self.desk, person), self.now, self.station)

    async def start(self, person: Person = HELPER) -> None:
        await visits.start(self.desk, by(self.desk, person), self.now, self.station)


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Beside]:
    desk = a_desk(tmp_path)
    yield Beside(desk)
    desk.database.close()


def fields(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {problem.field for problem in refused.value.problems}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("left_out", "said"),
    [("identify", {"patient", "area"}), ("screen", {"screening"}), ("position", {"distance_cm"}), ("ask", {"pain"})],
)
async def test_nothing_is_ordered_while_a_step_is_missing(beside: Beside, left_out: str, said: set[str]) -> None:
    for step in ("identify", "screen", "position", "ask"):
        if step != left_out:
            getattr(beside, step)()
    with pytest.raises(Refused) as refused:
        await beside.arm()
    assert fields(refused) == said
    assert beside.asked_of.asked == []
    assert beside.now.index.state == "open"


def moved(beside: Beside) -> None:
    beside.position(64.0)


def recalibrated(beside: Beside) -> None:
    beside.asked_of.calibration = "CAL-2"


def next_day(beside: Beside) -> None:
    before = beside.desk.wall
    beside.desk.wall = lambda: before() + timedelta(days=1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("change", "said"), [(moved, "distance_cm"), (recalibrated, "calibration"), (next_day, "screening")]
)
@pytest.mark.parametrize("armed", [False, True], ids=["before it is made ready", "before the start"])
async def test_what_no_longer_agrees_gives_no_light(
    beside: Beside, change: Callable[[Beside], None], said: str, armed: bool
) -> None:
    beside.ready()
    if armed:
        await beside.arm()
    asked = list(beside.asked_of.asked)
    change(beside)
    with pytest.raises(Refused) as refused:
        await (beside.start() if armed else beside.arm())
    assert fields(refused) == {said}
    assert beside.asked_of.asked == asked


@pytest.mark.anyio
async def test_light_takes_two_actions_each_in_the_name_of_who_pressed(beside: Beside) -> None:
    beside.ready()
    with pytest.raises(Refused, match="made ready"):
        await beside.start()
    await beside.arm(HELPER)
    assert beside.asked_of.asked == [("/v1/sessions", HELPER.login)]
    assert (beside.now.index.state, beside.now.index.session) == ("armed", f"c0ffee/{SESSION}")
    await beside.start(SECOND)
    assert beside.asked_of.asked[1:] == [(f"/v1/sessions/{SESSION}/start", SECOND.login)]
    assert visits.body_of(beside.now).started_by == SECOND.login


@pytest.mark.anyio
async def test_start_pressed_twice_asks_once(beside: Beside) -> None:
    beside.ready()
    await beside.arm()
    await beside.start()
    with pytest.raises(Refused):
        await beside.start()
    assert [path for path, _ in beside.asked_of.asked if path.endswith("/start")] == [f"/v1/sessions/{SESSION}/start"]


@pytest.mark.anyio
async def test_what_was_begun_is_written_down_before_the_light_also_where_no_answer_comes(beside: Beside) -> None:
    beside.ready()
    await beside.arm()
    beside.asked_of.refusal = Problem("station", "room", "does not answer", "Look at the lamp")
    with pytest.raises(Refused, match="does not answer"):
        await beside.start()
    assert beside.now.index.state == "given"


@pytest.mark.anyio
async def test_a_controller_that_says_no_leaves_the_lamp_to_be_started_by_the_next_person(beside: Beside) -> None:
    beside.ready()
    await beside.arm()
    beside.asked_of.refusal = Problem("door", False, "is open", "Close it")
    with pytest.raises(Refused, match="is open"):
        await beside.start(HELPER)
    assert (beside.now.index.state, visits.body_of(beside.now).started_by) == ("armed", None)
    beside.asked_of.refusal = None
    await beside.start(SECOND)
    assert (beside.now.index.state, visits.body_of(beside.now).started_by) == ("given", SECOND.login)


@pytest.mark.anyio
@pytest.mark.parametrize("person", [TECHNICIAN, replace(HELPER, active=False)], ids=["a technician", "who has left"])
async def test_who_may_not_treat_orders_nothing(beside: Beside, person: Person) -> None:
    beside.ready()
    with pytest.raises(Refused):
        await beside.arm(person)
    assert beside.asked_of.asked == []


def test_two_screens_that_begin_a_visit_have_the_same_one(beside: Beside) -> None:
    again = visits.begin(beside.desk, by(beside.desk, SECOND), beside.course, beside.station, "left")
    assert again.id == beside.visit.id


def test_without_covered_eyes_there_is_no_position(beside: Beside) -> None:
    with pytest.raises(Refused, match="before any light"):
        visits.position(beside.desk, beside.helper, beside.visit, 60.0, 0.0, eyes=False)
