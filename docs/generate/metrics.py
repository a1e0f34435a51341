"""What controller and clinic tell Prometheus, from their own tables."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from docs.generate.markdown import table

TOLD_BY = {
    "The controller": ("irctl.controller.api.metrics", "METRICS"),
    "The clinic": ("irctl.clinic.metrics", "METRICS"),
    "Of each process": ("irctl.exposition", "PROCESS"),
}
"""Modules, and their tables of what has a name, a kind, a help text, labels and a unit."""
NOTHING = "Nothing is told yet.\n"


def page() -> str:
    told = [f"## {who}\n\n{_table(*where)}" for who, where in TOLD_BY.items() if find_spec(where[0]) is not None]
    return "\n".join(told) or NOTHING


def _table(module: str, name: str) -> str:
    rows = [
        (f"`{one.name}`", one.kind, one.unit, ", ".join(f"`{label}`" for label in one.labels), one.help)
        for one in getattr(import_module(module), name)
    ]
    return table(("metric", "kind", "unit", "labels", "meaning"), rows)
