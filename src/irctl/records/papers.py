"""Papers: what people write down about patients and keep for ever. Courses, appointments, visits, lists and messages are kinds of them.

A paper has versions, each sealed, and each holding the hash of the one before; only what it is found by stays readable: whose it is (a reference, never a
name), when it is for, its state, what it belongs to. Nothing is overwritten. A signature stays with the version it was given to.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from irctl.domain.electronic_signature import Signature, Version, problems_with_signature
from irctl.domain.people import Person
from irctl.domain.problems import Problem, Refused
from irctl.records.database import Database
from irctl.records.sealing import Ring
from irctl.records.tables import paper_versions, papers, signatures

FOUND_MAX = 1000


@dataclass(frozen=True, slots=True)
class Index:
    """What a paper is found by; not encrypted. `moment` with its offset: when it is for."""

    patient: str | None = None
    moment: datetime | None = None
    state: str = ""
    parent: str | None = None
    """The paper it belongs to: of a visit, its course."""
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """The version in force."""

    kind: str
    id: str
    index: Index
    version: Version

    @property
    def number(self) -> int:
        return self.version.number

    @property
    def body(self) -> Mapping[str, Any]:
        return self.version.body


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which papers of a kind; what is not given narrows nothing."""

    patient: str | None = None
    parent: str | None = None
    session: str | None = None
    states: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    """Before this moment."""
    newest: bool = False
    """The newest first; otherwise the oldest."""
    limit: int = field(default=FOUND_MAX)


class Papers:
    """Every call raises Refused. Who may is asked before; who looks at a patient is written down by who shows it."""

    def __init__(self, database: Database, ring: Ring) -> None:
        self._database, self._ring = database, ring

    def new(self, kind: str, paper: str, body: Mapping[str, Any], by: Person, at: datetime, index: Index) -> Paper:
        """The first version."""
        version = Version(f"{kind}/{paper}", 1, body, by.login, at)
        with self._database.writing() as connection:
            if _in_force(connection, kind, paper) is not None:
                raise Refused([Problem(kind, paper, "is there already", "Take another name")])
            connection.execute(papers.insert().values(kind=kind, paper=paper, version=1, **asdict(index)))
            self._write(connection, kind, paper, version)
        return Paper(kind, paper, index, version)

    def amend(
        self,
        kind: str,
        paper: str,
        number: int,
        body: Mapping[str, Any],
        by: Person,
        reason: str,
        at: datetime,
        **index: Any,
    ) -> Paper:
        """The next version, in place of `number`, which stays. Refused where somebody was quicker. `index`: what is found otherwise from now on."""
        with self._database.writing() as connection:
            found = self._opened(_found(connection, kind, paper))
            if found.number != number:
                why = f"is not in force any more: version {found.number} is"
                problem = Problem("version", number, why, "Look at it again, then decide")
                raise Refused([problem], conflict=True)
            version = found.version.amended(body, by, reason, max(at, found.version.made_at))
            now = replace(found.index, **index)
            mine = (papers.c.kind == kind) & (papers.c.paper == paper)
            connection.execute(update(papers).where(mine).values(version=version.number, **asdict(now)))
            self._write(connection, kind, paper, version)
        return Paper(kind, paper, now, version)

    def get(self, kind: str, paper: str) -> Paper:
        with self._database.reading() as connection:
            return self._opened(_found(connection, kind, paper))

    def find(self, kind: str, wanted: Wanted) -> list[Paper]:
        """By when they are for."""
        query = _both().where(papers.c.kind == kind)
        for name in ("patient", "parent", "session"):
            if (value := getattr(wanted, name)) is not None:
                query = query.where(papers.c[name] == value)
        if wanted.states:
            query = query.where(papers.c.state.in_(wanted.states))
        if wanted.since:
            query = query.where(papers.c.moment >= wanted.since)
        if wanted.until:
            query = query.where(papers.c.moment < wanted.until)
        order = (papers.c.moment.desc(), papers.c.paper.desc()) if wanted.newest else (papers.c.moment, papers.c.paper)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(*order).limit(wanted.limit)).all()
        return [self._opened(row) for row in rows]

    def counted(self, kind: str, state: str) -> tuple[int, datetime | None]:
        """How many there are in this state, and the earliest moment that one of them is for: nothing is opened."""
        mine = (papers.c.kind == kind) & (papers.c.state == state)
        with self._database.reading() as connection:
            row = connection.execute(select(func.count(), func.min(papers.c.moment)).where(mine)).one()
        return row[0], row[1]

    def numbers(self, kinds: Collection[str]) -> dict[tuple[str, str], int]:
        """Which version of each paper of these kinds is in force, by kind and name: cheap, so that what is made of them need not be made again."""
        query = select(papers.c.kind, papers.c.paper, papers.c.version).where(papers.c.kind.in_(kinds))
        with self._database.reading() as connection:
            return {(row.kind, row.paper): row.version for row in connection.execute(query)}

    def versions(self, kind: str, paper: str) -> list[Version]:
        """Oldest first; `electronic_signature.problems_with_versions` says whether the history is whole."""
        mine = (paper_versions.c.kind == kind) & (paper_versions.c.paper == paper)
        with self._database.reading() as connection:
            rows = connection.execute(select(paper_versions).where(mine).order_by(paper_versions.c.version)).all()
        return [self._version(row) for row in rows]

    def sign(self, kind: str, paper: str, signature: Signature, *, state: str | None = None) -> None:
        """Keep a signature that was given to the version in force; `state`: in which the paper is from now on."""
        with self._database.writing() as connection:
            found = self._opened(_found(connection, kind, paper))
            if problems := problems_with_signature(signature, found.version):
                raise Refused(problems)
            key = self._ring.current
            mine = signature_place(kind, paper, found.number, signature.login, signature.at)
            row = {"kind": kind, "paper": paper, "version": found.number, "login": signature.login, "at": signature.at}
            sealed = key.seal(json.loads(signature.canonical()), mine)
            connection.execute(signatures.insert().values(**row, key_id=key.id, sealed=sealed))
            if state is not None:
                here = (papers.c.kind == kind) & (papers.c.paper == paper)
                connection.execute(update(papers).where(here).values(state=state))

    def signatures(self, kind: str, paper: str) -> list[Signature]:
        """Of every version, oldest first."""
        mine = (signatures.c.kind == kind) & (signatures.c.paper == paper)
        with self._database.reading() as connection:
            rows = connection.execute(select(signatures).where(mine).order_by(signatures.c.version, signatures.c.at))
            found = rows.all()
        return [
            Signature.of(
                self._ring.open(
                    row.key_id, row.sealed, signature_place(row.kind, row.paper, row.version, row.login, row.at)
                )
            )
            for row in found
        ]

    def _write(self, connection: Connection, kind: str, paper: str, version: Version) -> None:
        key = self._ring.current
        sealed = key.seal(json.loads(version.canonical()), place(kind, paper, version.number))
        row = {"kind": kind, "paper": paper, "version": version.number, "at": version.made_at, "by": version.by}
        connection.execute(paper_versions.insert().values(**row, key_id=key.id, sealed=sealed))

    def _opened(self, row: Row[Any]) -> Paper:
        index = Index(row.patient, row.moment, row.state, row.parent, row.session)
        return Paper(row.kind, row.paper, index, self._version(row))

    def _version(self, row: Row[Any]) -> Version:
        told = self._ring.open(row.key_id, row.sealed, place(row.kind, row.paper, row.version))
        opened: dict[str, Any] = {**told, "made_at": datetime.fromisoformat(told["made_at"])}
        return Version(**opened)


def place(kind: str, paper: str, version: int) -> str:
    """Where a version is sealed to."""
    return f"papers\n{kind}\n{paper}\n{version}"


def signature_place(kind: str, paper: str, version: int, login: str, at: datetime) -> str:
    """Where a signature is sealed to."""
    return f"signatures\n{kind}\n{paper}\n{version}\n{login}\n{at.timestamp()}"


def _both() -> Any:
    """A paper and its version in force."""
    here = (paper_versions.c.kind == papers.c.kind) & (paper_versions.c.paper == papers.c.paper)
    together = here & (paper_versions.c.version == papers.c.version)
    sealed = (paper_versions.c.key_id, paper_versions.c.sealed)
    return select(papers, *sealed).join(paper_versions, together)


def _in_force(connection: Connection, kind: str, paper: str) -> int | None:
    mine = (papers.c.kind == kind) & (papers.c.paper == paper)
    return connection.execute(select(papers.c.version).where(mine)).scalar()


def _found(connection: Connection, kind: str, paper: str) -> Row[Any]:
    row = connection.execute(_both().where(papers.c.kind == kind, papers.c.paper == paper)).first()
    if row is None:
        raise Refused([Problem(kind, paper, "is not here", "It may have another name: search for it")])
    return row
