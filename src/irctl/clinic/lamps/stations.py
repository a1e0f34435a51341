"""The controllers that a clinic follows: asked and told over their API, in the name of whoever is signed in."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from irctl.clinic.acting import Acting
from irctl.clinic.lamps.progress import Progress
from irctl.domain.people import Person
from irctl.domain.problems import Problem, Refused

ANSWER_MAX_S = 10.0
LOOK_EVERY_S = 0.5
STALE_S = 2.0
"""What was heard longer ago than this is not shown as if it were now."""


class Issuer(Protocol):
    """Makes the tokens that controllers accept."""

    def issue(self, person: Person, now: datetime) -> str: ...


class Station:
    """One controller. Calls raise Refused: with the controller's own reasons, or because it does not answer."""

    def __init__(
        self,
        name: str,
        url: str,
        issuer: Issuer,
        *,
        browser_url: str | None = None,
        own_url: str | None = None,
        tls: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`browser_url`: as every browser reaches it, where there is such an address; `own_url`: as one on the controller's own computer does."""
        self.name, self.url, self.browser_url, self.own_url = name, url, browser_url, own_url or url
        self.host = urlsplit(url).hostname or ""
        self._issuer, self._monotonic_s = issuer, monotonic_s
        # No proxy of this computer's user stands between clinic and controller.
        self._http = httpx.AsyncClient(
            base_url=url, timeout=ANSWER_MAX_S, trust_env=False, transport=transport, verify=tls or True
        )
        self._view: Mapping[str, Any] | None = None
        self._heard_s = float("-inf")
        self.progress = Progress(monotonic_s)
        """Of the records with its journal."""

    @property
    def view(self) -> Mapping[str, Any] | None:
        """GET /v1/station as heard last; None when that is too long ago to be true."""
        return self._view if self._monotonic_s() - self._heard_s < STALE_S else None

    @property
    def heard_ago_s(self) -> float:
        """Since it answered last; infinity where it never has."""
        return self._monotonic_s() - self._heard_s

    @property
    def journal_seq(self) -> int | None:
        """Of its journal's last event, as heard last, however long ago; None where it was never heard."""
        return None if self._view is None else int(self._view["journal"]["seq"])

    @property
    def title(self) -> str:
        """The station's own name, else what the clinic's file calls it."""
        return str(self._view["station"]) if self._view else self.name

    @property
    def lamps(self) -> list[Mapping[str, Any]]:
        """As heard last; empty when that is too long ago."""
        return list(self.view["lamps"]) if self.view else []

    def lamp(self, name: str) -> Mapping[str, Any]:
        """Raises Refused for one that is not there, or not heard of now."""
        for lamp in self.lamps:
            if lamp["name"] == name:
                return lamp
        why = "is not one of this station's lamps" if self.view else "is not known now: the station does not answer"
        raise Refused([Problem("lamp", name, why, "Look at the station")])

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path, None, None)

    async def post(self, path: str, acting: Acting, body: Mapping[str, Any] | None = None) -> Any:
        """In this person's name."""
        assert acting.person is not None
        return await self._ask("POST", path, {"by": acting.person.login, **(body or {})}, self.token(acting))

    def token(self, acting: Acting) -> str | None:
        """What lets this person's browser talk to the controller; None while nobody is signed in, or the screen is locked."""
        if acting.person is None or acting.context.locked:
            return None
        return self._issuer.issue(acting.person, acting.at)

    async def hear(self) -> Mapping[str, Any]:
        """Ask for `view` now. Raises Refused."""
        view = await self.get("/v1/station")
        self._view, self._heard_s = view, self._monotonic_s()
        return view

    async def look(self, changed: Callable[[], None]) -> None:
        """Keep `view` fresh, for ever."""
        before: Any = None
        while True:
            try:
                view = await self.hear()
            except Refused:
                view = None
            now = _of_note(view)
            if now != before:
                before = now
                changed()
            await asyncio.sleep(LOOK_EVERY_S)

    async def controller(self) -> str:
        """By what its journal is known in the records: the fingerprint of the key that signs it. Raises Refused while there is none."""
        view = self.view or await self.get("/v1/station")
        if (signer := view["journal"]["signer"]) is None:
            remedy = "Look at its journal: irctl journal verify"
            raise Refused([Problem("station", self.name, "cannot write its journal", remedy)], conflict=True)
        return str(signer)

    async def pass_on(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> httpx.Response:
        """What a browser asks, as it is; the answer is read as it comes, and is the caller's to close. Raises httpx.HTTPError."""
        request = self._http.build_request(method, path, headers=dict(headers), content=body)
        return await self._http.send(request, stream=True)

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, token: str | None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = await self._http.request(method, path, json=body, headers=headers)
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            why = f"does not answer ({error or type(error).__name__})"
            remedy = "Look at the lamp itself; its own watchdog keeps it. Then at the controller"
            raise Refused([Problem("station", self.name, why, remedy)], conflict=True) from None
        if answer.is_success:
            return told
        problems = [Problem(p["field"], p["value"], p["limit"], p["remedy"]) for p in told.get("problems", ())]
        title = str(told.get("title", answer.status_code))
        raise Refused(
            problems or [Problem("station", self.name, title, "Look at the station")],
            conflict=answer.status_code == 409,
        )


def _of_note(view: Mapping[str, Any] | None) -> Any:
    """What other screens should hear of at once, without the figures that always change."""
    if view is None:
        return None
    lamps: list[Any] = []
    for lamp in view["lamps"]:
        session: Mapping[str, Any] = lamp["session"] or {}
        calibration: Mapping[str, Any] = lamp["calibration"] or {}
        of_session = session.get("id"), session.get("state")
        lamps.append((lamp["name"], lamp["status"], lamp.get("locked"), calibration.get("id"), *of_session))
    return lamps, [alarm["id"] for alarm in view["alarms"]], view["latched"] is not None
