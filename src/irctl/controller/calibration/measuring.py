"""Dark readings, warm-up and readings on the bench: by a meter on a line, by one whose figures a person types, or by the lamp's own radiometer.

Nothing is timed that can be read: a light counts as steady when its readings say so, and while it is waited for the reason is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, isfinite
from statistics import fmean, stdev
from typing import Any

from irctl.controller.calibration.bench import Bench, BenchEnded
from irctl.domain.calibration import Calibration
from irctl.domain.problems import Problem, Refused
from irctl.domain.response import LampModel, LampResponse
from irctl.domain.steadiness import Sample, Trend, latest, steady

DARK_READINGS = 20
DARK_SLOPE_MAX_MW_CM2_PER_MIN = 0.1
"""More than this is an afterglow, and would be subtracted from every reading after it."""
AMBIENT_MAX_MW_CM2 = 5.0
"""As before a treatment: more than this is the sun, or another lamp."""
STEADY_PCT_PER_MIN = 0.5
"""A halogen lamp's envelope (25 s) then still misses a fifth of a percent; it is in the budget."""
SETTLE_MAX_S = 600.0
"""A lamp that is not steady by then has a reason somebody must find."""
COOL_MAX_S = 600.0
SENSOR_RESPONSES = 5.0
"""The ratio to what is expected says nothing before the instrument has followed: it first rises, and stands still where a wrong response turns it."""
FAINT = 0.05
"""mW/cm², or of a ratio: a percentage of less than this is not asked for."""
SEEN_MW_CM2 = 0.5
TYPED_MAX_S = 300.0
"""The light is not kept for somebody who has gone away."""
TYPED_SETTLE_TAUS = 5.0
"""With nothing on a line to see it by, a typed reading waits so many of the lamp's slowest time constant."""


@dataclass(frozen=True, slots=True)
class Dark:
    """What the instruments show in the dark; `noise_mw_cm2` of one reading, k=1."""

    offset_mw_cm2: float
    noise_mw_cm2: float
    readings: int
    monitor_offset_mw_cm2: float | None


@dataclass(frozen=True, slots=True)
class Settled:
    """How a light became steady."""

    after_s: float
    slope_pct_per_min: float
    readings: int


@dataclass(frozen=True, slots=True)
class Taken:
    """One reading: the mean of `n`, raw as the instrument shows it, with the monitor's mean of the same moments."""

    reading_mw_cm2: float
    monitor_mw_cm2: float | None
    noise_mw_cm2: float
    n: int


@dataclass
class Expected:
    """What an instrument should show while the lamp warms up, were it as its calibration says: so a check need not wait for the last of the warmth."""

    calibration: Calibration
    sensor_response_s: float
    model: LampModel = field(init=False)
    shown_mw_cm2: float = 0.0
    _at_s: float | None = None

    def __post_init__(self) -> None:
        self.model = LampModel(self.calibration.response)

    def follow(self, now_s: float, level_pct: float | None) -> None:
        """The lamp was at this level until now."""
        elapsed_s = 0.0 if self._at_s is None else now_s - self._at_s
        self._at_s = now_s
        if elapsed_s <= 0:
            return
        before = self.model.fluence_j_cm2
        self.model.advance(elapsed_s, 0.0 if level_pct is None else self.calibration.irradiance_at(level_pct))
        mean = (self.model.fluence_j_cm2 - before) * 1000.0 / elapsed_s
        self.shown_mw_cm2 += (mean - self.shown_mw_cm2) * (1.0 - exp(-elapsed_s / self.sensor_response_s))

    def ratio(self, net_mw_cm2: float) -> float:
        """Of what is shown to what should be; 0 while nothing should be seen."""
        return net_mw_cm2 / self.shown_mw_cm2 if self.shown_mw_cm2 > SEEN_MW_CM2 else 0.0

    def still_to_come(self, level_pct: float) -> float:
        """The share of the steady irradiance that the model says is not there yet."""
        return abs(1.0 - self.model.irradiance_mw_cm2 / self.calibration.irradiance_at(level_pct))


@dataclass
class _Watched:
    """One instrument that is waited for."""

    read: Callable[[], float]
    name: str = ""
    samples: list[Sample] = field(default_factory=list[Sample])
    trend: Trend | None = None
    steady: bool = False
    why: str = ""

    def look(self, now_s: float, limit_pct_per_min: float) -> None:
        self.samples.append(Sample(now_s, self.read()))
        limit = limit_pct_per_min * max(abs(self.samples[-1].value), FAINT) / 100.0
        told = self.trend = latest(self.samples, limit)
        # A meter that lies beside the lamp sees a very steady nothing.
        self.steady = told is not None and told.mean > FAINT and steady(told, limit)
        self.why = self.name + ("not watched long enough to tell" if told is None else _moves(told, limit_pct_per_min))


@dataclass
class Measuring:
    """One stretch on the bench. `typed`: the reference is read by a person. `live` and `now` are what a screen shows meanwhile."""

    bench: Bench
    response: LampResponse
    typed: bool = False
    expected: Expected | None = None
    """Where given, a light counts as steady when its ratio to this is."""
    now: str = "beginning"
    live: dict[str, float | None] = field(default_factory=dict[str, float | None])
    _asked: asyncio.Future[float] | None = None

    @property
    def waits_for_value(self) -> bool:
        """Whether a person is to type what the meter shows."""
        return self._asked is not None and not self._asked.done()

    def type_in(self, value_mw_cm2: float) -> None:
        """What the meter shows. Raises Refused when nothing is asked for, or it is no number."""
        if self._asked is None or self._asked.done():
            remedy = "Wait until a value is asked for"
            raise Refused([Problem("value", value_mw_cm2, "is not asked for now", remedy)], conflict=True)
        if not isfinite(value_mw_cm2):
            raise Refused([Problem("value", value_mw_cm2, "is no number", "Type what the meter shows")])
        self._asked.set_result(value_mw_cm2)

    # --- dark ------------------------------------------------------------------------------------------------------------

    async def dark(self) -> Dark:
        """The instruments without light, once the lamp has cooled. Raises BenchEnded."""
        if self.bench.level_pct is not None:
            await self.bench.dark()
        monitor = fmean(await self._cooled(self._monitor, "the lamp's radiometer")) if self._fitted else None
        if self.typed:
            value = await self._value("Dark: cover nothing, type what the meter shows now")
            return Dark(_not_ambient(value, "the meter"), 0.0, 1, monitor)
        shown = await self._cooled(self._primary, "the meter")
        self.now = "reading the dark"
        offset = _not_ambient(fmean(shown), "the meter")
        return Dark(offset, stdev(shown), len(shown), monitor)

    async def _cooled(self, read: Callable[[], float], name: str) -> list[float]:
        """Readings that do not fall any more. Raises BenchEnded."""
        samples: list[Sample] = []
        give_up_s = self._now_s() + COOL_MAX_S
        while True:
            told = latest(samples, DARK_SLOPE_MAX_MW_CM2_PER_MIN)
            self.now = f"dark: looking whether {name} still sees a glow"
            if steady(told, DARK_SLOPE_MAX_MW_CM2_PER_MIN):
                return [s.value for s in samples[-DARK_READINGS:]]
            if told is not None:
                self.now = f"waiting for the afterglow: {name} shows {told.mean:.2f} mW/cm², {told.slope_per_min:+.2f} a minute"
            if self._now_s() > give_up_s:
                raise BenchEnded(f"{name} is not steady in the dark: keep other sources away, and let the lamp cool")
            await self._tick()
            samples.append(Sample(self._now_s(), read()))

    # --- light -----------------------------------------------------------------------------------------------------------

    async def settle(
        self,
        level_pct: float,
        dark: Dark,
        limit_pct_per_min: float = STEADY_PCT_PER_MIN,
        within_s: float = SETTLE_MAX_S,
    ) -> Settled:
        """Light at a level until its readings are steady. Raises BenchEnded, with the reason, when they are not within the time."""
        self.now = f"going to {level_pct:g} %"
        await self.bench.light(level_pct)
        if self.typed and not self._fitted:
            return await self._settle_by_time(level_pct)
        from_s, watched = self._now_s(), self._watched(dark)
        while True:
            await self._tick()
            waited_s = self._now_s() - from_s
            if self.expected is not None and waited_s < SENSOR_RESPONSES * self.expected.sensor_response_s:
                self.now = f"warming at {level_pct:g} %, {waited_s:.0f} s: the instrument follows"
                continue
            for one in watched:
                one.look(self._now_s(), limit_pct_per_min)
            if all(one.steady for one in watched):
                told = watched[0].trend
                assert told is not None
                return Settled(waited_s, 100.0 * told.slope_per_min / told.mean, told.n)
            why = next(one.why for one in watched if not one.steady)
            self.now = f"warming at {level_pct:g} %, {waited_s:.0f} s: {why}"
            if waited_s > within_s:
                raise BenchEnded(f"the light at {level_pct:g} % is not steady after {waited_s:.0f} s: {why}")

    def _watched(self, dark: Dark) -> list[_Watched]:
        """Every instrument whose reading will count: the lamp's own is often the slower one."""
        read, offset = self._seen(dark)
        watched = [_Watched(lambda: self._against(read() - offset))]
        if self._fitted and self.bench.meter is not None and self.expected is None:
            watched.append(
                _Watched(lambda: self._monitor() - (dark.monitor_offset_mw_cm2 or 0.0), "the lamp's own radiometer is ")
            )
        return watched

    async def compare(self, level_pct: float, dark: Dark, samples: int) -> list[float]:
        """Readings of a light that may still warm, as they would be of a steady one; less dark. Raises BenchEnded."""
        read, offset = self._seen(dark)
        steady_mw_cm2 = 0.0 if self.expected is None else self.expected.calibration.irradiance_at(level_pct)
        taken: list[float] = []
        while len(taken) < samples:
            self.now = f"reading at {level_pct:g} %: {len(taken)} of {samples}"
            await self._tick()
            taken.append(self._against(read() - offset) * (steady_mw_cm2 or 1.0))
        return taken

    def _against(self, net_mw_cm2: float) -> float:
        return net_mw_cm2 if self.expected is None else self.expected.ratio(net_mw_cm2)

    async def _settle_by_time(self, level_pct: float) -> Settled:
        """Nothing on a line sees it: five of its slowest time constants, as its response says. Raises BenchEnded."""
        wait_s = TYPED_SETTLE_TAUS * max(part.tau_s for part in self.response.parts)
        from_s = self._now_s()
        while (left_s := from_s + wait_s - self._now_s()) > 0:
            self.now = (
                f"warming at {level_pct:g} %: no instrument on a line sees it, so {left_s:.0f} s more by its response"
            )
            await self._tick()
        return Settled(wait_s, 0.0, 0)

    async def read(self, samples: int) -> Taken:
        """One reading of the light as it is now: so many of the instrument's, or one that is typed. Raises BenchEnded."""
        if self.typed:
            value = await self._value(f"{self.bench.level_pct:g} %: type what the meter shows now")
            return Taken(value, self._monitor() if self._fitted else None, 0.0, 1)
        shown: list[float] = []
        monitor: list[float] = []
        while len(shown) < samples:
            self.now = f"reading at {self.bench.level_pct:g} %: {len(shown)} of {samples}"
            await self._tick()
            shown.append(self._primary())
            if self._fitted:
                monitor.append(self._monitor())
        return Taken(fmean(shown), fmean(monitor) if monitor else None, stdev(shown), len(shown))

    # --- what they stand on ----------------------------------------------------------------------------------------------

    @property
    def _fitted(self) -> bool:
        """Whether the lamp has its own radiometer."""
        return self.bench.equipment.instruments.radiometer is not None

    def _seen(self, dark: Dark) -> tuple[Callable[[], float], float]:
        """What tells whether the light is steady, and its offset."""
        return (self._monitor, dark.monitor_offset_mw_cm2 or 0.0) if self.typed else (self._primary, dark.offset_mw_cm2)

    def _primary(self) -> float:
        return self._monitor() if self.bench.meter is None else _value_of(self.bench.reference.value)

    def _monitor(self) -> float:
        return _value_of(self.bench.equipment.instruments.irradiance.value)

    async def _value(self, question: str) -> float:
        """What a person types. Raises BenchEnded when nobody does."""
        self._asked = asyncio.get_running_loop().create_future()
        give_up_s = self._now_s() + TYPED_MAX_S
        while not self._asked.done():
            self.now = question
            await self._tick()
            if self._now_s() > give_up_s:
                self._asked = None
                raise BenchEnded(f"nobody typed a value within {TYPED_MAX_S:.0f} s")
        return self._asked.result()

    async def _tick(self) -> None:
        await self.bench.tick()
        if self.expected is not None:
            self.expected.follow(self._now_s(), self.bench.level_pct)
        self.live = {
            "meter_mw_cm2": None if self.bench.meter is None else self.bench.reference.value,
            "monitor_mw_cm2": self.bench.equipment.instruments.irradiance.value if self._fitted else None,
            "level_pct": self.bench.level_pct,
        }

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()


def view(measuring: Measuring | None) -> dict[str, Any]:
    """For screens: what happens now, and the live readings."""
    if measuring is None:
        return {"now": None, "live": {}, "waits_for_value": False}
    return {"now": measuring.now, "live": measuring.live, "waits_for_value": measuring.waits_for_value}


def _value_of(value: float | None) -> float:
    if value is None:
        raise BenchEnded("an instrument has not been read yet")
    return value


def _not_ambient(offset_mw_cm2: float, name: str) -> float:
    if abs(offset_mw_cm2) > AMBIENT_MAX_MW_CM2:
        raise BenchEnded(f"{name} shows {offset_mw_cm2:.1f} mW/cm² in the dark: keep other sources away")
    return offset_mw_cm2


def _moves(told: Trend, limit_pct_per_min: float) -> str:
    if told.mean <= FAINT:
        return "no light is seen: see that the instrument is under the lamp, and that the lamp burns"
    slope_pct, noise_pct = 100.0 * told.slope_per_min / told.mean, 100.0 * told.u_slope_per_min / told.mean
    if noise_pct > limit_pct_per_min:
        return f"too noisy to tell (±{noise_pct:.1f} % a minute)"
    return f"still moving {slope_pct:+.1f} % a minute, {limit_pct_per_min:g} allowed"
