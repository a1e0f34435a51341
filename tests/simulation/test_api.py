"""The control API against whatever is sent to it: refused in its own form, never a crash; and a stop, whatever it looks like."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from irctl.controller.api import gate
from irctl.controller.api.app import STREAMS_MAX, create_app
from irctl.controller.api.refusal import PROBLEMS_MAX
from tests.simulation.world import World, a_station

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

URL = "http://127.0.0.1:8970"
AN_ORDER = {
    "lamp": "left",
    "fluence_j_cm2": 3.0,
    "irradiance_mw_cm2": 50.0,
    "patient": "P-1",
    "area": "lumbar",
    "by": "M. Okafor",
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_station(tmp_path) as world:
        await world.until(lambda: all(lamp.output.verified_dark for lamp in world.station.lamps.values()))
        yield world


@pytest.fixture
async def api(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(world.station))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        yield client


class Asked:
    """One request below HTTP: its body comes when the test says so, and what is answered can be watched."""

    def __init__(self, app: Any, method: str, path: str, **headers: str) -> None:
        self.body: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": b"", "headers": raw, "scheme": "http", "server": ("127.0.0.1", 1), "client": None, "root_path": "",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
        }  # fmt: skip
        self.task = asyncio.ensure_future(app(scope, self.body.get, self._send))

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    def send(self, body: bytes, *, more: bool) -> None:
        self.body.put_nowait({"type": "http.request", "body": body, "more_body": more})

    async def answer(self) -> tuple[int, Any]:
        await self.task
        return self.sent[0]["status"], json.loads(b"".join(part.get("body", b"") for part in self.sent[1:]))


def the_problem(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    return problem


# --- a stop --------------------------------------------------------------------------------------------------------------


async def test_a_stop_whose_body_never_comes_stops(world: World) -> None:
    session = await world.running()
    asked, since_s = Asked(create_app(world.station), "POST", "/v1/stop", content_length="50"), world.now
    asked.send(b'{"by":', more=True)
    await world.until(lambda: not world.truth().powered, 1.0)
    assert world.now - since_s < 0.4
    status, answer = await asked.answer()
    assert status == 200
    assert answer["latched"]["by"] == "somebody"
    assert answer["evidence"]["left"]["verified_dark_s"] is not None
    assert (await world.finished(session))["outcome"] == "stopped"


async def test_a_stop_whose_client_has_gone_stops(world: World) -> None:
    asked = Asked(create_app(world.station), "POST", "/v1/stop", content_length="50")
    asked.body.put_nowait({"type": "http.disconnect"})
    await asked.task
    assert world.station.shutdown.latch is not None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        ({}, b"x" * 100_000),
        ({"content-length": "99999999999"}, b""),
        ({"content-length": "many"}, b"{"),
        ({}, b'{"by": "\\ud800"}'),
        ({}, b'{"by": 5, "colour": NaN}'),
        ({"origin": "http://elsewhere.example"}, b"{}"),
        ({"origin": "http://["}, b"[[[["),
    ],
)
async def test_a_stop_is_never_refused_for_its_form(
    world: World, api: httpx.AsyncClient, headers: dict[str, str], body: bytes
) -> None:
    answer = await api.post("/v1/stop", content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["latched"]["by"] == "somebody"
    assert world.station.shutdown.latch is not None


async def test_who_asks_for_a_stop_and_why_is_on_record(world: World, api: httpx.AsyncClient) -> None:
    await api.post("/v1/stop", json={"by": "a nurse", "reason": "smoke"})
    (event,) = world.events("stop.latched")
    assert (event["by"], event["reason"]) == ("a nurse", "smoke")


@pytest.mark.parametrize("path", ["/v1/Stop", "/v1/stop/", "//v1/stop", "/v1/stop/now", "/v1/sessions/stop/stop"])
async def test_what_only_looks_like_a_stop_does_nothing(world: World, api: httpx.AsyncClient, path: str) -> None:
    answer = await api.post(path, json={"by": "X"})
    assert 300 <= answer.status_code < 500
    assert world.station.shutdown.latch is None


async def test_looking_at_the_stop_does_nothing(world: World, api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/stop")
    assert answer.headers["allow"] == "POST"
    the_problem(answer)
    assert world.station.shutdown.latch is None


async def test_a_hundred_stops_at_once_are_as_quick_as_one(world: World, api: httpx.AsyncClient) -> None:
    await world.running()
    since_s = world.now
    answers = await asyncio.gather(*(api.post("/v1/stop", json={"by": f"nurse {n}"}) for n in range(100)))
    assert world.truth().on_intervals[-1][1] - since_s < 0.1
    assert all(answer.json()["evidence"]["left"]["verified_dark_s"] < 0.3 for answer in answers)
    assert {answer.json()["latched"]["by"] for answer in answers} == {"nurse 0"}
    assert len(world.events("stop.latched")) == 1


# --- length, time, origin ------------------------------------------------------------------------------------------------


async def test_a_body_too_long_is_refused_before_it_is_all_there(world: World) -> None:
    asked = Asked(create_app(world.station), "POST", "/v1/sessions")
    while not asked.task.done():
        asked.send(b"x" * 1000, more=True)
        await asyncio.sleep(0)
        assert asked.body.qsize() < gate.BODY_MAX / 1000
    status, problem = await asked.answer()
    assert (status, problem["title"]) == (413, "Too long")
    assert (b"connection", b"close") in asked.sent[0]["headers"]


async def test_a_body_that_dribbles_in_is_given_up(world: World) -> None:
    asked, since_s = Asked(create_app(world.station), "POST", "/v1/sessions", content_length="1000"), world.now
    while not asked.task.done():
        asked.send(b" ", more=True)
        await asyncio.sleep(1.0)
    assert world.now - since_s <= gate.BODY_S + 1.0
    status, problem = await asked.answer()
    assert (status, problem["title"]) == (408, "Too slow")


@pytest.mark.parametrize("length", ["many", "-1", "", "1" * 40])
async def test_a_length_that_is_no_length_is_no_crash(api: httpx.AsyncClient, length: str) -> None:
    answer = await api.post("/v1/clear", content=b"{}", headers={"content-length": length})
    assert answer.status_code == 422
    the_problem(answer)


@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        ("127.0.0.1:8970", "http://127.0.0.1:8970", True),
        ("localhost:8970", "http://localhost:8970", True),
        ("127.0.0.1:8970", None, True),
        ("127.0.0.1:8970", "http://127.0.0.1:8971", True),
        ("localhost:8970", "http://localhost:8971", True),
        ("127.0.0.1:8970", "https://127.0.0.1:8971", False),
        ("127.0.0.1:8970", "http://127.0.0.1:89711", False),
        ("127.0.0.1:8970", "http://elsewhere.example", False),
        ("127.0.0.1:8970", "http://127.0.0.1:9999", False),
        ("127.0.0.1:8970", "null", False),
        ("127.0.0.1:8970", "http://[", False),
        ("elsewhere.example:8970", "http://elsewhere.example:8970", False),
    ],
)
async def test_only_the_stations_own_page_and_the_clinics_may_touch(
    world: World, api: httpx.AsyncClient, host: str, origin: str | None, allowed: bool
) -> None:
    """The last: a name of elsewhere that was made to lead to this machine."""
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    answer = await api.post("/v1/sessions", json=AN_ORDER, headers=headers)
    assert answer.status_code == (201 if allowed else 403), answer.text
    assert bool(world.events("session.ordered")) == allowed
    assert (await api.get("/v1/lamps", headers=headers)).status_code == 200


# --- the clinic's pages, which come from a port of their own --------------------------------------------------------------

CLINICS = ["http://127.0.0.1:8971", "http://localhost:8971", "http://[::1]:8971"]
NOT_CLINICS = [
    "http://127.0.0.1:8970",
    "http://127.0.0.1:9999",
    "http://elsewhere.example",
    "https://localhost:8971",
    "null",
]


def allowed(answer: httpx.Response) -> set[str]:
    return {name for name in answer.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("origin", CLINICS)
@pytest.mark.parametrize("path", ["/ui/lamp-panel.js", "/ui/alarms.js", "/ui/alarms.css", "/v1/station", "/v1/nothing"])
async def test_the_clinics_pages_may_read(api: httpx.AsyncClient, origin: str, path: str) -> None:
    answer = await api.get(path, headers={"origin": origin})
    assert answer.headers["access-control-allow-origin"] == origin
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


async def test_the_clinics_pages_may_follow_the_stream(world: World) -> None:
    screen = Asked(create_app(world.station), "GET", "/v1/stream", origin=CLINICS[0])
    screen.send(b"", more=False)
    await world.until(lambda: len(screen.sent) > 1)
    assert (b"access-control-allow-origin", CLINICS[0].encode()) in screen.sent[0]["headers"]
    screen.body.put_nowait({"type": "http.disconnect"})
    await screen.task


@pytest.mark.parametrize("path", ["/v1/clear", "/v1/sessions/S/resume", "/v1/alarms/A-1/acknowledge"])
async def test_the_clinics_pages_may_ask_with_a_token_and_read_why_not(api: httpx.AsyncClient, path: str) -> None:
    asking = {
        "origin": CLINICS[0],
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    leave = await api.options(path, headers=asking)
    assert leave.status_code == 200
    assert leave.headers["access-control-allow-origin"] == CLINICS[0]
    assert "POST" in leave.headers["access-control-allow-methods"]
    assert {"authorization", "content-type"} <= set(leave.headers["access-control-allow-headers"].lower().split(", "))
    answer = await api.post(path, json={"by": "X"}, headers={"origin": CLINICS[0]})
    assert 400 <= answer.status_code < 500
    the_problem(answer)
    assert answer.headers["access-control-allow-origin"] == CLINICS[0]


async def test_the_clinics_pages_ask_in_no_other_way(api: httpx.AsyncClient) -> None:
    for method, header in (("DELETE", "content-type"), ("POST", "x-anything")):
        asking = {
            "origin": CLINICS[0],
            "access-control-request-method": method,
            "access-control-request-headers": header,
        }
        assert (await api.options("/v1/clear", headers=asking)).status_code == 400


@pytest.mark.parametrize("origin", NOT_CLINICS)
async def test_every_other_page_is_answered_as_if_there_were_no_clinic(api: httpx.AsyncClient, origin: str) -> None:
    for path in ("/ui/lamp-panel.js", "/v1/station"):
        assert not allowed(await api.get(path, headers={"origin": origin}))
    asking = {"origin": origin, "access-control-request-method": "POST"}
    leave = await api.options("/v1/clear", headers=asking)
    assert (leave.status_code, allowed(leave)) == (405, set())
    assert not allowed(await api.post("/v1/stop", headers={"origin": origin}))


async def test_the_clinics_page_may_read_that_its_stop_was_carried_out(world: World, api: httpx.AsyncClient) -> None:
    """A simple request: no browser asks for leave first."""
    answer = await api.post("/v1/stop", headers={"origin": CLINICS[0]})
    assert answer.headers["access-control-allow-origin"] == CLINICS[0]
    assert answer.json()["latched"] is not None


async def test_what_one_page_kept_of_the_panel_is_not_given_to_another(api: httpx.AsyncClient) -> None:
    answer = await api.get("/ui/lamp-panel.js")
    assert answer.headers["vary"] == "Origin"


# --- what is asked -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["3.0", True, None, [3.0], "half\ud800pair"])
async def test_a_dose_is_a_number(world: World, api: httpx.AsyncClient, value: object) -> None:
    body = json.dumps(AN_ORDER | {"fluence_j_cm2": value})
    answer = await api.post("/v1/sessions", content=body, headers={"content-type": "application/json"})
    (problem,) = the_problem(answer)["problems"]
    assert (answer.status_code, problem["field"]) == (422, "fluence_j_cm2")
    assert not world.events("session.ordered")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
async def test_a_dose_is_finite(world: World, api: httpx.AsyncClient, number: str) -> None:
    body = json.dumps(AN_ORDER).replace("3.0", number)
    answer = await api.post("/v1/sessions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    the_problem(answer)
    assert not world.events("session.ordered")


async def test_text_that_no_file_can_hold_does_not_end_the_journal(world: World, api: httpx.AsyncClient) -> None:
    for field in ("patient", "area", "by"):
        body = json.dumps(AN_ORDER | {field: "half\ud800pair"})
        answer = await api.post("/v1/sessions", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422
    assert world.station.journal.writable
    assert (await api.post("/v1/sessions", json=AN_ORDER)).status_code == 201


async def test_nobody_is_under_the_lamp_is_said_in_so_many_words(api: httpx.AsyncClient) -> None:
    for word in ("yes", 1, "true", None):
        body = {"by": "X", "nobody_under_the_lamp": word}
        assert (await api.post("/v1/lamps/left/commission", json=body)).status_code == 422


async def test_a_thousand_mistakes_are_not_answered_with_a_thousand_sentences(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/sessions", json={f"f{n}": n for n in range(1000)})
    assert len(the_problem(answer)["problems"]) == PROBLEMS_MAX


async def test_a_body_nested_without_end_is_no_crash(api: httpx.AsyncClient) -> None:
    for depth in (500, 5000):
        body = b'{"by":' * depth
        answer = await api.post(
            "/v1/clear", content=body[: gate.BODY_MAX], headers={"content-type": "application/json"}
        )
        assert answer.status_code in (400, 422)
        the_problem(answer)


# --- those who look on ---------------------------------------------------------------------------------------------------


async def test_one_screen_too_many_is_told_so_and_may_come_when_another_has_gone(world: World) -> None:
    app = create_app(world.station)

    def a_screen() -> Asked:
        screen = Asked(app, "GET", "/v1/stream")
        screen.send(b"", more=False)
        return screen

    screens = [a_screen() for _ in range(STREAMS_MAX)]
    await world.until(lambda: all(len(screen.sent) > 1 for screen in screens))
    assert {screen.sent[0]["status"] for screen in screens} == {200}
    late = a_screen()
    assert (await late.answer())[0] == 503
    screens[0].body.put_nowait({"type": "http.disconnect"})
    await screens[0].task
    next_one = a_screen()
    await world.until(lambda: len(next_one.sent) > 1)
    assert next_one.sent[0]["status"] == 200
    for screen in (*screens[1:], next_one):
        screen.body.put_nowait({"type": "http.disconnect"})
        await screen.task
