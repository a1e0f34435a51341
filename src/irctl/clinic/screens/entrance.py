"""The doors as people meet them: sign in, lock, PIN, sign out. Plain forms, so that they need nothing of the pages' machinery, or of JavaScript.

STOP and the live view stand on each of them: nobody signs in to stop.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from html import escape
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.doors.forms import form_of
from irctl.clinic.doors.knocking import Knocks
from irctl.clinic.doors.reaching import address
from irctl.clinic.doors.visitor import Visitor
from irctl.clinic.screens.guarded import PROBLEM
from irctl.clinic.screens.screen import COOKIE, browser_of, chosen_language, demonstration_tag, station_of
from irctl.clinic.words import language, tr
from irctl.domain.people import Person
from irctl.domain.problems import Refused
from irctl.domain.screen_lock import Lock

DEMONSTRATED = "demo"
"""Login of the clinician as whom a demonstration signs in."""
TOO_OFTEN = 429
FORM_COOKIE = "irctl-form"
"""Holds the same word as the form itself: a form on another site cannot know it."""


class SignInBody(BaseModel):
    """From a terminal."""

    model_config = ConfigDict(extra="forbid", strict=True)

    login: str = Field(max_length=100)
    password: str = Field(max_length=1024)


def entrance(desk: Desk, doors: Doors, monotonic_s: Callable[[], float]) -> APIRouter:
    """The routes. Whatever is wrong with a sign-in is said in the same words."""
    knocks = Knocks()

    async def speak(request: Request) -> None:
        language.set(chosen_language(request, desk))

    routes = APIRouter(dependencies=[Depends(speak)])

    @routes.get("/sign-in")
    async def get_sign_in(request: Request, back: str | None = None) -> Response:
        """`back` is there when a page sends somebody here who is not signed in; not when they have just signed out."""
        nobody = doors.find(request.cookies.get(COOKIE, "")) is None
        if back is not None and nobody and (person := await demonstrates(desk)) is not None:
            desk.accounts.audit.write(None, desk.wall(), person.login, "signed-in", person.login, why="demonstration")
            cookie, _ = doors.open(person, request.cookies.get(COOKIE, ""))
            # Not a redirect: of a chain that began on another site, the next page would not be sent the cookie.
            answer = HTMLResponse(f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(_local(back))}">')
            _set(request, answer, COOKIE, cookie)
            return answer
        return _door(request, desk, _sign_in_form(_local(back or "/"), ""))

    @routes.post("/sign-in")
    async def post_sign_in(request: Request) -> Response:
        form = await form_of(request)
        back = _local(form.get("back", "/"))
        if not _ours(request, form):
            return _door(request, desk, _sign_in_form(back, tr("This form was too old. Try again.")), 403)
        if wait_s := knocks.wait_s(_address(request), monotonic_s()):
            said = tr("Too many tries from this computer. Wait {seconds} s, then try again.", seconds=wait_s)
            return _later(_door(request, desk, _sign_in_form(back, said), TOO_OFTEN), wait_s)
        try:
            person = await asyncio.to_thread(
                desk.accounts.sign_in, form.get("login", ""), form.get("password", ""), desk.wall(), monotonic_s()
            )
            # Whatever cookie the browser had, it gets another: one that was put there beforehand is worth nothing.
            cookie, _ = doors.open(person, request.cookies.get(COOKIE, ""))
        except Refused as refused:
            return _door(request, desk, _sign_in_form(back, _said(refused)), 403)
        knocks.was_right(_address(request))
        answer = RedirectResponse(back, 303)
        _set(request, answer, COOKIE, cookie)
        answer.delete_cookie(FORM_COOKIE)
        return answer

    @routes.post("/api/sign-in")
    async def post_api_sign_in(request: Request, body: SignInBody) -> Response:
        if wait_s := knocks.wait_s(_address(request), monotonic_s()):
            said = {"title": f"Too many tries from this computer. Wait {wait_s} s, then try again."}
            return _later(JSONResponse(said, TOO_OFTEN, media_type=PROBLEM), wait_s)
        try:
            person = await asyncio.to_thread(
                desk.accounts.sign_in, body.login, body.password, desk.wall(), monotonic_s()
            )
        except Refused as refused:
            return JSONResponse({"title": _said(refused)}, 403, media_type=PROBLEM)
        knocks.was_right(_address(request))
        acting = desk.acting(person)
        token = next(iter(desk.stations.values())).token(acting)
        return JSONResponse({"token": token, "login": person.login, "name": person.name})

    @routes.get("/locked")
    async def get_locked(request: Request, back: str = "/") -> Response:
        visitor = doors.find(request.cookies.get(COOKIE, ""))
        if visitor is None or visitor.lock is Lock.SIGNED_OUT:
            return RedirectResponse(f"/sign-in?back={_local(back)}", 303)
        if visitor.lock is Lock.OPEN:
            return RedirectResponse(_local(back), 303)
        return _door(request, desk, _pin_form(_local(back), visitor.standing.person.name, ""))

    @routes.post("/locked")
    async def post_locked(request: Request) -> Response:
        form = await form_of(request)
        visitor, back = doors.find(request.cookies.get(COOKIE, "")), _local(form.get("back", "/"))
        if visitor is None:
            return RedirectResponse(f"/sign-in?back={back}", 303)
        if not _ours(request, form):
            return _door(request, desk, _pin_form(back, visitor.standing.person.name, tr("Try again.")), 403)
        try:
            await asyncio.to_thread(doors.unlock, visitor, form.get("pin", ""), desk.wall())
        except Refused as refused:
            if doors.find(request.cookies.get(COOKIE, "")) is None:
                return RedirectResponse(f"/sign-in?back={back}", 303)
            return _door(request, desk, _pin_form(back, visitor.standing.person.name, _said(refused)), 403)
        return RedirectResponse(back, 303)

    @routes.post("/lock")
    async def post_lock(request: Request) -> Response:
        if (visitor := await _theirs(request, doors)) is not None:
            doors.lock(visitor)
        return RedirectResponse(f"/locked?back={_local(_path_of(request.headers.get('referer', '/')))}", 303)

    @routes.post("/sign-out")
    async def post_sign_out(request: Request) -> Response:
        answer = RedirectResponse("/sign-in", 303)
        if (visitor := await _theirs(request, doors)) is not None:
            doors.close(visitor, desk.wall())
            answer.delete_cookie(COOKIE)
        return answer

    return routes


async def demonstrates(desk: Desk) -> Person | None:
    """Who is signed in without a password: the demonstration's clinician, where the clinic's file says so and every station says now that it is simulated.

    None in every other case, also where a station does not answer: unknown is not simulated.
    """
    if not desk.file.demonstration or not desk.stations:
        return None
    for station in desk.stations.values():
        try:
            view = await station.hear()
        except Refused:
            return None
        if view.get("simulated") is not True:
            return None
    person = await asyncio.to_thread(desk.accounts.person, DEMONSTRATED)
    return person if person is not None and person.active else None


def _ours(request: Request, form: dict[str, str]) -> bool:
    word = request.cookies.get(FORM_COOKIE, "")
    return bool(word) and hmac.compare_digest(word.encode(), form.get("form", "").encode())


async def _theirs(request: Request, doors: Doors) -> Visitor | None:
    """Whose form this is; None for one that is not of a page of theirs."""
    visitor = doors.find(request.cookies.get(COOKIE, ""))
    form = await form_of(request)
    if visitor is not None and visitor.csrf_is(form.get("csrf", "")):
        return visitor
    return None


def _local(back: str) -> str:
    """A path of this clinic, whatever was asked for: nobody is sent elsewhere from here."""
    plain = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
    return back if plain else "/"


def _path_of(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:
        return "/"


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _later(answer: Response, wait_s: int) -> Response:
    answer.headers["Retry-After"] = str(wait_s)
    return answer


def _said(refused: Refused) -> str:
    return " ".join(f"{p.limit[:1].upper()}{p.limit[1:]}. {p.remedy}." for p in refused.problems)


def _set(request: Request, answer: Response, name: str, value: str) -> None:
    # This process speaks plain HTTP. Where the clinic has put TLS before it, the browser says so.
    encrypted = request.headers.get("origin", "").startswith("https://")
    answer.set_cookie(name, value, httponly=True, samesite="strict", path="/", secure=encrypted)


def _door(request: Request, desk: Desk, form: str, status: int = 200) -> Response:
    word = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    station = station_of(request, desk)
    tag = demonstration_tag(desk)
    at = address(station, browser_of(request), desk.stations.values())
    answer = HTMLResponse(_page(desk.file.clinic.name, at, tag + form.replace("FORM", escape(word))), status)
    _set(request, answer, FORM_COOKIE, word)
    return answer


def _page(clinic: str, at: str, form: str) -> str:
    at = escape(at)
    return f"""<!doctype html>
<html lang="{language.get()}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{escape(clinic)} · irctl</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/look/irctl.css">
  <script type="module" src="{at}/ui/lamp-panel.js"></script>
  <script type="module" src="{at}/ui/alarms.js"></script>
</head>
<body style="--rail: 0px">
  <div class="frame-top"><irctl-lamp-panel src="{at}" compact bar>
    <form method="post" action="{at}/v1/stop" enctype="text/plain"><button>STOP</button></form>
  </irctl-lamp-panel></div>
  <main class="door">{form}<irctl-lamp-panel src="{at}" compact figures></irctl-lamp-panel></main>
</body>
</html>"""


def _sign_in_form(back: str, wrong: str) -> str:
    return f"""<form method="post" action="/sign-in">
  <h1>{escape(tr("Sign in"))}</h1>
  {_wrong(wrong)}
  <input type="hidden" name="form" value="FORM"><input type="hidden" name="back" value="{escape(back)}">
  <label>{escape(tr("Login"))}<input name="login" autocomplete="username" required autofocus maxlength="100"></label>
  <label>{escape(tr("Password"))}<input name="password" type="password" autocomplete="current-password" required></label>
  <button>{escape(tr("Sign in"))}</button>
  <p class="small soft">{escape(tr("irctl is not a certified medical device."))}</p>
</form>"""


def _pin_form(back: str, name: str, wrong: str) -> str:
    return f"""<form method="post" action="/locked">
  <h1>{escape(tr("Locked"))}</h1>
  <p class="soft">{escape(name)}</p>
  {_wrong(wrong)}
  <input type="hidden" name="form" value="FORM"><input type="hidden" name="back" value="{escape(back)}">
  <label>{escape(tr("PIN"))}<input name="pin" type="password" inputmode="numeric" autocomplete="off" required autofocus maxlength="64"></label>
  <button>{escape(tr("Unlock"))}</button>
  <p class="small"><a href="/sign-in?back={escape(back)}">{escape(tr("Somebody else? Sign in."))}</a></p>
</form>"""


def _wrong(text: str) -> str:
    return f'<p class="wrong" role="alert">{escape(text)}</p>' if text else ""
