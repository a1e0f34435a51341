"""Carries a transaction to a FHIR server: asks what it can, what it has already, and sends the rest so that sending it twice changes nothing.

Large transactions go in pieces, in order, each on condition: Medplum, for one, takes no more than eight conditional writes at once. What arrived stays when a
later piece fails, and the next attempt sends only what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode

import httpx

from irctl.domain.problems import Problem
from irctl.domain.problems import Refused as Wrong
from irctl.interop.fhir.abilities import Abilities, read_abilities
from irctl.interop.fhir.delivery import (
    Item,
    Request,
    Untakable,
    as_transaction,
    at,
    fitted,
    names,
    place_of,
    read_bundle,
    reasons,
    referring,
    request_for,
    same,
)
from irctl.interop.fhir.r4 import Resource
from irctl.interop.outcome import Later, Outcome, Parcel, Refused, Sent
from irctl.listening import LOOPBACK

TIMEOUT_S = 30.0
AT_ONCE_MAX = 8
"""Conditional writes in one transaction."""
LOOKED_FOR_MAX = 20
"""Resources looked for by one search: their names must fit into an address."""
PAGES_MAX = 50
MEDIA = "application/fhir+json"
RETRYABLE = frozenset({401, 403, 408, 409, 423, 425, 429})
"""Beside 5xx: of the sign-in, of the moment, of somebody else's work at the same resource; not of what was sent."""
NOT_UNDERSTOOD = (ValueError, LookupError, TypeError, AttributeError, httpx.InvalidURL)
"""What an answer makes of a program that expects FHIR."""


class _Over(Exception):
    """It ends here."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__()


@dataclass(slots=True)
class _Delivery:
    """One parcel on its way. `places`: where the server has what, by the URL in the bundle."""

    http: httpx.AsyncClient
    can: Abilities
    items: tuple[Item, ...]
    places: dict[str, str] = field(default_factory=dict[str, str])
    held: dict[str, Resource] = field(default_factory=dict[str, Resource])
    left: list[str] = field(default_factory=list[str])

    def resolved(self, item: Item) -> Resource:
        kinds = {one.url: one.kind for one in self.items}
        return referring(item.resource, at(self.places, kinds))


class FhirServer:
    """One FHIR R4 server. `auth`: how to sign in (`SmartAuth`), where it asks for that.

    Raises domain's Refused where the address would carry patients' data unencrypted.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: httpx.Auth | None = None,
        timeout_s: float = TIMEOUT_S,
        at_once_max: int = AT_ONCE_MAX,
    ) -> None:
        address = httpx.URL(url)
        if address.scheme != "https" and not (address.scheme == "http" and address.host in LOOPBACK):
            limit = "is no https address, and patients' data would travel for everybody to read"
            raise Wrong([Problem("server", url, limit, "Use https; http only on this computer itself")])
        self._url, self._auth = url.rstrip("/"), auth
        self._timeout_s, self._at_once_max = timeout_s, at_once_max

    async def send(self, parcel: Parcel) -> Outcome:
        """A transaction as `bundle` makes it, as JSON. Refused means that the server, or irctl, has read it and found it wrong."""
        try:
            items = read_bundle(json.loads(parcel.body))
        except (ValueError, KeyError, TypeError) as error:
            return Refused(f"this is no transaction that irctl can send: {error}")
        try:
            async with self._http() as http:
                can = await _abilities(http)
                taken, untaken = fitted(items, can)
                delivery = _Delivery(http, can, taken)
                await _look(delivery)
                written = await self._write(delivery)
                return _sent(delivery, written, untaken)
        except Untakable as error:
            return Refused(str(error))
        except _Over as over:
            return over.outcome
        except httpx.HTTPError as error:
            return Later(f"{self._url}: {str(error) or type(error).__name__}")
        except NOT_UNDERSTOOD as error:
            return Later(f"{self._url}: its answer cannot be understood: {type(error).__name__} {error}")

    async def search(self, kind: str, **criteria: str) -> list[Resource]:
        """All resources of this type that meet the criteria. Raises httpx.HTTPError."""
        async with self._http() as http:
            return await _every_page(http, f"{kind}?{urlencode(criteria)}", kind)

    def _http(self) -> httpx.AsyncClient:
        headers = {"Accept": MEDIA}
        return httpx.AsyncClient(base_url=f"{self._url}/", auth=self._auth, timeout=self._timeout_s, headers=headers)

    async def _write(self, delivery: _Delivery) -> int:
        requests = list(_needed(delivery))
        at_once = self._at_once_max if delivery.can.transaction else 1
        for begin in range(0, len(requests), at_once):
            piece = requests[begin : begin + at_once]
            resources = [_as_sent(one, delivery) for one in piece]
            if len(piece) > 1:
                await _together(delivery, piece, resources)
            else:
                await _alone(delivery, piece[0], resources[0])
        return len(requests)


async def _abilities(http: httpx.AsyncClient) -> Abilities:
    """What it says before anything is sent says nothing of the parcel: it can only be too early."""
    answer = await http.get("metadata")
    try:
        answer.raise_for_status()
        return read_abilities(answer.json())
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError) as error:
        said = f"HTTP {answer.status_code}" if isinstance(error, httpx.HTTPStatusError) else error
        raise _Over(Later(f"the server does not say what it can: {said}")) from None


async def _look(delivery: _Delivery) -> None:
    """Finds what is there already."""
    for piece in _pieces([item for item in delivery.items if delivery.can.of(item.kind).searches]):
        parameter = piece[0].criteria.partition("=")[0]
        wanted = ",".join(item.criteria.partition("=")[2] for item in piece)
        found = await _every_page(
            delivery.http, f"{piece[0].kind}?{parameter}={wanted}&_count={2 * len(piece)}", piece[0].kind
        )
        for item in piece:
            matches = [one for one in found if item.name in names(one)]
            if len(matches) > 1:
                raise _Over(Refused(f"it has {item.kind} more than once by {item.criteria}"))
            if matches:
                delivery.held[item.url] = matches[0]
                delivery.places[item.url] = f"{item.kind}/{matches[0]['id']}"


def _pieces(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Of one kind each, and so few that their names fit into an address."""
    for kind in dict.fromkeys(item.kind for item in items):
        of_kind = [item for item in items if item.kind == kind]
        for begin in range(0, len(of_kind), LOOKED_FOR_MAX):
            yield of_kind[begin : begin + LOOKED_FOR_MAX]


async def _every_page(http: httpx.AsyncClient, url: str, kind: str) -> list[Resource]:
    """All resources of this kind that a search finds. Raises httpx.HTTPError."""
    found: list[Resource] = []
    answer = await http.get(url)
    for _ in range(PAGES_MAX):
        if not answer.is_success:
            why = f"searching {kind}: HTTP {answer.status_code}: {reasons(_told(answer))}"
            raise httpx.HTTPStatusError(why, request=answer.request, response=answer)
        page = answer.json()
        found += [each["resource"] for each in page.get("entry", ()) if each["resource"]["resourceType"] == kind]
        following = next((link["url"] for link in page.get("link", ()) if link["relation"] == "next"), None)
        if following is None:
            return found
        if _origin(answer.url.join(following)) != _origin(answer.url):
            raise httpx.RequestError("the next page of a search is on another server", request=answer.request)
        answer = await http.get(answer.url.join(following))
    raise httpx.RequestError(f"a search has more than {PAGES_MAX} pages", request=answer.request)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _needed(delivery: _Delivery) -> Iterator[Request]:
    """What is not there, or not as it should be."""
    for item in delivery.items:
        held = delivery.held.get(item.url)
        if held is not None and (item.once or same(held, delivery.resolved(item))):
            continue
        request = request_for(item, delivery.places.get(item.url), delivery.can)
        if request is None:
            delivery.left.append(delivery.places[item.url])
        else:
            yield request


def _as_sent(request: Request, delivery: _Delivery) -> Resource:
    resource = delivery.resolved(request.item)
    held = delivery.held.get(request.item.url)
    return resource if held is None else resource | {"id": held["id"]}


async def _together(delivery: _Delivery, piece: Sequence[Request], resources: Sequence[Resource]) -> None:
    answer = _judged(await _post(delivery.http, "", as_transaction(piece, resources)))
    entries = answer.get("entry", ())
    if len(entries) != len(piece):
        raise _Over(Later(f"it answers {len(entries)} of {len(piece)} writes"))
    for request, entry in zip(piece, entries, strict=True):
        told = _judged_entry(entry)
        _settle(delivery, request, told["response"].get("location", ""), told.get("resource"))


async def _alone(delivery: _Delivery, request: Request, resource: Resource) -> None:
    more = {"If-None-Exist": request.if_none_exist} if request.if_none_exist else {}
    if request.method == "POST":
        answer = await _post(delivery.http, request.url, resource, more)
    else:
        answer = await delivery.http.put(request.url, content=_bytes(resource), headers={"Content-Type": MEDIA})
    body = _judged(answer)
    _settle(delivery, request, answer.headers.get("location", ""), body)


def _settle(delivery: _Delivery, request: Request, location: str, body: Mapping[str, Any] | None) -> None:
    """Remembers where the server has put it, for what refers to it."""
    item, there = request.item, place_of(location) or delivery.places.get(request.item.url)
    if there is None and body and body.get("resourceType") == item.kind and body.get("id"):
        there = f"{item.kind}/{body['id']}"
    if there is None:
        raise _Over(Later(f"it does not say where it has put {item.kind} by {item.criteria}"))
    delivery.places[item.url] = there


def _sent(delivery: _Delivery, written: int, untaken: Sequence[str]) -> Sent:
    procedures = [item for item in delivery.items if item.kind == "Procedure"]
    main = procedures[0] if len(procedures) == 1 else delivery.items[0]
    told = [f"{written} written, {len(delivery.items) - written} were there already"]
    if untaken:
        told.append(f"as a document, for the server does not take them: {', '.join(untaken)}")
    if delivery.left:
        told.append(f"left as they were, for the server changes none of these: {', '.join(delivery.left)}")
    return Sent(delivery.places[main.url], "; ".join(told))


async def _post(
    http: httpx.AsyncClient, url: str, body: Resource, more: Mapping[str, str] | None = None
) -> httpx.Response:
    return await http.post(url, content=_bytes(body), headers={"Content-Type": MEDIA, **(more or {})})


def _bytes(resource: Resource) -> bytes:
    return json.dumps(resource, ensure_ascii=False).encode()


def _judged(answer: httpx.Response) -> Resource:
    """The body of a good answer; any other ends it."""
    told = _told(answer)
    if not answer.is_success:
        raise _Over(_verdict(answer.status_code, told, answer.headers.get("retry-after", "")))
    return cast("Resource", told) if isinstance(told, dict) else {}


def _told(answer: httpx.Response) -> object:
    try:
        return answer.json() if answer.content else {}
    except ValueError:
        return {}


def _judged_entry(entry: Resource) -> Resource:
    response = entry["response"]
    status = int(str(response["status"]).split()[0])
    if status >= 300:
        raise _Over(_verdict(status, response.get("outcome"), ""))
    return entry


def _verdict(status: int, outcome: object, retry_after: str) -> Later | Refused:
    reason = f"HTTP {status}: {reasons(outcome)}"
    if status in RETRYABLE or status >= 500:
        return Later(reason + (f"; again in {retry_after} s" if retry_after.isdecimal() else ""))
    return Refused(reason)
