"""A screen: who may see it, the frame around it (navigation, alarms, STOP), and what is done when something is refused.

STOP and the live figures are the controller's own element, in every frame: they need nothing of this process.
"""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass, field
from html import escape
from typing import Any, NamedTuple
from urllib.parse import quote
from weakref import WeakKeyDictionary

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from nicegui import Client, context, ui

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.doors.reaching import address, of_this_computer
from irctl.clinic.doors.visitor import Visitor
from irctl.clinic.drawing.icons import icon
from irctl.clinic.lamps.stations import Station
from irctl.clinic.words import LANGUAGES, language, screens_say, tr
from irctl.domain.people import Verb
from irctl.domain.problems import Refused
from irctl.domain.screen_lock import Lock

COOKIE = "irctl"
STATION_COOKIE = "irctl-station"
LANGUAGE_COOKIE = "irctl-language"
LOOK_AGAIN_S = 0.5
"""Everybody sees the same truth within a second."""
DRAWN_WITHIN_S = 20.0
"""A slow page on a busy computer is better than none."""
HEAD = """
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/look/irctl.css">
<script src="/look/touch.js" defer></script>
"""


@dataclass(slots=True)
class Here:
    """One open screen: who looks at it, and at which station they stand."""

    desk: Desk
    doors: Doors
    visitor: Visitor
    station: Station
    request: Request
    browser: str | None = None
    """The address that it comes from."""
    live: ui.element | None = field(default=None)

    def address(self, station: Station) -> str:
        """Of a station's controller, in this browser."""
        return address(station, self.browser, self.desk.stations.values())

    def acting(self) -> Acting:
        """Who does what is pressed now. Raises Refused where the screen is locked or nobody is signed in any more."""
        visitor = self.doors.find(self.request.cookies.get(COOKIE, ""))
        return self.desk.acting(None) if visitor is None else self.desk.acting(visitor.person, visitor.context())

    @property
    def stations(self) -> list[Station]:
        """The one that this workstation stands at first."""
        return [self.station, *(one for one in self.desk.stations.values() if one is not self.station)]

    def may(self, verb: Verb) -> bool:
        """Whether this person is offered it."""
        return self.acting().may(verb)

    async def do(self, work: Callable[[Acting], Any], *, said: str = "") -> bool:
        """Do it in this person's name; `work` may be a coroutine function. What is refused is shown with its remedies; returns whether it was done."""
        try:
            found = work(self.acting())
            if inspect.isawaitable(found):
                await found
        except Refused as refused:
            show_refused(refused)
            return False
        self.desk.changed()
        if said:
            ui.notify(said, position="bottom", type="positive")
        return True


class Screen(NamedTuple):
    """One page. `title` and `icon` of those in the navigation; `verb` is what one must be allowed to, to see it."""

    path: str
    title: str
    icon: str
    verb: Verb | None
    draw: Callable[..., Any]
    order: int


SCREENS: list[Screen] = []


def screen(path: str, title: str, *, verb: Verb | None, icon: str = "", order: int = 0) -> Any:
    """Makes a page of a function `draw(here, **path_parameters)`. With an `order` it is in the navigation."""

    def register(draw: Callable[..., Any]) -> Callable[..., Any]:
        SCREENS.append(Screen(path, title, icon, verb, draw, order))
        return draw

    return register


_LANGUAGES: WeakKeyDictionary[Client, str] = WeakKeyDictionary()
"""Of every open page."""


def _spoken() -> str | None:
    return _LANGUAGES.get(context.client) if context.slot_stack else None


def install(desk: Desk, doors: Doors) -> None:
    """Make NiceGUI pages of every registered screen."""
    screens_say(_spoken)
    for one in SCREENS:
        ui.page(one.path, title=f"{one.title} · irctl", response_timeout=DRAWN_WITHIN_S)(_page(one, desk, doors))


def _page(one: Screen, desk: Desk, doors: Doors) -> Callable[..., Any]:
    wanted = [name for name in inspect.signature(one.draw).parameters if name != "here"]

    async def page(request: Request, **given: str) -> Response | None:
        visitor = doors.find(request.cookies.get(COOKIE, ""))
        back = quote(request.url.path, safe="")
        if visitor is None:
            return RedirectResponse(f"/sign-in?back={back}")
        if visitor.lock is not Lock.OPEN:
            return RedirectResponse(f"/locked?back={back}")
        language.set(chosen_language(request, desk))
        _LANGUAGES[context.client] = language.get()
        _say_language(context.client, one)
        here = Here(desk, doors, visitor, station_of(request, desk), request, browser_of(request))
        _frame(here, one)
        with ui.element("div").classes("page").props("id=main tabindex=-1") as content:
            content.props["aria-label"] = tr(one.title)
            if one.verb is not None and not here.may(one.verb):
                show_empty(tr("Not for you"), tr("This page is for other roles. Ask an administrator."))
                return None
            try:
                await _called(lambda: one.draw(here, **given))
            except Refused as refused:
                for problem in refused.problems:
                    show_empty(problem.limit, problem.remedy)
        return None

    # NiceGUI, like FastAPI, reads what a page wants from its signature.
    parameters = [inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)]
    parameters += [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=str) for name in wanted]
    page.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    page.__annotations__ = {"request": Request, **dict.fromkeys(wanted, str)}
    return page


def _say_language(client: Client, one: Screen) -> None:
    """In `<html lang>`, for screen readers, and in the tab. NiceGUI keeps one language for everybody's copies of a page: this copy has its own."""
    client.page = copy(client.page)
    client.page.language = "de" if language.get() == "de" else "en-GB"
    client.title = f"{tr(one.title)} · irctl"


async def _called(draw: Callable[[], Any]) -> None:
    found = draw()
    if isinstance(found, Awaitable):
        await found


def chosen_language(request: Request, desk: Desk) -> str:
    """What was chosen at this workstation, else what its browser asks for first, else the clinic's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE) or request.headers.get("accept-language", "")[:2]
    return chosen if chosen in LANGUAGES else desk.file.clinic.language


def station_of(request: Request, desk: Desk) -> Station:
    """The one that this workstation stands at: as somebody chose; else the one whose controller is on it; else the first."""
    stations = desk.stations
    chosen = stations.get(request.cookies.get(STATION_COOKIE, ""))
    return chosen or of_this_computer(browser_of(request), stations.values()) or next(iter(stations.values()))


def browser_of(request: Request) -> str | None:
    """The address that a browser comes from."""
    return request.client.host if request.client else None


# --- the frame ------------------------------------------------------------------------------------------------------------


def _frame(here: Here, current: Screen) -> None:
    ui.add_head_html(HEAD)
    ui.add_head_html(f'<script type="module" src="{escape(here.address(here.station))}/ui/lamp-panel.js"></script>')
    ui.add_head_html(f'<script type="module" src="{escape(here.address(here.station))}/ui/alarms.js"></script>')
    person = here.visitor.standing.person
    with ui.element("div").classes("frame-top"):
        here.live = live_panel(here, bar=True)
    with ui.element("nav").classes("frame-side").props(f'aria-label="{tr("Main")}"'):
        if tag := demonstration_tag(here.desk):
            ui.html(tag, sanitize=False)
        for one in sorted((s for s in SCREENS if s.order), key=lambda s: s.order):
            if one.verb is None or here.may(one.verb):
                _entry(one, here=one.path == current.path or current.path.startswith(f"{one.path}/"))
        ui.element("div").classes("grow")
        with ui.element("div").classes("me"):
            ui.label(person.name).classes("me-name")
            ui.label(", ".join(tr(role.value.capitalize()) for role in sorted(person.roles))).classes("me-roles")
            ui.html(
                f'<form method="post" action="/lock"><input type="hidden" name="csrf" value="{here.visitor.csrf}">'
                f"<button>{icon('lock')}{escape(tr('Lock'))}</button></form>"
                f'<form method="post" action="/sign-out"><input type="hidden" name="csrf" value="{here.visitor.csrf}">'
                f"<button>{icon('out')}{escape(tr('Sign out'))}</button></form>",
                sanitize=False,
            )
        ui.label(tr("irctl is not a certified medical device.")).classes("notice")
    if here.visitor.emergency_until is not None:
        ui.label(tr("EMERGENCY ACCESS: everything you open is told to the administrator.")).classes("emergency")
    _keep_watch(here)


def demonstration_tag(desk: Desk) -> str:
    """HTML that stands on every screen of a demonstration; empty in earnest."""
    if not desk.file.demonstration:
        return ""
    return f'<p class="demonstration"><strong>{escape(tr("DEMONSTRATION"))}</strong> {escape(tr("Nobody here is real."))}</p>'


def _entry(one: Screen, *, here: bool) -> None:
    current = 'aria-current="page"' if here else ""
    ui.html(
        f'<a href="{one.path}" {current}>{icon(one.icon)}<span>{escape(tr(one.title))}</span></a>', sanitize=False
    ).classes("entry")


def live_panel(here: Here, *, bar: bool = False, lamp: str = "", station: Station | None = None) -> ui.element:
    """The controller's own element. `bar`: STOP and alarms, above every page; else the figures of one lamp or of all, under the bar of the same station.

    Of another station, with a STOP of its own.
    """
    at = station or here.station
    panel = ui.element("irctl-lamp-panel")
    panel.props["src"], panel.props["compact"] = here.address(at), ""
    if bar or at is here.station:
        panel.props["bar" if bar else "figures"] = ""
    if lamp:
        panel.props["lamp"] = lamp
    if bar:  # seen only while the panel's script has not run: STOP must not depend on it
        with panel:
            ui.html(
                f'<form class="stop-without-script" method="post" action="{escape(here.address(at))}/v1/stop" enctype="text/plain"><button>STOP</button></form>',
                sanitize=False,
            )
    acting = here.acting()
    if acting.person is not None and (token := at.token(acting)):
        panel.props["by"], panel.props["token"] = acting.person.login, token
    return panel


def _keep_watch(here: Here) -> None:
    """A screen that is left alone locks itself; a token that grows old is renewed."""
    client = context.client
    renewed = 0

    def look() -> None:
        nonlocal renewed
        visitor = here.doors.find(here.request.cookies.get(COOKIE, ""))
        if visitor is None or visitor.lock is not Lock.OPEN:
            where = "sign-in" if visitor is None else "locked"
            client.open(f"/{where}?back={quote(here.request.url.path, safe='')}")
            return
        renewed += 1
        if here.live is not None and renewed % 60 == 0 and (token := here.station.token(here.acting())):
            here.live.props["token"] = token
            here.live.update()

    ui.timer(2.0, look)
    ui.on("irctl-touch", lambda: here.doors.touch(here.visitor))


# --- what every screen says alike ------------------------------------------------------------------------------------------


def show_refused(refused: Refused) -> None:
    """Every reason, with its remedy. Stays until it is read; Escape is STOP, so it does not close it."""
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card refusal"):
        ui.html(f"<h2>{escape(tr('Not done'))}</h2>", sanitize=False)
        for problem in refused.problems:
            with ui.element("div").classes("problem"):
                value = "" if problem.value is None else f"{problem.value}"
                ui.label(f"{problem.field.replace('_', ' ')}: {value}".rstrip(": ")).classes("what")
                ui.label(f"{problem.limit}.").classes("why")
                ui.label(problem.remedy).classes("remedy")
        ui.button(tr("Close"), on_click=dialog.close).classes("primary")


def show_empty(title: str, hint: str) -> None:
    """Nothing is here, and what one can do about it."""
    with ui.element("div").classes("empty"):
        ui.label(title).classes("empty-title")
        ui.label(hint)


def heading(title: str, sub: str = "") -> ui.element:
    """The page's own; returns the place beside it for buttons."""
    with ui.element("header").classes("heading"):
        with ui.element("div"):
            ui.html(f"<h1>{escape(title)}</h1>", sanitize=False)
            if sub:
                ui.label(sub).classes("sub")
        return ui.element("div").classes("buttons")


def card(title: str = "") -> ui.element:
    """A section with a heading."""
    with ui.element("section").classes("card") as found:
        if title:
            ui.html(f"<h2>{escape(title)}</h2>", sanitize=False)
    return found
