"""Another key: everything that is encrypted is encrypted anew, a few rows at a time. Cut off, it goes on where it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select, update

from irctl.domain.problems import Problem, Refused
from irctl.records import amending, papers, people
from irctl.records.database import Database
from irctl.records.sealing import Ring
from irctl.records.tables import amendments, paper_versions, patient_index, patient_versions, patients, signatures

BATCH_ROWS = 500
SEALED = (patient_versions, amendments, paper_versions, signatures)


def keys_in_use(database: Database) -> dict[str, int]:
    """How many rows each key seals, by its id."""
    return _by_key(database, *SEALED)


def rotate(database: Database, path: Path) -> tuple[Ring, int]:
    """A new key in the key file, and everything under it; where an earlier change was cut off, only the rest of that one.

    The number of rows that were encrypted anew. The new key is on the disk before a row needs it. Raises Refused, without a new key, where one is missing
    that rows are still sealed with.
    """
    ring = Ring.read(path) if path.exists() else None
    if lacking := keys_in_use(database).keys() - (ring.keys if ring else {}).keys():
        why = f"lacks key {', '.join(sorted(lacking))}, which rows are sealed with"
        raise Refused([Problem("key", str(path), why, "Name the key file that has it")])
    if ring is None or _by_key(database, *SEALED, patient_index).keys() <= {ring.current.id}:
        ring = Ring.with_new_key(path)
    return ring, _under(database, ring)


def _by_key(database: Database, *tables: Table) -> dict[str, int]:
    counted: dict[str, int] = {}
    with database.reading() as connection:
        for table in tables:
            for key_id, number in connection.execute(select(table.c.key_id, func.count()).group_by(table.c.key_id)):
                counted[key_id] = counted.get(key_id, 0) + number
    return counted


def _under(database: Database, ring: Ring) -> int:
    done, more = 0, True
    while more:
        with database.writing() as connection:
            more = _batch(connection, ring)
            done += more
    return done


def _batch(connection: Connection, ring: Ring) -> int:
    """Some rows of each table; the number of them."""
    done = 0
    for table in SEALED:
        found = _old(connection, table, ring)
        for row in found:
            _seal_anew(connection, table, row, _place(table, row), ring)
        done += len(found)
    return done + _index_anew(connection, ring)


def _place(table: Table, row: Row[Any]) -> str:
    if table is patient_versions:
        return people.place(row.patient, row.version)
    if table is amendments:
        return amending.place(row.controller, row.session, row.version)
    if table is paper_versions:
        return papers.place(row.kind, row.paper, row.version)
    return papers.signature_place(row.kind, row.paper, row.version, row.login, row.at)


def _old(connection: Connection, table: Table, ring: Ring) -> list[Row[Any]]:
    return list(connection.execute(select(table).where(table.c.key_id != ring.current.id).limit(BATCH_ROWS)).all())


def _seal_anew(connection: Connection, table: Table, row: Row[Any], place: str, ring: Ring) -> None:
    sealed = ring.current.seal(ring.open(row.key_id, row.sealed, place), place)
    mine = [column == getattr(row, column.name) for column in table.primary_key]
    connection.execute(update(table).where(*mine).values(key_id=ring.current.id, sealed=sealed))


def _index_anew(connection: Connection, ring: Ring) -> int:
    """Patients who are still found by another key's hashes: by the version in force, whichever key has sealed it."""
    old = select(patient_index.c.patient).where(patient_index.c.key_id != ring.current.id).distinct().limit(BATCH_ROWS)
    in_force = select(patient_versions).join(
        patients,
        (patients.c.patient == patient_versions.c.patient) & (patients.c.version == patient_versions.c.version),
    )
    found = connection.execute(in_force.where(patients.c.patient.in_(old.scalar_subquery()))).all()
    for row in found:
        told = ring.open(row.key_id, row.sealed, people.place(row.patient, row.version))
        people.index(connection, ring, row.patient, people.person_of(told))
    return len(found)
