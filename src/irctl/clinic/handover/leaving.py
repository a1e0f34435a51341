"""What leaves the clinic of one course: papers, claims, and what is proposed next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from irctl.clinic.acting import Acting
from irctl.clinic.calendar import appointments
from irctl.clinic.care import courses
from irctl.clinic.desk import Desk
from irctl.clinic.handover.dossiers import Gathered, gather, gather_for
from irctl.documents import claims
from irctl.documents.claims import Claim, PayerRules
from irctl.documents.course import Kind, allowed, render_pdf, template_of
from irctl.documents.dossier import Dossier
from irctl.documents.follow_up import Proposal, follow_up
from irctl.domain.people import Verb


@dataclass(frozen=True, slots=True)
class Leaving:
    """Of one course, as it is now."""

    gathered: Gathered
    rules: PayerRules | None
    claims: tuple[Claim, ...]
    proposals: tuple[Proposal, ...]


async def leaving(desk: Desk, acting: Acting, course: str) -> Leaving:
    """Judge the claims of a course, and say what comes next; a look at the patient. Raises Refused."""
    gathered = await gather(desk, acting, course, "documents and claims")
    person = acting.require(Verb.SEE_PATIENT)
    others = await others_of(desk, person.login, acting.at, gathered.dossier)
    rules = rules_of(desk, gathered.dossier.coverage.payer)
    judged = claims.check(gathered.dossier, rules, others)
    ahead = await desk.run(appointments.days_ahead, desk, course)
    return Leaving(gathered, rules, judged, follow_up(gathered.dossier, ahead, acting.at.date()))


async def others_of(desk: Desk, login: str, at: datetime, dossier: Dossier) -> list[Dossier]:
    """The patient's other courses: what was given in them on the same day counts, too. Raises Refused."""
    found = await desk.run(courses.of_patient, desk, dossier.patient.reference)
    return [
        (await gather_for(desk, login, at, other.id, "claims")).dossier for other in found if other.id != dossier.course
    ]


def payers(desk: Desk) -> list[str]:
    """Whose rules are here, by name."""
    return sorted(path.stem for path in desk.payers.glob("*.toml"))


def rules_of(desk: Desk, payer: str) -> PayerRules | None:
    """None where nobody has said who pays, or the file is not here. Raises Refused for a file that is wrong."""
    path = desk.payers / f"{payer}.toml"
    return claims.load_rules(path) if payer and path.is_file() else None


async def paper(desk: Desk, acting: Acting, course: str, kind: Kind, visit: str | None = None) -> bytes:
    """A course's paper as PDF, by the clinic's own template where it has one; a look at the patient. Raises Refused."""
    gathered = await gather(desk, acting, course, str(kind), only=visit)
    return await desk.run(render_pdf, gathered.dossier, visit, kind=kind, template=_template(desk, kind))


def _template(desk: Desk, kind: Kind) -> Path | None:
    """The clinic's own, once it has been seen to print everything that it must. Raises Refused with what it leaves out."""
    if desk.templates is None:
        return None
    own = desk.templates / template_of(kind).name
    if not own.is_file():
        return None
    _checked(own, kind, sha256(own.read_bytes()).hexdigest())
    return own


@cache
def _checked(template: Path, kind: Kind, digest: str) -> None:
    allowed(template, kind)
