"""`irctl people …`: who can sign in. The same permissions as on the screens; the very first account is made here, by nobody."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Annotated, Any

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.app import Json
from irctl.cli.asking import As, Asking, FromStdin, signed_in
from irctl.cli.records import DEFAULT, DatabaseOption
from irctl.domain.people import Role, Verb
from irctl.records.accounts import Account, Accounts
from irctl.records.database import Database

Roles = Annotated[
    tuple[Role, ...], Parameter(name="--role", negative=(), help="clinician, assistant, technician, administrator, auditor; may be given again.")
]  # fmt: skip


def add(
    login: str,
    /,
    *,
    name: Annotated[str, Parameter(help="As it is printed under a signature.")],
    role: Roles,
    database: DatabaseOption = DEFAULT,
    as_: As = "",
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """A new account. The first of a database is made by nobody, and is an administrator's; the others by an administrator.

    irctl people add r.okafor --name "Rose Okafor" --role administrator
    irctl people add l.meyer --name "Lena Meyer" --role assistant --as r.okafor
    """
    from irctl.controller.clock import utc_now

    asking = Asking(password_stdin)
    with _accounts(database, new=True) as accounts:
        by = signed_in(accounts, as_, asking, Verb.MANAGE_PEOPLE) if accounts.listed() else None
        password = asking.for_new(f"New password of {login}")
        made = accounts.create(login, name, [*role], password, by, utc_now())
    _tell("Added", made, json)


def list_all(
    *, database: DatabaseOption = DEFAULT, as_: As = "", password_stdin: FromStdin = False, json: Json = False
) -> None:
    """Everybody who can sign in, and who no longer can.

    irctl people list --as r.okafor
    """
    with _accounts(database) as accounts:
        signed_in(accounts, as_, Asking(password_stdin), Verb.MANAGE_PEOPLE)
        found = accounts.listed()
    if json:
        say.as_json([_plain(account) for account in found])
        return
    columns = ("login", "name", "roles", "", "PIN", "wrong passwords", "changed (UTC)", "by")
    say.console().print(say.table(columns, map(_row, found), right=("wrong passwords",)))


def change(
    login: str,
    /,
    *,
    name: Annotated[str | None, Parameter(help="Another printed name.")] = None,
    role: Roles = (),
    active: Annotated[bool | None, Parameter(negative="--inactive", help="Whether they may sign in.")] = None,
    database: DatabaseOption = DEFAULT,
    as_: As = "",
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """Another name, other roles (all of them anew), or no longer active. Not one's own: a second administrator does that.

    irctl people change l.meyer --role clinician --role technician --as r.okafor
    irctl people change l.meyer --inactive --as r.okafor
    """
    from irctl.controller.clock import utc_now

    with _accounts(database) as accounts:
        by = signed_in(accounts, as_, Asking(password_stdin), Verb.MANAGE_PEOPLE)
        version = next((one.version for one in accounts.listed() if one.person.login == login), 0)
        roles = [*role] or None
        done = accounts.change(login, version, name=name, roles=roles, active=active, by=by, at=utc_now())
    _tell("Changed", done, json)


def password(
    login: str,
    /,
    *,
    database: DatabaseOption = DEFAULT,
    as_: As = "",
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """Another password: one's own, with the old one, or somebody else's as an administrator, who then tells them.

    irctl people password l.meyer
    irctl people password l.meyer --as r.okafor
    """
    from irctl.controller.clock import utc_now

    asking = Asking(password_stdin)
    with _accounts(database) as accounts:
        if as_ in ("", login):
            old = asking.for_secret(f"Password of {login}")
            by = accounts.sign_in(login, old, utc_now(), time.monotonic())
        else:
            old, by = "", signed_in(accounts, as_, asking, Verb.MANAGE_PEOPLE)
        new = asking.for_new(f"New password of {login}")
        accounts.new_password(login, new, by, utc_now(), time.monotonic(), old)
    _tell_done(f"{login} has a new password.", login, json)


def pin(
    login: str, /, *, database: DatabaseOption = DEFAULT, password_stdin: FromStdin = False, json: Json = False
) -> None:
    """One's own PIN, which opens a locked screen: six figures or more.

    irctl people pin l.meyer
    """
    from irctl.controller.clock import utc_now

    asking = Asking(password_stdin)
    with _accounts(database) as accounts:
        typed = asking.for_secret(f"Password of {login}")
        accounts.set_pin(login, typed, asking.for_new(f"New PIN of {login}"), utc_now(), time.monotonic())
    _tell_done(f"{login} has a new PIN.", login, json)


@contextmanager
def _accounts(url: str, *, new: bool = False) -> Generator[Accounts]:
    with closing(Database(url)) as records:
        if new:
            records.prepare()
        else:
            records.require()
        yield Accounts(records)


def _tell(done: str, account: Account, json: bool) -> None:
    if json:
        say.as_json(_plain(account))
        return
    say.console().print(f"{done}:")
    say.console().print(say.table(("login", "name", "roles", ""), [_row(account)[:4]]))


def _tell_done(text: str, login: str, json: bool) -> None:
    if json:
        say.as_json({"login": login})
    else:
        say.console().print(say.escape(text))


def _row(account: Account) -> tuple[object, ...]:
    person = account.person
    return (
        person.login,
        say.escape(person.name),
        ", ".join(sorted(person.roles)) or "–",
        "" if person.active else "[yellow]not active[/]",
        "yes" if account.has_pin else "no",
        account.failures,
        f"{account.changed_at:%Y-%m-%d %H:%M}",
        account.changed_by or "–",
    )


def _plain(account: Account) -> dict[str, Any]:
    person, last = account.person, account.last_failure_at
    return {
        "login": person.login,
        "name": person.name,
        "roles": sorted(person.roles),
        "active": person.active,
        "has_pin": account.has_pin,
        "failures": account.failures,
        "last_failure_at": last.isoformat() if last else None,
        "version": account.version,
        "changed_at": account.changed_at.isoformat(),
        "changed_by": account.changed_by,
    }
