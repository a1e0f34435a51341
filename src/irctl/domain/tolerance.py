"""Pass, warn or fail: one decision rule for every check, stated wherever a decision is.

Pass: |error| + U ≤ tolerance, the guard band of ISO/IEC 17025 7.8.6 and ILAC-G8: what passes is inside. Fail: |error| > tolerance: it is more likely
outside than not, and nobody is treated until that is proven (ILAC-G8 would fail only beyond tolerance + U; here the doubt is not the patient's).
Warn: between the two; it may be used, and cannot be shown to be inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

RULE = "pass if |error| + U ≤ tolerance; fail if |error| > tolerance; otherwise warn (U: k=2)"


class Decision(StrEnum):
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision with what it was made from; all in %."""

    decision: Decision
    error_pct: float
    expanded_pct: float
    tolerance_pct: float
    rule: str = RULE

    @property
    def figures(self) -> str:
        return f"{self.error_pct:+z.1f} % ± {self.expanded_pct:.1f} %, tolerance {self.tolerance_pct:g} %"

    def __str__(self) -> str:
        return f"{self.decision}: {self.figures}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "decision": str(self.decision),
            "error_pct": self.error_pct,
            "expanded_pct": self.expanded_pct,
            "tolerance_pct": self.tolerance_pct,
            "rule": self.rule,
        }


def decide(error_pct: float, expanded_pct: float, tolerance_pct: float) -> Verdict:
    """The rule, for one error. What is no number fails."""
    if abs(error_pct) + expanded_pct <= tolerance_pct:
        decision = Decision.PASS
    elif abs(error_pct) <= tolerance_pct:
        decision = Decision.WARN
    else:
        decision = Decision.FAIL
    return Verdict(decision, error_pct, expanded_pct, tolerance_pct)


def worst(verdicts: list[Verdict]) -> Verdict:
    """The verdict that decides for all of them. Raises ValueError for none."""
    order = list(Decision)
    return max(verdicts, key=lambda v: (order.index(v.decision), abs(v.error_pct)))
