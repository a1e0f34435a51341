"""The control API: what people and programs may ask of the station, over HTTP on this machine.

Refusals are RFC 9457 problem details that carry every reason. The stream's ids are journal sequence numbers, so a client that lost its
connection continues where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from irctl.bus.errors import BusError
from irctl.bus.recent import decoded, read_as_text
from irctl.bus.tcp import TcpLine
from irctl.controller.api import burn_in_api, calibration_api, reminder_api
from irctl.controller.api.authority import Authority
from irctl.controller.api.cross_origin import CrossOrigin
from irctl.controller.api.excerpts import sealed_excerpt
from irctl.controller.api.gate import STOP, Gate, TooLong, read_body
from irctl.controller.api.refusal import documented, refusing
from irctl.controller.api.scrape import Scrape
from irctl.controller.api.views import lamp_view, session_view
from irctl.controller.journal import lookup
from irctl.controller.journal.journal import Journal
from irctl.controller.light.commissioning import Commissioning
from irctl.controller.station import Station
from irctl.controller.watchdog import STALLS_S
from irctl.devices.roles import DeviceFault
from irctl.domain.chain import Event
from irctl.domain.limits import Bounds
from irctl.domain.orders import Order
from irctl.domain.problems import Problem, Refused
from irctl.exposition import CONTENT_TYPE
from irctl.tally import Tally

NOTICE = "irctl is not a certified medical device."
ABOUT = f"""{NOTICE} Whatever may lead to light needs `Authorization: Bearer TOKEN`, a token of who is signed in at the clinic, where the station file
says so; a stop, a pause and an end come from anybody."""
PAGE = Path(__file__).parent / "page"
PAGE_FILES = {
    "index.html": "text/html",
    "lamp-panel.js": "text/javascript",
    "lamp-panel.css": "text/css",
    "alarms.js": "text/javascript",
    "alarms.css": "text/css",
}
LIVE_EVERY_S = 0.25
RECONNECT_MS = 500
STOP_BODY_S = 0.1
"""A stop waits so long to hear who asks for it and why; then it was somebody."""
STOP_ANSWER_S = 1.5
"""A stop is answered by then, with what is known; the evidence goes on to fill in the station's view."""
STREAMS_MAX = 32
"""Enough for every screen of a clinic; a page that reloads in a loop does not starve the controller."""
JOURNAL_PAGE_MAX = 1000
SESSIONS_MAX = 10_000


class _Body(BaseModel):
    # Strict: a dose is a number, neither "12" nor true.
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


Text = Annotated[str, Field(max_length=200)]


class LimitsBody(_Body):
    """What a layer narrows; what is not given stays as the layer around it says."""

    irradiance_mw_cm2_max: float | None = None
    fluence_j_cm2_max: float | None = None
    duration_s_max: float | None = None
    skin_c_max: float | None = None
    day_fluence_j_cm2_max: float | None = None
    interval_s_min: float | None = None

    def as_bounds(self) -> Bounds:
        return Bounds(**self.model_dump())


class ProtocolBody(_Body):
    name: Text
    limits: LimitsBody = LimitsBody()


class OrderBody(_Body):
    lamp: Text
    fluence_j_cm2: float
    irradiance_mw_cm2: float
    patient: Text
    area: Text
    by: Text
    protocol: ProtocolBody | None = None
    limits: LimitsBody = LimitsBody()

    def as_order(self) -> Order:
        protocol = self.protocol or ProtocolBody(name="")
        return Order(
            self.lamp, self.fluence_j_cm2, self.irradiance_mw_cm2, self.patient, self.area, self.by,
            protocol.name, protocol.limits.as_bounds(), self.limits.as_bounds(),
        )  # fmt: skip


class CommissionBody(_Body):
    by: Text
    nobody_under_the_lamp: bool


class AttendBody(_Body):
    by: Text
    comfort: Text


class ByBody(_Body):
    by: Text
    reason: Text = ""


class StopBody(_Body):
    by: Text = "somebody"
    reason: Text = "emergency stop"


def create_app(station: Station, stalls: Tally | None = None) -> FastAPI:
    """The API of a running station. `stalls`: of its loop, as the watchdog counts them; None where nothing watches it."""
    app = FastAPI(
        title="irctl controller",
        version=version("irctl"),
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        responses=documented(400, 401, 403, 408, 409, 413, 422),
        dependencies=[Depends(Authority(station).check)],
    )
    streams = _Streams(station)
    scrape = Scrape(station, lambda: streams.open, stalls or Tally(STALLS_S))
    refusing(app)
    app.add_middleware(CrossOrigin, pages=lambda: station.config.file.clinic.pages)
    app.add_middleware(Gate, pages=lambda: station.config.file.clinic.pages)

    def station_view() -> dict[str, Any]:
        return {
            "station": station.config.file.station.name,
            "version": version("irctl"),
            "simulated": station.simulated,
            "notice": NOTICE,
            "journal": {
                "seq": station.journal.seq,
                "head": station.journal.head,
                "signer": station.journal.signer,
                "failure": station.journal.failure,
                "anchor_failure": station.journal.anchor_failure,
            },
            **live_view(station),
        }

    @app.get("/v1/station")
    async def get_station() -> dict[str, Any]:
        """The station at a glance: stop, alarms, every lamp, the journal's head, the lines."""
        return station_view() | {"lines": station.line_views()}

    @app.get("/v1/lamps")
    async def get_lamps() -> list[dict[str, Any]]:
        """Every lamp: what it does now, its calibration, limits and instruments."""
        return [lamp_view(lamp, _now()) for lamp in station.lamps.values()]

    @app.get("/v1/lines")
    async def get_lines() -> list[dict[str, Any]]:
        """Every line: its speed, the worst-case time to dark, errors by kind, its devices."""
        return station.line_views()

    @app.get("/v1/lines/{line}/trace")
    async def get_trace(line: str, after: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
        """A line's last frames, decoded. `after`: the number of the last frame that is known already."""
        if line not in station.lines:
            raise Refused([Problem("line", line, "no such line", f"Known are {', '.join(station.lines)}")])
        bus, now_s = station.lines[line], _now()
        frames = bus.recent.after(after, now_s)
        return {
            "line": line,
            "now_s": round(now_s, 4),
            "frames": read_as_text(frames) if bus.speaks == "text" else decoded(frames, tcp=isinstance(bus, TcpLine)),
        }

    @app.post("/v1/sessions", status_code=201)
    async def post_session(body: OrderBody) -> dict[str, Any]:
        """Order a session. Nothing shines: the controller checks, and the session becomes ready, or ends with the reason."""
        return session_view(station.order(body.as_order()), _now())

    @app.get("/v1/sessions")
    async def get_sessions(limit: Annotated[int, Query(ge=1, le=SESSIONS_MAX)] = 100) -> list[dict[str, Any]]:
        """The sessions in the journal, newest first."""
        with _readable(station.journal):
            return await lookup.sessions(station.journal, limit)

    @app.get("/v1/sessions/{session_id}")
    async def get_session(session_id: str) -> dict[str, Any]:
        """One session of this run of the controller, as it stands."""
        station.lamp_of(session_id)
        return session_view(station.sessions[session_id], _now())

    @app.get("/v1/sessions/{session_id}/events")
    async def get_session_events(session_id: str) -> list[Event]:
        """Every event of one session, oldest first."""
        with _readable(station.journal):
            events = await lookup.session_events(station.journal, session_id)
        if not events:
            raise Refused([Problem("session", session_id, "is not in this journal", "See `irctl sessions`")])
        return events

    @app.get("/v1/sessions/{session_id}/excerpt")
    async def get_excerpt(session_id: str) -> dict[str, Any]:
        """The stretch of the journal around one session, other patients' events as hashes, sealed with the journal's key."""
        with _readable(station.journal):
            return await sealed_excerpt(station, session_id)

    @app.post("/v1/sessions/{session_id}/attend")
    async def post_attend(session_id: str, body: AttendBody) -> dict[str, Any]:
        """The attendant answers: `comfortable`, `warm`, or `too-hot`, which darkens the lamp at once."""
        return session_view(station.lamp_of(session_id).attend(session_id, body.by, body.comfort), _now())

    @app.post("/v1/alarms/audio-pause")
    async def post_audio_pause(body: ByBody) -> dict[str, Any]:
        """Silence the alarms for two minutes, or until something new happens."""
        station.alarms.pause_audio(body.by)
        return station_view()

    @app.post("/v1/alarms/{alarm_id}/acknowledge")
    async def post_acknowledge(alarm_id: str, body: ByBody) -> dict[str, Any]:
        """Somebody has seen an alarm, and answers for it."""
        station.alarms.acknowledge(alarm_id, body.by)
        return station_view()

    @app.post("/v1/sessions/{session_id}/{verb}")
    async def post_verb(session_id: str, verb: str, body: ByBody) -> dict[str, Any]:
        """`start`, `pause`, `resume` or `end` a session. Starting is what gives light."""
        if verb not in ("start", "pause", "resume", "end"):
            raise Refused([Problem("verb", verb, "is not one of start, pause, resume, end", "Correct the address")])
        session = station.lamp_of(session_id).ask(session_id, verb, body.by, body.reason)
        return session_view(session, _now())

    @app.post(STOP, openapi_extra=_STOP_BODY)
    async def post_stop(request: Request) -> dict[str, Any]:
        """Emergency stop: everything dark now, latched. Whatever the body is, or none at all; answered within 1.5 s with what is known by then."""
        # Whatever the body is, or none at all: a stop is never refused for its form.
        asked = await _stop_body(request)
        stopping = asyncio.create_task(station.shutdown.stop(asked.by, asked.reason, "api"))
        done, _ = await asyncio.wait({stopping}, timeout=STOP_ANSWER_S)
        latch = station.shutdown.latch
        view = latch.view() if latch else None
        return {"latched": view, "evidence": view["evidence"] if view else {}, "finished": bool(done)}

    @app.post("/v1/clear")
    async def post_clear(body: ByBody) -> dict[str, Any]:
        """Lift the emergency stop. The lamps stay dark."""
        station.shutdown.clear(body.by, body.reason)
        return station_view()

    def commissioning(lamp: str) -> Commissioning:
        found = station.lamps[lamp].commissioning if lamp in station.lamps else None
        if found is None:
            raise Refused([Problem("lamp", lamp, "is not being commissioned", f"irctl commission {lamp}")])
        return found

    @app.post("/v1/lamps/{lamp}/commission", status_code=202)
    async def post_commission(lamp: str, body: CommissionBody) -> dict[str, Any]:
        """Begin to measure a lamp's fail-safes, with nobody under it."""
        if not body.nobody_under_the_lamp:
            raise Refused([Problem("nobody_under_the_lamp", False, "must be true", "Put a dummy load under the lamp")])
        return dict(station.commission(lamp, body.by).view())

    @app.get("/v1/lamps/{lamp}/commissioning")
    async def get_commissioning(lamp: str) -> dict[str, Any]:
        """The commissioning that is under way, or the last one of this run of the controller."""
        return dict(commissioning(lamp).view())

    @app.get("/v1/lamps/{lamp}/commissioned")
    async def get_commissioned(lamp: str) -> dict[str, Any]:
        """Whether a lamp's evidence is there and still of this configuration, and what is wrong with it."""
        if lamp not in station.lamps:
            raise Refused([Problem("lamp", lamp, "no such lamp", f"Known are {', '.join(sorted(station.lamps))}")])
        found = station.lamps[lamp].equipment.commissioned
        return {
            "required": found.required,
            "evidence": found.evidence,
            "problems": [p.as_dict() for p in found.problems()],
        }

    @app.post("/v1/lamps/{lamp}/commissioning/abort")
    async def post_abort(lamp: str, body: ByBody) -> dict[str, Any]:
        """End a commissioning, dark."""
        found = commissioning(lamp)
        found.abort(body.by)
        return dict(found.view())

    app.include_router(calibration_api.router(station))
    app.include_router(reminder_api.router(station))
    app.include_router(burn_in_api.router(station))

    @app.post("/v1/clock/accept")
    async def post_clock(body: ByBody) -> dict[str, Any]:
        """A named person vouches for a clock that was set back."""
        station.accept_clock(body.by, body.reason)
        return station_view()

    @app.post("/v1/devices/{device}/{action}")
    async def post_action(device: str, action: str, body: ByBody) -> dict[str, Any]:
        """What only a person may order of a device, such as `clear-trip`."""
        try:
            await station.act(device, action, body.by, body.reason)
        except (BusError, DeviceFault) as error:
            raise Refused(
                [Problem("device", device, str(error), "Check the device, then try again")], conflict=True
            ) from None
        return station_view()

    @app.get("/v1/journal")
    async def get_journal(
        after: Annotated[int, Query(ge=0)] = 0, limit: Annotated[int, Query(ge=1, le=JOURNAL_PAGE_MAX)] = 500
    ) -> list[Event]:
        """Events by number, oldest first. `after`: the last number that is known already."""
        with _readable(station.journal):
            return await lookup.page(station.journal, after, limit)

    @app.get("/v1/journal/verify")
    async def get_verify() -> dict[str, Any]:
        """Walk the current file's chain and signatures, and say how far they hold."""
        with _readable(station.journal):
            return (await lookup.examined(station.journal)).as_dict()

    @app.get(
        "/v1/stream",
        response_class=EventSourceResponse,
        responses=documented(503),
        dependencies=[Depends(streams.place)],
    )
    async def get_stream(
        last_event_id: Annotated[int | None, Header(ge=0)] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """Server-sent events: `journal` with each event (its id is the number, so `Last-Event-ID` goes on where it was; samples are left out), and `live` four times a second with what changes from moment to moment."""
        async for event in streams.follow(station.journal.seq if last_event_id is None else last_event_id):
            yield event

    @app.get("/metrics", response_class=PlainTextResponse)
    async def get_metrics() -> Response:
        """For Prometheus, in its text format."""
        return Response(await scrape.text(), media_type=CONTENT_TYPE)

    @app.get("/", include_in_schema=False)
    async def get_page() -> Response:
        return FileResponse(PAGE / "index.html")

    @app.get("/ui/{name}", include_in_schema=False)
    async def get_ui(name: str) -> Response:
        if name not in PAGE_FILES:
            raise HTTPException(404, "no such page")
        # A copy that this page's browser kept must not be given to the clinic's pages without their leave.
        return FileResponse(PAGE / name, media_type=PAGE_FILES[name], headers={"Vary": "Origin"})

    return app


def live_view(station: Station) -> dict[str, Any]:
    """What changes from moment to moment."""
    latch = station.shutdown.latch
    return {
        "at_s": round(_now(), 3),
        "sign_in": station.sign_in,
        "latched": latch.view() if latch else None,
        **station.alarms.view(),
        "lamps": [lamp_view(lamp, _now()) for lamp in station.lamps.values()],
    }


@contextmanager
def _readable(journal: Journal) -> Generator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        remedy = "Look into the file: irctl journal verify --file FILE"
        raise Refused([Problem("journal", journal.path.name, str(error), remedy)]) from None


_STOP_BODY: dict[str, Any] = {
    "requestBody": {"required": False, "content": {"application/json": {"schema": StopBody.model_json_schema()}}}
}


async def _stop_body(request: Request) -> StopBody:
    try:
        async with asyncio.timeout(STOP_BODY_S):
            return StopBody.model_validate_json(await read_body(request))
    except (ValidationError, TooLong, TimeoutError, ClientDisconnect):
        return StopBody()


class _Streams:
    """Live figures and journal events to everyone who looks on."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self.open = 0

    async def place(self) -> AsyncGenerator[None]:
        """One of the places, for as long as the stream is open."""
        if self.open >= STREAMS_MAX:
            raise HTTPException(503, f"more than {STREAMS_MAX} screens follow this station: close some")
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    async def follow(self, after: int) -> AsyncIterator[ServerSentEvent]:
        while True:
            for event in self._station.journal.memory.after(after):
                after = event["seq"]
                if event["event"] != "session.sample":
                    yield ServerSentEvent(event="journal", id=str(after), data=event)
            yield ServerSentEvent(event="live", data=live_view(self._station), retry=RECONNECT_MS)
            await asyncio.sleep(LIVE_EVERY_S)


def _now() -> float:
    return asyncio.get_running_loop().time()
