"""A visit's steps before the light: who, screening, position, pain. This module registers no page of its own."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import secrets
from collections.abc import Callable
from html import escape
from typing import Any

from nicegui import events, ui

from irctl.clinic.care import courses, visits
from irctl.clinic.care.visits import VisitBody
from irctl.clinic.drawing.body_map import body_map
from irctl.clinic.screens.parts import Choice, facts, function, pain, step_button, step_title
from irctl.clinic.screens.screen import Here
from irctl.clinic.screens.second_person import ask_second
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.domain.screening import SENSATION, Answer, Findings, Item, Kind, Result, Trial
from irctl.records.papers import Paper

PICTURE_BYTES_MAX = 280_000


def _next(here: Here, text: str, work: Callable[[], Any]) -> None:
    """`work` with the database, in a thread."""
    step_button(here, text, lambda: here.desk.run(work))


# --- who ------------------------------------------------------------------------------------------------------------------


def who(here: Here, visit: Paper, body: VisitBody) -> None:
    """The patient says it; the screen only has it to compare."""
    step_title(
        tr("Who, and where?"), tr("Let the patient say name and date of birth. Then point at the area together.")
    )
    with ui.element("div").classes("row"):
        body_map(body.area, None, compact=True)
    _next(here, tr("It is this patient, and this area"), lambda: visits.identify(here.desk, here.acting(), visit))
    _refuse(here, visit)


# --- screening ------------------------------------------------------------------------------------------------------------


def screening(here: Here, visit: Paper, body: VisitBody) -> None:
    """Every question, then the test of the senses; afterwards what the answers say."""
    found = visits.screened(here.desk, visit, here.desk.now())
    listed = here.desk.library.screening
    if body.screening is not None and found is not None and found.result is Result.MUST_NOT:
        _must_not(here, visit, found)
    step_title(tr(listed.title), f"{tr('Asked anew each day.')} {tr(listed.standing)}")
    given: dict[str, Choice] = {}
    for kind, title in ((Kind.CONTRAINDICATION, tr("Contraindications")), (Kind.PRECAUTION, tr("Precautions"))):
        ui.html(f"<h3>{escape(title)}</h3>", sanitize=False)
        with ui.element("div").classes("questions"):
            for item in (one for one in listed.items if one.kind is kind):
                given[item.key] = _question(item)
    trials = _sensation(listed.sensation.trials_min)

    def work() -> None:
        answers = {key: choice.value for key, choice in given.items() if choice.value is not None}
        touched = tuple(
            Trial(hot, choice.value == "hot" if choice.value != "nothing" else None)
            for hot, choice in trials
            if choice.value
        )
        missing = [tr(item.asks) for item in listed.items if item.key not in answers]
        lacking = [Problem("question", None, text, "Answer it: not known is an answer, too") for text in missing]
        if len(touched) < len(trials):
            lacking.append(Problem(SENSATION, len(touched), f"{len(trials)} touches are asked for", "Finish the test"))
        if lacking:
            raise Refused(lacking)
        visits.screen(here.desk, here.acting(), visit, answers, touched)

    _next(here, tr("Screening done"), work)
    _refuse(here, visit)


def _question(item: Item) -> Choice:
    options = {Answer.NO: tr("No"), Answer.YES: tr("Yes"), Answer.UNKNOWN: tr("Not known")}
    with ui.element("div").classes("question") as box:
        advice = ui.label(tr(item.advice)).classes("advice")
        advice.set_visibility(False)

        def pressed(value: Answer) -> None:
            advice.set_visibility(value in (item.dangerous, Answer.UNKNOWN))
            box.classes(
                add="dangerous" if value is item.dangerous else "",
                remove="" if value is item.dangerous else "dangerous",
            )

        choice = Choice(tr(item.asks), options, pressed=pressed)
        advice.move(box)
    return choice


def _sensation(count: int) -> list[tuple[bool, Choice]]:
    """Hot and cold in an order that nobody can learn, each at least once."""
    _hot = [True, False, *(secrets.choice((True, False)) for _ in range(count - 2))]
    secrets.SystemRandom().shuffle(_hot)
    ui.html(f"<h3>{escape(tr('Thermal sensation'))}</h3>", sanitize=False)
    ui.label(tr("Eyes closed. Touch the area as written; press what the patient says.")).classes("soft")
    found: list[tuple[bool, Choice]] = []
    with ui.element("div").classes("questions"):
        for number, hot in enumerate(_hot, 1):
            with ui.element("div").classes("question"):
                asks = f"{number}. {tr('Touch with HOT') if hot else tr('Touch with COLD')}"
                options = {"hot": tr("says hot"), "cold": tr("says cold"), "nothing": tr("feels nothing")}
                found.append((hot, Choice(asks, options)))
    return found


def _must_not(here: Here, visit: Paper, found: Findings) -> None:
    with ui.element("div").classes("verdict bad").props('role="alert"'):
        ui.html(f"<h2>✕ {escape(tr('Must not be treated now'))}</h2>", sanitize=False)
        for problem in found.reasons:
            ui.label(tr(problem.remedy)).classes("why")
        with ui.element("div").classes("row"):
            _refuse(here, visit)
            never = here.desk.library.screening.absolute
            keys = tuple(finding.key for finding in found.found if finding.forbids and not finding.overridden)
            if keys and not found.problems and not set(keys) & never and here.may(Verb.OVERRIDE):
                override_button(here, visit, keys)


def override_button(here: Here, visit: Paper, what: tuple[str, ...]) -> None:
    """Two people and a reason."""

    async def press() -> None:
        async def agreed(second: Any, reason: str) -> None:
            await here.desk.run(visits.override, here.desk, here.acting(), visit, what, second, reason)

        await ask_second(here, tr("Treat all the same: two people answer for it"), agreed)

    ui.button(tr("Treat all the same…"), on_click=press)


def _refuse(here: Here, visit: Paper) -> None:
    """Not today: the record stays, with the reason."""

    def press() -> None:
        with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
            ui.html(f"<h2>{escape(tr('No treatment today'))}</h2>", sanitize=False)
            why = ui.input(tr("Why? It goes into the record")).props("outlined autofocus")

            async def give_up() -> None:
                told = (here.desk, here.acting(), visit, why.value or "")
                if await here.do(lambda _acting: here.desk.run(visits.drop, *told)):
                    dialog.close()

            with ui.element("div").classes("row"):
                ui.button(tr("Do not treat"), on_click=give_up).classes("primary")
                ui.button(tr("Back"), on_click=dialog.close)

    ui.button(tr("Do not treat today…"), on_click=press).classes("quiet")


def refused(here: Here, visit: Paper, body: VisitBody) -> None:
    """The end of a visit without light."""
    with ui.element("div").classes("verdict"):
        step_title(tr("Not treated"), body.dropped)
        facts(
            {
                tr("Written down by"): visit.version.by,
                tr("at"): f"{visit.version.made_at.astimezone(here.desk.zone):%H:%M}",
            }
        )
        ui.button(tr("Back to the day"), on_click=lambda: ui.navigate.to("/")).classes("primary")


# --- position -------------------------------------------------------------------------------------------------------------


def position(here: Here, visit: Paper, body: VisitBody) -> None:
    """Measured, not assumed: nothing is filled in beforehand."""
    step_title(
        tr("Position"),
        tr(
            "Measure from lamp to skin: {distance} cm, the beam perpendicular to the skin. Never directly overhead.",
            distance=f"{body.distance_cm:g}",
        ),
    )
    ui.html(_drawing(body.distance_cm), sanitize=False)
    with ui.element("div").classes("row"):
        distance = ui.number(tr("Distance, cm"), min=1, max=200, step=0.5).props("outlined inputmode=decimal")
        angle = ui.number(tr("Angle from perpendicular, °"), min=0, max=60, step=5).props("outlined inputmode=decimal")
    eyes = Choice(
        tr("Eyes protected: goggles, or the face covered and out of the beam"),
        {True: tr("Yes, I have looked"), False: tr("No")},
    )
    picture: list[str] = [""]
    with ui.expansion(tr("Picture of the position (optional)")).classes("picture"):

        async def taken(upload: events.UploadEventArguments) -> None:
            picture[0] = await _data_url(upload)
            ui.notify(tr("Picture kept"), position="bottom", type="positive")

        ui.upload(
            auto_upload=True, max_file_size=PICTURE_BYTES_MAX, on_upload=taken, label=tr("JPEG or PNG, up to 280 kB")
        ).props('accept="image/jpeg,image/png" capture="environment"')

    def work() -> None:
        lacking = [
            Problem(name, None, "was not measured", "Measure it, then type it in")
            for name, field in (("distance_cm", distance), ("angle_deg", angle))
            if field.value is None
        ]
        if eyes.value is None:
            lacking.append(Problem("eyes_protected", None, "was not answered", "Look at the goggles"))
        far, tilt = distance.value, angle.value
        if lacking or far is None or tilt is None:
            raise Refused(lacking)
        visits.position(here.desk, here.acting(), visit, far, tilt, eyes=eyes.value is True, picture=picture[0])

    _next(here, tr("Positioned"), work)
    _refuse(here, visit)


async def _data_url(upload: events.UploadEventArguments) -> str:
    import base64

    content = await upload.file.read()
    kind = {b"\xff\xd8\xff": "jpeg", b"\x89PN": "png"}.get(content[:3])
    if kind is None:
        raise Refused([Problem("picture", upload.file.name, "is no JPEG or PNG", "Take another picture")])
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _drawing(distance_cm: float) -> str:
    """Lamp, beam and skin, with the distance between them."""
    told = escape(tr("Lamp to skin: {distance} cm", distance=f"{distance_cm:g}"))
    return f"""<svg class="position-drawing" viewBox="0 0 420 150" role="img" aria-label="{told}">
  <path class="lampshade" d="M20 40 L75 22 L75 128 L20 110 Z"/><path class="beam" d="M78 30 L352 12 L352 138 L78 120 Z"/>
  <path class="skin" d="M356 5 Q340 75 356 145"/><path class="measure" d="M80 75 H342 M88 69 L80 75 L88 81 M334 69 L342 75 L334 81"/>
  <rect class="measured" x="165" y="58" width="92" height="34" rx="8"/><text x="211" y="82" text-anchor="middle">{distance_cm:g} cm</text>
  <path class="square" d="M330 75 v-14 h14"/>
</svg>"""


# --- pain -----------------------------------------------------------------------------------------------------------------


def pain_before(here: Here, visit: Paper, body: VisitBody) -> None:
    """Before the light."""
    step_title(tr("Before the light"))
    course = courses.body_of(here.desk.papers.get(courses.KIND, body.course))
    hurts = pain(tr("How much does it hurt now?"))
    works = (
        function(tr("How well does it go: {scale}?", scale=course.function_scale)) if course.function_scale else None
    )

    def work() -> None:
        if hurts.value is None:
            raise Refused([Problem("pain", None, "was not asked", "Ask the patient for 0 to 10")])
        visits.before(here.desk, here.acting(), visit, hurts.value, works.value if works else None)

    _next(here, tr("Next"), work)
    _refuse(here, visit)
