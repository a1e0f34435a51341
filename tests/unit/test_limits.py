"""Three layers of limits: a protocol narrows the station's, an order narrows the protocol's, and none widens anything."""

from __future__ import annotations

from datetime import timedelta
from math import inf, nan

import pytest

from irctl.domain.history import Given, problems_with_clock, problems_with_history
from irctl.domain.limits import Bounds, narrowed
from irctl.domain.orders import problems_with
from tests.unit.worlds import LIMITS, NOW, a_calibration, an_order


def refused(**changes: object) -> set[str]:
    return {p.field for p in problems_with(an_order(**changes), LIMITS, a_calibration(), 50.0, NOW)}


def test_a_layer_that_narrows_is_allowed_and_holds() -> None:
    order = an_order(
        protocol="low back, version 3",
        protocol_limits=Bounds(irradiance_mw_cm2_max=60.0, skin_c_max=42.0),
        limits=Bounds(irradiance_mw_cm2_max=50.0, interval_s_min=3600.0),
    )
    assert not problems_with(order, LIMITS, a_calibration(), 50.0, NOW)
    held = order.narrowed(LIMITS)
    assert (held.irradiance_mw_cm2_max, held.skin_c_max, held.interval_s_min) == (50.0, 42.0, 3600.0)
    assert held.fluence_j_cm2_max == LIMITS.fluence_j_cm2_max


def test_a_protocol_that_is_wider_than_the_station_is_refused() -> None:
    assert refused(protocol_limits=Bounds(irradiance_mw_cm2_max=101.0)) == {"protocol.limits.irradiance_mw_cm2_max"}


def test_an_order_that_is_wider_than_its_protocol_is_refused_though_the_station_would_allow_it() -> None:
    layers = {"protocol_limits": Bounds(skin_c_max=41.0), "limits": Bounds(skin_c_max=42.0)}
    assert refused(**layers) == {"limits.skin_c_max"}


def test_an_interval_is_narrowed_by_being_longer() -> None:
    layers = {"protocol_limits": Bounds(interval_s_min=7200.0), "limits": Bounds(interval_s_min=3600.0)}
    assert refused(**layers) == {"limits.interval_s_min"}


@pytest.mark.parametrize("value", [nan, inf, -1.0])
def test_what_is_no_limit_is_refused_and_never_widens(value: float) -> None:
    assert "limits.skin_c_max" in refused(limits=Bounds(skin_c_max=value))
    assert not narrowed(LIMITS, Bounds(skin_c_max=inf)).skin_c_max > LIMITS.skin_c_max


@pytest.mark.parametrize(
    ("bounds", "field"),
    [
        (Bounds(irradiance_mw_cm2_max=49.0), "irradiance_mw_cm2"),
        (Bounds(fluence_j_cm2_max=59.0), "fluence_j_cm2"),
        (Bounds(duration_s_max=1199.0), "duration_s"),
    ],
)
def test_what_an_inner_layer_forbids_is_refused(bounds: Bounds, field: str) -> None:
    assert refused(protocol_limits=bounds) == {field}
    assert refused(limits=bounds) == {field}


# --- what was given before -------------------------------------------------------------------------------------------


def before(hours: float, max_j_cm2: float) -> Given:
    return Given("S-1", NOW - timedelta(hours=hours), max_j_cm2)


def test_the_day_is_any_24_hours_and_charged_with_the_maximum() -> None:
    assert not problems_with_history(60.0, LIMITS, [before(1, 30.0)], NOW)
    (problem,) = problems_with_history(60.0, LIMITS, [before(1, 20.0), before(23.9, 10.1)], NOW)
    assert problem.field == "fluence_j_cm2"
    assert "30.10" in problem.limit
    assert "59.90" in problem.remedy
    assert not problems_with_history(60.0, LIMITS, [before(1, 20.0), before(24.1, 80.0)], NOW)


def test_sessions_of_one_area_keep_their_interval() -> None:
    hourly = narrowed(LIMITS, Bounds(interval_s_min=3600.0))
    (problem,) = problems_with_history(1.0, hourly, [before(0.9, 1.0)], NOW)
    assert problem.field == "interval_s"
    assert not problems_with_history(1.0, hourly, [before(1.1, 1.0)], NOW)


def test_a_clock_before_the_journals_last_entry_tells_no_day() -> None:
    assert not problems_with_clock(NOW, None)
    assert not problems_with_clock(NOW, NOW + timedelta(seconds=119))
    (problem,) = problems_with_clock(NOW, NOW + timedelta(seconds=121))
    assert problem.field == "clock"
