"""A course as documents see it: gathered from papers, records and the station's own journal, after twelve real sessions."""

from __future__ import annotations

import pytest

from irctl.clinic.handover.dossiers import Gathered, gather
from irctl.clinic.handover.exporting import course_json
from irctl.documents import claims
from irctl.documents.course import Kind, render_pdf
from irctl.documents.dossier import Dossier
from irctl.domain.problems import Refused
from irctl.examples import examples
from irctl.records.papers import Paper
from irctl_campaign.week_clinic import Clinic
from irctl_campaign.week_people import CLINICIAN
from tests import twelve


async def _gathered(clinic: Clinic, course: Paper) -> tuple[Gathered, dict[str, float]]:
    truths = {session: truth.fluence_j_cm2 for session, truth in clinic.truths.items()}
    return await gather(clinic.desk, clinic.by(CLINICIAN), course.id, "documents"), truths


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Gathered, dict[str, float]]:
    return twelve.give(tmp_path_factory.mktemp("twelve"), _gathered)


def test_every_visit_has_its_light_its_people_and_its_signature(given: tuple[Gathered, dict[str, float]]) -> None:
    dossier, truths = given[0].dossier, given[1]
    assert [visit.number for visit in dossier.visits] == list(range(1, 13))
    assert not given[0].away
    for visit in dossier.visits:
        assert visit.note is not None
        dose = visit.note.ending.delivered
        assert dose.min_j_cm2 <= truths[visit.session] <= dose.max_j_cm2
        assert visit.signed
        assert visit.signatures[0].name == "Robin Demo"
        assert visit.screening is not None
        assert visit.screening.result == "may treat"
        assert visit.screening.asked[0].asks.endswith("?")
        assert visit.total_minutes == 36.0
        assert visit.timed_minutes == 24.0


def test_the_plan_and_what_is_asked_of_a_payer_are_as_people_wrote_them(
    given: tuple[Gathered, dict[str, float]],
) -> None:
    dossier = given[0].dossier
    assert dossier.simulated
    assert dossier.patient.name == "Adaeze Sample"
    assert dossier.plan.diagnosis_codes == ("M54.50",)
    assert dossier.plan.certification is not None
    assert dossier.plan.certification.by == "Dr. J. Lind"
    assert dossier.plan.protocol is not None
    assert dossier.plan.protocol.visits == 12
    assert dossier.coverage.authorisation is not None
    assert dossier.coverage.authorisation.visits == 12
    assert dossier.advice is not None
    assert dossier.advice.reason == "better"


def test_papers_and_claims_are_made_of_it_and_what_was_simulated_is_never_billed(
    given: tuple[Gathered, dict[str, float]],
) -> None:
    dossier = given[0].dossier
    found = claims.check(dossier, claims.load_rules(examples() / "payers" / "medicare-part-b.toml"))
    assert len(found) == twelve.VISITS
    for claim in found:
        held = {one.key for one in claim.findings if one.verdict is claims.Verdict.HOLD}
        assert held == {"simulated", "payer"}
        assert [(line.code, line.units) for line in claim.lines] == [("97026", 1), ("97110", 2)]
    for kind in Kind:
        visit = dossier.visits[0].id if kind is Kind.TREATMENT_NOTE else None
        assert render_pdf(dossier, visit, kind=kind).startswith(b"%PDF-")


def test_it_leaves_as_json_with_a_reason_that_is_in_the_audit(tmp_path_factory: pytest.TempPathFactory) -> None:
    async def exported(clinic: Clinic, course: Paper) -> tuple[str, list[str]]:
        with pytest.raises(Refused, match="reason"):
            await course_json(clinic.desk, clinic.by(CLINICIAN), course.id, "")
        told = await course_json(clinic.desk, clinic.by(CLINICIAN), course.id, "claim of November")
        return told, [one.told["reason"] for one in clinic.desk.accounts.audit.listed() if one.what == "export"]

    told, reasons = twelve.give(tmp_path_factory.mktemp("json"), exported, visits=1)
    assert Dossier.model_validate_json(told).visits[0].signed
    assert reasons == ["claim of November"]
