"""Reads tables: each row says which element of a resource comes from where, and through which conversion.

A source is a path of names through the scene ("visit.note.ending.started_at"), or words ("=final", "=Visit {visit.number}"). What is not told (None, nothing in
it) leaves its element out. A path may name the repetitions of an element ("component:min.code"); one of which only words were said is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from itertools import chain
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

from irctl.documents.printed import NOT_CERTIFIED, visible
from irctl.domain.problems import Refused
from irctl.interop.fhir.codes import Codes
from irctl.interop.fhir.r4 import XHTML, Place, Resource, faults

Json = Any
SIMULATED = "SIMULATED: nobody was treated. Not a treatment record."
SIMULATED_TAG = "simulated"


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to tell: values by name, a site's codes, and what was made so far, by the URL it has within its bundle."""

    values: Mapping[str, object]
    codes: Codes
    made: dict[str, str] = field(default_factory=dict[str, str])

    def beside(self, **values: object) -> Scene:
        """The same with further values."""
        return replace(self, values={**self.values, **values})

    def read(self, source: str) -> object:
        """What a source says; None where any part of its path is not told."""
        if source.startswith("="):
            return self.words(source[1:])
        value: object = dict(self.values)
        for name in source.split("."):
            if value is None:
                return None
            value = _part(value, name)
        return value

    def words(self, template: str) -> str:
        return template.format(systems=self.codes.systems, **self.values)


def _part(value: object, name: str) -> object:
    return cast("dict[str, object]", value).get(name) if isinstance(value, dict) else getattr(value, name)


Convert = Callable[[Any, Scene], Json]
Row = tuple[str, str, Convert]
"""Element, source, conversion."""


@dataclass(frozen=True, slots=True)
class Table:
    """How one kind of resource is made.

    `key` names it within `system`, for ever: the same visit's dose is the same resource whenever it is sent. `needs`: without these it is not made. `over`: one
    for each of these, called `item`. `says`: in a line, for people.
    """

    name: str
    kind: str
    key: str
    says: str
    rows: tuple[Row, ...]
    needs: tuple[str, ...] = ()
    over: str = ""
    system: str = "{systems.record}"

    def identifier(self, scene: Scene) -> dict[str, str]:
        return {"system": scene.words(self.system), "value": visible(scene.words(self.key))}

    def url(self, scene: Scene) -> str:
        """Within a bundle, and the same in every one."""
        named = self.identifier(scene)
        return uuid5(NAMESPACE_URL, f"{named['system']}/{self.kind}/{named['value']}").urn


@dataclass(frozen=True, slots=True)
class Made:
    """A resource, its URL in the bundle, and what it is known by wherever it goes."""

    url: str
    resource: Resource
    identifier: dict[str, str]


def make(tables: Sequence[Table], scene: Scene) -> Iterator[Made]:
    """The resources, in order: what refers to another comes after it. Raises Refused where one would not be R4."""
    for table in tables:
        for one in _scenes(table, scene):
            if any(nothing(one.read(source)) for source in table.needs):
                continue
            url = table.url(one)
            if url not in scene.made:  # a lamp, for all the visits under it
                made = Made(url, _resource(table, one), table.identifier(one))
                scene.made[url] = table.kind
                yield made


def _scenes(table: Table, scene: Scene) -> Iterator[Scene]:
    if not table.over:
        yield scene
        return
    for number, item in enumerate(cast("Sequence[object]", scene.read(table.over) or ()), start=1):
        yield scene.beside(item=item, n=number)


def _resource(table: Table, scene: Scene) -> Resource:
    place = Place(table.kind)
    resource: Resource = {"resourceType": table.kind} | _sayable(built(place, table.rows, scene))
    named = table.identifier(scene)
    if (element := place / "identifier") is not None:
        resource["identifier"] = [named] if element.many else named
    meta: dict[str, list[dict[str, str]]] = {}
    if element is None:  # R4 gives it no identifier: a tag is searched for as well
        meta["tag"] = [{"system": named["system"], "code": named["value"]}]
    simulated = bool(scene.values.get("simulated"))
    if simulated:
        tag = {"system": scene.codes.systems.record, "code": SIMULATED_TAG, "display": SIMULATED}
        meta["tag"] = [*meta.get("tag", ()), tag]
        meta["security"] = [scene.codes.coding("test-data")]
    if meta:
        resource["meta"] = meta
    resource["text"] = {"status": "generated", "div": _narrative(scene.words(table.says), simulated=simulated)}
    if problems := tuple(faults(resource)):
        raise Refused(problems)
    return resource


def _sayable(told: Json) -> Json:
    """The same with what R4's strings may not hold made visible: controls, and spaces other than the plain one. Lines stay lines."""
    match told:
        case str():
            return "\n".join(visible(line) for line in told.splitlines())
        case dict():
            return {name: _sayable(value) for name, value in cast("Resource", told).items()}
        case list():
            return [_sayable(one) for one in cast("list[Json]", told)]
        case _:
            return told


def _narrative(says: str, *, simulated: bool) -> str:
    lines = (*((SIMULATED,) if simulated else ()), says, f"Recorded by irctl. {NOT_CERTIFIED}")
    return f'<div xmlns="{XHTML}">{"".join(f"<p>{escape(visible(line))}</p>" for line in lines)}</div>'


def built(place: Place, rows: Sequence[Row], scene: Scene) -> Resource:
    """What the rows tell of one structure."""
    tree = _Branch()
    for path, source, convert in rows:
        value = scene.read(source)
        json = None if nothing(value) else convert(value, scene)
        if not nothing(json):
            tree.put(path.split("."), json, told=not source.startswith("="))
    return tree.json(place)


def nothing(value: object) -> bool:
    """Nobody has said it. False and 0 are said."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | tuple | dict) and not value)


class _Branch:
    """A structure while it grows: branches by the names of their repetitions ("" where an element has just one)."""

    def __init__(self) -> None:
        self.told = False
        self.leaf: Json = None
        self.grown: dict[str, dict[str, _Branch]] = {}

    def put(self, path: Sequence[str], json: Json, *, told: bool) -> None:
        self.told = self.told or told
        if not path:
            self.leaf = json
            return
        name, _, repetition = path[0].partition(":")
        branch = self.grown.setdefault(name, {}).setdefault(repetition, _Branch())
        branch.put(path[1:], json, told=told)

    def json(self, place: Place) -> Json:
        if self.leaf is not None:
            return self.leaf
        structure: Resource = {}
        for name, branches in self.grown.items():
            element = place / name
            assert element is not None, f"{place.type}.{place.path}{name} is not in r4.toml"
            inside = place.into(name, element)
            values: list[Json] = [one.json(inside) for key, one in branches.items() if one.told or not key]
            if not element.many:
                structure[name] = values[0]
            elif flat := list(chain.from_iterable(map(_as_list, values))):
                structure[name] = flat
        return structure


def _as_list(value: Json) -> list[Json]:
    return cast("list[Json]", value) if isinstance(value, list) else [value]
