"""Who can sign in, as an administrator sees and changes it, and what everybody changes of their own: password and PIN. All of it is in the audit."""

from __future__ import annotations

from collections.abc import Collection

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.domain.people import Person, Role, Verb
from irctl.domain.problems import Problem, Refused
from irctl.records.accounts import Account


def listed(desk: Desk, acting: Acting) -> list[Account]:
    """Everybody, also who no longer works here. Raises Refused."""
    acting.require(Verb.MANAGE_PEOPLE)
    return desk.accounts.listed()


def found(desk: Desk, acting: Acting, login: str) -> Account:
    """One account. Raises Refused."""
    for account in listed(desk, acting):
        if account.person.login == login:
            return account
    raise Refused([Problem("login", login, "is nobody here", "Look at the list")])


def add(desk: Desk, acting: Acting, login: str, name: str, roles: Collection[Role], password: str) -> Account:
    """A new account with its first password, which its owner changes. Raises Refused."""
    person = acting.require(Verb.MANAGE_PEOPLE, took_part={login})
    return desk.accounts.create(login.strip(), name.strip(), [*roles], password, person, acting.at)


def change(
    desk: Desk, acting: Acting, login: str, version: int, *, name: str, roles: Collection[Role], active: bool
) -> Account:
    """Another name, other roles, or no longer active; never one's own. Raises Refused."""
    person = acting.require(Verb.MANAGE_PEOPLE, took_part={login})
    return desk.accounts.change(
        login, version, by=person, at=acting.at, name=name.strip(), roles=[*roles], active=active
    )


def new_password(desk: Desk, acting: Acting, login: str, password: str, now_s: float) -> None:
    """For somebody who has forgotten theirs; their PIN is forgotten, too, and whoever is signed in as them is signed out. Raises Refused."""
    person = acting.require(Verb.MANAGE_PEOPLE, took_part={login})
    desk.accounts.new_password(login, password, person, acting.at, now_s)


def own_password(desk: Desk, acting: Acting, old: str, new: str, again: str, now_s: float) -> None:
    """One's own, with the old one. Whoever is signed in with that is signed out. Raises Refused."""
    person = _oneself(acting)
    _same("password", new, again)
    desk.accounts.new_password(person.login, new, person, acting.at, now_s, old)


def own_pin(desk: Desk, acting: Acting, password: str, pin: str, again: str, now_s: float) -> None:
    """Opens one's locked screen. Raises Refused."""
    person = _oneself(acting)
    _same("pin", pin, again)
    desk.accounts.set_pin(person.login, password, pin, acting.at, now_s)


def _oneself(acting: Acting) -> Person:
    """Whoever is signed in, with any role, before an open screen."""
    if acting.person is None or acting.context.locked:
        raise Refused([Problem("by", None, "nobody is signed in", "Sign in")])
    return acting.person


def _same(what: str, first: str, again: str) -> None:
    if first != again:
        raise Refused([Problem(what, None, "was not the same twice", "Type it again")])
