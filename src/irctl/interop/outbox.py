"""What waits to be sent: kept on the disk, sealed, until it has arrived. In the order in which it was put there, as often as it takes, and to the receiver as if once.

Each parcel is two papers: its content, which never changes, and a note of how it stands, which has a version for every change. A process that dies between
sending and noting it sends again: every parcel carries identifiers by which its receiver knows what it has already (MSH-10; FHIR identifiers).

While a target cannot be reached nothing goes there, so that order is kept. What a target has read and refused is set aside for a person, and holds back
only what is about the same thing: one visit's mistake does not keep the others from being sent.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from random import Random
from typing import Protocol

from irctl.domain.people import Person
from irctl.domain.problems import Problem, Refused
from irctl.interop import outcome
from irctl.interop.outcome import Later, Outcome, Sent
from irctl.records.papers import Index, Paper, Papers, Wanted

KIND, CONTENT = "dispatch", "parcel"
FIRST_S, LONGEST_S = 5.0, 900.0
"""Between two tries: from the first on, doubled each time."""
MOST = 10_000


class State(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    """A person decides: again, or never."""
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Parcel:
    """`target`: a name of the clinic's file. `subject`: what it is about, such as a visit; `patient`: a reference."""

    id: str
    target: str
    subject: str
    patient: str
    about: str
    """For people: what it is."""
    made_at: datetime
    state: State
    told: str
    """Why it still waits or was refused; what the receiver called it."""
    body: bytes = b""
    """Empty in a list."""


class Sender(Protocol):
    """Takes a parcel to its target."""

    async def send(self, parcel: outcome.Parcel) -> Outcome: ...


class Outbox:
    """Calls raise Refused. `itself`: in whose name notes are written that nobody made."""

    def __init__(self, papers: Papers, itself: Person, random: Random) -> None:
        self._papers, self._itself, self._random = papers, itself, random
        self._tries: dict[str, int] = {}
        self._again: dict[str, datetime] = {}
        """By target: how often it could not be reached, and when to try again. Forgotten with the process: then at once."""

    def known(self, target: str, name: str) -> bool:
        """Whether something of that name has been for this target, whatever became of it."""
        return bool(self._papers.versions(KIND, parcel_id(target, name)))

    def put(
        self, target: str, name: str, subject: str, patient: str, about: str, body: bytes, now: datetime
    ) -> str | None:
        """Put it there; None where something of that name has been for this target before. `name`: such as a visit and its version."""
        if self.known(target, name):
            return None
        known = parcel_id(target, name)
        at = self._after_the_last(now)
        where = Index(patient or None, at, "", subject)
        if not self._papers.versions(CONTENT, known):  # else it was cut off right here
            told = {"body": b64encode(body).decode()}
            self._papers.new(CONTENT, known, told, self._itself, now, where)
        note = {"target": target, "name": name, "about": about, "told": ""}
        index = Index(patient or None, at, State.WAITING, subject)
        self._papers.new(KIND, known, note, self._itself, now, index)
        return known

    async def step(self, senders: Mapping[str, Sender], now: datetime) -> int:
        """Send what can be sent now; how many arrived. Whoever calls sees to it that there is one at a time."""
        waiting = self._papers.find(KIND, Wanted(states=(State.WAITING,), limit=MOST))
        refused = self._papers.find(KIND, Wanted(states=(State.REFUSED,), limit=MOST))
        held = {(paper.body["target"], paper.index.parent) for paper in refused}
        away: set[str] = set()
        arrived = 0
        for paper in waiting:
            target, subject = str(paper.body["target"]), paper.index.parent
            sender = senders.get(target)
            if sender is None or target in away or (target, subject) in held or now < self._again.get(target, now):
                continue
            match await sender.send(self._opened(paper)):
                case Sent(reference, told):
                    self._reached(target)
                    self._note(paper, State.SENT, f"{reference} {told}".strip(), now)
                    arrived += 1
                case Later(reason):
                    away.add(target)
                    self._not_reached(target, now)
                    if reason != paper.body["told"]:
                        self._note(paper, State.WAITING, reason, now)
                case outcome.Refused(reason):
                    self._reached(target)
                    held.add((target, subject))
                    self._note(paper, State.REFUSED, reason, now)
        return arrived

    def again(self, target: str) -> datetime | None:
        """When a target that could not be reached is tried next."""
        return self._again.get(target)

    def listed(self, states: Sequence[State] = (State.WAITING, State.REFUSED), most: int = 200) -> list[Parcel]:
        """Without their content, newest first."""
        found = self._papers.find(KIND, Wanted(states=states, newest=True, limit=most))
        return [_parcel(paper) for paper in found]

    def of_subject(self, subject: str) -> list[Parcel]:
        """Everything about one thing, oldest first, whatever became of it."""
        return [_parcel(paper) for paper in self._papers.find(KIND, Wanted(parent=subject))]

    def content(self, parcel: str) -> bytes:
        """As it is sent."""
        return b64decode(self._papers.get(CONTENT, parcel).body["body"])

    def retry(self, parcel: str, person: Person, now: datetime) -> None:
        """What was refused waits again: the receiver has been put right."""
        paper = self._only(parcel, (State.REFUSED,))
        self._again.pop(str(paper.body["target"]), None)
        self._note(paper, State.WAITING, "tried again", now, person)

    def give_up(self, parcel: str, person: Person, reason: str, now: datetime) -> None:
        """It is never sent; the reason stays with it."""
        if not reason.strip():
            raise Refused([Problem("reason", reason, "is empty", "Say why it is not sent")])
        self._note(self._only(parcel, (State.WAITING, State.REFUSED)), State.GIVEN_UP, reason.strip(), now, person)

    def _after_the_last(self, now: datetime) -> datetime:
        """A moment of its own, so that the order is that of putting, whatever the clock says."""
        last = self._papers.find(KIND, Wanted(newest=True, limit=1))
        moment = last[0].index.moment if last else None
        return now if moment is None or moment < now else moment + timedelta(microseconds=1)

    # --- within -----------------------------------------------------------------------------------------------------------

    def _only(self, parcel: str, states: Sequence[State]) -> Paper:
        paper = self._papers.get(KIND, parcel)
        if paper.index.state not in states:
            remedy = "Look at it again"
            raise Refused([Problem("parcel", parcel, f"is {paper.index.state}", remedy)], conflict=True)
        return paper

    def _opened(self, paper: Paper) -> Parcel:
        return replace(_parcel(paper), body=self.content(paper.id))

    def _note(self, paper: Paper, state: State, told: str, now: datetime, person: Person | None = None) -> None:
        body = {**paper.body, "told": told[:2000], "state": state}
        self._papers.amend(
            KIND, paper.id, paper.number, body, person or self._itself, told[:500] or state, now, state=state
        )

    def _reached(self, target: str) -> None:
        self._tries.pop(target, None)
        self._again.pop(target, None)

    def _not_reached(self, target: str, now: datetime) -> None:
        tries = self._tries[target] = self._tries.get(target, 0) + 1
        wait_s = min(LONGEST_S, FIRST_S * 2.0 ** min(tries - 1, 20))
        # Not all clinics of a town at the same moment, when a server comes back.
        self._again[target] = now + timedelta(seconds=wait_s * self._random.uniform(0.5, 1.0))


def parcel_id(target: str, name: str) -> str:
    """The same thing for the same target is one parcel, whoever puts it there."""
    return "D-" + sha256(f"{target}\n{name}".encode()).hexdigest()[:20]


def _parcel(paper: Paper) -> Parcel:
    body, index = paper.body, paper.index
    assert index.moment is not None, "a parcel is from a moment"
    return Parcel(
        paper.id,
        str(body["target"]),
        index.parent or "",
        index.patient or "",
        str(body["about"]),
        index.moment,
        State(index.state),
        str(body["told"]),
    )
