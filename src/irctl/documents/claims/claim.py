"""What a claim check comes to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from irctl.documents.claims.payer import Rule


class Verdict(StrEnum):
    BILL = "bill"
    NOTICE = "needs notice"
    """The payer may not pay, and the patient has not been told so in writing."""
    HOLD = "hold"
    """Something is missing, or a person has to decide."""


WORST = (Verdict.BILL, Verdict.NOTICE, Verdict.HOLD)
"""In this order."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason. `evidence`: where it stands in the record; `rule`: of the payer, None where no payer is asked."""

    key: str
    verdict: Verdict
    text: str
    remedy: str = ""
    evidence: tuple[str, ...] = ()
    rule: Rule | None = None

    @property
    def unverified(self) -> bool:
        """Whether it stands on a rule that nobody has checked."""
        return self.rule is not None and self.rule.unverified


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the claim. `modifiers` in the order in which they are written, `because` says why each."""

    code: str
    units: int
    minutes: float | None
    modifiers: tuple[str, ...]
    because: tuple[str, ...]
    diagnosis_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """Of one visit. Minutes in all are None while nobody has stated those of the lamp."""

    visit: str
    number: int | None
    date: date
    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]
    timed_minutes: float
    total_minutes: float | None

    @property
    def verdict(self) -> Verdict:
        return max((one.verdict for one in self.findings), key=WORST.index, default=Verdict.BILL)

    @property
    def unverified(self) -> bool:
        """Whether anything in it stands on a rule that nobody has checked."""
        return any(one.unverified for one in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        told = asdict(self) | {"verdict": self.verdict, "date": self.date.isoformat(), "unverified": self.unverified}
        told["findings"] = [_told(one) for one in self.findings]
        return told


def _told(one: Finding) -> dict[str, Any]:
    rule = one.rule
    return {
        "key": one.key, "verdict": one.verdict, "text": one.text, "remedy": one.remedy, "evidence": list(one.evidence),
        "rule": None if rule is None else {"value": rule.value, "mark": rule.mark, "source": rule.source},
    }  # fmt: skip
