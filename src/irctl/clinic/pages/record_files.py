"""What the records hand out as files: a session's note as PDF, a session as evidence, and sessions as a table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from irctl.clinic.acting import Acting
from irctl.clinic.care import sessions
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.doors.forms import form_of
from irctl.clinic.handover import exporting
from irctl.clinic.screens.guarded import guarded
from irctl.clinic.screens.screen import COOKIE
from irctl.documents.exported import render_pdf as render_evidence
from irctl.documents.exported.form import SUFFIX
from irctl.documents.session_note import NoteError, render_pdf
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused


def routes(desk: Desk, doors: Doors) -> APIRouter:
    """For whoever may see them on a page."""
    made = APIRouter()

    @made.get("/records/{controller}/{session}/note.pdf", include_in_schema=False)
    async def get_note(request: Request, controller: str, session: str) -> Response:
        loop = asyncio.get_running_loop()

        def work(acting: Acting) -> Response:
            sessions.look(desk, acting, controller, session, "note")
            # The stations are asked on the loop; this is a thread beside it.
            note = asyncio.run_coroutine_threadsafe(sessions.note(desk, controller, session), loop).result()
            try:
                page = render_pdf(note, chosen=desk.library.template)
            except NoteError as error:
                remedy = "The session's page shows the same"
                raise Refused([Problem("note", session, str(error), remedy)]) from None
            headers = {"Content-Disposition": 'inline; filename="session-note.pdf"'}
            return Response(page, media_type="application/pdf", headers=headers)

        return await guarded(request, desk, doors, Verb.SEE_PATIENT, work)

    @made.post("/records/export", include_in_schema=False)
    async def post_export(request: Request) -> Response:
        form = await form_of(request)

        def work(acting: Acting) -> Response:
            _ours(request, form)
            pieces = exporting.export(
                desk, acting, form, form.get("reason", ""), with_names=form.get("names") == "yes"
            )  # fmt: skip
            headers = {"Content-Disposition": f'attachment; filename="sessions-{acting.at:%Y%m%d-%H%M}.csv"'}
            return StreamingResponse(pieces, media_type="text/csv; charset=utf-8", headers=headers)

        return await guarded(request, desk, doors, Verb.SEE_PATIENT, work)

    @made.post("/records/{controller}/{session}/export", include_in_schema=False)
    async def post_evidence(request: Request, controller: str, session: str) -> Response:
        form, loop = await form_of(request), asyncio.get_running_loop()

        def work(acting: Acting) -> Response:
            _ours(request, form)
            told = exporting.evidence(desk, acting, controller, session, form.get("reason", ""))
            exported = asyncio.run_coroutine_threadsafe(told, loop).result()
            if form.get("as") == "pdf":
                return _attached(render_evidence(exported), f"{session}.irctl.pdf", "application/pdf")
            return _attached(exported.as_json(), f"{session}{SUFFIX}", "application/json")

        return await guarded(request, desk, doors, Verb.SEE_PATIENT, work)

    def _ours(request: Request, form: Mapping[str, str]) -> None:
        visitor = doors.find(request.cookies.get(COOKIE, ""))
        if visitor is None or not visitor.csrf_is(form.get("csrf", "")):
            raise Refused([Problem("form", None, "was not one of ours, or too old", "Go back and try again")])

    return made


def _attached(body: bytes, name: str, media: str) -> Response:
    return Response(body, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})
