"""Plain routes behind the sign-in: documents and files that a screen links to. Who asks is found by the same cookie, and asked for the same permission, as on the screens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.screens.screen import COOKIE, chosen_language
from irctl.clinic.words import language
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused

PROBLEM = "application/problem+json"


async def guarded(
    request: Request, desk: Desk, doors: Doors, verb: Verb, work: Callable[[Acting], Response], *, reason: str = ""
) -> Response:
    """What `work` makes of it, in a thread, in the name of whoever asks, in the language of their screen.

    `reason`: for a verb that asks for one. 401 where nobody is signed in, 403 where they may not or the screen is locked, 422 or 409 with the reasons where it is refused: problem details all.
    """
    visitor = doors.find(request.cookies.get(COOKIE, ""))
    if visitor is None or visitor.person is None:
        signed_out = Problem("by", None, f"nobody is signed in, and {verb} needs somebody", "Sign in")
        return _problem(401, "Nobody is signed in", [signed_out])
    acting = desk.acting(visitor.person, visitor.context())
    try:
        acting.require(verb, reason=reason)
    except Refused as refused:
        return _problem(403, "Not for you", refused.problems)
    language.set(chosen_language(request, desk))
    doors.touch(visitor)
    try:
        return await asyncio.to_thread(work, acting)
    except Refused as refused:
        return _problem(409 if refused.conflict else 422, "Refused", refused.problems)


def _problem(status: int, title: str, problems: list[Problem] | tuple[Problem, ...]) -> Response:
    body = {"title": title, "status": status, "problems": [problem.as_dict() for problem in problems]}
    return JSONResponse(body, status, media_type=PROBLEM)
