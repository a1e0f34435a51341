"""Screening: what answers say, what is no answer, and who may override what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.clinic.shelf.screening_file import load_screening
from irctl.domain.override import Override, overriding
from irctl.domain.people import Person, Role
from irctl.domain.problems import Refused
from irctl.domain.screening import (
    SENSATION,
    Answer,
    Findings,
    Kind,
    Result,
    Screened,
    Trial,
    findings,
    trials_of,
)
from tests.unit.worlds import CONFIGS

FILE = CONFIGS / "screening" / "infrared.toml"
LIST = load_screening(FILE)
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=BERLIN)
HARMLESS = {item.key: Answer.NO if item.dangerous is Answer.YES else Answer.YES for item in LIST.items}
DANGEROUS = {item.key: item.dangerous for item in LIST.items}
WELL = Screened(LIST.label, "P-17", "lumbar", "lindqvist", NOW, HARMLESS, trials_of(8))
OKAFOR = Person("okafor", "M. Okafor", frozenset({Role.CLINICIAN}))
SECOND = Person("lindqvist", "E. Lindqvist", frozenset({Role.CLINICIAN}))


def judged(
    screened: Screened = WELL, override: Override | None = None, now: datetime = NOW, **changes: Any
) -> Findings:
    return findings(LIST, replace(screened, **changes), "P-17", "lumbar", now, override)


def with_answers(**answers: Answer) -> dict[str, Answer]:
    return HARMLESS | {key.replace("_", "-"): answer for key, answer in answers.items()}


def test_who_has_nothing_may_be_treated() -> None:
    assert judged().result is Result.MAY
    assert judged().reasons == []


def test_a_precaution_comes_with_what_to_do() -> None:
    found = judged(answers=with_answers(metal=Answer.YES))
    assert found.result is Result.PRECAUTION
    (finding,) = found.found
    assert "Take off" in finding.text
    assert found.reasons == []


@pytest.mark.parametrize("item", [i for i in LIST.items if i.kind is Kind.CONTRAINDICATION], ids=lambda item: item.key)
def test_every_contraindication_forbids_and_says_why(item: Any) -> None:
    found = judged(answers=HARMLESS | {item.key: item.dangerous})
    assert found.result is Result.MUST_NOT
    (reason,) = found.reasons
    assert (reason.field, reason.remedy) == (item.key, item.advice)


answers = st.dictionaries(st.sampled_from([item.key for item in LIST.items]), st.sampled_from(list(Answer)))


@given(answers)
def test_nobody_may_be_treated_unless_every_question_is_answered(answers: dict[str, Answer]) -> None:
    found = judged(answers=answers)
    open_questions = {item.key for item in LIST.items if answers.get(item.key, Answer.UNKNOWN) is Answer.UNKNOWN}
    assert {problem.field for problem in found.problems} == open_questions
    if open_questions:
        assert found.result is Result.MUST_NOT


@given(st.lists(st.tuples(st.booleans(), st.none() | st.booleans()), max_size=12))
def test_the_sensation_test_is_passed_by_telling_hot_from_cold_and_by_nothing_else(
    touches: list[tuple[bool, bool | None]],
) -> None:
    found = judged(trials=tuple(Trial(hot, said) for hot, said in touches))
    wrong = sum(hot is not said for hot, said in touches)
    enough = len(touches) >= 8 and {hot for hot, _ in touches} == {True, False}
    assert (found.result is Result.MAY) == (enough and wrong <= 1)


def test_only_hot_or_no_answer_is_no_test() -> None:
    assert judged(trials=(Trial(True, True),) * 8).result is Result.MUST_NOT
    assert judged(trials=(*trials_of(6), Trial(True, None), Trial(False, None))).result is Result.MUST_NOT


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"patient": "P-18"}, "patient"),
        ({"area": "neck"}, "area"),
        ({"screening": "infrared version 1, 000000000000"}, "screening"),
        ({"at": NOW - timedelta(hours=10, minutes=1)}, "screening"),
        ({"at": NOW + timedelta(minutes=3)}, "screening"),
        ({"answers": HARMLESS | {"left-handed": Answer.NO}}, "left-handed"),
    ],
)
def test_another_patients_another_lists_and_yesterdays_answers_are_none(change: dict[str, Any], field: str) -> None:
    found = judged(**change)
    assert [problem.field for problem in found.problems] == [field]
    assert found.result is Result.MUST_NOT


def test_today_is_the_clinics_day() -> None:
    just_after_midnight = datetime(2026, 11, 23, 0, 5, tzinfo=BERLIN)  # still the 22nd in UTC
    assert judged(at=just_after_midnight.astimezone(ZoneInfo("UTC"))).result is Result.MAY
    assert judged(patient=" p-17 ", area="Lumbar").result is Result.MAY


# --- two people -------------------------------------------------------------------------------------------------------


def an_override(*what: str, at: datetime = NOW) -> Override:
    return overriding(what, OKAFOR, SECOND, "discussed with the referring physician", at)


def test_two_clinicians_may_override_a_finding_and_it_stays_in_sight() -> None:
    with_cancer = replace(WELL, answers=with_answers(active_cancer=Answer.YES))
    found = judged(with_cancer, an_override("active-cancer"))
    assert found.result is Result.PRECAUTION
    assert [(f.key, f.overridden) for f in found.found] == [("active-cancer", True)]
    assert judged(with_cancer, an_override("infection")).result is Result.MUST_NOT


@pytest.mark.parametrize("key", [*sorted(LIST.absolute)])
def test_nobody_overrides_eyes_or_a_failed_sensation_test(key: str) -> None:
    failed = (
        replace(WELL, trials=trials_of(8, errors=8))
        if key == SENSATION
        else replace(WELL, answers=HARMLESS | {key: DANGEROUS[key]})
    )
    assert judged(failed, an_override(key)).result is Result.MUST_NOT
    with pytest.raises(Refused, match="cannot be overridden"):
        overriding([key], OKAFOR, SECOND, "a reason", NOW, never=LIST.absolute)


def test_yesterdays_override_is_none_and_none_stands_for_an_answer() -> None:
    with_cancer = replace(WELL, answers=with_answers(active_cancer=Answer.YES))
    assert judged(with_cancer, an_override("active-cancer", at=NOW - timedelta(days=1))).result is Result.MUST_NOT
    unknown = replace(WELL, answers=with_answers(active_cancer=Answer.UNKNOWN))
    assert judged(unknown, an_override("active-cancer")).result is Result.MUST_NOT


@pytest.mark.parametrize(
    ("person", "second", "reason", "field"),
    [
        (OKAFOR, None, "why", "second"),
        (OKAFOR, OKAFOR, "why", "second"),
        (OKAFOR, SECOND, " ", "reason"),
        (None, SECOND, "why", "by"),
    ],
)
def test_an_override_is_two_people_and_a_reason(
    person: Person | None, second: Person | None, reason: str, field: str
) -> None:
    with pytest.raises(Refused) as refused:
        overriding(["active-cancer"], person, second, reason, NOW)
    assert [problem.field for problem in refused.value.problems] == [field]
    with pytest.raises(Refused, match="names nothing"):
        overriding([], OKAFOR, SECOND, "why", NOW)


# --- the file ---------------------------------------------------------------------------------------------------------

TEXT = FILE.read_text(encoding="utf-8")


def test_the_example_says_what_it_is_and_every_question_has_its_source() -> None:
    assert "EXAMPLE, to be approved by your clinic" in TEXT.splitlines()[0]
    assert "EXAMPLE" in LIST.standing
    assert all(item.source.text and item.source.mark in "FWCM" and item.advice for item in LIST.items)


def changed(tmp_path: Path, change: Callable[[str], str]) -> set[str]:
    file = tmp_path / "infrared.toml"
    text = change(TEXT)
    assert text != TEXT, "the change no longer fits the example"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_screening(file)
    return {problem.field for problem in refused.value.problems}


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('dangerous = "no"', 'dangerous = "yes"', "expect.6"),
        ('dangerous = "no"', 'dangerous = "maybe"', "items.0.dangerous"),
        ('kind = "contraindication"', 'kind = "precaution"', "expect.6"),
        ('key = "metal"', 'key = "infection"', "items.key"),
        ('key = "metal"', 'key = "thermal-sensation"', "items.key"),
        ('[[expect]]\nanswers = { infection = "yes" }\nresult = "must not treat"\n', "", "expect"),
        ("errors_max = 1", "errors_max = 2", "sensation"),
        ("trials_min = 8 ", "trials_min = 6 ", "sensation"),
        ('source = "acute"', 'source = "hearsay"', "items.acute-injury.source"),
        ('result = "may treat"', 'result = "may"', "expect.0.result"),
        ('{ metal = "yes" }', '{ mettal = "yes" }', "expect.3"),
        ('name = "infrared"', 'name = "infra-red"', "name"),
    ],
)
def test_a_list_that_does_not_hold_is_refused_with_the_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    assert field in changed(tmp_path, lambda text: text.replace(old, new, 1))
