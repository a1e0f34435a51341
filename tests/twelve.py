"""A course of twelve sessions, given by the real controller on a simulated lamp in virtual time, through the clinic's own services."""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from irctl.clinic.care import courses, coverage, patients
from irctl.clinic.care.courses import CourseBody
from irctl.clinic.care.coverage import CoverageBody
from irctl.clinic.care.visits import AfterPart, ServicePart
from irctl.clinic.office import staff
from irctl.controller.config import load
from irctl.examples import examples
from irctl.records.accounts import Accounts
from irctl.records.papers import Paper
from irctl.records.people import Person
from irctl_campaign.virtual import run_virtual
from irctl_campaign.week import make_files
from irctl_campaign.week_clinic import Clinic
from irctl_campaign.week_people import ADMINISTRATOR, ASSISTANT, CLINICIAN, STAFF, TECHNICIAN

T = TypeVar("T")
FIRST = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PASSWORD = "quilted ferry mango lantern"
PAIN = (7, 6, 6, 5, 5, 5, 4, 4, 4, 3, 3, 3)
VISITS = len(PAIN)
PROTOCOL = "twelve-ir"


def give(
    state: Path, then: Callable[[Clinic, Paper], Awaitable[T]], visits: int = VISITS, more_of_station: str = ""
) -> T:
    """Give the course in the empty folder `state`, then go on with the clinic while its station is on. `more_of_station`: for the end of its file."""
    make_files(state, examples())
    with (state / "station.toml").open("a", encoding="utf-8") as file:
        file.write(more_of_station)
    text = (examples() / "demonstration" / "brief-ir.toml").read_text("utf-8")
    text = text.replace("visit = 11\nrefused", "visit = 13\nrefused")
    told = text.replace('"brief-ir"', f'"{PROTOCOL}"').replace("per_week = 5\nweeks = 2", "per_week = 3\nweeks = 4")
    (state / "protocols" / f"{PROTOCOL}.toml").write_text(told, "utf-8")
    return run_virtual(_given(state, then, visits))


async def _given(state: Path, then: Callable[[Clinic, Paper], Awaitable[T]], visits: int) -> T:
    hardware = tomllib.loads((examples() / "demo-sim.toml").read_text("utf-8"))
    clinic = Clinic(state, load(state / "station.toml"), hardware, FIRST)
    try:
        course = _planned(clinic)
        await clinic.check("left", "monitor", TECHNICIAN)
        for number in range(visits):
            week, day = divmod(number, 3)
            await clinic.until(FIRST + timedelta(days=7 * week + 2 * day))
            await _visit(clinic, course, number)
        async with clinic.switched_on():
            return await then(clinic, clinic.desk.papers.get(courses.KIND, course.id))
    finally:
        clinic.desk.database.close()


def _planned(clinic: Clinic) -> Paper:
    desk = clinic.desk
    desk.accounts = Accounts(desk.database)
    desk.accounts.create(
        ADMINISTRATOR.login, ADMINISTRATOR.name, sorted(ADMINISTRATOR.roles), PASSWORD, None, desk.now()
    )
    for one in STAFF:
        staff.add(desk, desk.acting(ADMINISTRATOR), one.login, one.name, one.roles, PASSWORD)
    somebody = Person("Adaeze Sample", date(1961, 5, 4), "MRN 1001", "adaeze@example.org")
    reference = patients.register(desk, clinic.by(ASSISTANT), somebody)
    body = CourseBody(
        area="lumbar", protocol=PROTOCOL, diagnosis="low back pain", diagnosis_codes=("M54.50",), goal="walk 30 minutes",
        necessity="Pain limits walking; heat eases guarding before exercise.", function_scale="walking",
        baseline_nprs=8, baseline_function=2, referred_by="Dr. J. Lind",
    )  # fmt: skip
    course = courses.plan(desk, clinic.by(CLINICIAN), reference, body)
    cover = CoverageBody(
        payer="medicare-part-b", member="1EG4-TE5-MK73", discipline="PT", authorisation="A-7731", authorised_visits=12,
        authorised_since=FIRST.date(), authorised_until=FIRST.date() + timedelta(days=60), paid_this_year_usd=640.0,
        certified_by="Dr. J. Lind", certified_on=FIRST.date(), certified_until=FIRST.date() + timedelta(days=90),
    )  # fmt: skip
    coverage.write(desk, clinic.by(ASSISTANT), course.id, 0, cover)
    return course


async def _visit(clinic: Clinic, course: Paper, number: int) -> None:
    visit = await clinic.prepare(course, "left", "", ASSISTANT, {}, PAIN[number - 1] if number else 8, 3)
    visit = await clinic.light(visit, CLINICIAN)
    await clinic.after(timedelta(minutes=1))
    part = AfterPart(
        by=CLINICIAN.login, at=clinic.desk.now(), nprs=PAIN[number], function=3 + number // 3, skin="mild redness",
        reaction="pleasantly warm", plan="go on as planned", minutes=12.0, supervised_by=CLINICIAN.login,
        services=(ServicePart(code="97110", minutes=24.0, timed=True),),
    )  # fmt: skip
    await clinic.finish(visit, CLINICIAN, PASSWORD, part)
