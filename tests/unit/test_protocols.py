"""Protocols: what a visit is due, what is refused, and what a protocol's file must prove of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.clinic.shelf.protocol_file import load_protocol
from irctl.domain.course import Settings, Visit
from irctl.domain.limits import Limits, problems_with_bounds
from irctl.domain.problems import Refused
from irctl.domain.protocols import Dose, Due, Protocol, Under, due, name_of, problems_with_use
from irctl.domain.since_last import changes, slips
from tests.unit.worlds import CONFIGS, NOW

FILES = sorted((CONFIGS / "protocols").glob("*.toml"))
LUMINOUS = load_protocol(CONFIGS / "protocols" / "luminous-ir.toml")
UNDER = Under("halogen", 50.0, skin_thermometer=True, area="lumbar", simulated=True)


def a_visit(days_ago: float, share: float = 1.0) -> Visit:
    dose = LUMINOUS.dose_of(1)
    given = share * dose.fluence_j_cm2
    settings = Settings("left", dose.fluence_j_cm2, dose.irradiance_mw_cm2, LUMINOUS.label)
    return Visit(NOW - timedelta(days=days_ago), settings, given, given)


def visits(*days_ago: float, share: float = 1.0) -> list[Visit]:
    return [a_visit(days, share=share) for days in days_ago]


def reasons(visit: int, before: list[Visit], protocol: Protocol = LUMINOUS) -> set[str]:
    with pytest.raises(Refused) as refused:
        due(protocol, visit, before, NOW)
    return {problem.field for problem in refused.value.problems}


# --- what is due ------------------------------------------------------------------------------------------------------


def test_the_first_visit_gets_the_first_step_and_the_dose_rises_by_visit() -> None:
    assert due(LUMINOUS, 1, [], NOW) == Due(1, 1, Dose(24.0, 40.0))
    assert due(LUMINOUS, 3, visits(5, 2), NOW).dose == Dose(36.0, 40.0)


def test_a_visit_that_was_cut_off_is_given_again_before_the_dose_rises() -> None:
    before = [*visits(7, share=0.5), *visits(5, 2)]
    assert due(LUMINOUS, 4, before, NOW) == Due(4, 3, Dose(36.0, 40.0))
    assert due(LUMINOUS, 3, [a_visit(5), a_visit(2, share=0.5)], NOW) == Due(3, 2, Dose(24.0, 40.0))


def test_missed_visits_take_the_dose_back_and_it_rises_from_there() -> None:
    five = visits(17, 15, 13, 11, 9)
    assert due(LUMINOUS, 6, five, NOW) == Due(6, 4, Dose(36.0, 40.0))
    assert due(LUMINOUS, 7, [*five, a_visit(1)], NOW) == Due(7, 5, Dose(54.0, 45.0))
    assert due(LUMINOUS, 6, visits(37, 35, 33, 31, 29), NOW) == Due(6, 1, Dose(24.0, 40.0))


def test_the_visit_must_be_the_next_one() -> None:
    assert reasons(2, []) == {"visit"}
    assert reasons(2, visits(5, 2)) == {"visit"}
    assert reasons(13, visits(*range(36, 0, -3))) == {"visit"}


def test_the_least_interval_and_the_courses_ceiling_refuse_and_shrink_nothing() -> None:
    assert reasons(2, visits(0.5)) == {"interval_s"}
    near = replace(LUMINOUS, course=replace(LUMINOUS.course, fluence_j_cm2_max=50.0))
    assert reasons(3, visits(5, 2), near) == {"fluence_j_cm2"}
    assert reasons(3, visits(3, 0.5), near) == {"fluence_j_cm2", "interval_s"}


def test_the_ceiling_counts_the_most_that_may_have_been_given() -> None:
    near = replace(LUMINOUS, course=replace(LUMINOUS.course, fluence_j_cm2_max=50.0))
    assert due(near, 2, visits(2), NOW).dose == Dose(24.0, 40.0)
    assert reasons(2, [replace(a_visit(2), max_j_cm2=26.1)], near) == {"fluence_j_cm2"}


def test_visits_in_the_future_or_out_of_order_are_a_wrong_clock() -> None:
    assert reasons(2, visits(-1)) == {"visits"}
    assert reasons(3, visits(2, 5)) == {"visits"}


gaps = st.lists(st.tuples(st.floats(0.9, 60.0), st.sampled_from([0.3, 1.0])), max_size=11)


@given(gaps)
def test_whatever_the_history_the_dose_is_one_of_the_steps_never_ahead_of_the_visit_and_a_gap_never_raises_it(
    history: list[tuple[float, float]],
) -> None:
    before: list[Visit] = []
    days = sum(gap for gap, _ in history)
    for gap, share in history:
        before.append(a_visit(days, share=share))
        days -= gap
    found = due(
        replace(LUMINOUS, course=replace(LUMINOUS.course, fluence_j_cm2_max=9999.0)), len(before) + 1, before, NOW
    )
    assert LUMINOUS.prescribes(found.dose)
    assert 1 <= found.place <= sum(one.complete for one in before) + 1
    if before and history[-1][0] >= 21:
        assert found.place == 1


# --- where it may be used -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lamp_type": "ceramic"}, "lamp_type"),
        ({"distance_cm": 44.9}, "distance_cm"),
        ({"simulated": False}, "protocol"),
    ],
)
def test_another_lamp_another_distance_and_an_unapproved_example_are_refused(
    change: dict[str, object], field: str
) -> None:
    assert problems_with_use(LUMINOUS, UNDER) == []
    (problem,) = problems_with_use(LUMINOUS, replace(UNDER, **change))
    assert problem.field == field


def test_areas_and_thermometer_where_a_protocol_asks_for_them() -> None:
    picky = replace(LUMINOUS, areas=("Lumbar spine",), needs_skin_thermometer=True)
    assert problems_with_use(picky, replace(UNDER, area=" lumbar  SPINE")) == []
    found = problems_with_use(picky, replace(UNDER, skin_thermometer=False))
    assert {problem.field for problem in found} == {"area", "skin"}


def test_the_label_names_version_and_content() -> None:
    assert name_of(LUMINOUS.label) == "luminous-ir"
    assert LUMINOUS.sha256.startswith(LUMINOUS.label[-12:])


# --- since the last visit ----------------------------------------------------------------------------------------------

LAST = Settings("left", 24.0, 40.0, LUMINOUS.label)


def test_a_slip_of_the_decimal_point_is_found_both_ways_and_no_confirmation_helps() -> None:
    assert slips(LAST, replace(LAST, fluence_j_cm2=36.0)) == []
    (up,) = slips(LAST, replace(LAST, fluence_j_cm2=240.0))
    assert "10 times above" in up.limit
    (down,) = slips(LAST, replace(LAST, irradiance_mw_cm2=4.0))
    assert "10 times below" in down.limit
    assert slips(LAST, replace(LAST, fluence_j_cm2=float("nan"))) != []
    assert slips(LAST, replace(LAST, fluence_j_cm2=0.0)) != []


def test_what_changed_is_named_unless_explained_or_confirmed() -> None:
    now = replace(LAST, lamp="right", fluence_j_cm2=36.0)
    assert [p.field for p in changes(LAST, now)] == ["lamp", "fluence_j_cm2"]
    assert [p.field for p in changes(LAST, now, explained={"fluence_j_cm2"})] == ["lamp"]
    assert changes(LAST, now, explained={"fluence_j_cm2"}, confirmed={"lamp"}) == []
    assert changes(LAST, LAST) == []


# --- the files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_examples_hold_say_what_they_are_and_narrow_the_projects_limits(file: Path) -> None:
    protocol = load_protocol(file)
    assert "EXAMPLE, to be approved by your clinic" in protocol.standing
    assert "EXAMPLE, to be approved by your clinic" in file.read_text(encoding="utf-8").splitlines()[0]
    assert protocol.sources
    widest = Limits(150.0 if protocol.needs_skin_thermometer else 100.0, 90.0, 1800.0, 43.0)
    assert problems_with_bounds("protocol", protocol.limits, widest) == []


def test_there_is_one_for_each_kind_of_lamp() -> None:
    assert {load_protocol(file).lamp_types for file in FILES} == {("halogen",), ("ceramic",), ("wira",)}


TEXT = FILES[1].read_text(encoding="utf-8")


def changed(tmp_path: Path, change: Callable[[str], str]) -> set[str]:
    file = tmp_path / "luminous-ir.toml"
    text = change(TEXT)
    assert text != TEXT, "the change no longer fits the example"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_protocol(file)
    return {problem.field for problem in refused.value.problems}


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("fluence_j_cm2 = 36              # 15 min", "fluence_j_cm2 = 37", "expect.1"),
        ("visits_back = 2", "visits_back = 4", "expect.4"),
        ("begin_again = true", "visits_back = 3", "expect.5"),
        ("interval_s_min = 72000 ", "interval_s_min = 3600 ", "expect.6"),
        ("weeks = 4", "weeks = 5", "course.fluence_j_cm2_max"),
        ("fluence_j_cm2 = 24              # 10 min", "fluence_j_cm2 = 2.4", "steps.1.fluence_j_cm2"),
        ("irradiance_mw_cm2 = 45\nfluence_j_cm2 = 54              # 20 min", "irradiance_mw_cm2 = 45\nfluence_j_cm2 = 540", "steps.2.fluence_j_cm2"),
        ("irradiance_mw_cm2_max = 60", "irradiance_mw_cm2_max = 600", "limits.irradiance_mw_cm2_max"),
        ("duration_s_max = 1200", "duration_s_max = 1199", "steps.2.duration_s"),
        ("fluence_j_cm2_max = 55          # session ceiling", "", "limits.fluence_j_cm2_max"),
        ("interval_s_min = 72000 ", "interval_s_min = 400000 ", "limits.interval_s_min"),
        ("from_visit = 1\n", "from_visit = 2\n", "steps"),
        ("after_days = 7\nvisits_back", "after_days = 3\nvisits_back", "missed.after_days"),
        ("after_days = 21\nbegin_again = true", "after_days = 21\nvisits_back = 1", "missed.visits_back"),
        ("[[expect]]\nvisit = 13\nrefused = true\n", "", "expect"),
        ("[[expect]]\nvisit = 3\nfluence_j_cm2 = 36\nirradiance_mw_cm2 = 40\n", "", "expect"),
        ("refused = true", "refused = false", "expect.6"),
        ("visits_back = 2", "visits_back = 2\nbegin_again = true", "missed.0"),
        ('name = "luminous-ir"', 'name = "luminous"', "name"),
        ("version = 1", 'version = "1"', "version"),
        ("per_week = 3", "per_week = 3\nper_day = 2", "course.per_day"),
        ('mark = "F"', 'mark = "sure"', "sources.0.mark"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_hold_is_refused_with_the_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    assert field in changed(tmp_path, lambda text: text.replace(old, new, 1))


def approved_by(tmp_path: Path, name: str) -> Protocol:
    file = tmp_path / "luminous-ir.toml"
    file.write_text(f'{TEXT}\n[approval]\nby = "{name}"\non = 2026-12-01\n', encoding="utf-8")
    return load_protocol(file)


def test_an_approval_is_a_second_persons_and_opens_clinical_use(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="wrote it"):
        approved_by(tmp_path, "The authors  of irctl")
    protocol = approved_by(tmp_path, "M. Okafor")
    assert protocol.standing == "approved by M. Okafor, 2026-12-01"
    assert problems_with_use(protocol, replace(UNDER, simulated=False)) == []
    assert protocol.label != LUMINOUS.label
