"""The control API: every route with who may ask it, what it takes, and what it said on a day in the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from docs.generate.day import day
from docs.generate.markdown import as_json, fold, table
from docs.generate.schema import Schema, bounds, kind, resolved, usual
from irctl.controller.api.app import create_app
from irctl.controller.api.authority import TABLE, Need, Needs, Where
from irctl.domain.people import PERMISSIONS

SUBJECTS = {
    "Sessions": "/v1/sessions",
    "Stop and alarms": ("/v1/stop", "/v1/clear", "/v1/alarms"),
    "The station": ("/v1/station", "/v1/lines", "/v1/stream", "/v1/devices", "/v1/clock"),
    "Lamps": "/v1/lamps",
    "Calibrations": ("/v1/calibrations", "/v1/meters"),
    "What is due": ("/v1/due", "/v1/reminders"),
    "The journal": "/v1/journal",
}
ELSE = "Everything else"
SUCCESS = range(200, 300)


def page() -> str:
    """Raises LookupError for a route that does not say what it does."""
    description = cast("Any", create_app(cast("Any", None)).openapi())  # the same for every station
    known = description["components"]["schemas"]
    told: dict[str, list[str]] = {subject: [] for subject in (*SUBJECTS, ELSE)}
    for path, methods in description["paths"].items():
        subject = next((name for name, begins in SUBJECTS.items() if path.startswith(begins)), ELSE)
        for method, route in methods.items():
            told[subject].append("\n".join(_route(method.upper(), path, route, known)))
    return "\n".join(f"## {subject}\n\n" + "\n".join(routes) for subject, routes in told.items() if routes)


def _route(method: str, path: str, route: Schema, known: Schema) -> Iterator[str]:
    if "description" not in route:
        raise LookupError(f"{method} {path}: its function needs a docstring, which says what it does")
    yield f"### `{method} {path}`\n"
    yield f"{route['description']}\n"
    yield f"**Who**: {_who(TABLE[method, path])}\n"
    query = [one for one in route.get("parameters", ()) if one["in"] != "path"]
    rows = [_row(one["name"], one["schema"], known, needed=one["required"]) for one in query]
    yield table((f"{query[0]['in'] if query else ''} parameter", "", "usual", "limits"), rows)
    yield table(("body", "", "usual", "limits"), _body(route, known))
    answers = [int(status) for status in route["responses"] if int(status) in SUCCESS]
    if (seen := day().answers.get((method, path))) is None:
        yield f"**Answer**: {answers[0]}.\n"
        return
    if seen.asked is not None:
        yield fold("Asked, for example", as_json(seen.asked))
    yield fold(f"Answered {seen.status}", as_json(seen.said))


def _body(route: Schema, known: Schema) -> Iterator[tuple[str, str, str, str]]:
    """What is in an object of the body stands below it, as `outer.inner`."""
    if (body := route.get("requestBody")) is not None:
        yield from _fields(resolved(body["content"]["application/json"]["schema"], known), known)


def _fields(model: Schema, known: Schema, within: str = "") -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.get("properties", {}).items():
        yield _row(within + name, field, known, needed=name in model.get("required", ()))
        for way in field.get("anyOf", [field]):
            yield from _fields(resolved(way, known), known, f"{within}{name}.")


def _row(name: str, field: Schema, known: Schema, *, needed: bool) -> tuple[str, str, str, str]:
    words = "object" if (what := kind(field, known)) == "table" else what
    return f"`{name}`", words, usual(field, needed=needed), bounds(field, known)


def _who(need: Need | Where) -> str:
    if isinstance(need, Where):
        cases = "; ".join(f"{_who(one)} where `{need.word}` is `{word}`" for word, one in need.cases.items())
        return f"{cases}; otherwise {_who(need.otherwise)}"
    if isinstance(need, Needs):
        return "anybody" if need is Needs.NOBODY else need.value
    permission = PERMISSIONS[need]
    roles = " or ".join(sorted(permission.roles))
    return f"{roles} (`{need}`)" + (", with a reason" if permission.reason else "")
