"""One text of the library on a screen: what is in force, the draft with its form and preview, its history; and what brings a draft into force."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import time
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.drawing.icons import icon
from irctl.clinic.drawing.markup import tag
from irctl.clinic.drawing.moments import minute
from irctl.clinic.office import drafts
from irctl.clinic.office.drafts import Checked
from irctl.clinic.screens.screen import Here, card, show_empty
from irctl.clinic.shelf.library import HANDED_IN, PROTOCOL, SCREENING, TEMPLATE, Text, parse_text
from irctl.clinic.shelf.toml_writing import written
from irctl.clinic.words import dates, tr
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Approval
from irctl.records.papers import Paper

Told = dict[str, Any]
Form = Callable[["Draft"], None]
Show = Callable[[Here, Text], None]


@dataclass(slots=True)
class Draft:
    """What is being written on this screen. `told`: what the form holds; None while the text is no TOML. `saved`: the version that it was saved as."""

    text: str
    saved: int
    changed: Callable[[], None]
    told: Told = field(default_factory=dict[str, Any])
    dirty: bool = False

    def typed(self, text: str) -> None:
        """In the text itself."""
        self.text, self.dirty = text, True
        self.changed()

    def filled(self) -> None:
        """In the form, which has put it into `told`."""
        self.text, self.dirty = written(self.told), True
        self.changed()


class Shelf:
    """The page of one text. `form` draws the fields of a draft, `show` what a text says."""

    def __init__(self, here: Here, kind: str, name: str, form: Form, show: Show) -> None:
        self._here, self._kind, self._name, self._form, self._show = here, kind, name, form, show
        self._verb = drafts.EDITING[kind]
        self._view = "draft" if drafts.draft_of(here.desk, kind, name) else "now"
        self._as_text = False
        self._draft: Draft | None = None

    def draw(self) -> None:
        """Everything under the page's own heading."""
        with ui.element("div") as self._box:
            self._fill()

    def _again(self, view: str | None = None) -> None:
        if view is not None:
            self._view = view
        self._box.clear()
        with self._box:
            self._fill()

    def _fill(self) -> None:
        paper = drafts.draft_of(self._here.desk, self._kind, self._name)
        if self._view == "draft" and paper is None:
            self._view = "now"
        self._choices(paper)
        match self._view:
            case "now":
                self._now()
            case "draft":
                assert paper is not None
                self._drafted(paper)
            case _:
                self._history()

    def _choices(self, paper: Paper | None) -> None:
        views = [("now", tr("In force"))]
        if paper is not None:
            views.append(("draft", tr("Handed in") if paper.index.state == HANDED_IN else tr("Draft")))
        views.append(("history", tr("History")))
        with ui.element("div").classes("buttons choosing"):
            for view, title in views:
                chosen = "chosen" if view == self._view else ""
                ui.button(title, on_click=partial(self._again, view)).classes(chosen).props(
                    f"aria-pressed={'true' if chosen else 'false'}"
                )
            ui.element("div").classes("grow")
            if paper is None and self._here.may(self._verb):
                ui.button(tr("Write a new version"), on_click=self._begin).classes("primary")

    async def _begin(self) -> None:
        if await self._do(drafts.begin, self._kind, self._name):
            self._again("draft")

    # --- in force ---------------------------------------------------------------------------------------------------------

    def _now(self) -> None:
        desk = self._here.desk
        text = desk.library.text(self._kind, self._name)
        if text is None:
            show_empty(tr("Not in force"), tr("Nothing of this name is used until a second person approves it."))
            return
        now = desk.library.now()
        found: Text = parse_text(self._kind, self._name, text.encode())
        if self._kind == PROTOCOL and self._name in now.protocols:
            found = now.protocols[self._name]
        elif self._kind == SCREENING and now.screening is not None:
            found = now.screening
        if self._kind != TEMPLATE:
            stands(getattr(found, "approval", None))
        self._show(self._here, found)

    # --- the draft --------------------------------------------------------------------------------------------------------

    def _drafted(self, paper: Paper) -> None:
        text = str(paper.body["text"])
        waits = paper.index.state == HANDED_IN
        if waits:
            with ui.element("div").classes("example"):
                ui.html(icon("warn"), sanitize=False)
                ui.label(
                    tr(
                        "Handed in by {by}. Not in force until somebody approves it who wrote none of it.",
                        by=paper.version.by,
                    )
                )
        elif paper.version.reason.startswith("sent back"):
            with ui.element("div").classes("example"):
                ui.html(icon("warn"), sanitize=False)
                ui.label(f"{paper.version.by}: {paper.version.reason}")
        if waits or not self._here.may(self._verb):
            self._decide(paper, waits=waits)
            self._preview(text, first=True)
            return
        draft = Draft(text, paper.number, lambda: None)
        self._draft = draft
        draft.told = _told(text) or {}
        self._buttons()
        with ui.element("div").classes("wide-left"):
            with ui.element("div"):
                self._editor(draft)
            with ui.element("div").classes("seen") as preview:
                self._preview(text)

        def changed() -> None:
            preview.clear()
            with preview:
                self._preview(draft.text)

        draft.changed = changed

    def _buttons(self) -> None:
        with ui.element("div").classes("buttons choosing"):
            ui.button(tr("Save the draft"), on_click=self._save)
            ui.button(tr("Hand in for approval"), on_click=self._hand_in).classes("primary")
            other = tr("Edit as a form") if self._as_text else tr("Edit as text")
            ui.button(other, on_click=self._switch).classes("quiet")

    def _editor(self, draft: Draft) -> None:
        if self._as_text or not draft.told:
            with card(tr("The text")):
                ui.label(tr("TOML. This text is what is approved, and its hash is the version's name.")).classes("soft")
                area = ui.textarea(value=draft.text).props('outlined debounce=400 spellcheck=false aria-label="TOML"')
                area.classes("code fill").on_value_change(lambda event: draft.typed(event.value or ""))
        else:
            self._form(draft)

    async def _switch(self) -> None:
        """What was typed is kept: saved first."""
        if await self._save():
            self._as_text = not self._as_text
            self._again("draft")

    async def _save(self) -> bool:
        draft = self._draft
        assert draft is not None
        if not draft.dirty:
            return True

        async def work(acting: Any) -> None:
            done = await self._here.desk.run(
                drafts.save, self._here.desk, acting, self._kind, self._name, draft.saved, draft.text
            )
            draft.saved, draft.dirty = done.number, False

        return await self._here.do(work, said=tr("Draft saved"))

    async def _hand_in(self) -> None:
        draft = self._draft
        assert draft is not None
        if await self._save() and await self._do(drafts.hand_in, self._kind, self._name, draft.saved):
            self._again("draft")

    def _decide(self, paper: Paper, *, waits: bool) -> None:
        here, versions = self._here, self._here.desk.papers.versions(self._kind, self._name)
        wrote = here.visitor.login in drafts.writers(versions)
        with ui.element("div").classes("buttons choosing"):
            if waits and wrote:
                ui.label(tr("You wrote some of it: somebody else approves it.")).classes("soft")
            elif waits and here.may(Verb.APPROVE_PROTOCOL):
                ui.button(tr("Approve…"), on_click=lambda: self._ask_password(paper)).classes("primary")
            if waits and here.may(self._verb):
                ui.button(tr("Send back…"), on_click=lambda: self._ask_reason(paper))

    def _ask_password(self, paper: Paper) -> None:
        with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack fill"):
            ui.html(f"<h2>{escape(tr('Approve {name}', name=self._name))}</h2>", sanitize=False)
            ui.label(
                tr("You answer for it in this clinic. It is in force at once, for every visit that begins from now on.")
            )
            password = ui.input(tr("Your password"), password=True).props("outlined autocomplete=current-password")

            async def approve() -> None:
                told = (self._kind, self._name, paper.number, password.value or "", time.monotonic())
                if await self._do(drafts.approve_typed, *told):
                    ui.navigate.reload()

            with ui.element("div").classes("buttons"):
                ui.button(tr("Sign: approved"), on_click=approve).classes("primary")
                ui.button(tr("Cancel"), on_click=dialog.close).classes("quiet")

    def _ask_reason(self, paper: Paper) -> None:
        def send(reason: str) -> Awaitable[bool]:
            return self._do(drafts.send_back, self._kind, self._name, paper.number, reason)

        ask_reason(tr("Send back"), tr("What is to be changed?"), send, lambda: self._again("draft"))

    async def _do(self, service: Callable[..., Any], *told: Any, said: str = "") -> bool:
        return await self._here.do(
            lambda acting: self._here.desk.run(service, self._here.desk, acting, *told), said=said
        )

    # --- preview and history ----------------------------------------------------------------------------------------------

    def _preview(self, text: str, *, first: bool = False) -> None:
        """`first`: what changes stands above all that it says, for who decides over it."""
        checked = drafts.check(self._here.desk, self._kind, self._name, text)
        with card(tr("Checked")):
            _checked(checked)
        if first:
            self._changes(text)
        if checked.found is not None:
            try:
                self._show(self._here, checked.found)
            except Refused as refused:
                show_empty(refused.problems[0].limit, refused.problems[0].remedy)
        if not first:
            self._changes(text)

    def _changes(self, text: str) -> None:
        """Against what is in force."""
        now = self._here.desk.library.text(self._kind, self._name)
        if now is not None and (lines := drafts.compared(now, text)):
            with card(tr("What changes")):
                ui.html(_diff(lines), sanitize=False)

    def _history(self) -> None:
        editions = drafts.history(self._here.desk, self._kind, self._name)
        if not editions:
            show_empty(tr("As it came"), tr("Nothing was changed here since the file."))
        for edition in editions:
            with card():
                at = minute(edition.at, self._here.desk.zone)
                tone, sign = {"approved": ("good", "check"), "retired": ("bad", "no")}.get(
                    edition.state, ("live", "pen")
                )
                ui.html(
                    f'<div class="row"><span class="title">{edition.number}</span>{tag(tone, sign, tr(edition.state))}'
                    f'<span class="soft">{escape(edition.by)}, {at}</span><span class="grow">{escape(edition.reason)}</span></div>{_diff(edition.diff)}',
                    sanitize=False,
                )


def stands(approval: Approval | None) -> None:
    """Whose it is, so that nobody misses it."""
    tone, sign = ("", "warn") if approval is None else ("fine", "check")
    ui.html(f'<div class="example {tone}">{icon(sign)}{escape(standing_of(approval))}</div>', sanitize=False)


def standing_of(approval: Approval | None) -> str:
    """In the language of whoever looks."""
    if approval is None:
        return tr("EXAMPLE, to be approved by your clinic")
    return tr("approved by {by}, {on}", by=approval.by, on=dates.compact(approval.on))


def ask_reason(title: str, question: str, do: Callable[[str], Awaitable[bool]], then: Callable[[], None]) -> None:
    """A dialog for what needs a reason."""
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack fill"):
        ui.html(f"<h2>{escape(title)}</h2>", sanitize=False)
        reason = ui.textarea(question).props("outlined autogrow maxlength=400")

        async def done() -> None:
            if await do(reason.value or ""):
                dialog.close()
                then()

        with ui.element("div").classes("buttons"):
            ui.button(title, on_click=done).classes("primary")
            ui.button(tr("Cancel"), on_click=dialog.close).classes("quiet")


def _told(text: str) -> Told | None:
    """What a form can hold; None where the text is no TOML, or has what a form would lose."""
    try:
        told = tomllib.loads(text)
        return told if tomllib.loads(written(told)) == told else None
    except (tomllib.TOMLDecodeError, TypeError):
        return None


def _checked(checked: Checked) -> None:
    if not checked.problems:
        said = tr("It holds together, and all tests of its own pass.")
        ui.html(
            f'<ul class="checks"><li class="good">{icon("check")}<span>{escape(said)}</span></li></ul>', sanitize=False
        )
        return
    rows = "".join(f'<li class="bad">{icon("no")}<span>{_problem(problem)}</span></li>' for problem in checked.problems)
    ui.label(tr("Can be saved, not handed in:")).classes("soft")
    ui.html(f'<ul class="checks" role="status">{rows}</ul>', sanitize=False)


def _problem(problem: Problem) -> str:
    value = "" if problem.value in (None, "") else f" ({str(problem.value)[:80]})"
    part, _, number = problem.field.partition(".")
    field = tr("test {number}", number=int(number) + 1) if part == "expect" and number.isdigit() else problem.field
    return escape(f"{field}{value}: {problem.limit}. {problem.remedy}.")


def _diff(lines: tuple[str, ...]) -> str:
    if not lines:
        return ""
    tags = {"+": "ins", "-": "del"}
    rows = "".join(f"<{(tag := tags.get(line[:1], 'span'))}>{escape(line)}</{tag}>" for line in lines)
    return f'<div class="diff">{rows}</div>'
