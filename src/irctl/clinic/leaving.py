"""What leaves the clinic of one course: papers, claims, and what is proposed next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from irctl.clinic import appointments, courses
from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.clinic.dossiers import Gathered, gather
from irctl.documents import claims
from irctl.documents.claims import Claim, PayerRules
from irctl.documents.course import Kind, allowed, render_pdf, template_of
from irctl.documents.follow_up import Proposal, follow_up


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
    others = [
        (await gather(desk, acting, other.id, "documents and claims")).dossier
        for other in await desk.run(courses.of_patient, desk, gathered.dossier.patient.reference)
        if other.id != course
    ]
    rules = rules_of(desk, gathered.dossier.coverage.payer)
    judged = claims.check(gathered.dossier, rules, others)
    ahead = await desk.run(appointments.days_ahead, desk, course)
    return Leaving(gathered, rules, judged, follow_up(gathered.dossier, ahead, acting.at.date()))


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
