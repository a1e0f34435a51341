"""Who is signed in at this terminal: the token that the clinic gave, kept until it has expired. IRCTL_TOKEN stands before the one that is kept."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from irctl.domain.problems import Problem, Refused
from irctl.whole_file import OWNER_ONLY, write_whole

if TYPE_CHECKING:
    from cyclopts import App, Argument

THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a token says of itself. Only the controller can tell whether it is genuine."""

    token: str
    login: str
    name: str
    until: datetime


def kept() -> Path:
    """Where the token is kept: XDG's folder for settings, LOCALAPPDATA on Windows."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "irctl" / "token"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "irctl" / "token"


def signed_in() -> SignedIn | None:
    """None for nobody, and for somebody whose token has expired or says nothing that can be read."""
    found = read(os.environ.get("IRCTL_TOKEN") or _kept_token())
    return found if found is not None and found.until > datetime.now(UTC) else None


def token_for(url: str) -> str:
    """What to send along to this controller, where somebody is signed in. It leaves this machine only encrypted."""
    found = signed_in()
    return found.token if found is not None and is_private(url) else ""


def is_private(url: str) -> bool:
    """Whether nobody on the way can read what is sent there."""
    try:
        address = urlsplit(url)
        return address.scheme == "https" or address.hostname in THIS_MACHINE
    except ValueError:
        return False


def who(by: str = "") -> str:
    """Who does this: the name that was given, else who is signed in. Raises Refused for nobody."""
    if by:
        return by
    found = signed_in()
    if found is None:
        remedy = "Give a name with --by, or sign in: irctl sign-in LOGIN"
        raise Refused([Problem("by", None, "is missing, and nobody is signed in here", remedy)])
    return found.login


def fill_in_by(_app: App, _commands: tuple[str, ...], arguments: Iterable[Argument]) -> None:
    """Before a command's words are understood: `--by`, where it was not given and the command cannot do without."""
    from cyclopts import Token

    for argument in arguments:
        left_out = argument.name == "--by" and not argument.required and not argument.tokens
        if left_out and argument.field_info.required:
            found = signed_in()
            argument.append(Token(keyword="--by", value=found.login if found else "", source="signed in"))


def somebody(_type: object, by: str) -> None:
    """For `--by`, once it is understood. Raises Refused for nobody."""
    who(by)


def keep(token: str) -> SignedIn:
    """Raises OSError; ValueError for what is no token."""
    found = read(token)
    if found is None:
        raise ValueError("what the clinic sent is no token")
    path = kept()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, token.encode("ascii"), OWNER_ONLY)
    return found


def forget() -> bool:
    """Whether there was one. Raises OSError."""
    found = kept().exists()
    kept().unlink(missing_ok=True)
    return found


def read(token: str) -> SignedIn | None:
    """What it says of itself; None for what is no token."""
    try:
        part = token.split(".")[1]
        said: Any = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        until = datetime.fromtimestamp(said["exp"], UTC)
        return SignedIn(token, str(said["sub"]), str(said["name"]), until)
    except (IndexError, ValueError, KeyError, TypeError, OverflowError, OSError):
        return None


def _kept_token() -> str:
    try:
        return kept().read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
