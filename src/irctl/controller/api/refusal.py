"""How the API says no: RFC 9457 problem details that carry every reason, whoever it is that refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from irctl.domain.problems import Problem, Refused
from irctl.toml_file import schema_problem

MEDIA_TYPE = "application/problem+json"
PROBLEMS_MAX = 20
"""Nobody mends more at once; a body of a thousand wrong fields is not answered with a hundred times its length."""

_ONE = {
    "type": "object",
    "properties": {
        "field": {"type": "string"},
        "value": {"type": ["string", "number", "boolean", "null"]},
        "limit": {"type": "string"},
        "remedy": {"type": "string"},
        "text": {"type": "string"},
    },
    "required": ["field", "value", "limit", "remedy", "text"],
}
SCHEMA = {
    "type": "object",
    "properties": {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "problems": {"type": "array", "items": _ONE, "maxItems": PROBLEMS_MAX},
    },
    "required": ["type", "title", "status", "detail", "problems"],
}


class NotKnown(Refused):
    """Nobody is signed in, or not so that it could be verified."""


class NotAllowed(Refused):
    """Whoever is signed in may not."""


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These refusals, for the API's own description."""
    content = {MEDIA_TYPE: {"schema": SCHEMA}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def refusal(
    status: int, title: str, problems: Sequence[Problem] = (), headers: Mapping[str, str] | None = None
) -> Response:
    shown = problems[:PROBLEMS_MAX]
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": "; ".join(str(p) for p in shown) or title,
        "problems": [p.as_dict() for p in shown],
    }
    # What was asked is quoted, and may hold what only JSON's own escapes can carry: half a surrogate pair.
    return Response(json.dumps(body, allow_nan=False), status, headers, MEDIA_TYPE)


def refusing(app: FastAPI) -> None:
    """Let the app say no in this form."""

    @app.exception_handler(Refused)
    async def refused(_request: Request, error: Refused) -> Response:
        return refusal(409 if error.conflict else 422, "Refused", error.problems)

    @app.exception_handler(NotKnown)
    async def not_known(_request: Request, error: NotKnown) -> Response:
        return refusal(401, "Not signed in", error.problems, {"WWW-Authenticate": 'Bearer realm="irctl"'})

    @app.exception_handler(NotAllowed)
    async def not_allowed(_request: Request, error: NotAllowed) -> Response:
        return refusal(403, "Not allowed", error.problems)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        problems = [schema_problem(d | {"loc": d["loc"][1:] or d["loc"]}) for d in error.errors()]
        return refusal(422, "Not understood", problems)

    @app.exception_handler(HTTPException)
    async def other(_request: Request, error: HTTPException) -> Response:
        return refusal(error.status_code, str(error.detail), (), error.headers)
