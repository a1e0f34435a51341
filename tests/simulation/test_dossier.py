"""A course as documents see it: gathered from papers, records and the station's own journal, after twelve real sessions."""

from __future__ import annotations

import pytest

from irctl.clinic.dossiers import Gathered, gather
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
