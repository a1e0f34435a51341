"""Whether a bundle is what irctl would send: every element, code, unit and reference is one that R4 has there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from irctl.domain.problems import Problem
from irctl.interop.fhir.delivery import names
from irctl.interop.fhir.r4 import Resource, faults


def check(bundle: object) -> tuple[Problem, ...]:
    """Everything that is wrong with it; nothing where it may be sent."""
    if not isinstance(bundle, dict) or cast("Resource", bundle).get("resourceType") != "Bundle":
        return (Problem("resourceType", None, "is no Bundle", "Make one with `irctl fhir bundle`"),)
    entries = cast("Resource", bundle).get("entry")
    if not isinstance(entries, list) or not entries:
        return (Problem("Bundle.entry", None, "holds nothing", "Make it anew"),)
    return tuple(_problems(cast("list[Any]", entries)))


def _problems(entries: list[Any]) -> Iterator[Problem]:
    before: set[str] = set()
    known: set[object] = set()
    for number, entry in enumerate(entries):
        where = f"entry[{number}]"
        if not isinstance(entry, dict) or not isinstance(cast("Resource", entry).get("resource"), dict):
            yield Problem(where, None, "holds no resource", "Make the bundle anew")
            continue
        url, resource = str(cast("Resource", entry).get("fullUrl")), cast("Resource", entry["resource"])
        for problem in faults(resource):
            yield Problem(f"{where}.{problem.field}", problem.value, problem.limit, problem.remedy)
        for reference in _references(resource):
            if reference.startswith("urn:") and reference not in before:
                yield Problem(where, reference, "refers to what is not sent before it", "Put it first, or add it")
        name = (resource.get("resourceType"), next(iter(names(resource)), None))
        if name[1] is None or name in known or url in before:
            yield Problem(where, name[1], "has no name of its own: sent twice it might be there twice", "Give it one")
        known.add(name)
        before.add(url)


def _references(told: object) -> Iterator[str]:
    if isinstance(told, dict):
        for key, value in cast("Resource", told).items():
            if key == "reference" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(told, list):
        for one in cast("list[object]", told):
            yield from _references(one)
