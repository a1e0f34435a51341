"""Who can sign in: nobody learns which logins exist, guessing is slow even over a restart, one administrator is always left, and nothing secret is on record."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from irctl.domain.passwords import FAILURES_MAX, FREE_FAILURES
from irctl.domain.people import Person, Role
from irctl.domain.problems import Refused
from irctl.records import tables
from irctl.records.accounts import Accounts
from irctl.records.backup import back_up, restore
from irctl.records.database import Database
from tests.records.people import ADMIN, BETTER, GOOD, NOW, NURSE, PIN, Hasher, after, some_accounts, who, with_people

WRONG = "not that password at all"


@pytest.fixture
def hasher() -> Hasher:
    return Hasher()


@pytest.fixture
def accounts(database: Database, hasher: Hasher) -> Accounts:
    return with_people(database, hasher)


@pytest.fixture
def on_sqlite(tmp_path: Path, hasher: Hasher) -> Accounts:
    """For what is the same on both."""
    with closing(Database(f"sqlite:///{tmp_path}/records.sqlite")) as database:
        database.prepare()
        return with_people(database, hasher)


def refusal(accounts: Accounts, login: str, password: str, at_s: float = 0.0) -> str:
    with pytest.raises(Refused) as refused:
        accounts.sign_in(login, password, after(at_s), at_s)
    return str(refused.value)


def guess(accounts: Accounts, login: str, times: int, at_s: float = 0.0) -> float:
    """Wrong so often, each as soon as one is looked at. When the last was."""
    for number in range(times):
        at_s += 1000.0 if number >= FREE_FAILURES else 0.0
        assert "not right" in refusal(accounts, login, WRONG, at_s)
    return at_s


# --- the first account, and others -----------------------------------------------------------------------------------------


def test_the_first_account_is_made_by_nobody_and_is_an_administrators(database: Database) -> None:
    accounts = some_accounts(database)
    with pytest.raises(Refused, match="administrator"):
        accounts.create(NURSE, "Lena Meyer", [Role.ASSISTANT], GOOD, None, NOW)
    made = accounts.create(ADMIN, "Rose Okafor", ["administrator", "clinician"], GOOD, None, NOW)
    assert made.person == Person(ADMIN, "Rose Okafor", frozenset({Role.ADMINISTRATOR, Role.CLINICIAN}))
    assert (made.version, made.changed_at, made.changed_by, made.has_pin) == (1, NOW, "", False)
    with pytest.raises(Refused, match="has an account already"):
        accounts.create("second", "Another", [Role.ADMINISTRATOR], GOOD, None, NOW)
    assert [account.person.login for account in accounts.listed()] == [ADMIN]


def test_an_administrator_makes_others_and_nobody_else_does(accounts: Accounts) -> None:
    with pytest.raises(Refused, match="manage-people is for a administrator"):
        accounts.create("friend", "A Friend", [Role.CLINICIAN], GOOD, who(accounts, NURSE), NOW)
    with pytest.raises(Refused, match="is somebody already"):
        accounts.create(NURSE, "Lena Meyer", [Role.ASSISTANT], GOOD, who(accounts, ADMIN), NOW)
    assert accounts.person("friend") is None


def test_who_says_they_are_an_administrator_is_looked_up(on_sqlite: Accounts) -> None:
    for pretended in (Person(NURSE, "Lena Meyer", frozenset(Role)), Person("nobody", "N", frozenset(Role))):
        with pytest.raises(Refused):
            on_sqlite.create("friend", "A Friend", [Role.CLINICIAN], GOOD, pretended, NOW)


@pytest.mark.parametrize(
    "login", ["", "a b", "Ada", "a'; DROP TABLE accounts;--", "ä", "a\n", "a\0", "\ud800", "a" * 33, "-a"]
)
def test_a_login_of_other_signs_is_refused_and_nobodys(on_sqlite: Accounts, login: str) -> None:
    with pytest.raises(Refused, match="login"):
        on_sqlite.create(login, "Somebody", [Role.AUDITOR], GOOD, who(on_sqlite, ADMIN), NOW)
    assert on_sqlite.person(login) is None
    assert "not right" in refusal(on_sqlite, login + "?", GOOD)


@pytest.mark.parametrize(
    "name", ["Siobhán O'Brien", '"; DROP TABLE audit;--', "<script>alert(1)</script>", "王小明", "%s {} \\"]
)
def test_a_name_is_kept_as_it_is_written(accounts: Accounts, name: str) -> None:
    accounts.create("somebody", name, [Role.AUDITOR], GOOD, who(accounts, ADMIN), NOW)
    assert who(accounts, "somebody").name == name
    assert accounts.audit.listed(what="account-created")[0].told["name"] == name


@pytest.mark.parametrize("name", ["", "  ", " Ada", "Ada\n", "A\0da", "Ada\u202e", "\ud800", "a" * 10_000])
def test_a_name_that_is_none_is_refused(on_sqlite: Accounts, name: str) -> None:
    with pytest.raises(Refused, match="name"):
        on_sqlite.create("somebody", name, [Role.AUDITOR], GOOD, who(on_sqlite, ADMIN), NOW)


@pytest.mark.parametrize("roles", [[], ["king"], ["auditor", "king"]])
def test_a_role_that_is_none_is_refused(on_sqlite: Accounts, roles: list[str]) -> None:
    with pytest.raises(Refused, match="roles"):
        on_sqlite.create("somebody", "Somebody", roles, GOOD, who(on_sqlite, ADMIN), NOW)


@pytest.mark.parametrize(
    "password",
    ["violin gravel", "passwordpassword", "CorrectHorseBatteryStaple", "correct horse battery staple!1", "drowssap1drowssap1",
     "1qaz2wsx3edc4rfv5tgb", "qwertyuiopasdfghjkl", "9876543210987654", "lena meyer, 2026!", "irctl irctl irctl irctl",
     "v" * 257],
)  # fmt: skip
def test_a_password_that_is_tried_first_is_refused(on_sqlite: Accounts, password: str) -> None:
    with pytest.raises(Refused) as refused:
        on_sqlite.create("somebody", "Lena Meyer", [Role.AUDITOR], password, who(on_sqlite, ADMIN), NOW)
    assert password not in str(refused.value)


def test_two_who_change_one_account_at_once_do_not_undo_each_other(accounts: Accounts) -> None:
    admin = who(accounts, ADMIN)
    changed = accounts.change(NURSE, 1, roles=[Role.CLINICIAN], by=admin, at=after(1))
    assert (changed.version, changed.person.roles, changed.changed_by) == (2, {Role.CLINICIAN}, ADMIN)
    with pytest.raises(Refused, match="version 2 is"):
        accounts.change(NURSE, 1, name="Lena Meyer-Okafor", by=admin, at=after(2))
    assert who(accounts, NURSE) == Person(NURSE, "Lena Meyer", frozenset({Role.CLINICIAN}))


def test_nobody_changes_their_own_roles(accounts: Accounts) -> None:
    with pytest.raises(Refused, match="somebody else"):
        accounts.change(ADMIN, 1, roles=list(Role), by=who(accounts, ADMIN), at=NOW)
    assert who(accounts, ADMIN).roles == {Role.ADMINISTRATOR}


def test_one_active_administrator_is_always_left(accounts: Accounts) -> None:
    first = who(accounts, ADMIN)
    with pytest.raises(Refused, match="somebody else"):
        accounts.change(ADMIN, 1, active=False, by=first, at=NOW)
    accounts.create("second", "Second Admin", [Role.ADMINISTRATOR], GOOD, first, NOW)
    second = who(accounts, "second")

    def out(who_goes: str, by: Person) -> bool:
        try:
            accounts.change(who_goes, 1, active=False, by=by, at=NOW)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(2) as both:
        done = list(both.map(out, (ADMIN, "second"), (second, first)))
    assert sorted(done) == [False, True], "each puts the other out at the same moment"
    assert [one.person.active for one in accounts.listed() if Role.ADMINISTRATOR in one.person.roles].count(True) == 1


# --- signing in ------------------------------------------------------------------------------------------------------------


def test_the_right_password_signs_in(accounts: Accounts) -> None:
    assert accounts.sign_in(NURSE, GOOD, NOW, 0.0) == who(accounts, NURSE)
    assert accounts.sign_in(f" {NURSE.upper()} ", GOOD, NOW, 0.0).login == NURSE
    signed = accounts.audit.listed(what="signed-in")
    assert [(entry.by, entry.about, entry.at) for entry in signed] == [(NURSE, NURSE, NOW)] * 2


def test_the_same_password_from_another_keyboard_signs_in(on_sqlite: Accounts) -> None:
    on_sqlite.create(
        "somebody", "Somebody", [Role.AUDITOR], "Caf\u00e9 viel zu \ufb01nster", who(on_sqlite, ADMIN), NOW
    )
    assert on_sqlite.sign_in("somebody", "Cafe\u0301 viel zu finster", NOW, 0.0)


def test_unknown_inactive_and_wrong_look_the_same_and_cost_the_same(accounts: Accounts, hasher: Hasher) -> None:
    accounts.create("gone", "Gone Away", [Role.AUDITOR], GOOD, who(accounts, ADMIN), NOW)
    accounts.change("gone", 1, active=False, by=who(accounts, ADMIN), at=NOW)

    def seen(login: str, password: str) -> list[tuple[str, int]]:
        """What is said, and how many hashes it took: tries at once, and after waiting."""
        found: list[tuple[str, int]] = []
        for at_s in (0.0, 0.1, 0.2, 0.3, 0.4, 5.0, 5.1, 500.0, 500.1):
            before = hasher.worked
            found.append((refusal(accounts, login, password, at_s), hasher.worked - before))
        return found

    expected = seen(NURSE, WRONG)
    assert [work for _, work in expected] == [1, 1, 1, 0, 0, 1, 0, 1, 0]
    for login, password in (("nobody", GOOD), ("gone", GOOD), ("no login at all", GOOD), (ADMIN, "x" * 100_000)):
        assert seen(login, password) == expected, login
    assert "not right" in refusal(accounts, NURSE, "\ud800", 9000.0)


def test_too_many_wrong_ones_make_wait_even_for_the_right_one(accounts: Accounts, hasher: Hasher) -> None:
    guess(accounts, NURSE, FREE_FAILURES)
    before = hasher.worked
    assert "Wait 1 s" in refusal(accounts, NURSE, GOOD, 0.5)
    assert hasher.worked == before, "it is not even looked at"
    assert accounts.sign_in(NURSE, GOOD, after(1.1), 1.1)
    assert accounts.listed()[0].failures == 0
    guess(accounts, NURSE, 1, 2.0)
    assert accounts.sign_in(NURSE, GOOD, after(2.1), 2.1), "the row begins anew"


def test_many_who_guess_at_once_are_counted_one_by_one(on_sqlite: Accounts, hasher: Hasher) -> None:
    before = hasher.worked

    def one(_number: int) -> None:
        refusal(on_sqlite, NURSE, WRONG)

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(one, range(24)))
    assert hasher.worked - before == FREE_FAILURES


def test_the_wait_survives_a_restart_and_a_clock_that_was_set(accounts: Accounts, database: Database) -> None:
    at_s = guess(accounts, NURSE, 8)
    again = some_accounts(database)
    assert "was wrong 8 times" in refusal(again, NURSE, GOOD, at_s + 5)
    set_back = some_accounts(database)
    for now_s in (0.0, 31.0):
        with pytest.raises(Refused, match="Wait"):
            set_back.sign_in(NURSE, GOOD, NOW - timedelta(days=400), now_s)
    assert set_back.sign_in(NURSE, GOOD, NOW - timedelta(days=400), 33.0), "nobody waits for the clock to catch up"
    guess(set_back, NURSE, 8, at_s)
    with pytest.raises(Refused, match="Wait"):
        set_back.sign_in(NURSE, GOOD, NOW + timedelta(days=400), at_s + 5000.0 + 1.0)


def test_after_a_hundred_only_an_administrator_helps(on_sqlite: Accounts) -> None:
    at_s = guess(on_sqlite, NURSE, FAILURES_MAX)
    assert "Ask an administrator" in refusal(on_sqlite, NURSE, GOOD, at_s + 1e6)
    on_sqlite.new_password(NURSE, BETTER, who(on_sqlite, ADMIN), after(at_s), at_s)
    assert on_sqlite.sign_in(NURSE, BETTER, after(at_s), at_s)


def test_a_crowd_of_made_up_logins_does_not_fill_the_memory(on_sqlite: Accounts) -> None:
    from irctl.records.guesses import Guesses

    guesses = Guesses(remembered_max=10)
    for number in range(1000):
        before = guesses.attempts(f"nobody-{number}", None, NOW, 0.0)
        guesses.failed(f"nobody-{number}", before, NOW, 0.0)
    assert guesses.attempts("nobody-999", None, NOW, 0.0).failures == 1
    assert guesses.attempts("nobody-0", None, NOW, 0.0).failures == 0


def test_a_hash_of_yesterdays_strength_is_made_anew(database: Database) -> None:
    with_people(database)
    stronger = Accounts(database, hasher=PasswordHash((Argon2Hasher(time_cost=2, memory_cost=16, parallelism=1),)))
    assert stronger.sign_in(NURSE, GOOD, NOW, 0.0)
    assert ",t=2," in str(stored(database, NURSE, "password_hash"))
    assert stronger.sign_in(NURSE, GOOD, NOW, 0.0)


# --- passwords and PINs ----------------------------------------------------------------------------------------------------


def test_ones_own_password_is_changed_with_the_old_one(accounts: Accounts) -> None:
    nurse = who(accounts, NURSE)
    with pytest.raises(Refused, match="not right"):
        accounts.new_password(NURSE, BETTER, nurse, NOW, 0.0, old=WRONG)
    with pytest.raises(Refused, match="not right"):
        accounts.new_password(NURSE, BETTER, nurse, NOW, 0.0)
    with pytest.raises(Refused, match="is for a administrator"):
        accounts.new_password(ADMIN, BETTER, nurse, NOW, 0.0, old=GOOD)
    before = accounts.standing(NURSE)
    accounts.new_password(NURSE, BETTER, nurse, NOW, 0.0, old=GOOD)
    assert accounts.standing(NURSE) != before
    assert "not right" in refusal(accounts, NURSE, GOOD)
    assert accounts.sign_in(NURSE, BETTER, NOW, 0.0)


def test_a_pin_is_set_with_the_password_and_forgotten_with_it(accounts: Accounts) -> None:
    assert not accounts.verify_pin(NURSE, PIN, NOW)
    with pytest.raises(Refused, match="not right"):
        accounts.set_pin(NURSE, WRONG, PIN, NOW, 0.0)
    for bad in ("12345", "123456", "777777", "654321", "40287a", "٤٠٢٨٧١"):
        with pytest.raises(Refused, match="pin") as refused:
            accounts.set_pin(NURSE, GOOD, bad, NOW, 0.0)
        assert bad not in str(refused.value)
    accounts.set_pin(NURSE, GOOD, PIN, NOW, 0.0)
    assert accounts.verify_pin(NURSE, PIN, NOW)
    assert not accounts.verify_pin(NURSE, "402872", NOW)
    assert not accounts.verify_pin("nobody", PIN, NOW)
    accounts.new_password(NURSE, BETTER, who(accounts, ADMIN), NOW, 0.0)
    assert not accounts.verify_pin(NURSE, PIN, NOW), "who gets a new password chooses a new PIN"


def test_the_pin_of_somebody_who_left_opens_nothing(on_sqlite: Accounts) -> None:
    on_sqlite.set_pin(NURSE, GOOD, PIN, NOW, 0.0)
    on_sqlite.change(NURSE, 1, active=False, by=who(on_sqlite, ADMIN), at=NOW)
    assert not on_sqlite.verify_pin(NURSE, PIN, NOW)


def test_who_signs_proves_it_again(accounts: Accounts) -> None:
    proof = accounts.reauthenticate(NURSE, GOOD, after(5), 5.0)
    assert (proof.login, proof.at) == (NURSE, after(5))
    with pytest.raises(Refused, match="not right"):
        accounts.reauthenticate(NURSE, WRONG, after(5), 5.0)
    assert [entry.what for entry in accounts.audit.listed()[:2]] == ["sign-in-failed", "reauthenticated"]


# --- the audit -------------------------------------------------------------------------------------------------------------


def test_nothing_secret_is_on_the_disk_but_hashes_of_argon2id(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path}/records.sqlite")) as database:
        database.prepare()
        accounts = with_people(database)
        accounts.set_pin(NURSE, GOOD, PIN, NOW, 0.0)
        accounts.new_password(NURSE, BETTER, who(accounts, NURSE), NOW, 0.0, old=GOOD)
        refusal(accounts, NURSE, WRONG)
        refusal(accounts, "my own secret typed too early", WRONG)
        refusal(accounts, "mysecrettypedearly", WRONG)
        accounts.verify_pin(NURSE, "940271", NOW)
        for column in ("password_hash", "pin_hash"):
            assert str(stored(database, NURSE, column)).startswith("$argon2id$")
        on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"account-created" in on_disk
    for secret in (GOOD, BETTER, WRONG, PIN, "940271", "my own secret", "mysecrettypedearly"):
        assert secret.encode() not in on_disk


def test_a_secret_does_not_get_into_the_audit_by_its_name(on_sqlite: Accounts) -> None:
    with pytest.raises(ValueError, match="password"):
        on_sqlite.audit.write(None, NOW, ADMIN, "password-changed", NURSE, password=GOOD)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET what = 'nothing'", "DELETE FROM audit", "DELETE FROM accounts"]
)
def test_nothing_is_taken_out_of_it(database: Database, accounts: Accounts, statement: str) -> None:
    before = accounts.audit.listed()
    with pytest.raises((DBAPIError, Refused), match="nothing is ever taken away"), database.writing() as connection:
        connection.execute(text(statement))
    assert accounts.audit.listed() == before != []


def test_refusals_of_a_flood_are_told_once(on_sqlite: Accounts) -> None:
    guess(on_sqlite, NURSE, FREE_FAILURES)
    for _ in range(50):
        refusal(on_sqlite, NURSE, WRONG, 0.1)
    told = [entry.what for entry in on_sqlite.audit.listed(what="sign-in-refused")]
    assert told == ["sign-in-refused"]


def test_the_trail_is_both_what_was_done_and_who_was_looked_at(accounts: Accounts, database: Database) -> None:
    accounts.sign_in(NURSE, GOOD, after(10), 10.0)
    looks = [{"at": after(s), "by": NURSE, "patient": "P-1", "what": "found", "why": "treatment"} for s in (9, 11)]
    with database.writing() as connection:
        connection.execute(tables.views.insert(), looks)
    audit = accounts.audit
    assert [(entry.what, entry.about) for entry in audit.trail(limit=4)] == [
        ("patient-found", "P-1"), ("signed-in", NURSE), ("patient-found", "P-1"), ("account-created", NURSE),
    ]  # fmt: skip
    assert [entry.what for entry in audit.trail(since=after(10), until=after(11))] == ["signed-in"]
    assert len(audit.trail(what="patient-found")) == 2
    assert len(audit.trail(what="signed-in")) == 1
    assert {entry.by for entry in audit.trail(by=NURSE)} == {NURSE}
    assert audit.trail(what="found") == []
    assert [entry.what for entry in audit.listed(limit=1)] == ["signed-in"]


# --- back-up ---------------------------------------------------------------------------------------------------------------


def test_people_and_the_audit_come_back_and_go_on(
    accounts: Accounts, database: Database, new_database: Callable[[], Database], tmp_path: Path
) -> None:
    accounts.set_pin(NURSE, GOOD, PIN, NOW, 0.0)
    back_up(database, tmp_path / "backup.jsonl", NOW)
    other = new_database()
    restore(other, tmp_path / "backup.jsonl")
    again = some_accounts(other)
    assert again.listed() == accounts.listed()
    assert again.audit.listed() == accounts.audit.listed()
    assert again.sign_in(NURSE, GOOD, NOW, 0.0), "and its line in the audit has a new number"
    assert again.verify_pin(NURSE, PIN, NOW)
    assert len(again.audit.listed()) == len(accounts.audit.listed()) + 1


def stored(database: Database, login: str, column: str) -> object:
    with database.reading() as connection:
        return connection.execute(
            select(tables.accounts.c[column]).where(tables.accounts.c.login == login)
        ).scalar_one()
