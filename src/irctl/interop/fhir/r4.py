"""What irctl writes of FHIR R4 (4.0.1): its elements with their types, how often each may stand, and the codes they are bound to.

The table is `r4.toml`; the tests compare it with the official definitions. What is not in it is not written, and is a fault where it is found.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from irctl.domain.problems import Problem

Resource = dict[str, Any]
UCUM = "http://unitsofmeasure.org"
XHTML = "http://www.w3.org/1999/xhtml"
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
PRIMITIVES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "base64Binary": (str, r"[A-Za-z0-9+/\s]+={0,2}"),
    "boolean": (bool, ""),
    "canonical": (str, r"\S+"),
    "code": (str, r"\S+( \S+)*"),
    "date": (str, r"\d{4}(-\d\d(-\d\d)?)?"),
    "dateTime": (str, rf"\d{{4}}(-\d\d(-\d\d)?)?|{_MOMENT}"),
    "decimal": ((int, float), ""),
    "id": (str, r"[A-Za-z0-9\-.]{1,64}"),
    "instant": (str, _MOMENT),
    "markdown": (str, r"[\s\S]*\S[\s\S]*"),
    "positiveInt": (int, r"[1-9]\d*"),
    "string": (str, r"[\s\S]*\S[\s\S]*"),
    "unsignedInt": (int, r"\d+"),
    "uri": (str, r"\S+"),
    "url": (str, r"\S+"),
    "xhtml": (str, rf'<div xmlns="{XHTML}">[\s\S]+</div>'),
}
"""Each with how JSON holds it, and the form it must have as a whole."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element. `targets`: what a reference may lead to; `codes`: None where no required value set can be listed."""

    type: str
    least: int
    many: bool
    targets: frozenset[str]
    value_set: str
    codes: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Place:
    """Inside which type, and at which path of it ("performer.")."""

    type: str
    path: str = ""

    def __truediv__(self, name: str) -> Element | None:
        """The element of that name here; None: irctl knows of none."""
        return elements().get(self.type, {}).get(self.path + name)

    def into(self, name: str, element: Element) -> Place:
        """Inside that element."""
        if element.type == "BackboneElement":
            return Place(self.type, f"{self.path}{name}.")
        if element.type.startswith("@"):  # as in a form, whose questions hold questions
            return Place(self.type, f"{element.type[1:]}.")
        return Place(element.type)

    @property
    def names(self) -> Mapping[str, Element]:
        """Every element directly here."""
        found = elements().get(self.type, {})
        inside = {path.removeprefix(self.path): one for path, one in found.items() if path.startswith(self.path)}
        return {name: one for name, one in inside.items() if "." not in name}


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("r4.toml").read_text("utf-8"))


@cache
def units() -> frozenset[str]:
    """Every unit (UCUM) that irctl writes."""
    return frozenset(_table()["units"])


@cache
def value_sets() -> Mapping[str, frozenset[str]]:
    """The codes of each value set with a required binding that is used, by its id."""
    return {name: frozenset(codes.split()) for name, codes in _table()["value-sets"].items()}


@cache
def elements() -> Mapping[str, Mapping[str, Element]]:
    """By type and path, as JSON names them."""
    return {kind: {path: _element(told) for path, told in rows.items()} for kind, rows in _table()["elements"].items()}


def _element(told: str) -> Element:
    """From "Reference(Device|Group) 0..*" or "code 1..1 event-status"."""
    kind, card, *bound = told.split()
    name, _, targets = kind.partition("(")
    least, _, most = card.partition("..")
    value_set = bound[0] if bound else ""
    allowed = frozenset(targets.rstrip(")").split("|")) if targets else frozenset[str]()
    return Element(name, int(least), most == "*", allowed, value_set, value_sets().get(value_set))


def faults(resource: Resource) -> Iterator[Problem]:
    """What is wrong with one resource: unknown elements, missing ones, codes, units and references that R4 does not have there."""
    kind = resource.get("resourceType", "")
    if kind not in elements():
        yield Problem("resourceType", kind, "is no resource that irctl writes", "Leave it out")
        return
    rest = {name: value for name, value in resource.items() if name != "resourceType"}
    yield from _inside(Place(kind), rest, kind)


def _inside(place: Place, told: object, where: str) -> Iterator[Problem]:
    if not isinstance(told, dict) or not told:
        yield Problem(where, None, "is not a structure with something in it", "Correct it")
        return
    said = cast("Resource", told)
    for name, value in said.items():
        element = place / name
        if element is None:
            yield Problem(f"{where}.{name}", value, "is no element that irctl knows in R4", "Leave it out")
            continue
        yield from _all_of(place, name, element, value, f"{where}.{name}")
    for name, element in place.names.items():
        if element.least and name not in said:
            yield Problem(f"{where}.{name}", None, "is missing, and R4 demands it", "Add it")
    if place.type == "Quantity" and said.get("system") == UCUM and said.get("code") not in units():
        yield Problem(f"{where}.code", said.get("code"), "is no unit that irctl knows in UCUM", "Correct it")
    if place.type == "Reference" and not said.keys() & {"reference", "identifier", "display"}:
        yield Problem(where, None, "leads nowhere", "Say what it refers to")


def _all_of(place: Place, name: str, element: Element, value: object, where: str) -> Iterator[Problem]:
    if element.many != isinstance(value, list) or value == []:
        wanted = "a list with something in it" if element.many else "one value"
        yield Problem(where, value, f"is not {wanted}", "Correct it")
        return
    for number, one in enumerate(cast("list[object]", value) if isinstance(value, list) else [value]):
        at = f"{where}[{number}]" if element.many else where
        if element.type in PRIMITIVES:
            yield from _primitive(element, one, at)
            continue
        yield from _inside(place.into(name, element), one, at)
        if element.targets and isinstance(one, dict):
            yield from _target(element, cast("Resource", one), at)


def _primitive(element: Element, value: object, where: str) -> Iterator[Problem]:
    held, form = PRIMITIVES[element.type]
    if not isinstance(value, held) or (isinstance(value, bool) and held is not bool):
        yield Problem(where, value, f"is not of the type {element.type}", "Correct it")
    elif form and not re.fullmatch(form, str(value)):
        yield Problem(where, value, f"has not the form of {element.type}", "Correct it")
    elif element.codes is not None and value not in element.codes:
        said = f"is not in the value set {element.value_set}: {', '.join(sorted(element.codes))}"
        yield Problem(where, value, said, "Take one of these")


def _target(element: Element, reference: Resource, where: str) -> Iterator[Problem]:
    kind = reference.get("type")
    if kind is not None and "Resource" not in element.targets and kind not in element.targets:
        said = f"may not be referred to here: only {', '.join(sorted(element.targets))}"
        yield Problem(f"{where}.type", kind, said, "Refer to one of these")
