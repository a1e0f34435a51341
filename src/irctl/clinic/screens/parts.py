"""What screens ask with: large things to press, each with a name that a screen reader says and a state that is more than a colour."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.drawing import markup
from irctl.clinic.screens.screen import Here
from irctl.clinic.words import tr
from irctl.domain.course import NPRS_MAX


class Choice:
    """One of several; none at first. `value` is what was pressed."""

    def __init__(
        self,
        asks: str,
        options: Mapping[Any, str],
        value: Any = None,
        *,
        shown: bool = True,
        pressed: Callable[[Any], Any] | None = None,
    ) -> None:
        self.value = value
        self._pressed = pressed
        with ui.element("div").classes("ask").props("role=radiogroup") as group:
            group.props["aria-label"] = asks
            if shown:
                ui.label(asks).classes("asks")
            with ui.element("div").classes("ask-options"):
                self._buttons = {key: self._button(key, text) for key, text in options.items()}
        self._draw()

    def _button(self, key: Any, text: str) -> ui.button:
        return ui.button(text, on_click=lambda: self.press(key)).props('role="radio" no-caps')

    def press(self, key: Any) -> None:
        """As if somebody pressed it."""
        self.value = key
        self._draw()
        if self._pressed is not None:
            self._pressed(key)

    def _draw(self) -> None:
        for key, button in self._buttons.items():
            chosen = key == self.value
            button.classes(add="chosen" if chosen else "", remove="" if chosen else "chosen")
            button.props(f'aria-checked="{"true" if chosen else "false"}"')


def rating(asks: str, low: str, high: str, value: int | None = None) -> Choice:
    """0 to 10, with words at both ends."""
    with ui.element("div").classes("scale"):
        found = Choice(asks, {number: str(number) for number in range(NPRS_MAX + 1)}, value)
        ui.html(f"<span>0: {escape(low)}</span><span>10: {escape(high)}</span>", sanitize=False).classes("ends")
    return found


def pain(asks: str, value: int | None = None) -> Choice:
    """The numeric rating scale of pain."""
    return rating(asks, tr("no pain"), tr("worst pain imaginable"), value)


def function(asks: str, value: int | None = None) -> Choice:
    """How well something goes that the patient named."""
    return rating(asks, tr("cannot do it"), tr("as before the complaint"), value)


def facts(told: Mapping[str, object]) -> None:
    """Names and values; what is None is left out."""
    ui.html(markup.facts((n, escape(str(value))) for n, value in told.items() if value is not None), sanitize=False)


def problems(found: Any, *, title: str = "") -> None:
    """Every reason with its remedy, in place."""
    with ui.element("div").classes("reasons").props('role="alert"'):
        if title:
            ui.html(f"<h3>{escape(title)}</h3>", sanitize=False)
        for problem in found:
            with ui.element("div").classes("reason"):
                about = problem.field.replace("_", " ").replace("-", " ")
                ui.label(f"{about}: {problem.limit}").classes("why")
                ui.label(problem.remedy).classes("remedy")


def minutes(seconds: float) -> str:
    """As a person reads a treatment's length."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d} min"


# --- a step of a visit ----------------------------------------------------------------------------------------------------


def step_title(text: str, hint: str = "") -> None:
    """Where a screen reader goes when the step is there."""
    ui.html(f'<h2 tabindex="-1">{escape(text)}</h2>', sanitize=False)
    if hint:
        ui.label(hint).classes("soft")


def step_button(here: Here, text: str, work: Callable[[], Awaitable[Any]], classes: str = "primary big") -> None:
    """Does it once, however often it is pressed meanwhile."""

    async def press() -> None:
        button.disable()
        await here.do(lambda _acting: work())
        button.enable()

    button = ui.button(text, on_click=press).classes(classes).props("no-caps")
