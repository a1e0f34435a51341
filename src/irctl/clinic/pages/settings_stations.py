"""Which stations the clinic follows, at which of them this workstation stands, and in which language it is read: chosen once, kept by the browser."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from html import escape
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from nicegui import ui

from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.doors.forms import form_of
from irctl.clinic.drawing.icons import icon
from irctl.clinic.drawing.markup import table, tag
from irctl.clinic.pages.settings import tabs
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import COOKIE, LANGUAGE_COOKIE, STATION_COOKIE, Here, card, heading
from irctl.clinic.words import LANGUAGES, spoken, tr

CHOSEN_S = 10 * 365 * 86_400
"""As long as the workstation stands there."""
BACK = "/settings/stations"


def routes(desk: Desk, doors: Doors) -> APIRouter:
    """The two forms of this page."""
    router = APIRouter()

    @router.post("/settings/station")
    async def post_station(request: Request) -> Response:
        return await _choose(request, doors, STATION_COOKIE, "station", desk.stations)

    @router.post("/settings/language")
    async def post_language(request: Request) -> Response:
        return await _choose(request, doors, LANGUAGE_COOKIE, "language", LANGUAGES)

    return router


async def _choose(request: Request, doors: Doors, cookie: str, field: str, known: object) -> Response:
    visitor, form = doors.find(request.cookies.get(COOKIE, "")), await form_of(request)
    if visitor is None or not visitor.csrf_is(form.get("csrf", "")):
        return PlainTextResponse("Use the clinic's own page.", 403)
    chosen = form.get(field, "")
    if not isinstance(known, dict) or chosen not in known:
        return PlainTextResponse("There is no such choice.", 422)
    answer = RedirectResponse(BACK, 303)
    answer.set_cookie(cookie, chosen, max_age=CHOSEN_S, httponly=True, samesite="strict", path="/")
    return answer


@screen.screen("/settings/stations", "Stations and language", verb=None)
def stations(here: Here) -> None:
    """One button each; what is chosen now is told in words, too."""
    heading(tr("Stations and language"), tr("For this workstation, whoever is signed in"))
    tabs(here, "/settings/stations")
    with card(tr("Which station stands here?")):
        redraw(here, lambda: _stations(here), lambda told: _shown(here, told))
    with card(tr("Language")):
        _choices(here, "language", dict(LANGUAGES), spoken())


class _Told(NamedTuple):
    """One station, as it is now."""

    name: str
    title: str
    url: str
    answers: bool
    lamps: int


async def _stations(here: Here) -> list[_Told]:
    return [
        _Told(name, one.title, one.url, one.view is not None, len(one.lamps))
        for name, one in here.desk.stations.items()
    ]


def _shown(here: Here, told: list[_Told]) -> None:
    ui.label(tr("STOP at the top of every page is of this station, and treatments are offered for it first.")).classes(
        "soft"
    )
    _choices(here, "station", {one.name: one.title for one in told}, here.station.name)
    rows = [[escape(one.title), escape(one.url), _heard(one.answers), f"{one.lamps}"] for one in told]
    ui.html(table((tr("Station"), tr("Address"), tr("State"), tr("Lamps")), rows, numbers=(3,)), sanitize=False)


def _heard(answers: bool) -> str:
    if answers:
        return tag("good", "check", tr("answers"))
    return tag("bad", "no", tr("does not answer"))


def _choices(here: Here, field: str, names: dict[str, str], now: str) -> None:
    forms = "".join(
        f'<form method="post" action="/settings/{field}"><input type="hidden" name="csrf" value="{escape(here.visitor.csrf)}">'
        f'<button name="{field}" value="{escape(name)}" class="plain-button{" chosen" if name == now else ""}"'
        f' aria-pressed="{"true" if name == now else "false"}">{icon("check", "1.1em") if name == now else ""} {escape(title)}</button></form>'
        for name, title in names.items()
    )
    ui.html(f'<div class="choice">{forms}</div>', sanitize=False)
