"""What is proposed next, and on whose authority."""

from __future__ import annotations

from datetime import date

from irctl.documents.dossier import Response
from irctl.documents.follow_up import What, follow_up
from tests.documents.dossiers import a_dossier, a_visit

TODAY = date(2026, 11, 9)


def whats(found: object) -> list[What]:
    return [one.what for one in found]  # type: ignore[attr-defined]


def test_visits_that_nobody_has_booked_are_proposed_until_all_are() -> None:
    dossier = a_dossier(visits=3)
    [proposal] = follow_up(dossier, [date(2026, 11, 11)], TODAY)
    assert proposal.what is What.PLAN
    assert proposal.text == "3 of 12 visits were given and 1 are booked: 8 are not"
    assert follow_up(dossier, [date(2026, 11, 11)] * 9, TODAY) == ()


def test_a_reached_stop_rule_is_a_review_with_its_source_and_no_more_visits_are_proposed() -> None:
    found = follow_up(a_dossier(), [], TODAY)
    assert whats(found) == [What.REVIEW]
    assert "2 points" in found[0].source


def test_a_burn_comes_before_everything_else() -> None:
    burnt = a_visit(2, response=Response(skin="blister or burn", adverse_event="cooled, seen by Dr. Lind"))
    found = follow_up(a_dossier(visits=1).model_copy(update={"visits": (a_visit(1), burnt)}), [], TODAY)
    assert found[0].what is What.EXAMINE
    assert "cooled, seen by Dr. Lind" in found[0].text


def test_permissions_that_end_before_the_last_visit_are_named_in_time() -> None:
    found = follow_up(a_dossier(visits=3), [date(2027, 2, 1)] * 9, TODAY)
    assert whats(found) == [What.CERTIFY, What.AUTHORISE]
    assert whats(follow_up(a_dossier(visits=4), [date(2026, 12, 1)] * 9, TODAY)) == [What.AUTHORISE]


def test_an_unsigned_visit_and_a_due_report_are_told() -> None:
    visits = (*(a_visit(number) for number in range(1, 10)), a_visit(10, signatures=()))
    found = follow_up(a_dossier(visits=1).model_copy(update={"visits": visits}), [date(2026, 12, 1)] * 2, TODAY)
    assert whats(found) == [What.SIGN, What.REPORT]
    assert "verify with the payer" in found[1].source


def test_of_a_course_that_has_ended_nothing_is_proposed() -> None:
    dossier = a_dossier(visits=3)
    ended = dossier.model_copy(update={"plan": dossier.plan.model_copy(update={"state": "ended"})})
    assert follow_up(ended, [], TODAY) == ()
