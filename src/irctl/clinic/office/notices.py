"""Notices: what the clinic's own process has to tell somebody, with what to do. Each stands on the day board until it is put right or acknowledged by name."""

from __future__ import annotations

import secrets
from datetime import datetime

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.domain.notices import URGENCY, Notice, Priority
from irctl.domain.people import Person, Verb
from irctl.domain.problems import Problem, Refused
from irctl.domain.tokens import SERVICE
from irctl.records.papers import Index, Paper, Wanted

KIND = "notice"
OPEN = "open"
ITSELF = Person(SERVICE, "the clinic itself", frozenset())
"""Who writes what nobody did. It has no role, so it may do nothing that a person may."""


def tell(desk: Desk, about: str, text: str, remedy: str, priority: Priority, at: datetime) -> Notice:
    """Tell it, in place of what was told about the same before and is still open; the same words again are no news.

    Where the records cannot be written (a full disk, which is what it may be about) it is shown all the same, until this process ends.
    """
    notice = Notice(f"N-{secrets.token_hex(4)}", about, text, remedy, priority, at)
    try:
        return _written(desk, notice)
    except Refused:
        desk.unwritten[about] = notice
        return notice
    finally:
        desk.changed()


def settle(desk: Desk, about: str, because: str, at: datetime) -> None:
    """It is put right: nobody need look at it any more. Raises Refused."""
    desk.unwritten.pop(about, None)
    for paper in desk.papers.find(KIND, Wanted(parent=about, states=(OPEN,))):
        body = {**paper.body, "settled": because}
        desk.papers.amend(KIND, paper.id, paper.number, body, ITSELF, because, at, state="settled")
        desk.changed()


def open_notices(desk: Desk) -> list[Notice]:
    """The most urgent first, and of those the newest. Raises Refused."""
    written = [_notice(paper) for paper in desk.papers.find(KIND, Wanted(states=(OPEN,), newest=True))]
    known = {notice.about for notice in written}
    found = [notice for notice in desk.unwritten.values() if notice.about not in known] + written
    return sorted(found, key=lambda notice: (URGENCY.index(notice.priority), -notice.since.timestamp()))


def acknowledge(desk: Desk, acting: Acting, notice: str) -> None:
    """Somebody has seen to it, or will. Raises Refused."""
    person = acting.require(Verb.ACKNOWLEDGE)
    for about, unwritten in list(desk.unwritten.items()):
        if unwritten.id == notice:
            raise Refused([Problem("notice", about, "cannot be written down yet", unwritten.remedy)], conflict=True)
    paper = desk.papers.get(KIND, notice)
    if paper.index.state != OPEN:
        return
    body = {**paper.body, "acknowledged_by": person.login}
    desk.papers.amend(KIND, notice, paper.number, body, person, "acknowledged", acting.at, state="acknowledged")
    desk.changed()


def _written(desk: Desk, notice: Notice) -> Notice:
    told = {"text": notice.text, "remedy": notice.remedy, "priority": notice.priority}
    for paper in desk.papers.find(KIND, Wanted(parent=notice.about, states=(OPEN,))):
        if {name: paper.body[name] for name in told} != told:
            paper = desk.papers.amend(KIND, paper.id, paper.number, told, ITSELF, "told anew", notice.since)
        desk.unwritten.pop(notice.about, None)
        return _notice(paper)
    index = Index(moment=notice.since, state=OPEN, parent=notice.about)
    paper = desk.papers.new(KIND, notice.id, told, ITSELF, notice.since, index)
    desk.unwritten.pop(notice.about, None)
    return _notice(paper)


def _notice(paper: Paper) -> Notice:
    body, since = paper.body, paper.index.moment
    assert since is not None
    return Notice(paper.id, paper.index.parent or "", body["text"], body["remedy"], body["priority"], since)
