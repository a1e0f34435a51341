"""Patients: who is behind the references that orders and the journal know. Encrypted, versioned, and every look at one is written down.

Times are given by who calls. A look is on record before anything is shown: both are one transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from irctl.domain.problems import Problem, Refused
from irctl.records import tables
from irctl.records.database import Database
from irctl.records.sealing import Key, Ring, normal
from irctl.records.tables import patient_index, patient_versions, patients

FOUND_MAX = 50
"""More are no answer, and each that is shown is a look at somebody."""
BEGINNING_MIN = 3
"""Letters of a name that are enough to search by: fewer fit everybody."""
BEGINNING = "name-prefix"
"""The kind of those hashes. Who reads the database without the key sees that two names begin alike, and not how."""


@dataclass(frozen=True, slots=True)
class Person:
    """What identifies a patient."""

    name: str
    born: date
    number: str = ""
    """The clinic's record number."""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """A patient as somebody wrote it down."""

    patient: str
    version: int
    person: Person
    at: datetime
    by: str
    reason: str


class People:
    """Every call raises Refused."""

    def __init__(self, database: Database, ring: Ring) -> None:
        self._database, self._ring = database, ring

    def add(self, patient: str, person: Person, by: str, at: datetime) -> None:
        """A new patient, known to orders by this reference."""
        problems = _problems(person, by) + _empty(patient=patient)
        with self._database.writing() as connection:
            if _version_in_force(connection, patient) is not None:
                problems.append(Problem("patient", patient, "is somebody already", "Take another reference"))
            if problems:
                raise Refused(problems)
            connection.execute(patients.insert().values(patient=patient, version=1))
            self._write(connection, Version(patient, 1, person, at, by, ""))

    def amend(self, patient: str, version: int, person: Person, by: str, reason: str, at: datetime) -> None:
        """Another version, in place of `version`, which stays. Refused where somebody was quicker."""
        problems = _problems(person, by) + _empty(reason=reason)
        with self._database.writing() as connection:
            in_force = _version_in_force(connection, patient)
            if in_force is None:
                problems.append(_unknown(patient))
            elif in_force != version:
                why = f"is not in force any more: version {in_force} is"
                problems.append(Problem("version", version, why, "Look at it, then amend that one"))
            if problems:
                raise Refused(problems)
            connection.execute(update(patients).where(patients.c.patient == patient).values(version=version + 1))
            self._write(connection, Version(patient, version + 1, person, at, by, reason))

    def show(self, patient: str, by: str, why: str, at: datetime) -> Version:
        """The version in force."""
        return self.history(patient, by, why, at)[-1]

    def history(self, patient: str, by: str, why: str, at: datetime) -> list[Version]:
        """Every version, the one in force last."""
        _refuse(_empty(by=by, why=why))
        with self._database.writing() as connection:
            mine = select(patient_versions).where(patient_versions.c.patient == patient)
            found = connection.execute(mine.order_by(patient_versions.c.version)).all()
            if not found:
                raise Refused([_unknown(patient)])
            _seen(connection, [patient], by, "history", why, at)
            return [self._opened(row) for row in found]

    def several(self, wanted: Collection[str], by: str, why: str, at: datetime) -> dict[str, Version]:
        """The versions in force of these, by reference, for a list; whoever is nobody here is left out."""
        _refuse(_empty(by=by, why=why))
        with self._database.writing() as connection:
            found = connection.execute(_in_force().where(patients.c.patient.in_(wanted))).all()
            _seen(connection, [row.patient for row in found], by, "listed", why, at)
            return {row.patient: self._opened(row) for row in found}

    def find(
        self,
        by: str,
        why: str,
        at: datetime,
        *,
        name: str = "",
        born: date | None = None,
        number: str = "",
        beginnings: bool = False,
    ) -> list[Version]:
        """Those whom all of this fits: words of the name in any order; the day of birth; the record number.

        `beginnings`: the first three letters of a word are enough; otherwise words are whole.
        """
        _refuse(_empty(by=by, why=why))
        wanted = _words(name, born, number)
        if not wanted:
            raise Refused([Problem("name", name, "says nothing to search by", "Give a name, a birthday or a number")])
        query = _in_force()
        for kind, word in wanted:
            digests = self._ring.blind(kind, word)
            if beginnings and kind == "name":
                digests += self._ring.blind(BEGINNING, word)
            fits = select(patient_index.c.patient).where(patient_index.c.digest.in_(digests))
            query = query.where(patients.c.patient.in_(fits))
        with self._database.writing() as connection:
            found = connection.execute(query.order_by(patients.c.patient).limit(FOUND_MAX + 1)).all()
            if len(found) > FOUND_MAX:
                problem = Problem("name", name, f"fits more than {FOUND_MAX} patients", "Give more: birthday or number")
                raise Refused([problem])
            _seen(connection, [row.patient for row in found], by, "found", why, at)
            return [self._opened(row) for row in found]

    def known(self, patient: str) -> bool:
        """Whether somebody has this reference. It says nothing of who they are, so it is no look."""
        with self._database.reading() as connection:
            return _version_in_force(connection, patient) is not None

    def named(self, wanted: Collection[str], by: str, why: str, at: datetime) -> dict[str, Version]:
        """The versions in force of all of these at once, by reference: each is a look. Whoever is nobody here is left out."""
        _refuse(_empty(by=by, why=why))
        if not wanted:
            return {}
        here = (patient_versions.c.patient == patients.c.patient) & (patient_versions.c.version == patients.c.version)
        query = select(patient_versions).join(patients, here).where(patients.c.patient.in_(wanted))
        with self._database.writing() as connection:
            found = connection.execute(query.order_by(patients.c.patient)).all()
            _seen(connection, [row.patient for row in found], by, "found", why, at)
            return {row.patient: self._opened(row) for row in found}

    def views(self, patient: str) -> list[dict[str, Any]]:
        """Who has looked at somebody, newest first."""
        seen = select(tables.views).where(tables.views.c.patient == patient)
        with self._database.reading() as connection:
            return [dict(row) for row in connection.execute(seen.order_by(tables.views.c.id.desc())).mappings()]

    def _write(self, connection: Connection, version: Version) -> None:
        key = self._ring.current
        told = asdict(version.person) | {"born": version.person.born.isoformat(), "reason": version.reason}
        values = {"patient": version.patient, "version": version.version, "at": version.at, "by": version.by}
        sealed = key.seal(told, place(version.patient, version.version))
        connection.execute(patient_versions.insert().values(**values, key_id=key.id, sealed=sealed))
        index(connection, self._ring, version.patient, version.person)

    def _opened(self, row: Row[Any]) -> Version:
        told = self._ring.open(row.key_id, row.sealed, place(row.patient, row.version))
        return Version(row.patient, row.version, person_of(told), row.at, row.by, told["reason"])


def place(patient: str, version: int) -> str:
    return f"patient_versions\n{patient}\n{version}"


def person_of(told: dict[str, Any]) -> Person:
    return Person(told["name"], date.fromisoformat(told["born"]), told["number"], told["contact"])


def index(connection: Connection, ring: Ring, patient: str, person: Person) -> None:
    """What somebody is found by, anew, with the current key."""
    connection.execute(patient_index.delete().where(patient_index.c.patient == patient))
    connection.execute(patient_index.insert(), found_by(ring.current, patient, person))


def found_by(key: Key, patient: str, person: Person) -> list[dict[str, Any]]:
    """The rows of that index."""
    words = {*_words(person.name, person.born, person.number), *_beginnings(person.name)}
    return [{"digest": key.blind(*word), "patient": patient, "key_id": key.id} for word in sorted(words)]


def _words(name: str, born: date | None, number: str) -> list[tuple[str, str]]:
    words = [("name", word) for word in normal(name).split()]
    words += [("born", born.isoformat())] if born else []
    return words + ([("number", spelt)] if (spelt := normal(number).replace(" ", "")) else [])


def _beginnings(name: str) -> list[tuple[str, str]]:
    """Of each word of a name; the whole word is found as a word."""
    return [(BEGINNING, word[:letters]) for word in normal(name).split() for letters in range(BEGINNING_MIN, len(word))]


def _in_force() -> Select[Any]:
    """The version in force of each."""
    here = (patients.c.patient == patient_versions.c.patient) & (patients.c.version == patient_versions.c.version)
    return select(patient_versions).join(patients, here)


def _seen(connection: Connection, found: Iterable[str], by: str, what: str, why: str, at: datetime) -> None:
    rows = [{"at": at, "by": by, "patient": patient, "what": what, "why": why} for patient in found]
    if rows:
        connection.execute(tables.views.insert(), rows)


def _version_in_force(connection: Connection, patient: str) -> int | None:
    return connection.execute(select(patients.c.version).where(patients.c.patient == patient)).scalar()


def _problems(person: Person, by: str) -> list[Problem]:
    nameless = [] if normal(person.name) else [Problem("name", person.name, "has no letter", "Give the name")]
    return nameless + _empty(by=by)


def _empty(**said: str) -> list[Problem]:
    return [
        Problem(name, value, "is empty", "It goes into the record") for name, value in said.items() if not value.strip()
    ]


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise Refused(problems)


def _unknown(patient: str) -> Problem:
    return Problem("patient", patient, "is nobody here", "Search by name, birthday or number")
