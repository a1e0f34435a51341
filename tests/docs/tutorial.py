"""The numbered steps of a page, as a script for a browser: what is bold is pressed, what is italic is the question or field, what is code is typed or seen.

**Treat**                        press it: a button that begins so, or a link that says so; at what was seen first in this step, else the first on the page
*Skin* **As before**             of the question whose words begin so (or have it in them), this answer
*every other question* **No**    of each question that has no answer yet and offers this one
*Distance, cm* `50`              type into the field
`born 4 May 1961`                it is there to be read
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docs.pages import Page

if TYPE_CHECKING:
    from markdown_it.token import Token
    from playwright.sync_api import Download, Locator
    from playwright.sync_api import Page as Screen

EVERY_OTHER = "every other question"
WAIT_MS = 30_000
"""Of a screen, on a busy computer."""
LIGHT_MS = 150_000
"""Until something is offered that comes after the checks, the light or its record."""


@dataclass(frozen=True)
class Press:
    name: str


@dataclass(frozen=True)
class Answer:
    question: str
    name: str


@dataclass(frozen=True)
class Type:
    field: str
    text: str


@dataclass(frozen=True)
class See:
    text: str


SHOWN = """text => {
    const bare = (words) => words.replace(/\\s+/g, "");
    const inside = [...document.querySelectorAll("*")].flatMap(one => one.shadowRoot ? [...one.shadowRoot.children] : []);
    return [document.body, ...inside].some(one => bare(one.innerText ?? "").includes(bare(text)));
}"""
"""Whether a person can read it on the page, spaces and lines aside: a figure and its unit are often two things."""
TURNS_MS = 700
"""A page that is about to be another one is not pressed on."""

Act = Press | Answer | Type | See


@dataclass(frozen=True)
class Step:
    """One numbered step, under its section's heading."""

    section: str
    number: int
    acts: tuple[Act, ...]


def steps(page: Page) -> Iterator[Step]:
    """In the order of the page."""
    section, number, depth = "", 0, 0
    for before, token in zip([None, *page.tokens], page.tokens, strict=False):
        if token.type == "inline" and before is not None and before.type == "heading_open":
            section = token.content
        elif token.type == "ordered_list_open":
            depth, number = depth + 1, 0
        elif token.type == "ordered_list_close":
            depth -= 1
        elif token.type == "list_item_open" and depth:
            number += 1
        elif token.type == "inline" and depth:
            yield Step(section, number, tuple(_acts(token.children or [])))


def _acts(children: list[Token]) -> Iterator[Act]:
    kind, question = "", ""
    for child in children:
        if child.type in ("em_open", "strong_open"):
            kind = child.type.removesuffix("_open")
        elif child.type in ("em_close", "strong_close"):
            kind = ""
        elif child.type == "code_inline":
            yield Type(question, child.content) if question else See(child.content)
            question = ""
        elif kind == "em":
            question = child.content
        elif kind == "strong":
            yield Answer(question, child.content) if question else Press(child.content)
            question = ""


class Player:
    """Follows the steps on one screen. What a browser saves is kept in `folder`."""

    def __init__(self, screen: Screen, folder: Path) -> None:
        self.screen, self.folder = screen, folder
        self.saved: list[Path] = []
        self._near = ""
        screen.on("download", lambda download: self.saved.append(self._keep(download)))

    def follow(self, step: Step) -> None:
        """Raises AssertionError or playwright's time-out where the screen is not as the page says."""
        self._near = ""
        for act in step.acts:
            self.screen.wait_for_function("window.socket?.connected")  # what is done before that is lost
            match act:
                case See(text):
                    self.screen.wait_for_function(SHOWN, arg=text, timeout=LIGHT_MS)
                    self._near = self._near or text
                case Type(field, text):
                    self.screen.get_by_label(field, exact=True).last.fill(text, timeout=WAIT_MS)
                case Answer(question, name) if question == EVERY_OTHER:
                    self._answer_all(name)
                case Answer(question, name):
                    self._answer(question, name)
                case Press(name):
                    self._press(name)

    def wait_for_a_file(self) -> None:
        """What the last step saves may still be in the making."""
        left_ms = WAIT_MS
        while not self.saved and left_ms > 0:
            self.screen.wait_for_timeout(TURNS_MS)
            left_ms -= TURNS_MS

    def _press(self, name: str) -> None:
        offered = self._offered(name)
        offered.first.wait_for(timeout=LIGHT_MS)
        near = self.screen.locator("li, section, tr").filter(has_text=self._near or name).filter(has=offered)
        (near.last.locator(offered) if self._near and near.count() else offered).first.click(timeout=WAIT_MS)
        self.screen.wait_for_timeout(TURNS_MS)

    def _offered(self, name: str) -> Locator:
        begins = re.compile(rf"^\W*{re.escape(name)}(?!\w)")  # a sign may stand before it
        return self.screen.get_by_role("button", name=begins).or_(self.screen.get_by_role("link", name=name))

    def _answer(self, question: str, name: str) -> None:
        groups = self.screen.get_by_role("radiogroup", name=question)
        groups.first.wait_for(timeout=LIGHT_MS)
        for group in groups.all():
            self._choose(group, name)

    def _answer_all(self, name: str) -> None:
        for group in self.screen.get_by_role("radiogroup").all():
            answered = group.get_by_role("radio", checked=True).count()
            if not answered and group.get_by_role("radio", name=name, exact=True).count():
                self._choose(group, name)

    def _choose(self, group: Locator, name: str) -> None:
        group.get_by_role("radio", name=name, exact=True).click(timeout=WAIT_MS)

    def _keep(self, download: Download) -> Path:
        path = self.folder / download.suggested_filename
        download.save_as(path)
        return path
