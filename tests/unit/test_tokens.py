"""Tokens from the clinic's issuer to what they say: whose they are, from when to when, and every way in which one is worth nothing."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from irctl.clinic.doors.tokens import PRIVATE_KEY, SERVICE_LIFETIME, Issuer
from irctl.domain.people import Person, Role
from irctl.domain.problems import Problem, Refused
from irctl.domain.tokens import ALGORITHM, CLOCKS_APART, ISSUER, LIFETIME_MAX, PUBLIC_KEY, Bearer, bearer, claims
from tests.unit.worlds import refusal

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OKAFOR = Person("okafor", "M. Okafor", frozenset({Role.CLINICIAN, Role.TECHNICIAN}))
STATION = "Room 2"


def said(**changes: Any) -> dict[str, Any]:
    """What a good token says, changed; what is set to None is left out."""
    changed = claims(OKAFOR, NOW, timedelta(minutes=10)) | changes
    return {name: value for name, value in changed.items() if value is not None}


def wrong(told: dict[str, Any], now: datetime = NOW) -> str:
    found = bearer(told, now, STATION)
    assert isinstance(found, Problem)
    assert found.value is None  # a token is never repeated
    assert found.remedy
    return found.limit


def test_a_token_says_who_is_signed_in_and_as_what() -> None:
    assert bearer(said(), NOW, STATION) == Bearer(OKAFOR)


def test_what_is_signed_is_what_is_read(tmp_path: Path) -> None:
    token = Issuer(tmp_path).issue(OKAFOR, NOW, 600.0)
    public = (tmp_path / PUBLIC_KEY).read_text()
    read = jwt.decode(token, public, algorithms=[ALGORITHM], options={"verify_exp": False, "verify_iat": False})
    assert read == said()
    assert bearer(read, NOW, STATION) == Bearer(OKAFOR)


def test_it_holds_for_its_time_and_no_longer_but_clocks_may_differ_a_little() -> None:
    ends = NOW + timedelta(minutes=10)
    moment = timedelta(seconds=1)
    assert isinstance(bearer(said(), ends + CLOCKS_APART - moment, STATION), Bearer)
    assert wrong(said(), ends + CLOCKS_APART) == "has expired"
    assert isinstance(bearer(said(), NOW - CLOCKS_APART, STATION), Bearer)
    assert "not valid yet" in wrong(said(), NOW - CLOCKS_APART - moment)


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"iss": "somebody else"}, "was not issued by the clinic"),
        ({"iss": None}, "was not issued by the clinic"),
        ({"iss": [ISSUER]}, "was not issued by the clinic"),
        ({"aud": "Room 3"}, "was issued for another station"),
        ({"aud": ["Room 2"]}, "was issued for another station"),
        ({"sub": None}, "names nobody"),
        ({"sub": " "}, "names nobody"),
        ({"sub": 5}, "names nobody"),
        ({"name": None}, "names nobody"),
        ({"roles": None}, "has roles that are not known here"),
        ({"roles": "clinician"}, "has roles that are not known here"),
        ({"roles": ["clinician", "king"]}, "has roles that are not known here"),
        ({"roles": [["clinician"]]}, "has roles that are not known here"),
        ({"iat": None}, "does not say from when to when it holds"),
        ({"exp": None}, "does not say from when to when it holds"),
        ({"exp": "1795424400"}, "does not say from when to when it holds"),
        ({"exp": True}, "does not say from when to when it holds"),
        ({"exp": 1e300}, "does not say from when to when it holds"),
        ({"exp": 10**30}, "does not say from when to when it holds"),
        ({"iat": -1}, "does not say from when to when it holds"),
        ({"exp": int(NOW.timestamp()) - 1}, "does not say from when to when it holds"),
        ({"exp": int((NOW + LIFETIME_MAX).timestamp()) + 1}, "lasts longer than 60 minutes"),
    ],
)
def test_what_is_missing_or_wrong_is_said(changes: dict[str, Any], limit: str) -> None:
    assert wrong(said(**changes)) == limit


def test_it_may_be_bound_to_one_station() -> None:
    assert isinstance(bearer(said(aud=STATION), NOW, STATION), Bearer)


@pytest.mark.parametrize("word", ["yes", 1, "true", False, None])
def test_only_true_makes_a_token_the_clinics_own(word: object) -> None:
    found = bearer(said(service=word), NOW, STATION)
    assert isinstance(found, Bearer)
    assert not found.service


def test_the_clinics_own_token_has_no_role_and_is_short(tmp_path: Path) -> None:
    token = Issuer(tmp_path).service(NOW)
    read = jwt.decode(token, options={"verify_signature": False})
    found = bearer(read, NOW, STATION)
    assert isinstance(found, Bearer)
    assert (found.service, found.person.login, found.person.roles) == (True, "clinic", frozenset())
    assert read["exp"] - read["iat"] == SERVICE_LIFETIME.total_seconds()


@pytest.mark.parametrize("lifetime_s", [0.0, -1.0, LIFETIME_MAX.total_seconds() + 1])
def test_a_lifetime_that_no_controller_accepts_is_not_issued(tmp_path: Path, lifetime_s: float) -> None:
    with pytest.raises(ValueError, match="at most"):
        Issuer(tmp_path).issue(OKAFOR, NOW, lifetime_s)


# --- the key ---------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_stays(tmp_path: Path) -> None:
    Issuer(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    Issuer(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert set(before) == {PRIVATE_KEY, PUBLIC_KEY}


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_nobody_else_may_read_the_key_and_everybody_its_public_half(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        Issuer(tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / PRIVATE_KEY).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / PUBLIC_KEY).stat().st_mode & 0o777 == 0o644


def test_a_public_half_that_is_gone_is_written_again(tmp_path: Path) -> None:
    Issuer(tmp_path)
    public = (tmp_path / PUBLIC_KEY).read_bytes()
    (tmp_path / PUBLIC_KEY).unlink()
    Issuer(tmp_path)
    assert (tmp_path / PUBLIC_KEY).read_bytes() == public


def test_the_public_key_of_another_clinic_is_never_overwritten(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        Issuer(folder)
    theirs = (there / PUBLIC_KEY).read_bytes()
    (here / PUBLIC_KEY).write_bytes(theirs)
    assert refusal(lambda: Issuer(here)).fields == [PUBLIC_KEY]
    (here / PRIVATE_KEY).unlink()
    assert refusal(lambda: Issuer(here)).fields == [PRIVATE_KEY]
    assert (here / PUBLIC_KEY).read_bytes() == theirs


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PRIVATE_KEY).write_bytes(content)
    with pytest.raises(Refused) as refused:
        Issuer(tmp_path)
    assert refused.value.problems[0].field == PRIVATE_KEY


def test_no_token_holds_a_secret(tmp_path: Path) -> None:
    """Anybody can read one: it says what is printed anyway."""
    head, payload, _ = Issuer(tmp_path).issue(OKAFOR, NOW).split(".")
    parts = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, payload)]
    assert parts[0]["alg"] == ALGORITHM
    assert parts[1].keys() == {"iss", "sub", "name", "roles", "iat", "exp"}
