"""A payer's rules: a file of values, each with the days it is in force, a mark of how well it is known, and its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Approval, standing
from irctl.toml_file import Name, Strict, parse, read

Value = bool | float | tuple[str, ...]
Words = Annotated[str, Field(min_length=1, max_length=400)]
KNOWN: Mapping[str, type] = {
    "discipline_modifier": bool,
    "assistant_modifier": bool,
    "kx_threshold_usd": float,
    "review_threshold_usd": float,
    "needs_other_procedure": bool,
    "needs_certification": bool,
    "needs_authorisation": bool,
    "needs_supervision": bool,
    "visits_max": float,
    "heat_codes": tuple,
    "distinct_codes": tuple,
    "noncovered_diagnoses": tuple,
    "noncovered_words": tuple,
    "excluded": bool,
}
"""Every rule that is understood, and what its value is."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One value, in force from `since` to `until` (both inclusive). `mark`: F found, W weak, C computed, M memory."""

    key: str
    value: Value
    since: date
    until: date | None
    mark: str
    source: str

    @property
    def unverified(self) -> bool:
        return self.mark in ("M", "W")

    @property
    def number(self) -> float:
        assert isinstance(self.value, float)
        return self.value

    @property
    def words(self) -> tuple[str, ...]:
        assert isinstance(self.value, tuple)
        return self.value


@dataclass(frozen=True, slots=True)
class PayerRules:
    """One version of one payer's rules."""

    name: str
    title: str
    written_by: str
    approval: Approval | None
    rules: tuple[Rule, ...]

    @property
    def standing(self) -> str:
        """Whose they are, for everybody who sees what they come to."""
        return standing(self.approval)

    def of(self, key: str, day: date) -> Rule | None:
        """The rule in force that day; None where the payer has none, or says no to it."""
        assert key in KNOWN, key
        for rule in self.rules:
            if rule.key == key and rule.since <= day and (rule.until is None or day <= rule.until):
                return None if rule.value is False else rule
        return None


class _RuleSection(Strict):
    key: str
    value: bool | float | Annotated[tuple[Words, ...], Field(strict=False)]
    since: date
    until: date | None = None
    mark: Literal["F", "W", "C", "M"]
    source: Words


class _ApprovalSection(Strict):
    by: Words
    on: date


class _PayerFile(Strict):
    name: Name
    title: Words
    written_by: Words
    approval: _ApprovalSection | None = None
    rules: tuple[_RuleSection, ...] = Field(strict=False)


def load_rules(path: Path) -> PayerRules:
    """Read a payer's file. Raises Refused with everything that is wrong with it."""
    return read_rules(read(path, "payer"), path.stem)


def read_rules(text: bytes, name: str) -> PayerRules:
    """From its text, kept under this name. Raises Refused with everything that is wrong with it."""
    file = parse(text, _PayerFile, name)
    rules = tuple(Rule(one.key, _value(one.value), one.since, one.until, one.mark, one.source) for one in file.rules)
    problems = [problem for place, rule in enumerate(rules) for problem in _problems(rule, rules[:place])]
    if file.name != name:
        problems.append(Problem("name", file.name, f"is kept under {name}", "Give both the same name"))
    if problems:
        raise Refused(problems)
    approval = Approval(file.approval.by, file.approval.on) if file.approval else None
    return PayerRules(file.name, file.title, file.written_by, approval, rules)


def _value(value: bool | float | tuple[str, ...]) -> Value:
    return value if isinstance(value, bool | tuple) else float(value)


def _problems(rule: Rule, before: tuple[Rule, ...]) -> list[Problem]:
    wanted = KNOWN.get(rule.key)
    if wanted is None:
        return [Problem("rules.key", rule.key, "is no rule that irctl knows", f"Known are {', '.join(KNOWN)}")]
    found: list[Problem] = []
    if not isinstance(rule.value, wanted) or (wanted is float and isinstance(rule.value, bool)):
        kind = {bool: "true or false", float: "a number", tuple: "a list of words"}[wanted]
        found.append(Problem(rule.key, str(rule.value), f"is not {kind}", "Correct the value"))
    if rule.until is not None and rule.until < rule.since:
        found.append(Problem(rule.key, rule.until.isoformat(), "is before it begins", "Correct one of the two days"))
    for other in before:
        apart = (other.until is not None and other.until < rule.since) or (
            rule.until is not None and rule.until < other.since
        )
        if other.key == rule.key and not apart:
            found.append(Problem(rule.key, rule.since.isoformat(), "is said twice for some days", "End the first"))
    return found
