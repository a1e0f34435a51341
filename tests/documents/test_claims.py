"""The claim check: what may be billed, what is held and why, and what has to be told the patient first."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.documents.claims import Claim, PayerRules, Verdict, check, load_rules, read_rules
from irctl.documents.claims.check import units_of
from irctl.documents.dossier import HEAT_CODE, Amended, Authorisation, Coverage, Dossier, Service, Visit
from irctl.domain.problems import Refused
from irctl.domain.protocols import Approval
from irctl.examples import examples
from tests.documents.dossiers import ASSISTANT, CLINICIAN, FIRST, a_dossier, a_note, a_visit

PAYERS = examples() / "payers"


def rules(name: str = "medicare-part-b", **changes: Any) -> PayerRules:
    """Approved by the clinic."""
    found = load_rules(PAYERS / f"{name}.toml")
    return PayerRules(
        found.name,
        found.title,
        found.written_by,
        Approval("C. Moreau", date(2026, 10, 1)),
        changes.get("rules", found.rules),
    )


def with_visit(visit: Visit, **changes: Any) -> Dossier:
    return a_dossier(visits=1, **changes).model_copy(update={"visits": (visit,)})


def plan(**changes: Any) -> Dossier:
    dossier = a_dossier(visits=1)
    return dossier.model_copy(update={"plan": dossier.plan.model_copy(update=changes)})


def covered(**changes: Any) -> Dossier:
    dossier = a_dossier(visits=1)
    return dossier.model_copy(update={"coverage": dossier.coverage.model_copy(update=changes)})


def one(dossier: Dossier, payer: PayerRules | None = None) -> Claim:
    [claim] = check(dossier, payer or rules())
    return claim


def held(claim: Claim) -> set[str]:
    return {finding.key for finding in claim.findings if finding.verdict is not Verdict.BILL}


def test_a_whole_visit_is_billed_with_one_unit_and_the_plans_modifier() -> None:
    claim = one(a_dossier(visits=1))
    assert claim.verdict is Verdict.BILL
    heat, exercise = claim.lines
    assert (heat.code, heat.units, heat.modifiers) == (HEAT_CODE, 1, ("GP",))
    assert (exercise.code, exercise.units) == ("97110", 2)
    assert heat.diagnosis_codes == ("M54.50",)
    assert (claim.timed_minutes, claim.total_minutes) == (24.0, 36.0)
    assert claim.unverified, "some of the rules are from memory, and the claim says so"


UNSIGNED = a_visit(1, signatures=())
BROKEN = a_visit(1, signatures=tuple(s.model_copy(update={"sound": False}) for s in a_visit(1).signatures))
CHANGED = a_visit(1, version=10)
LATE = Amended(
    version=1, at=FIRST + timedelta(days=2), by=CLINICIAN, reason="the other knee", changes={"area": "left knee"}
)
STOPPED = a_note(FIRST, "S-1").model_copy(
    update={
        "ending": a_note(FIRST, "S-1").ending.model_copy(update={"outcome": "interrupted", "reason": "power was lost"})
    }
)
CASES = {
    "payer": covered(payer=""),
    "simulated": a_dossier(visits=1, simulated=True),
    "journal": with_visit(a_visit(1, note=None)),
    "outcome": with_visit(a_visit(1, note=STOPPED)),
    "signature": with_visit(UNSIGNED),
    "amendment": with_visit(a_visit(1, amendments=(LATE,))),
    "diagnosis": plan(diagnosis_codes=()),
    "necessity": plan(necessity=" "),
    "goal": plan(goal=""),
    "certification": plan(certification=None),
    "minutes": with_visit(a_visit(1, treatment_minutes=None)),
    "supervision": with_visit(a_visit(1, supervised_by=None)),
    "duplicate-heat": with_visit(a_visit(1, services=(Service(code="97010", minutes=10, timed=False),))),
    "stand-alone": with_visit(a_visit(1, services=())),
    "distinct": with_visit(a_visit(1, services=(Service(code="97140", minutes=15, timed=True),))),
    "noncovered": plan(diagnosis_codes=("E11.42",)),
    "noncovered-words": plan(diagnosis="peripheral neuropathy of both feet"),
    "notice": covered(notice="required-by-payer"),
    "authorisation": covered(authorisation=Authorisation(number="A-1", until=date(2026, 10, 1))),
    "threshold": covered(paid_this_year_usd=None),
    "review": covered(paid_this_year_usd=3100.0),
}


@pytest.mark.parametrize("key", CASES)
def test_each_reason_alone_keeps_the_claim_back_and_says_what_to_do(key: str) -> None:
    claim = one(CASES[key])
    assert held(claim) == {key}
    assert claim.verdict is (Verdict.NOTICE if key in ("noncovered", "notice") else Verdict.HOLD)
    [finding] = [finding for finding in claim.findings if finding.key == key]
    assert finding.remedy
    assert finding.evidence


@pytest.mark.parametrize("visit", [BROKEN, CHANGED], ids=["broken", "changed since"])
def test_a_signature_that_does_not_fit_is_none(visit: Visit) -> None:
    assert held(one(with_visit(visit))) == {"signature"}


def test_the_second_visit_of_a_day_has_no_second_unit_even_in_another_course() -> None:
    first, second = a_visit(1), a_visit(2, at=FIRST + timedelta(hours=5))
    dossier = a_dossier(visits=1).model_copy(update={"visits": (first, second)})
    morning, afternoon = check(dossier, rules())
    assert [line.code for line in morning.lines] == [HEAT_CODE, "97110"]
    assert [line.code for line in afternoon.lines] == ["97110"]
    assert held(afternoon) == {"one-unit"}
    other = dossier.model_copy(update={"course": "C-other", "visits": (second,)})
    [claim] = check(other, rules(), others=(a_dossier(visits=1),))
    assert held(claim) == {"one-unit"}


def test_a_signed_notice_bills_what_is_not_covered_with_its_modifier() -> None:
    dossier = plan(diagnosis_codes=("E11.42",))
    signed = dossier.model_copy(update={"coverage": dossier.coverage.model_copy(update={"notice": "signed"})})
    claim = one(signed)
    assert claim.verdict is Verdict.BILL
    assert claim.lines[0].modifiers == ("GP", "GA")
    assert claim.lines[1].modifiers == ("GP",)
    assert one(dossier).lines[0].modifiers == ("GP", "GZ")


def test_an_assistant_a_threshold_and_a_distinct_service_are_on_the_lines_with_their_reasons() -> None:
    services = (Service(code="97140", minutes=15, timed=True, distinct="another region"),)
    visit = a_visit(1, given_by_assistant=True, started_by=ASSISTANT, services=services)
    dossier = with_visit(visit, coverage=Coverage(payer="medicare-part-b", discipline="PT", paid_this_year_usd=2500.0))
    heat, manual = one(dossier).lines
    assert heat.modifiers == ("GP", "CQ", "KX")
    assert manual.modifiers == ("59", "GP", "CQ", "KX")
    assert manual.because[0] == "59: another region"


def test_an_authorisation_counts_visits() -> None:
    claims = check(a_dossier(visits=12, coverage=CASES["threshold"].coverage.model_copy(update={
        "paid_this_year_usd": 0.0, "authorisation": Authorisation(number="A-1", visits=10)})), rules())  # fmt: skip
    assert [claim.number for claim in claims if "authorisation" in held(claim)] == [11, 12]


def test_an_example_file_alone_never_bills() -> None:
    claim = one(a_dossier(visits=1), load_rules(PAYERS / "medicare-part-b.toml"))
    assert held(claim) == {"payer"}


def test_a_refused_visit_is_no_claim() -> None:
    assert check(with_visit(a_visit(1, state="refused", number=None, note=None)), rules()) == ()


@pytest.mark.parametrize(("minutes", "units"), [(7, 0), (8, 1), (22, 1), (23, 2), (37, 2), (38, 3)])
def test_timed_codes_are_counted_by_the_eight_minute_rule(minutes: float, units: int) -> None:
    assert units_of([Service(code="97110", minutes=minutes, timed=True)]) == (units,)


def test_units_go_to_the_longest_service_and_twins_are_counted_apart() -> None:
    long, short = Service(code="97110", minutes=20, timed=True), Service(code="97140", minutes=10, timed=True)
    assert units_of([long, short]) == (1, 1)
    assert units_of([short, short]) == (1, 0)


services = st.lists(
    st.builds(Service, code=st.just("97110"), minutes=st.floats(0, 120), timed=st.booleans()), max_size=5
)


@given(services)
def test_units_in_all_are_what_all_minutes_make(told: list[Service]) -> None:
    total = sum(service.minutes for service in told if service.timed)
    units = sum(count for service, count in zip(told, units_of(told), strict=True) if service.timed)
    assert units == (0 if total < 8 else int((total + 7) // 15))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_never_more_than_one_unit_of_heat_a_day(hours: list[int]) -> None:
    start = datetime(2026, 11, 2, 6, tzinfo=UTC)
    visits = tuple(a_visit(1, id=f"V-{n}", at=start + timedelta(hours=h)) for n, h in enumerate(hours))
    claims = check(a_dossier(visits=1).model_copy(update={"visits": visits}), rules())
    by_day: dict[date, int] = {}
    for claim in claims:
        by_day[claim.date] = by_day.get(claim.date, 0) + sum(
            line.units for line in claim.lines if line.code == HEAT_CODE
        )
    assert set(by_day.values()) == {1}


@given(
    st.sets(
        st.sampled_from(
            sorted(set(CASES) - {"authorisation", "threshold", "review", "notice", "noncovered-words", "payer"})
        )
    )
)
def test_one_more_problem_never_makes_a_held_claim_billable(keys: set[str]) -> None:
    dossier = a_dossier(visits=1)
    for key in sorted(keys):
        broken = CASES[key]
        changed = {name: getattr(broken, name) for name in ("plan", "visits", "simulated", "coverage")
                   if getattr(broken, name) != getattr(a_dossier(visits=1), name)}  # fmt: skip
        dossier = dossier.model_copy(update=changed)
    claim = one(dossier)
    assert (claim.verdict is Verdict.BILL) == (not keys)


class TestFiles:
    @pytest.mark.parametrize("path", sorted(PAYERS.glob("*.toml")), ids=lambda path: path.stem)
    def test_the_examples_can_be_read_and_say_that_they_are_examples(self, path: Path) -> None:
        assert load_rules(path).standing == "EXAMPLE, to be approved by your clinic"

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (('key = "heat_codes"', 'key = "heat_code"'), "is no rule that irctl knows"),
            (('value = ["97010"]', "value = true"), "is not a list of words"),
            (('mark = "M"', 'mark = "X"'), "mark"),
            (('name = "example-commercial"', 'name = "other"'), "is kept under example-commercial"),
            (("value = 20\nsince = 2022-01-01", "value = 20\nsince = 2022-01-01\nuntil = 2021-01-01"), "is before it begins"),
            (('key = "visits_max"', 'key = "needs_authorisation"'), "is said twice"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, change: tuple[str, str], why: str) -> None:
        text = (PAYERS / "example-commercial.toml").read_text("utf-8").replace(*change, 1)
        with pytest.raises(Refused, match=why):
            read_rules(text.encode(), "example-commercial")

    def test_a_threshold_is_that_of_its_year(self) -> None:
        found = rules()
        assert [found.of("kx_threshold_usd", date(year, 6, 1)).number for year in (2023, 2025, 2026)] == [
            2230,
            2410,
            2480,
        ]  # type: ignore[union-attr]
        assert found.of("kx_threshold_usd", date(2031, 1, 1)) is None
