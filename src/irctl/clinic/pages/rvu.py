"""Fees: what a day's codes come to under Medicare's fee schedule, with the arithmetic; and CMS's files, which it is worked out from.

For whoever is signed in: it is arithmetic with public figures, and says nothing of anybody. Files are brought by whoever may configure.
"""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import date
from html import escape
from typing import Any, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from nicegui import background_tasks, ui
from starlette.datastructures import UploadFile

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.drawing.icons import icon
from irctl.clinic.drawing.markup import table, tag
from irctl.clinic.drawing.moments import minute
from irctl.clinic.office import fees
from irctl.clinic.screens import screen
from irctl.clinic.screens.guarded import guarded
from irctl.clinic.screens.parts import Choice
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import COOKIE, Here, card, heading, show_empty, show_refused
from irctl.clinic.words import tr
from irctl.documents.rvu import NOTICE, Asked, Estimate, Origin, Step, asked_of, plain
from irctl.documents.rvu.payment import UNITS_MAX
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused

PATH = "/billing/rvu"
CODES_MAX = 8
"""Of one day, on this page; the terminal takes any number."""
HEAT = "97026"
Answer = tuple[str, bool, dict[str, Any]]
"""A file that was sent, whether it was taken, and what was said of it."""
Again = Callable[[], Coroutine[Any, Any, None]]


@screen.screen(PATH, "Fees", verb=None)
def rvu(here: Here) -> None:
    """What is asked at the left, what it comes to at the right, the files beneath."""
    heading(tr("Fees"), tr("What Medicare’s fee schedule comes to, and the files for it"))
    with ui.element("div").classes("wide-left fees"):
        asked = Form(here)
        answer = ui.element("div").props('role="status"')

    newest = 0

    async def again() -> None:
        nonlocal newest
        newest += 1
        mine = newest
        with answer:
            try:
                await asked.follow()
                found: Estimate | Refused = await asyncio.to_thread(fees.worked_out, here.desk.fees, asked.told())
            except Refused as refused:
                found = refused
            if mine == newest:
                answer.clear()
                _refused(found) if isinstance(found, Refused) else _shown(found)

    asked.changed = again
    redraw(here, lambda: asyncio.to_thread(here.desk.fees.listed), lambda kept: _files(here, kept, again))
    if here.may(Verb.CONFIGURE):
        _bringing(here)


# --- what is asked ----------------------------------------------------------------------------------------------------------


class Form:
    """Codes with their units, the day, and where. `changed` is called whenever something else is asked."""

    def __init__(self, here: Here) -> None:
        self._here = here
        self.changed: Again | None = None
        self._rows: list[tuple[ui.element, ui.input, ui.number]] = []
        with card(tr("What was done that day")), ui.element("div").classes("stack fill"):
            self._codes = ui.element("div").classes("stack")
            with ui.element("div").classes("row"):
                self._more = ui.button(tr("Another code"), color=None, on_click=lambda: self._add(""))
            self._add(HEAT)
            self._day = ui.input(tr("Day of the service"), value=here.desk.now().date().isoformat())
            self._day.props("outlined type=date stack-label").on_value_change(self._again)
            self._locality = ui.select({"": tr("National")}, value="", label=tr("Locality"), with_input=True)
            self._locality.props("outlined").on_value_change(self._again)
            self._facility = Choice(
                tr("Where"),
                {False: tr("Outside a facility"), True: tr("In a facility")},
                False,
                pressed=lambda _: self._again(),
            )
            with ui.element("div") as self._asks_participant:
                self._participant = Choice(
                    tr("Advanced payment model"),
                    {"other": tr("No participant"), "qp": tr("Qualifying participant")},
                    "other",
                    pressed=lambda _: self._again(),
                )
            self._asks_participant.set_visibility(False)

    def told(self) -> fees.Question:
        """Raises Refused."""
        codes = tuple(self._asked(code.value or "", units.value) for _, code, units in self._rows if code.value)
        if not codes:
            raise Refused([Problem("code", None, tr("is missing"), tr("Type a code, such as 97026"))])
        where, qp = bool(self._facility.value), self._participant.value == "qp"
        return fees.Question(codes, self._date(), self._locality.value or "", where, "qp" if qp else "other")

    async def follow(self) -> None:
        """Offer what there is of this day's year. Raises Refused."""
        day, folder = self._date(), self._here.desk.fees
        places = await asyncio.to_thread(fees.localities, folder, day.year)
        offered = {"": tr("National")} | {
            f"{one.state}-{one.number}": f"{one.state}-{one.number} {one.name}" for one in (places.places if places else ())
        }  # fmt: skip
        if offered != self._locality.options:
            self._locality.set_options(offered, value=self._locality.value if self._locality.value in offered else "")
        self._asks_participant.set_visibility(fees.by_participant(folder, day))

    def _add(self, code: str) -> None:
        with self._codes, ui.element("div").classes("entry-row three") as row:
            typed = ui.input(tr("CPT or HCPCS code"), value=code).props("outlined maxlength=8 autocomplete=off")
            units = ui.number(tr("Units"), value=1, min=1, max=UNITS_MAX, step=1).props("outlined inputmode=numeric")
            remove = ui.button("×", color=None).classes("quiet").props(f'aria-label="{escape(tr("Remove"))}"')
        one = (row, typed, units)
        self._rows.append(one)

        def removed() -> None:
            self._rows.remove(one)
            row.delete()
            self._more.set_enabled(True)
            self._again()

        typed.on_value_change(self._again)
        units.on_value_change(self._again)
        remove.on_click(removed)
        self._more.set_enabled(len(self._rows) < CODES_MAX)

    def _asked(self, code: str, units: float | None) -> Asked:
        if ":" in code:
            raise Refused([Problem("code", code, tr("is no code"), tr("Units stand beside it"))])
        return asked_of(code, int(units) if units is not None and units == int(units) else 0)

    def _date(self) -> date:
        try:
            return date.fromisoformat(self._day.value or "")
        except ValueError:
            raise Refused([Problem("date", self._day.value, tr("is no day"), tr("Choose the day of the service"))]) from None  # fmt: skip

    def _again(self) -> None:
        if self.changed is not None:
            background_tasks.create(self.changed())


# --- what it comes to -------------------------------------------------------------------------------------------------------


def _refused(refused: Refused) -> None:
    for problem in refused.problems:
        value = "" if problem.value is None else f"{problem.value} "
        show_empty(f"{value}{problem.limit}", problem.remedy)


def _shown(found: Estimate) -> None:
    with card(tr("What it comes to")):
        place = tr("National") if not found.locality.state else found.locality.label
        where = tr("In a facility") if found.facility else tr("Outside a facility")
        release = tr("{year}, release of {month}", year=found.year, month=tr(found.release)) if found.release else f"{found.year}"  # fmt: skip
        ui.html(
            f'<p class="figure">{found.usd} USD</p>'
            f'<p class="figure-label">{escape(tr("Limiting charge"))}: {found.limiting_usd} USD</p>'
            f'<p class="spaced">{escape(place)} · {escape(where)} · {escape(release)}<br>{escape(tr("Conversion factor"))} {found.factor.usd} USD '
            f'<span class="soft">({found.factor.mark}: {escape(found.factor.source)})</span></p>',
            sanitize=False,
        )
        for step in found.steps:
            ui.html(_arithmetic(step), sanitize=False).classes("spaced")
        notes = "".join(f"<li>{icon('warn')}<span>{escape(tr(one.text, **dict(one.given)))}</span></li>" for one in found.said)  # fmt: skip
        ui.html(
            f'<ul class="checks spaced">{notes}</ul><p class="soft small spaced">{escape(tr(NOTICE))}</p>', sanitize=False
        )  # fmt: skip


def _arithmetic(step: Step) -> str:
    """A table as one would write it on paper: a product a row, the sum, the dollars."""
    title = f"<h3>{escape(step.asked.label)} × {step.units} <span class=soft>{escape(tr('status'))} {escape(step.values.status)}</span></h3>"
    if not step.terms:
        return f"{title}{tag('warn', 'warn', tr('not paid by its values'))}"
    rows = [
        (escape(tr(term.name)), " × ".join(f"{one}" for one in (term.value, *term.halved, term.index)), plain(term.product))
        for term in step.terms
    ]  # fmt: skip
    rows.append((escape(tr("sum")), "", plain(step.rvu)))
    rows.append((escape(tr("Conversion factor")), f"× {step.factor_usd}", plain(step.exact_usd)))
    rows.append((f"<b>{escape(tr('rounded to the cent, USD'))}</b>", "", f"<b>{step.unit_usd}</b>"))
    if step.units > 1:
        rows.append((escape(tr("units")), f"× {step.units}", f"<b>{step.usd}</b>"))
    return title + table(("", tr("Value × index"), tr("Product")), rows, numbers=(1, 2))


# --- the files --------------------------------------------------------------------------------------------------------------


def _files(here: Here, kept: Sequence[Origin], again: Again) -> None:
    ui.timer(0, again, once=True)
    with card(tr("CMS’s files")):
        if kept:
            kinds = {"values": tr("relative values"), "localities": tr("localities")}
            rows = [
                (f"{one.year}", escape(kinds[one.kind]), escape(tr(one.release) if one.release else "–"), f"{one.rows}", escape(one.file), escape(minute(one.imported, here.desk.zone)))
                for one in kept
            ]  # fmt: skip
            columns = (tr("Year"), tr("What"), tr("Release"), tr("Rows"), tr("File"), tr("Imported"))
            ui.html(table(columns, rows, numbers=(3,)), sanitize=False)
        else:
            show_empty(
                tr("No files yet"), tr("They are CMS’s, and are not shipped with irctl: somebody brings them once.")
            )
        steps = (
            tr("On cms.gov, find “PFS Relative Value Files” and download the archive of the year: RVU25C.zip is that of July 2025."),
            tr("Unpack it. Two files are needed: PPRRVU….csv, the relative values, and GPCI….csv, the localities. The .txt of each will do, too."),
            tr("Bring them here, below, or in a terminal: irctl rvu import. Descriptions of codes are not kept."),
        )  # fmt: skip
        told = "".join(f"<li>{escape(step)}</li>" for step in steps)
        ui.html(f'<details class="spaced"{"" if kept else " open"}><summary>{escape(tr("How to get them"))}</summary><ol class="counted">{told}</ol></details>', sanitize=False)  # fmt: skip
        if not here.may(Verb.CONFIGURE):
            ui.label(tr("A technician or an administrator brings them.")).classes("soft")


SEND = """
const form = document.getElementById("fee-files"), answers = [];
for (const file of form.elements.file.files) {
  const one = new FormData();
  for (const name of ["csrf", "reason"]) one.append(name, form.elements[name].value);
  one.append("file", file);
  const answer = await fetch("%s", {method: "POST", body: one});
  answers.push([file.name, answer.ok, await answer.json().catch(() => ({}))]);
}
if (answers.every(([, ok]) => ok)) form.elements.file.value = "";
return answers;
"""
SENT_WITHIN_S = 60.0


def _bringing(here: Here) -> None:
    """Stays as it is when the list above changes: what is typed is not lost. One request a file, so that each has its own answer."""
    with card(tr("Bring files")), ui.element("div").classes("stack"):
        ui.html(
            f'<form id="fee-files" class="plain-form stack" onsubmit="return false"><input type="hidden" name="csrf" value="{here.visitor.csrf}">'
            f'<label>{escape(tr("PPRRVU….csv and GPCI….csv"))}<input type="file" name="file" multiple accept=".csv,.txt"></label>'
            f'<label>{escape(tr("What for"))}<input name="reason" maxlength="300" autocomplete="off"></label></form>',
            sanitize=False,
        )

        async def send() -> None:
            button.disable()
            try:
                answers = cast("list[Answer]", await ui.run_javascript(SEND % fees.UPLOAD, timeout=SENT_WITHIN_S))
            finally:
                button.enable()
            refused = [problem for name, ok, told in answers if not ok for problem in _problems(name, told)]
            for name, ok, told in answers:
                if ok:
                    warning = tr("{rows} codes only. Is the file whole?", rows=told["rows"]) if told["warning"] else ""
                    ui.notify(f"{tr('Imported: {file}', file=name)} {warning}", position="bottom", type="warning" if warning else "positive")  # fmt: skip
            if not answers:
                refused = [Problem("file", None, tr("is missing"), tr("Choose PPRRVU….csv, GPCI….csv, or both"))]
            if refused:
                show_refused(Refused(dict.fromkeys(refused)))

        with ui.element("div").classes("row"):
            button = ui.button(tr("Import"), color=None, on_click=send).classes("primary")


def _problems(name: str, told: dict[str, Any]) -> list[Problem]:
    """As the route below answered."""
    found = [Problem(p["field"], p["value"], p["limit"], p["remedy"]) for p in told.get("problems", ())]
    return found or [Problem("file", name, tr("did not arrive"), tr("Try again"))]


def routes(desk: Desk, doors: Doors) -> APIRouter:
    """Where the form sends a file to."""
    made = APIRouter()

    @made.post(fees.UPLOAD, include_in_schema=False)
    async def post_file(request: Request) -> Response:
        async with request.form(max_files=1, max_fields=16) as form:
            file = form.get("file")
            name = file.filename or "" if isinstance(file, UploadFile) else ""
            data = await file.read() if isinstance(file, UploadFile) else b""
            word, reason = str(form.get("csrf", "")), str(form.get("reason", ""))

        def work(acting: Acting) -> Response:
            visitor = doors.find(request.cookies.get(COOKIE, ""))
            if visitor is None or not visitor.csrf_is(word):
                raise Refused([Problem("form", None, "was not one of ours, or too old", "Go back and try again")])
            origin, replaced = fees.bring(desk, acting, name, data, reason)
            desk.changed()
            return JSONResponse({"rows": origin.rows, "warning": origin.warning, "replaced": replaced})

        # Whether they might, first of all; whether they have a reason, the service asks.
        return await guarded(request, desk, doors, Verb.CONFIGURE, work, reason="asked")

    return made
