"""What is told of a station, and when: of values, without a broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from irctl.mqtt.shown import Station
from irctl.mqtt.telling import AGAIN_EVERY_S, EXPIRES_S, FIGURES_EVERY_S, Pace, Told, told

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "publish-to-mqtt.md"
SESSION = {
    "id": "S-20261123-0001",
    "state": "emitting",
    "order": {"patient": "P-17", "area": "lumbar", "by": "M. Okafor"},
    "fluence_j_cm2": 2.0,
    "fluence_min_j_cm2": 1.9,
    "fluence_max_j_cm2": 2.2,
    "remaining_s": 31.5,
}
LIVE = {"on": True, "cutoff_closed": True, "irradiance_mw_cm2": 50.1, "irradiance_source": "measured", "skin_c": 36.4}


def a_station(status: str = "busy", alarms: tuple[str, ...] = (), **live: Any) -> Station:
    """As GET /v1/station shows it, with what is not told on."""
    lamp = {"name": "left", "title": "Left lamp", "status": status, "session": SESSION, "live": LIVE | live}
    return Station.model_validate(
        {
            "station": "Room 1",
            "version": "0.2.0",
            "simulated": True,
            "latched": None,
            "alarms": [{"priority": one, "text": "P-17 is too hot", "session": SESSION["id"]} for one in alarms],
            "lamps": [lamp],
        }
    )


def of_lamp(station: Station) -> dict[str, Any]:
    return json.loads(list(told("irctl", "room-1", station))[1].payload)


@pytest.mark.parametrize(
    ("status", "on", "cutoff_closed", "emitting"),
    [
        ("busy", True, True, True),
        ("busy", True, None, True),
        ("bench", True, True, True),
        ("unverified", True, None, True),
        ("busy", True, False, False),
        ("dark", False, None, False),
        ("dark", None, False, False),
        ("busy", None, None, None),
        ("dark", None, None, None),
        ("unverified", None, True, None),
    ],
)
def test_a_lamp_emits_as_its_outputs_read_back_whoever_lit_it(
    status: str, on: bool | None, cutoff_closed: bool | None, emitting: bool | None
) -> None:
    assert of_lamp(a_station(status, on=on, cutoff_closed=cutoff_closed))["emitting"] is emitting


def test_what_is_not_known_is_null() -> None:
    said = of_lamp(a_station(on=None, cutoff_closed=None, irradiance_mw_cm2=None, skin_c=None))
    assert {name for name, value in said.items() if value is None} == {"emitting", "irradiance_mw_cm2", "skin_c"}


def test_the_dose_of_a_session_that_is_over_is_not_told_as_of_now() -> None:
    said = of_lamp(a_station("dark", on=False))
    assert {
        name for name, value in said.items() if name.startswith(("fluence", "remaining", "state")) and value
    } == set()


def test_alarms_are_counted_by_priority() -> None:
    station = next(told("irctl", "room-1", a_station(alarms=("high", "low", "low"))))
    assert station.plain["alarms"] == {"high": 1, "medium": 0, "low": 2}


def test_what_is_told_is_what_the_page_says_and_nothing_of_anybody() -> None:
    for message in told("irctl", "room-1", a_station(alarms=("high",))):
        assert not [private for private in ("P-17", "lumbar", "Okafor", "S-2026") if private in message.payload]
        row = next(line for line in HOW_TO.read_text("utf-8").splitlines() if line.startswith(f"| `{message.topic}`"))
        assert [key for key in json.loads(message.payload) if f"`{key}`" not in row] == []


def test_what_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="skin_c") as told_of:
        a_station(skin_c="P-17")
    assert "P-17" not in str(told_of.value)


def test_what_changes_is_told_at_once_figures_once_a_second_and_everything_again() -> None:
    pace = Pace()

    def due(emitting: bool, irradiance: float, now_s: float) -> bool:
        return pace.due(Told("lamp", {"emitting": emitting}, {"irradiance": irradiance}), now_s)

    assert due(False, 0.0, 0.0)
    assert not due(False, 1.0, FIGURES_EVERY_S - 0.01)
    assert due(True, 1.0, FIGURES_EVERY_S - 0.01)
    assert not due(True, 2.0, 2 * FIGURES_EVERY_S - 0.02)
    assert due(True, 2.0, 2 * FIGURES_EVERY_S)
    assert not due(True, 2.0, 2 * FIGURES_EVERY_S + AGAIN_EVERY_S - 0.01)
    assert due(True, 2.0, 2 * FIGURES_EVERY_S + AGAIN_EVERY_S)


def test_a_telling_or_two_may_be_lost_before_a_display_takes_a_lamp_for_unknown() -> None:
    assert EXPIRES_S > 3 * AGAIN_EVERY_S
