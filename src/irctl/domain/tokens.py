"""What a token says: who is signed in, since when, for how long. The clinic signs it (irctl.clinic.doors.tokens), the controller verifies it (irctl.controller.api.authority).

The claims are those of RFC 7519: `sub` is the login, `iat` and `exp` are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from irctl.domain.people import Person, Role
from irctl.domain.problems import Problem

ALGORITHM = "EdDSA"
"""The only one, whatever a token says of itself."""
ISSUER = "irctl clinic"
PUBLIC_KEY = "people.pub"
"""In the state folder: what the clinic's tokens are verified with. PEM, Ed25519."""
LIFETIME_MAX = timedelta(hours=1)
"""Project choice: so long may act whoever was taken off the list of people, or has lost a token."""
CLOCKS_APART = timedelta(seconds=30)
"""By so much the clocks of clinic and controller may differ."""
TOKEN_MAX = 4096
"""Characters. A longer one is not looked into."""
SERVICE = "clinic"
"""Login of the clinic's own process, which tells reminders and has no role."""
SIGN_IN = "Sign in anew: `irctl sign-in LOGIN`, or at the clinic's page"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose token it is."""

    person: Person
    service: bool = False
    """The clinic's own process, and no person."""


def claims(person: Person, now: datetime, lifetime: timedelta, *, service: bool = False) -> dict[str, Any]:
    """What is signed of somebody who signed in at `now`. Raises ValueError for a lifetime that no controller accepts."""
    if not timedelta() < lifetime <= LIFETIME_MAX:
        raise ValueError(f"a token lasts at most {LIFETIME_MAX}, not {lifetime}")
    begins = int(now.timestamp())
    said: dict[str, Any] = {
        "iss": ISSUER,
        "sub": person.login,
        "name": person.name,
        "roles": sorted(person.roles),
        "iat": begins,
        "exp": begins + int(lifetime.total_seconds()),
    }
    return said | ({"service": True} if service else {})


def bearer(said: Mapping[str, Any], now: datetime, station: str) -> Bearer | Problem:
    """Whose claims these are, whose signature was found good; or what is wrong with them. `station`: the one they may be bound to with `aud`."""
    login, name, roles = said.get("sub"), said.get("name"), said.get("roles")
    begins, ends = said.get("iat"), said.get("exp")
    if said.get("iss") != ISSUER:
        return _not("was not issued by the clinic")
    if "aud" in said and said["aud"] != station:
        return _not("was issued for another station")
    if not isinstance(login, str) or not login.strip() or not isinstance(name, str):
        return _not("names nobody")
    if not isinstance(roles, list) or not all(role in list(Role) for role in cast("list[Any]", roles)):
        return _not("has roles that are not known here")
    if type(begins) is not int or type(ends) is not int or not 0 <= begins < ends <= _LAST_S:
        return _not("does not say from when to when it holds")
    since, until = datetime.fromtimestamp(begins, UTC), datetime.fromtimestamp(ends, UTC)
    if until - since > LIFETIME_MAX:
        return _not(f"lasts longer than {LIFETIME_MAX.total_seconds() / 60:g} minutes")
    if now < since - CLOCKS_APART:
        return _not("is not valid yet: the clocks of clinic and controller differ", "Set the clocks, then sign in anew")
    if now >= until + CLOCKS_APART:
        return _not("has expired")
    person = Person(login, name, frozenset(Role(role) for role in cast("list[str]", roles)))
    return Bearer(person, service=said.get("service") is True)


_LAST_S = 32_503_680_000
"""The year 3000: later ones are no dates everywhere."""


def _not(limit: str, remedy: str = SIGN_IN) -> Problem:
    """Without its value: a token is a key, and this goes into answers and logs."""
    return Problem("token", None, limit, remedy)
