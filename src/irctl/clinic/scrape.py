"""GET /metrics of the clinic: how it stands with journals, records, back-ups and other systems, as Prometheus reads it. Nothing of patients or people is in it.

Whoever sees it learns how busy the clinic is and what is out of order. So it is told to programs of this computer; to others with a token, where one is kept.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import platform
from collections import Counter
from datetime import datetime
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from irctl.clinic import metrics as m
from irctl.clinic.desk import Desk
from irctl.clinic.duties import nightly
from irctl.clinic.exchange import incoming
from irctl.clinic.lamps.progress import ERRORS
from irctl.domain.problems import Refused
from irctl.exposition import CONTENT_TYPE, Exposition, Told, exposed
from irctl.interop.outbox import MOST, State
from irctl.listening import LOOPBACK
from irctl.records.papers import Wanted

EVERY_S = 2.0
RECORDS_S = 3.0
"""Prometheus gives up after ten seconds by itself; before that it should hear that the database does not answer."""
TOKEN_MIN = 32
"""Characters: 24 random bytes as base64. Nobody counts how often one is tried."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
FAILED_SIGN_INS = ("sign-in-failed", "sign-in-refused", "pin-wrong")


def scraped(desk: Desk) -> APIRouter:
    """The route."""
    routes, scrape = APIRouter(), Scrape(desk)

    @routes.get("/metrics")
    async def get_metrics(request: Request) -> Response:
        token = desk.metrics_token
        if why := _only_from_here(request) if token is None else await asyncio.to_thread(_without_it, request, token):
            return why
        return Response(await scrape.text(), media_type=CONTENT_TYPE)

    return routes


def _only_from_here(request: Request) -> Response | None:
    """A proxy on this computer asks for somebody else; a browser here may have been led to this address by another name."""
    passed_on = any(name in request.headers for name in FORWARDED)
    if (
        _is_loopback(request.client.host if request.client else "")
        and request.url.hostname in LOOPBACK
        and not passed_on
    ):
        return None
    said = "Only for programs of this computer. For others: token_file under [metrics] in the clinic's file."
    return PlainTextResponse(said, 403)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _without_it(request: Request, path: Path) -> Response | None:
    """The file is read anew each time: a new token counts at once."""
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            return PlainTextResponse("The token's file can be read by others: chmod 600", 503)
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return PlainTextResponse(
            "The token's file cannot be read: token_file under [metrics] in the clinic's file", 503
        )
    if len(token) < TOKEN_MIN:
        return PlainTextResponse(f"The token's file holds fewer than {TOKEN_MIN} characters", 503)
    if hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode()):
        return None
    return PlainTextResponse("Needs the token.", 401, {"WWW-Authenticate": 'Bearer realm="irctl metrics"'})


class Scrape:
    """Of one clinic."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asking: asyncio.Future[Told] | None = None
        self._exposition = Exposition(self._make, EVERY_S)

    async def text(self) -> bytes:
        return await self._exposition.text()

    async def _make(self) -> bytes:
        return await exposed({**_of_stations(self._desk), **await self._of_records()})

    async def _of_records(self) -> Told:
        """Records that take longer are away, and are not asked again before they have answered."""
        self._asking = self._asking or asyncio.ensure_future(asyncio.to_thread(_of_records, self._desk))
        await asyncio.wait({self._asking}, timeout=RECORDS_S)
        if not self._asking.done():
            return {m.DATABASE_UP: [((), 0)]}
        asked, self._asking = self._asking, None
        try:
            return asked.result()
        except Refused:
            return {m.DATABASE_UP: [((), 0)]}


def _of_stations(desk: Desk) -> Told:
    stations = desk.stations.items()
    return {
        m.BUILD: [((version("irctl"), platform.python_version()), 1)],
        m.EVENTS_BEHIND: (
            ((name,), max(0, one.journal_seq - one.progress.seq))
            for name, one in stations
            if one.journal_seq is not None and one.progress.seq is not None
        ),
        m.BEHIND: (((name,), one.progress.behind_s) for name, one in stations),
        m.CONTACT: (((name,), one.heard_ago_s) for name, one in stations),
        m.PROJECTION_ERRORS: (((name, kind), one.progress.errors[kind]) for name, one in stations for kind in ERRORS),
    }


def _of_records(desk: Desk) -> Told:
    """In a thread. Raises Refused."""
    now = desk.wall()
    parcels = desk.outbox.listed(most=MOST)
    counted = Counter((parcel.target, parcel.state) for parcel in parcels)
    oldest = {parcel.target: parcel.made_at for parcel in parcels}  # which are told newest first
    systems = sorted({*desk.file.send, *oldest})
    inbox, inbox_oldest = desk.papers.counted(incoming.KIND, incoming.State.WAITING)
    failed = desk.accounts.audit.counted(FAILED_SIGN_INS)
    last = next(iter(nightly.last_runs(desk, nightly.BACK_UP, 1)), None)
    made = desk.papers.find(nightly.KIND, Wanted(parent=nightly.BACK_UP, states=("done",), newest=True, limit=1))
    return {
        m.DATABASE_UP: [((), 1)],
        m.DATABASE_BYTES: [((), desk.database.bytes() or 0)],
        m.OUTBOX: [((one, state), counted[one, state]) for one in systems for state in (State.WAITING, State.REFUSED)],
        m.OUTBOX_OLDEST: [((one,), _age_s(oldest.get(one), now)) for one in systems],
        m.INBOX: [((), inbox)],
        m.INBOX_OLDEST: [((), _age_s(inbox_oldest, now))],
        m.SIGN_INS_FAILED: [((what,), failed.get(what, 0)) for what in FAILED_SIGN_INS],
        m.BACKUP_AT: [((), made[0].version.made_at.timestamp() if made else 0.0)],
        m.BACKUP_FAILED: [((), last is not None and last.index.state == "failed")],
    }


def _age_s(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
