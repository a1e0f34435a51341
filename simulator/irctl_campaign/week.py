"""The demonstration's week: five working days of a small clinic, up to this morning, made by running the real controller on simulated lamps in virtual time.

Nothing is written into the journal but by the controller, and nothing into the records but by the clinic's own services. The same day gives the same doses at
the same times; references and keys are random, as they always are.
"""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from irctl.clinic.calendar import appointments
from irctl.clinic.care import consent, courses, coverage, patients, visits
from irctl.clinic.care.courses import CourseBody
from irctl.clinic.care.coverage import CoverageBody
from irctl.clinic.care.patients import BackgroundBody
from irctl.clinic.care.visits import AfterPart, ServicePart
from irctl.clinic.mailing import messages
from irctl.clinic.office import staff
from irctl.clinic.opening import zone_of
from irctl.clinic.settings import load_clinic
from irctl.controller.config import load
from irctl.domain.people import Person as Somebody
from irctl.domain.screening import Result
from irctl.records.accounts import Accounts
from irctl.records.papers import Paper
from irctl.records.people import Person
from irctl_campaign.virtual import run_virtual
from irctl_campaign.week_clinic import HERE, Clinic
from irctl_campaign.week_people import (
    ADMINISTRATOR,
    ASSISTANT,
    CLINICIAN,
    PATIENTS,
    SECOND,
    STAFF,
    TECHNICIAN,
    TODAY,
    Coming,
    Patient,
)
from irctl_simulator.physics.treatment import Truth

OPENS = time(7, 0)
"""The technician comes first."""
SATURDAY = 5
STOP_AFTER_S = 20.0
REFERRER = "Dr. J. Lind"
EXERCISE = ServicePart(code="97110", minutes=24.0, timed=True)
CHEAP = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
"""While the week is made, in which a password is typed some fifty times. In its last evening hashes of full strength are made."""


def make(
    state: Path, configs: Path, now: datetime, password: str, pin: str, people: Sequence[Patient] = PATIENTS
) -> dict[str, Truth]:
    """Make the week before the day of `now` in the empty folder `state`; `configs` has the examples. Raises Refused, OSError.

    Everybody who works there has this password and PIN. Returns what the lamps really gave, by session. Afterwards `state` has the station's file and the clinic's beside the journal and the records, for `irctl serve`.
    """
    make_files(state, configs)
    hardware = tomllib.loads((configs / "demo-sim.toml").read_text("utf-8"))
    return run_virtual(_Week(state, hardware, now, people, password, pin).run())


def make_files(state: Path, configs: Path) -> None:
    """The demonstration's station and clinic, in a folder of their own. Raises OSError."""
    more = configs / "demonstration"
    for folder in ("calibrations", "meters", "protocols"):
        shutil.copytree(configs / folder, state / folder, dirs_exist_ok=True)
    shutil.copy(more / "brief-ir.toml", state / "protocols")
    shutil.copy(configs / "clinic-demo.toml", state / "clinic.toml")
    station = (configs / "demo.toml").read_text("utf-8") + (more / "station-more.toml").read_text("utf-8")
    (state / "station.toml").write_text(station, "utf-8")


def working_days(today: date, back: int) -> list[date]:
    """The last ones before today, oldest first."""
    found: list[date] = []
    day = today
    while len(found) < back:
        day -= timedelta(days=1)
        if day.weekday() < SATURDAY:
            found.append(day)
    return found[::-1]


def days_ahead(today: date, count: int) -> list[date]:
    """Today, and the working days after it."""
    found, day = [today], today
    while len(found) < count:
        day += timedelta(days=1)
        if day.weekday() < SATURDAY:
            found.append(day)
    return found


@dataclass(frozen=True, slots=True)
class _Course:
    """What the week knows of one patient."""

    patient: Patient
    reference: str
    course: Paper
    appointments: dict[Coming, str]


class _Week:
    def __init__(
        self,
        state: Path,
        hardware: dict[str, Any],
        now: datetime,
        people: Sequence[Patient],
        password: str,
        pin: str,
    ) -> None:
        self._state, self._hardware, self._now, self._people = state, hardware, now, people
        self._password, self._pin = password, pin
        self._courses: list[_Course] = []

    async def run(self) -> dict[str, Truth]:
        """Day by day; then nobody is there until somebody opens the demonstration."""
        config = load(self._state / "station.toml")
        clinic_file = load_clinic(self._state / "clinic.toml")
        zone = zone_of(clinic_file)
        today = self._now.astimezone(zone).date()
        self._days = [*working_days(today, TODAY), *days_ahead(today, 6)]
        begins = datetime.combine(self._days[0], OPENS, zone)
        self._clinic = clinic = Clinic(self._state, config, self._hardware, begins)
        try:
            self._accounts()
            for day in range(TODAY):
                await self._day(day)
            await self._evening()
        finally:
            clinic.desk.database.close()
        return clinic.truths

    def _at(self, day: int, at: time) -> datetime:
        return datetime.combine(self._days[day], at, self._clinic.desk.zone)

    # --- who works here ---------------------------------------------------------------------------------------------------

    def _accounts(self) -> None:
        desk = self._clinic.desk
        desk.accounts = Accounts(desk.database, hasher=PasswordHash((CHEAP,)))
        roles = sorted(ADMINISTRATOR.roles)
        desk.accounts.create(ADMINISTRATOR.login, ADMINISTRATOR.name, roles, self._password, None, desk.now())
        for one in STAFF:
            staff.add(desk, desk.acting(ADMINISTRATOR), one.login, one.name, one.roles, self._password)
        for number, one in enumerate((ADMINISTRATOR, *STAFF)):
            staff.own_pin(desk, desk.acting(one), self._password, self._pin, self._pin, float(number))

    def _sign_in(self, person: Somebody) -> None:
        desk = self._clinic.desk
        desk.accounts.sign_in(person.login, self._password, desk.now(), desk.now().timestamp())

    # --- a day ------------------------------------------------------------------------------------------------------------

    async def _day(self, day: int) -> None:
        clinic = self._clinic
        await clinic.until(self._at(day, OPENS))
        self._sign_in(TECHNICIAN)
        await self._lamps(day)
        await clinic.until(self._at(day, time(8, 0)))
        self._sign_in(ASSISTANT)
        self._sign_in(CLINICIAN)
        for one in self._people:
            if min(one.first_day, TODAY - 1) == day:
                await self._register(one)
        coming = [
            (self._at(day, one.at), of, one) for of in self._courses for one in of.patient.comes if one.day == day
        ]
        for at, of, one in sorted(coming, key=lambda found: found[0]):
            await clinic.until(at)
            await self._comes(of, one)

    async def _lamps(self, day: int) -> None:
        """Before the first patient. The right lamp is made ready on days when somebody comes for it: calibrated at first, then checked."""
        right = any(one.lamp == "right" and coming.day == day for one in self._people for coming in one.comes)
        if day == 0:
            await self._clinic.check("left", "monitor", TECHNICIAN)
            if right:
                await self._clinic.calibrate("right", "reference", TECHNICIAN, SECOND)
        elif right:
            await self._clinic.check("right", "reference", TECHNICIAN)

    async def _register(self, patient: Patient) -> None:
        clinic = self._clinic
        desk = clinic.desk
        person = Person(patient.name, patient.born, patient.number, patient.contact)
        reference = patients.register(desk, clinic.by(ASSISTANT), person)
        await clinic.after(timedelta(minutes=1))
        if patient.history:
            about = BackgroundBody(history=patient.history, goals=patient.goal)
            patients.write_background(desk, clinic.by(CLINICIAN), reference, 0, about)
        if patient.messages:
            consent.set_consent(desk, clinic.by(ASSISTANT), reference, True)
        scale, before = patient.function or ("", None)
        body = CourseBody(
            area=patient.area, protocol=patient.protocol, diagnosis=patient.diagnosis, goal=patient.goal,
            function_scale=scale, baseline_nprs=patient.pain, baseline_function=before,
            diagnosis_codes=patient.codes, necessity=patient.necessity,
            referred_by=REFERRER if patient.payer else "",
        )  # fmt: skip
        course = courses.plan(desk, clinic.by(CLINICIAN), reference, body)
        if patient.payer:
            coverage.write(desk, clinic.by(ASSISTANT), course.id, 0, _covered(patient, desk.now().date()))
        booked = {
            one: appointments.book(
                desk, clinic.by(ASSISTANT), course.id, self._at(one.day, one.at), HERE, patient.lamp
            ).id
            for one in patient.comes
        }
        self._courses.append(_Course(patient, reference, course, booked))

    async def _evening(self) -> None:
        """Everybody signs in once more, which makes a hash of today's strength of their password."""
        desk = self._clinic.desk
        await self._clinic.until(self._at(TODAY - 1, time(18, 0)))
        desk.accounts = Accounts(desk.database)
        for one in (ADMINISTRATOR, *STAFF):
            self._sign_in(one)

    # --- a visit ----------------------------------------------------------------------------------------------------------

    async def _comes(self, of: _Course, one: Coming) -> None:
        clinic = self._clinic
        desk, appointment = clinic.desk, of.appointments[one]
        if one.how == "no-show":
            await clinic.after(timedelta(minutes=20))
            appointments.no_show(desk, clinic.by(ASSISTANT), appointment)
            if of.patient.messages:
                messages.write(desk, clinic.by(ASSISTANT), of.reference, "We missed you today. Please call us.")
            return
        appointments.arrived(desk, clinic.by(ASSISTANT), appointment)
        course = desk.papers.get(courses.KIND, of.course.id)
        answers = dict(of.patient.answers)
        visit = await clinic.prepare(
            course, of.patient.lamp, appointment, ASSISTANT, answers, one.pain[0], one.function
        )
        found = visits.screened(desk, visit, desk.now())
        if found is None or found.result is Result.MUST_NOT:
            visits.drop(
                desk, clinic.by(CLINICIAN), visit, "the screening found a contraindication: come again next week"
            )
            return
        stop_after_s = STOP_AFTER_S if one.how == "stopped" else None
        visit = await clinic.light(visit, CLINICIAN, stop_after_s)
        if one.how == "stopped":
            await self._clear()
        await clinic.after(timedelta(minutes=1))
        await clinic.finish(visit, CLINICIAN, self._password, _seen(one, CLINICIAN, desk.now()))
        self._end_if_reached(of)

    async def _clear(self) -> None:
        """The cause is gone; a named person says so, and the alarms are acknowledged."""
        clinic = self._clinic
        await clinic.after(timedelta(minutes=2))
        async with clinic.switched_on():
            reason = "the patient sits up and feels well; the lamp is in order"
            view = await clinic.station.post("/v1/clear", clinic.by(CLINICIAN), {"reason": reason})
            for alarm in view["alarms"]:
                await clinic.station.post(f"/v1/alarms/{alarm['id']}/acknowledge", clinic.by(CLINICIAN))

    def _end_if_reached(self, of: _Course) -> None:
        desk = self._clinic.desk
        last = max(one.day for one in of.patient.comes)
        advice = courses.progress(desk, desk.papers.get(courses.KIND, of.course.id)).advice
        if of.patient.ends and advice is not None and self._days[last] == desk.now().date():
            courses.close(desk, self._clinic.by(CLINICIAN), of.course.id, "ended", advice.text)


def _covered(patient: Patient, today: date) -> CoverageBody:
    """A plan of care that the referrer has certified, and an authorisation for a few weeks."""
    until = today + timedelta(days=60)
    return CoverageBody(
        payer=patient.payer, member="1EG4-TE5-MK73", discipline="PT", authorisation="A-7731", authorised_visits=12,
        authorised_since=today, authorised_until=until, certified_by=REFERRER, certified_on=today, certified_until=until,
        paid_this_year_usd=0.0,
    )  # fmt: skip


def _seen(one: Coming, by: Somebody, at: datetime) -> AfterPart:
    if one.how == "stopped":
        return AfterPart(
            by=by.login,
            at=at,
            nprs=one.pain[1],
            function=one.function,
            skin="as before",
            reaction="felt faint, was laid down, well again after two minutes",
            plan="lying down next time",
        )
    return AfterPart(
        by=by.login, at=at, nprs=one.pain[1], function=one.function, skin="mild redness", reaction="pleasantly warm",
        plan="as planned", minutes=14.0, supervised_by=by.login, services=(EXERCISE,),
    )  # fmt: skip
