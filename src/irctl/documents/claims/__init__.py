"""The claim check: bill, hold, or needs notice, with the reasons and what stands behind each. A check before billing: a person decides, and it is no legal advice.

`read_rules` reads a payer's rules from its file, `check` judges each visit of a course by them.
"""

from irctl.documents.claims.check import check
from irctl.documents.claims.claim import Claim, Finding, Line, Verdict
from irctl.documents.claims.payer import PayerRules, Rule, load_rules, read_rules

__all__ = ["Claim", "Finding", "Line", "PayerRules", "Rule", "Verdict", "check", "load_rules", "read_rules"]
