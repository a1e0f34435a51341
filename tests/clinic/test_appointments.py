"""Appointments: a course is planned within its protocol and the clinic's hours; moved without losing where it was; nobody lies where another one lies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from irctl.clinic.calendar import appointments
from irctl.clinic.calendar.appointments import State
from irctl.domain.people import Person
from irctl.domain.problems import Refused
from tests.clinic.a_clinic import AUDITOR, CLINICIAN, TECHNICIAN, Clinic, a_clinic, at

HALF_PAST_TEN = "2026-11-23 10:30"  # a Monday


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with a_clinic(tmp_path, "2026-11-23 08:00") as made:
        yield made


def said(refused: pytest.ExceptionInfo[Refused]) -> str:
    return str(refused.value)


def test_a_course_is_booked_as_its_protocol_has_it(clinic: Clinic) -> None:
    booked = appointments.plan_course(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN))
    assert len(booked) == 12  # 3 a week for 4 weeks
    assert [one.at.weekday() for one in booked] == [0, 2, 4] * 4
    assert {(one.at.hour, one.at.minute) for one in booked} == {(10, 30)}
    assert booked[0].slot.minutes == 25, "10 min of light and 15 beside it"
    assert booked[-1].slot.minutes == 35, "later steps of the protocol are longer"
    assert all(one.state is State.PLANNED for one in booked)


def test_the_days_and_their_hours_can_be_chosen(clinic: Clinic) -> None:
    booked = appointments.plan_course(
        clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN), [1, 3, 4], {4: time(16)}
    )
    assert [f"{one.at:%a %H:%M}" for one in booked[:3]] == ["Tue 10:30", "Thu 10:30", "Fri 16:00"]


def test_a_course_that_crosses_the_change_of_the_clock_keeps_its_local_time(tmp_path: Path) -> None:
    with a_clinic(tmp_path, "2026-10-19 08:00") as clinic:
        booked = appointments.plan_course(clinic.desk, clinic.acting(), clinic.course(), at("2026-10-19 10:30"))
        read = appointments.between(clinic.desk, date(2026, 10, 19), date(2026, 11, 30))
    assert [one.at for one in read] == [one.at for one in booked]
    assert {f"{one.at:%H:%M}" for one in read} == {"10:30"}
    assert {one.at.utcoffset() for one in read} == {timedelta(hours=1), timedelta(hours=2)}


def test_what_is_in_the_way_of_a_plan_is_all_said_and_nothing_is_booked(clinic: Clinic) -> None:
    course, other = clinic.course(), clinic.course("P-0002")
    appointments.book(clinic.desk, clinic.acting(), other, at("2026-11-25 10:30"), "here", "left")
    appointments.book(clinic.desk, clinic.acting(), other, at("2026-11-27 10:40"), "here", "left")
    with pytest.raises(Refused) as refused:
        appointments.plan_course(clinic.desk, clinic.acting(), course, at(HALF_PAST_TEN), (), {}, "here", "left")
    assert said(refused).count("is taken on") == 2
    assert appointments.of_patient(clinic.desk, clinic.acting(), "P-0001") == []


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("2026-11-28 10:30", "closed on that day"),
        ("2026-11-24 07:50", "open from 08:00"),
        ("2026-11-24 17:45", "to 18:00"),
        ("2026-11-23 07:00", "is past"),
    ],
)
def test_nobody_is_booked_when_the_clinic_is_not_there(clinic: Clinic, when: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        appointments.book(clinic.desk, clinic.acting(), clinic.course(), at(when))


def test_a_weekday_that_is_closed_cannot_be_planned_for(clinic: Clinic) -> None:
    with pytest.raises(Refused, match="closed on them"):
        appointments.plan_course(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN), [0, 5])


def test_one_lamp_has_one_patient_at_a_time(clinic: Clinic) -> None:
    course, other = clinic.course(), clinic.course("P-0002")
    appointments.book(clinic.desk, clinic.acting(), course, at(HALF_PAST_TEN), "here", "left")
    with pytest.raises(Refused, match=r"lamp = 'left': is taken on Mon 23 Nov from 10:30 to 10:55"):
        appointments.book(clinic.desk, clinic.acting(), other, at("2026-11-23 10:45"), "here", "left")
    beside = appointments.book(clinic.desk, clinic.acting(), other, at("2026-11-23 10:45"), "here", "right")
    after = appointments.book(clinic.desk, clinic.acting(), clinic.course("P-0003"), at("2026-11-23 11:10"),
                              "here", "right")  # fmt: skip
    assert beside.until == after.at


def test_one_patient_is_not_in_two_places(clinic: Clinic) -> None:
    appointments.book(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN))
    shoulder = clinic.course(area="left shoulder")
    with pytest.raises(Refused, match="has another appointment then, from 10:30 to 10:55"):
        appointments.book(clinic.desk, clinic.acting(), shoulder, at("2026-11-23 10:40"))


def test_a_cancelled_time_is_free_again(clinic: Clinic) -> None:
    first = appointments.book(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN), "here", "left")
    appointments.cancel(clinic.desk, clinic.acting(), first.id, "has a cold")
    appointments.book(clinic.desk, clinic.acting(), clinic.course("P-0002"), at(HALF_PAST_TEN), "here", "left")


def test_a_move_keeps_what_was_before(clinic: Clinic) -> None:
    booked = appointments.book(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN))
    clinic.moment = at("2026-11-23 09:00")
    moved = appointments.move(clinic.desk, clinic.acting(CLINICIAN), booked.id, at("2026-11-24 15:00"), "rang up")
    assert (moved.id, moved.at, moved.moved_from) == (booked.id, at("2026-11-24 15:00"), at(HALF_PAST_TEN))
    assert [one.id for one in appointments.day(clinic.desk, clinic.acting(), date(2026, 11, 24))] == [booked.id]
    assert appointments.day(clinic.desk, clinic.acting(), date(2026, 11, 23)) == []
    versions = clinic.desk.papers.versions(appointments.KIND, booked.id)
    assert [(v.by, v.reason, v.body["at"][:16]) for v in versions] == [
        ("helper", "", "2026-11-23T10:30"),
        ("demo", "rang up", "2026-11-24T15:00"),
    ]


def test_a_move_within_the_least_interval_is_refused(clinic: Clinic) -> None:
    booked = appointments.plan_course(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN))
    with pytest.raises(Refused, match="at least 20 h"):
        appointments.move(clinic.desk, clinic.acting(), booked[0].id, at("2026-11-25 08:00"))
    assert appointments.get(clinic.desk, clinic.acting(), booked[0].id).at == at(HALF_PAST_TEN)


def test_a_move_into_a_week_that_is_full_is_refused(clinic: Clinic) -> None:
    booked = appointments.plan_course(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN))
    with pytest.raises(Refused, match="more than 3 visits within seven days"):
        appointments.move(clinic.desk, clinic.acting(), booked[0].id, at("2026-12-03 16:00"))


def test_within_the_day_a_move_is_only_a_move(clinic: Clinic) -> None:
    booked = appointments.plan_course(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN))
    assert appointments.move(clinic.desk, clinic.acting(), booked[0].id, at("2026-11-23 10:40")).at.minute == 40


def test_more_visits_than_the_protocol_has_are_refused(clinic: Clinic) -> None:
    course = clinic.course()
    appointments.plan_course(clinic.desk, clinic.acting(), course, at(HALF_PAST_TEN))
    with pytest.raises(Refused, match="more than the course's 12"):
        appointments.book(clinic.desk, clinic.acting(), course, at("2026-12-21 10:30"))
    with pytest.raises(Refused, match="has all of its 12 visits"):
        appointments.plan_course(clinic.desk, clinic.acting(), course, at("2026-12-21 10:30"))


def test_what_nobody_came_to_is_planned_again(clinic: Clinic) -> None:
    course = clinic.course()
    booked = appointments.plan_course(clinic.desk, clinic.acting(), course, at(HALF_PAST_TEN))
    clinic.moment = at("2026-11-24 08:00")
    appointments.no_show(clinic.desk, clinic.acting(), booked[0].id)
    more = appointments.plan_course(clinic.desk, clinic.acting(), course, at("2026-12-21 10:30"))
    assert [one.at for one in more] == [at("2026-12-21 10:30")]


def test_they_arrive_today_and_a_slip_is_put_back(clinic: Clinic) -> None:
    booked = appointments.book(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN))
    assert appointments.arrived(clinic.desk, clinic.acting(), booked.id).state is State.ARRIVED
    assert appointments.put_back(clinic.desk, clinic.acting(), booked.id).state is State.PLANNED
    clinic.moment = at("2026-11-24 08:00")
    with pytest.raises(Refused, match="is not today"):
        appointments.arrived(clinic.desk, clinic.acting(), booked.id)


def test_nobody_failed_to_come_before_their_time(clinic: Clinic) -> None:
    booked = appointments.book(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN))
    with pytest.raises(Refused, match="still to come"):
        appointments.no_show(clinic.desk, clinic.acting(), booked.id)


def test_a_visit_makes_its_appointment_treating_then_done(clinic: Clinic) -> None:
    course = clinic.course()
    booked = appointments.book(clinic.desk, clinic.acting(), course, at(HALF_PAST_TEN))
    clinic.moment = at("2026-11-23 10:32")
    visit = clinic.visit(course, "open", booked.id)
    assert appointments.get(clinic.desk, clinic.acting(), booked.id).state is State.TREATING
    body = {**visit.body, "started_by": "demo"}
    clinic.desk.papers.amend("visit", visit.id, 1, body, CLINICIAN, "given", clinic.moment, state="given")
    done = appointments.get(clinic.desk, clinic.acting(), booked.id)
    assert done.state is State.DONE
    with pytest.raises(Refused, match="is done already"):
        appointments.move(clinic.desk, clinic.acting(), booked.id, at("2026-11-24 10:30"))


def test_a_visit_of_the_course_on_that_day_counts_without_being_linked(clinic: Clinic) -> None:
    course = clinic.course()
    booked = appointments.plan_course(clinic.desk, clinic.acting(), course, at(HALF_PAST_TEN))
    clinic.visit(course, "signed")
    states = [appointments.get(clinic.desk, clinic.acting(), one.id).state for one in booked[:2]]
    assert states == [State.DONE, State.PLANNED]


def test_a_visit_without_light_is_told_as_that(clinic: Clinic) -> None:
    course = clinic.course()
    booked = appointments.book(clinic.desk, clinic.acting(), course, at(HALF_PAST_TEN))
    clinic.visit(course, "refused", booked.id)
    assert appointments.get(clinic.desk, clinic.acting(), booked.id).state is State.REFUSED


def test_a_cancellation_says_why(clinic: Clinic) -> None:
    booked = appointments.book(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN))
    with pytest.raises(Refused, match="reason"):
        appointments.cancel(clinic.desk, clinic.acting(), booked.id, "  ")


@pytest.mark.parametrize("person", [TECHNICIAN, AUDITOR])
def test_only_those_who_treat_make_appointments(clinic: Clinic, person: Person) -> None:
    booked = appointments.book(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN))
    acting = clinic.acting(person)
    for attempt in (
        lambda: appointments.book(clinic.desk, acting, clinic.course("P-0002"), at("2026-11-24 10:30")),
        lambda: appointments.plan_course(clinic.desk, acting, clinic.course("P-0002"), at("2026-11-24 10:30")),
        lambda: appointments.move(clinic.desk, acting, booked.id, at("2026-11-24 10:30")),
        lambda: appointments.cancel(clinic.desk, acting, booked.id, "no"),
        lambda: appointments.arrived(clinic.desk, acting, booked.id),
        lambda: appointments.put_back(clinic.desk, acting, booked.id),
        lambda: appointments.no_show(clinic.desk, acting, booked.id),
    ):
        with pytest.raises(Refused, match="schedule is for a clinician or assistant"):
            attempt()


def test_whoever_sees_no_patients_is_told_how_many_and_no_more(clinic: Clinic) -> None:
    appointments.book(clinic.desk, clinic.acting(), clinic.course(), at(HALF_PAST_TEN))
    with pytest.raises(Refused, match="see-patient"):
        appointments.day(clinic.desk, clinic.acting(TECHNICIAN), date(2026, 11, 23))
    assert appointments.how_many(clinic.desk, date(2026, 11, 23)) == 1
