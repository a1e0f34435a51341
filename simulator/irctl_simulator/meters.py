"""A reference meter: a radiometer fixed to no lamp, which a technician places under one and takes away again."""

from __future__ import annotations

from dataclasses import dataclass, field

from irctl_simulator import faults
from irctl_simulator.lamps import SimLamp
from irctl_simulator.physics.sensors import FirstOrder, Head

NEAREST_CM = 1.0


@dataclass(frozen=True, slots=True)
class MeterTruth:
    """Where a meter really is and what really falls on it, known only to the simulator; no lamp, no light."""

    meter: str
    at: float
    lamp: str | None
    distance_cm: float | None
    angle_deg: float | None
    irradiance_mw_cm2: float


@dataclass(slots=True)
class SimMeter:
    """Where a meter is; beside the lamps it sees nothing, and shows what its electronics make of that."""

    name: str
    response: FirstOrder
    now: float
    head: Head = field(init=False)
    lamp: SimLamp | None = None
    misplaced_cm: float = 0.0
    """How much further from the lamp it stands than whoever placed it believes."""
    _told_cm: float = 50.0

    def __post_init__(self) -> None:
        self.head = Head(self.response)

    def place(self, lamp: SimLamp, distance_cm: float, angle_deg: float, now: float) -> None:
        """Under `lamp`, in its axis, tilted; from wherever it was. Raises FaultError for an impossible place."""
        distance = faults.number("place", {"distance_cm": distance_cm}, "distance_cm", NEAREST_CM, 1000.0)
        angle = faults.number("place", {"angle_deg": angle_deg}, "angle_deg", -89.0, 89.0)
        self.remove(now)
        self._told_cm, self.head.angle_deg, self.lamp = distance, angle, lamp
        self._stand()
        lamp.treatment.place(self.head, now)

    def remove(self, now: float) -> None:
        """Away from every lamp; nothing happens to one that is."""
        self.settle(now)
        if self.lamp is not None:
            self.lamp.treatment.remove(self.head, now)
            self.lamp = None

    def misplace(self, further_cm: float, now: float) -> None:
        self.settle(now)
        self.misplaced_cm = further_cm
        self._stand()

    def _stand(self) -> None:
        self.head.distance_cm = max(self._told_cm + self.misplaced_cm, NEAREST_CM)

    def settle(self, now: float) -> None:
        """Bring what it shows to `now`."""
        if self.lamp is not None:
            self.lamp.treatment.advance(now)
        else:
            self.response.value = self.response.hold(0.0, now - self.now)
        self.now = now

    def w_m2(self, now: float) -> float:
        """What an ideal head with this response time shows."""
        self.settle(now)
        return self.response.value * 10.0

    def truth(self, now: float) -> MeterTruth:
        self.settle(now)
        if self.lamp is None:
            return MeterTruth(self.name, now, None, None, None, 0.0)
        treatment, head = self.lamp.treatment, self.head
        falls = head.full_mw_cm2(treatment.light) * treatment.body.output
        return MeterTruth(self.name, now, self.lamp.name, head.distance_cm, head.angle_deg, falls)
