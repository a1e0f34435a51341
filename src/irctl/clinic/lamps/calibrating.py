"""A guided calibration from a screen: each verb is the controller's, asked in the name of whoever stands at the lamp. Nothing is kept here, so any screen goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from irctl.clinic.acting import Acting
from irctl.clinic.lamps.stations import Station
from irctl.documents.certificate import CertificateError, Sealed, render_pdf
from irctl.domain.budget import Budget
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused

View = Mapping[str, Any]


def at(calibration: str) -> str:
    """The worksheet's path at its controller."""
    return f"/v1/calibrations/{quote(calibration, safe='')}"


async def look(station: Station, calibration: str) -> View:
    """Where it stands, what it waits for, what the instruments show. Raises Refused."""
    return await station.get(at(calibration))


async def begin(
    station: Station, acting: Acting, lamp: str, meter: str, *, nobody: bool, temperature_c: float | None, note: str
) -> View:
    """Begin a worksheet. Raises Refused."""
    acting.require(Verb.CALIBRATE)
    body = {"meter": meter, "nobody_under_the_lamp": nobody, "temperature_c": temperature_c, "note": note}
    return await station.post(f"/v1/lamps/{quote(lamp, safe='')}/calibrations", acting, body)


async def identify(station: Station, acting: Acting, calibration: str, serial: str, condition: str) -> View:
    """The lamp is the right one, and how it looks. Raises Refused."""
    return await _do(station, acting, calibration, "identify", serial=serial, condition=condition)


async def position(
    station: Station, acting: Acting, calibration: str, distance: float | None, unit: str, angle_deg: float
) -> View:
    """Where the meter stands; the unit is never guessed. Raises Refused."""
    if distance is None:
        raise Refused([Problem("distance", None, "is missing", "Measure it, and type it with its unit")])
    return await _do(station, acting, calibration, "position", distance=distance, unit=unit, angle_deg=angle_deg)


async def go_on(station: Station, acting: Acting, calibration: str) -> View:
    """Dark, warm-up and readings, until a person is needed; the lamp lights. Raises Refused."""
    return await _do(station, acting, calibration, "read")


async def type_value(station: Station, acting: Acting, calibration: str, value: float | None, unit: str) -> View:
    """What a meter without a line shows. Raises Refused."""
    if value is None:
        raise Refused([Problem("value", None, "is missing", "Type what the meter shows")])
    return await _do(station, acting, calibration, "read", value=value, unit=unit)


async def redo(
    station: Station,
    acting: Acting,
    calibration: str,
    step: str,
    reason: str,
    levels_pct: Sequence[float] | None = None,
) -> View:
    """A step again; what it had stays in the record and counts no more. Raises Refused."""
    levels = None if not levels_pct else list(levels_pct)
    return await _do(station, acting, calibration, "redo", step=step, reason=reason, levels_pct=levels)


async def adjust(station: Station, acting: Acting, calibration: str, what: str | None) -> View:
    """What was adjusted; None: nothing, and as found is as left. Raises Refused."""
    return await _do(station, acting, calibration, "adjust", what=what)


async def submit(station: Station, acting: Acting, calibration: str) -> View:
    """Hand it to a second person. Raises Refused."""
    return await _do(station, acting, calibration, "submit")


async def approve(station: Station, acting: Acting, calibration: str) -> View:
    """In force from here on. The controller refuses whoever took part. Raises Refused."""
    acting.require(Verb.APPROVE_CALIBRATION)
    return await station.post(f"{at(calibration)}/approve", acting)


async def reject(station: Station, acting: Acting, calibration: str, reason: str) -> View:
    """What was in force stays in force. Raises Refused."""
    acting.require(Verb.APPROVE_CALIBRATION)
    return await station.post(f"{at(calibration)}/reject", acting, {"reason": reason})


async def abandon(station: Station, acting: Acting, calibration: str, reason: str) -> View:
    """Give it up; the record stays. Raises Refused."""
    return await _do(station, acting, calibration, "abandon", reason=reason)


def certificate_pdf(told: Any, calibration: str) -> bytes:
    """The certificate's pages from what the controller signed. Takes a second: in a thread. Raises Refused."""
    try:
        return render_pdf(Sealed.of(told))
    except CertificateError as error:
        raise Refused([Problem("certificate", calibration, str(error), "See `irctl certificate verify`")]) from None


def shares(told: Sequence[View]) -> list[tuple[View, float]]:
    """A budget's terms with the part of the variance that each answers for, the largest first."""
    budget = Budget.of(told)
    return sorted(
        ((one, budget.share(term)) for one, term in zip(told, budget.terms, strict=True)), key=lambda pair: -pair[1]
    )


async def _do(station: Station, acting: Acting, calibration: str, verb: str, **body: Any) -> View:
    acting.require(Verb.CALIBRATE)
    return await station.post(f"{at(calibration)}/{verb}", acting, body)
