"""`irctl audit`: who did what, and who looked at whom."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, cast

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.app import Json
from irctl.cli.asking import As, Asking, FromStdin, signed_in
from irctl.cli.records import DEFAULT, DatabaseOption
from irctl.domain.people import Verb
from irctl.records.audit import Entry
from irctl.records.database import Database

LOUD = "emergency-access"


def trail(
    *,
    since: Annotated[date | None, Parameter(help="On this day (UTC) or later.")] = None,
    until: Annotated[date | None, Parameter(help="Before this day (UTC).")] = None,
    by: Annotated[str, Parameter(help="By this login only.")] = "",
    what: Annotated[str, Parameter(help="Only this, such as sign-in-failed, emergency-access or patient-found.")] = "",
    last: Annotated[int, Parameter(help="So many, the newest.")] = 100,
    database: DatabaseOption = DEFAULT,
    as_: As = "",
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """Who signed in, changed something or looked at a patient, newest first. For auditors and administrators.

    irctl audit --as s.lindqvist --since 2026-11-01 --what emergency-access
    """
    from irctl.records.accounts import Accounts

    with closing(Database(database)) as records:
        records.require()
        accounts = Accounts(records)
        signed_in(accounts, as_, Asking(password_stdin), Verb.READ_AUDIT)
        found = accounts.audit.trail(_day(since), _day(until), by, what, last)
    if json:
        say.as_json(
            [
                {"at": one.at.isoformat(), "by": one.by, "what": one.what, "about": one.about, "told": one.told}
                for one in found
            ]
        )
        return
    columns = ("at (UTC)", "by", "what", "about", "")
    say.console().print(say.table(columns, map(_row, found)) if found else "Nothing of that.")


def _row(one: Entry) -> tuple[object, ...]:
    told = ", ".join(f"{name} {_said(value)}" for name, value in one.told.items())
    what = f"[bold red]{one.what}[/]" if one.what == LOUD else say.escape(one.what)
    return (f"{one.at:%Y-%m-%d %H:%M:%S}", say.escape(one.by or "–"), what, say.escape(one.about), say.escape(told))


def _said(value: Any) -> str:
    return " ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)


def _day(told: date | None) -> datetime | None:
    return None if told is None else datetime.combine(told, time(), UTC)
