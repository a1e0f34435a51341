"""What leaves of a course: who is asked to pay, what the claim check says, the documents, and what waits to be sent."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from datetime import date
from html import escape
from typing import Any

from nicegui import ui
from pydantic import ValidationError

from irctl.clinic import courses, coverage, patients, screen
from irctl.clinic.acting import Acting
from irctl.clinic.body_map import label_of
from irctl.clinic.coverage import CoverageBody
from irctl.clinic.markup import facts
from irctl.clinic.pages.patients import may_see
from irctl.clinic.redrawing import watch
from irctl.clinic.screen import Here, card, heading
from irctl.clinic.words import dates, tr
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.records.papers import Paper


@screen.screen("/courses/{course}/documents", "Documents and claims", verb=None)
async def course_documents(here: Here, course: str) -> None:
    """Of a patient, who is named here, too: a look at them."""
    if not may_see(here):
        return
    paper = await asyncio.to_thread(here.desk.papers.get, courses.KIND, course)
    patient = paper.index.patient or ""
    opened = await asyncio.to_thread(patients.open_patient, here.desk, here.acting(), patient)
    with heading(tr("Documents and claims"), f"{opened.person.name} · {label_of(paper.body['area'])}"):
        ui.button(tr("Back to the course"), on_click=lambda: ui.navigate.to(f"/courses/{course}"), color=None)
    watch(here, lambda _acting: coverage.of_course(here.desk, course), lambda found: _coverage(here, course, found))


# --- who pays --------------------------------------------------------------------------------------------------------------


def _notices() -> dict[str, str]:
    return {
        "none": tr("none"),
        "signed": tr("signed by the patient, on file"),
        "required-by-payer": tr("asked for by the payer, not there yet"),
        "voluntary": tr("voluntary"),
    }


def _coverage(here: Here, course: str, found: Paper | None) -> None:
    body = coverage.body_of(found)
    with card(tr("Who is asked to pay")):
        ui.html(facts(_told(body)), sanitize=False)
        if here.may(Verb.SCHEDULE):
            ui.button(tr("Change"), on_click=lambda: _ask(here, course, found), color=None)


def _told(body: CoverageBody) -> list[tuple[str, str]]:
    said = [
        (tr("Payer"), body.payer),
        (tr("Member number"), body.member),
        (tr("Discipline"), body.discipline),
        (tr("Authorisation"), _authorisation(body)),
        (tr("Plan of care certified by"), _certified(body)),
        (tr("Notice of non-coverage"), _notices()[body.notice]),
        (
            tr("Charged this year before"),
            "" if body.paid_this_year_usd is None else f"{body.paid_this_year_usd:,.2f} USD",
        ),
    ]
    return [(name, escape(value or tr("not known"))) for name, value in said]


def _authorisation(body: CoverageBody) -> str:
    if not body.authorisation:
        return ""
    told = [body.authorisation]
    if body.authorised_visits is not None:
        told.append(tr("{visits} visits", visits=body.authorised_visits))
    if body.authorised_until:
        told.append(tr("until {date}", date=dates.compact(body.authorised_until)))
    return ", ".join(told)


def _certified(body: CoverageBody) -> str:
    if not body.certified_by or not body.certified_on:
        return ""
    told = f"{body.certified_by}, {dates.compact(body.certified_on)}"
    return (
        told
        if body.certified_until is None
        else f"{told}, {tr('until {date}', date=dates.compact(body.certified_until))}"
    )


def _ask(here: Here, course: str, found: Paper | None) -> None:
    body = coverage.body_of(found)
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        ui.html(f"<h2>{escape(tr('Who is asked to pay'))}</h2>", sanitize=False)
        fields: dict[str, Any] = {
            "payer": _line(tr("Payer, by the name of its rules"), body.payer),
            "member": _line(tr("Member number"), body.member),
            "discipline": ui.select(["", "PT", "OT", "SLP"], value=body.discipline, label=tr("Discipline")),
            "authorisation": _line(tr("Authorisation"), body.authorisation),
            "authorised_visits": ui.number(tr("Authorised visits"), value=body.authorised_visits, min=1, step=1),
            "authorised_since": _day(tr("Authorised from"), body.authorised_since),
            "authorised_until": _day(tr("Authorised until"), body.authorised_until),
            "certified_by": _line(tr("Plan of care certified by"), body.certified_by),
            "certified_on": _day(tr("Certified on"), body.certified_on),
            "certified_until": _day(tr("Certified until"), body.certified_until),
            "certificate_at": _line(tr("Where the signed plan is filed"), body.certificate_at),
            "notice": ui.select(_notices(), value=body.notice, label=tr("Notice of non-coverage")),
            "paid_this_year_usd": ui.number(tr("Charged this year before, USD"), value=body.paid_this_year_usd, min=0),
        }
        for field in fields.values():
            field.props("outlined")

        async def write(acting: Acting) -> None:
            made = _body({name: field.value for name, field in fields.items()})
            await here.desk.run(coverage.write, here.desk, acting, course, found.number if found else 0, made)

        async def save() -> None:
            if await here.do(write, said=tr("Written down")):
                dialog.close()

        with ui.element("div").classes("row"):
            ui.button(tr("Save"), on_click=save, color=None).classes("primary")
            ui.button(tr("Cancel"), on_click=dialog.close, color=None).classes("quiet")


def _line(label: str, value: str) -> ui.input:
    return ui.input(label, value=value).props("maxlength=200 autocomplete=off")


def _day(label: str, value: date | None) -> ui.input:
    return ui.input(label, value=value.isoformat() if value else "").props("type=date stack-label")


def _body(typed: dict[str, Any]) -> CoverageBody:
    """Raises Refused."""
    said = {name: value.strip() if isinstance(value, str) else value for name, value in typed.items()}
    told = {name: value for name, value in said.items() if value not in ("", None)}
    if (visits := told.get("authorised_visits")) is not None:
        told["authorised_visits"] = int(visits)
    try:
        return CoverageBody.model_validate(told)
    except ValidationError as error:
        raise Refused([
            Problem(str(one["loc"][0]), str(one["input"]), one["msg"], "Correct it") for one in error.errors()
        ]) from None  # fmt: skip
