"""`irctl patients …`: the same services as the clinic's pages, with the same permissions, and the same trace of every look."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.app import Json
from irctl.cli.asking import As, Asking, FromStdin, signed_in
from irctl.cli.records import DEFAULT, DatabaseOption, KeyOption
from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.domain.people import Verb
from irctl.records.people import Person, Version

LATEST = 15
"""Entries of a timeline that a terminal shows."""


def add(
    name: str,
    /,
    *,
    born: Annotated[date, Parameter(help="The birthday, as 1961-05-04.")],
    key: KeyOption,
    number: Annotated[str, Parameter(help="The clinic's record number.")] = "",
    contact: Annotated[str, Parameter(help="E-mail or phone.")] = "",
    another: Annotated[bool, Parameter(negative=(), help="Somebody else with the same name and birthday.")] = False,
    database: DatabaseOption = DEFAULT,
    as_: As = "",
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """A new patient; says the reference, by which orders and the journal know them.

    irctl patients add "Ada Example" --born 1961-05-04 --number "MRN 0001" --key /etc/irctl/records.key --as l.meyer
    """
    from irctl.clinic.care import patients

    with _desk(database, key, as_, password_stdin, Verb.EDIT_PATIENT) as (desk, acting):
        made = patients.register(desk, acting, Person(name, born, number, contact), another=another)
    if json:
        say.as_json({"patient": made})
    else:
        say.console().print(f"[bold]{say.escape(made)}[/]")


def find(
    asked: str,
    /,
    *,
    key: KeyOption,
    database: DatabaseOption = DEFAULT,
    as_: As = "",
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """Search by words of the name or their first three letters, a birthday, or the record number. Each one shown is a look, on record.

    irctl patients find "exam 1961-05-04" --key /etc/irctl/records.key --as l.meyer
    """
    from irctl.clinic.care import patients

    with _desk(database, key, as_, password_stdin, Verb.SEE_PATIENT) as (desk, acting):
        found = patients.search(desk, acting, asked)
    if json:
        say.as_json([_plain(one) for one in found])
        return
    columns = ("patient", "name", "born", "number")
    say.console().print(say.table(columns, map(_row, found)) if found else "Nobody fits.")


def show(
    patient: str,
    /,
    *,
    key: KeyOption,
    database: DatabaseOption = DEFAULT,
    as_: As = "",
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """One patient: who they are, their courses, and what happened last. A look, on record.

    irctl patients show P-7KQ4M2X --key /etc/irctl/records.key --as l.meyer
    """
    from irctl.clinic.care import courses, patients
    from irctl.clinic.care.outlook import outlook
    from irctl.clinic.care.timeline import timeline

    with _desk(database, key, as_, password_stdin, Verb.SEE_PATIENT) as (desk, acting):
        opened = patients.open_patient(desk, acting, patient)
        planned = [outlook(desk, acting, course) for course in courses.of_patient(desk, patient)]
        happened = timeline(desk, acting, patient)
    if json:
        told = _plain(opened.version) | {"goals": opened.background.goals, "history": opened.background.history}
        told["courses"] = [
            {"course": one.course.id, "area": one.body.area, "state": one.course.index.state, "visits": one.done,
             "planned": one.planned, "advice": one.advice.text if one.advice else None}
            for one in planned
        ]  # fmt: skip
        told["timeline"] = [
            {"at": entry.at.isoformat(), "kind": entry.kind, "title": entry.title, "detail": entry.detail, "by": entry.by}
            for entry in happened
        ]  # fmt: skip
        say.as_json(told)
        return
    out, person = say.console(), opened.person
    out.print(
        f"[bold]{say.escape(person.name)}[/]  born {person.born} ({opened.age} years)  {say.escape(person.number)}  {patient}"
    )
    for one in planned:
        advice = f"  [yellow]{say.escape(one.advice.text)}[/]" if one.advice else ""
        done = f"{one.done} of {one.planned or '?'} visits"
        out.print(
            f"{one.course.id}  {say.escape(one.body.area)}  {one.course.index.state}, {done}{advice}", soft_wrap=True
        )
    rows = [
        (
            f"{entry.at.astimezone(desk.zone):%Y-%m-%d %H:%M}",
            entry.kind,
            say.escape(entry.title),
            say.escape(entry.detail),
        )
        for entry in happened[:LATEST]
    ]
    out.print(say.table(("when", "what", "", ""), rows))


@contextmanager
def _desk(url: str, key: Path, login: str, from_stdin: bool, verb: Verb) -> Generator[tuple[Desk, Acting]]:
    """Without a station: what is asked here needs none."""
    from irctl.clinic.opening import desk_on
    from irctl.clinic.settings import ClinicFile
    from irctl.controller.clock import utc_now
    from irctl.records.database import Database
    from irctl.records.sealing import Ring

    with closing(Database(url)) as records:
        records.require()
        desk = desk_on(records, Ring.read(key), ClinicFile(), Path(), utc_now, {})
        yield desk, desk.acting(signed_in(desk.accounts, login, Asking(from_stdin), verb))


def _row(one: Version) -> tuple[object, ...]:
    return one.patient, say.escape(one.person.name), one.person.born, say.escape(one.person.number or "–")


def _plain(one: Version) -> dict[str, Any]:
    person = one.person
    return {
        "patient": one.patient, "name": person.name, "born": person.born.isoformat(), "number": person.number,
        "contact": person.contact, "version": one.version,
    }  # fmt: skip
