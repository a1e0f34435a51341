"""Who may do what: the table itself, the second person, the emergency, the locked screen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.people import PERMISSIONS, Context, Person, Role, Second, Verb, is_emergency, may

EVERYBODY = {role: Person(f"a-{role}", f"A {role}", frozenset({role})) for role in Role}
CLINICIAN = EVERYBODY[Role.CLINICIAN]
ANOTHER = replace(CLINICIAN, login="b-clinician")
FULL = Context(reason="it was steam", second=ANOTHER)
"""Whatever a verb may ask for besides the role."""

TABLE = """
                        clinician assistant technician administrator auditor
    stop                    x         x         x            x          x
    watch                   x         x         x            x          x
    clear-stop              x         -         x            -          -
    acknowledge             x         x         x            x          -
    start                   x         x         -            -          -
    attend                  x         x         -            -          -
    order                   x         -         -            -          -
    screen                  x         x         -            -          -
    override                x         -         -            -          -
    see-patient             x         x         -            -          x
    edit-patient            x         x         -            -          -
    schedule                x         x         -            -          -
    sign                    x         x         -            -          -
    amend                   x         x         -            -          -
    export                  x         -         -            -          x
    check-lamp              x         x         x            -          -
    calibrate               -         -         x            -          -
    approve-calibration     x         -         x            -          -
    commission              -         -         x            -          -
    edit-protocol           x         -         -            -          -
    approve-protocol        x         -         -            -          -
    edit-template           x         -         -            x          -
    manage-people           -         -         -            x          -
    configure               -         -         x            x          -
    back-up                 -         -         -            x          -
    read-audit              -         -         -            x          x
"""


def test_the_whole_table_is_as_it_was_agreed() -> None:
    head, *rows = [line.split() for line in TABLE.strip().splitlines()]
    told = {
        Verb(verb): {Role(role) for role, mark in zip(head, marks, strict=True) if mark == "x"} for verb, *marks in rows
    }
    assert told.keys() == set(Verb)
    for verb, roles in told.items():
        assert {role for role, person in EVERYBODY.items() if may(person, verb, FULL) is None} == roles, verb


signed_in = st.one_of(st.none(), st.sampled_from(list(EVERYBODY.values())))
anything = st.builds(
    Context,
    locked=st.booleans(),
    reason=st.sampled_from(["", " ", "a reason"]),
    second=st.one_of(st.none(), st.just(CLINICIAN), st.just(ANOTHER)),
    took_part=st.frozensets(st.sampled_from([p.login for p in EVERYBODY.values()])),
    emergency=st.booleans(),
)


@given(signed_in, anything)
def test_stop_and_the_live_view_are_everybodys_whatever_else_is_the_case(
    person: Person | None, context: Context
) -> None:
    assert may(person, Verb.STOP, context) is None
    assert may(person, Verb.WATCH, context) is None


@given(signed_in, st.sampled_from([v for v in Verb if not PERMISSIONS[v].anybody]), anything)
def test_nothing_else_is_for_nobody_nor_behind_a_locked_screen_nor_for_who_has_left(
    person: Person | None, verb: Verb, context: Context
) -> None:
    assert may(None, verb, context) is not None
    assert may(person, verb, replace(context, locked=True)) is not None
    if person is not None:
        assert may(replace(person, active=False), verb, context) is not None


@given(st.sampled_from(list(EVERYBODY.values())), st.sampled_from(list(Verb)), anything)
def test_an_emergency_opens_patients_to_look_at_and_nothing_else(person: Person, verb: Verb, context: Context) -> None:
    calm = replace(context, emergency=False)
    if may(person, verb, context) is None and may(person, verb, calm) is not None:
        assert verb is Verb.SEE_PATIENT
        assert is_emergency(person, verb, context)
        assert context.reason.strip()
    else:
        assert not is_emergency(person, verb, calm)


def test_emergency_access_wants_a_reason_and_is_none_for_who_may_anyway() -> None:
    technician, emergency = EVERYBODY[Role.TECHNICIAN], Context(emergency=True, reason="fainted under the lamp")
    assert may(technician, Verb.SEE_PATIENT, emergency) is None
    problem = may(technician, Verb.SEE_PATIENT, replace(emergency, reason=" "))
    assert problem is not None
    assert problem.field == "reason"
    assert not is_emergency(CLINICIAN, Verb.SEE_PATIENT, emergency)
    refused = may(technician, Verb.SEE_PATIENT)
    assert refused is not None
    assert "emergency" in refused.remedy


@pytest.mark.parametrize(
    "second",
    [None, CLINICIAN, EVERYBODY[Role.ASSISTANT], EVERYBODY[Role.ADMINISTRATOR], replace(ANOTHER, active=False)],
)
def test_an_override_takes_two_clinicians(second: Person | None) -> None:
    problem = may(CLINICIAN, Verb.OVERRIDE, Context(reason="discussed", second=second))
    assert problem is not None
    assert problem.field == "second"
    assert may(CLINICIAN, Verb.OVERRIDE, Context(reason="discussed", second=ANOTHER)) is None


@pytest.mark.parametrize("verb", [v for v in Verb if PERMISSIONS[v].second is Second.ELSE])
def test_nobody_decides_over_his_own_work_whatever_his_roles(verb: Verb) -> None:
    everything = Person("a-b", "A. B", frozenset(Role))
    assert may(everything, verb, Context(reason="fine", took_part=frozenset({"c-d"}))) is None
    problem = may(everything, verb, Context(reason="fine", took_part=frozenset({"a-b", "c-d"})))
    assert problem is not None
    assert "somebody else" in problem.limit


def test_who_has_two_roles_may_what_either_may() -> None:
    both = Person("a-b", "A. B", frozenset({Role.TECHNICIAN, Role.ASSISTANT}))
    assert may(both, Verb.CALIBRATE) is None
    assert may(both, Verb.START) is None
    assert may(both, Verb.ORDER) is not None
