"""What `irctl drivers` says of a driver is what the driver offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from irctl.bus.unit import Unit
from irctl.devices.finding import every_driver
from irctl.devices.roles import FailSafe
from tests.devices.tables import Tables

GIVEN: dict[str, dict[str, Any]] = {
    "waveshare-relay": {"retrigger": "restart"},
    "waveshare-io8": {"retrigger": "restart"},
    "jy-dam": {"retrigger": "restart"},
    "icpdas-tm-da1p1r1": {"full": 4095.0},
    "beckhoff-ek9000": {"full": 32767.0},
    "beckhoff-bk9000": {"full": 32767.0},
    "riden-rd60xx": {"full": 5.0, "volts": 24.0},
}
MODBUS = [driver for driver in every_driver() if driver.speaks == "modbus" and driver.name != "acme-relay"]


@pytest.mark.parametrize("driver", MODBUS, ids=lambda driver: driver.name)
def test_roles_and_fail_safe_are_as_told(driver: Any) -> None:
    options = driver.parse_options("dut", GIVEN.get(driver.name, {}))
    device = driver.connect(Unit(cast("Any", Tables()), 1), "dut", options)
    assert set(driver.about.roles) == set(device.offers())
    outputs = [*device.emitters.values(), *device.cutoffs.values()]
    assert {output.lease.fail_safe for output in outputs} == ({driver.about.fail_safe} - {None})


def test_every_driver_says_where_its_facts_are_from() -> None:
    for driver in every_driver():
        assert driver.about is not None
        assert driver.about.source
        if FailSafe.NONE is driver.about.fail_safe:
            assert "cutoff" not in driver.about.roles


def test_folder_of_maps_has_a_twin_for_each() -> None:
    from irctl_simulator.twins.registry import TWINS

    maps = {path.stem for path in (Path(__file__).parents[2] / "drivers" / "irctl_drivers" / "maps").glob("*.toml")}
    assert maps <= set(TWINS)
