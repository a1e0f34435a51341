"""What a visit is due by a protocol, at one lamp of a running station: earlier visits from its journal, and those that were given elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from irctl.cli.client import Controller
from irctl.cli.protocols import named
from irctl.domain.course import Settings, Visit
from irctl.domain.history import plain
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Dose, Due, Protocol, Under, due, name_of, problems_with_use
from irctl.domain.since_last import unlike

SESSIONS_MAX = 10_000
ELSEWHERE = "elsewhere"
"""The lamp of a visit that this station's journal does not have."""

View = dict[str, Any]


def resolved(
    controller: Controller,
    lamp: str,
    protocol_name: str,
    visit: int,
    *,
    patient: str,
    area: str,
    folder: Path | None,
    asked: tuple[float | None, float | None],
    elsewhere: Sequence[str],
    confirmed: Collection[str],
) -> tuple[Protocol, Due]:
    """The protocol and what is due. `asked`: fluence and irradiance that were typed as well. Raises Refused with every reason, Unreachable, Failed."""
    protocol = named(protocol_name, folder)
    station: View = controller.get("/v1/station")
    found = next((one for one in station["lamps"] if one["name"] == lamp), None)
    if found is None:
        known = ", ".join(one["name"] for one in station["lamps"])
        raise Refused([Problem("lamp", lamp, "no such lamp", f"Known are {known}")])
    under = Under(found["lamp_type"], found["distance_cm"], found["live"]["fitted"]["skin"], area, station["simulated"])
    problems = problems_with_use(protocol, under)
    try:
        before = [given_elsewhere(text) for text in elsewhere] + _given_here(controller, protocol, patient, area)
        before.sort(key=lambda one: one.at)
        found_due = due(protocol, visit, before, datetime.now().astimezone())
    except Refused as refused:
        raise Refused([*problems, *refused.problems], conflict=refused.conflict) from None
    problems += _conflicts(protocol, found_due, asked)
    if before:
        now = Settings(lamp, found_due.dose.fluence_j_cm2, found_due.dose.irradiance_mw_cm2, protocol.label)
        problems += _unlike(protocol, before[-1].settings, now, confirmed)
    if problems:
        raise Refused(problems)
    return protocol, found_due


def _conflicts(protocol: Protocol, found: Due, asked: tuple[float | None, float | None]) -> list[Problem]:
    told = (found.dose.fluence_j_cm2, found.dose.irradiance_mw_cm2)
    return [
        Problem(name, value, f"{protocol.name} gives {found.dose} at visit {found.visit}", "Leave it out: the protocol says it")
        for name, value, its in zip(("fluence_j_cm2", "irradiance_mw_cm2"), asked, told, strict=True)
        if value is not None and value != its
    ]  # fmt: skip


def _unlike(protocol: Protocol, last: Settings, now: Settings, confirmed: Collection[str]) -> list[Problem]:
    explained: set[str] = set()
    if protocol.prescribes(Dose(last.fluence_j_cm2, last.irradiance_mw_cm2)):
        explained = {"fluence_j_cm2", "irradiance_mw_cm2"}
    return unlike(last, now, explained=explained, confirmed=confirmed)


def _given_here(controller: Controller, protocol: Protocol, patient: str, area: str) -> list[Visit]:
    """Every session of this course in the journal that gave light."""
    visits: list[Visit] = []
    listed: list[View] = controller.get(f"/v1/sessions?limit={SESSIONS_MAX}")
    for one in listed:
        order: View = one["order"]
        if (plain(order["patient"]), plain(order["area"])) != (plain(patient), plain(area)):
            continue
        if name_of(order["protocol"] or "") != protocol.name:
            continue
        if one["delivered"] is None:
            raise Refused(
                [Problem("session", one["id"], "of this course has not ended", "End it first")], conflict=True
            )
        if one["delivered"]["max_j_cm2"] > 0:
            settings = Settings(order["lamp"], order["fluence_j_cm2"], order["irradiance_mw_cm2"], order["protocol"])
            given: View = one["delivered"]
            at = datetime.fromisoformat(one["ended_at"])
            visits.append(Visit(at, settings, given["best_j_cm2"], given["max_j_cm2"]))
    return visits


def given_elsewhere(text: str) -> Visit:
    """`2026-11-18T10:30=24@40`: when, J/cm², mW/cm². Taken as complete. Raises Refused."""
    try:
        when, _, dose = text.partition("=")
        fluence, _, irradiance = dose.partition("@")
        at, settings = datetime.fromisoformat(when), Settings(ELSEWHERE, float(fluence), float(irradiance))
        if len(when) < len("2026-11-18T10:30") or not settings.fluence_j_cm2 > 0 or not settings.irradiance_mw_cm2 > 0:
            raise ValueError
    except ValueError:
        remedy = "Write it as 2026-11-18T10:30=24@40: when, J/cm², mW/cm²"
        raise Refused([Problem("given_elsewhere", text, "is no visit", remedy)]) from None
    return Visit(at.astimezone(), settings, settings.fluence_j_cm2, settings.fluence_j_cm2)
