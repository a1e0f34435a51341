"""A new course, step by step: where, by which protocol, what for, and once more everything before it is decided."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from html import escape

from nicegui import ui

from irctl.clinic.care import courses, patients
from irctl.clinic.care.courses import CourseBody
from irctl.clinic.drawing.body_map import body_map, label_of
from irctl.clinic.drawing.markup import facts
from irctl.clinic.pages.patient_pieces import born, tag
from irctl.clinic.screens import screen
from irctl.clinic.screens.screen import Here, card, heading
from irctl.clinic.words import tr
from irctl.domain.course import NPRS_MAX
from irctl.domain.history import plain
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Protocol


class Draft:
    """What has been said so far."""

    def __init__(self) -> None:
        self.area = ""
        self.protocol = ""
        self.diagnosis, self.goal, self.scale, self.referred_by = "", "", "", ""
        self.codes, self.necessity = "", ""
        self.nprs: int | None = None
        self.function: int | None = None

    def missing(self, step: int) -> Problem | None:
        """What this step still needs."""
        if step == 0 and not self.area:
            return Problem("area", None, "is not chosen yet", "Touch it on the figure, or its name")
        if step == 1 and not self.protocol:
            return Problem("protocol", None, "is not chosen yet", "Touch one of them")
        if step == 2 and self.nprs is None:
            return Problem("pain", None, "before the course is not known yet", "Ask the patient for 0 to 10")
        if step == 2 and self.scale.strip() and self.function is None:
            return Problem(
                "function", None, "before the course is not rated yet", "Ask for 0 to 10, or clear the scale"
            )
        if step == 2:
            return courses.problem_with_codes(self.diagnosis_codes)
        return None

    @property
    def diagnosis_codes(self) -> tuple[str, ...]:
        return tuple(self.codes.upper().replace(",", " ").split())

    def body(self) -> CourseBody:
        """Raises Refused."""
        for step in range(3):
            if (problem := self.missing(step)) is not None:
                raise Refused([problem])
        assert self.nprs is not None
        scale = self.scale.strip()
        return CourseBody(
            area=self.area,
            protocol=self.protocol,
            diagnosis=self.diagnosis.strip(),
            goal=self.goal.strip(),
            function_scale=scale,
            baseline_nprs=self.nprs,
            baseline_function=self.function if scale else None,
            referred_by=self.referred_by.strip(),
            diagnosis_codes=self.diagnosis_codes,
            necessity=self.necessity.strip(),
        )


@screen.screen("/patients/{patient}/course/new", "Plan a course", verb=Verb.ORDER)
async def new_course(here: Here, patient: str) -> None:
    """Four steps; one can go back, and nothing is decided before the last."""
    opened = await asyncio.to_thread(patients.open_patient, here.desk, here.acting(), patient)
    known = await asyncio.to_thread(courses.of_patient, here.desk, patient)
    running = [course for course in known if course.index.state == "active"]
    sub = f"{opened.person.name} · {born(opened.person, here.desk.now().date())} · {patient}"
    with heading(tr("Plan a course"), sub):
        ui.button(tr("Cancel"), on_click=lambda: ui.navigate.to(f"/patients/{patient}"), color=None)
    draft, at = Draft(), [0]
    steps = ui.html("", sanitize=False)
    box = ui.element("div")

    def go(step: int) -> None:
        at[0] = step
        draw()

    async def on() -> None:
        if (problem := draft.missing(at[0])) is not None:
            screen.show_refused(Refused([problem]))
        elif at[0] < 3:
            go(at[0] + 1)
        else:
            await _decide(here, patient, draft)

    def draw() -> None:
        steps.content = _steps(at[0])
        box.clear()
        with box:
            if at[0] == 0:
                _where(draft, [course.body["area"] for course in running])
            elif at[0] == 1:
                _which(here, draft)
            elif at[0] == 2:
                _what_for(draft)
            else:
                _confirm(here, draft)
            with ui.element("div").classes("buttons step-buttons"):
                if at[0]:
                    ui.button(tr("Back"), on_click=lambda: go(at[0] - 1), color=None)
                ui.element("div").classes("grow")
                ui.button(tr("Next") if at[0] < 3 else tr("Plan this course"), on_click=on, color=None).classes(
                    "primary"
                )

    draw()


async def _decide(here: Here, patient: str, draft: Draft) -> None:
    made: list[str] = []

    async def plan() -> None:
        paper = await here.desk.run(courses.plan, here.desk, here.acting(), patient, draft.body())
        made.append(paper.id)

    if await here.do(lambda _acting: plan()):
        ui.navigate.to(f"/courses/{made[0]}")


def _steps(now: int) -> str:
    names = (tr("Where"), tr("Protocol"), tr("Goal and baseline"), tr("Confirm"))
    told = "".join(
        f'<li class="{"done" if number < now else ""}"{" aria-current=step" if number == now else ""}><b>{number + 1}</b> {escape(name)}</li>'
        for number, name in enumerate(names)
    )
    return f'<ol class="steps">{told}</ol>'


def _where(draft: Draft, running: list[str]) -> None:
    with card(tr("Where is it treated?")):
        warned = ui.html("", sanitize=False)

        def pick(area: str) -> None:
            draft.area = area
            twice = any(plain(area) == plain(other) for other in running)
            warned.content = tag(tr("A course for this area is running already"), "warn") if twice else ""

        body_map(draft.area, pick)
        if draft.area:
            pick(draft.area)


def _which(here: Here, draft: Draft) -> None:
    buttons: dict[str, ui.element] = {}

    def choose(name: str) -> None:
        draft.protocol = name
        for other, button in buttons.items():
            button.classes(add="chosen" if other == name else "", remove="" if other == name else "chosen")
            button.props(f"aria-pressed={'true' if other == name else 'false'}")

    with card(tr("By which protocol?")), ui.element("div").classes("list"):
        for protocol in here.desk.library.protocols.values():
            fits = not protocol.areas or plain(draft.area) in {plain(area) for area in protocol.areas}
            with ui.element("button").classes("item protocol").props("type=button") as button:
                ui.html(_protocol(protocol, fits=fits), sanitize=False).classes("grow")
            if fits:
                button.on("click", partial(choose, protocol.name))
                buttons[protocol.name] = button
            else:
                button.props("disabled")
    if draft.protocol in buttons:
        choose(draft.protocol)


def _protocol(protocol: Protocol, *, fits: bool) -> str:
    rule, first, last = protocol.course, protocol.dose_of(1), protocol.dose_of(protocol.course.visits)
    often = tr(
        "{visits} visits: {per_week} a week for {weeks} weeks",
        visits=rule.visits,
        per_week=rule.per_week,
        weeks=rule.weeks,
    )
    doses = f"{first}" if first.same_as(last) else tr("{first}, rising to {last}", first=first, last=last)
    lamps = tr("for {lamps} lamps at {near:g} to {far:g} cm", lamps=", ".join(protocol.lamp_types),
               near=protocol.distance_cm[0], far=protocol.distance_cm[1])  # fmt: skip
    approved = protocol.approval is not None
    said = protocol.standing if approved else tr("EXAMPLE, to be approved by your clinic")
    whose = tag(said, "good" if approved else "warn")
    other = "" if fits else f"<br>{tag(tr('not for this area'), 'bad')}"
    return (
        f'<span class="title">{escape(tr(protocol.title))}</span> <span class="soft small">{escape(protocol.label)}</span><br>'
        f'{escape(often)}<br><span class="soft">{escape(doses)}; {escape(lamps)}</span><br>{whose}{other}'
    )


def _what_for(draft: Draft) -> None:
    with ui.element("div").classes("columns what-for"):
        with card(tr("What for?")), ui.element("div").classes("stack form"):
            _said(tr("Diagnosis"), draft, "diagnosis", 2000)
            _said(tr("Diagnosis codes (ICD-10-CM), such as M54.50"), draft, "codes", 120)
            _said(tr("Why the treatment is needed"), draft, "necessity", 2000)
            _said(tr("Goal"), draft, "goal", 2000)
            _said(tr("Referred by"), draft, "referred_by", 200)
        with card(tr("How is it before the course?")), ui.element("div").classes("stack form"):
            rating(tr("Pain: 0 none, 10 the worst"), draft.nprs, lambda value: setattr(draft, "nprs", value))
            _said(tr("Rated function, such as walking stairs"), draft, "scale", 120)
            rating(
                tr("Function: 0 not at all, 10 as ever"),
                draft.function,
                lambda value: setattr(draft, "function", value),
            )


def _said(label: str, draft: Draft, name: str, most: int) -> None:
    def keep(value: object) -> None:
        setattr(draft, name, str(value or ""))

    field = ui.input(label, value=getattr(draft, name), on_change=lambda event: keep(event.value))
    field.props(f"outlined autocomplete=off maxlength={most}")


def rating(label: str, value: int | None, on_pick: Callable[[int], object]) -> None:
    """0 to 10, one touch."""
    buttons: list[ui.button] = []

    def choose(chosen: int) -> None:
        on_pick(chosen)
        for number, button in enumerate(buttons):
            button.classes(add="chosen" if number == chosen else "", remove="" if number == chosen else "chosen")
            button.props(f"aria-pressed={'true' if number == chosen else 'false'}")

    with ui.element("div").classes("rating").props("role=group") as group:
        group.props["aria-label"] = label
        ui.label(label)
        with ui.element("div").classes("rating-row"):
            buttons += [ui.button(f"{n}", on_click=partial(choose, n), color=None) for n in range(NPRS_MAX + 1)]
    if value is not None:
        choose(value)


def _confirm(here: Here, draft: Draft) -> None:
    protocol = here.desk.library.protocol(draft.protocol)
    function = f"{draft.scale}: {draft.function}" if draft.scale.strip() else "–"
    told = (
        (tr("Area"), f'<span class="big-said">{escape(label_of(draft.area))}</span>'),
        (tr("Protocol"), _protocol(protocol, fits=True)),
        (tr("Diagnosis"), escape(" · ".join(filter(None, (draft.diagnosis, ", ".join(draft.diagnosis_codes)))) or "–")),
        (tr("Needed because"), escape(draft.necessity or "–")),
        (tr("Goal"), escape(draft.goal or "–")),
        (tr("Pain before"), escape(tr("{rating} of 10", rating=draft.nprs))),
        (tr("Function before"), escape(function)),
        (tr("Referred by"), escape(draft.referred_by or "–")),
    )
    with ui.element("div").classes("columns"):
        with card(tr("Is this right?")):
            ui.html(facts(told), sanitize=False)
        with card(tr("Where")):
            body_map(draft.area, compact=True)
