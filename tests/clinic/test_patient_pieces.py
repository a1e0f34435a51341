"""What the patients' pages are made of: figures, states in words, and nothing that somebody typed ever becomes markup."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import UTC, date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from irctl.clinic.care import courses, patients
from irctl.clinic.care.outlook import Outlook, outlook
from irctl.clinic.care.timeline import timeline
from irctl.clinic.desk import Desk
from irctl.clinic.office import drafts
from irctl.clinic.pages import patient_pieces
from irctl.clinic.pages.patient_pieces import (
    advice_box,
    advised,
    chart_of,
    course_facts,
    patient_row,
    progress_bar,
    timeline_list,
    versions_table,
    visits_table,
)
from irctl.clinic.words import language
from irctl.domain.protocols import Approval, name_of
from irctl.records.people import Person, Version
from tests.clinic.treated import ADA, CLINICIAN, DAY, KNEE, NOW, a_refused_visit, a_visit, by

WICKED = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
CLINIC = Path(patient_pieces.__file__).parents[1]


class Tags(HTMLParser):
    """Which elements a browser would make."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def harmless(html: str) -> None:
    found = Tags(html)
    assert not found.names & {"script", "img"}, html
    assert not any(name.startswith("on") for name in found.attributes), html


@pytest.fixture
def wicked(desk: Desk) -> tuple[str, Outlook]:
    """A patient and a course in which every text that can be typed is markup."""
    patient = patients.register(desk, by(CLINICIAN), Person(WICKED, ADA.born, WICKED[:60], WICKED))
    typed = dict.fromkeys(("area", "diagnosis", "goal", "function_scale", "referred_by"), WICKED)
    course = courses.plan(desk, by(CLINICIAN), patient, KNEE.model_copy(update=typed))
    a_visit(desk, course, 1, NOW + DAY, outcome="stopped", reason=WICKED, function=(3, 4))
    a_refused_visit(desk, course, 2, NOW + 2 * DAY, WICKED)
    courses.close(desk, by(CLINICIAN), course.id, "stopped", WICKED)
    return patient, outlook(desk, by(CLINICIAN), desk.papers.get(courses.KIND, course.id))


def test_a_patient_who_is_called_like_a_script_is_a_name(desk: Desk, wicked: tuple[str, Outlook]) -> None:
    found = patients.search(desk, by(CLINICIAN), "scri")
    assert [one.patient for one in found] == [wicked[0]]
    row = patient_row(found[0], date(2026, 11, 25), NOW)

    harmless(row)
    assert WICKED in Tags(row).text
    harmless(versions_table(patients.versions(desk, by(CLINICIAN), wicked[0]), UTC))


def test_nothing_that_is_typed_about_a_course_becomes_markup(desk: Desk, wicked: tuple[str, Outlook]) -> None:
    patient, course = wicked
    pieces = (
        course_facts(course, UTC),
        visits_table(course, UTC),
        chart_of(course),
        progress_bar(course),
        timeline_list(timeline(desk, by(CLINICIAN), patient), UTC, NOW),
    )
    for piece in pieces:
        harmless(piece)
    assert WICKED in Tags(pieces[0]).text
    assert WICKED in Tags(pieces[1]).text
    assert WICKED in Tags(pieces[4]).text


def test_the_address_of_a_patient_holds_the_reference_and_no_name() -> None:
    row = patient_row(Version("P-7KQ4M2X", 1, ADA, NOW, "r.demo", ""), date(2026, 11, 25))
    assert re.findall(r'href="([^"]*)"', row) == ["/patients/P-7KQ4M2X"]
    assert "born 9 Mar 1968 (58 years)" in Tags(row).text


def test_progress_is_a_bar_and_a_figure(desk: Desk) -> None:
    patient = patients.register(desk, by(CLINICIAN), ADA)
    course = courses.plan(desk, by(CLINICIAN), patient, KNEE)
    for number in (1, 2, 3):
        a_visit(desk, course, number, NOW + number * DAY, nprs=(7, 6))
    found = outlook(desk, by(CLINICIAN), course)
    bar = progress_bar(found)

    assert 'aria-valuenow="3"' in bar
    assert 'aria-valuemax="12"' in bar
    assert "width:25.0%" in bar
    assert "3 of 12 visits" in Tags(bar).text
    assert advice_box(found) == ""


def test_a_course_whose_protocol_is_gone_still_tells_its_visits(desk: Desk) -> None:
    patient = patients.register(desk, by(CLINICIAN), ADA)
    course = courses.plan(desk, by(CLINICIAN), patient, KNEE)
    a_visit(desk, course, 1, NOW + DAY)
    drafts.retire(desk, by(CLINICIAN), name_of(courses.body_of(course).protocol), "the lamps are gone")
    found = outlook(desk, by(CLINICIAN), course)

    assert "1 visits given; the protocol is not in force any more" in Tags(progress_bar(found)).text
    assert "not in force any more" in Tags(course_facts(found, UTC)).text
    assert "24.0 J/cm²" in Tags(visits_table(found, UTC)).text


def test_the_stop_rule_is_told_in_words_not_only_in_a_colour(desk: Desk) -> None:
    patient = patients.register(desk, by(CLINICIAN), ADA)
    course = courses.plan(desk, by(CLINICIAN), patient, KNEE)
    a_visit(desk, course, 1, NOW + DAY, nprs=(7, 9))
    told = Tags(advice_box(outlook(desk, by(CLINICIAN), course))).text

    assert "Stop rule reached: worse" in told
    assert "pain 7 before the course, 9 after visit 1: worse. Stop and examine the patient." in told
    assert "A person decides." in told


@pytest.mark.parametrize(
    "after", [[6, 5], [9], [7, 7, 6, 7, 6, 6], [7] * 5 + [5] + [6] * 6], ids=["better", "worse", "unchanged", "done"]
)
def test_the_advice_says_the_same_in_every_language(desk: Desk, after: list[int]) -> None:
    patient = patients.register(desk, by(CLINICIAN), ADA)
    course = courses.plan(desk, by(CLINICIAN), patient, KNEE)
    for number, nprs in enumerate(after, 1):
        a_visit(desk, course, number, NOW + number * DAY, nprs=(7, nprs))
    found = outlook(desk, by(CLINICIAN), course)
    assert found.advice is not None

    assert advised(found, found.advice) == found.advice.text
    token = language.set("de")
    try:
        assert "Schmerz 7 vor der Serie" in advised(found, found.advice)
    finally:
        language.reset(token)


def test_a_protocol_that_nobody_approved_says_so_wherever_it_is_named(desk: Desk) -> None:
    patient = patients.register(desk, by(CLINICIAN), ADA)
    found = outlook(desk, by(CLINICIAN), courses.plan(desk, by(CLINICIAN), patient, KNEE))
    assert "EXAMPLE, to be approved by your clinic" in Tags(course_facts(found, UTC)).text
    assert found.protocol is not None
    approval = Approval("Sam Second", date(2026, 12, 1))
    theirs = Tags(course_facts(replace(found, protocol=replace(found.protocol, approval=approval)), UTC)).text
    assert "approved by Sam Second, 2026-12-01" in theirs
    assert "EXAMPLE" not in theirs


def test_everything_these_pages_say_is_said_in_german_too() -> None:
    german = tomllib.loads((CLINIC / "words" / "de.toml").read_text(encoding="utf-8"))
    files = [CLINIC / f"{name}.py" for name in ("drawing/chart", "drawing/body_map", "care/timeline")]
    files += [
        CLINIC / "pages" / f"{name}.py" for name in ("patient_pieces", "patients", "patient", "course", "course_new")
    ]
    literal = re.compile(r"""\btr\(\s*(["'])((?:(?!\1).)+)\1""")
    said = {found[2] for file in files for found in literal.finditer(file.read_text(encoding="utf-8"))}

    assert len(said) > 100
    assert sorted(said - german.keys()) == []
