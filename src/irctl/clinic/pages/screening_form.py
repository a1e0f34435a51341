"""A screening list as a form: its questions one by one, each with the list's own test of it; how many touches of hot and cold."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.drawing.markup import tag
from irctl.clinic.pages.protocol_form import number, text
from irctl.clinic.pages.shelf import Draft
from irctl.clinic.screens.screen import card
from irctl.clinic.words import tr
from irctl.domain.screening import Kind, Result

Row = dict[str, Any]
TAGS = {Kind.CONTRAINDICATION: ("bad", "no", "forbids"), Kind.PRECAUTION: ("warn", "warn", "precaution")}


def screening_form(draft: Draft) -> None:
    """Sources, and tests of more than one answer, are edited as text."""
    told = draft.told
    told.setdefault("sensation", {})
    told.setdefault("items", [])
    told.setdefault("expect", [])
    with card(tr("The list")), ui.element("div").classes("stack fill"):
        text(draft, told, "title", tr("Title"))
        text(draft, told, "written_by", tr("Written by"))
    with card(tr("Questions")):
        box = ui.element("div").classes("list")

        def fill() -> None:
            box.clear()
            with box:
                for at, item in enumerate(told["items"]):
                    _entry(draft, item, at, fill)
                ui.button(tr("Add a question"), on_click=lambda: _Question(draft, None, fill).open())

        fill()
    with card(tr("Hot and cold")), ui.element("div").classes("entries"):
        number(draft, told["sensation"], "trials_min", tr("Touches at least"))
        number(draft, told["sensation"], "errors_max", tr("Wrong at most"))


def _entry(draft: Draft, item: Row, at: int, again: Any) -> None:
    tone, sign, word = TAGS.get(item.get("kind", ""), TAGS[Kind.PRECAUTION])
    with ui.element("div").classes("item tall"):
        ui.html(
            f'<span class="title">{escape(str(item.get("asks", "")))}</span><br><span class="soft small">{escape(str(item.get("key", "")))}</span>',
            sanitize=False,
        ).classes("grow")
        ui.html(tag(tone, sign, tr(word)), sanitize=False)
        ui.button(tr("Change"), on_click=lambda: _Question(draft, at, again).open()).classes("quiet")


class _Question:
    """A dialog for one question; nothing of it counts until it is taken over."""

    def __init__(self, draft: Draft, at: int | None, again: Any) -> None:
        self._draft, self._at, self._again = draft, at, again
        items: list[Row] = draft.told["items"]
        known = next(iter(draft.told.get("sources", {})), "")
        self._item: Row = {"key": "", "kind": "contraindication", "asks": "", "advice": "", "source": known}
        if at is not None:
            self._item = dict(items[at])
        self._was = str(self._item["key"])

    def open(self) -> None:
        """Draws it."""
        item = self._item
        answers = {"yes": tr("Yes"), "no": tr("No")}
        with (
            ui.dialog(value=True).props("persistent") as dialog,
            ui.element("div").classes("card stack fill question-form"),
        ):
            ui.html(f"<h2>{escape(tr('Question'))}</h2>", sanitize=False)
            asks = ui.textarea(tr("What is asked"), value=item["asks"]).props("outlined autogrow maxlength=400")
            advice = ui.textarea(tr("What to do about the dangerous answer"), value=item["advice"])
            advice.props("outlined autogrow maxlength=400")
            with ui.element("div").classes("entries"):
                key = ui.input(tr("Key: small letters, hyphens"), value=item["key"]).props("outlined maxlength=40")
                kind = ui.select(
                    {"contraindication": tr("forbids"), "precaution": tr("precaution")},
                    label=tr("Kind"),
                    value=item["kind"],
                ).props("outlined")
                dangerous = ui.select(answers, label=tr("Dangerous answer"), value=item.get("dangerous", "yes"))
                dangerous.props("outlined")
                source = ui.select(
                    [*self._draft.told.get("sources", {})], label=tr("Source"), value=item["source"] or None
                ).props("outlined")
                test = ui.select(answers, label=tr("Test: forbids alone"), value=self._tested(), clearable=True)
                test.props("outlined")
            never = ui.checkbox(tr("Nobody may override it"), value=bool(item.get("absolute")))

            def take() -> None:
                told = {
                    "key": (key.value or "").strip(),
                    "kind": kind.value,
                    "asks": asks.value or "",
                    "advice": advice.value or "",
                    "source": source.value or "",
                    "dangerous": dangerous.value,
                    "absolute": bool(never.value),
                }
                dialog.close()
                self._take(told, test.value)

            def remove() -> None:
                dialog.close()
                self._take(None, None)

            with ui.element("div").classes("buttons"):
                ui.button(tr("Take over"), on_click=take).classes("primary")
                if self._at is not None:
                    ui.button(tr("Remove the question"), on_click=remove).classes("danger")
                ui.button(tr("Cancel"), on_click=dialog.close).classes("quiet")

    def _alone(self) -> list[Row]:
        tests: list[Row] = self._draft.told["expect"]
        return [one for one in tests if list(one.get("answers", {})) == [self._was] and not one.get("errors")]

    def _tested(self) -> str | None:
        """The answer that the list's own test says must forbid the treatment by itself."""
        found = (one["answers"][self._was] for one in self._alone() if one.get("result") == Result.MUST_NOT)
        return next(found, None)

    def _take(self, told: Row | None, forbids: str | None) -> None:
        items: list[Row] = self._draft.told["items"]
        tests: list[Row] = self._draft.told["expect"]
        for one in self._alone():
            if one.get("result") == Result.MUST_NOT:
                tests.remove(one)
        if told is None:
            if self._at is not None:
                del items[self._at]
        elif self._at is None:
            items.append(told)
        else:
            items[self._at] = told
        if told is not None and forbids:
            tests.append({"answers": {told["key"]: forbids}, "result": str(Result.MUST_NOT)})
        self._draft.filled()
        self._again()
