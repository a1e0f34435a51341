"""Sending to a real FHIR server: everything arrives once, whatever the server takes, and whatever happens on the way."""

from __future__ import annotations

import json
import logging
import socket
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from irctl.cli import app, exits
from irctl.domain.problems import Refused as Wrong
from irctl.interop.fhir.client import FhirServer
from irctl.interop.fhir.smart import Credentials, SmartAuth, read_key
from irctl.interop.outcome import Later, Refused, Sent
from tests.documents.dossiers import a_dossier
from tests.interop.courses import Bundle, Parcel, a_bundle, printed, troubled
from tests.interop.peer import EVERYTHING, KINDS, Peer

pytestmark = pytest.mark.anyio
CREATES = {"interactions": ["read", "search-type", "create"], "conditionalCreate": False, "conditionalUpdate": False}


def parcel(bundle: Bundle) -> Parcel:
    return Parcel(json.dumps(bundle).encode())


@pytest.fixture(scope="module")
def visit() -> Bundle:
    return a_bundle(a_dossier(1))


def compared(bundle: Bundle, peer: Peer) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each resource that was sent, its references resolved, and what the server has under its name."""
    held = peer.everything()
    places: dict[str, str] = {}
    for entry in bundle["entry"]:
        ours = entry["resource"]
        named = ours.get("identifier") or ours["meta"]["tag"][:1]
        key, at = ("identifier", named) if "identifier" in ours else ("tag", named)
        (place,) = [
            where for where, one in held.items()
            if where.startswith(ours["resourceType"] + "/") and (one.get(key) or one.get("meta", {}).get(key)) == at
        ]  # fmt: skip
        places[entry["fullUrl"]] = place
    for entry in bundle["entry"]:
        text = json.dumps(entry["resource"])
        for url, place in places.items():
            text = text.replace(url, place)
        theirs = held[places[entry["fullUrl"]]]
        meta = {name: value for name, value in theirs.get("meta", {}).items() if name in ("tag", "security")}
        own = {name: value for name, value in theirs.items() if name not in ("id", "meta")}
        yield json.loads(text), own | ({"meta": meta} if meta else {})


def versions(peer: Peer) -> dict[str, str]:
    return {place: one["meta"]["versionId"] for place, one in peer.everything().items()}


async def test_a_course_of_twelve_visits_is_read_back_as_it_was_sent_and_sending_it_again_changes_nothing(
    peer: Peer,
) -> None:
    notes = printed()
    bundle = a_bundle(a_dossier(), notes=notes)
    server = FhirServer(peer.url)
    sent = await server.send(parcel(bundle))
    assert isinstance(sent, Sent)
    assert sent.told == f"{len(bundle['entry'])} written, 0 were there already"
    pairs = list(compared(bundle, peer))
    assert len(pairs) == len(bundle["entry"]) == len(peer.everything())
    for ours, theirs in pairs:
        assert theirs == ours
    stored = [b64decode(one["content"][0]["attachment"]["data"]) for one in peer.all("DocumentReference")]
    assert sorted(stored) == sorted(notes.values())
    before = versions(peer)
    again = await server.send(parcel(bundle))
    assert again == Sent(sent.reference, f"0 written, {len(bundle['entry'])} were there already")
    assert versions(peer) == before


async def test_a_new_version_of_a_visit_changes_that_and_adds_nothing(peer: Peer, visit: Bundle) -> None:
    server = FhirServer(peer.url)
    await server.send(parcel(visit))
    before = versions(peer)
    later = a_bundle(troubled())
    assert isinstance(await server.send(parcel(later)), Sent)
    (procedure,) = peer.all("Procedure")
    assert procedure["complication"] == [{"text": "blister of 1 cm"}]
    assert versions(peer).keys() == before.keys()


async def test_visits_sent_one_by_one_share_the_course(peer: Peer) -> None:
    server = FhirServer(peer.url)
    course = a_dossier(2)
    for one in course.visits:
        assert isinstance(await server.send(parcel(a_bundle(course, visits={one.id}))), Sent)
    counts = {
        kind: len(peer.all(kind)) for kind in ("ServiceRequest", "CarePlan", "Device", "DeviceMetric", "Procedure")
    }
    assert counts == {"ServiceRequest": 1, "CarePlan": 1, "Device": 1, "DeviceMetric": 1, "Procedure": 2}


@pytest.mark.parametrize(
    "able",
    [
        EVERYTHING | {"conditionalUpdate": False},
        EVERYTHING | {"conditionalCreate": False},
        EVERYTHING | {"conditionalCreate": False, "conditionalUpdate": False},
        {**EVERYTHING, "interactions": ["read", "create", "update"]},
    ],
    ids=("creates on condition", "updates on condition", "only searches", "does not search"),
)
@pytest.mark.parametrize("system", [("transaction",), ()], ids=("at once", "one by one"))
async def test_however_a_server_works_everything_is_there_once(
    peer: Peer, visit: Bundle, able: dict[str, Any], system: tuple[str, ...]
) -> None:
    once = able if "search-type" in able["interactions"] or able["conditionalCreate"] else EVERYTHING
    peer.can(
        system=system,
        **dict.fromkeys(("Procedure", "Observation", "Device", "DocumentReference"), able),
        Provenance=once,
    )
    server = FhirServer(peer.url)
    for _ in range(2):
        assert isinstance(await server.send(parcel(visit)), Sent)
    peer.can()  # so that it can be looked at
    for ours, theirs in compared(visit, peer):
        assert theirs == ours
    assert len(peer.everything()) == len(visit["entry"])


async def test_what_a_server_does_not_take_goes_along_as_a_document_that_says_so(peer: Peer) -> None:
    peer.can(without=("DeviceMetric", "Procedure"))
    visit = a_bundle(a_dossier(1, simulated=True))
    server = FhirServer(peer.url)
    for _ in range(2):
        sent = await server.send(parcel(visit))
        assert isinstance(sent, Sent)
        assert "as a document, for the server does not take them: DeviceMetric, Procedure" in sent.told
    (document,) = [one for one in peer.all("DocumentReference") if one["identifier"][0]["system"] == "urn:irctl:parcel"]
    assert document["meta"]["security"][0]["code"] == "HTEST"
    inside = json.loads(b64decode(document["content"][0]["attachment"]["data"]))
    sent_as = {entry["fullUrl"]: entry["resource"] for entry in visit["entry"]}
    assert [entry["resource"] for entry in inside["entry"]] == [sent_as[entry["fullUrl"]] for entry in inside["entry"]]
    assert {entry["resource"]["resourceType"] for entry in inside["entry"]} == {"DeviceMetric", "Procedure"}
    (dose,) = [one for one in peer.all("Observation") if one["identifier"][0]["value"].endswith("/dose")]
    (procedure,) = [one for one in sent_as.values() if one["resourceType"] == "Procedure"]
    assert dose["partOf"] == [{"type": "Procedure", "identifier": procedure["identifier"][0]}]


async def test_a_server_that_takes_neither_is_told_to_refuse(peer: Peer, visit: Bundle) -> None:
    peer.can(without=("Procedure", "DocumentReference"))
    refused = await FhirServer(peer.url).send(parcel(visit))
    assert isinstance(refused, Refused)
    assert "neither DocumentReference, Procedure nor a DocumentReference" in refused.reason
    assert not peer.all("Observation")


async def test_a_server_that_lets_nobody_change_anything_keeps_the_old_and_it_is_said(
    peer: Peer, visit: Bundle
) -> None:
    peer.can(Procedure=CREATES)
    server = FhirServer(peer.url)
    await server.send(parcel(visit))
    sent = await server.send(parcel(a_bundle(troubled())))
    assert isinstance(sent, Sent)
    assert "left as they were, for the server changes none of these: Procedure/" in sent.told
    assert "complication" not in peer.all("Procedure")[0]


@pytest.mark.parametrize("status", [429, 500, 503, 409])
async def test_what_was_cut_off_in_the_middle_is_completed_later(peer: Peer, visit: Bundle, status: int) -> None:
    server = FhirServer(peer.url)
    peer.can(fails=(status,), system=())
    later = await server.send(parcel(visit))
    assert isinstance(later, Later)
    assert f"HTTP {status}: told to fail with {status}" in later.reason
    assert ("again in 7 s" in later.reason) == (status == 429)
    assert isinstance(await server.send(parcel(visit)), Sent)
    assert len(peer.everything()) == len(visit["entry"])


async def test_an_unreachable_server_is_later(visit: Bundle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert isinstance(await FhirServer(f"http://127.0.0.1:{port}/fhir").send(parcel(visit)), Later)


async def test_a_server_that_never_answers_is_later(visit: Bundle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = FhirServer(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        assert isinstance(await server.send(parcel(visit)), Later)


async def test_what_the_server_finds_wrong_is_refused_with_its_reason(peer: Peer, visit: Bundle) -> None:
    told = json.loads(json.dumps(visit).replace('"status": "completed", "basedOn"', '"status": "", "basedOn"', 1))
    refused = await FhirServer(peer.url).send(parcel(told))
    assert isinstance(refused, Refused)
    assert "HTTP 422" in refused.reason
    assert "Procedure" in refused.reason


async def test_two_of_what_should_be_one_are_not_made_three(peer: Peer, visit: Bundle) -> None:
    (device,) = [entry["resource"] for entry in visit["entry"] if entry["resource"]["resourceType"] == "Device"]
    for _ in range(2):
        peer.add(device)
    refused = await FhirServer(peer.url).send(parcel(visit))
    assert isinstance(refused, Refused)
    assert "it has Device more than once" in refused.reason


@pytest.mark.parametrize(
    "answer",
    [b"<html>", b"7", b"{}", b'{"resourceType":"Bundle","entry":[{}]}', b'{"resourceType":"Bundle","entry":7}'],
)
@pytest.mark.parametrize("asked", ["metadata", "Observation"])
async def test_an_answer_that_is_no_fhir_is_later(
    monkeypatch: pytest.MonkeyPatch, visit: Bundle, answer: bytes, asked: str
) -> None:
    types = [{"type": kind, "interaction": [{"code": code} for code in EVERYTHING["interactions"]]} for kind in KINDS]
    rest = [{"mode": "server", "resource": types, "interaction": [{"code": "transaction"}]}]
    statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": rest}

    def answered(request: httpx.Request) -> httpx.Response:
        if asked != "metadata" and request.url.path.endswith("metadata"):
            return httpx.Response(200, json=statement)
        if asked == "Observation" and request.method == "GET" and "Observation" not in request.url.path:
            return httpx.Response(200, json={"resourceType": "Bundle"})
        return httpx.Response(200, content=answer)

    real = httpx.AsyncClient
    monkeypatch.setattr(httpx, "AsyncClient", lambda **more: real(transport=httpx.MockTransport(answered), **more))
    assert isinstance(await FhirServer("https://ehr.example").send(parcel(visit)), Later)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"resourceType":"Bundle","type":"collection"}'])
async def test_what_is_no_transaction_is_refused_before_anything_is_asked(body: bytes) -> None:
    assert isinstance(await FhirServer("https://ehr.example").send(Parcel(body)), Refused)


async def test_a_write_without_condition_is_refused(visit: Bundle) -> None:
    told = json.loads(json.dumps(visit))
    del told["entry"][-1]["request"]["ifNoneExist"]
    refused = await FhirServer("https://ehr.example").send(parcel(told))
    assert isinstance(refused, Refused)
    assert "unconditional" in refused.reason


@pytest.mark.parametrize("url", ["http://ehr.example/fhir", "ftp://ehr.example", "ehr.example"])
def test_patients_data_never_travel_in_the_clear(url: str) -> None:
    with pytest.raises(Wrong, match="no https address"):
        FhirServer(url)


class TestSignIn:
    """SMART backend services, with a server that verifies what it is shown."""

    KEYS = (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048))

    def jwk(self, key: Any) -> dict[str, Any]:
        algorithm = (
            jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
        )
        return json.loads(algorithm.to_jwk(key.public_key()))

    def smart(self, peer: Peer, key: Any, **more: Any) -> Peer:
        return peer.can(smart={"jwk": self.jwk(key), "client": "irctl-clinic", "kid": "key-1", **more})

    def auth(self, peer: Peer, key: Any, **more: Any) -> SmartAuth:
        return SmartAuth(peer.url, Credentials("irctl-clinic", "key-1", key), **more)

    @pytest.mark.parametrize("key", KEYS, ids=("ES384", "RS384"))
    async def test_a_program_signs_in_with_its_key_once_for_many_requests(
        self, peer: Peer, visit: Bundle, key: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        self.smart(peer, key)
        auth = self.auth(peer, key)
        for _ in range(2):
            assert isinstance(await FhirServer(peer.url, auth=auth).send(parcel(visit)), Sent)
        asked = peer.asked()
        assert asked.count("POST /token") == asked.count("GET /.well-known/smart-configuration") == 1
        assert auth._token  # pyright: ignore[reportPrivateUsage]
        told = caplog.text + repr(vars(auth)["_credentials"])
        assert auth._token not in told  # pyright: ignore[reportPrivateUsage]
        assert "client_assertion=" not in told
        assert "PrivateKey" not in told

    async def test_without_signing_in_nothing_is_lost_and_nothing_is_sent(self, peer: Peer, visit: Bundle) -> None:
        self.smart(peer, self.KEYS[0])
        later = await FhirServer(peer.url).send(parcel(visit))
        assert isinstance(later, Later)
        assert "401" in later.reason

    async def test_a_key_that_the_server_does_not_know_is_later_and_says_why(self, peer: Peer, visit: Bundle) -> None:
        self.smart(peer, self.KEYS[0])
        stranger = ec.generate_private_key(ec.SECP384R1())
        later = await FhirServer(peer.url, auth=self.auth(peer, stranger)).send(parcel(visit))
        assert isinstance(later, Later)
        assert "does not let us in: HTTP 400 invalid_client" in later.reason

    async def test_a_clock_that_is_wrong_by_an_hour_does_not_get_in(self, peer: Peer, visit: Bundle) -> None:
        self.smart(peer, self.KEYS[0])
        auth = self.auth(peer, self.KEYS[0], wall=lambda: datetime.now(UTC) - timedelta(hours=1))
        assert isinstance(await FhirServer(peer.url, auth=auth).send(parcel(visit)), Later)

    async def test_a_token_is_fetched_anew_before_it_ends(self, peer: Peer, visit: Bundle) -> None:
        self.smart(peer, self.KEYS[0], expires=300)
        now = [0.0]
        server = FhirServer(peer.url, auth=self.auth(peer, self.KEYS[0], clock_s=lambda: now[0]))
        await server.send(parcel(visit))
        now[0] = 269.0
        await server.send(parcel(visit))
        assert peer.asked().count("POST /token") == 1
        now[0] = 271.0
        await server.send(parcel(visit))
        assert peer.asked().count("POST /token") == 2

    async def test_a_token_that_the_server_has_forgotten_is_replaced(self, peer: Peer, visit: Bundle) -> None:
        self.smart(peer, self.KEYS[0])
        auth = self.auth(peer, self.KEYS[0])
        auth._token, auth._until_s = "of yesterday", float("inf")  # pyright: ignore[reportPrivateUsage]
        assert isinstance(await FhirServer(peer.url, auth=auth).send(parcel(visit)), Sent)

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"nonsense", "is no private key"),
            (None, "No such file"),
            (ec.generate_private_key(ec.SECP256R1()), "neither P-384 nor RSA"),
            (rsa.generate_private_key(65537, 1024), "neither P-384 nor RSA"),
        ],
        ids=("nonsense", "no file", "P-256", "RSA 1024"),
    )
    def test_a_key_that_will_not_do_is_named(self, tmp_path: Path, content: Any, why: str) -> None:
        with pytest.raises(Wrong, match=why):
            read_key(written(content, tmp_path))


def written(key: Any, folder: Path) -> Path:
    file = folder / "key.pem"
    if isinstance(key, bytes):
        file.write_bytes(key)
    elif key is not None:
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


class TestCommand:
    @pytest.fixture
    def file(self, visit: Bundle, tmp_path: Path) -> Path:
        file = tmp_path / "bundle.json"
        file.write_text(json.dumps(visit), "utf-8")
        return file

    def test_a_bundle_is_pushed_with_a_key(self, file: Path, peer: Peer, capsys: pytest.CaptureFixture[str]) -> None:
        sign_in = TestSignIn()
        key = sign_in.KEYS[0]
        sign_in.smart(peer, key)
        words = ["fhir", "push", str(file), "--server", peer.url, "--json"]
        assert app.run(words) == exits.UNREACHABLE
        assert json.loads(capsys.readouterr().out)["outcome"] == "later"
        words += ["--client-id", "irctl-clinic", "--key-id", "key-1", "--key", str(written(key, file.parent))]
        assert app.run(words) == exits.OK
        told = json.loads(capsys.readouterr().out)
        assert (told["outcome"], told["reference"].split("/")[0]) == ("sent", "Procedure")

    def test_half_a_sign_in_is_refused(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert (
            app.run(["fhir", "push", str(file), "--server", "https://ehr.example", "--client-id", "x"]) == exits.REFUSED
        )
        assert "is missing for the sign-in" in capsys.readouterr().err


def test_a_visit_of_another_course_never_takes_anothers_name() -> None:
    one, other = (a_bundle(a_dossier(1, course=name)) for name in ("C-1", "C-2"))
    urls = [{entry["fullUrl"] for entry in bundle["entry"]} for bundle in (one, other)]
    shared = urls[0] & urls[1]
    assert {entry["resource"]["resourceType"] for entry in one["entry"] if entry["fullUrl"] in shared} == {
        "Device",
        "DeviceMetric",
    }
