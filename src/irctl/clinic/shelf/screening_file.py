"""Screening lists: TOML into strict models, then what the domain asks of a list, its own tests included."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import Field

from irctl.clinic.shelf.protocol_file import ApprovalSection, SourceSection, Words
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Approval, Source
from irctl.domain.screening import (
    Answer,
    Example,
    Item,
    Kind,
    Result,
    ScreeningList,
    SensationTest,
    problems_with_list,
)
from irctl.toml_file import Name, Strict, parse, read


class _ItemSection(Strict):
    key: Name
    asks: Words
    kind: Kind = Field(strict=False)
    advice: Words
    source: Name
    """One of [sources]."""
    dangerous: Answer = Field(default=Answer.YES, strict=False)
    absolute: bool = False


class _SensationSection(Strict):
    trials_min: Annotated[int, Field(ge=1, le=40)]
    errors_max: Annotated[int, Field(ge=0)]
    advice: Words
    source: Name


class _ExpectSection(Strict):
    answers: dict[Name, Annotated[Answer, Field(strict=False)]] = Field(default={})
    errors: Annotated[int, Field(ge=0)] = 0
    result: Result = Field(strict=False)


class ScreeningFile(Strict):
    name: Name
    version: Annotated[int, Field(ge=1)]
    title: Words
    written_by: Words
    approval: ApprovalSection | None = None
    sources: dict[Name, SourceSection] = Field(min_length=1)
    items: tuple[_ItemSection, ...] = Field(strict=False, min_length=1)
    sensation: _SensationSection
    expect: tuple[_ExpectSection, ...] = Field(strict=False)

    def as_list(self, digest: str) -> ScreeningList:
        """Raises Refused for a source that is not among the sources."""
        named = {"sensation": self.sensation.source} | {f"items.{item.key}": item.source for item in self.items}
        known = ", ".join(self.sources)
        problems = [
            Problem(f"{at}.source", source, "is not among the sources", f"Known are {known}")
            for at, source in named.items()
            if source not in self.sources
        ]
        if problems:
            raise Refused(problems)
        sources = {name: Source(one.mark, one.of, one.text) for name, one in self.sources.items()}
        items = (
            Item(one.key, one.asks, one.kind, one.advice, sources[one.source], one.dangerous, one.absolute)
            for one in self.items
        )
        test = self.sensation
        return ScreeningList(
            self.name,
            self.version,
            self.title,
            self.written_by,
            None if self.approval is None else Approval(self.approval.by, self.approval.on),
            tuple(items),
            SensationTest(test.trials_min, test.errors_max, test.advice, sources[test.source]),
            tuple(Example(one.answers, one.result, one.errors) for one in self.expect),
            digest,
        )


def load_screening(path: Path) -> ScreeningList:
    """Read one list and run its own tests. Raises Refused with everything that is wrong."""
    return read_screening(read(path, "screening"), path.stem)


def read_screening(text: bytes, name: str) -> ScreeningList:
    """From its text, wherever that is kept, under this name. Raises Refused with everything that is wrong, its own tests included."""
    screening = parse_screening(text, name)
    problems = problems_with_list(screening)
    if screening.name != name:
        problems.append(Problem("name", screening.name, f"is kept under {name}", "Give both the same name"))
    if problems:
        raise Refused(problems)
    return screening


def parse_screening(text: bytes, name: str) -> ScreeningList:
    """Its form alone, for a look at what is being written. Raises Refused."""
    return parse(text, ScreeningFile, f"{name}.toml").as_list(sha256(text).hexdigest())
