"""The control API as its clients in the terminal see it: one short request at a time, over the standard library alone."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote, urlsplit

from irctl.domain.problems import Problem, Refused

DEFAULT_URL = "http://127.0.0.1:8970"
TIMEOUT_S = 15.0
"""The longest answer is a stop's evidence: it waits for a silent lamp's lease to run out and a little more."""

View = dict[str, Any]


class Unreachable(Exception):
    """Nobody answers at the address. The text says what to do."""

    def __init__(self, url: str, why: str) -> None:
        self.url, self.why = url, why
        super().__init__(
            f"no controller answers at {url} ({why}). "
            "Start one with `irctl serve --config FILE`, or name another with --url or IRCTL_URL"
        )


class Failed(Exception):
    """The controller answered, but could not do it."""


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller by its address. Every call raises Unreachable, Refused or Failed."""

    url: str
    token: Callable[[], str] = lambda: ""
    """Of who is signed in, sent along with whatever is asked of it. Read each time: a treatment may outlast one."""

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, body: View | None = None) -> Any:
        return self._ask("POST", path, body)

    def session(self, session_id: str, verb: str = "") -> str:
        """The path of a session, or of something to do with it."""
        return f"/v1/sessions/{quote(session_id, safe='')}" + (f"/{verb}" if verb else "")

    def _ask(self, method: str, path: str, body: View | None = None) -> Any:
        address = urlsplit(self.url)
        try:
            kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
            connection = kind(address.hostname or "", address.port, timeout=TIMEOUT_S)
        except ValueError as error:
            raise Unreachable(self.url, f"not an address: {error}") from None
        try:
            data = None if body is None else json.dumps(body).encode()
            headers = {"Content-Type": "application/json"}
            if method == "POST" and (token := self.token()):
                headers["Authorization"] = f"Bearer {token}"
            connection.request(method, address.path.rstrip("/") + path, data, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            why = error.strerror if isinstance(error, OSError) else None
            raise Unreachable(self.url, (why or str(error) or type(error).__name__).lower()) from None
        finally:
            connection.close()
        return _answered(answer.status, text, self.url)


def _answered(status: int, text: bytes, url: str) -> Any:
    try:
        answer: Any = json.loads(text)
    except ValueError:
        if status >= 500:
            raise Failed(
                f"the controller at {url} answered with status {status}: its journal or log says why"
            ) from None
        raise Unreachable(url, f"something else answers there, with status {status}") from None
    if status < 400:
        return answer
    problem = cast("View", answer) if isinstance(answer, dict) else {}
    if status >= 500:
        raise Failed(str(problem.get("detail", f"status {status}")))
    listed = cast("list[View]", problem.get("problems") or [])
    raise Refused(
        [Problem(str(p["field"]), p["value"], str(p["limit"]), str(p["remedy"])) for p in listed]
        or [Problem("request", url, str(problem.get("detail", f"status {status}")), "Check the address")],
        conflict=status == 409,
    )
