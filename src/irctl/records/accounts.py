"""Who can sign in. Passwords and PINs are kept as argon2id hashes and nowhere else; every attempt and every change is in the audit.

A login that nobody has, one that is no longer active and a wrong password look the same from outside: the same words, the same work. Times are given by who
calls: `at` is the wall's, with its offset; `now_s` is of a clock that nobody can set. Everything here is synchronous, and what looks at a password takes about
0.15 s, one at a time: call it in a thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from threading import Lock

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Connection, Row, func, select, update

from irctl.domain.electronic_signature import Reauthentication
from irctl.domain.passwords import LENGTH_MAX, normal, problems_with_password
from irctl.domain.people import Context, Person, Role, Verb, may
from irctl.domain.problems import Problem, Refused
from irctl.domain.screen_lock import pin_problem
from irctl.records.audit import Audit
from irctl.records.blocklist import Blocklist
from irctl.records.database import Database
from irctl.records.guesses import Guesses
from irctl.records.tables import accounts

LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
NAME_MAX = 100
WRONG = Problem("sign-in", None, "the login or the password is not right", "Type both again")
_ROLES = {role.value: role for role in Role}


@dataclass(frozen=True, slots=True)
class Account:
    """One row, without what is secret."""

    person: Person
    has_pin: bool
    failures: int
    """Wrong passwords in a row."""
    last_failure_at: datetime | None
    version: int
    changed_at: datetime
    changed_by: str
    """Empty for the very first account, which nobody made."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it is with somebody now: what was signed in with another password is over."""

    person: Person
    password: str
    """Changes when the password does; tells nothing about it."""
    has_pin: bool


class Accounts:
    """Every call raises Refused. `hasher`: who makes and compares hashes; `about`: words of the clinic, of which no password is made."""

    def __init__(
        self,
        database: Database,
        *,
        hasher: PasswordHash | None = None,
        known_bad: Callable[[str], bool] | None = None,
        about: Iterable[str] = ("irctl",),
    ) -> None:
        self.audit = Audit(database)
        self._database = database
        self._hasher = hasher or PasswordHash((Argon2Hasher(),))
        self._known_bad = known_bad or Blocklist.read()
        self._about = tuple(about)
        self._guesses = Guesses()
        self._one_at_a_time = Lock()

    # --- who there is ------------------------------------------------------------------------------------------------------

    def listed(self) -> list[Account]:
        """Everybody, also who is no longer active, by login."""
        with self._database.reading() as connection:
            return [_account(row) for row in connection.execute(select(accounts).order_by(accounts.c.login))]

    def person(self, login: str) -> Person | None:
        """None where nobody has this login."""
        standing = self.standing(login)
        return standing.person if standing else None

    def standing(self, login: str) -> Standing | None:
        """None where nobody has this login."""
        with self._database.reading() as connection:
            row = _row(connection, login)
        if row is None:
            return None
        return Standing(_person(row), sha256(row.password_hash.encode()).hexdigest()[:16], row.pin_hash is not None)

    # --- making and changing them ------------------------------------------------------------------------------------------

    def create(
        self, login: str, name: str, roles: Collection[str], password: str, by: Person | None, at: datetime
    ) -> Account:
        """A new account. The very first is made by nobody, and is an administrator's; every other one by somebody who may."""
        problems = [*_problems_with_login(login), *_problems_with_name(name), *_problems_with_roles(roles)]
        problems += self._problems_with_password(password, login, name)
        hashed = self._hash(password) if not problems else ""
        with self._database.writing() as connection:
            if by is None:
                problems += _problems_with_first(connection, roles)
            else:
                problems += _may_manage(connection, by, login)
            if _row(connection, login) is not None:
                problems.append(Problem("login", login, "is somebody already", "Take another"))
            _refuse(problems)
            made_by = by.login if by else ""
            fresh = {"active": True, "password_hash": hashed, "pin_hash": None, "failures": 0, "last_failure_at": None}
            who = {"login": login, "name": name, "roles": sorted(roles)}
            change = {"version": 1, "changed_at": at, "changed_by": made_by}
            connection.execute(accounts.insert().values(**who, **fresh, **change))
            self.audit.write(connection, at, made_by, "account-created", login, name=name, roles=sorted(roles))
            return _found(connection, login)

    def change(
        self,
        login: str,
        version: int,
        *,
        by: Person,
        at: datetime,
        name: str | None = None,
        roles: Collection[str] | None = None,
        active: bool | None = None,
    ) -> Account:
        """What is not None is changed, in place of `version`; refused where somebody was quicker.

        Nobody changes their own account, and who changes one is an active administrator: so one is always left.
        """
        wanted = {"name": name, "roles": None if roles is None else sorted(roles), "active": active}
        new = {key: value for key, value in wanted.items() if value is not None}
        problems = [] if name is None else _problems_with_name(name)
        problems += [] if roles is None else _problems_with_roles(roles)
        with self._database.writing() as connection:
            problems += _may_manage(connection, by, login)
            row = _row(connection, login)
            if row is None:
                problems.append(_unknown(login))
            elif row.version != version:
                why = f"is not in force any more: version {row.version} is"
                problems.append(Problem("version", version, why, "Look at the account, then change that one"))
            _refuse(problems)
            changed = {"version": version + 1, "changed_at": at, "changed_by": by.login}
            connection.execute(update(accounts).where(accounts.c.login == login).values(**new, **changed))
            self.audit.write(connection, at, by.login, "account-changed", login, **new)
            return _found(connection, login)

    def new_password(self, login: str, password: str, by: Person, at: datetime, now_s: float, old: str = "") -> None:
        """One's own, with the `old` one; or another's, by an administrator: that also forgets the PIN and the wrong attempts.

        Whoever is signed in with the one before is signed out.
        """
        own = by.login == login
        if own:
            self._look(login, old, at, now_s, "password-confirmed")
        person = self.person(login)
        _refuse(self._problems_with_password(password, login, person.name if person else ""))
        hashed = self._hash(password)
        more = {} if own else {"pin_hash": None}
        with self._database.writing() as connection:
            problems = [] if own else _may_manage(connection, by, login)
            row = _row(connection, login)
            if row is None:
                problems.append(_unknown(login))
            _refuse(problems)
            fresh = {"password_hash": hashed, "failures": 0, "last_failure_at": None, **more}
            connection.execute(update(accounts).where(accounts.c.login == login).values(fresh))
            self.audit.write(connection, at, by.login, "password-changed", login)

    def set_pin(self, login: str, password: str, pin: str, at: datetime, now_s: float) -> None:
        """One's own, with the password."""
        self._look(login, password, at, now_s, "password-confirmed")
        if problem := pin_problem(pin):
            raise Refused([problem])
        hashed = self._hash(pin)
        with self._database.writing() as connection:
            connection.execute(update(accounts).where(accounts.c.login == login).values(pin_hash=hashed))
            self.audit.write(connection, at, login, "pin-changed", login)

    # --- proving who one is ------------------------------------------------------------------------------------------------

    def sign_in(self, login: str, password: str, at: datetime, now_s: float) -> Person:
        """Whoever has this login and this password. Refused with the same words, after the same work, whatever was not right."""
        return self._look(login, password, at, now_s, "signed-in")

    def reauthenticate(self, login: str, password: str, at: datetime, now_s: float) -> Reauthentication:
        """Somebody who is signed in proves it again, for a signature."""
        return Reauthentication(self._look(login, password, at, now_s, "reauthenticated").login, at)

    def verify_pin(self, login: str, pin: str, at: datetime) -> bool:
        """Whether it is theirs. How often one may be tried is the screen's business: it has a few, then the password is asked for."""
        with self._database.reading() as connection:
            row = _row(connection, login)
        possible = (
            row is not None and row.active and row.pin_hash and pin_problem(pin) is None and len(pin) <= LENGTH_MAX
        )
        if row is not None and possible:
            with self._one_at_a_time:
                if self._hasher.verify(_bytes(pin), row.pin_hash):
                    return True
        self.audit.write(None, at, "", "pin-wrong", login)
        return False

    def _look(self, login: str, password: str, at: datetime, now_s: float, what: str) -> Person:
        login = login.strip().lower()
        with self._one_at_a_time:  # or many at once would each be the first to guess
            with self._database.reading() as connection:
                row = _row(connection, login)
            stored = None if row is None else (row.failures, row.last_failure_at)
            attempts = self._guesses.attempts(login, stored, at, now_s)
            if problem := attempts.problem(now_s):
                if self._guesses.first_refusal(login):
                    self.audit.write(None, at, "", "sign-in-refused", login if row else "", for_what=what)
                raise Refused([problem])
            right, better = self._compared(password, row)
            with self._database.writing() as connection:
                person = self._proved(connection, row, better) if right and row is not None else None
                if person is not None:
                    self.audit.write(connection, at, person.login, what, person.login)
                    return person
                if row is not None:
                    more = {"failures": accounts.c.failures + 1, "last_failure_at": at}
                    connection.execute(update(accounts).where(accounts.c.login == login).values(more))
                self.audit.write(connection, at, "", "sign-in-failed", login if row else "", for_what=what)
            self._guesses.failed(login, attempts, at, now_s)
            raise Refused([WRONG])

    def _compared(self, password: str, row: Row[tuple[object, ...]] | None) -> tuple[bool, str | None]:
        """Whether it is right, and a hash of today's strength where theirs is of yesterday's. A hash is made in any case."""
        text = password if len(password) <= LENGTH_MAX else ""
        if row is None:
            self._hasher.hash(_bytes(text))  # takes as long as comparing
            return False, None
        return self._hasher.verify_and_update(_bytes(text), row.password_hash)

    def _proved(self, connection: Connection, row: Row[tuple[object, ...]], better: str | None) -> Person | None:
        """Who it is; None where they are not active, or the password was changed while this one was looked at."""
        now = _row(connection, row.login)
        if now is None or not now.active or now.password_hash != row.password_hash:
            return None
        values = {"failures": 0, "last_failure_at": None, "password_hash": better or now.password_hash}
        connection.execute(update(accounts).where(accounts.c.login == row.login).values(values))
        return _person(now)

    def _problems_with_password(self, password: str, *about: str) -> list[Problem]:
        return problems_with_password(password, known_bad=self._known_bad, about=(*about, *self._about))

    def _hash(self, secret: str) -> str:
        with self._one_at_a_time:
            return self._hasher.hash(_bytes(secret))


def _bytes(secret: str) -> bytes:
    return normal(secret).encode("utf-8", "surrogatepass")


# --- rows ------------------------------------------------------------------------------------------------------------------


def _row(connection: Connection, login: str) -> Row[tuple[object, ...]] | None:
    asked = login if LOGIN.fullmatch(login) else ""  # which is nobody's, and takes as long to look for
    return connection.execute(select(accounts).where(accounts.c.login == asked)).first()


def _found(connection: Connection, login: str) -> Account:
    return _account(connection.execute(select(accounts).where(accounts.c.login == login)).one())


def _person(row: Row[tuple[object, ...]]) -> Person:
    """A role that this version does not know gives nothing."""
    return Person(row.login, row.name, frozenset(_ROLES[role] for role in row.roles if role in _ROLES), row.active)


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(
        _person(row),
        row.pin_hash is not None,
        row.failures,
        row.last_failure_at,
        row.version,
        row.changed_at,
        row.changed_by,
    )


# --- what is refused -------------------------------------------------------------------------------------------------------


def _may_manage(connection: Connection, by: Person, login: str) -> list[Problem]:
    """As they are now, not as they were when they signed in."""
    row = _row(connection, by.login)
    problem = may(_person(row) if row else None, Verb.MANAGE_PEOPLE, Context(took_part=frozenset({login})))
    return [problem] if problem else []


def _problems_with_first(connection: Connection, roles: Collection[str]) -> list[Problem]:
    if connection.execute(select(func.count()).select_from(accounts)).scalar_one():
        return [Problem("by", None, "somebody has an account already", "An administrator makes the others")]
    if Role.ADMINISTRATOR not in roles:
        limit = "the first account is an administrator's"
        return [Problem("roles", ", ".join(sorted(roles)), limit, "Add the role: somebody must make the others")]
    return []


def _problems_with_login(login: str) -> list[Problem]:
    if LOGIN.fullmatch(login):
        return []
    limit = "is not up to 32 small letters a–z, figures, dots, hyphens and underscores"
    return [Problem("login", login[:NAME_MAX], limit, "Such as `o.mensah`")]


def _problems_with_name(name: str) -> list[Problem]:
    """Any script, as it is written; nothing that is no sign, and that would make one name look like another."""
    if name.strip() and name == name.strip() and name.isprintable() and len(name) <= NAME_MAX:
        return []
    limit = f"is empty, longer than {NAME_MAX} characters, or has signs that nobody sees"
    return [Problem("name", name[:NAME_MAX], limit, "Give the name as it is printed under a signature")]


def _problems_with_roles(roles: Collection[str]) -> list[Problem]:
    known = ", ".join(_ROLES)
    unknown = [
        Problem("roles", role, "is no role", f"One or more of {known}") for role in sorted(roles) if role not in _ROLES
    ]
    return unknown if roles else [Problem("roles", None, "are none", f"One or more of {known}")]


def _unknown(login: str) -> Problem:
    return Problem("login", login, "is nobody here", "See `irctl people list`")


def _refuse(problems: Collection[Problem]) -> None:
    if problems:
        raise Refused(problems)
