"""The clinic's pages, which come from a port of their own, may read what the controller answers them: CORS for them, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

REMEMBERED_S = 600
"""For so long a browser need not ask again whether it may."""


class CrossOrigin:
    """ASGI middleware. A request from any other page passes as if this were not here."""

    def __init__(self, app: ASGIApp, pages: Callable[[], Collection[str]]) -> None:
        self._app = app
        self._pages = pages()
        self._to_pages = CORSMiddleware(
            app,
            allow_origins=tuple(self._pages),
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type"),
            max_age=REMEMBERED_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and Headers(scope=scope).get("origin") in self._pages
        await (self._to_pages if ours else self._app)(scope, receive, send)
