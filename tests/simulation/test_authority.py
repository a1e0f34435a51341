"""Who may ask what of a station where people sign in: nobody for light, everybody for dark, each role as the table of permissions says."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from irctl.clinic.doors.tokens import PRIVATE_KEY, Issuer
from irctl.controller.api.app import create_app
from irctl.controller.api.authority import TABLE, Need, Needs, Where
from irctl.domain.people import PERMISSIONS, Person, Role, Verb
from irctl.domain.tokens import LIFETIME_MAX, PUBLIC_KEY, TOKEN_MAX, claims
from tests.simulation.world import CONFIGS, START, World, a_station

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

URL = "http://127.0.0.1:8970"
PEOPLE = {role: Person(f"a-{role}", f"A {role}", frozenset({role})) for role in Role}
OKAFOR = Person("okafor", "M. Okafor", frozenset({Role.CLINICIAN}))
AN_ORDER = {"lamp": "left", "fluence_j_cm2": 3.0, "irradiance_mw_cm2": 50.0, "patient": "P-1", "area": "lumbar"}
SESSION = "/v1/sessions/S-20261123-0001"

AGREED = """
    stop                                     nobody
    clear                                    clear-stop
    sessions                                 start
    sessions/S/start                         start
    sessions/S/resume                        start
    sessions/S/anything-else                 start
    sessions/S/pause                         nobody
    sessions/S/end                           nobody
    sessions/S/attend comfort=comfortable    attend
    sessions/S/attend comfort=warm           attend
    sessions/S/attend comfort=Too-hot        attend
    sessions/S/attend                        attend
    sessions/S/attend comfort=too-hot        nobody
    alarms/audio-pause                       nobody
    alarms/A-1/acknowledge                   acknowledge
    lamps/left/commission                    commission
    lamps/left/commissioning/abort           nobody
    lamps/left/burn-in                       commission
    lamps/left/burn-in/abort                 nobody
    lamps/left/calibrations                  calibrate
    calibrations/C/identify                  calibrate
    calibrations/C/position                  calibrate
    calibrations/C/read                      calibrate
    calibrations/C/redo                      calibrate
    calibrations/C/adjust                    calibrate
    calibrations/C/submit                    calibrate
    calibrations/C/abandon                   calibrate
    calibrations/C/approve                   approve-calibration
    calibrations/C/reject                    approve-calibration
    calibrations/C/impact                    approve-calibration
    lamps/left/check                         check-lamp
    lamps/left/unlock                        calibrate
    lamps/left/maintenance                   calibrate
    meters/compare                           calibrate
    clock/accept                             configure
    devices/contactor2/clear-trip            configure
    reminders                                clinic
    reminders/settle                         clinic
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that may be asked, and whom it takes."""

    path: str
    body: dict[str, str]
    takes: str


def asked(line: str) -> Asked:
    path, *words, takes = line.split()
    return Asked(f"/v1/{path}", dict(word.split("=") for word in words), takes)


ASKED = [asked(line) for line in AGREED.strip().splitlines()]


@dataclass
class Desk:
    """A station where people sign in, and the clinic that signs their tokens."""

    world: World
    issuer: Issuer
    api: httpx.AsyncClient

    def token(self, person: Person = OKAFOR) -> str:
        return self.issuer.issue(person, self.world.station.journal.clock())

    async def post(self, path: str, body: object, token: str | None = None) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await self.api.post(path, json=body, headers=headers)

    async def order(self, token: str | None, by: str = "okafor") -> httpx.Response:
        return await self.post("/v1/sessions", AN_ORDER | {"by": by}, token)

    @property
    def ordered(self) -> int:
        return len(self.world.events("session.ordered"))


async def a_desk(folder: Path, people: str) -> AsyncIterator[Desk]:
    shutil.copytree(CONFIGS, folder / "configs")
    config, state = folder / "configs" / "demo.toml", folder / "state"
    config.write_text(config.read_text() + people)
    state.mkdir()
    async with a_station(state, config=config) as world:
        await world.until(lambda: all(lamp.output.verified_dark for lamp in world.station.lamps.values()))
        transport = httpx.ASGITransport(create_app(world.station))
        async with httpx.AsyncClient(transport=transport, base_url=URL) as api:
            yield Desk(world, Issuer(state), api)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async for desk in a_desk(tmp_path, "\n[people]\nsign_in = true\n"):
        yield desk


@pytest.fixture
async def open_desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Nobody needs to sign in here."""
    async for desk in a_desk(tmp_path, ""):
        yield desk


def refused(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The one problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    (problem,) = answer.json()["problems"]
    assert problem["remedy"]
    return problem


# --- the table ---------------------------------------------------------------------------------------------------------


def routes(found: Any) -> Iterator[tuple[str, str]]:
    for route in found:
        if hasattr(route, "original_router"):
            yield from routes(route.original_router.routes)
        else:
            yield from ((method, route.path) for method in route.methods - {"HEAD"})


def test_the_table_has_every_route_of_the_app_and_no_other() -> None:
    app = create_app(cast("Any", None))
    assert sorted(routes(app.routes)) == sorted(TABLE)
    told = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    assert told <= TABLE.keys()


def test_whatever_is_posted_takes_somebody_or_is_among_the_few_that_only_take_light_away() -> None:
    open_to_all = {path for (method, path), need in TABLE.items() if need is Needs.NOBODY and method != "GET"}
    aborts = {"/v1/lamps/{lamp}/commissioning/abort", "/v1/lamps/{lamp}/burn-in/abort"}
    assert open_to_all == {"/v1/stop", "/v1/alarms/audio-pause"} | aborts
    assert all(need is Needs.NOBODY for (method, _), need in TABLE.items() if method == "GET")


def verbs(need: Need | Where) -> set[Need]:
    return {need.otherwise, *need.cases.values()} if isinstance(need, Where) else {need}


def test_every_verb_of_the_table_is_examined_here() -> None:
    in_table = {str(need.value) for found in TABLE.values() for need in verbs(found)} - {Needs.CLINIC.value}
    assert in_table == {one.takes for one in ASKED} - {"clinic"}
    assert sum(method == "POST" for method, _ in TABLE) <= len(ASKED)


@pytest.mark.parametrize("one", ASKED, ids=lambda one: " ".join([one.path[4:], *one.body.values()]))
async def test_each_role_may_ask_what_its_permissions_say_and_nobody_may_not(desk: Desk, one: Asked) -> None:
    tokens = {str(role): (person.login, desk.token(person)) for role, person in PEOPLE.items()}
    tokens |= {"clinic": ("clinic", desk.issuer.service(START)), "nobody": ("somebody", None)}
    for who, (by, token) in tokens.items():
        body = one.body | {"by": by, "reason": "the cable is freed"}
        status = (await desk.post(one.path, body, token)).status_code
        if one.takes == "nobody":
            assert status not in (401, 403), who
        elif token is None:
            assert status == 401
        elif one.takes == "clinic":
            assert (status != 403) == (who == "clinic"), who
        else:
            allowed = who in {str(role) for role in PERMISSIONS[Verb(one.takes)].roles}
            assert (status not in (401, 403)) == allowed, (who, status)


async def test_whoever_looks_needs_nobody(desk: Desk) -> None:
    for method, path in TABLE:
        if method == "GET" and "{" not in path and path != "/v1/stream":
            assert (await desk.api.get(path)).status_code == 200, path
    assert (await desk.api.get("/v1/station")).json()["sign_in"] is True


# --- light, and less light -----------------------------------------------------------------------------------------------


async def test_a_treatment_by_somebody_who_signed_in(desk: Desk) -> None:
    token = desk.token()
    answer = await desk.order(token)
    assert answer.status_code == 201
    session = desk.world.station.sessions[answer.json()["id"]]
    await desk.world.until(lambda: session.state == "ready")
    assert (await desk.post(f"{SESSION}/start", {"by": "okafor"}, token)).status_code == 200
    await desk.world.until(lambda: session.lit)
    refused(await desk.post(f"{SESSION}/attend", {"by": "X", "comfort": "comfortable"}), 401)
    assert (await desk.post(f"{SESSION}/pause", {"by": "a visitor"})).status_code == 200
    await desk.world.until(lambda: session.state == "paused")
    refused(await desk.post(f"{SESSION}/resume", {"by": "okafor"}), 401)
    assert session.state == "paused"
    assert (await desk.post(f"{SESSION}/resume", {"by": "okafor"}, token)).status_code == 200
    await desk.world.until(lambda: session.lit)
    assert (await desk.post(f"{SESSION}/attend", {"by": "a visitor", "comfort": "too-hot"})).status_code == 200
    await desk.world.until(lambda: session.state == "paused")
    (ordered,) = desk.world.events("session.ordered")
    assert ordered["order"]["by"] == "okafor"


@pytest.mark.parametrize("word", ["nonsense", "expired", ""])
async def test_a_token_that_holds_no_more_is_in_nobodys_way_to_dark(desk: Desk, word: str) -> None:
    token = desk.issuer.issue(OKAFOR, START - timedelta(hours=2)) if word == "expired" else word
    session = await desk.world.running()
    answer = await desk.post(f"/v1/sessions/{session.id}/pause", {"by": "okafor"}, token)
    assert answer.status_code == 200
    answer = await desk.post("/v1/stop", {"by": "okafor"}, token)
    assert answer.json()["latched"]["by"] == "okafor"
    assert answer.json()["evidence"]["left"]["verified_dark_s"] is not None


async def test_a_stop_is_lifted_by_somebody_who_may_with_a_reason(desk: Desk) -> None:
    await desk.post("/v1/stop", {"by": "a visitor"})
    body = {"by": "okafor", "reason": "cable freed"}
    refused(await desk.post("/v1/clear", body), 401)
    assistant = PEOPLE[Role.ASSISTANT]
    refused(await desk.post("/v1/clear", body | {"by": assistant.login}, desk.token(assistant)), 403)
    assert refused(await desk.post("/v1/clear", {"by": "okafor"}, desk.token()), 422)["field"] == "reason"
    assert desk.world.station.shutdown.latch is not None
    await asyncio.sleep(2.0)  # dark, and the interlocks read again
    answer = await desk.post("/v1/clear", body, desk.token())
    assert answer.status_code == 200, answer.text
    (event,) = desk.world.events("stop.cleared")
    assert event["by"] == "okafor"


async def test_of_those_who_may_only_the_named_lift_a_stop(desk: Desk) -> None:
    desk.world.station.shutdown._may_clear = ("lindqvist",)
    await desk.post("/v1/stop", {})
    await asyncio.sleep(2.0)
    body = {"by": "okafor", "reason": "cable freed"}
    assert refused(await desk.post("/v1/clear", body, desk.token()), 409)["limit"] == "may not clear a stop"
    lindqvist = Person("lindqvist", "K. Lindqvist", frozenset({Role.TECHNICIAN}))
    answer = await desk.post("/v1/clear", body | {"by": "lindqvist"}, desk.token(lindqvist))
    assert answer.status_code == 200, answer.text


async def test_nobody_acts_in_anothers_name(desk: Desk) -> None:
    problem = refused(await desk.order(desk.token(), by="lindqvist"), 422)
    assert (problem["field"], problem["value"]) == ("by", "lindqvist")
    assert "okafor" in problem["limit"]
    assert not desk.ordered


@pytest.mark.parametrize("by", ["M. Okafor", "Okafor", "okafor ", "", 5, ["okafor"], True])
async def test_the_login_is_the_name_and_nothing_like_it(desk: Desk, by: Any) -> None:
    assert (await desk.order(desk.token(), by=by)).status_code == 422
    assert not desk.ordered


async def test_a_word_in_the_body_does_not_stand_for_one_of_the_path(desk: Desk) -> None:
    body = {"by": "okafor", "verb": "pause", "how": "abandon", "session_id": "S"}
    refused(await desk.post(f"{SESSION}/start", body), 401)
    refused(await desk.post("/v1/calibrations/C/reject", body), 401)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"by"', b'{"comfort": ["too-hot"]}', b'{"comfort": {}}'])
async def test_whatever_the_body_is_light_takes_somebody(desk: Desk, body: bytes) -> None:
    for path in ("attend", "resume"):
        headers = {"content-type": "application/json"}
        answer = await desk.api.post(f"{SESSION}/{path}", content=body, headers=headers)
        assert answer.status_code == 401, answer.text


# --- tokens that are worth nothing --------------------------------------------------------------------------------------


def forged(desk: Desk, how: str) -> str:
    now = desk.world.station.journal.clock()
    said = claims(OKAFOR, now, timedelta(minutes=10))
    key = (desk.world.station.journal.path.parent / PRIVATE_KEY).read_bytes()
    public = (desk.world.station.journal.path.parent / PUBLIC_KEY).read_bytes()
    good = jwt.encode(said, key, "EdDSA")
    head, payload, signature = good.split(".")
    match how:
        case "expired":
            return desk.issuer.issue(OKAFOR, now - timedelta(hours=2))
        case "not yet valid":
            return desk.issuer.issue(OKAFOR, now + timedelta(hours=2))
        case "too long a lifetime":
            return jwt.encode(said | {"exp": said["iat"] + int(LIFETIME_MAX.total_seconds()) + 1}, key, "EdDSA")
        case "another issuer":
            return jwt.encode(said | {"iss": "a neighbour"}, key, "EdDSA")
        case "for another station":
            return jwt.encode(said | {"aud": "Room 99"}, key, "EdDSA")
        case "nobody's key":
            return jwt.encode(said, Ed25519PrivateKey.generate(), "EdDSA")
        case "another curve":
            return jwt.encode(said, Ed448PrivateKey.generate(), "EdDSA")
        case "no algorithm":
            return jwt.encode(said, None, "none")
        case "no algorithm, with the signature":
            return f"{jwt.encode(said, None, 'none').rpartition('.')[0]}.{signature}"
        case "the public key as a secret":
            # PyJWT itself refuses to make one, so it is made by hand.
            import base64
            import hashlib
            import hmac

            def part(value: bytes) -> str:
                return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

            signed = f"{part(json.dumps({'alg': 'HS256', 'typ': 'JWT'}).encode())}.{payload}"
            return f"{signed}.{part(hmac.new(public, signed.encode(), hashlib.sha256).digest())}"
        case "tampered":
            other = jwt.encode(said | {"roles": ["technician"]}, key, "EdDSA").split(".")[1]
            return f"{head}.{other}.{signature}"
        case "cut short":
            return good[:-4]
        case "a signature of nothing":
            return f"{head}.{payload}."
        case "too long":
            return jwt.encode(said | {"name": "x" * TOKEN_MAX}, key, "EdDSA")
        case "not a token":
            return "let me in"
        case _:
            return ""


FORGERIES = [
    "expired", "not yet valid", "too long a lifetime", "another issuer", "for another station", "nobody's key", "another curve",
    "no algorithm", "no algorithm, with the signature", "the public key as a secret", "tampered", "cut short",
    "a signature of nothing", "too long", "not a token", "empty",
]  # fmt: skip


@pytest.mark.parametrize("how", FORGERIES)
async def test_a_token_that_does_not_hold_lights_nothing(
    desk: Desk, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = forged(desk, how)
    with caplog.at_level(logging.DEBUG):
        answer = await desk.order(token)
    assert refused(answer, 401)["field"] == "token"
    assert not desk.ordered
    if len(token) > 8:
        assert token not in answer.text
        assert token not in caplog.text
        assert token not in desk.world.station.journal.path.read_text()


@pytest.mark.parametrize("header", ["", "Bearer", "Basic b2thZm9yOnNlY3JldA==", "bearer", "Token x"])
async def test_another_kind_of_authorization_is_none(desk: Desk, header: str) -> None:
    answer = await desk.api.post("/v1/sessions", json=AN_ORDER | {"by": "okafor"}, headers={"Authorization": header})
    refused(answer, 401)


async def test_two_tokens_are_none(desk: Desk) -> None:
    token = desk.token()
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    refused(await desk.api.post("/v1/sessions", json=AN_ORDER | {"by": "okafor"}, headers=headers), 401)


async def test_a_token_ends_with_its_time_by_the_stations_own_clock(desk: Desk) -> None:
    token = desk.issuer.issue(OKAFOR, START, 600.0)
    assert (await desk.order(token)).status_code == 201
    await asyncio.sleep(631.0)
    assert "expired" in refused(await desk.order(token), 401)["limit"]


# --- the clinic's key ---------------------------------------------------------------------------------------------------


async def test_without_the_clinics_key_light_is_refused_and_it_is_said_what_is_missing(desk: Desk) -> None:
    token, public = desk.token(), desk.world.station.journal.path.with_name(PUBLIC_KEY)
    public.unlink()
    problem = refused(await desk.order(token), 409)
    assert problem["field"] == PUBLIC_KEY
    assert str(public.parent) in problem["remedy"]
    Issuer(public.parent)
    assert (await desk.order(token)).status_code == 201


async def test_a_key_that_was_exchanged_is_noticed_and_tokens_of_the_old_one_end(desk: Desk, tmp_path: Path) -> None:
    old, public = desk.token(), desk.world.station.journal.path.with_name(PUBLIC_KEY)
    assert (await desk.order(old)).status_code == 201
    another = tmp_path / "another"
    another.mkdir()
    issuer = Issuer(another)
    shutil.copy(another / PUBLIC_KEY, public)
    os.utime(public, ns=(1, 1))  # the same length, within the same tick of the file system's clock
    refused(await desk.post(f"{SESSION}/start", {"by": "okafor"}, old), 401)
    new = issuer.issue(OKAFOR, START)
    assert (await desk.post(f"{SESSION}/start", {"by": "okafor"}, new)).status_code != 401


@pytest.mark.parametrize("content", [b"", b"nonsense", b"ed448"])
async def test_a_file_that_is_no_such_key_is_refused_by_name(desk: Desk, content: bytes) -> None:
    if content == b"ed448":
        public = Ed448PrivateKey.generate().public_key()
        content = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    desk.world.station.journal.path.with_name(PUBLIC_KEY).write_bytes(content)
    assert refused(await desk.order(desk.token()), 409)["field"] == PUBLIC_KEY


# --- the clinic's own process -------------------------------------------------------------------------------------------


async def test_the_schedule_tells_reminders_and_nothing_else(desk: Desk) -> None:
    token = desk.issuer.service(START)
    (item, *_) = (await desk.api.get("/v1/due")).json()
    told = {"item": item["what"], "occasion": "once", "lead_days": 0, "text": "is due"}
    refused(await desk.post("/v1/reminders", told), 401)
    refused(await desk.post("/v1/reminders", told, desk.token()), 403)
    assert (await desk.post("/v1/reminders", told, token)).json() == {"told": True}
    refused(await desk.order(token, by="clinic"), 403)


# --- where nobody needs to sign in --------------------------------------------------------------------------------------


async def test_in_a_simulation_a_name_is_enough(open_desk: Desk) -> None:
    assert (await open_desk.order(None, by="anybody")).status_code == 201
    assert (await open_desk.api.get("/v1/station")).json()["sign_in"] is False


async def test_but_a_token_that_is_sent_is_held_to(open_desk: Desk) -> None:
    refused(await open_desk.order("nonsense"), 401)
    refused(await open_desk.order(open_desk.token(), by="anybody"), 422)
    refused(await open_desk.order(open_desk.token(PEOPLE[Role.AUDITOR]), by="a-auditor"), 403)
    assert not open_desk.ordered
    assert (await open_desk.order(open_desk.token())).status_code == 201
