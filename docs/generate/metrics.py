"""What controller and clinic tell Prometheus, from their own tables."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from docs.generate.markdown import table

TOLD_BY = {"The controller": "irctl.controller.metrics", "The clinic": "irctl.clinic.metrics"}
"""Modules with a table METRICS of what has a name, a kind, a help text and labels."""
NOTHING = "Nothing is told yet.\n"


def page() -> str:
    told = [f"## {who}\n\n{_table(module)}" for who, module in TOLD_BY.items() if find_spec(module) is not None]
    return "\n".join(told) or NOTHING


def _table(module: str) -> str:
    rows = [
        (f"`{one.name}`", one.kind, ", ".join(f"`{label}`" for label in one.labels) or "–", one.help)
        for one in import_module(module).METRICS
    ]
    return table(("metric", "kind", "labels", "meaning"), rows)
