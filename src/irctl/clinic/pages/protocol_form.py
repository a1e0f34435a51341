"""A protocol as a form: steps, course, limits, missed visits, stop rule, lamps, and the tests that it carries. What the form does not show stays as it is."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.pages.shelf import Draft
from irctl.clinic.screens.screen import card
from irctl.clinic.words import tr

Row = dict[str, Any]
LIMITS: dict[str, tuple[str, str]] = {
    "irradiance_mw_cm2_max": ("Brightest", "mW/cm²"),
    "fluence_j_cm2_max": ("Session ceiling", "J/cm²"),
    "duration_s_max": ("Longest", "s"),
    "skin_c_max": ("Skin at most", "°C"),
    "day_fluence_j_cm2_max": ("In any 24 h", "J/cm²"),
    "interval_s_min": ("Least interval", "s"),
}


def protocol_form(draft: Draft) -> None:
    """Everything typed is in the preview at once, and kept when it is saved."""
    told = draft.told
    for name in ("course", "limits", "stop"):
        told.setdefault(name, {})
    for name in ("steps", "missed", "expect", "areas", "lamp_types"):
        told.setdefault(name, [])
    with card(tr("Steps")):
        _rows(draft, "steps", _step, {"from_visit": 1}, ("From visit", "mW/cm²", "J/cm²", "Time"), "entry-row")
    with card(tr("Course and limits")), ui.element("div").classes("entries"):
        for key, label in (("per_week", "Visits a week"), ("weeks", "Weeks"), ("fluence_j_cm2_max", "Course, J/cm²")):
            number(draft, told["course"], key, tr(label))
        for key, (label, unit) in LIMITS.items():
            number(draft, told["limits"], key, f"{tr(label)}, {unit}")
    with card(tr("After missed visits")):
        ui.label(tr("Leave “visits back” empty to begin again.")).classes("soft")
        _rows(
            draft,
            "missed",
            _missed,
            {"after_days": 7, "begin_again": True},
            ("After days", "Visits back"),
            "entry-row three",
        )
    with card(tr("When the end is proposed")), ui.element("div").classes("entries"):
        number(draft, told["stop"], "nprs_mcid", tr("Pain changed by"))
        number(draft, told["stop"], "unchanged_after_visits", tr("Or unchanged in visits"))
    with card(tr("Title, lamps and areas")), ui.element("div").classes("stack fill"):
        text(draft, told, "title", tr("Title"))
        text(draft, told, "written_by", tr("Written by"))
        words(draft, told, "lamp_types", tr("Lamp types, with commas between"))
        words(draft, told, "areas", tr("Areas, with commas between; empty for any"))
        with ui.element("div").classes("entries"):
            for at, label in enumerate(("Nearest, cm", "Farthest, cm")):
                _distance(draft, told, at, tr(label))
        box = ui.checkbox(tr("Needs a skin thermometer"), value=bool(told.get("needs_skin_thermometer")))
        box.on_value_change(lambda event: _put(draft, told, "needs_skin_thermometer", bool(event.value)))
    with card(tr("Its own tests")):
        ui.label(
            tr(
                "What must come out, worked out by hand: where each step begins, after each gap, and that the course ends. Leave the dose empty where the visit must be refused."
            )
        ).classes("soft")
        _rows(
            draft,
            "expect",
            _expect,
            {"visit": 1, "refused": True},
            ("Visit", "After days", "mW/cm²", "J/cm²"),
            "entry-row tests",
        )


# --- rows ------------------------------------------------------------------------------------------------------------------


def _rows(
    draft: Draft,
    key: str,
    draw: Callable[[Draft, Row], None],
    fresh: Row,
    titles: tuple[str, ...],
    classes: str,
) -> None:
    box = ui.element("div").classes("stack")

    def fill() -> None:
        box.clear()
        with box:
            head = "".join(f"<span>{escape(tr(title))}</span>" for title in titles)
            ui.html(f'<div class="{classes} soft small" aria-hidden="true">{head}</div>', sanitize=False)
            for at, row in enumerate(draft.told[key]):
                with ui.element("div").classes(classes):
                    draw(draft, row)
                    ui.button("✕", on_click=partial(remove, at)).props(f'aria-label="{tr("Remove")}"')
            ui.button(tr("Add a row"), on_click=add)

    def remove(at: int) -> None:
        del draft.told[key][at]
        fill()
        draft.filled()

    def add() -> None:
        before: list[Row] = draft.told[key]
        before.append(dict(before[-1]) if before else dict(fresh))
        fill()
        draft.filled()

    fill()


def _step(draft: Draft, row: Row) -> None:
    def again() -> None:
        time.text = _minutes(row)

    number(draft, row, "from_visit", tr("From visit"), bare=True)
    number(draft, row, "irradiance_mw_cm2", tr("Irradiance, mW/cm²"), again, bare=True)
    number(draft, row, "fluence_j_cm2", tr("Dose, J/cm²"), again, bare=True)
    time = ui.label(_minutes(row)).classes("computed")


def _minutes(row: Row) -> str:
    irradiance, fluence = row.get("irradiance_mw_cm2"), row.get("fluence_j_cm2")
    if not irradiance or not fluence or irradiance <= 0:
        return "–"
    seconds = round(fluence * 1000 / irradiance)
    return f"{seconds // 60}:{seconds % 60:02d}"


def _missed(draft: Draft, row: Row) -> None:
    def again() -> None:
        if row.get("visits_back") is None:
            row["begin_again"] = True
        else:
            row.pop("begin_again", None)

    number(draft, row, "after_days", tr("After days"), bare=True)
    number(draft, row, "visits_back", tr("Visits back"), again, bare=True)


def _expect(draft: Draft, row: Row) -> None:
    def again() -> None:
        if row.get("irradiance_mw_cm2") is None and row.get("fluence_j_cm2") is None:
            row["refused"] = True
        else:
            row.pop("refused", None)

    number(draft, row, "visit", tr("Visit"), bare=True)
    number(draft, row, "after_days", tr("After days"), bare=True)
    number(draft, row, "irradiance_mw_cm2", tr("Irradiance, mW/cm²"), again, bare=True)
    number(draft, row, "fluence_j_cm2", tr("Dose, J/cm²"), again, bare=True)


# --- fields ----------------------------------------------------------------------------------------------------------------


def number(
    draft: Draft, held: Row, key: str, label: str, then: Callable[[], None] = lambda: None, *, bare: bool = False
) -> None:
    """What is empty is left out. `bare`: named for those who cannot see the heading over it."""
    field = ui.number(None if bare else label, value=held.get(key)).props(f'outlined debounce=300 aria-label="{label}"')

    def changed(value: float | None) -> None:
        if value is None:
            held.pop(key, None)
        else:
            held[key] = int(value) if float(value).is_integer() else float(value)
        then()
        draft.filled()

    field.on_value_change(lambda event: changed(event.value))


def text(draft: Draft, held: Row, key: str, label: str, *, area: bool = False) -> None:
    """A line, or a few."""
    field = (ui.textarea if area else ui.input)(label, value=str(held.get(key, "")))
    field.props("outlined debounce=300 maxlength=600" + (" autogrow" if area else ""))
    field.on_value_change(lambda event: _put(draft, held, key, event.value or ""))


def words(draft: Draft, held: Row, key: str, label: str) -> None:
    """Several, with commas between them."""
    field = ui.input(label, value=", ".join(held.get(key, []))).props("outlined debounce=300")

    def changed(value: str) -> None:
        _put(draft, held, key, [word.strip() for word in value.split(",") if word.strip()])

    field.on_value_change(lambda event: changed(event.value or ""))


def _distance(draft: Draft, told: Row, at: int, label: str) -> None:
    pair: list[Any] = told.setdefault("distance_cm", [0, 0])
    field = ui.number(label, value=pair[at] if at < len(pair) else None).props("outlined debounce=300")

    def changed(value: float | None) -> None:
        pair[at : at + 1] = [0 if value is None else int(value) if float(value).is_integer() else value]
        draft.filled()

    field.on_value_change(lambda event: changed(event.value))


def _put(draft: Draft, held: Row, key: str, value: Any) -> None:
    held[key] = value
    draft.filled()
