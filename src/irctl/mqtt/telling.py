"""What is told of a station: pure functions of what its controller shows. No patient, no area, no session's number, nobody's name.

What a lamp does is never kept by the broker: a message that is old must not look like the light of now.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from irctl.mqtt.shown import Lamp, Station

PRIORITIES = ("high", "medium", "low")
FIGURES_EVERY_S = 1.0
AGAIN_EVERY_S = 3.0
"""For who has just come."""
EXPIRES_S = 10
"""For so long a display may show what it heard last: three tellings and a little."""

Value = str | bool | float | None | Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Told:
    """One message. `figures`: what changes all the time, told once a second at most; `plain`: what is told as soon as it changes."""

    topic: str
    plain: Mapping[str, Value]
    figures: Mapping[str, Value]

    @property
    def payload(self) -> str:
        return json.dumps({**self.plain, **self.figures}, separators=(",", ":"))


@dataclass
class Pace:
    """Which messages are due. A new one lets everything through."""

    _last: dict[str, tuple[Told, float]] = field(default_factory=dict[str, tuple[Told, float]])

    def due(self, message: Told, now_s: float) -> bool:
        before, at_s = self._last.get(message.topic, (None, float("-inf")))
        if before is not None and before.plain == message.plain:
            every_s = AGAIN_EVERY_S if before.figures == message.figures else FIGURES_EVERY_S
            if now_s - at_s < every_s:
                return False
        self._last[message.topic] = message, now_s
        return True


def available(prefix: str, name: str) -> str:
    """The topic that says whether a station is heard. `name`: the station's in the topics."""
    return f"{prefix}/{name}/available"


def of_station(prefix: str, name: str) -> str:
    return f"{prefix}/{name}/state"


def of_lamp(prefix: str, name: str, lamp: str) -> str:
    return f"{prefix}/{name}/lamps/{lamp}"


def told(prefix: str, name: str, station: Station) -> Iterator[Told]:
    """The messages about a station and its lamps."""
    alarms = {one: sum(alarm.priority == one for alarm in station.alarms) for one in PRIORITIES}
    plain = {"simulated": station.simulated, "stopped": station.latched is not None, "alarms": alarms}
    yield Told(of_station(prefix, name), plain, {})
    for lamp in station.lamps:
        yield _lamp(of_lamp(prefix, name, lamp.name), lamp)


def _lamp(topic: str, lamp: Lamp) -> Told:
    # A session that is over stays in view, and its dose is not of now.
    session = lamp.session if lamp.status == "busy" else None
    plain: dict[str, Value] = {
        "status": lamp.status,
        "state": session and session.state,
        "emitting": _emitting(lamp),
    }
    figures: dict[str, Value] = {
        "irradiance_mw_cm2": lamp.live.irradiance_mw_cm2,
        "irradiance_source": lamp.live.irradiance_source,
        "skin_c": lamp.live.skin_c,
        "fluence_j_cm2": session and session.fluence_j_cm2,
        "fluence_min_j_cm2": session and session.fluence_min_j_cm2,
        "fluence_max_j_cm2": session and session.fluence_max_j_cm2,
        "remaining_s": session and session.remaining_s,
    }
    return Told(topic, plain, figures)


def _emitting(lamp: Lamp) -> bool | None:
    """As the outputs read back, whoever lit them: a session, a calibration, a hand at the device."""
    if lamp.live.on is False or lamp.live.cutoff_closed is False:
        return False
    return lamp.live.on
