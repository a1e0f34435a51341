"""Protocols: the list of them, and each with its dose by visit, its tests, its next version and its history."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from html import escape

from nicegui import ui

from irctl.clinic.desk import Desk
from irctl.clinic.drawing.dose_chart import dose_chart
from irctl.clinic.drawing.icons import icon
from irctl.clinic.drawing.markup import facts, tag
from irctl.clinic.office import drafts
from irctl.clinic.pages.protocol_form import LIMITS, protocol_form
from irctl.clinic.pages.settings import allowed, tabs
from irctl.clinic.pages.shelf import Shelf, ask_reason, standing_of
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.shelf.library import HANDED_IN, PROTOCOL, RETIRED, Text
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.domain.protocols import Protocol, problems_with_protocol
from irctl.records.papers import Wanted

SEEN_BY = (Verb.ORDER, Verb.SCREEN, Verb.READ_AUDIT)
PATH = "/settings/protocols"


@screen.screen(PATH, "Protocols", verb=None)
def protocols(here: Here) -> None:
    """Every protocol in force, what is being written, and what is no longer used."""
    buttons = heading(tr("Protocols"), tr("Dose by visit, limits, missed visits, and when a course ends"))
    if here.may(Verb.EDIT_PROTOCOL):
        with buttons:
            ui.button(tr("New protocol…"), on_click=lambda: _ask_new(here)).classes("primary")
    tabs(here, PATH)
    if allowed(here, SEEN_BY):
        redraw(here, lambda: asyncio.to_thread(_look, here.desk), _list)
    else:
        show_empty(tr("Not for you"), tr("This page is for other roles. Ask an administrator."))


def _look(desk: Desk) -> tuple[dict[str, Protocol], dict[str, str]]:
    """Those in force, and how each that was written here stands."""
    written = desk.papers.find(PROTOCOL, Wanted())
    return dict(desk.library.protocols), {paper.id: paper.index.state for paper in written}


def _list(found: tuple[dict[str, Protocol], dict[str, str]]) -> None:
    protocols, states = found
    with ui.element("div").classes("list"):
        for name in sorted({*protocols, *states}):
            protocol, state = protocols.get(name), states.get(name, "")
            title = protocol.title if protocol else name
            about = protocol.label if protocol else tr("not in force")
            if protocol is None:
                said = tag("bad", "no", tr("out of use")) if state == RETIRED else ""
            elif protocol.approval is None:
                said = tag("warn", "warn", standing_of(protocol.approval))
            else:
                said = tag("good", "check", tr("approved"))
            if state == HANDED_IN:
                said += tag("warn", "pen", tr("waits for approval"))
            elif state == "draft":
                said += tag("live", "pen", tr("draft"))
            ui.html(
                f'<a class="item" href="{PATH}/{escape(name)}"><span class="grow"><span class="title">{escape(title)}</span><br>'
                f'<span class="soft">{escape(about)}</span></span>{said}</a>',
                sanitize=False,
            )


def _ask_new(here: Here) -> None:
    known = {name: protocol.title for name, protocol in here.desk.library.protocols.items()}
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack fill"):
        ui.html(f"<h2>{escape(tr('New protocol'))}</h2>", sanitize=False)
        name = ui.input(tr("Name: small letters, figures, hyphens")).props("outlined maxlength=40 autocomplete=off")
        like = ui.select(known, label=tr("Begin from"), value=next(iter(known), None)).props("outlined")

        async def make() -> None:
            told = (name.value or "", like.value or "")
            if await here.do(lambda acting: here.desk.run(drafts.create, here.desk, acting, *told)):
                ui.navigate.to(f"{PATH}/{name.value}")

        with ui.element("div").classes("buttons"):
            ui.button(tr("Begin the draft"), on_click=make).classes("primary")
            ui.button(tr("Cancel"), on_click=dialog.close).classes("quiet")


@screen.screen(PATH + "/{name}", "Protocol", verb=None)
def protocol(here: Here, name: str) -> None:
    """One of them."""
    if not allowed(here, SEEN_BY):
        show_empty(tr("Not for you"), tr("This page is for other roles. Ask an administrator."))
        return
    found = here.desk.library.protocols.get(name)
    if found is None and drafts.paper_of(here.desk, PROTOCOL, name) is None:
        show_empty(tr("There is no such protocol"), tr("Look at the list."))
        return
    buttons = heading(found.title if found else name, found.label if found else tr("not in force"))
    with buttons:
        ui.button(tr("All protocols"), on_click=lambda: ui.navigate.to(PATH)).classes("quiet")
        if found is not None and here.may(Verb.EDIT_PROTOCOL):
            ui.button(tr("Take out of use…"), on_click=lambda: _ask_retire(here, name)).classes("quiet")
    tabs(here, PATH)
    Shelf(here, PROTOCOL, name, protocol_form, show).draw()


def _ask_retire(here: Here, name: str) -> None:
    def retire(reason: str):
        return here.do(lambda acting: here.desk.run(drafts.retire, here.desk, acting, name, reason))

    ask_reason(tr("Take out of use"), tr("Why is it no longer used?"), retire, lambda: ui.navigate.to(PATH))


# --- what a protocol says --------------------------------------------------------------------------------------------------


def show(here: Here, found: Text) -> None:
    """The dose by visit, drawn and as a table; its tests; everything else that it says."""
    assert isinstance(found, Protocol)
    if found.course.visits < 1 or not found.steps or found.steps[0].from_visit != 1:
        return
    with card(tr("Dose by visit")):
        ui.html(f'<div class="drawn"><div>{dose_chart(found)}</div><div>{_table(found)}</div></div>', sanitize=False)
    with ui.element("div").classes("columns"):
        with card(tr("Its own tests")):
            ui.html(_tests(found), sanitize=False)
        with card(tr("What it says")):
            ui.html(_facts(found), sanitize=False)


def _table(protocol: Protocol) -> str:
    rows: list[str] = []
    starts = [step.from_visit for step in protocol.steps]
    had = 0.0
    for number, step in enumerate(protocol.steps):
        last = (starts[number + 1] if number + 1 < len(starts) else protocol.course.visits + 1) - 1
        had += step.dose.fluence_j_cm2 * max(0, last - step.from_visit + 1)
        cells = (
            f"{step.dose.irradiance_mw_cm2:g}",
            f"{step.dose.fluence_j_cm2:g}",
            clock(step.dose.duration_s),
            f"{had:g}",
        )
        visits = f"{step.from_visit}" if last == step.from_visit else f"{step.from_visit}–{last}"
        rows.append(f"<tr><td>{visits}</td>{''.join(f'<td class=number>{cell}</td>' for cell in cells)}</tr>")
    titles = ((tr("Irradiance"), "mW/cm²"), (tr("Dose"), "J/cm²"), (tr("Time"), "min"), (tr("In all"), "J/cm²"))
    head = f"<th>{escape(tr('Visits'))}</th>" + "".join(
        f"<th class=number>{escape(title)}<br>{unit}</th>" for title, unit in titles
    )
    return f'<table class="plain"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def clock(duration_s: float) -> str:
    """Minutes and seconds: 12:30."""
    whole = round(duration_s)
    return f"{whole // 60}:{whole % 60:02d}"


def _tests(protocol: Protocol) -> str:
    problems = problems_with_protocol(protocol)
    told = {problem.field: problem.limit for problem in problems}
    run = not problems or all(problem.field.startswith("expect") for problem in problems)
    rows: list[str] = []
    for number, expect in enumerate(protocol.expects):
        gap = (
            "" if expect.after_days is None else tr(", {days} days after the one before", days=f"{expect.after_days:g}")
        )
        wanted = tr("refused") if expect.dose is None else str(expect.dose)
        said = tr("visit {visit}{gap}: {wanted}", visit=expect.visit, gap=gap, wanted=wanted)
        wrong = told.get(f"expect.{number}")
        if not run:
            rows.append(f"<li><span class=soft>{escape(said)}</span></li>")
        elif wrong is None:
            rows.append(f'<li class="good">{icon("check")}<span>{escape(said)}</span></li>')
        else:
            rows.append(f'<li class="bad">{icon("no")}<span>{escape(said)}; {escape(wrong)}</span></li>')
    note = "" if run else f'<p class="soft">{escape(tr("Not run: the rest does not hold together yet."))}</p>'
    return f'{note}<ul class="checks">{"".join(rows)}</ul>'


def _facts(protocol: Protocol) -> str:
    low, high = protocol.distance_cm
    course, stop = protocol.course, protocol.stop
    setbacks = [
        tr("{days} days: begin again", days=f"{one.after_days:g}")
        if one.visits_back is None
        else tr("{days} days: {visits} visits back", days=f"{one.after_days:g}", visits=one.visits_back)
        for one in protocol.setbacks
    ]
    skin = tr(", with a skin thermometer") if protocol.needs_skin_thermometer else ""
    told = [
        (tr("Lamps"), f"{', '.join(protocol.lamp_types)}, {low:g}–{high:g} cm{skin}"),
        (tr("Areas"), ", ".join(protocol.areas) or tr("any that the screening allows")),
        (
            tr("Course"),
            tr("{week} a week for {weeks} weeks, at most {most} J/cm² in all", week=course.per_week, weeks=course.weeks, most=f"{course.fluence_j_cm2_max:g}"),
        ),
        (tr("Without a visit for"), "; ".join(setbacks) or tr("no change")),
        (tr("Limits"), ", ".join(_limit(limit, value) for limit, value in protocol.limits.given())),
        (
            tr("End proposed"),
            tr("pain {mcid} less or more, or no change in {visits} visits", mcid=f"{stop.nprs_mcid:g}", visits=stop.unchanged_after_visits),
        ),
        (tr("Written by"), protocol.written_by),
        *((f"{tr('Source')}, {source.mark}", f"{source.of}: {source.text}") for source in protocol.sources),
    ]  # fmt: skip
    return facts((name, escape(value)) for name, value in told)


def _limit(limit: str, value: float) -> str:
    name, unit = LIMITS[limit]
    match limit:
        case "duration_s_max":
            told = f"{clock(value)} min"
        case "interval_s_min":
            told = f"{value / 3600:g} h"
        case _:
            told = f"{value:g} {unit}"
    return f"{tr(name)} {told}"
