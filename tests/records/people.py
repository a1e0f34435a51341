"""Accounts for tests: real hashes, cheap ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from irctl.domain.people import Person, Role
from irctl.records.accounts import Accounts
from irctl.records.database import Database

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ADMIN, NURSE = "r.okafor", "l.meyer"
GOOD = "violin gravel tuesday soup"
BETTER = "seven umbrellas argue quietly"
PIN = "402871"


cheap_argon2id = partial(Argon2Hasher, time_cost=1, memory_cost=8, parallelism=1)
"""The least that argon2id allows."""


class Hasher(PasswordHash):
    """As the real one, but cheap; counts how often it worked."""

    def __init__(self) -> None:
        super().__init__((cheap_argon2id(),))
        self.worked = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.worked += 1
        return super().hash(password, salt=salt)

    def verify_and_update(self, password: str | bytes, hash: str | bytes) -> tuple[bool, str | None]:
        self.worked += 1
        return super().verify_and_update(password, hash)


def some_accounts(database: Database, hasher: PasswordHash | None = None) -> Accounts:
    """Those that are in it."""
    return Accounts(database, hasher=hasher or Hasher())


def with_people(database: Database, hasher: PasswordHash | None = None) -> Accounts:
    """An administrator and an assistant, both with the same password."""
    accounts = some_accounts(database, hasher)
    accounts.create(ADMIN, "Rose Okafor", [Role.ADMINISTRATOR], GOOD, None, NOW)
    accounts.create(NURSE, "Lena Meyer", [Role.ASSISTANT], GOOD, who(accounts, ADMIN), NOW)
    return accounts


def who(accounts: Accounts, login: str) -> Person:
    found = accounts.person(login)
    assert found is not None
    return found


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)
