"""Ten years of sessions: found again, read whole, amended without loss, taken along only with a reason, on record."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from irctl.clinic.acting import Acting
from irctl.clinic.care import sessions, visits
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.handover import auditing, exporting
from irctl.clinic.lamps.stations import Station
from irctl.clinic.opening import open_desk
from irctl.clinic.pages.record_files import routes
from irctl.clinic.screens.screen import COOKIE
from irctl.clinic.session_filter import address, filter_of, place_of, told, wanted_of
from irctl.clinic.settings import AboutSection, ClinicFile
from irctl.domain.electronic_signature import Reauthentication
from irctl.domain.people import Person, Role
from irctl.domain.problems import Refused
from irctl.records.database import upsert
from irctl.records.following import controller_of, follow
from irctl.records.papers import Index, Paper
from irctl.records.papers import Wanted as WantedPapers
from irctl.records.people import Person as Patient
from irctl.records.searching import Wanted, found, happened
from irctl.records.tables import alarms, stops
from irctl.records.tables import sessions as table
from tests.records.people import Hasher, some_accounts
from tests.records.worlds import a_day, events_of
from tests.virtual_time import run_virtual

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
CONTROLLER = "c0ffee00c0ffee00"
PASSWORD = "violin gravel tuesday soup"
CLINICIAN = Person("clinician", "Robin Made-Up", frozenset({Role.CLINICIAN}))
ASSISTANT = Person("assistant", "Alex Made-Up", frozenset({Role.ASSISTANT}))
AUDITOR = Person("auditor", "Ira Made-Up", frozenset({Role.AUDITOR}))
TECHNICIAN = Person("technician", "Toni Made-Up", frozenset({Role.TECHNICIAN}))


class Nobody:
    """Makes no tokens: nobody asks for one here."""

    def issue(self, person: Person, now: datetime) -> str:
        return ""


@dataclass
class Clinic:
    desk: Desk
    now: datetime = field(default=NOW)

    def acting(self, person: Person = CLINICIAN) -> Acting:
        return self.desk.acting(person)

    def session(self, number: int, at: datetime | None = None, **columns: Any) -> str:
        """One that has been given, as the journal's projection would have written it."""
        name = f"S-{number:05d}"
        row = {
            "controller": CONTROLLER, "session": name, "lamp": "left", "lamp_serial": "L-1", "simulated": False, "patient": "P-1",
            "area": "lumbar", "protocol": "warm version 1", "ordered_at": at or NOW - timedelta(hours=number), "ordered_by": "clinician",
            "prescribed_j_cm2": 40.0, "irradiance_mw_cm2": 50.0, "planned_s": 800.0, "outcome": "completed", "reason": "reached",
            "delivered_min_j_cm2": 37.51, "delivered_j_cm2": 40.0, "delivered_max_j_cm2": 42.49, "time_on_s": 800.0,
        } | columns  # fmt: skip
        with self.desk.database.writing() as connection:
            upsert(connection, table, [row])
        return name

    def visit(self, session: str, state: str) -> Paper:
        body = visits.VisitBody(
            patient="P-1", course="C-1", area="lumbar", visit=1, place=1, protocol="warm version 1", fluence_j_cm2=40.0, irradiance_mw_cm2=50.0,
            station="here", lamp="left", lamp_serial="L-1", distance_cm=50.0, calibration="C-1", session=f"{CONTROLLER}/{session}",
            after=visits.AfterPart(by="assistant", at=NOW, nprs=3, skin="as before"),
        )  # fmt: skip
        index = Index("P-1", NOW, state, "C-1", f"{CONTROLLER}/{session}")
        return self.desk.papers.new("visit", f"V-{session}", body.model_dump(mode="json"), ASSISTANT, NOW, index)

    def found(self, **asked: str) -> list[str]:
        page = sessions.find(self.desk, self.acting(), wanted_of(asked, self.desk.zone))
        return [row["session"] for row in page.rows]


def a_clinic(folder: Path, stations: Mapping[str, Station]) -> Iterator[Clinic]:
    desk = open_desk(ClinicFile(clinic=AboutSection(zone="Europe/Oslo")), folder, Nobody(), lambda: NOW, stations)
    desk.patients.add("P-1", Patient("Åse Oppdiktet", date(1961, 5, 4)), "assistant", NOW)
    desk.patients.add("P-2", Patient("Bo Sample", date(1975, 2, 1)), "assistant", NOW)
    yield Clinic(desk)
    desk.database.close()


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    yield from a_clinic(tmp_path, {})


# --- found again -----------------------------------------------------------------------------------------------------------


def test_each_filter_finds_what_it_says_and_nothing_else(clinic: Clinic) -> None:
    plain = clinic.session(1)
    other = clinic.session(2, lamp="right", patient="P-2", protocol="warm version 2")
    stopped = clinic.session(3, outcome="stopped")
    running = clinic.session(4, outcome=None)
    signed, unsigned = clinic.session(5), clinic.session(6)
    clinic.visit(signed, "signed")
    clinic.visit(unsigned, "given")
    with clinic.desk.database.writing() as connection:
        upsert(connection, alarms, [{"controller": CONTROLLER, "alarm": "A-1", "at": NOW, "session": stopped}])
    sessions.amend(clinic.desk, clinic.acting(), CONTROLLER, other, {"area": "neck"}, "the wrong area was written down")

    assert clinic.found() == [plain, other, stopped, running, signed, unsigned]
    assert (
        clinic.found(lamp="right") == clinic.found(patient="P-2") == clinic.found(protocol="warm version 2") == [other]
    )
    assert clinic.found(outcome="stopped") == clinic.found(alarms="yes") == [stopped]
    assert clinic.found(outcome="running") == [running]
    assert clinic.found(amended="yes") == [other]
    assert clinic.found(signed="yes") == [signed]
    assert clinic.found(signed="no") == [unsigned]
    assert clinic.found(outcome="stopped", lamp="right") == []


def test_a_day_is_the_clinics_day_from_midnight_to_midnight(clinic: Clinic) -> None:
    late = clinic.session(1, at=datetime(2026, 11, 23, 23, 30, tzinfo=UTC))  # half past midnight in Oslo
    early = clinic.session(2, at=datetime(2026, 11, 23, 22, 30, tzinfo=UTC))
    assert clinic.found(**{"from": "2026-11-24", "to": "2026-11-24"}) == [late]
    assert clinic.found(to="2026-11-23") == [early]


@pytest.mark.parametrize("asked", [{"from": "yesterday"}, {"outcome": "splendid"}, {"to": "2026-13-01"}])
def test_what_is_no_filter_is_refused(clinic: Clinic, asked: dict[str, str]) -> None:
    with pytest.raises(Refused):
        wanted_of(asked, clinic.desk.zone)


@pytest.mark.parametrize("place", ["x", "2026-11-24~a~b", "2026-11-24T00:00:00+00:00~a"])
def test_what_is_no_place_in_the_list_is_refused(place: str) -> None:
    with pytest.raises(Refused):
        place_of(place)


def test_pages_have_neither_gaps_nor_repeats_while_new_sessions_arrive(clinic: Clinic) -> None:
    at = NOW - timedelta(days=1)
    # Many of the same moment: the moment alone does not tell where a page ended.
    there = {clinic.session(number, at=at - timedelta(minutes=number // 7)) for number in range(100)}
    seen: list[str] = []
    place, pages = "", 0
    while True:
        page = found(clinic.desk.database, Wanted(), 9, place_of(place))
        seen += [row["session"] for row in page.rows]
        clinic.session(1000 + pages, at=NOW + timedelta(minutes=pages))
        pages += 1
        if page.next is None:
            break
        place = told(page.next)
    assert len(seen) == len(set(seen))
    assert set(seen) == there
    assert pages == 12


def test_the_last_page_says_that_nothing_follows(clinic: Clinic) -> None:
    for number in range(4):
        clinic.session(number)
    assert found(clinic.desk.database, Wanted(), 3).next is not None
    assert found(clinic.desk.database, Wanted(), 4).next is None


def test_a_name_is_searched_for_but_only_references_stand_in_the_address(clinic: Clinic) -> None:
    clinic.session(1)
    clinic.session(2, patient="P-2")
    assert sessions.references(clinic.desk, clinic.acting(), "oppdiktet") == ["P-1"]
    assert sessions.references(clinic.desk, clinic.acting(), "P-2") == ["P-2"]
    assert address("/records", filter_of({"patient": "P-1", "name": "Åse", "csrf": "x"})) == "/records?patient=P-1"


def test_each_name_on_the_page_is_a_look_and_no_other(clinic: Clinic) -> None:
    clinic.session(1)
    clinic.session(2)
    clinic.session(3, patient="P-unknown")
    page = sessions.find(clinic.desk, clinic.acting(), Wanted())
    assert sessions.names(clinic.desk, clinic.acting(), page.rows) == {"P-1": "Åse Oppdiktet"}
    looks = clinic.desk.patients.views("P-1")
    assert [(look["by"], look["why"]) for look in looks] == [("clinician", "records")]
    assert clinic.desk.patients.views("P-2") == []


def test_who_sees_no_patients_finds_no_sessions(clinic: Clinic) -> None:
    clinic.session(1)
    with pytest.raises(Refused, match="see-patient"):
        sessions.find(clinic.desk, clinic.acting(TECHNICIAN), Wanted())


def test_stops_are_paged_by_their_number_where_their_moment_is_the_same(clinic: Clinic) -> None:
    with clinic.desk.database.writing() as connection:
        rows = [{"controller": CONTROLLER, "seq": number, "at": NOW, "reason": "button"} for number in range(8, 13)]
        upsert(connection, stops, rows)
    first = happened(clinic.desk.database, "stops", 3)
    second = happened(clinic.desk.database, "stops", 3, first.next)
    assert [row["seq"] for row in (*first.rows, *second.rows)] == [12, 11, 10, 9, 8]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (WantedPapers(session="c/S-1"), "ix_papers_session_kind_moment (session=? AND kind=?)"),
        (WantedPapers(parent="C-1", states=("given", "signed")), "ix_papers_kind_parent_moment (kind=? AND parent=?)"),
        (WantedPapers(patient="P-1"), "ix_papers_patient_kind_moment (patient=? AND kind=?)"),
    ],
)
def test_a_visit_is_found_by_what_is_known_of_it_not_by_looking_through_all(
    clinic: Clinic, wanted: WantedPapers, index: str
) -> None:
    asked: list[tuple[str, Any]] = []
    engine = clinic.desk.database.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _u, text, told, *_: asked.append((text, told)))
    clinic.desk.papers.find("visit", wanted)
    text, told = next(one for one in asked if "FROM papers" in one[0])
    with clinic.desk.database.reading() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", told)]
    assert plan[0] == f"SEARCH papers USING INDEX {index}"


# --- read, amended, signed -------------------------------------------------------------------------------------------------


def test_an_amendment_stands_beside_the_original_which_stays(clinic: Clinic) -> None:
    name = clinic.session(1)
    sessions.amend(clinic.desk, clinic.acting(), CONTROLLER, name, {"area": "left knee"}, "wrong side written down")
    sessions.amend(clinic.desk, clinic.acting(ASSISTANT), CONTROLLER, name, {"note": "was told"}, "asked later")
    whole = sessions.record(clinic.desk, clinic.acting(), CONTROLLER, name)
    assert whole.row["area"] == "lumbar"
    assert [(one.version, one.by, dict(one.changes)) for one in whole.amendments] == [
        (1, "clinician", {"area": "left knee"}),
        (2, "assistant", {"note": "was told"}),
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"area": "neck"}, "  "), ({"delivered_j_cm2": 41.0}, "rounder"), ({}, "nothing")],
)
def test_an_amendment_without_reason_or_of_what_was_measured_is_refused(
    clinic: Clinic, changes: dict[str, Any], reason: str
) -> None:
    name = clinic.session(1)
    with pytest.raises(Refused):
        sessions.amend(clinic.desk, clinic.acting(), CONTROLLER, name, changes, reason)
    assert sessions.record(clinic.desk, clinic.acting(), CONTROLLER, name).amendments == ()


def test_an_unsigned_visit_is_signed_from_its_record_and_shown_with_name_time_and_meaning(clinic: Clinic) -> None:
    name = clinic.session(1)
    visit = clinic.visit(name, "given")
    assert sessions.record(clinic.desk, clinic.acting(), CONTROLLER, name).awaits_signature
    sessions.sign(clinic.desk, clinic.acting(), visit.id, visit.number, Reauthentication("clinician", NOW))
    whole = sessions.record(clinic.desk, clinic.acting(), CONTROLLER, name)
    (signature,) = whole.signatures
    assert (signature.printed_name, signature.meaning, signature.at) == ("Robin Made-Up", "performed", NOW)
    assert whole.problems == ()
    assert not whole.awaits_signature
    assert clinic.found(signed="yes") == [name]


def test_what_somebody_changed_meanwhile_is_not_signed_unseen(clinic: Clinic) -> None:
    visit = clinic.visit(clinic.session(1), "given")
    changed = {**visit.body, "visit": 2}
    clinic.desk.papers.amend("visit", visit.id, 1, changed, ASSISTANT, "counted again", NOW)
    with pytest.raises(Refused, match="version 2 is"):
        sessions.sign(clinic.desk, clinic.acting(), visit.id, 1, Reauthentication("clinician", NOW))
    assert clinic.desk.papers.signatures("visit", visit.id) == []


# --- taken along -----------------------------------------------------------------------------------------------------------


def exported(clinic: Clinic, asked: dict[str, str], **how: Any) -> list[dict[str, str]]:
    text = "".join(exporting.export(clinic.desk, clinic.acting(), asked, "a study", **how))
    return list(csv.DictReader(StringIO(text.removeprefix("\ufeff"), newline="")))


def test_an_export_is_what_was_searched_for_and_stands_in_the_audit(clinic: Clinic) -> None:
    clinic.session(1)
    right = clinic.session(2, lamp="right")
    rows = exported(clinic, {"lamp": "right", "csrf": "x"})
    assert [row["session"] for row in rows] == [right]
    assert (rows[0]["delivered_min_j_cm2"], rows[0]["delivered_max_j_cm2"]) == ("37.51", "42.49")
    (entry,) = clinic.desk.accounts.audit.listed(what="export")
    assert entry.by == "clinician"
    assert entry.told == {"filter": {"lamp": "right"}, "rows": 1, "names": False, "reason": "a study"}


def test_an_export_of_several_pieces_has_each_session_once(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "AT_ONCE", 7)
    names = [clinic.session(number) for number in range(1, 31)]
    assert [row["session"] for row in exported(clinic, {})] == names


def test_names_are_in_it_only_where_chosen_and_then_each_is_a_look(clinic: Clinic) -> None:
    clinic.session(1)
    assert "name" not in exported(clinic, {})[0]
    assert clinic.desk.patients.views("P-1") == []
    assert exported(clinic, {}, with_names=True)[0]["name"] == "Åse Oppdiktet"
    assert [look["why"] for look in clinic.desk.patients.views("P-1")] == ["export"]


@pytest.mark.parametrize("area", ["=HYPERLINK(0)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "＝1"])
def test_no_text_of_an_export_is_a_formula(clinic: Clinic, area: str) -> None:
    clinic.session(1, area=area)
    assert exported(clinic, {})[0]["area"] == f"'{area}"


def test_without_a_reason_or_the_role_nothing_is_exported_and_nothing_noted(clinic: Clinic) -> None:
    clinic.session(1)
    for person, reason in ((CLINICIAN, " "), (ASSISTANT, "a study")):
        with pytest.raises(Refused):
            exporting.export(clinic.desk, clinic.acting(person), {}, reason)
    assert clinic.desk.accounts.audit.listed() == []


# --- the audit -------------------------------------------------------------------------------------------------------------


def test_the_audit_is_paged_through_looks_and_deeds_of_the_same_moment(clinic: Clinic) -> None:
    audit = clinic.desk.accounts.audit
    for number in range(7):
        audit.write(None, NOW, "clinician", "export", f"{number}")
        clinic.desk.patients.named(["P-1", "P-2"], "clinician", f"{number}", NOW)
    audit.write(None, NOW - timedelta(seconds=1), "clinician", "signed-in", "clinician")
    seen: list[tuple[str, int]] = []
    asked: dict[str, str] = {}
    while True:
        page = auditing.trail(clinic.desk, clinic.acting(AUDITOR), asked, 4)
        seen += [(entry.what, entry.id) for entry in page.entries]
        if not page.next:
            break
        asked = {"after": page.next}
    assert len(seen) == len(set(seen)) == 22
    assert seen[-1][0] == "signed-in"


def test_the_audit_says_who_looked_at_whom(clinic: Clinic) -> None:
    clinic.desk.patients.named(["P-1", "P-2"], "clinician", "records", NOW)
    page = auditing.trail(clinic.desk, clinic.acting(AUDITOR), {"about": "P-2"})
    assert [(entry.by, entry.about, entry.told["why"]) for entry in page.entries] == [("clinician", "P-2", "records")]
    with pytest.raises(Refused, match="read-audit"):
        auditing.trail(clinic.desk, clinic.acting(CLINICIAN), {})


# --- files -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Of a day, as a real controller wrote it."""
    return events_of(run_virtual(a_day(tmp_path_factory.mktemp("day"))))


@pytest.fixture
def treated(tmp_path: Path, journal: list[dict[str, Any]]) -> Iterator[Clinic]:
    """A clinic that follows the station of that day."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/station":
            return httpx.Response(200, json={"journal": {"signer": _controller(journal)}})
        session = request.url.path.split("/")[3]
        return httpx.Response(200, json=[event for event in journal if event.get("session") == session])

    station = Station("here", "http://station", Nobody(), transport=httpx.MockTransport(answer))
    for made in a_clinic(tmp_path, {"here": station}):
        follow(made.desk.database, _controller(journal), journal)
        made.desk.accounts = some_accounts(made.desk.database, Hasher())
        made.desk.accounts.create("admin", "A. Made-Up", ["administrator"], PASSWORD, None, NOW)
        admin = made.desk.accounts.person("admin")
        for person in (CLINICIAN, TECHNICIAN):
            made.desk.accounts.create(person.login, person.name, [*person.roles], PASSWORD, admin, NOW)
        yield made


def _controller(journal: list[dict[str, Any]]) -> str:
    found = controller_of(journal)
    assert found is not None
    return found


class Browser:
    """Somebody's, with the word that its forms carry."""

    def __init__(self, desk: Desk, person: Person | None) -> None:
        doors = Doors(desk.accounts)
        self._app = FastAPI()
        self._app.include_router(routes(desk, doors))
        self.cookie, self.csrf = "", ""
        if person is not None:
            self.cookie, visitor = doors.open(person)
            self.csrf = visitor.csrf

    def ask(self, method: str, path: str, **form: str) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://clinic") as client:
                client.cookies.set(COOKIE, self.cookie)
                return await client.request(method, path, data=form or None)

        return asyncio.run(asked())


def note_of_the_completed(treated: Clinic) -> str:
    (row,) = sessions.find(treated.desk, treated.acting(), Wanted(outcome="completed")).rows
    return f"/records/{row['controller']}/{row['session']}/note.pdf"


def test_the_note_of_a_treated_session_is_a_pdf(treated: Clinic) -> None:
    answer = Browser(treated.desk, CLINICIAN).ask("GET", note_of_the_completed(treated))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


def test_a_note_is_not_for_who_sees_no_patients_nor_for_nobody(treated: Clinic) -> None:
    path = note_of_the_completed(treated)
    for person, status in ((None, 401), (TECHNICIAN, 403)):
        assert Browser(treated.desk, person).ask("GET", path).status_code == status


def test_a_note_from_a_changed_journal_is_refused(
    treated: Clinic, journal: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = note_of_the_completed(treated)
    ended = next(e for e in journal if e["event"] == "session.ended" and e["session"] == path.split("/")[3])
    monkeypatch.setitem(ended, "reason", "something nicer")
    answer = Browser(treated.desk, CLINICIAN).ask("GET", path)
    assert answer.status_code == 422
    assert "was changed" in json.dumps(answer.json())


def test_an_export_form_of_another_page_is_refused(treated: Clinic) -> None:
    browser = Browser(treated.desk, CLINICIAN)
    assert browser.ask("POST", "/records/export", csrf="guessed", reason="a study").status_code == 422
    assert treated.desk.accounts.audit.listed(what="export") == []
    answer = browser.ask("POST", "/records/export", csrf=browser.csrf, reason="a study")
    assert answer.status_code == 200
    assert len(list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"), newline="")))) == 3
    assert [entry.told["rows"] for entry in treated.desk.accounts.audit.listed(what="export")] == [3]


def test_a_journal_of_a_station_that_is_not_followed_is_said_so(clinic: Clinic) -> None:
    name = clinic.session(1)
    with pytest.raises(Refused, match="not followed here"):
        asyncio.run(sessions.note(clinic.desk, CONTROLLER, name))
