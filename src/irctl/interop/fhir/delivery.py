"""How a transaction reaches one particular server: what it takes, what goes along as a document instead, and which requests that comes to. No I/O."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from irctl.interop.fhir.abilities import Abilities
from irctl.interop.fhir.r4 import XHTML, Resource

PARCELS = "urn:irctl:parcel"
"""The system that documents in place of resources are known by."""
LOCATION = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?$")


Name = tuple[str | None, str | None]
"""A system, and a value in it."""


class Untakable(Exception):
    """The server takes neither something nor a document in its place."""


@dataclass(frozen=True, slots=True)
class Item:
    """One resource to be sent. `criteria`: how it is searched for ("identifier=…"); `once`: what was written is never written again."""

    url: str
    resource: Resource
    criteria: str
    once: bool

    @property
    def kind(self) -> str:
        return self.resource["resourceType"]

    @property
    def name(self) -> Name:
        """What it is known by: its identifier, or the tag in its place."""
        return next(iter(names(self.resource)))


@dataclass(frozen=True, slots=True)
class Request:
    """One write. `if_none_exist`: only where nothing meets these criteria."""

    item: Item
    method: str
    url: str
    if_none_exist: str = ""


def names(resource: Resource) -> dict[Name, None]:
    """What a resource can be found by, its own name first."""
    told = resource.get("identifier", [])
    identifiers = cast("list[Resource]", told if isinstance(told, list) else [told])
    tags = resource.get("meta", {}).get("tag", ())
    known = [(one.get("system"), one.get("value")) for one in identifiers]
    return dict.fromkeys([*known, *((one.get("system"), one.get("code")) for one in tags)])


def token(system: str, value: str) -> str:
    """As a search looks for it, within an address."""
    escaped = re.sub(r"([\\,|$])", r"\\\1", value)
    return f"{quote(system, safe='')}%7C{quote(escaped, safe='')}"


def read_bundle(bundle: Resource) -> tuple[Item, ...]:
    """Raises ValueError where it is no transaction of conditional requests, as `bundle` makes them."""
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "transaction":
        raise ValueError("it is no transaction Bundle")
    items: list[Item] = []
    for number, entry in enumerate(bundle.get("entry", ())):
        request, once = entry["request"], entry["request"]["method"] == "POST"
        criteria = request.get("ifNoneExist", "") if once else request["url"].partition("?")[2]
        if not criteria or not names(entry["resource"]):
            raise ValueError(f"entry[{number}] is unconditional: sent twice it would be there twice")
        items.append(Item(entry["fullUrl"], entry["resource"], criteria, once))
    return tuple(items)


def fitted(items: Sequence[Item], can: Abilities) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """What of it this server takes, with one document for all the rest, and the kinds that are in it. Raises Untakable."""
    rest = [item for item in items if not can.of(item.kind).takes(once=item.once)]
    if not rest:
        return tuple(items), ()
    kinds = tuple(dict.fromkeys(item.kind for item in rest))
    if not can.of("DocumentReference").takes(once=False):
        raise Untakable(f"it takes neither {', '.join(kinds)} nor a DocumentReference in their place")
    known = {item.url: _known(item.resource) for item in rest}
    kept = [Item(i.url, referring(i.resource, known), i.criteria, i.once) for i in items if i not in rest]
    return (*kept, _document(items, rest, kinds)), kinds


def _known(resource: Resource) -> Resource:
    """A reference to what is not there: by its identifier, for whoever comes to know it later."""
    named = resource.get("identifier") or {"value": resource["meta"]["tag"][0]["code"]}
    return {"type": resource["resourceType"], "identifier": named[0] if isinstance(named, list) else named}


def _document(items: Sequence[Item], rest: Sequence[Item], kinds: Sequence[str]) -> Item:
    name = str(uuid5(NAMESPACE_URL, " ".join(item.url for item in items)))
    entry = [{"fullUrl": item.url, "resource": item.resource} for item in rest]
    inside = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entry}, ensure_ascii=False).encode()
    words = f"What this server does not take as resources: {', '.join(kinds)}"
    subject = next((item.resource["subject"] for item in rest if "subject" in item.resource), None)
    marks = _marks(rest)
    simulated = "".join(f"<p>{tag['display']}</p>" for tag in marks.get("tag", ()))
    resource: Resource = {
        "resourceType": "DocumentReference",
        **({"meta": marks} if marks else {}),
        "text": {"status": "generated", "div": f'<div xmlns="{XHTML}">{simulated}<p>{words}</p></div>'},
        "identifier": [{"system": PARCELS, "value": name}],
        "status": "current",
        "type": {"text": "FHIR resources as a document"},
        **({"subject": subject} if subject else {}),
        "description": words,
        "content": [{"attachment": {
            "contentType": "application/fhir+json", "title": f"{', '.join(kinds)}.json",
            "data": b64encode(inside).decode(), "size": len(inside),
        }}],
    }  # fmt: skip
    return Item(
        uuid5(NAMESPACE_URL, f"{PARCELS}/{name}").urn, resource, f"identifier={token(PARCELS, name)}", once=False
    )


def _marks(rest: Sequence[Item]) -> Resource:
    """That it is simulated, if it is."""
    for item in rest:
        meta: Resource = item.resource.get("meta", {})
        if "security" in meta:
            return {"tag": [tag for tag in meta["tag"] if "display" in tag], "security": meta["security"]}
    return {}


def referring(told: Any, known: Mapping[str, Resource]) -> Any:
    """The same with each reference that `known` has an answer to exchanged for that; a display stays."""
    match told:
        case {"reference": str(url)} if url in known:
            display = cast("Resource", told).get("display")
            return {**known[url], **({"display": display} if display else {})}
        case dict():
            return {name: referring(value, known) for name, value in cast("Resource", told).items()}
        case list():
            return [referring(one, known) for one in cast("list[Any]", told)]
        case _:
            return told


def at(places: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, Resource]:
    """References to what the server has, by the URL in the bundle. `places`: "Procedure/17"."""
    return {url: {"reference": place, "type": kinds[url]} for url, place in places.items()}


def same(held: Resource, ours: Resource) -> bool:
    """Whether the server has it already, word for word; what it writes itself (id, version) is its own, and it may have added tags."""
    theirs, wanted = held.get("meta", {}), ours.get("meta", {})
    marked = all(one in theirs.get(name, ()) for name, labels in wanted.items() for one in labels)
    return marked and _content(held) == _content(ours)


def _content(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name not in ("id", "meta")}


def request_for(item: Item, place: str | None, can: Abilities) -> Request | None:
    """How to write it. `place`: where it is now. None: it is there in another version, and the server lets nobody change it."""
    ability = can.of(item.kind)
    if place is not None:
        return Request(item, "PUT", place) if ability.updates else None
    if "update" in ability.conditional and ability.updates and not item.once:
        return Request(item, "PUT", f"{item.kind}?{item.criteria}")
    return Request(item, "POST", item.kind, item.criteria if "create" in ability.conditional else "")


def as_transaction(requests: Sequence[Request], resources: Sequence[Resource]) -> Resource:
    """Several writes at once."""
    entries = [
        {"fullUrl": one.item.url, "resource": resource, "request": {"method": one.method, "url": one.url}
         | ({"ifNoneExist": one.if_none_exist} if one.if_none_exist else {})}
        for one, resource in zip(requests, resources, strict=True)
    ]  # fmt: skip
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def place_of(location: str) -> str | None:
    """ "Procedure/17" of wherever the server says it is."""
    found = LOCATION.search(location)
    return f"{found[1]}/{found[2]}" if found else None


def reasons(outcome: object) -> str:
    """What an OperationOutcome says is wrong."""

    def told() -> Iterator[str]:
        issues = cast("Resource", outcome).get("issue", ()) if isinstance(outcome, dict) else ()
        for issue in issues:
            words = issue.get("diagnostics") or issue.get("details", {}).get("text") or issue.get("code", "")
            where = ", ".join(issue.get("expression", ()))
            yield f"{words} ({where})" if where else words

    return "; ".join(told())[:500] or "it gives no reason"
