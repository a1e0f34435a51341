"""Pairing: a person carries one code from the controller to the clinic; after that each knows the other's certificate, and the controller the clinic's key for tokens.

The code holds the beginning of the SHA-256 of the controller's certificate, by which the clinic knows that it talks to that controller and nobody between, and a
word that only who has read the code knows, by which the controller knows the clinic. It is good once, and for some minutes.

On the wire, within TLS 1.3, one JSON object a line: the clinic says `{"word", "certificate", "people_key"}`, the controller answers `{"station", "port", "own_url"}`
or `{"problem"}`.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import secrets
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from irctl.domain.problems import Problem, Refused
from irctl.domain.tokens import PUBLIC_KEY
from irctl.fleet.identity import CERTIFICATE, FOLDER, KEY, Identity, fingerprint, own
from irctl.fleet.trust import CLINIC, station_file
from irctl.whole_file import EVERYBODY_READS, write_whole

FINGERPRINT_BYTES, WORD_BYTES = 15, 10
"""120 bits of the certificate's hash, and 80 of a secret that is good for minutes: forty letters to type."""
GROUP = 5
LETTERS_MAX = 200
TRIES_MAX = 5
"""Wrong words, before the offer ends."""
ANSWER_MAX_S = 10.0
LINE_MAX = 16_384


@dataclass(frozen=True, slots=True)
class Code:
    """What a person carries over."""

    fingerprint: bytes
    word: bytes

    def __str__(self) -> str:
        letters = base64.b32encode(self.fingerprint + self.word).decode()
        return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))

    @classmethod
    def read(cls, text: str) -> Code:
        """However it was typed: blanks, dashes and lower case do not matter. Raises Refused."""
        letters = "".join(text[:LETTERS_MAX].replace("-", "").split()).upper()
        try:
            found = base64.b32decode(letters)
            if len(found) != FINGERPRINT_BYTES + WORD_BYTES:
                raise ValueError
        except ValueError:
            limit = "is not a code of `irctl pair offer`"
            raise Refused(
                [Problem("code", text, limit, "Copy it whole: eight groups of five letters and digits")]
            ) from None
        return cls(found[:FINGERPRINT_BYTES], found[FINGERPRINT_BYTES:])


# --- at the controller -----------------------------------------------------------------------------------------------------


class Offer:
    """One controller's, open until a clinic has joined. Raises Refused where it cannot listen.

    The clinic is told the `port` of the door, and at which `own_url` browsers on this computer find the controller.
    """

    def __init__(self, station: str, state: Path, port: int, own_url: str) -> None:
        self._state = state
        self._answer = {"station": station, "port": port, "own_url": own_url}
        self._identity = Identity.new(f"irctl controller {station}")
        shown = x509.load_pem_x509_certificate(self._identity.certificate).fingerprint(SHA256())
        self.code = Code(shown[:FINGERPRINT_BYTES], secrets.token_bytes(WORD_BYTES))
        self._tries = 0
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> int:
        """The port. Raises Refused."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        with tempfile.TemporaryDirectory() as folder:  # Python's ssl reads a key from nothing but a file
            self._identity.keep(Path(folder))
            context.load_cert_chain(Path(folder) / FOLDER / CERTIFICATE, Path(folder) / FOLDER / KEY)
        try:
            self._server = await asyncio.start_server(self._hear, host, port, ssl=context, limit=LINE_MAX)
        except OSError as error:
            remedy = "Correct [fleet] host, which is this computer's address, or choose another --port"
            raise Refused([Problem("fleet.host", f"{host}:{port}", error.strerror or str(error), remedy)]) from None
        return int(self._server.sockets[0].getsockname()[1])

    async def joined(self, within_s: float) -> None:
        """Until a clinic has joined. Raises Refused after that time, or after too many wrong words."""
        assert self._server is not None
        try:
            async with asyncio.timeout(within_s):
                await self._ended
        except TimeoutError:
            limit = f"nobody has joined within {within_s / 60:g} minutes"
            raise Refused(
                [Problem("code", None, limit, "Run `irctl pair offer` again: it prints another code")]
            ) from None
        finally:
            self._server.close()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said: Mapping[str, Any]
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                said = _object(await reader.readline())
                answer = self._judge(said)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            return
        finally:
            writer.close()
        if "problem" not in answer and not self._ended.done():
            self._ended.set_result(None)

    def _judge(self, said: Mapping[str, Any]) -> dict[str, Any]:
        if self._ended.done():
            return {"problem": "this code was used already"}
        word, certificate, key = (str(said.get(name, "")).encode() for name in ("word", "certificate", "people_key"))
        if not hmac.compare_digest(word, self.code.word.hex().encode()):
            self._tries += 1
            if self._tries >= TRIES_MAX:
                limit = "was wrong too often"
                self._ended.set_exception(Refused([Problem("code", None, limit, "Run `irctl pair offer` again")]))
            return {"problem": "the code is not this one"}
        try:
            x509.load_pem_x509_certificate(certificate)
            if not isinstance(load_pem_public_key(key), Ed25519PublicKey):
                raise ValueError
            self._identity.keep(self._state)
            write_whole(self._state / PUBLIC_KEY, key, EVERYBODY_READS)
            write_whole(self._state / FOLDER / CLINIC, certificate, EVERYBODY_READS)  # last: with it the door opens
        except OSError as error:
            return {"problem": f"the controller cannot keep it: {error.strerror or error}"}
        except ValueError:
            return {"problem": "the clinic's certificate or key cannot be read"}
        return self._answer


# --- at the clinic -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paired:
    """What the clinic knows now: the station's own name, where its door is, and where browsers on its computer find it."""

    station: str
    url: str
    own_url: str


async def join(name: str, host: str, port: int, code: Code, state: Path, people_key: bytes) -> Paired:
    """Pair with the controller whose offer waits there; kept under `name`. `people_key`: what the clinic's tokens are verified with, PEM. Raises Refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the code says whose certificate it must be
    mine = own(state, "irctl clinic")
    try:
        async with asyncio.timeout(ANSWER_MAX_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=LINE_MAX)
            try:
                shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
                if not hmac.compare_digest(fingerprint(shown)[:FINGERPRINT_BYTES], code.fingerprint):
                    limit = "another certificate is shown there than the one of the code: this is not that controller, or somebody stands between"
                    raise Refused(
                        [
                            Problem(
                                "code",
                                None,
                                limit,
                                "Compare address and code; if they are right, ask who keeps the network",
                            )
                        ]
                    )
                said = {
                    "word": code.word.hex(),
                    "certificate": mine.certificate.decode(),
                    "people_key": people_key.decode(),
                }
                writer.write(json.dumps(said).encode() + b"\n")
                await writer.drain()
                answer = _object(await reader.readline())
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        limit = f"no offer is answered there ({error or type(error).__name__})"
        remedy = "Is `irctl pair offer` still waiting at the station? Can this computer reach it?"
        raise Refused([Problem("address", f"{host}:{port}", limit, remedy)]) from None
    if "problem" in answer or not isinstance(answer.get("port"), int):
        limit = str(answer.get("problem", "what it answers makes no sense"))
        raise Refused([Problem("code", None, limit, "Run `irctl pair offer` again, and use the code that it prints")])
    kept = ssl.DER_cert_to_PEM_cert(shown).encode()
    try:
        write_whole(station_file(state, name), kept, EVERYBODY_READS)
    except OSError as error:
        remedy = "Check the state folder, its rights and space; then pair again"
        raise Refused([Problem("state", str(state), error.strerror or str(error), remedy)]) from None
    url = f"https://{f'[{host}]' if ':' in host else host}:{answer['port']}"
    return Paired(str(answer.get("station", "")), url, str(answer.get("own_url", "")))


def _object(line: bytes) -> Mapping[str, Any]:
    """Raises ValueError."""
    found: Any = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("is no object")
    return cast("Mapping[str, Any]", found)
