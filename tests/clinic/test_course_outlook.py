"""A course as people look at it: what was given, what it brought, what is advised, and the whole story in one list."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from irctl.clinic.care import courses, visits
from irctl.clinic.care.outlook import WAITING, outlook
from irctl.clinic.care.timeline import timeline
from irctl.clinic.desk import Desk
from irctl.clinic.drawing.chart import At, Before, course_chart
from irctl.domain.course import Reason
from irctl.domain.problems import Refused
from irctl.records.amending import amend
from irctl.records.papers import Index, Paper
from irctl.records.tables import alarms, stops
from tests.clinic.treated import (
    ASSISTANT,
    AUDITOR,
    CLINICIAN,
    CONTROLLER,
    DAY,
    KNEE,
    NOW,
    TECHNICIAN,
    a_refused_visit,
    a_visit,
    by,
)


@pytest.fixture
def course(desk: Desk, ada: str) -> Paper:
    return courses.plan(desk, by(CLINICIAN), ada, KNEE)


# --- planning and ending --------------------------------------------------------------------------------------------------


def test_a_course_is_planned_by_a_clinician_for_somebody_who_is_here(desk: Desk, ada: str) -> None:
    with pytest.raises(Refused, match="order is for a clinician"):
        courses.plan(desk, by(ASSISTANT), ada, KNEE)
    with pytest.raises(Refused, match="nobody here"):
        courses.plan(desk, by(CLINICIAN), "P-NOBODY", KNEE)


@pytest.mark.parametrize(
    ("update", "why"),
    [
        ({"protocol": "moonlight"}, "not in force"),
        ({"baseline_function": None}, "no rating before"),
        ({"function_scale": ""}, "says nothing while"),
    ],
)
def test_what_does_not_go_together_is_refused(desk: Desk, ada: str, update: dict[str, object], why: str) -> None:
    with pytest.raises(Refused, match=why):
        courses.plan(desk, by(CLINICIAN), ada, KNEE.model_copy(update=update))


def test_a_protocol_for_other_areas_is_refused(desk: Desk, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = desk.library.protocols["luminous-ir"]
    narrowed = {"luminous-ir": replace(known, areas=("lumbar",))}
    monkeypatch.setattr(type(desk.library), "protocols", narrowed)
    with pytest.raises(Refused, match="is for lumbar"):
        courses.plan(desk, by(CLINICIAN), ada, KNEE)
    courses.plan(desk, by(CLINICIAN), ada, KNEE.model_copy(update={"area": "Lumbar"}))


def test_a_course_ends_once_with_a_reason(desk: Desk, course: Paper) -> None:
    with pytest.raises(Refused, match="reason"):
        courses.close(desk, by(CLINICIAN), course.id, "stopped", "  ")
    with pytest.raises(Refused, match="order is for"):
        courses.close(desk, by(ASSISTANT), course.id, "stopped", "worse")
    courses.close(desk, by(CLINICIAN), course.id, "stopped", " pain is worse ")

    found = outlook(desk, by(AUDITOR), desk.papers.get(courses.KIND, course.id))
    assert (found.active, found.closed_because) == (False, "pain is worse")
    with pytest.raises(Refused, match="was stopped"):
        courses.close(desk, by(CLINICIAN), course.id, "ended", "again")


def test_a_course_that_was_ended_gets_no_further_visit(desk: Desk, course: Paper) -> None:
    closed = courses.close(desk, by(CLINICIAN), course.id, "ended", "free of pain")
    with pytest.raises(Refused, match="was ended"):
        visits.begin(desk, by(ASSISTANT), closed, None, "left")  # pyright: ignore[reportArgumentType]


# --- where it is ----------------------------------------------------------------------------------------------------------


def test_every_visit_is_a_row_and_only_those_with_light_are_counted(desk: Desk, course: Paper) -> None:
    a_visit(desk, course, 1, NOW + DAY, nprs=(7, 6), function=(3, 4))
    a_refused_visit(desk, course, 2, NOW + 2 * DAY, "fever today")
    a_visit(desk, course, 2, NOW + 3 * DAY, nprs=(6, 6), share=0.25, outcome="stopped", reason="the patient asked")

    found = outlook(desk, by(ASSISTANT), course)
    assert [(row.number, row.outcome, row.reason) for row in found.rows] == [
        (1, "completed", ""), (None, "refused", "fever today"), (2, "stopped", "the patient asked"),
    ]  # fmt: skip
    assert (found.done, found.planned) == (2, 12)
    first = found.rows[0]
    assert first.delivered is not None
    assert (first.delivered.min_j_cm2, first.delivered.best_j_cm2, first.delivered.max_j_cm2) == pytest.approx(
        (22.8, 24.0, 25.2)
    )
    assert (first.nprs_before, first.nprs_after, first.function_after, first.skin) == (7, 6, 4, "as before")


def test_while_a_session_runs_the_course_can_be_looked_at_but_no_dose_is_due(desk: Desk, course: Paper) -> None:
    a_visit(desk, course, 1, NOW + DAY, outcome=None)

    found = outlook(desk, by(ASSISTANT), course)
    assert (found.done, found.rows[0].outcome, found.rows[0].delivered) == (0, "running", None)
    with pytest.raises(Refused, match="has not ended"):
        courses.progress(desk, course)


def test_a_session_that_the_journal_has_not_told_of_is_said_to_be_missing(desk: Desk, course: Paper, ada: str) -> None:
    body = {
        "patient": ada,
        "course": course.id,
        "area": "left knee",
        "visit": 1,
        "fluence_j_cm2": 24.0,
        "irradiance_mw_cm2": 40.0,
    }
    desk.papers.new(courses.VISIT, "V-1", body, CLINICIAN, NOW, Index(ada, NOW, "given", course.id, "c0ffee/s-unknown"))

    assert outlook(desk, by(ASSISTANT), course).rows[0].outcome == WAITING


@pytest.mark.parametrize(
    ("after", "reason"),
    [([6], None), ([6, 5], Reason.BETTER), ([9], Reason.WORSE), ([7, 7, 6, 7, 6, 6], Reason.UNCHANGED)],
)
def test_the_stop_rule_speaks_when_it_is_reached(
    desk: Desk, course: Paper, after: list[int], reason: Reason | None
) -> None:
    for number, nprs in enumerate(after, 1):
        a_visit(desk, course, number, NOW + number * DAY, nprs=(7, nprs))

    advice = outlook(desk, by(ASSISTANT), course).advice
    assert (advice.reason if advice else None) == reason
    assert advice == courses.progress(desk, course).advice


def test_who_may_not_see_patients_sees_no_course(desk: Desk, course: Paper, ada: str) -> None:
    for look in (lambda: outlook(desk, by(TECHNICIAN), course), lambda: timeline(desk, by(TECHNICIAN), ada)):
        with pytest.raises(Refused, match="see-patient"):
            look()


# --- the chart ------------------------------------------------------------------------------------------------------------

VISITS = (At(1, (22.8, 24.0, 25.2), 6, 4), At(2, (5.0, 6.0, 7.0), None, None), At(3, (34.0, 36.0, 38.0), 3, 7))
BEFORE = Before(7, 3, "walking stairs", 2.0)
SVG = "{http://www.w3.org/2000/svg}"


def drawn(before: Before = BEFORE, visits: tuple[At, ...] = VISITS) -> ElementTree.Element:
    return ElementTree.fromstring(course_chart(before, visits, 12))


def part(chart: ElementTree.Element, what: str, shape: str) -> list[ElementTree.Element]:
    """Of the plot, not of the legend, which comes last."""
    groups = [group for group in chart.findall("g") if group.get("class") == what]
    return [found for group in groups[:-1] for found in group.findall(shape)]


def test_a_bar_is_as_high_as_its_dose_and_shows_the_interval() -> None:
    bars = part(drawn(), "chart-dose", "rect")
    heights = [float(bar.attrib["height"]) for bar in bars]

    assert heights[0] / heights[2] == pytest.approx(24 / 36, abs=0.01)
    assert heights[1] / heights[2] == pytest.approx(6 / 36, abs=0.01)
    told = [title.text for title in part(drawn(), "chart-dose", "title")]
    assert told[0] == "Visit 1: 24.0 J/cm² (between 22.8 and 25.2)"


def test_pain_falls_on_the_chart_as_it_fell() -> None:
    marks = part(drawn(), "chart-pain", "circle")
    heights = [float(mark.attrib["cy"]) for mark in marks]

    assert len(marks) == 3, "before the course, and after two visits: who was not asked has no mark"
    assert (heights[1] - heights[0]) * 3 == pytest.approx(heights[2] - heights[1], abs=0.5)
    assert [text.text for text in part(drawn(), "chart-pain", "text")] == ["7", "6", "3"]
    assert [text.text for text in part(drawn(), "chart-function", "text")] == ["3", "4", "7"]


def test_the_chart_says_in_words_what_it_shows() -> None:
    chart = drawn()
    desc = chart.find("desc")

    assert chart.attrib["role"] == "img"
    assert desc is not None
    assert desc.text is not None
    assert desc.text.startswith("Before the course: pain 7. Visit 1: 24.0 J/cm², pain 6. Visit 2: 6.0 J/cm², pain –.")


def test_a_chart_without_a_visit_shows_where_one_begins() -> None:
    chart = drawn(Before(7, None, "", 2.0), ())

    assert [text.text for text in part(chart, "chart-pain", "text")] == ["7"]
    assert not part(chart, "chart-dose", "rect")


def test_what_people_typed_is_text_on_the_chart() -> None:
    wicked = Before(7, 3, "</text><script>x()</script>", 2.0)
    told = course_chart(wicked, VISITS, 12)

    assert "<script" not in told
    assert "&lt;script&gt;" in told


def test_nothing_is_drawn_outside_of_the_picture() -> None:
    many = tuple(At(n, (900.0, 1000.0, 1500.0), 10, 0) for n in range(1, 41))
    told = course_chart(BEFORE, many, 40)
    values = [float(y) for y in re.findall(r' c?y[12]?="(-?[\d.]+)"', told)]

    assert min(values) >= 0
    assert max(values) <= 340


# --- the whole story ------------------------------------------------------------------------------------------------------


def test_the_timeline_tells_everything_that_happened_newest_first(desk: Desk, course: Paper, ada: str) -> None:
    a_visit(desk, course, 1, NOW + DAY, nprs=(7, 5))
    a_refused_visit(desk, course, 2, NOW + 2 * DAY, "fever today")
    cut = a_visit(desk, course, 2, NOW + 3 * DAY, share=0.25, outcome="stopped", reason="emergency stop")
    session = (cut.index.session or "").partition("/")[2]
    during = NOW + 3 * DAY + DAY / 24 / 60
    told = {"controller": CONTROLLER, "at": during}
    with desk.database.writing() as connection:
        connection.execute(
            alarms.insert().values(**told, alarm="a1", session=session, text="skin is too warm", reminder=False)
        )
        connection.execute(stops.insert().values(**told, seq=1, by="l.meyer", reason="smoke"))
        connection.execute(
            stops.insert().values(**{**told, "at": NOW + 2 * DAY}, seq=2, by="x", reason="nobody was treated then")
        )
    amend(
        desk.database,
        desk.ring,
        (CONTROLLER, session),
        {"note": "cable was loose"},
        "r.demo",
        "seen later",
        during + DAY,
    )
    desk.papers.new(
        "appointment",
        "A-1",
        {"area": "left knee", "reason": "ill"},
        ASSISTANT,
        NOW,
        Index(ada, NOW + 5 * DAY, "cancelled", course.id),
    )
    desk.papers.new(
        "message", "M-1", {"subject": "Your appointment"}, ASSISTANT, NOW, Index(ada, NOW + 4 * DAY, "sent")
    )
    courses.close(desk, by(CLINICIAN, NOW + 6 * DAY), course.id, "stopped", "moved away")

    found = timeline(desk, by(AUDITOR), ada)
    assert [entry.at for entry in found] == sorted((entry.at for entry in found), reverse=True)
    titles = [entry.title for entry in found]
    assert titles[:4] == [
        "Course stopped: Left knee",
        "Appointment: Left knee",
        f"Record of session {session} amended",
        "Your appointment",
    ]
    assert "No treatment: Left knee" in titles
    assert "skin is too warm" in titles
    assert titles.count("Emergency stop during a session") == 1
    assert {"Course planned: Left knee", "Written down for the first time"} <= set(titles)
    visit = next(entry for entry in found if entry.title == "Visit 1: Left knee")
    assert visit.detail == "24.0 J/cm² (22.8 to 25.2) of 24, completed · pain 7 → 5 · skin as before"


def test_a_session_without_a_visit_is_not_forgotten(desk: Desk, course: Paper, ada: str) -> None:
    visit = a_visit(desk, course, 1, NOW + DAY)
    body = {**visit.body}
    desk.papers.amend(
        courses.VISIT, visit.id, 1, {**body, "session": None}, CLINICIAN, "wrong session", NOW + DAY, session=None
    )

    assert "Session without a visit: Left knee" in [entry.title for entry in timeline(desk, by(CLINICIAN), ada)]
