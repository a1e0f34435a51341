"""A controller that plays a script to the status page, and keeps what the page asks of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGE = Path(__file__).parents[2] / "src" / "irctl" / "controller" / "api" / "page"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css"}
EVENT_PERIOD_S = 0.25


def unavailable(what: str) -> NoReturn:
    """In CI a missing browser is a failure, not a silent gap; elsewhere the test is skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what, allow_module_level=True)


def a_lamp(name: str = "left", **changes: Any) -> dict[str, Any]:
    """A lamp in the middle of a treatment, as the controller describes it."""
    lamp: dict[str, Any] = {
        "name": name,
        "title": f"{name.capitalize()} lamp",
        "status": "busy",
        "reason": None,
        "attendance": None,
        "serial": "IR-1042",
        "distance_cm": 50,
        "calibration": {"id": "C-2026-0042", "valid_until": "2027-03-01T00:00:00Z"},
        "session": {
            "id": f"S-20261123-0001-{name}",
            "lamp": name,
            "state": "emitting",
            "outcome": None,
            "order": {
                "lamp": name,
                "fluence_j_cm2": 24.0,
                "irradiance_mw_cm2": 50.0,
                "patient": "P-17",
                "area": "lower back",
                "by": "M. Okafor",
            },
            "elapsed_s": 262.0,
            "remaining_s": 217.4,
            "time_on_s": 262.0,
            "planned_s": 480.0,
            "fluence_j_cm2": 12.62,
            "fluence_min_j_cm2": 11.97,
            "fluence_max_j_cm2": 13.31,
            "warnings": [],
            "reason": None,
        },
        "live": {
            "irradiance_mw_cm2": 51.2,
            "irradiance_source": "measured",
            "skin_c": 39.4,
            "level_pct": 68.0,
            "on": True,
            "interlocks": {"stop-button": True, "door": True},
            "cutoff_closed": True,
        },
    }
    return lamp | changes


def a_dark_lamp(name: str = "right") -> dict[str, Any]:
    """A lamp with nothing to do, without radiometer readings."""
    live = {"irradiance_mw_cm2": 0.0, "irradiance_source": "measured", "skin_c": None, "level_pct": 0.0, "on": False}
    return a_lamp(
        name,
        status="dark",
        session=None,
        live=live | {"interlocks": {"stop-button": True, "door": True}, "cutoff_closed": False},
    )


def eventually(condition: Callable[[], Any], within_s: float, page: Page) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        page.wait_for_timeout(20)


@dataclass
class FakeController:
    """Serves the page and plays a script. Attributes may be changed while it runs."""

    lamps: list[dict[str, Any]] = field(default_factory=lambda: [a_lamp()])
    streaming: bool = True
    clock_runs: bool = True
    hung_up: bool = False
    stop_answers: Literal["ok", "error", "hang", "nonsense"] = "ok"
    clear_refused: bool = False
    sign_in: bool = False
    latched: dict[str, Any] | None = None
    refused: tuple[str, ...] = ()
    alarms: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    audio_paused_s: float = 0.0
    posts: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    tokens: list[str | None] = field(default_factory=list[str | None])
    """What each of the posts carried as authorization."""
    journal: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    url: str = ""
    _frozen_at_s: float = 0.0

    @property
    def at_s(self) -> float:
        if self.clock_runs:
            self._frozen_at_s = time.monotonic()
        return self._frozen_at_s

    @property
    def stops(self) -> int:
        return sum(path == "/v1/stop" for path, _ in self.posts)

    def snapshot(self) -> dict[str, Any]:
        at_s = self.at_s
        lamps = [lamp | {"live": {"at_s": at_s} | lamp["live"]} for lamp in self.lamps]
        alarms = {"alarms": self.alarms, "audio_paused_s": self.audio_paused_s}
        return {"at_s": at_s, "sign_in": self.sign_in, "latched": self.latched, **alarms, "lamps": lamps}

    def stop(self) -> dict[str, Any]:
        row = {"off_sent_s": 0.004, "acknowledged_s": 0.021, "verified_dark_s": 0.843, "by": "emitter"}
        evidence = {lamp["name"]: row for lamp in self.lamps}
        self.latched = {"at": "2026-11-23T19:30:00Z", "by": None, "reason": None, "evidence": evidence}
        return {"latched": self.latched, "evidence": evidence}


class Handler(BaseHTTPRequestHandler):
    controller: FakeController
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        file = PAGE / ("index.html" if self.path == "/" else Path(self.path).name)
        if self.path == "/v1/stream":
            self.stream()
        elif self.path == "/v1/station":
            notice = "irctl is not a certified medical device."
            self.answer(200, {"station": "Room 2", "simulated": True, "notice": notice})
        elif self.path == "/" or (self.path.startswith("/ui/") and file.is_file()):
            self.send(200, TYPES[file.suffix], file.read_bytes())
        else:
            self.answer(404, {"title": "Not found"})

    def do_POST(self) -> None:
        c = self.controller
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        c.tokens.append(self.headers.get("Authorization"))
        c.posts.append((self.path, json.loads(body) if body else None))
        match self.path, c.stop_answers:
            case "/v1/stop", "ok":
                self.answer(200, c.stop())
            case "/v1/stop", "error":
                self.answer(503, {"title": "Not now"})
            case "/v1/stop", "nonsense":
                self.answer(200, {"latched": None})
            case "/v1/stop", _:
                time.sleep(30)
            case "/v1/clear", _ if c.clear_refused:
                why = [{"text": "The door is open.", "remedy": "Close it."}]
                self.answer(409, {"title": "Not cleared", "problems": why})
            case "/v1/clear", _:
                c.latched = None
                self.answer(200, {})
            case path, _ if path in c.refused:
                self.answer(
                    409, {"title": "Refused", "problems": [{"text": "It is not open.", "remedy": "Look again."}]}
                )
            case _:
                self.answer(200, {})

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        sent = 0
        try:
            while not self.controller.hung_up:
                for event in self.controller.journal[sent:]:
                    self.wfile.write(f"event: journal\nid: {event['seq']}\ndata: {json.dumps(event)}\n\n".encode())
                sent = len(self.controller.journal)
                if self.controller.streaming:
                    self.wfile.write(f"event: live\ndata: {json.dumps(self.controller.snapshot())}\n\n".encode())
                self.wfile.flush()
                time.sleep(EVENT_PERIOD_S)
        except OSError:
            pass
        self.close_connection = True

    def answer(self, code: int, content: dict[str, Any]) -> None:
        kind = "application/json" if code < 400 else "application/problem+json"
        self.send(code, kind, json.dumps(content).encode())

    def send(self, code: int, kind: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a browser that closes its stream is no error here
