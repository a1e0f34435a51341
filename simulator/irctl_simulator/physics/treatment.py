"""One lamp, the treatment plane below it, the patient there and the sensors looking on: the whole truth of a treatment."""

from __future__ import annotations

from dataclasses import dataclass, field

from irctl_simulator.physics.lamp import Ageing, Body, Field, LampBody
from irctl_simulator.physics.mains import Mains
from irctl_simulator.physics.sensors import FirstOrder, Head
from irctl_simulator.physics.skin import Skin, SkinModel


@dataclass(frozen=True, slots=True)
class Truth:
    """What really happened at one lamp, known only to the simulator."""

    lamp: str
    at: float
    fluence_j_cm2: float
    irradiance_mw_cm2: float
    peak_irradiance_mw_cm2: float
    skin_c: float
    peak_skin_c: float
    powered: bool
    emitting_w: float
    on_intervals: tuple[tuple[float, float | None], ...]
    """(on_at, off_at) of every time the lamp had power; the last off_at is None while it still has."""

    @property
    def powered_s(self) -> float:
        return sum((self.at if off is None else off) - on for on, off in self.on_intervals)


@dataclass(slots=True)
class Treatment:
    """Advances lamp, plane, skin and sensors together, lazily and exactly, to whatever time it is asked about."""

    name: str
    now: float
    light: Field
    distance_cm: float
    radiant_w: float
    body: Body = field(default_factory=LampBody)
    skin: Skin = field(default_factory=Skin)
    radiometer: FirstOrder = field(default_factory=lambda: FirstOrder(6.0))
    thermometer: FirstOrder = field(default_factory=lambda: FirstOrder(0.3))
    ageing: Ageing = field(default_factory=Ageing)
    lit_s: float = 0.0
    """How long the lamp has had power since `ageing` was set."""
    mains: Mains = field(default_factory=Mains)
    heads: list[Head] = field(default_factory=lambda: list[Head]())
    """Meters held under the lamp, beside the radiometer at the treatment plane."""
    fluence_j_cm2: float = 0.0
    peak_irradiance_mw_cm2: float = 0.0
    on_intervals: list[tuple[float, float | None]] = field(default_factory=lambda: list[tuple[float, float | None]]())
    peak_skin_c: float = 0.0
    _v2: float = 0.0
    _skin_at: float = 0.0
    _skin_dose: float = 0.0

    def __post_init__(self) -> None:
        self.peak_skin_c = self.thermometer.value = self.skin.surface_c
        self._skin_at = self.now

    @property
    def full_mw_cm2(self) -> float:
        """Irradiance at the treatment plane at full power of a lamp that has not aged."""
        return self.light.at(self.distance_cm)

    @property
    def irradiance_mw_cm2(self) -> float:
        return self.full_mw_cm2 * self.body.output

    def power(self, v2: float, now: float) -> None:
        """The lamp is fed a mean-square voltage fraction `v2` from `now` on."""
        if v2 == self._v2:
            return
        self.advance(now)
        if (v2 > 0.0) != (self._v2 > 0.0):
            self._mark(v2 > 0.0, now)
        self._v2 = v2
        self._redrive()

    def set_ageing(self, ageing: Ageing, now: float) -> None:
        self.advance(now)
        self.ageing, self.lit_s = ageing, 0.0
        self._redrive()

    def set_mains(self, mains: Mains, now: float) -> None:
        self.advance(now)
        self.mains = mains
        self._redrive()

    def set_light(self, light: Field, now: float) -> None:
        """Another lamp, or its reflector in another state."""
        self.advance(now)
        self.light = light

    def set_distance(self, distance_cm: float, now: float) -> None:
        self.advance(now)
        self.distance_cm = distance_cm

    def place(self, head: Head, now: float) -> None:
        self.advance(now)
        self.heads.append(head)

    def remove(self, head: Head, now: float) -> None:
        self.advance(now)
        self.heads = [one for one in self.heads if one is not head]

    def _redrive(self) -> None:
        output = self.ageing.after(self.lit_s) * self.mains.at(self.now)
        self.body.feed(self._v2, output)

    def _mark(self, on: bool, now: float) -> None:
        if on:
            self.on_intervals.append((now, None))
        else:
            self.on_intervals[-1] = (self.on_intervals[-1][0], now)

    def advance(self, now: float) -> None:
        """Bring everything to `now`; the skin moves in whole steps of its own and lags by less than one."""
        if now <= self.now:
            return
        if self.body.dark and self.skin.at_rest and self._skin_dose == 0.0:
            self._rest(now)
            return
        step_s = self.skin.step_s
        while self._skin_at + step_s <= now:
            self._shine(self._skin_at + step_s)
            self._skin_at += step_s
            skin_c = self.skin.step(self._skin_dose * 1000.0 / step_s)
            self.thermometer.value = self.thermometer.hold(skin_c, step_s)
            self.peak_skin_c = max(self.peak_skin_c, skin_c)
            self._skin_dose = 0.0
            if self.mains.waves or self.ageing.loss_pct_per_h:
                self._redrive()
        self._shine(now)

    def _rest(self, now: float) -> None:
        """Nothing shines and nothing is warm: only the sensors settle."""
        dt = now - self.now
        for response in (self.radiometer, *(head.response for head in self.heads)):
            response.value = response.hold(0.0, dt)
        self.thermometer.value = self.thermometer.hold(self.skin.surface_c, dt)
        self.now = self._skin_at = now

    def _shine(self, until: float) -> None:
        dt = until - self.now
        if dt <= 0.0:
            return
        full = self.full_mw_cm2
        self._look(self.radiometer, full, dt)
        for head in self.heads:
            self._look(head.response, head.full_mw_cm2(self.light), dt)
        dose = full * self.body.step(dt) / 1000.0  # mW s -> J
        self.fluence_j_cm2 += dose
        self._skin_dose += dose
        self.lit_s += dt if self._v2 > 0.0 else 0.0
        self.now = until
        # Output is monotone between changes of drive but for the slow envelope's few per cent: the ends hold the peak.
        self.peak_irradiance_mw_cm2 = max(self.peak_irradiance_mw_cm2, full * self.body.output)

    def _look(self, response: FirstOrder, full_mw_cm2: float, dt_s: float) -> None:
        transients = [(full_mw_cm2 * amplitude, tau) for amplitude, tau in self.body.transients()]
        response.follow(full_mw_cm2 * self.body.settled, transients, dt_s)

    def radiometer_w_m2(self, now: float) -> float:
        """What an ideal head with this response time shows."""
        self.advance(now)
        return self.radiometer.value * 10.0

    def skin_c(self, now: float) -> float:
        """What an infrared thermometer with this response time shows."""
        self.advance(now)
        return self.thermometer.hold(self.skin.surface_c, now - self._skin_at)

    def steady_mw_cm2(self, v2: float, distance_cm: float) -> float:
        """Irradiance once settled, noise free, at a distance, with quiet mains: what a calibration should find."""
        output = self.ageing.after(self.lit_s) * self.mains.factor
        return self.light.at(distance_cm) * self.body.steady(v2) * output

    def truth(self, now: float) -> Truth:
        self.advance(now)
        return Truth(
            lamp=self.name,
            at=now,
            fluence_j_cm2=self.fluence_j_cm2,
            irradiance_mw_cm2=self.irradiance_mw_cm2,
            peak_irradiance_mw_cm2=self.peak_irradiance_mw_cm2,
            skin_c=self.skin.surface_c,
            peak_skin_c=self.peak_skin_c,
            powered=self._v2 > 0.0,
            emitting_w=self.radiant_w * self.body.output,
            on_intervals=tuple(self.on_intervals),
        )


def a_skin(vasodilation: bool, dilation_lag_s: float) -> Skin:
    return Skin(SkinModel(vasodilation=vasodilation, dilation_lag_s=dilation_lag_s))
