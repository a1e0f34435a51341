"""What is in force: files at first, then what a second person has approved; drafts never, and visits that have begun keep what they began with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from irctl.clinic.care import courses, visits
from irctl.clinic.care.courses import CourseBody
from irctl.clinic.desk import Desk
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.office import drafts
from irctl.clinic.opening import open_desk
from irctl.clinic.settings import ClinicFile
from irctl.clinic.shelf.library import NOTE, PROTOCOL, SCREENING, TEMPLATE
from irctl.domain.problems import Refused
from irctl.records.papers import Paper
from irctl.records.people import Person as Patient
from tests.clinic.shelves import (
    ADMIN,
    HELPER,
    NAME,
    SECOND,
    WROTE,
    Clock,
    a_desk,
    a_station,
    approved,
    by,
    edited,
    proof_before,
)

TITLE = ("Luminous infrared, superficial pain", "Luminous infrared, as we give it")
FIRST_STEP = ("fluence_j_cm2 = 24 ", "fluence_j_cm2 = 26 ")
ALL_24 = ("fluence_j_cm2 = 24", "fluence_j_cm2 = 26")
"""The step and what the protocol's own tests expect of it."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = a_desk(tmp_path)
    yield made
    made.database.close()


def fields(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {problem.field for problem in refused.value.problems}


def a_course(desk: Desk) -> Paper:
    somebody = Patient("Ada Example", date(1961, 5, 4), "MRN 1", "ada@example.org")
    desk.patients.add("P-1", somebody, WROTE.login, desk.now())
    return courses.plan(desk, by(desk, WROTE), "P-1", CourseBody(area="lumbar", protocol=NAME, baseline_nprs=6))


# --- drafts and approval -------------------------------------------------------------------------------------------------


def test_files_are_the_beginning(desk: Desk) -> None:
    assert desk.library.protocols[NAME].label.startswith("luminous-ir version 1, ")
    assert desk.library.protocols[NAME].approval is None
    assert desk.library.screening.name == "infrared"
    assert desk.library.template.title == "Infrared session note"


def test_a_draft_is_not_in_force_and_neither_is_what_was_handed_in(desk: Desk) -> None:
    before = desk.library.protocols[NAME]
    paper = edited(desk, TITLE)
    assert desk.library.protocols[NAME] == before
    drafts.hand_in(desk, by(desk, WROTE), PROTOCOL, NAME, paper.number)
    assert desk.library.protocols[NAME] == before


def test_an_approved_text_is_in_force_at_once_with_its_version_its_hash_and_who_answers_for_it(desk: Desk) -> None:
    before = desk.library.protocols[NAME]
    edited(desk, TITLE)
    approved(desk)
    now = desk.library.protocols[NAME]
    assert (now.title, now.version) == (TITLE[1], 2)
    assert now.approval is not None
    assert now.approval.by == SECOND.name
    assert now.label != before.label
    assert now.steps == before.steps
    (signature,) = desk.papers.signatures(PROTOCOL, NAME)
    assert (signature.login, str(signature.meaning)) == (SECOND.login, "approved")


def test_whoever_wrote_any_of_it_cannot_approve_it(desk: Desk) -> None:
    paper = edited(desk, TITLE)
    more = drafts.save(
        desk, by(desk, SECOND), PROTOCOL, NAME, paper.number, str(paper.body["text"]).replace("as we", "as I")
    )
    handed = drafts.hand_in(desk, by(desk, WROTE), PROTOCOL, NAME, more.number)
    for person in (WROTE, SECOND):
        acting = by(desk, person)
        with pytest.raises(Refused, match="took part in it"):
            drafts.approve(desk, acting, PROTOCOL, NAME, handed.number, proof_before(acting, person))
    assert desk.library.protocols[NAME].version == 1


def test_who_only_sent_it_back_has_not_written_it(desk: Desk) -> None:
    paper = edited(desk, TITLE)
    handed = drafts.hand_in(desk, by(desk, WROTE), PROTOCOL, NAME, paper.number)
    with pytest.raises(Refused, match="is empty"):
        drafts.send_back(desk, by(desk, SECOND), PROTOCOL, NAME, handed.number, " ")
    back = drafts.send_back(desk, by(desk, SECOND), PROTOCOL, NAME, handed.number, "the title is not ours")
    assert back.index.state == "draft"
    approved(desk)
    assert desk.library.protocols[NAME].version == 2


def test_the_name_printed_under_the_approval_is_not_the_authors(desk: Desk) -> None:
    edited(desk, ('written_by = "M. Okafor"', f'written_by = "{SECOND.name}"'))
    with pytest.raises(Refused, match="wrote it"):
        approved(desk)


def test_an_approval_needs_the_password_and_exactly_what_was_shown(desk: Desk) -> None:
    paper = edited(desk, TITLE)
    handed = drafts.hand_in(desk, by(desk, WROTE), PROTOCOL, NAME, paper.number)
    with pytest.raises(Refused, match="was not asked for"):
        drafts.approve(desk, by(desk, SECOND), PROTOCOL, NAME, handed.number, None)
    acting = by(desk, SECOND)
    with pytest.raises(Refused, match="is not what waits"):
        drafts.approve(desk, acting, PROTOCOL, NAME, handed.number - 1, proof_before(acting, SECOND))
    assert desk.library.protocols[NAME].version == 1


@pytest.mark.parametrize("person", [HELPER, ADMIN])
def test_only_clinicians_write_and_approve_protocols(desk: Desk, person: object) -> None:
    with pytest.raises(Refused, match="is for a clinician"):
        drafts.begin(desk, by(desk, person), PROTOCOL, NAME)  # type: ignore[arg-type]
    paper = edited(desk, TITLE)
    handed = drafts.hand_in(desk, by(desk, WROTE), PROTOCOL, NAME, paper.number)
    with pytest.raises(Refused, match="is for a clinician"):
        drafts.approve(desk, by(desk, person), PROTOCOL, NAME, handed.number, None)  # type: ignore[arg-type]


def test_a_text_that_fails_its_own_tests_is_saved_as_a_draft_and_not_handed_in(desk: Desk) -> None:
    paper = edited(desk, FIRST_STEP)
    assert paper.index.state == "draft"
    with pytest.raises(Refused) as refused:
        drafts.hand_in(desk, by(desk, WROTE), PROTOCOL, NAME, paper.number)
    assert {field.partition(".")[0] for field in fields(refused)} == {"expect"}
    assert desk.papers.get(PROTOCOL, NAME).index.state == "draft"


def test_a_text_that_is_no_toml_is_kept_as_it_was_typed(desk: Desk) -> None:
    paper = edited(desk, ("name = ", "name == "))
    with pytest.raises(Refused, match="not TOML"):
        drafts.hand_in(desk, by(desk, WROTE), PROTOCOL, NAME, paper.number)


@pytest.mark.parametrize("version", [1, 3])
def test_the_version_rises_by_one(desk: Desk, version: int) -> None:
    paper = edited(desk, ("version = 2", f"version = {version}"))
    with pytest.raises(Refused, match="the next version of luminous-ir is 2"):
        drafts.hand_in(desk, by(desk, WROTE), PROTOCOL, NAME, paper.number)


def test_nobody_writes_the_approval_into_the_text(desk: Desk) -> None:
    edited(desk, ("[course]", '[approval]\nby = "Somebody"\non = 2026-11-25\n[course]'))
    with pytest.raises(Refused, match="is not written into the text"):
        approved(desk)


def test_a_file_with_an_approval_of_its_own_begins_a_draft_without_it(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    example = Path(__file__).parents[2] / "configs" / "protocols" / f"{NAME}.toml"
    text = example.read_text(encoding="utf-8").replace(
        "[course]", '[approval]\nby = "L. Varga"\non = 2026-11-01\n\n[course]'
    )
    (folder / f"{NAME}.toml").write_text(text, encoding="utf-8")
    desk = a_desk(tmp_path, ClinicFile(protocols="ours"))
    assert desk.library.protocols[NAME].approval is not None
    edited(desk, TITLE)
    approved(desk)
    assert desk.library.protocols[NAME].version == 2
    desk.database.close()


def test_two_who_edit_at_once_are_told(desk: Desk) -> None:
    paper = drafts.begin(desk, by(desk, WROTE), PROTOCOL, NAME)
    text = str(paper.body["text"])
    drafts.save(desk, by(desk, WROTE), PROTOCOL, NAME, paper.number, text.replace(*TITLE))
    with pytest.raises(Refused, match="is not in force any more"):
        drafts.save(desk, by(desk, SECOND), PROTOCOL, NAME, paper.number, text.replace(TITLE[0], "other"))


def test_while_the_next_version_is_written_the_approved_one_stays_in_force(desk: Desk) -> None:
    edited(desk, TITLE)
    approved(desk)
    edited(desk, (TITLE[1], "the third"))
    assert desk.library.protocols[NAME].title == TITLE[1]
    assert desk.library.protocols[NAME].approval is not None
    approved(desk)
    assert (desk.library.protocols[NAME].title, desk.library.protocols[NAME].version) == ("the third", 3)


def test_another_process_sees_the_approval_too(desk: Desk, tmp_path: Path) -> None:
    other = open_desk(ClinicFile(), tmp_path, Issuer(tmp_path), Clock(), stations={})
    assert other.library.protocols[NAME].version == 1
    edited(desk, TITLE)
    approved(desk)
    assert other.library.protocols[NAME].version == 2
    other.database.close()


def test_a_new_protocol_begins_from_another_and_is_there_once_approved(desk: Desk) -> None:
    paper = drafts.create(desk, by(desk, WROTE), "our-knee", NAME)
    assert 'name = "our-knee"' in str(paper.body["text"])
    assert "our-knee" not in desk.library.protocols
    approved(desk, name="our-knee")
    assert desk.library.protocols["our-knee"].version == 1
    for taken in ("our-knee", NAME, "../x"):
        with pytest.raises(Refused, match=r"already|small letters"):
            drafts.create(desk, by(desk, WROTE), taken, NAME)


def test_a_protocol_taken_out_of_use_is_not_in_force_though_its_file_is_there(desk: Desk) -> None:
    with pytest.raises(Refused, match="is empty"):
        drafts.retire(desk, by(desk, WROTE), NAME, "")
    drafts.retire(desk, by(desk, WROTE), NAME, "the lamps are gone")
    assert NAME not in desk.library.protocols
    paper = drafts.begin(desk, by(desk, WROTE), PROTOCOL, NAME)
    assert NAME not in desk.library.protocols
    assert "version = 2" in str(paper.body["text"])
    approved(desk)
    assert desk.library.protocols[NAME].version == 2


def test_the_history_says_who_changed_what(desk: Desk) -> None:
    edited(desk, TITLE)
    approved(desk)
    editions = drafts.history(desk, PROTOCOL, NAME)
    assert [(one.state, one.by) for one in editions] == [
        ("approved", SECOND.login),
        ("handed-in", WROTE.login),
        ("draft", WROTE.login),
        ("draft", WROTE.login),
    ]
    assert f'+title = "{TITLE[1]}"' in editions[2].diff
    assert editions[0].diff == ()
    assert "+version = 2" in editions[3].diff


# --- visits --------------------------------------------------------------------------------------------------------------


def test_a_new_visit_takes_what_is_in_force_now_and_one_that_has_begun_is_refused_to_go_on_by_the_old(
    desk: Desk,
) -> None:
    course, station = a_course(desk), a_station()
    begun = visits.begin(desk, by(desk, HELPER), course, station, "left")
    assert visits.body_of(begun).fluence_j_cm2 == 24
    edited(desk, ALL_24)
    approved(desk)
    due, protocol = visits.offered(desk, course, station, "left")
    assert (due.dose.fluence_j_cm2, protocol.version) == (26, 2)
    assert visits.body_of(desk.papers.get("visit", begun.id)).fluence_j_cm2 == 24
    assert "protocol" in {problem.field for problem in visits.look(desk, begun, station)}


def test_outside_of_simulation_a_patient_is_offered_nothing_that_no_clinic_has_approved(desk: Desk) -> None:
    course, station = a_course(desk), a_station(simulated=False)
    with pytest.raises(Refused) as refused:
        visits.offered(desk, course, station, "left")
    assert fields(refused) == {"protocol", "screening"}
    edited(desk, TITLE)
    approved(desk)
    with pytest.raises(Refused) as refused:
        visits.offered(desk, course, station, "left")
    assert fields(refused) == {"screening"}
    edited(desk, ("Before infrared heating", "Before each heating"), kind=SCREENING, name="infrared")
    approved(desk, SCREENING, "infrared")
    assert visits.offered(desk, course, station, "left")[1].version == 2


# --- the list and the template -------------------------------------------------------------------------------------------


def test_a_screening_list_that_forbids_too_little_is_not_handed_in(desk: Desk) -> None:
    paper = edited(desk, ('kind = "contraindication"', 'kind = "precaution"'), kind=SCREENING, name="infrared")
    with pytest.raises(Refused):
        drafts.hand_in(desk, by(desk, WROTE), SCREENING, "infrared", paper.number)
    assert desk.library.screening.version == 1


def test_a_template_is_edited_by_an_administrator_and_approved_by_a_clinician(desk: Desk) -> None:
    edited(desk, ('title = "Infrared session note"', 'title = "Our note"'), ADMIN, TEMPLATE, NOTE)
    paper = drafts.paper_of(desk, TEMPLATE, NOTE)
    assert paper is not None
    handed = drafts.hand_in(desk, by(desk, ADMIN), TEMPLATE, NOTE, paper.number)
    assert desk.library.template.title == "Infrared session note"
    acting = by(desk, SECOND)
    drafts.approve(desk, acting, TEMPLATE, NOTE, handed.number, proof_before(acting, SECOND))
    assert desk.library.template.title == "Our note"
    assert desk.library.template.label.startswith("session-note version 2, ")
