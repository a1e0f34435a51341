"""Plain HTML forms, as they arrive: they need nothing of the pages' machinery, or of JavaScript."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import Request

BODY_MAX = 8192


async def form_of(request: Request) -> dict[str, str]:
    """The first value of each field; nothing of a form that is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX:
            return {}
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
