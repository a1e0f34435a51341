"""SMART backend services: a program signs in with its own key (client_credentials, private_key_jwt). Nothing secret is ever shown or logged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from irctl.domain.problems import Problem, Refused

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE = timedelta(minutes=4)
"""SMART allows five minutes; the rest is for clocks that do not agree."""
SPARE_S = 30.0
"""A token is not used in its last moments: it may end on the way."""
SCOPE = "system/*.cruds"
RSA_BITS_MIN = 2048
UNAUTHORIZED = 401


class SignInError(httpx.RequestError):
    """The server does not let us in. The text holds no secret."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to the server. `key_id`: under which it knows the public key. `scope`: what is asked for."""

    client_id: str
    key_id: str
    key: EllipticCurvePrivateKey | RSAPrivateKey = field(repr=False)
    scope: str = SCOPE

    @property
    def algorithm(self) -> Literal["ES384", "RS384"]:
        return "ES384" if isinstance(self.key, EllipticCurvePrivateKey) else "RS384"

    def assertion(self, audience: str, now: datetime) -> str:
        """A signed statement of who we are, for one use."""
        claims: dict[str, Any] = {
            "iss": self.client_id, "sub": self.client_id, "aud": audience, "jti": str(uuid4()), "exp": now + ASSERTION_LIFE,
        }  # fmt: skip
        return jwt.encode(claims, self.key, self.algorithm, {"kid": self.key_id})


def read_key(path: Path) -> EllipticCurvePrivateKey | RSAPrivateKey:
    """A private key from its PEM file: P-384, or RSA of 2048 bits and more. Raises Refused, which never shows what is in the file."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise Refused([Problem("key", str(path), reason, "Check the file's name and rights")]) from None
    except (ValueError, TypeError):
        raise Refused([Problem("key", str(path), "is no private key in PEM without a password", "Make one")]) from None
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP384R1):
        return key
    if isinstance(key, RSAPrivateKey) and key.key_size >= RSA_BITS_MIN:
        return key
    remedy = "Make a P-384 key, and give its public half to the server"
    raise Refused([Problem("key", str(path), "is neither P-384 nor RSA of 2048 bits or more", remedy)])


def _wall() -> datetime:
    return datetime.now(UTC)


class SmartAuth(httpx.Auth):
    """Puts a token on each request; fetches one where there is none, it is about to end, or the server does not know it any more."""

    def __init__(
        self,
        server: str,
        credentials: Credentials,
        *,
        wall: Callable[[], datetime] = _wall,
        clock_s: Callable[[], float] = monotonic,
    ) -> None:
        self._server, self._credentials = server.rstrip("/"), credentials
        self._wall, self._clock_s = wall, clock_s
        self._endpoint: str | None = None
        self._token: str | None = None
        self._until_s = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        for attempt in (1, 2):
            async with self._one_at_a_time:
                if self._token is None or self._clock_s() >= self._until_s:
                    if self._endpoint is None:
                        answer = yield self._discovery()
                        await answer.aread()
                        self._endpoint = self._endpoint_of(answer)
                    answer = yield self._request_for_token(self._endpoint)
                    await answer.aread()
                    self._keep(answer)
                token = self._token
            request.headers["Authorization"] = f"Bearer {token}"
            response = yield request
            if response.status_code != UNAUTHORIZED or attempt == 2:
                return
            if self._token == token:
                self._token = None

    def _discovery(self) -> httpx.Request:
        return httpx.Request(
            "GET", f"{self._server}/.well-known/smart-configuration", headers={"Accept": "application/json"}
        )

    def _endpoint_of(self, answer: httpx.Response) -> str:
        endpoint = _json(answer, "the sign-in of the server is not told").get("token_endpoint")
        if not isinstance(endpoint, str) or _origin_is_weaker(endpoint, self._server):
            raise SignInError("the server tells no token endpoint that may be trusted with it", request=answer.request)
        return endpoint

    def _request_for_token(self, endpoint: str) -> httpx.Request:
        form = {
            "grant_type": "client_credentials",
            "scope": self._credentials.scope,
            "client_assertion_type": ASSERTION,
            "client_assertion": self._credentials.assertion(endpoint, self._wall()),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        return httpx.Request("POST", endpoint, content=urlencode(form), headers=headers)

    def _keep(self, answer: httpx.Response) -> None:
        told = _json(answer, "the server does not let us in")
        token, life = told.get("access_token"), told.get("expires_in", 0)
        if not isinstance(token, str) or not isinstance(life, int | float):
            raise SignInError("the server's answer holds no token", request=answer.request)
        self._token, self._until_s = token, self._clock_s() + max(life - SPARE_S, 0.0)


def _origin_is_weaker(endpoint: str, server: str) -> bool:
    """Whether a token would be asked for without encryption where the server itself has it."""
    return httpx.URL(server).scheme == "https" and httpx.URL(endpoint).scheme != "https"


def _json(answer: httpx.Response, otherwise: str) -> dict[str, Any]:
    """Raises SignInError: with the server's short reason, never with what was sent or received."""
    try:
        told: object = answer.json()
    except ValueError:
        told = None
    known: dict[str, Any] = told if isinstance(told, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    if not answer.is_success or not known:
        why = str(known.get("error", ""))[:60]
        raise SignInError(f"{otherwise}: HTTP {answer.status_code} {why}".rstrip(), request=answer.request)
    return known
