"""How Home Assistant learns of a station and its lamps: sensors alone, for here is nothing that could be commanded.

Source: its documentation of MQTT discovery, `sensor.mqtt` and `binary_sensor.mqtt`. There, a value that renders as None is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from irctl.mqtt.shown import Station
from irctl.mqtt.telling import EXPIRES_S, PRIORITIES, available, of_lamp, of_station


@dataclass(frozen=True, slots=True)
class _Entity:
    """One thing that is shown. `key`: where its value stands in the message; `more`: what its kind wants beside that."""

    kind: str
    key: str
    name: str
    more: Mapping[str, str] = field(default_factory=dict[str, str])


def _yes_or_no(key: str, name: str, **more: str) -> _Entity:
    # JSON's true and false, as its templates write them.
    return _Entity("binary_sensor", key, name, {"payload_on": "True", "payload_off": "False", **more})


def _number(key: str, name: str, unit: str, **more: str) -> _Entity:
    return _Entity("sensor", key, name, {"unit_of_measurement": unit, "state_class": "measurement", **more})


_OF_A_LAMP = (
    _yes_or_no("emitting", "Emitting", device_class="light"),
    _Entity("sensor", "status", "Status"),
    _number("irradiance_mw_cm2", "Irradiance", "mW/cm²"),
    _number("fluence_j_cm2", "Dose delivered", "J/cm²"),
    _number("fluence_min_j_cm2", "Dose delivered, least", "J/cm²"),
    _number("fluence_max_j_cm2", "Dose delivered, most", "J/cm²"),
    _number("remaining_s", "Time left", "s", device_class="duration"),
    _number("skin_c", "Skin temperature", "°C", device_class="temperature"),
)
_OF_A_STATION = (
    _yes_or_no("stopped", "Emergency stop", device_class="safety"),
    _yes_or_no("simulated", "Simulated", entity_category="diagnostic"),
    *(_Entity("sensor", f"alarms.{one}", f"Alarms, {one} priority", {"state_class": "measurement"}) for one in PRIORITIES),
)  # fmt: skip


def descriptions(prefix: str, discovery: str, name: str, station: Station) -> Iterator[tuple[str, str]]:
    """Topic and payload of each, to be kept by the broker. `discovery`: where Home Assistant looks for them."""
    hub, there = f"irctl_{name}", available(prefix, name)
    device = {"identifiers": hub, "name": station.station, "manufacturer": "irctl", "sw_version": station.version}
    for entity in _OF_A_STATION:
        yield _described(discovery, hub, of_station(prefix, name), there, device, entity)
    for lamp in station.lamps:
        node = f"{hub}_{lamp.name}"
        device = {"identifiers": node, "name": lamp.title or lamp.name, "manufacturer": "irctl", "via_device": hub}
        for entity in _OF_A_LAMP:
            yield _described(discovery, node, of_lamp(prefix, name, lamp.name), there, device, entity)


def _described(
    discovery: str, node: str, topic: str, there: str, device: Mapping[str, str], entity: _Entity
) -> tuple[str, str]:  # fmt: skip
    key = entity.key.replace(".", "_")
    said = {
        "name": entity.name,
        "unique_id": f"{node}_{key}",
        "state_topic": topic,
        "value_template": f"{{{{ value_json.{entity.key} }}}}",
        "availability_topic": there,
        "expire_after": EXPIRES_S,
        "device": device,
        "origin": {"name": "irctl"},
        **entity.more,
    }
    return f"{discovery}/{entity.kind}/{node}/{key}/config", json.dumps(said, separators=(",", ":"))
