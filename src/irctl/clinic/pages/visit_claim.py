"""What a claim asks of a visit beside the light: minutes, who supervised, what else was done. This module registers no page of its own."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nicegui import ui
from pydantic import ValidationError

from irctl.clinic.care.visits import SERVICES_MAX, ServicePart, VisitBody
from irctl.clinic.screens.screen import Here
from irctl.clinic.words import tr
from irctl.domain.people import Role
from irctl.domain.problems import Problem, Refused


class ClaimFields:
    """Nothing is filled in by itself: minutes that nobody has looked at would be a claim that nobody made."""

    def __init__(self, here: Here, body: VisitBody) -> None:
        self._services: list[_ServiceRow] = []
        person = here.visitor.standing.person
        clinicians = {
            account.person.login: account.person.name
            for account in here.desk.accounts.listed()
            if account.person.active and Role.CLINICIAN in account.person.roles
        }
        with ui.element("div").classes("stack"):
            with ui.element("div").classes("row"):
                self._minutes = ui.number(tr("Minutes of this treatment in all"), min=0, max=480, step=1).props(
                    "outlined"
                )
                if (since := body.identified and body.identified.at) is not None:
                    gone = _minutes_between(since, here.desk.now())
                    text = tr("{minutes} since the greeting", minutes=gone)
                    ui.button(text, on_click=lambda: self._minutes.set_value(gone), color=None)
            supervising = person.login if person.login in clinicians else None
            self._supervised = ui.select(clinicians, value=supervising, label=tr("Supervised by")).props("outlined")
            self._assistant = ui.checkbox(tr("Given by a therapist’s assistant, in whole or in part"))
            self._rows = ui.element("div").classes("stack")
            ui.button(tr("Something else was done, too"), on_click=self._another, color=None).classes("quiet")

    def _another(self) -> None:
        if len(self._services) < SERVICES_MAX:
            with self._rows:
                self._services.append(_ServiceRow())

    def told(self) -> Mapping[str, Any]:
        """As `AfterPart` has it. Raises Refused."""
        return {
            "minutes": None if self._minutes.value is None else float(self._minutes.value),
            "supervised_by": self._supervised.value or "",
            "assistant": bool(self._assistant.value),
            "services": tuple(row.told() for row in self._services if row.code),
        }


class _ServiceRow:
    """One other service, by its code."""

    def __init__(self) -> None:
        with ui.element("div").classes("row"):
            self._code = ui.input(tr("Code")).props("outlined maxlength=5 autocomplete=off")
            self._minutes = ui.number(tr("Minutes"), min=0, max=480, step=1).props("outlined")
            self._timed = ui.checkbox(tr("billed by time"))
            self._distinct = ui.input(tr("Why it is a service of its own, where asked")).props("outlined maxlength=300")

    @property
    def code(self) -> str:
        return (self._code.value or "").strip().upper()

    def told(self) -> ServicePart:
        if self._minutes.value is None:
            raise Refused([Problem("minutes", None, f"of {self.code} are missing", "Say how long it took")])
        try:
            return ServicePart(
                code=self.code,
                minutes=float(self._minutes.value),
                timed=bool(self._timed.value),
                distinct=(self._distinct.value or "").strip(),
            )
        except ValidationError:
            raise Refused([Problem("code", self.code, "is no code of five signs", "Such as 97110")]) from None


def services_told(services: Sequence[ServicePart]) -> str | None:
    """For a list of facts; None for none."""
    return "; ".join(f"{one.code}, {one.minutes:g} min" for one in services) or None


def _minutes_between(since: datetime, until: datetime) -> int:
    return max(0, round((until - since).total_seconds() / 60))
