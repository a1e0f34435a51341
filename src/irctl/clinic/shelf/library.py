"""What is in force: protocols, the screening list, the template of the note. Files are the beginning; what was approved here since stands in their place.

A text that was edited here is a paper of its kind; a version of it counts once a second person has approved it. Until then, and for visits that have begun, what
was in force stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from irctl.clinic.shelf.protocol_file import parse_protocol, read_protocol
from irctl.clinic.shelf.screening_file import parse_screening, read_screening
from irctl.clinic.shelf.template_file import read_template
from irctl.documents.note_template import USUAL, NoteTemplate
from irctl.domain.electronic_signature import Version
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Approval, Protocol, name_of
from irctl.domain.screening import ScreeningList
from irctl.examples import examples
from irctl.records.papers import Papers
from irctl.toml_file import read

PROTOCOL, SCREENING, TEMPLATE = "protocol", "screening", "template"
KINDS = (PROTOCOL, SCREENING, TEMPLATE)
NOTE = "session-note"
"""The only template."""
TEXT_MAX = 60_000
"""Characters."""
DRAFT, HANDED_IN, APPROVED, RETIRED = "draft", "handed-in", "approved", "retired"


class ApprovalPart(BaseModel):
    """Who answers for it: the name as in print, and the login."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str
    login: str
    on: date


class TextBody(BaseModel):
    """One version of a text of the library. The approval stands beside the text, so that the text's hash is of what was approved."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[str, Field(max_length=TEXT_MAX)]
    state: Literal["draft", "handed-in", "approved", "retired"]
    approval: ApprovalPart | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """The newest decision over a name: approved with its text, or taken out of use."""

    number: int
    """Of the paper's version."""
    body: TextBody

    @property
    def approval(self) -> Approval | None:
        part = self.body.approval
        return None if part is None else Approval(part.by, part.on)


@dataclass(frozen=True, slots=True)
class InForce:
    """Everything that counts now. `broken`: what was approved once and cannot be read by this version of irctl; it is not used, and nothing in its place."""

    protocols: Mapping[str, Protocol]
    screening: ScreeningList | None
    template: NoteTemplate
    texts: Mapping[tuple[str, str], str]
    broken: tuple[Problem, ...]


class Library:
    """Every call raises Refused. Made anew only when some paper of it has another version."""

    def __init__(self, papers: Papers, protocols: Path, screening: Path, template: Path | None = None) -> None:
        """Reads the files, once. Raises Refused with everything that is wrong with them."""
        self._papers = papers
        template = template or examples() / "templates" / f"{NOTE}.toml"
        self._files: dict[tuple[str, str], bytes] = {
            (PROTOCOL, path.stem): read(path, PROTOCOL) for path in sorted(protocols.glob("*.toml"))
        }
        self.list_name = screening.stem
        """A clinic has one screening list, and this is its name."""
        self._files[SCREENING, self.list_name] = read(screening, SCREENING)
        self._files[TEMPLATE, NOTE] = read(template, TEMPLATE)
        for (kind, name), text in self._files.items():
            read_text(kind, name, text)
        self._made: tuple[dict[tuple[str, str], int], InForce] | None = None

    @property
    def protocols(self) -> Mapping[str, Protocol]:
        """By name."""
        return self.now().protocols

    @property
    def screening(self) -> ScreeningList:
        found = self.now().screening
        if found is None:
            raise Refused([Problem(SCREENING, self.list_name, "cannot be read any more", "Approve a corrected list")])
        return found

    def screening_of(self, label: str) -> ScreeningList | None:
        """The list that was answered under this label, in force or not any more; None where no text of it is here."""
        in_force = self.now().screening
        if in_force is not None and in_force.label == label:
            return in_force
        texts: list[tuple[bytes, Approval | None]] = [(self._files[SCREENING, self.list_name], None)]
        if (SCREENING, self.list_name) in self._papers.numbers((SCREENING,)):
            for version in self._papers.versions(SCREENING, self.list_name):
                if (body := body_of(version)).state == APPROVED and body.approval:
                    texts.append((body.text.encode(), Approval(body.approval.by, body.approval.on)))
        for text, approval in texts:
            held = parse_screening(text, self.list_name)
            if held.label == label:
                return replace(held, approval=approval or held.approval)
        return None

    @property
    def template(self) -> NoteTemplate:
        """Of the session note."""
        return self.now().template

    def protocol(self, name: str) -> Protocol:
        """By its name or its label."""
        found = self.protocols.get(name_of(name))
        if found is None:
            known = ", ".join(self.protocols) or "none"
            raise Refused([Problem("protocol", name, "is not in force here", f"Known are {known}")])
        return found

    def text(self, kind: str, name: str) -> str | None:
        """Of what is in force; None where nothing of that name is."""
        return self.now().texts.get((kind, name))

    def beginning(self, kind: str, name: str) -> str | None:
        """The file's text, whatever was decided since."""
        found = self._files.get((kind, name))
        return None if found is None else found.decode("utf-8")

    def now(self) -> InForce:
        """Everything that counts at this moment."""
        numbers = self._papers.numbers(KINDS)
        made = self._made
        if made is None or made[0] != numbers:
            made = numbers, self._make(numbers)
            self._made = made
        return made[1]

    def _make(self, numbers: Mapping[tuple[str, str], int]) -> InForce:
        texts = dict(self._files)
        approvals: dict[tuple[str, str], Approval | None] = {}
        for kind, name in numbers:
            decided = decision(self._papers.versions(kind, name))
            if decided is None:
                continue
            if decided.body.state == RETIRED:
                texts.pop((kind, name), None)
            else:
                texts[kind, name] = decided.body.text.encode()
                approvals[kind, name] = decided.approval
        broken: list[Problem] = []
        found: dict[tuple[str, str], Any] = {}
        for (kind, name), text in texts.items():
            try:
                found[kind, name] = read_text(kind, name, text)
            except Refused as refused:
                broken += refused.problems
                continue
            if approvals.get((kind, name)) is not None and kind != TEMPLATE:
                found[kind, name] = replace(found[kind, name], approval=approvals[kind, name])
        return InForce(
            {name: one for (kind, name), one in sorted(found.items()) if kind == PROTOCOL},
            found.get((SCREENING, self.list_name)),
            found.get((TEMPLATE, NOTE), USUAL),
            {key: text.decode("utf-8") for key, text in texts.items() if key in found},
            tuple(broken),
        )


Text = Protocol | ScreeningList | NoteTemplate
READERS: Mapping[str, Callable[[bytes, str], Text]] = {
    PROTOCOL: read_protocol,
    SCREENING: read_screening,
    TEMPLATE: read_template,
}
PARSERS: Mapping[str, Callable[[bytes, str], Text]] = {
    PROTOCOL: parse_protocol,
    SCREENING: parse_screening,
    TEMPLATE: read_template,
}


def read_text(kind: str, name: str, text: bytes) -> Text:
    """One way for a file and for what was edited here: form, sense, and its own tests. Raises Refused with everything that is wrong."""
    return READERS[kind](text, name)


def parse_text(kind: str, name: str, text: bytes) -> Text:
    """Its form alone, for a look at what is being written. Raises Refused."""
    return PARSERS[kind](text, name)


def body_of(version: Version) -> TextBody:
    return TextBody.model_validate(version.body)


def decision(versions: list[Version]) -> Decided | None:
    """The newest version that was approved or taken out of use; None while there are only drafts."""
    for version in reversed(versions):
        if (body := body_of(version)).state in (APPROVED, RETIRED):
            return Decided(version.number, body)
    return None
