"""The papers of a course, handed out as PDF."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.handover.leaving import paper
from irctl.clinic.screens.guarded import guarded
from irctl.documents.course import PAPERS, Kind
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused


def routes(desk: Desk, doors: Doors) -> APIRouter:
    """For whoever may see the patient on a page."""
    made = APIRouter()

    async def handed_out(request: Request, course: str, kind: str, visit: str | None) -> Response:
        loop = asyncio.get_running_loop()

        def work(acting: Acting) -> Response:
            if kind not in PAPERS:
                raise Refused([Problem("paper", kind, "is none", f"Known are {', '.join(PAPERS)}")])
            # The stations are asked on the loop; this is a thread beside it.
            page = asyncio.run_coroutine_threadsafe(paper(desk, acting, course, Kind(kind), visit), loop).result()
            headers = {"Content-Disposition": f'inline; filename="{kind}.pdf"'}
            return Response(page, media_type="application/pdf", headers=headers)

        return await guarded(request, desk, doors, Verb.SEE_PATIENT, work)

    @made.get("/courses/{course}/{kind}.pdf", include_in_schema=False)
    async def get_paper(request: Request, course: str, kind: str) -> Response:
        return await handed_out(request, course, kind, None)

    @made.get("/courses/{course}/visits/{visit}/note.pdf", include_in_schema=False)
    async def get_note(request: Request, course: str, visit: str) -> Response:
        return await handed_out(request, course, Kind.TREATMENT_NOTE, visit)

    return made
