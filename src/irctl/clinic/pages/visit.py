"""One visit, step by step: who, screening, position, pain, light, afterwards, signature. It goes on where it was, on any screen."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from typing import Any, NamedTuple

from nicegui import ui

from irctl.clinic.care import courses, visits
from irctl.clinic.care.visits import VisitBody
from irctl.clinic.drawing.body_map import label_of
from irctl.clinic.pages import visit_before, visit_light
from irctl.clinic.screens import screen
from irctl.clinic.screens.parts import minutes
from irctl.clinic.screens.screen import Here, heading, live_panel
from irctl.clinic.words import dates, tr
from irctl.domain.people import Verb
from irctl.domain.screening import Result
from irctl.records.papers import Paper

LOOK_EVERY_S = 0.5


class Step(NamedTuple):
    """One of the steps, in their order."""

    key: str
    title: str
    draw: Callable[[Here, Paper, VisitBody], Any]


def _done(here: Here, visit: Paper, body: VisitBody, step: str) -> bool:
    match step:
        case "who":
            return body.identified is not None
        case "screening":
            found = visits.screened(here.desk, visit, here.desk.now())
            return found is not None and found.result is not Result.MUST_NOT
        case "position":
            return body.position is not None
        case "pain":
            return body.before is not None
        case "light":
            return visit_light.over(here, visit, body)
        case "after":
            return body.after is not None
        case _:
            return visit.index.state == "signed"


STEPS = (
    Step("who", "Who", visit_before.who),
    Step("screening", "Screening", visit_before.screening),
    Step("position", "Position", visit_before.position),
    Step("pain", "Pain", visit_before.pain_before),
    Step("light", "Light", visit_light.light),
    Step("after", "Afterwards", visit_light.afterwards),
    Step("sign", "Sign", visit_light.signature),
)
BEFORE_LIGHT = ("who", "screening", "position", "pain")


@screen.screen("/visits/{visit}", "Visit", verb=Verb.START)
def visit_page(here: Here, visit: str) -> None:
    """The step that is due; earlier ones can be done again until there is light."""
    paper = here.desk.papers.get(courses.VISIT, visit)
    body = visits.body_of(paper)
    acting = here.acting()
    person = here.desk.patients.show(body.patient, acting.require(Verb.SEE_PATIENT).login, "treatment", acting.at)
    _header(here, person.person.name, dates.plain(person.person.born), body)
    frame = ui.element("div").classes("visit")
    with frame:
        steps = ui.element("ol").classes("visit-steps").props(f'aria-label="{tr("Steps")}"')
        content = ui.element("div").classes("step")
    # The live figures stand outside of what is drawn anew: they draw themselves.
    live = ui.element("div").classes("live-figures")
    with live:
        live_panel(here, lamp=body.lamp, station=here.desk.station(body.station))
    drawn: tuple[Any, ...] = ()
    chosen: list[str] = []

    def again(key: str) -> Callable[[], None]:
        def press() -> None:
            nonlocal drawn
            chosen[:] = [key]
            drawn = ()

        return press

    async def look() -> None:
        nonlocal drawn
        now = here.desk.papers.get(courses.VISIT, visit)
        told = visits.body_of(now)
        due = _due(here, now, told)
        if chosen and (chosen[0] == due or now.index.state not in ("open", "armed")):
            chosen.clear()
        shown = chosen[0] if chosen else due
        state = visit_light.state_of(here, told)
        # What is typed in a step is not thrown away because something else has changed.
        key = (
            shown,
            now.index.state,
            state if shown == "light" else None,
            *_watched(shown, now, told),
        )
        if key == drawn:
            return
        moved = not drawn or drawn[0] != shown
        drawn = key
        live.set_visibility(shown == "light")
        lit = shown == "light" and now.index.state == "given"
        frame.classes(add="lit" if lit else "", remove="" if lit else "lit")
        steps.clear()
        with steps:
            for step in STEPS:
                _step_sign(here, now, told, step, current=step.key == shown, press=again(step.key))
        content.clear()
        with content:
            if now.index.state == "refused":
                visit_before.refused(here, now, told)
            else:
                found = next(step for step in STEPS if step.key == shown).draw(here, now, told)
                if isinstance(found, Awaitable):
                    await found
        if moved:
            ui.run_javascript("document.querySelector('.step h2')?.focus(); window.scrollTo(0, 0)")

    ui.timer(LOOK_EVERY_S, look, immediate=True)


def _watched(shown: str, now: Paper, body: VisitBody) -> tuple[Any, ...]:
    """What makes a step look otherwise while it is being done."""
    if shown == "light":
        return (now.number,)
    return (body.screening, body.override) if shown == "screening" else ()


def _due(here: Here, visit: Paper, body: VisitBody) -> str:
    for step in STEPS:
        if not _done(here, visit, body, step.key):
            return step.key
    return "sign"


def _header(here: Here, name: str, born: str, body: VisitBody) -> None:
    area = label_of(body.area)
    heading(name, f"{tr('born {day}', day=born)} · {body.patient}")
    lamp = here.desk.station(body.station).lamps
    title = next((one["title"] for one in lamp if one["name"] == body.lamp), body.lamp)
    seconds = body.fluence_j_cm2 * 1000 / body.irradiance_mw_cm2
    told = (area, f"{body.fluence_j_cm2:g} J/cm²", f"{body.irradiance_mw_cm2:g} mW/cm²", minutes(seconds), title)
    chips = "".join(f"<li>{escape(one)}</li>" for one in (f"{tr('Visit')} {body.visit}", *told))
    ui.html(f'<ul class="visit-chips">{chips}</ul>', sanitize=False)


def _step_sign(
    here: Here, visit: Paper, body: VisitBody, step: Step, *, current: bool, press: Callable[[], None]
) -> None:
    done = _done(here, visit, body, step.key)
    sign = "✓" if done else "→" if current else "·"
    state = tr("finished") if done else tr("now") if current else tr("later")
    may_go = step.key in BEFORE_LIGHT and done and visit.index.state == "open"
    with ui.element("li").classes("current" if current else "done" if done else ""):
        inside = f'<span aria-hidden="true">{sign}</span> {escape(tr(step.title))}<span class="visually-hidden">: {escape(state)}</span>'
        if may_go and not current:
            ui.button(f"{sign} {tr(step.title)}", on_click=press).classes("quiet").props(
                f'no-caps aria-label="{escape(tr(step.title))}: {escape(state)}, {escape(tr("do again"))}"'
            )
        else:
            ui.html(f"<span {'aria-current=step' if current else ''}>{inside}</span>", sanitize=False)
