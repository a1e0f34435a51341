"""Papers: versions that stay, legible with the key only, found by what is not secret, signed as they were shown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from irctl.domain.electronic_signature import Meaning, Reauthentication, problems_with_versions, signed
from irctl.domain.people import Person, Role
from irctl.domain.problems import Refused
from irctl.records.database import Database
from irctl.records.papers import Index, Papers, Wanted
from irctl.records.rotating import keys_in_use, rotate
from irctl.records.sealing import Ring
from tests.records.worlds import NOW

NURSE = Person("nurse", "N. Urse", frozenset({Role.ASSISTANT}))
DOCTOR = Person("doctor", "D. Octor", frozenset({Role.CLINICIAN}))
LATER = NOW + timedelta(minutes=3)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    Ring.with_new_key(tmp_path / "records.key")
    return tmp_path / "records.key"


@pytest.fixture
def papers(database: Database, key_file: Path) -> Papers:
    return Papers(database, Ring.read(key_file))


def a_visit(papers: Papers, name: str = "V-1", **index: object) -> None:
    papers.new("visit", name, {"pain": 6}, NURSE, NOW, Index("P-1", NOW, "open", **index))  # type: ignore[arg-type]


def test_a_paper_that_is_amended_keeps_what_it_was(papers: Papers) -> None:
    a_visit(papers)
    papers.amend("visit", "V-1", 1, {"pain": 4}, DOCTOR, "asked again", LATER, state="done")
    found = papers.get("visit", "V-1")
    assert (found.number, dict(found.body), found.index.state, found.index.patient) == (2, {"pain": 4}, "done", "P-1")
    versions = papers.versions("visit", "V-1")
    assert [dict(version.body) for version in versions] == [{"pain": 6}, {"pain": 4}]
    assert problems_with_versions(versions) == []


def test_who_was_slower_is_told_so(papers: Papers) -> None:
    a_visit(papers)
    papers.amend("visit", "V-1", 1, {"pain": 4}, DOCTOR, "asked again", LATER)
    with pytest.raises(Refused, match="not in force any more") as refused:
        papers.amend("visit", "V-1", 1, {"pain": 5}, NURSE, "too", LATER)
    assert refused.value.conflict
    with pytest.raises(Refused, match="is there already"):
        a_visit(papers)


def test_papers_are_found_by_what_is_not_secret(papers: Papers) -> None:
    for number in range(4):
        day = NOW + timedelta(days=number)
        state = "done" if number < 2 else "planned"
        papers.new("appointment", f"A-{number}", {}, NURSE, NOW, Index("P-1", day, state, parent="C-1"))
    papers.new("appointment", "A-9", {}, NURSE, NOW, Index("P-2", NOW, "planned"))

    def found(wanted: Wanted) -> list[str]:
        return [paper.id for paper in papers.find("appointment", wanted)]

    assert found(Wanted(patient="P-1")) == ["A-0", "A-1", "A-2", "A-3"]
    assert found(Wanted(parent="C-1", states=["planned"])) == ["A-2", "A-3"]
    assert found(Wanted(since=NOW + timedelta(days=1), until=NOW + timedelta(days=3))) == ["A-1", "A-2"]
    assert found(Wanted(newest=True, limit=1)) == ["A-3"]


def test_without_the_key_nothing_is_read(papers: Papers, database: Database, key_file: Path) -> None:
    papers.new("course", "C-1", {"goal": "walks to the lake"}, DOCTOR, NOW, Index("P-1"))
    with database.reading() as connection:
        sealed = connection.execute(text("SELECT sealed FROM paper_versions")).scalar_one()
    assert b"lake" not in bytes(sealed)
    ring, number = rotate(database, key_file)
    assert number == 1
    assert keys_in_use(database) == {ring.current.id: 1}
    assert Papers(database, ring).get("course", "C-1").body["goal"] == "walks to the lake"


def test_a_signature_is_of_the_version_that_was_shown(papers: Papers, database: Database, key_file: Path) -> None:
    a_visit(papers)
    shown = papers.get("visit", "V-1").version
    signature = signed(shown, DOCTOR, Meaning.PERFORMED, Reauthentication("doctor", LATER), LATER)
    papers.sign("visit", "V-1", signature)
    papers.amend("visit", "V-1", 1, {"pain": 4}, DOCTOR, "asked again", LATER)
    assert papers.signatures("visit", "V-1") == [signature]
    with pytest.raises(Refused, match="was given to version 1"):
        papers.sign("visit", "V-1", signature)
    ring, _ = rotate(database, key_file)
    assert Papers(database, ring).signatures("visit", "V-1") == [signature]


def test_a_version_put_in_anothers_place_does_not_open(papers: Papers, database: Database) -> None:
    a_visit(papers)
    a_visit(papers, "V-2")
    swap = (
        "UPDATE paper_versions SET sealed = (SELECT sealed FROM paper_versions WHERE paper = 'V-1') WHERE paper = 'V-2'"
    )
    with database.writing() as connection:
        connection.execute(text(swap))
    with pytest.raises(Refused, match="does not open"):
        papers.get("visit", "V-2")
