"""Scenario files: a timeline of what is broken on a served station, and what must be physically true when. Run beside a controller, they are tests of it.

    title = "The door is opened in mid-treatment"

    [[do]]
    at = 10.0
    target = "door"
    fault = "open_contact"

    [[expect]]
    at = 12.0
    lamp = "left"
    dark = true
    skin_c_max = 43.0

Seconds count from the start of the run. Expectations are about the physics, whatever anybody believes; `dark` is: no power reaches the lamp.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Ask = Callable[[dict[str, Any]], dict[str, Any]]
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Doing(_Strict):
    """`fault` with its parameters at `target`; or `clear = true`: everything is mended."""

    at: Seconds
    target: str = ""
    fault: str = ""
    clear: bool = False
    parameters: dict[str, float | str] = Field(default_factory=dict[str, float | str])


class Expectation(_Strict):
    """Of one lamp at one moment. What is not said is not asked. Doses in J/cm², since the simulator was started."""

    at: Seconds
    lamp: str
    dark: bool | None = None
    irradiance_mw_cm2_max: float | None = None
    irradiance_mw_cm2_min: float | None = None
    dose_j_cm2_max: float | None = None
    dose_j_cm2_min: float | None = None
    skin_c_max: float | None = None
    powered_s_max: float | None = None


class Scenario(_Strict):
    title: str
    do: tuple[Doing, ...] = ()
    expect: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was expected, and what was."""

    at_s: float
    lamp: str
    expected: str
    was: str
    kept: bool


FIGURES = {
    "irradiance_mw_cm2": ("irradiance_mw_cm2", "mW/cm²"),
    "dose_j_cm2": ("fluence_j_cm2", "J/cm²"),
    "skin_c": ("peak_skin_c", "°C"),
    "powered_s": ("powered_s", "s"),
}
"""What an expectation is about: the figure of the truth, and its unit. Of the skin the warmest so far."""


def load_scenario(path: Path) -> Scenario:
    """Raises pydantic.ValidationError, tomllib.TOMLDecodeError."""
    return Scenario.model_validate(tomllib.loads(path.read_text("utf-8")))


def play(scenario: Scenario, ask: Ask, sleep: Callable[[float], None] = time.sleep) -> Iterator[Found]:
    """In real time, from now on; each expectation as it is found. Raises ValueError where the station cannot do what is asked."""
    begun = time.monotonic()
    timeline = sorted((*scenario.do, *scenario.expect), key=lambda one: (one.at, isinstance(one, Expectation)))
    for one in timeline:
        if (left := begun + one.at - time.monotonic()) > 0:
            sleep(left)
        if isinstance(one, Doing):
            _told(ask, _request(one))
        else:
            yield from _compared(one, _told(ask, {"do": "truth", "lamp": one.lamp})["truth"][one.lamp])


def _request(one: Doing) -> dict[str, Any]:
    return {"do": "clear"} if one.clear else {"do": "fault", "target": one.target, "kind": one.fault, **one.parameters}


def _told(ask: Ask, request: dict[str, Any]) -> dict[str, Any]:
    answer = ask(request)
    if not answer.get("ok"):
        raise ValueError(f"{request}: {answer.get('error', 'refused')}")
    return answer


def _compared(one: Expectation, truth: dict[str, Any]) -> Iterator[Found]:
    if one.dark is not None:
        dark = not truth["powered"]
        yield Found(one.at, one.lamp, "dark" if one.dark else "lit", "dark" if dark else "lit", dark is one.dark)
    for name, (figure, unit) in FIGURES.items():
        value = float(truth[figure])
        for bound, sign, kept in (("max", "≤", float.__le__), ("min", "≥", float.__ge__)):
            limit = getattr(one, f"{name}_{bound}", None)
            if limit is not None:
                what = f"{name.split('_')[0]} {sign} {limit:g} {unit}"
                yield Found(one.at, one.lamp, what, f"{value:.4g} {unit}", kept(value, float(limit)))
