"""The documentation as a test sees it: pages, their blocks of code, and what comments say about each.

A comment stands directly above its block; several may stand there, one a line.

    <!-- world: bench -->              near a page's top: what its shell lines need (tests/docs/worlds.py)
    <!-- world: bench -->              above a block: it is run at the station of the page's own station.toml, in virtual time
    <!-- not run: needs systemd -->    a block that no test can run: one of `REASONS`, and more words after a semicolon
    <!-- file: station.toml -->        the block is this file, written where the page's commands run
    <!-- kind: station -->             a file in TOML: which program reads it (tests/docs/files.py)
    <!-- stays: is served at -->       the block's last command goes on beside what follows, once it has said this
    <!-- exit code: 3 -->              the block's last command is meant to be refused
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NO_INSTRUCTIONS = ("decisions",)
"""Folders of docs that tell what was, not what to do."""

LANGUAGES = ("sh", "console", "toml", "json", "python", "typst")
SHOWN = ("text", "mermaid")
"""Blocks that only show something. None of their lines may be a command."""
DIRECTIVE = "{"
"""So begins what is meant for the program that makes the site."""
REASONS = (
    "needs hardware",
    "needs systemd",
    "needs Windows",
    "needs a network service",
    "list of commands",
)
"""Why a block is not run. Each command of a list of commands must be run in another block, and a test sees to that."""
MARKS = ("world", "not run", "file", "kind", "stays", "exit code")

_COMMENT = re.compile(r"<!-- (?P<name>" + "|".join(MARKS) + r"): (?P<said>.+?) -->")


@dataclass(frozen=True)
class Block:
    """One block of code. `line`: of its fence, from 1."""

    page: Path
    line: int
    language: str
    text: str
    marks: Mapping[str, str]

    @property
    def where(self) -> str:
        return f"{named(self.page)}:{self.line}"

    @property
    def not_run(self) -> str | None:
        """The reason alone."""
        said = self.marks.get("not run")
        return None if said is None else said.partition(";")[0].strip()


@dataclass(frozen=True)
class Page:
    path: Path

    @property
    def name(self) -> str:
        return named(self.path)

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tokens(self) -> Sequence[Token]:
        return MarkdownIt("commonmark").enable("table").parse(self.text)

    @cached_property
    def world(self) -> str:
        """What its shell lines need; empty where it has none."""
        said = (found for token in self.tokens for found in _COMMENT.finditer(token.content))
        return next((found["said"] for found in said if found["name"] == "world"), "")

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        found: list[Block] = []
        marks: dict[str, str] = {}
        for token in self.tokens:
            if token.type == "html_block":
                marks |= {one["name"]: one["said"] for one in _COMMENT.finditer(token.content)}
            elif token.type in ("fence", "code_block"):
                assert token.map is not None
                if not token.info.startswith(DIRECTIVE):
                    found.append(Block(self.path, token.map[0] + 1, token.info.strip(), token.content, marks))
            if token.type != "html_block":
                marks = {}
        return tuple(found)

    def spans(self) -> Iterator[tuple[int, str]]:
        """What stands in code inside of sentences and tables, with its line."""
        for token in self.tokens:
            for child in token.children or ():
                if child.type == "code_inline":
                    yield (token.map or [0])[0] + 1, child.content


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


@cache
def pages() -> tuple[Page, ...]:
    """Every page that tells somebody what to do."""
    found = [path for path in sorted(DOCS.rglob("*.md")) if path.relative_to(DOCS).parts[0] not in NO_INSTRUCTIONS]
    return tuple(Page(path) for path in [ROOT / "README.md", *found])


def blocks(*languages: str) -> tuple[Block, ...]:
    return tuple(block for page in pages() for block in page.blocks if block.language in languages)
