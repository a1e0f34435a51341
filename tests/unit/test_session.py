"""One treatment's states: which may follow which, what is refused, and what is known on the way."""

from __future__ import annotations

import itertools

import pytest

from irctl.controller.light.session import LIT, NEXT, Session, State
from irctl.domain.dose import NO_DOSE, DoseMeter
from irctl.domain.problems import InvariantViolation, Refused
from tests.unit.worlds import HALOGEN, NOW, an_order


def a_session(state: State = State.ORDERED) -> Session:
    return Session("S-1", an_order(), NOW, state=state)


def a_meter() -> DoseMeter:
    return DoseMeter(response=HALOGEN, uncertainty_pct=9.0, distance_cm=50.0, positioning_cm=0.5)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(State, State)))
def test_only_the_changes_of_the_design_are_possible(before: State, after: State) -> None:
    session = a_session(before)
    if after in NEXT[before]:
        session.move(after)
        assert session.state is after
    else:
        with pytest.raises(InvariantViolation, match="S-1"):
            session.move(after)
        assert session.state is before


def reachable(start: State) -> set[State]:
    found, todo = {start}, [start]
    while todo:
        fresh = NEXT[todo.pop()] - found
        found |= fresh
        todo += fresh
    return found


@pytest.mark.parametrize("state", list(State))
def test_every_session_can_end_and_no_ended_one_goes_on(state: State) -> None:
    assert State.ENDED in reachable(state)
    assert reachable(State.ENDED) == {State.ENDED}


def test_light_comes_only_after_ready_and_never_after_ending() -> None:
    for state in State:
        if NEXT[state] & LIT:
            assert state in LIT | {State.READY, State.PAUSED}
    assert not reachable(State.ENDING) & LIT
    assert State.EMITTING not in NEXT[State.PAUSED], "after a pause the lamp warms up again"


def test_a_light_that_is_on_ends_only_through_dark() -> None:
    for state in LIT:
        assert State.ENDED not in NEXT[state]


@pytest.mark.parametrize("state", list(State))
def test_lit_and_running_say_what_the_state_means(state: State) -> None:
    session = a_session(state)
    assert session.lit == (state in {State.WARMING, State.EMITTING})
    assert session.running == (state is not State.ENDED)


def test_a_verb_at_the_wrong_time_is_a_conflict_that_says_what_it_needs() -> None:
    session = a_session(State.EMITTING)
    session.require("pause", State.WARMING, State.EMITTING)
    with pytest.raises(Refused) as refused:
        session.require("start", State.READY)
    assert refused.value.conflict
    (problem,) = refused.value.problems
    assert problem.limit == "is emitting"
    assert "'start' needs a session that is ready" in problem.remedy


def test_before_checking_nothing_is_delivered_and_nothing_can_be_foretold() -> None:
    session = a_session()
    assert session.dose == NO_DOSE
    assert session.remaining_s() is None
    assert session.irradiance_mean_mw_cm2 is None


def test_the_time_left_shrinks_to_nothing_and_counts_the_afterglow() -> None:
    session = a_session(State.EMITTING)
    session.meter = a_meter()
    assert session.remaining_s() == pytest.approx(1200.0)
    session.meter.advance(600.0, 50.0)
    assert session.remaining_s() == pytest.approx(600.0)
    session.meter.advance(700.0, 50.0)
    assert session.remaining_s() == 0.0


@pytest.mark.parametrize("state", [State.ENDING, State.ENDED])
def test_a_session_that_ends_has_no_time_left_to_tell(state: State) -> None:
    session = a_session(state)
    session.meter = a_meter()
    assert session.remaining_s() is None


def test_two_sessions_share_no_warnings() -> None:
    one, other = a_session(), a_session()
    one.warnings.append("warm")
    assert other.warnings == []
    assert other.warned == set()
