"""Who may ask what of the controller. One table says for each route what it takes; one dependency of the app asks it.

A stop, and whatever only takes light away, comes from anybody: there no token is even looked at, so that one that has expired is in nobody's way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import Request

from irctl.controller.api.refusal import NotAllowed, NotKnown
from irctl.controller.station import Station
from irctl.domain.people import Context, Verb, may
from irctl.domain.problems import Problem, Refused
from irctl.domain.tokens import ALGORITHM, PUBLIC_KEY, SIGN_IN, TOKEN_MAX, Bearer, bearer

STEM = "Bearer "


class Needs(Enum):
    """What is not a person's verb."""

    NOBODY = "nobody"
    """Anybody may: it looks, or it takes light away."""
    CLINIC = "the clinic's own process"


Need = Verb | Needs


@dataclass(frozen=True, slots=True)
class Where:
    """Depends on a word of the path or of the body. Whatever is not in `cases` takes what `otherwise` says."""

    word: str
    cases: Mapping[str, Need]
    otherwise: Need


_LOOK = Needs.NOBODY
_CALIBRATION, _LAMP = "/v1/calibrations/{calibration}", "/v1/lamps/{lamp}"
TABLE: Mapping[tuple[str, str], Need | Where] = {
    ("POST", "/v1/stop"): Needs.NOBODY,
    ("POST", "/v1/clear"): Verb.CLEAR_STOP,
    # Not `order`: what may be ordered is the clinic's to say, which binds it to a prescription; at the lamp an assistant gives it.
    ("POST", "/v1/sessions"): Verb.START,
    ("POST", "/v1/sessions/{session_id}/attend"): Where("comfort", {"too-hot": Needs.NOBODY}, Verb.ATTEND),
    ("POST", "/v1/sessions/{session_id}/{verb}"): Where(
        "verb", {"pause": Needs.NOBODY, "end": Needs.NOBODY}, Verb.START
    ),
    ("POST", "/v1/alarms/audio-pause"): Needs.NOBODY,
    ("POST", "/v1/alarms/{alarm_id}/acknowledge"): Verb.ACKNOWLEDGE,
    ("POST", f"{_LAMP}/commission"): Verb.COMMISSION,
    ("POST", f"{_LAMP}/commissioning/abort"): Needs.NOBODY,
    ("POST", f"{_LAMP}/burn-in"): Verb.COMMISSION,
    ("POST", f"{_LAMP}/burn-in/abort"): Needs.NOBODY,
    ("POST", f"{_LAMP}/calibrations"): Verb.CALIBRATE,
    ("POST", f"{_CALIBRATION}/identify"): Verb.CALIBRATE,
    ("POST", f"{_CALIBRATION}/position"): Verb.CALIBRATE,
    ("POST", f"{_CALIBRATION}/read"): Verb.CALIBRATE,
    ("POST", f"{_CALIBRATION}/redo"): Verb.CALIBRATE,
    ("POST", f"{_CALIBRATION}/adjust"): Verb.CALIBRATE,
    ("POST", f"{_CALIBRATION}/submit"): Verb.CALIBRATE,
    ("POST", f"{_CALIBRATION}/approve"): Verb.APPROVE_CALIBRATION,
    ("POST", f"{_CALIBRATION}/{{how}}"): Where("how", {"abandon": Verb.CALIBRATE}, Verb.APPROVE_CALIBRATION),
    ("POST", f"{_CALIBRATION}/impact"): Verb.APPROVE_CALIBRATION,
    ("POST", f"{_LAMP}/check"): Verb.CHECK_LAMP,
    # Not `clear-stop`: it says that a lamp which failed its check is true after all.
    ("POST", f"{_LAMP}/unlock"): Verb.CALIBRATE,
    ("POST", f"{_LAMP}/maintenance"): Verb.CALIBRATE,
    ("POST", "/v1/meters/compare"): Verb.CALIBRATE,
    ("POST", "/v1/clock/accept"): Verb.CONFIGURE,
    ("POST", "/v1/devices/{device}/{action}"): Verb.CONFIGURE,
    ("POST", "/v1/reminders"): Needs.CLINIC,
    ("POST", "/v1/reminders/settle"): Needs.CLINIC,
    **dict.fromkeys(
        [
            ("GET", path)
            for path in (
                "/", "/ui/{name}", "/openapi.json", "/metrics", "/v1/station", "/v1/lamps", "/v1/lines", "/v1/lines/{line}/trace", "/v1/stream", "/v1/sessions",
                "/v1/sessions/{session_id}", "/v1/sessions/{session_id}/events", "/v1/sessions/{session_id}/excerpt", f"{_LAMP}/commissioning", f"{_LAMP}/commissioned", f"{_LAMP}/burn-in", f"{_LAMP}/check", f"{_LAMP}/checks",
                f"{_LAMP}/maintenance", f"{_LAMP}/drift", "/v1/calibrations", _CALIBRATION, f"{_CALIBRATION}/events",
                f"{_CALIBRATION}/certificate", f"{_CALIBRATION}/impact", "/v1/due", "/v1/meters", "/v1/reminders",
                "/v1/journal", "/v1/journal/verify",
            )
        ],
        _LOOK,
    ),
}  # fmt: skip
"""Every route of the app. A look is open: nothing here names a patient."""


class Authority:
    """Asked before each request is: `Depends(Authority(station).check)`."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._key: tuple[tuple[int, int], Ed25519PublicKey] | None = None

    async def check(self, request: Request) -> None:
        """Raises NotKnown, NotAllowed, Refused. A route that the table does not know is nobody's: KeyError."""
        method = "GET" if request.method == "HEAD" else request.method
        found = TABLE[method, request.scope["route"].path]
        if found is Needs.NOBODY:
            return
        body = await _body(request)
        need = _need(found, {**body, **request.path_params}) if isinstance(found, Where) else found
        if need is Needs.NOBODY:
            return
        token = _token(request)
        if token is None and not self._station.sign_in:
            return
        self._decide(self._bearer(token), need, body)

    def _decide(self, who: Bearer, need: Need, body: Mapping[str, Any]) -> None:
        if isinstance(need, Needs):
            if not who.service:
                limit = "is no token of the clinic's own process"
                raise NotAllowed([Problem("token", None, limit, "Only its schedule tells reminders")])
            return
        login, by, reason = who.person.login, body.get("by"), body.get("reason")
        if by is not None and by != login:
            limit = f"is not who is signed in: {login}"
            raise Refused([Problem("by", by, limit, f"Say {login}, or sign in as somebody else")])
        problem = may(who.person, need, Context(reason=reason if isinstance(reason, str) else ""))
        if problem is not None:
            raise (Refused if problem.field == "reason" else NotAllowed)([problem])

    def _bearer(self, token: str | None) -> Bearer:
        if token is None:
            raise NotKnown([Problem("token", None, "nobody is signed in, and this needs somebody", SIGN_IN)])
        try:
            if len(token) > TOKEN_MAX:
                raise jwt.InvalidTokenError
            said = jwt.decode(token, self._public_key(), algorithms=[ALGORITHM], options=_SIGNATURE_ONLY)
        except (jwt.InvalidTokenError, ValueError):
            raise NotKnown([Problem("token", None, "is not signed by the clinic", SIGN_IN)]) from None
        found = bearer(said, self._station.journal.clock(), self._station.config.file.station.name)
        if isinstance(found, Problem):
            raise NotKnown([found])
        return found

    def _public_key(self) -> Ed25519PublicKey:
        """The clinic's, read anew when its file has changed. Raises Refused."""
        path = self._station.journal.path.with_name(PUBLIC_KEY)
        try:
            seen = path.stat()
            version = (seen.st_mtime_ns, seen.st_size)
            if self._key is None or self._key[0] != version:
                self._key = (version, _read(path))
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            remedy = f"Put the clinic's {PUBLIC_KEY} into the controller's state folder, {path.parent}"
            raise Refused([Problem(PUBLIC_KEY, None, why, remedy)], conflict=True) from None
        return self._key[1]


_SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    **dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss", "verify_sub"), False),
}
"""The claims are `bearer`'s to judge, by the station's own clock."""


def _read(path: Path) -> Ed25519PublicKey:
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("is not an Ed25519 public key")
    return key


def _token(request: Request) -> str | None:
    """None where none was sent; whatever else was sent as authorization is a token that does not hold."""
    sent = request.headers.getlist("authorization")
    if not sent:
        return None
    return sent[0].removeprefix(STEM) if len(sent) == 1 and sent[0].startswith(STEM) else ""


def _need(found: Where, words: Mapping[str, Any]) -> Need:
    word = words.get(found.word)
    return found.cases.get(word, found.otherwise) if isinstance(word, str) else found.otherwise


async def _body(request: Request) -> Mapping[str, Any]:
    """As the route will read it; what is no JSON object is the route's to refuse."""
    try:
        body: Any = json.loads(await request.body())
    except ValueError:
        return {}
    return cast("Mapping[str, Any]", body) if isinstance(body, dict) else {}
