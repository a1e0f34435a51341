"""Lamps that are no halogen: what they do after they are switched on and off."""

from __future__ import annotations

from math import exp

import pytest

from irctl_simulator.physics.lamp import Body, CeramicEmitter, Component, LedPanel
from irctl_simulator.station import SimStation

TAU_S = 240.0
DROOP = 0.12


def ceramic() -> CeramicEmitter:
    return CeramicEmitter((Component(1.0, TAU_S),))


def led() -> LedPanel:
    return LedPanel(DROOP, 40.0)


def fed(body: Body, v2: float, seconds: float, step_s: float = 0.5) -> float:
    """The integral of the output, in small steps."""
    body.feed(v2, 1.0)
    return sum(body.step(step_s) for _ in range(round(seconds / step_s)))


def test_a_ceramic_emitter_glows_on_for_minutes_after_its_power_is_cut() -> None:
    body = ceramic()
    fed(body, 1.0, 10 * TAU_S)
    assert body.output == pytest.approx(1.0, abs=1e-3)
    afterglow = fed(body, 0.0, 60.0)
    assert body.output == pytest.approx(exp(-60.0 / TAU_S), abs=1e-3)
    assert afterglow > 50.0, "of sixty seconds at full power: a dose that no switch takes back"


def test_a_ceramic_emitter_radiates_the_power_that_it_takes() -> None:
    body = ceramic()
    fed(body, 0.4, 20 * TAU_S)
    assert body.output == pytest.approx(0.4, abs=1e-3)


def test_an_led_panel_is_dark_at_once_and_brightest_when_cold() -> None:
    body = led()
    body.feed(1.0, 1.0)
    assert body.output == pytest.approx(1.0 + DROOP)
    fed(body, 1.0, 600.0)
    assert body.output == pytest.approx(1.0, abs=1e-3)
    body.feed(0.0, 1.0)
    assert body.output == 0.0


@pytest.mark.parametrize("make", [ceramic, led])
@pytest.mark.parametrize("v2", [0.2, 0.7, 1.0])
def test_steps_of_any_length_are_exact(make: type[Body], v2: float) -> None:
    in_one, in_many = make(), make()  # type: ignore[call-arg]
    in_one.feed(v2, 0.9)
    whole = in_one.step(100.0)
    in_many.feed(v2, 0.9)
    pieces = sum(in_many.step(0.1) for _ in range(1000))
    assert whole == pytest.approx(pieces, rel=1e-9)
    assert in_one.output == pytest.approx(in_many.output, rel=1e-9)
    assert in_one.settled == pytest.approx(0.9 * in_one.steady(v2))


def test_a_station_says_what_kind_of_lamp_hangs_there() -> None:
    station = SimStation.from_config(
        {
            "lines": {"wire": {}},
            "devices": {"relay": {"twin": "waveshare-relay", "line": "wire", "unit": 1}},
            "lamps": {"heater": {"serial": "C-1", "kind": "ceramic", "emitter": "relay.1", "irradiance_mw_cm2": 60.0}},
        }
    )
    twin = station.devices["relay"].twin
    twin.handle(bytes.fromhex("05 00 00 ff 00"), 0.0)
    station.acted(station.devices["relay"], 0.0)
    lamp = station.lamps["heater"].treatment
    lamp.advance(2000.0)
    twin.handle(bytes.fromhex("05 00 00 00 00"), 2000.0)
    station.acted(station.devices["relay"], 2000.0)
    truth = lamp.truth(2060.0)
    assert not truth.powered
    assert truth.irradiance_mw_cm2 > 40.0
