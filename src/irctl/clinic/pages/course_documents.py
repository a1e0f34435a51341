"""What leaves of a course: who is asked to pay, what the claim check says, the documents, and what waits to be sent."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import date
from html import escape
from typing import Any
from urllib.parse import quote

from nicegui import ui
from pydantic import ValidationError

from irctl.clinic.acting import Acting
from irctl.clinic.care import courses, coverage, patients
from irctl.clinic.care.coverage import CoverageBody
from irctl.clinic.drawing.body_map import label_of
from irctl.clinic.drawing.markup import facts, table, tag
from irctl.clinic.handover.leaving import Leaving, leaving, payers
from irctl.clinic.pages.patients import may_see
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import redraw, watch
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.words import dates, tr
from irctl.documents.claims import Claim, Rule, Verdict
from irctl.documents.course import Kind
from irctl.documents.follow_up import Proposal, What
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
    redraw(
        here,
        lambda: leaving(here.desk, here.acting(), course),
        lambda found: _leaving(here, course, found),
        math.inf,
        verb=Verb.SEE_PATIENT,
    )


def _leaving(here: Here, course: str, found: Leaving) -> None:
    if found.gathered.away:
        with card():
            why = next(iter(found.gathered.away.values()))
            show_empty(tr("Not every journal could be read"), why)
    _next(found.proposals)
    _claims(here, course, found)
    _papers(course)


# --- what comes next -------------------------------------------------------------------------------------------------------


def _next(proposals: Sequence[Proposal]) -> None:
    words = {
        What.EXAMINE: tr("Examine the patient"),
        What.REVIEW: tr("Review the course"),
        What.END: tr("End the course"),
        What.PLAN: tr("Plan the visits that are left"),
        What.CERTIFY: tr("Have the plan of care certified anew"),
        What.AUTHORISE: tr("Ask for an authorisation"),
        What.REPORT: tr("Write a progress report"),
        What.SIGN: tr("Sign what was given"),
    }
    with card(tr("What comes next")):
        if not proposals:
            ui.label(tr("Nothing is due.")).classes("soft")
        for one in proposals:
            told = f'<b>{escape(words[one.what])}</b><br>{escape(one.text)}<br><span class="soft small">{escape(one.source)}</span>'
            ui.html(f"<p>{told}</p>", sanitize=False)
        ui.label(tr("Proposed from what is written down. A person decides.")).classes("soft small")


# --- claims ----------------------------------------------------------------------------------------------------------------


def _claims(here: Here, course: str, found: Leaving) -> None:
    with card(tr("Before billing")):
        if found.rules is not None:
            ui.label(f"{found.rules.title}: {found.rules.standing}").classes("soft")
        if not found.claims:
            show_empty(tr("Nothing to bill yet"), tr("A visit with light is judged here as soon as it has ended."))
            return
        columns = (tr("Visit"), tr("Minutes, timed and in all"), tr("Lines"), tr("Verdict"), tr("Treatment note"))
        rows = [_claim(here, course, claim) for claim in reversed(found.claims)]
        ui.html(f'<div class="sideways">{table(columns, rows)}</div>', sanitize=False)
        ui.label(tr("A check by the payer’s rules, and no legal advice. A person decides.")).classes("soft small")


def _claim(here: Here, course: str, claim: Claim) -> list[str]:
    total = "–" if claim.total_minutes is None else f"{claim.total_minutes:g}"
    lines = "<br>".join(escape(" ".join((line.code, f"× {line.units}", *line.modifiers))) for line in claim.lines)
    note = f'<a href="/courses/{quote(course)}/visits/{quote(claim.visit)}/note.pdf" target="_blank">PDF</a>'
    number = f"{claim.number}" if claim.number else "–"
    return [
        f"{number} · {dates.compact(claim.date)}",
        f"{claim.timed_minutes:g} · {total}",
        lines or "–",
        _verdict(claim),
        note,
    ]


def _verdict(claim: Claim) -> str:
    words = {
        Verdict.BILL: tag("good", "check", tr("bill")),
        Verdict.NOTICE: tag("warn", "warn", tr("needs notice")),
        Verdict.HOLD: tag("bad", "no", tr("hold")),
    }
    reasons = "".join(
        f'<li>{escape(one.text)}{_mark(one.rule)}<br><span class="soft small">{escape(one.remedy)} ← {escape("; ".join(one.evidence))}</span></li>'
        for one in claim.findings
        if one.verdict is not Verdict.BILL
    )
    relied = "".join(
        f"<li>{escape(one.text)}{_mark(one.rule)}</li>" for one in claim.findings if one.verdict is Verdict.BILL
    )
    more = (
        f'<details><summary>{escape(tr("unverified rules"))}</summary><ul class="reasons-list">{relied}</ul></details>'
        if relied
        else ""
    )
    return f'{words[claim.verdict]}<ul class="reasons-list">{reasons}</ul>{more}'


def _mark(rule: Rule | None) -> str:
    return "" if rule is None else f' <span class="soft small">[{escape(rule.mark)}: {escape(rule.source)}]</span>'


# --- papers ----------------------------------------------------------------------------------------------------------------


def _papers(course: str) -> None:
    titles = {
        Kind.PROGRESS_REPORT: tr("Progress report"),
        Kind.PLAN_OF_CARE: tr("Plan of care"),
        Kind.DISCHARGE_SUMMARY: tr("Discharge summary"),
        Kind.REFERRER_LETTER: tr("Letter to the referrer"),
    }
    links = "".join(
        f'<li><a href="/courses/{quote(course)}/{kind}.pdf" target="_blank">{escape(title)}</a></li>'
        for kind, title in titles.items()
    )
    with card(tr("Papers of the course")):
        ui.html(f'<ul class="links">{links}</ul>', sanitize=False)


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
            ui.button(tr("Change"), on_click=lambda: _ask(here, course, found), color=None).classes("spaced")


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
            "payer": ui.select(sorted({"", body.payer, *payers(here.desk)}), value=body.payer, label=tr("Payer")),
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
