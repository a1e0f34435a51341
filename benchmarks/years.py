"""What a busy clinic writes down in its years beside the journals: patients, courses, appointments, visits, signatures, looks; in bulk, sealed as in earnest.

Made up from a seed. Every name is invented.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from benchmarks.records import SESSIONS_A_DAY
from irctl.clinic.care.courses import KIND as COURSE
from irctl.clinic.care.courses import VISIT
from irctl.clinic.desk import Desk
from irctl.domain.chain import canonical
from irctl.domain.electronic_signature import Meaning, Reauthentication, Version, signed
from irctl.domain.people import Person, Role
from irctl.records import people, tables
from irctl.records.papers import place, signature_place
from irctl.records.sealing import Key

PATIENTS_A_YEAR = 750
"""Some 6,000 of them in all."""
VERSIONS = 9
"""Of a visit's paper: begun, identified, screened, positioned, asked, ready, started, looked at afterwards, and one that changes something."""
LOOKS = 4
"""At a patient, for each visit."""
AT_ONCE = 2000
APPOINTMENT = "appointment"
AHEAD_DAYS = 21
FIRST = ("Ada", "Bo", "Cleo", "Dov", "Ena", "Finn", "Gwen", "Hugo", "Ines", "Jon", "Kaja", "Lew", "Mina", "Nils", "Oda", "Pia", "Quin", "Rune", "Sia", "Tor")  # fmt: skip
LAST = ("Example", "Sample", "Fictive", "Specimen", "Pattern", "Placeholder", "Mustermann", "Nobody", "Anyone", "Testperson", "Modell", "Exempel", "Primer", "Invent", "Figment")  # fmt: skip
CLINICIAN = Person("clinician", "Robin Made-Up", frozenset({Role.CLINICIAN, Role.AUDITOR}))


@dataclass(frozen=True, slots=True)
class Written:
    """How much there is of it."""

    patients: int
    visits: int
    papers: int
    versions: int
    looks: int


def begin_day(sessions: int, now: datetime) -> datetime:
    """The first day's opening, so that the last day is yesterday."""
    days = (sessions - 1) // SESSIONS_A_DAY + 1
    return datetime.combine(now.date() - timedelta(days=days), datetime.min.time(), UTC) + timedelta(hours=7)


def write(desk: Desk, now: datetime, *, versions: int = VERSIONS, unsigned: int = 12, seed: int = 1) -> Written:
    """Papers to every session that is projected. `unsigned`: of the newest visits, still to be signed."""
    random, key = Random(seed), desk.ring.current
    with desk.database.reading() as connection:
        named = select(tables.sessions.c.patient, func.min(tables.sessions.c.area)).group_by(tables.sessions.c.patient)
        patients = [(patient, area) for patient, area in connection.execute(named)]
        total = connection.execute(select(func.count()).select_from(tables.sessions)).scalar_one()
    protocol = next(iter(desk.library.protocols.values())).label
    began = now - timedelta(days=3650)
    writer = _Writer(desk, key)
    writer.people(patients, began, random)
    for patient, area in patients:
        writer.paper(COURSE, f"C-{patient}", _course(area, protocol), patient, began, "active", None, None, began)
    for number, row in enumerate(_sessions(desk)):
        signed_off = number < total - unsigned
        writer.visit(row, protocol, versions, random, signed_off=signed_off)
    for patient, area in random.sample(patients, min(len(patients), SESSIONS_A_DAY * AHEAD_DAYS)):
        at = datetime.combine(now.date() + timedelta(days=random.randrange(AHEAD_DAYS)), datetime.min.time(), UTC)
        at += timedelta(hours=8, minutes=20 * random.randrange(30))
        body = _appointment(area, protocol, at, "planned")
        writer.paper(APPOINTMENT, f"A-{patient}-next", body, patient, at, "planned", f"C-{patient}", None, now)
    writer.flush()
    return Written(len(patients), total, writer.papers, writer.versions, writer.looks)


def _sessions(desk: Desk) -> Sequence[RowMapping]:
    """All at once: a reader that stays for minutes keeps SQLite's log from being taken over."""
    with desk.database.reading() as connection:
        query = select(tables.sessions).order_by(tables.sessions.c.ordered_at)
        return connection.execute(query).mappings().all()


class _Writer:
    """Rows of many tables, written together."""

    def __init__(self, desk: Desk, key: Key) -> None:
        self._desk, self._key = desk, key
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self.papers = self.versions = self.looks = 0

    def people(self, patients: Sequence[tuple[str, str]], at: datetime, random: Random) -> None:
        for patient, _ in patients:
            who = people.Person(
                f"{random.choice(FIRST)} {random.choice(LAST)}-{random.choice(LAST)}",
                date(1930, 1, 1) + timedelta(days=random.randrange(28000)), patient.removeprefix("P-"), "+00 000 000",
            )  # fmt: skip
            told = {"name": who.name, "born": who.born.isoformat(), "number": who.number, "contact": who.contact}
            sealed = self._key.seal(told | {"reason": ""}, people.place(patient, 1))
            about = {"patient": patient, "version": 1}
            self._add("patients", about)
            self._add(
                "patient_versions", about | {"at": at, "by": CLINICIAN.login, "key_id": self._key.id, "sealed": sealed}
            )
            for row in people.found_by(self._key, patient, who):
                self._add("patient_index", row)
        self.flush()

    def paper(
        self, kind: str, paper: str, body: dict[str, Any], patient: str, moment: datetime, state: str, parent: str | None,
        session: str | None, at: datetime, versions: int = 1, reasons: Sequence[str] = (),
    ) -> Version:  # fmt: skip
        """All its versions; the last is in force."""
        version = Version(f"{kind}/{paper}", 1, body, CLINICIAN.login, at)
        before = self._version(kind, paper, version)
        for number in range(1, versions):
            step = {**body, "place": number} if number < versions - 1 else body
            reason = reasons[number % len(reasons)] if reasons else "changed"
            then = at + timedelta(minutes=2 * number)
            version = Version(version.record, number + 1, step, CLINICIAN.login, then, reason, before)
            before = self._version(kind, paper, version)
        index = {"patient": patient, "moment": moment, "state": state, "parent": parent, "session": session}
        self._add("papers", {"kind": kind, "paper": paper, "version": version.number, **index})
        self.papers += 1
        return version

    def visit(self, row: RowMapping, protocol: str, versions: int, random: Random, *, signed_off: bool) -> None:
        """What was written down at a session, signed by who gave it."""
        at, patient = row["ordered_at"], row["patient"]
        known, course, visit = f"{row['controller']}/{row['session']}", f"C-{patient}", f"V-{row['session']}"
        appointment = f"A-{row['session']}"
        told = _appointment(row["area"], protocol, at, "done")
        self.paper(APPOINTMENT, appointment, told, patient, at, "done", course, None, at - timedelta(days=7))
        body = _visit(row, protocol, course, appointment, random)
        begun = at - timedelta(minutes=20)
        version = self.paper(
            VISIT, visit, body, patient, at, "signed" if signed_off else "given", course, known, begun, versions, STEPS
        )
        if signed_off:
            when = max(row["ended_at"], version.made_at) + timedelta(minutes=3)
            proof = Reauthentication(CLINICIAN.login, when)
            signature = signed(version, CLINICIAN, Meaning.PERFORMED, proof, when)
            spot = signature_place(VISIT, visit, version.number, signature.login, signature.at)
            sealed = self._key.seal(json.loads(signature.canonical()), spot)
            key = {"kind": VISIT, "paper": visit, "version": version.number, "login": signature.login, "at": when}
            self._add("signatures", {**key, "key_id": self._key.id, "sealed": sealed})
        for number in range(LOOKS):
            look = {"at": at + timedelta(minutes=number), "by": CLINICIAN.login, "patient": patient, "what": "history"}
            self._add("views", look | {"why": "treatment"})
            self.looks += 1
        if len(self._rows["papers"]) >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        with self._desk.database.writing() as connection:
            for name, rows in self._rows.items():
                _insert(connection, name, rows)
        self._rows.clear()

    def _version(self, kind: str, paper: str, version: Version) -> str:
        """Its hash."""
        told = {
            "record": version.record, "number": version.number, "body": version.body, "by": version.by,
            "made_at": version.made_at.isoformat(), "reason": version.reason, "prior_sha256": version.prior_sha256,
        }  # fmt: skip
        sealed = self._key.seal(told, place(kind, paper, version.number))
        row = {"kind": kind, "paper": paper, "version": version.number, "at": version.made_at, "by": version.by}
        self._add("paper_versions", {**row, "key_id": self._key.id, "sealed": sealed})
        self.versions += 1
        return sha256(canonical(told)).hexdigest()

    def _add(self, name: str, row: dict[str, Any]) -> None:
        self._rows.setdefault(name, []).append(row)


STEPS = ("identified", "screened", "positioned", "asked for pain", "order accepted", "start asked for", "looked at afterwards")  # fmt: skip


def _insert(connection: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, name, rows)
    else:
        connection.execute(getattr(tables, name).insert(), rows)


def _copy(connection: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    """PostgreSQL's own way in for many rows: one by one, filling takes several times as long."""
    columns = tuple(rows[0])
    quoted = ", ".join(f'"{column}"' for column in columns)
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(f'COPY "{name}" ({quoted}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(tuple(row[column] for column in columns))


# --- what stands in them ---------------------------------------------------------------------------------------------------


def _course(area: str, protocol: str) -> dict[str, Any]:
    return {"area": area, "protocol": protocol, "diagnosis": "made up", "goal": "walk the stairs", "function_scale": "stairs",
            "baseline_nprs": 7, "baseline_function": 4, "referred_by": ""}  # fmt: skip


def _appointment(area: str, protocol: str, at: datetime, state: str) -> dict[str, Any]:
    return {"at": at.isoformat(), "minutes": 30, "area": area, "protocol": protocol, "station": "", "lamp": "",
            "state": state, "moved_from": None, "reason": ""}  # fmt: skip


def _visit(row: RowMapping, protocol: str, course: str, appointment: str, random: Random) -> dict[str, Any]:
    at = row["ordered_at"].isoformat()
    who = {"by": CLINICIAN.login, "at": at}
    pain = random.randrange(2, 8)
    return {
        "patient": row["patient"], "course": course, "area": row["area"], "appointment": appointment, "visit": random.randrange(1, 12),
        "place": 1, "protocol": protocol, "fluence_j_cm2": row["prescribed_j_cm2"], "irradiance_mw_cm2": row["irradiance_mw_cm2"],
        "station": "here", "lamp": row["lamp"], "lamp_serial": row["lamp_serial"], "distance_cm": row["distance_cm"],
        "calibration": row["calibration"], "identified": who,
        "screening": {**who, "screening": "infrared version 1", "answers": {f"question-{n}": "no" for n in range(20)},
                      "trials": [[n % 2 == 0, n % 2 == 0] for n in range(6)]},
        "position": {**who, "distance_cm": row["distance_cm"], "angle_deg": 0.0, "eyes_protected": True, "picture": ""},
        "before": {**who, "nprs": pain, "function": 5}, "override": None, "confirmed": [],
        "session": f"{row['controller']}/{row['session']}", "started_by": CLINICIAN.login,
        "after": {**who, "nprs": max(0, pain - 2), "function": 6, "skin": "as before", "reaction": "", "adverse_event": "", "plan": "go on"},
        "dropped": "",
    }  # fmt: skip
