"""The body map: where on a person something is treated, chosen by finger, by keyboard, or by its name."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from nicegui import ui

from irctl.clinic.drawing.body_figure import EYES, HEAD, HEIGHT, WIDTH, Piece, Side, between_the_hips, pieces
from irctl.clinic.words import tr

TOUCH_RADIUS = 30
"""Around the middle of each area, where no other one is: fingers are broader than a wrist."""
_TRUNK = {
    "neck": "Neck",
    "chest": "Chest",
    "abdomen": "Abdomen",
    "upper back": "Upper back",
    "middle back": "Middle back",
    "lumbar": "Lumbar",
}
_LIMBS = {
    "shoulder": ("Shoulder", "Right shoulder", "Left shoulder"),
    "upper arm": ("Upper arm", "Right upper arm", "Left upper arm"),
    "elbow": ("Elbow", "Right elbow", "Left elbow"),
    "forearm": ("Forearm", "Right forearm", "Left forearm"),
    "wrist": ("Wrist", "Right wrist", "Left wrist"),
    "hand": ("Hand", "Right hand", "Left hand"),
    "hip": ("Hip", "Right hip", "Left hip"),
    "buttock": ("Buttock", "Right buttock", "Left buttock"),
    "thigh": ("Thigh", "Right thigh", "Left thigh"),
    "knee": ("Knee", "Right knee", "Left knee"),
    "shin": ("Shin", "Right shin", "Left shin"),
    "calf": ("Calf", "Right calf", "Left calf"),
    "ankle": ("Ankle", "Right ankle", "Left ankle"),
    "foot": ("Foot", "Right foot", "Left foot"),
}
"""Beside the names of both: what is said under the heading of a side."""
AREAS = {
    **_TRUNK,
    **{f"right {name}": right for name, (_, right, _) in _LIMBS.items()},
    **{f"left {name}": left for name, (_, _, left) in _LIMBS.items()},
}
"""As orders and records call an area, and as screens do (in English; `tr` knows the rest)."""


def label_of(area: str) -> str:
    """In the language of whoever looks; what is no area of the map, as it was written."""
    return tr(AREAS[area]) if area in AREAS else area


class _Map:
    """One map on one page: every place where an area is shown, so that choosing it marks all of them."""

    def __init__(self, selected: str, on_pick: Callable[[str], Any] | None) -> None:
        self.selected, self._on_pick = selected, on_pick
        self.places: dict[str, list[ui.element]] = {}
        self.said: ui.label | None = None
        self.by_name: ui.select | None = None

    @property
    def fixed(self) -> bool:
        return self._on_pick is None

    async def pick(self, area: str) -> None:
        if area == self.selected:
            return
        self.selected = area
        self.mark()
        if self._on_pick is not None and inspect.isawaitable(done := self._on_pick(area)):
            await done

    def mark(self) -> None:
        for area, places in self.places.items():
            chosen = area == self.selected
            for place in places:
                place.classes(add="chosen" if chosen else "", remove="" if chosen else "chosen")
                if not self.fixed:
                    place.props(f"aria-pressed={'true' if chosen else 'false'}")
        if self.said is not None:
            self.said.text = label_of(self.selected) if self.selected else tr("Nothing chosen yet")
        if self.by_name is not None and self.selected in AREAS:
            self.by_name.value = self.selected


def body_map(selected: str = "", on_pick: Callable[[str], Any] | None = None, compact: bool = False) -> ui.element:
    """Front and back. `on_pick` is called with the area's key, and may be a coroutine function; without it the map only shows `selected`.

    `compact`: smaller, with one list to choose from instead of all names side by side.
    """
    state = _Map(selected, on_pick)
    with ui.element("div").classes("body-map") as box:
        box.classes(add="compact" if compact else "")
        with ui.element("div").classes("body-figures"):
            _figure(state, "front")
            _figure(state, "back")
        with ui.element("div").classes("body-names"):
            with ui.element("p").classes("body-said").props("aria-live=polite"):
                ui.label(tr("Area")).classes("soft")
                state.said = ui.label().classes("body-area")
            if not state.fixed:
                _choices(state, compact=compact)
            ui.label(tr("Hatched is never treated: face and eyes, groin.")).classes("soft small")
    state.mark()
    return box


def _figure(state: _Map, side: Side) -> None:
    title = tr("Front view") if side == "front" else tr("Back view")
    right, left = ("start", "end") if side == "front" else ("end", "start")
    with ui.element("figure").classes("body-figure"):
        ui.html(title, sanitize=False, tag="figcaption")
        with ui.element("svg").props(f'viewBox="0 0 {WIDTH} {HEIGHT}" role={"img" if state.fixed else "group"}') as svg:
            svg.props["aria-label"] = f"{title}: {label_of(state.selected)}" if state.fixed else title
            _hatching(f"hatch-{svg.id}")
            for anchor, word in ((right, tr("right")), (left, tr("left"))):
                x = 8 if anchor == "start" else WIDTH - 8
                _text(word, x, 84, anchor)
            if not state.fixed:
                for piece in pieces(side):
                    _touch(state, piece.area, piece.middle)
            _never(svg, HEAD if side == "front" else "", tr("Face and eyes: never"))
            if side == "front":
                _path(EYES, "never-eyes")
                _never(svg, between_the_hips(), tr("Groin: never"))
            else:
                _path(HEAD, "plain-part")
            for piece in pieces(side):
                _area(state, piece, side)


def _area(state: _Map, piece: Piece, side: Side) -> None:
    area = piece.area
    with ui.element("g").classes("area") as place:
        if piece.behind:
            _path(piece.behind)
        _path(piece.path)
    again = area in state.places
    state.places.setdefault(area, []).append(place)
    if state.fixed:
        return
    # What is seen from both sides is one stop of the Tab key.
    place.props(f"role=button tabindex={-1 if again else 0}")
    place.props["aria-label"] = f"{label_of(area)}, {tr('front') if side == 'front' else tr('back')}"
    place.on("click", partial(state.pick, area))
    place.on("keydown.enter.prevent", partial(state.pick, area))
    place.on("keydown.space.prevent", partial(state.pick, area))


def _touch(state: _Map, area: str, middle: tuple[float, float]) -> None:
    x, y = middle
    target = ui.element("circle").classes("touch").props(f'cx={x:.0f} cy={y:.0f} r={TOUCH_RADIUS} aria-hidden="true"')
    target.on("click", partial(state.pick, area))


def _never(svg: ui.element, path: str, why: str) -> None:
    if not path:
        return
    with ui.element("g").classes("never").props("role=img") as part:
        part.props["aria-label"] = why
        _path(path, "plain-part")
        _path(path, "hatched").props(f'fill="url(#hatch-{svg.id})"')


def _hatching(name: str) -> None:
    with (
        ui.element("defs"),
        ui.element("pattern").props(
            f'id={name} width=7 height=7 patternUnits=userSpaceOnUse patternTransform="rotate(45)"'
        ),
    ):
        ui.element("line").props("x1=0 y1=0 x2=0 y2=7").classes("hatch")


def _path(path: str, classes: str = "") -> ui.element:
    part = ui.element("path").classes(classes)
    part.props["d"] = path
    return part


def _text(word: str, x: int, y: int, anchor: str) -> None:
    with ui.element("text").props(f"x={x} y={y} text-anchor={anchor}").classes("side-word") as text:
        text.props["innerHTML"] = word


def _choices(state: _Map, *, compact: bool) -> None:
    if compact:
        options = {area: label_of(area) for area in AREAS}
        chosen = state.selected if state.selected in AREAS else None
        state.by_name = ui.select(
            options,
            value=chosen,
            label=tr("Choose by name"),
            with_input=True,
            on_change=lambda event: state.pick(str(event.value)) if event.value else None,
        ).props("outlined")
        return
    _group(state, tr("Trunk"), {area: tr(name) for area, name in _TRUNK.items()}, "trunk")
    with ui.element("div").classes("body-sides"):
        for side, title in (("right", tr("Right side")), ("left", tr("Left side"))):
            _group(state, title, {f"{side} {name}": tr(said[0]) for name, said in _LIMBS.items()}, "side")


def _group(state: _Map, title: str, names: Mapping[str, str], which: str) -> None:
    with ui.element("div").classes(f"body-group {which}").props("role=group") as box:
        box.props["aria-label"] = title
        ui.label(title).classes("soft small")
        for area, name in names.items():
            button = ui.button(name, on_click=partial(state.pick, area), color=None).classes("body-name")
            button.props["aria-label"] = label_of(area)
            state.places.setdefault(area, []).append(button)
