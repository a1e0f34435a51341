"""Sends what waits in the box, each message at most once: before it leaves it is written down that it leaves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from irctl.clinic.desk import Desk
from irctl.clinic.duties.clocks import Clocks
from irctl.clinic.duties.schedule import Log, Rounds
from irctl.clinic.mailing.letters import Letter
from irctl.clinic.mailing.mail import Line, Mail, NotTaken, Unreachable, Unsure
from irctl.clinic.mailing.messages import KIND, NO_ADDRESS, State, address_of, body_of, put
from irctl.clinic.mailing.outgoing import Outgoing, unwanted
from irctl.clinic.office import notices
from irctl.clinic.office.notices import ITSELF
from irctl.domain.problems import Refused
from irctl.records.papers import Paper, Wanted

EVERY_S = 10.0
PLAN_EVERY_S = 60.0
AGAIN_MIN = (1.0, 5.0, 15.0, 60.0, 240.0)
"""Minutes after each attempt that was not taken; then always the last. A server that asks for patience takes it the second time."""
ATTEMPTS_MAX = 9
"""About a day."""
SERVER_AGAIN_S = (30.0, 60.0, 300.0, 900.0)
AT_ONCE = 50
MAIL = "mail"
"""What a notice is about when nothing can be handed in."""


class _Trouble(NamedTuple):
    times: int
    text: str


_NONE = _Trouble(0, "")


class Post(Rounds):
    """In a thread of its own, the only one that sends. Without a mail server everything waits."""

    def __init__(self, desk: Desk, mail: Mail | None, clocks: Clocks, log: Log) -> None:
        super().__init__(None, clocks, log, EVERY_S)
        self._desk, self._mail = desk, mail
        self._outgoing = Outgoing(desk)
        self._plan_at_s = self._try_at_s = clocks.monotonic_s()
        self._trouble = _NONE
        self._said = ""

    def look(self) -> bool:
        try:
            self._round(self._clocks.wall(), self._clocks.monotonic_s())
        except Refused as refused:  # the records cannot be read or written
            if (said := str(refused)) != self._said:
                self._log.warning("post.waiting", text=said)
            self._said = said
            return False
        self._said = ""
        return True

    def _round(self, now: datetime, now_s: float) -> None:
        self._tell_of_the_unsure(now)
        if now_s >= self._plan_at_s:
            self._outgoing.plan(now)
            self._plan_at_s = now_s + PLAN_EVERY_S
        if self._mail is None or now_s < self._try_at_s:
            return
        until = now + timedelta(microseconds=1)
        ripe = self._desk.papers.find(KIND, Wanted(states=(State.WAITING,), until=until, limit=AT_ONCE))
        if not ripe:
            return
        try:
            with self._mail.line() as line:
                self._server_is_there(now)
                for message in ripe:
                    self._send(line, message, now)
        except Unreachable as error:
            self._server_is_not(error, now, now_s)

    def _send(self, line: Line, message: Paper, now: datetime) -> None:
        desk, patient = self._desk, message.index.patient or ""
        if why := unwanted(desk, message, now):
            put(desk, message, State.WITHDRAWN, now, why=why)
            return
        to = address_of(desk, patient, ITSELF, now)
        if to is None:
            put(desk, message, State.FAILED, now, why=NO_ADDRESS)
            self._tell(message, NO_ADDRESS, now)
            return
        body = body_of(message)
        leaving = put(desk, message, State.SENDING, now, to=to, attempts=body.attempts + 1, why="")
        try:
            line.send(message.id.replace(" ", "."), to, Letter(body.subject, body.text), now)
        except NotTaken as error:
            self._not_taken(leaving, str(error), now, for_good=error.for_good)
        except Unsure as error:
            self._unsure(leaving, str(error), now)
        else:
            put(desk, leaving, State.SENT, now, moment=now, why="sent")
            self._log.info("message.sent", message=message.id)

    def _not_taken(self, message: Paper, why: str, now: datetime, *, for_good: bool) -> None:
        attempts = body_of(message).attempts
        again = now + timedelta(minutes=AGAIN_MIN[min(attempts, len(AGAIN_MIN)) - 1])
        self._log.warning("message.not-taken", message=message.id, attempts=attempts, for_good=for_good)
        if for_good or attempts >= ATTEMPTS_MAX or again >= body_of(message).until:
            put(self._desk, message, State.FAILED, now, why=why)
            self._tell(message, why, now)
        else:
            put(self._desk, message, State.WAITING, now, moment=again, why=why)

    def _unsure(self, message: Paper, why: str, now: datetime) -> None:
        put(self._desk, message, State.UNSURE, now, why=f"it may have been sent: {why}")
        self._log.warning("message.unsure", message=message.id)
        text = f"A message to {message.index.patient} may have been sent, or not: {why}"
        remedy = "Ask the patient, or send it again at Messages: it may then come twice"
        notices.tell(self._desk, f"message {message.id}", text, remedy, "low", now)

    def _tell_of_the_unsure(self, now: datetime) -> None:
        """This is the one thread that sends, and it sends nothing now: what is being sent was cut off."""
        for message in self._desk.papers.find(KIND, Wanted(states=(State.SENDING,))):
            self._unsure(message, "irctl ended while it was handed in", now)

    def _tell(self, message: Paper, why: str, now: datetime) -> None:
        text = f"A message to {message.index.patient} was not sent: {why}"
        remedy = "Correct the address on the patient's page, then send it again at Messages; or telephone"
        notices.tell(self._desk, f"message {message.id}", text, remedy, "low", now)

    # --- the server ------------------------------------------------------------------------------------------------------

    def _server_is_there(self, now: datetime) -> None:
        notices.settle(self._desk, MAIL, "the mail server takes messages", now)
        self._trouble, self._try_at_s = _NONE, 0.0

    def _server_is_not(self, error: Unreachable, now: datetime, now_s: float) -> None:
        times, before = self._trouble
        self._trouble = _Trouble(times + 1, str(error))
        self._try_at_s = now_s + SERVER_AGAIN_S[min(times, len(SERVER_AGAIN_S) - 1)]
        if str(error) != before:  # acknowledged, it is not told again at each try
            self._log.warning("mail.unreachable", text=str(error))
            notices.tell(self._desk, MAIL, f"No message can be sent. {error}", error.remedy, "medium", now)
