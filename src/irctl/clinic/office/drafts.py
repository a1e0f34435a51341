"""Editing the library: a draft is begun from what is in force, saved as often as one likes, handed in when it holds, and approved by somebody who wrote none of it.

Who wrote it: everybody who saved it since the last approval. A text in force is never changed: the next version of it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import unified_diff

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.clinic.shelf.library import (
    APPROVED,
    DRAFT,
    HANDED_IN,
    NOTE,
    PROTOCOL,
    RETIRED,
    SCREENING,
    TEMPLATE,
    TEXT_MAX,
    ApprovalPart,
    Text,
    TextBody,
    body_of,
    decision,
    parse_text,
    read_text,
)
from irctl.clinic.shelf.toml_writing import written
from irctl.domain.electronic_signature import Meaning, Reauthentication, Signature, Version, signed
from irctl.domain.people import Person, Verb
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Approval, Protocol, problems_with_protocol
from irctl.domain.screening import ScreeningList, problems_with_list
from irctl.records.papers import Index, Paper, Wanted

EDITING: Mapping[str, Verb] = {
    PROTOCOL: Verb.EDIT_PROTOCOL,
    SCREENING: Verb.EDIT_PROTOCOL,
    TEMPLATE: Verb.EDIT_TEMPLATE,
}
NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_APPROVAL = re.compile(r"^\[approval\][^\n]*\n(?:(?!\[)[^\n]*\n?)*|^approval\s*=[^\n]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a text is, and everything that does not hold; `found` is None where it does not even have the form."""

    found: Text | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of a paper, as its history shows it. `diff`: its lines against the version before, as `diff -u` writes them."""

    number: int
    state: str
    by: str
    at: datetime
    reason: str
    diff: tuple[str, ...]


# --- looking --------------------------------------------------------------------------------------------------------------


def draft_of(desk: Desk, kind: str, name: str) -> Paper | None:
    """What is being written or waits for its approval; None where there is nothing of the kind."""
    found = paper_of(desk, kind, name)
    return found if found is not None and found.index.state in (DRAFT, HANDED_IN) else None


def paper_of(desk: Desk, kind: str, name: str) -> Paper | None:
    """None while only the file is there."""
    return desk.papers.get(kind, name) if (kind, name) in desk.papers.numbers([kind]) else None


def waiting(desk: Desk) -> list[Paper]:
    """What was handed in and waits for a second person, oldest first."""
    return [paper for kind in EDITING for paper in desk.papers.find(kind, Wanted(states=[HANDED_IN]))]


def check(desk: Desk, kind: str, name: str, text: str) -> Checked:
    """Form, sense, its own tests, and whether its version follows what was approved last."""
    problems: list[Problem] = []
    found = None
    try:
        found = parse_text(kind, name, text.encode())
        read_text(kind, name, text.encode())
    except Refused as refused:
        problems += refused.problems
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return Checked(found, tuple(problems))
    if "approval" in told:
        limit = "is not written into the text here"
        problems.append(Problem("approval", None, limit, "Remove it: a second person approves it on this page"))
    wanted = next_version(desk, kind, name)
    if told.get("version") != wanted and isinstance(told.get("version"), int):
        limit = f"does not follow: the next version of {name} is {wanted}"
        problems.append(Problem("version", told["version"], limit, f"Write version = {wanted}"))
    return Checked(found, tuple(problems))


def next_version(desk: Desk, kind: str, name: str) -> int:
    """One more than was approved last, here or in the file; 1 for a new name."""
    paper = paper_of(desk, kind, name)
    decided = decision(desk.papers.versions(kind, name)) if paper else None
    before = decided.body.text if decided else desk.library.beginning(kind, name)
    return 1 if before is None else 1 + int(tomllib.loads(before)["version"])


def writers(versions: Sequence[Version]) -> frozenset[str]:
    """Logins of everybody who changed the text since the last decision; to send it back unchanged is not to write."""
    decided = decision(list(versions))
    since, text, found = decided.number if decided else 0, "", set[str]()
    for version in versions:
        body = body_of(version)
        if version.number > since and body.text != text:
            found.add(version.by)
        text = body.text
    return frozenset(found)


def history(desk: Desk, kind: str, name: str) -> list[Edition]:
    """Newest first; the first is compared with the file that it began from."""
    versions = desk.papers.versions(kind, name) if paper_of(desk, kind, name) else []
    before, editions = desk.library.beginning(kind, name) or "", list[Edition]()
    for version in versions:
        body = body_of(version)
        told = Edition(
            version.number, body.state, version.by, version.made_at, version.reason, compared(before, body.text)
        )
        editions.append(told)
        before = body.text
    return editions[::-1]


def compared(before: str, after: str) -> tuple[str, ...]:
    """Line by line, without the names of files. Against what a form has written, without the comments that it cannot hold."""
    if _by_form(after) == after:
        before = _by_form(before)
    return tuple(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))[2:]


def _by_form(text: str) -> str:
    """As a form would write it; as it is where that cannot be."""
    try:
        return written(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, TypeError):
        return text


# --- writing --------------------------------------------------------------------------------------------------------------


def begin(desk: Desk, acting: Acting, kind: str, name: str) -> Paper:
    """A draft of the next version, from what is in force; the one that is there already, if there is one. Raises Refused."""
    person = acting.require(EDITING[kind])
    if (there := draft_of(desk, kind, name)) is not None:
        return there
    text = desk.library.text(kind, name) or desk.library.beginning(kind, name)
    paper = paper_of(desk, kind, name)
    if text is None and paper is not None:
        text = str(paper.body["text"])
    if text is None:
        raise Refused([Problem(kind, name, "is not here", "Begin a new one, from another")])
    fresh = headed(text, name, next_version(desk, kind, name), person.name)
    return _written(desk, acting, person, kind, name, paper, fresh, "a new version begun")


def create(desk: Desk, acting: Acting, name: str, like: str) -> Paper:
    """A draft of a new protocol, from another that is in force. Raises Refused."""
    person = acting.require(Verb.EDIT_PROTOCOL)
    if not NAME.fullmatch(name):
        raise Refused([Problem("name", name, "is not small letters, figures and hyphens", "Such as `luminous-knee`")])
    if desk.library.beginning(PROTOCOL, name) or paper_of(desk, PROTOCOL, name):
        raise Refused([Problem("name", name, "is a protocol already", "Take another name")])
    text = desk.library.text(PROTOCOL, like)
    if text is None:
        raise Refused([Problem("protocol", like, "is not in force here", "Begin from another")])
    return _written(desk, acting, person, PROTOCOL, name, None, headed(text, name, 1, person.name), "")


def bring(desk: Desk, acting: Acting, kind: str, name: str, text: str) -> Paper:
    """A text from a file, as a draft: new, or in place of what is in force once it is approved. Raises Refused."""
    person = acting.require(EDITING[kind])
    if not NAME.fullmatch(name) or (kind == SCREENING and name != desk.library.list_name) or (
        kind == TEMPLATE and name != NOTE
    ):  # fmt: skip
        only = {SCREENING: desk.library.list_name, TEMPLATE: NOTE}.get(kind, "small letters, figures and hyphens")
        raise Refused([Problem("name", name, f"is no name of a {kind} here", f"Take {only}")])
    paper = paper_of(desk, kind, name)
    if paper is not None and paper.index.state in (DRAFT, HANDED_IN):
        return save(desk, acting, kind, name, paper.number, text)
    return _written(desk, acting, person, kind, name, paper, text, "from a file")


def save(desk: Desk, acting: Acting, kind: str, name: str, number: int, text: str) -> Paper:
    """The draft's next text, whether or not it holds yet. Refused where somebody saved another in between."""
    person = acting.require(EDITING[kind])
    paper = desk.papers.get(kind, name)
    if paper.index.state not in (DRAFT, HANDED_IN):
        raise Refused([Problem(kind, name, "is no draft any more", "Begin a new version of it")], conflict=True)
    if paper.index.state == DRAFT and paper.number == number and paper.body["text"] == text:
        return paper
    return _written(desk, acting, person, kind, name, paper, text, "edited", number)


def hand_in(desk: Desk, acting: Acting, kind: str, name: str, number: int) -> Paper:
    """Ask a second person for the approval. Raises Refused with everything that does not hold."""
    person = acting.require(EDITING[kind])
    paper, body = _at(desk, kind, name, DRAFT)
    if problems := check(desk, kind, name, body.text).problems:
        raise Refused(problems)
    told = body.model_copy(update={"state": HANDED_IN})
    return _amended(desk, acting, person, paper, told, "handed in", number)


def send_back(desk: Desk, acting: Acting, kind: str, name: str, number: int, reason: str) -> Paper:
    """It is not approved as it is; a draft again, with the reason. Raises Refused."""
    person = acting.require(EDITING[kind])
    paper, body = _at(desk, kind, name, HANDED_IN)
    if not reason.strip():
        raise Refused([Problem("reason", reason, "is empty", "Say what is to be changed")])
    told = body.model_copy(update={"state": DRAFT})
    return _amended(desk, acting, person, paper, told, f"sent back: {reason.strip()}", number)


def approve(desk: Desk, acting: Acting, kind: str, name: str, number: int, proof: Reauthentication | None) -> Signature:
    """Signed by a second person, and in force from now on for every visit that begins. Raises Refused with every reason."""
    versions = desk.papers.versions(kind, name)
    person = acting.require(Verb.APPROVE_PROTOCOL, took_part=writers(versions))
    paper, body = _at(desk, kind, name, HANDED_IN)
    checked = check(desk, kind, name, body.text)
    part = ApprovalPart(by=person.name, login=person.login, on=acting.at.date())
    problems = [*checked.problems, *_problems_with_approved(checked, Approval(part.by, part.on))]
    if paper.number != number:
        limit = f"is not what waits for approval: version {paper.number} is"
        problems.append(Problem("version", number, limit, "Look at it again, then decide"))
    if problems:
        raise Refused(problems)
    # First the signature under what was shown; without it nothing comes into force.
    signature = signed(paper.version, person, Meaning.APPROVED, proof, max(acting.at, paper.version.made_at))
    desk.papers.sign(kind, name, signature)
    told = body.model_copy(update={"state": APPROVED, "approval": part})
    _amended(desk, acting, person, paper, told, "approved", number)
    return signature


def approve_typed(
    desk: Desk, acting: Acting, kind: str, name: str, number: int, password: str, now_s: float
) -> Signature:
    """The approval with the password just typed. Raises Refused."""
    acting.require(Verb.APPROVE_PROTOCOL, took_part=writers(desk.papers.versions(kind, name)))
    assert acting.person is not None
    proof = desk.accounts.reauthenticate(acting.person.login, password, acting.at, now_s)
    return approve(desk, acting, kind, name, number, proof)


def retire(desk: Desk, acting: Acting, name: str, reason: str) -> Paper:
    """Take a protocol out of use: no visit begins by it from now on. Raises Refused while a draft of it is open."""
    person = acting.require(Verb.EDIT_PROTOCOL)
    text = desk.library.text(PROTOCOL, name)
    if text is None:
        raise Refused([Problem("protocol", name, "is not in force here", "Nothing to take out of use")])
    if not reason.strip():
        raise Refused([Problem("reason", reason, "is empty", "Say why: it goes into the record")])
    if draft_of(desk, PROTOCOL, name) is not None:
        remedy = "Have the draft approved or taken further first"
        raise Refused([Problem("protocol", name, "is being edited", remedy)], conflict=True)
    body, paper = TextBody(text=text, state=RETIRED), paper_of(desk, PROTOCOL, name)
    if paper is None:
        told = body.model_dump(mode="json")
        return desk.papers.new(PROTOCOL, name, told, person, acting.at, Index(moment=acting.at, state=RETIRED))
    return _amended(desk, acting, person, paper, body, reason, paper.number)


def headed(text: str, name: str, version: int, written_by: str) -> str:
    """The text with another head, everything else and its comments as they were: whose it is and which version. An approval in it is left out."""
    text = _APPROVAL.sub("", text)
    said = {"name": f'"{name}"', "version": str(version), "written_by": f'"{_quotable(written_by)}"'}
    for key, value in said.items():
        line = f"{key} = {value}"
        text = re.sub(rf"^{key}[ \t]*=[^\n]*$", lambda _, line=line: line, text, count=1, flags=re.MULTILINE)
    return text


def _quotable(name: str) -> str:
    return "".join(sign for sign in name if sign.isprintable() and sign not in '"\\')


def _problems_with_approved(checked: Checked, approval: Approval) -> list[Problem]:
    """As it will be: with its approval."""
    match checked.found:
        case Protocol():
            return problems_with_protocol(replace(checked.found, approval=approval))
        case ScreeningList():
            return problems_with_list(replace(checked.found, approval=approval))
        case _:
            return []


def _at(desk: Desk, kind: str, name: str, state: str) -> tuple[Paper, TextBody]:
    paper = desk.papers.get(kind, name)
    if paper.index.state != state:
        limit = f"is {paper.index.state}, not {state}"
        raise Refused([Problem(kind, name, limit, "Look at it again")], conflict=True)
    return paper, body_of(paper.version)


def _written(
    desk: Desk,
    acting: Acting,
    person: Person,
    kind: str,
    name: str,
    paper: Paper | None,
    text: str,
    reason: str,
    number: int | None = None,
) -> Paper:
    if len(text) > TEXT_MAX:
        raise Refused([Problem("text", len(text), f"is longer than {TEXT_MAX} characters", "Shorten it")])
    body = TextBody(text=text, state=DRAFT)
    if paper is None:
        told = body.model_dump(mode="json")
        return desk.papers.new(kind, name, told, person, acting.at, Index(moment=acting.at, state=DRAFT))
    return _amended(desk, acting, person, paper, body, reason, paper.number if number is None else number)


def _amended(
    desk: Desk, acting: Acting, person: Person, paper: Paper, body: TextBody, reason: str, number: int
) -> Paper:
    told, state = body.model_dump(mode="json"), body.state
    return desk.papers.amend(
        paper.kind, paper.id, number, told, person, reason, acting.at, moment=acting.at, state=state
    )
