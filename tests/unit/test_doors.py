"""Browsers that somebody has signed in: a new cookie each time, a screen that locks, an account that is closed, an emergency that everybody hears of."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from irctl.clinic.doors.doors import EMERGENCY, LOOKED_UP_EVERY_S, REASON_MAX, SESSIONS_MAX, Doors
from irctl.clinic.doors.visitor import Visitor
from irctl.domain.people import Role, Verb, may
from irctl.domain.problems import Refused
from irctl.domain.screen_lock import ALWAYS, PIN_FAILURES_MAX, Lock, Part
from irctl.records.accounts import Accounts
from irctl.records.database import Database
from tests.records.people import ADMIN, BETTER, GOOD, NOW, NURSE, PIN, after, who, with_people

WHY = "the assistant fainted, and her patient is under the lamp"


class Clock:
    """Goes on when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class House:
    def __init__(self, accounts: Accounts) -> None:
        self.accounts, self.clock = accounts, Clock()
        self.doors = Doors(accounts, self.clock)

    def enters(self, login: str = NURSE, replaces: str = "") -> tuple[str, Visitor]:
        return self.doors.open(self.accounts.sign_in(login, GOOD, NOW, self.clock()), replaces)

    def later(self, seconds: float) -> None:
        self.clock.now_s += seconds

    def audit(self, what: str) -> list[tuple[str, str]]:
        return [(entry.by, entry.about) for entry in self.accounts.audit.listed(what=what)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with closing(Database(f"sqlite:///{tmp_path}/records.sqlite")) as database:
        database.prepare()
        accounts = with_people(database)
        accounts.set_pin(NURSE, GOOD, PIN, NOW, 0.0)
        yield House(accounts)


def test_whoever_has_the_cookie_is_found_and_nobody_else(house: House) -> None:
    cookie, visitor = house.enters()
    assert house.doors.find(cookie) is visitor
    assert visitor.person == who(house.accounts, NURSE)
    assert (visitor.lock, visitor.shows) == (Lock.OPEN, frozenset(Part))
    for other in ("", cookie[:-1], cookie + "x", "\ud800", "x" * 100_000):
        assert house.doors.find(other) is None


def test_the_cookie_is_not_kept(house: House) -> None:
    cookie, visitor = house.enters()
    kept = [*vars(visitor).values(), *vars(house.doors).values()]
    assert all(cookie not in str(value) and cookie.encode() not in str(value).encode() for value in kept)


def test_each_sign_in_makes_a_new_cookie_and_ends_the_one_before(house: House) -> None:
    planted = "a cookie that somebody put into the browser"
    first, before = house.enters(replaces=planted)
    assert house.doors.find(planted) is None
    second, visitor = house.enters(replaces=first)
    assert len({planted, first, second}) == 3
    assert visitor.csrf != before.csrf
    assert house.doors.find(first) is None
    assert (before.lock, before.person) == (Lock.SIGNED_OUT, None)
    assert house.doors.find(second) is visitor


def test_a_form_of_another_page_is_known(house: House) -> None:
    (_, mine), (_, other) = house.enters(), house.enters(ADMIN)
    assert mine.csrf_is(mine.csrf)
    for told in ("", other.csrf, mine.csrf[:-1], "ä", "\ud800"):
        assert not mine.csrf_is(told)


def test_left_alone_it_locks_then_signs_out(house: House) -> None:
    cookie, visitor = house.enters()
    house.later(100)
    house.doors.touch(visitor)
    house.later(100)
    assert visitor.lock is Lock.OPEN
    house.later(20)
    assert (visitor.lock, visitor.shows) == (Lock.LOCKED, ALWAYS)
    assert visitor.context().locked
    assert may(visitor.person, Verb.SEE_PATIENT, visitor.context()) is not None
    assert may(visitor.person, Verb.STOP, visitor.context()) is None
    house.doors.touch(visitor)
    assert house.doors.find(cookie) is visitor
    house.later(1800)
    assert (visitor.person, house.doors.find(cookie)) == (None, None)
    assert may(visitor.person, Verb.STOP, visitor.context()) is None


def test_a_pin_opens_a_locked_screen(house: House) -> None:
    _, visitor = house.enters()
    house.doors.lock(visitor)
    with pytest.raises(Refused, match="4 more"):
        house.doors.unlock(visitor, "940271", NOW)
    assert visitor.lock is Lock.LOCKED
    house.doors.unlock(visitor, PIN, NOW)
    assert visitor.lock is Lock.OPEN


def test_after_a_few_wrong_pins_the_password_is_asked_for(house: House) -> None:
    cookie, visitor = house.enters()
    house.doors.lock(visitor)

    def one(_number: int) -> None:
        with suppress(Refused):
            house.doors.unlock(visitor, "940271", NOW)

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(one, range(16)))
    assert house.audit("pin-wrong") == [("", NURSE)] * PIN_FAILURES_MAX, "no more were looked at"
    with pytest.raises(Refused, match="password"):
        house.doors.unlock(visitor, PIN, NOW)
    assert house.doors.find(cookie) is None
    assert house.audit("signed-out") == [("", NURSE)]


def test_without_a_pin_the_password_opens_a_locked_screen(house: House) -> None:
    _, visitor = house.enters(ADMIN)
    house.doors.lock(visitor)
    with pytest.raises(Refused, match=r"never chosen.*password"):
        house.doors.unlock(visitor, PIN, NOW)
    assert visitor.lock is Lock.LOCKED


def test_who_no_longer_works_here_is_out_within_seconds(house: House) -> None:
    (cookie, visitor), admin = house.enters(), who(house.accounts, ADMIN)
    house.accounts.change(NURSE, 1, active=False, by=admin, at=NOW)
    house.later(LOOKED_UP_EVERY_S)
    assert not house.doors.refresh(visitor)
    assert house.doors.find(cookie) is None
    with pytest.raises(Refused, match="no longer works here"):
        house.doors.open(who(house.accounts, NURSE))


def test_a_role_that_was_taken_is_gone_within_seconds(house: House) -> None:
    (cookie, visitor), admin = house.enters(), who(house.accounts, ADMIN)
    house.accounts.change(NURSE, 1, roles=[Role.TECHNICIAN], by=admin, at=NOW)
    house.later(LOOKED_UP_EVERY_S)
    assert house.doors.find(cookie) is visitor
    assert may(visitor.person, Verb.START, visitor.context()) is not None


def test_another_password_signs_everybody_out_who_came_in_with_the_old_one(house: House) -> None:
    cookies = [house.enters()[0], house.enters()[0]]
    house.accounts.new_password(NURSE, BETTER, who(house.accounts, ADMIN), NOW, 0.0)
    house.later(LOOKED_UP_EVERY_S)
    assert [house.doors.find(cookie) for cookie in cookies] == [None, None]


def test_the_one_left_alone_longest_makes_room(house: House) -> None:
    entered = [house.enters() for _ in range(SESSIONS_MAX)]
    admins, _ = house.enters(ADMIN)
    house.later(10)
    for _, visitor in entered[1:]:
        house.doors.touch(visitor)
    newest, _ = house.enters()
    still = [house.doors.find(cookie) is not None for cookie, _ in entered]
    assert still == [False] + [True] * (SESSIONS_MAX - 1)
    assert house.doors.find(newest)
    assert house.doors.find(admins)


def test_signed_out_by_hand_is_signed_out(house: House) -> None:
    cookie, visitor = house.enters()
    house.doors.close(visitor, after(3))
    house.doors.close(visitor, after(4))
    assert (visitor.lock, visitor.person, house.doors.find(cookie)) == (Lock.SIGNED_OUT, None, None)
    assert house.audit("signed-out") == [(NURSE, NURSE)]


def test_in_an_emergency_who_is_signed_in_sees_patients_for_half_an_hour_and_it_is_told(house: House) -> None:
    _, visitor = house.enters(ADMIN)
    assert visitor.may(Verb.SEE_PATIENT) is not None
    made = house.doors.emergency(visitor, f"  {WHY}\n", NOW)
    assert visitor.emergency_until == made.until == NOW + EMERGENCY
    assert may(visitor.person, Verb.SEE_PATIENT, visitor.context()) is None
    assert visitor.may(Verb.SEE_PATIENT) is None
    (told,) = house.accounts.audit.listed(what="emergency-access")
    assert (told.by, told.told["reason"]) == (ADMIN, WHY)
    for verb in (Verb.EDIT_PATIENT, Verb.START, Verb.EXPORT, Verb.SIGN):
        assert visitor.may(verb, "because") is not None, "it opens patients' files, and nothing else"
    assert "is empty" in str(visitor.may(Verb.CONFIGURE)), "and its reason is no reason for anything else"
    for _ in range(18):
        house.later(100)
        house.doors.touch(visitor)
    assert (visitor.lock, visitor.emergency_until) == (Lock.OPEN, None)
    assert visitor.may(Verb.SEE_PATIENT) is not None


def test_an_emergency_does_not_open_a_locked_screen_nor_outlast_it(house: House) -> None:
    _, visitor = house.enters(ADMIN)
    house.doors.lock(visitor)
    with pytest.raises(Refused, match="locked"):
        house.doors.emergency(visitor, WHY, NOW)
    _, visitor = house.enters(ADMIN)
    house.doors.emergency(visitor, WHY, NOW)
    house.doors.lock(visitor)
    assert visitor.may(Verb.SEE_PATIENT) is not None
    house.doors.close(visitor, NOW)
    assert visitor.emergency_until is None
    with pytest.raises(Refused, match="nobody is signed in"):
        house.doors.emergency(visitor, WHY, NOW)


@pytest.mark.parametrize("reason", ["", "  \n", "x" * (REASON_MAX + 1), "a\0b", "\ud800", "\u202e"])
def test_an_emergency_has_a_reason(house: House, reason: str) -> None:
    _, visitor = house.enters(ADMIN)
    with pytest.raises(Refused, match="reason"):
        house.doors.emergency(visitor, reason, NOW)
    assert (visitor.emergency_until, house.audit("emergency-access")) == (None, [])


def test_who_sees_patients_anyway_needs_no_emergency(house: House) -> None:
    _, visitor = house.enters()
    with pytest.raises(Refused, match="not needed"):
        house.doors.emergency(visitor, WHY, NOW)
