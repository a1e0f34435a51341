"""What is told of a station, and how Home Assistant learns of it: pure functions of what the controller shows.

No patient, no area, no session's number, nobody's name: only figures of lamps, and how many alarms there are.

What a lamp does is never retained by the broker, and expires: a message that is old must not look like the light of now. Retained are only the descriptions, and whether a station is heard at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PRIORITIES = ("high", "medium", "low")
EXPIRES_S = 15
"""For so long a display may show what it heard last; three times as long as it takes until everything is told again."""
ONLINE, OFFLINE = "online", "offline"
LIT = ("warming", "emitting")

View = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """One message. `figures`: what changes all the time, told once a second at most; `plain`: what is told as soon as it changes."""

    topic: str
    plain: Mapping[str, Any]
    figures: Mapping[str, Any]

    @property
    def payload(self) -> str:
        return json.dumps({**self.plain, **self.figures}, separators=(",", ":"), sort_keys=True)


def available(prefix: str, station: str) -> str:
    """The topic that says whether a station is heard."""
    return f"{prefix}/{station}/available"


def told(prefix: str, station: str, view: View) -> Iterator[Told]:
    """The messages about a station. `view`: GET /v1/station, with what the stream says since."""
    alarms = {one: sum(alarm["priority"] == one for alarm in view["alarms"]) for one in PRIORITIES}
    plain = {"simulated": bool(view["simulated"]), "stopped": view["latched"] is not None, "alarms": alarms}
    yield Told(f"{prefix}/{station}/state", plain, {})
    for lamp in view["lamps"]:
        yield Told(f"{prefix}/{station}/lamps/{lamp['name']}", *_lamp(lamp))


def _lamp(lamp: View) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    session: View = (lamp["session"] or {}) if lamp["status"] == "busy" else {}
    live: View = lamp["live"]
    plain = {
        "status": lamp["status"],
        "state": session.get("state"),
        "on": live["on"],
        "emitting": session.get("state") in LIT if lamp["status"] != "unverified" else None,
    }
    figures = {
        "irradiance_mw_cm2": live["irradiance_mw_cm2"],
        "irradiance_source": live["irradiance_source"],
        "skin_c": live["skin_c"],
        "fluence_j_cm2": session.get("fluence_j_cm2"),
        "fluence_min_j_cm2": session.get("fluence_min_j_cm2"),
        "fluence_max_j_cm2": session.get("fluence_max_j_cm2"),
        "remaining_s": session.get("remaining_s"),
    }
    return plain, figures


# --- Home Assistant ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entity:
    """One thing that is shown. `kind`: of Home Assistant; `value`: its template."""

    kind: str
    key: str
    name: str
    value: str
    more: Mapping[str, Any]


_NONE = "{{ value_json.%s if value_json.%s is not none else 'unknown' }}"
_YES = "{{ 'ON' if value_json.%s else ('unknown' if value_json.%s is none else 'OFF') }}"


def _number(key: str, name: str, unit: str, **more: Any) -> _Entity:
    return _Entity(
        "sensor", key, name, _NONE % (key, key), {"unit_of_measurement": unit, "state_class": "measurement", **more}
    )


_OF_A_LAMP = (
    _Entity("binary_sensor", "emitting", "Emitting", _YES % ("emitting", "emitting"), {"device_class": "light"}),
    _Entity("sensor", "status", "Status", "{{ value_json.status }}", {}),
    _number("irradiance_mw_cm2", "Irradiance", "mW/cm²"),
    _number("fluence_j_cm2", "Dose delivered", "J/cm²"),
    _number("fluence_min_j_cm2", "Dose delivered, least", "J/cm²"),
    _number("fluence_max_j_cm2", "Dose delivered, most", "J/cm²"),
    _number("remaining_s", "Time left", "s", device_class="duration"),
    _number("skin_c", "Skin temperature", "°C", device_class="temperature"),
)
_OF_A_STATION = (
    _Entity("binary_sensor", "stopped", "Emergency stop", "{{ 'ON' if value_json.stopped else 'OFF' }}", {"device_class": "safety"}),
    *(
        _Entity("sensor", f"alarms_{one}", f"Alarms, {one} priority", f"{{{{ value_json.alarms.{one} }}}}", {"state_class": "measurement"})
        for one in PRIORITIES
    ),
)  # fmt: skip


def discovery(prefix: str, home: str, station: str, bridge: str, view: View) -> Iterator[tuple[str, str]]:
    """Topic and payload of each description: sensors alone, for here is nothing that could be commanded.

    `bridge`: the topic that says whether this process lives. Source: Home Assistant's documentation of MQTT discovery, sensor and binary_sensor.
    """
    about = f"{prefix}/{station}/state"
    device = {
        "identifiers": [f"irctl_{station}"],
        "name": view["station"],
        "manufacturer": "irctl",
        "sw_version": view["version"],
    }
    yield from _described(home, station, station, about, device, _OF_A_STATION, (bridge, available(prefix, station)))
    for lamp in view["lamps"]:
        name = f"{station}_{lamp['name']}"
        device = {
            "identifiers": [f"irctl_{name}"],
            "name": lamp["title"] or lamp["name"],
            "manufacturer": "irctl",
            "via_device": f"irctl_{station}",
        }
        topic = f"{prefix}/{station}/lamps/{lamp['name']}"
        yield from _described(home, station, name, topic, device, _OF_A_LAMP, (bridge, available(prefix, station)))


def _described(
    home: str, station: str, name: str, topic: str, device: Mapping[str, Any], entities: tuple[_Entity, ...], there: tuple[str, str]
) -> Iterator[tuple[str, str]]:  # fmt: skip
    for entity in entities:
        told = {
            "name": entity.name,
            "unique_id": f"irctl_{name}_{entity.key}",
            "state_topic": topic,
            "value_template": entity.value,
            "availability": [{"topic": one} for one in there],
            "availability_mode": "all",
            "expire_after": EXPIRES_S,
            "device": device,
            "origin": {"name": "irctl"},
            **entity.more,
        }
        yield (
            f"{home}/{entity.kind}/irctl_{name}/{entity.key}/config",
            json.dumps(told, separators=(",", ":"), ensure_ascii=False),
        )
