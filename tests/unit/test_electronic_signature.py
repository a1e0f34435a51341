"""Electronic signatures and amendments: what was signed is what is shown, and what was there stays."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.electronic_signature import (
    Meaning,
    Reauthentication,
    Signature,
    Version,
    problems_with_signature,
    problems_with_versions,
    signed,
)
from irctl.domain.people import Person, Role
from irctl.domain.problems import Refused
from tests.unit.worlds import NOW

CLINICIAN = Person("okafor", "M. Okafor", frozenset({Role.CLINICIAN}))
NOTE = Version("N-1", 1, {"reaction": "mild erythema", "pain_after": 3}, "okafor", NOW)
PROOF = Reauthentication("okafor", NOW)


def a_signature(version: Version = NOTE) -> Signature:
    return signed(version, CLINICIAN, Meaning.AUTHORED, replace(PROOF, at=version.made_at), version.made_at)


def test_a_signature_shows_name_time_and_meaning_and_survives_the_way_through_a_file() -> None:
    signature = a_signature()
    assert str(signature) == "M. Okafor, 2026-11-23 10:00 UTC, authored"
    again = Signature.of(json.loads(signature.canonical()))
    assert again == signature
    assert again.canonical() == signature.canonical()
    assert problems_with_signature(again, NOTE) == []


@pytest.mark.parametrize(
    ("proof", "why"),
    [
        (None, "not asked for"),
        (replace(PROOF, login="lindqvist"), "lindqvist"),
        (replace(PROOF, at=NOW - timedelta(seconds=61)), "within the last 60 s"),
        (replace(PROOF, at=NOW + timedelta(seconds=1)), "within the last 60 s"),
    ],
)
def test_nobody_signs_without_having_just_typed_their_own_password(proof: Reauthentication | None, why: str) -> None:
    with pytest.raises(Refused, match=why):
        signed(NOTE, CLINICIAN, Meaning.AUTHORED, proof, NOW)


def test_a_signature_is_not_older_than_its_record() -> None:
    before = NOW - timedelta(seconds=5)
    with pytest.raises(Refused, match="before the record"):
        signed(NOTE, CLINICIAN, Meaning.AUTHORED, replace(PROOF, at=before), before)


bodies = st.dictionaries(
    st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.integers() | st.booleans(), max_size=4
)


@given(bodies, bodies)
def test_a_record_that_reads_otherwise_than_the_one_signed_is_noticed(
    was: dict[str, int], shown: dict[str, int]
) -> None:
    signature = a_signature(replace(NOTE, body=was))
    found = problems_with_signature(signature, replace(NOTE, body=shown))
    assert bool(found) == (json.dumps(was, sort_keys=True) != json.dumps(shown, sort_keys=True))


@pytest.mark.parametrize(
    "change",
    [
        {"by": "somebody"},
        {"made_at": NOW + timedelta(seconds=1)},
        {"made_at": NOW.astimezone(timezone(timedelta(hours=1)))},
        {"reason": "another"},
        {"prior_sha256": "f" * 64},
        {"record": "N-2"},
        {"number": 2},
    ],
)
def test_everything_about_a_version_is_signed_not_only_its_text(change: dict[str, object]) -> None:
    assert problems_with_signature(a_signature(), replace(NOTE, **change)) != []


def test_an_amendment_keeps_what_was_there_and_needs_a_signature_of_its_own() -> None:
    signature = a_signature()
    second = NOTE.amended({"reaction": "none"}, CLINICIAN, "wrong patient's reaction", NOW + timedelta(hours=1))
    assert problems_with_versions([NOTE, second]) == []
    assert second.reason == "wrong patient's reaction"
    assert problems_with_signature(signature, NOTE) == []
    (problem,) = problems_with_signature(signature, second)
    assert "version 1" in problem.limit
    assert problems_with_signature(a_signature(second), second) == []


def test_an_amendment_wants_a_reason_a_change_and_a_clock() -> None:
    with pytest.raises(Refused) as refused:
        NOTE.amended(dict(NOTE.body), CLINICIAN, " ", datetime(2020, 1, 1, tzinfo=UTC))
    assert [p.field for p in refused.value.problems] == ["reason", "body", "made_at"]


def test_a_history_that_was_touched_shows() -> None:
    second = NOTE.amended({"reaction": "none"}, CLINICIAN, "typing", NOW + timedelta(hours=1))
    third = second.amended({"reaction": "burn"}, CLINICIAN, "seen later", NOW + timedelta(hours=2))
    assert problems_with_versions([NOTE, second, third]) == []
    assert problems_with_versions([]) == []
    for touched in (
        [NOTE, third],
        [second, third],
        [NOTE, replace(second, body={"reaction": "all well"}), third],
        [replace(NOTE, by="somebody"), second, third],
        [NOTE, third, second],
    ):
        assert problems_with_versions(touched) != []
