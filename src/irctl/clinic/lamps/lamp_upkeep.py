"""Keeping lamps true, as the clinic's people ask for it: checks, maintenance, unlocking, and what is known of each lamp. The controller decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from irctl.clinic.acting import Acting
from irctl.clinic.lamps.stations import Station
from irctl.documents.drift import LampDrift, drift_svg
from irctl.domain.people import Verb

View = Mapping[str, Any]
MONITOR = "monitor"
"""A check by the lamp's own radiometer."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one lamp's calibration. `check`: its last with a verdict, None without one. `due`: what falls due of it."""

    lamp: View
    check: View | None
    due: Sequence[View]
    calibrations: Sequence[View]

    @property
    def open_calibration(self) -> str | None:
        """The worksheet that somebody has begun and nobody has closed."""
        return next((str(one["id"]) for one in self.calibrations if one["outcome"] is None), None)


async def known(station: Station) -> list[Known]:
    """Of every lamp of a station. Raises Refused."""
    lamps: list[View] = await station.get("/v1/lamps")
    due: list[View] = await station.get("/v1/due")
    calibrations: list[View] = await station.get("/v1/calibrations")
    told: list[Known] = []
    for lamp in lamps:
        name = lamp["name"]
        checks: list[View] = await station.get(f"{at(name)}/checks")
        told.append(
            Known(
                lamp,
                checks[0] if checks else None,
                [one for one in due if one["about"] == name],
                [one for one in calibrations if one["lamp"] == name],
            )
        )
    return told


def at(lamp: str) -> str:
    """The lamp's path at its controller."""
    return f"/v1/lamps/{quote(lamp, safe='')}"


# --- the check -----------------------------------------------------------------------------------------------------------


async def begin_check(station: Station, acting: Acting, lamp: str, reference: str, *, nobody: bool) -> View:
    """The short check against the calibration in force; the lamp lights. Raises Refused."""
    acting.require(Verb.CHECK_LAMP)
    return await station.post(f"{at(lamp)}/check", acting, {"with": reference, "nobody_under_the_lamp": nobody})


async def type_check_value(station: Station, acting: Acting, lamp: str, value: float, unit: str) -> View:
    """What a meter without a line shows, where the check waits for it. Raises Refused."""
    acting.require(Verb.CHECK_LAMP)
    return await station.post(f"{at(lamp)}/check", acting, {"value": value, "unit": unit})


def deviation(check: View) -> tuple[float, float] | None:
    """The worst level's deviation as found, % of the calibration, and its U (k=2, %); None before there is a result."""
    levels: Sequence[View] = check.get("levels") or ()
    if not levels:
        return None
    worst = max(levels, key=lambda one: abs(one["error_pct"]))
    return float(worst["error_pct"]), float(worst["expanded_pct"])


# --- what people write down ----------------------------------------------------------------------------------------------


async def unlock(station: Station, acting: Acting, lamp: str, reason: str) -> None:
    """A named person answers for a lamp that failed its check. Raises Refused."""
    acting.require(Verb.CALIBRATE)
    await station.post(f"{at(lamp)}/unlock", acting, {"reason": reason})


async def maintain(station: Station, acting: Acting, lamp: str, kind: str, note: str) -> View:
    """What was done to a lamp, and what by rule becomes of its calibration. Raises Refused."""
    acting.require(Verb.CALIBRATE)
    return await station.post(f"{at(lamp)}/maintenance", acting, {"kind": kind, "note": note})


# --- drift ---------------------------------------------------------------------------------------------------------------


async def drift_of(station: Station, lamp: str) -> View:
    """What checks, calibrations and sessions say of a lamp, with its control chart and forecast. Raises Refused."""
    return await station.get(f"{at(lamp)}/drift")


def drawn(station: Station, told: View, level_pct: float | None = None) -> str | None:
    """The drift as SVG, of one level or of all; None while there is nothing to draw."""
    view = station.view or {}
    drift = LampDrift.of(told, str(view.get("station", station.title)), bool(view.get("simulated", False)), level_pct)
    return drift_svg(drift) if drift.evidence else None


def signals(told: View) -> list[tuple[str, str, int]]:
    """Each rule of the control chart that spoke: rule, when first, how often."""
    seen: dict[str, list[str]] = {}
    for signal in told["chart"]["signals"] if told["chart"] else ():
        seen.setdefault(signal["rule"], []).append(told["evidence"][signal["index"]]["at"])
    return [(rule, when[0], len(when)) for rule, when in seen.items()]
