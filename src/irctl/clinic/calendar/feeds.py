"""Calendar feeds: a secret address of which only the hash is kept, for the calendar on somebody's own telephone. There is no name in it."""

from __future__ import annotations

import secrets
from hashlib import sha256

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.domain.people import Verb, may
from irctl.domain.problems import Refused
from irctl.records.papers import Index, Paper, Wanted

KIND = "feed"
TOKEN_BYTES = 32
ACTIVE, REVOKED = "active", "revoked"


def make(desk: Desk, acting: Acting) -> str:
    """A new address for this person; one that they had is worth nothing from now on. The token is told once, here. Raises Refused."""
    person = acting.require(Verb.SCHEDULE)
    revoke(desk, acting)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    index = Index(moment=acting.at, state=ACTIVE, parent=person.login)
    desk.papers.new(KIND, _hash(token), {"owner": person.login}, person, acting.at, index)
    return token


def revoke(desk: Desk, acting: Acting) -> int:
    """Every address of this person; returns how many there were. Raises Refused."""
    person = acting.require(Verb.SCHEDULE)
    found = _active(desk, person.login)
    for paper in found:
        body = {**paper.body, "revoked_at": acting.at.isoformat()}
        desk.papers.amend(KIND, paper.id, paper.number, body, person, "revoked", acting.at, state=REVOKED)
    return len(found)


def has_one(desk: Desk, login: str) -> bool:
    return bool(_active(desk, login))


def is_good(desk: Desk, token: str) -> bool:
    """Whether the address is in force, and its owner still makes appointments here."""
    try:
        paper = desk.papers.get(KIND, _hash(token))
    except Refused:
        return False
    standing = desk.accounts.standing(paper.body["owner"])
    return paper.index.state == ACTIVE and standing is not None and may(standing.person, Verb.SCHEDULE) is None


def _active(desk: Desk, login: str) -> list[Paper]:
    return desk.papers.find(KIND, Wanted(parent=login, states=(ACTIVE,)))


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
