"""What comes next in a course: proposed from how it goes, each with the reason and where the rule is from. A person decides; nothing is done by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from irctl.documents.dossier import Dossier

REPORT_EVERY_VISITS = 10
"""A progress report at least so often: M, from memory of Medicare's rule for therapy; verify with the payer."""
CERTIFICATION_LOOK_AHEAD = timedelta(days=14)


class What(StrEnum):
    EXAMINE = "examine"
    """The patient is worse, or something happened to them."""
    REVIEW = "review"
    """The stop rule is reached: go on, change, or end."""
    END = "end"
    """Everything planned was given."""
    PLAN = "plan"
    """Visits are left, and nobody has booked them."""
    CERTIFY = "certify"
    AUTHORISE = "authorise"
    REPORT = "report"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Proposal:
    """One thing to do. `source`: by which rule."""

    what: What
    text: str
    source: str


PROJECT = "irctl: what the clinic has written down itself"


def follow_up(dossier: Dossier, ahead: Sequence[date], today: date) -> tuple[Proposal, ...]:
    """Most urgent first. `ahead`: days of the appointments still to come."""
    if dossier.plan.state != "active":
        return ()
    found = [
        *_patient(dossier),
        *_rule(dossier),
        *_unsigned(dossier),
        *_visits(dossier, ahead),
        *_permissions(dossier, ahead, today),
        *_report(dossier),
    ]
    return tuple(found)


def _patient(dossier: Dossier) -> list[Proposal]:
    last = dossier.given[-1:] or ()
    return [
        Proposal(What.EXAMINE, f"visit {visit.number}: {response.skin}; {response.adverse_event}".rstrip("; "), PROJECT)
        for visit in last
        if (response := visit.response) and (response.adverse_event or response.skin in ("marked redness", "blister or burn"))
    ]  # fmt: skip


def _rule(dossier: Dossier) -> list[Proposal]:
    if (advice := dossier.advice) is None:
        return []
    what = {"worse": What.EXAMINE, "done": What.END}.get(advice.reason, What.REVIEW)
    return [Proposal(what, advice.text, advice.source)]


def _unsigned(dossier: Dossier) -> list[Proposal]:
    numbers = [f"{visit.number}" for visit in dossier.given if not visit.signed]
    return [Proposal(What.SIGN, f"visits without a signature: {', '.join(numbers)}", PROJECT)] if numbers else []


def _visits(dossier: Dossier, ahead: Sequence[date]) -> list[Proposal]:
    protocol = dossier.plan.protocol
    if protocol is None or dossier.advice is not None:
        return []
    left = protocol.visits - len(dossier.given) - len(ahead)
    if left <= 0:
        return []
    text = f"{len(dossier.given)} of {protocol.visits} visits were given and {len(ahead)} are booked: {left} are not"
    return [Proposal(What.PLAN, text, protocol.label)]


def _permissions(dossier: Dossier, ahead: Sequence[date], today: date) -> list[Proposal]:
    found: list[Proposal] = []
    last = max([*ahead, today])
    certification = dossier.plan.certification
    if certification and certification.until and certification.until < max(last, today + CERTIFICATION_LOOK_AHEAD):
        text = f"the plan of care is certified until {certification.until}, and visits are planned until {last}"
        found.append(Proposal(What.CERTIFY, text, PROJECT))
    authorisation = dossier.coverage.authorisation
    if authorisation and authorisation.until and authorisation.until < last:
        text = (
            f"authorisation {authorisation.number} ends on {authorisation.until}, and visits are planned until {last}"
        )
        found.append(Proposal(What.AUTHORISE, text, PROJECT))
    if authorisation and authorisation.visits is not None:
        needed = len(dossier.given) + len(ahead)
        if needed > authorisation.visits:
            text = f"authorisation {authorisation.number} is for {authorisation.visits} visits, and {needed} are given or booked"
            found.append(Proposal(What.AUTHORISE, text, PROJECT))
    return found


def _report(dossier: Dossier) -> list[Proposal]:
    given = len(dossier.given)
    if not given or given % REPORT_EVERY_VISITS:
        return []
    text = f"{given} visits were given: a progress report is due"
    return [Proposal(What.REPORT, text, f"every {REPORT_EVERY_VISITS} visits, from memory: verify with the payer")]
