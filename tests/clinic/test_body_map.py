"""The body map: every area can be seen, named, pressed and told from its neighbours."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
from nicegui import Client, ui

from irctl.clinic.drawing.body_figure import WIDTH, pieces
from irctl.clinic.drawing.body_map import AREAS, body_map, label_of
from irctl.clinic.words import language


@pytest.fixture
def on_a_page() -> Iterator[Client]:
    client = Client(ui.page("/body-map"), request=None)
    with client:
        yield client
    client.delete()


def areas_of(client: Client) -> list[ui.element]:
    return [element for element in client.elements.values() if "area" in element.classes]


def test_every_area_is_drawn_and_everything_drawn_is_an_area() -> None:
    drawn = {piece.area for side in ("front", "back") for piece in pieces(side)}

    assert drawn == set(AREAS)


def test_the_patients_left_is_on_the_right_of_the_front_and_on_the_left_of_the_back() -> None:
    for name, x in ((piece.area, piece.middle[0]) for piece in pieces("front")):
        if name.startswith("left"):
            assert x > WIDTH / 2, name
    for name, x in ((piece.area, piece.middle[0]) for piece in pieces("back")):
        if name.startswith("left"):
            assert x < WIDTH / 2, name


def test_neighbours_share_their_edge() -> None:
    knee, shin = (next(p.path for p in pieces("front") if p.area == f"left {name}") for name in ("knee", "shin"))
    begins = re.match(r"M([\d.]+ [\d.]+)", shin)

    assert begins is not None
    assert begins[1] in knee


def test_every_area_has_a_name_that_says_the_side_and_is_reached_once_by_the_keyboard(on_a_page: Client) -> None:
    body_map("", lambda _area: None)
    reached = [area for area in areas_of(on_a_page) if area.props["tabindex"] == "0"]

    assert {area.props["aria-label"].rpartition(",")[0] for area in reached} == set(AREAS.values())
    assert len(reached) == len(AREAS)
    assert all(area.props["role"] == "button" for area in areas_of(on_a_page))


def test_choosing_marks_every_picture_of_the_area_and_says_it_in_words(on_a_page: Client) -> None:
    picked: list[str] = []
    body_map("lumbar", picked.append)
    hand = next(area for area in areas_of(on_a_page) if area.props["aria-label"] == "Left hand, front")
    press = next(listener for listener in hand._event_listeners.values() if listener.type == "click")

    asyncio.run(press.handler())  # pyright: ignore

    chosen = [area for area in areas_of(on_a_page) if "chosen" in area.classes]
    assert picked == ["left hand"]
    assert {area.props["aria-label"] for area in chosen} == {"Left hand, front", "Left hand, back"}
    assert all(area.props["aria-pressed"] == "true" for area in chosen)
    assert any(isinstance(e, ui.label) and e.text == "Left hand" for e in on_a_page.elements.values())


def test_a_map_that_only_shows_has_nothing_to_press(on_a_page: Client) -> None:
    body_map("right knee")

    assert not any("role" in area.props for area in areas_of(on_a_page))
    assert not any(isinstance(element, ui.button) for element in on_a_page.elements.values())


def test_areas_have_german_names() -> None:
    token = language.set("de")
    try:
        assert label_of("left knee") == "Linkes Knie"
        assert not [area for area in AREAS if label_of(area) == AREAS[area]]
    finally:
        language.reset(token)


def test_what_is_no_area_of_the_map_is_shown_as_it_was_written() -> None:
    assert label_of("scar on the left") == "scar on the left"
