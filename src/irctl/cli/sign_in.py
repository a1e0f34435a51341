"""`irctl sign-in` and `irctl sign-out`: the clinic asks for the password, and gives a token that the other commands send along."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Annotated

from cyclopts import Parameter

from irctl.cli import say, signed_in
from irctl.cli.app import Json
from irctl.cli.client import Controller, Failed, Unreachable
from irctl.domain.problems import Problem, Refused

CLINIC_URL = "http://127.0.0.1:8971"


class NoClinic(Unreachable):
    """Nobody answers at the clinic's address."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(url, why)
        self.args = (f"no clinic answers at {url} ({why}). Name another address with --clinic or IRCTL_CLINIC",)


def sign_in(
    login: Annotated[str, Parameter(help="As the clinic knows you.")],
    /,
    *,
    clinic: Annotated[str, Parameter(env_var="IRCTL_CLINIC", help="Address of the clinic.")] = CLINIC_URL,
    json: Json = False,
) -> None:
    """Sign in at the clinic; what you do here from then on is done in your name, until the token expires.

    irctl sign-in okafor

    The password is asked for, or read from standard input. `irctl stop` needs no sign-in, ever.
    """
    if not signed_in.is_private(clinic):
        raise Refused(
            [Problem("clinic", clinic, "is another machine, and not https", "A password is not sent in clear")]
        )
    password = _password(login)
    try:
        answer = Controller(clinic).post("/api/sign-in", {"login": login, "password": password})
        found = signed_in.keep(str(answer["token"]))
    except Unreachable as error:
        raise NoClinic(error.url, error.why) from None
    except (KeyError, TypeError, ValueError):
        raise Failed(f"what answers at {clinic} is no clinic: it gave no token") from None
    except OSError as error:
        raise Failed(f"the token cannot be kept: {error}") from None
    if json:
        say.as_json({"login": found.login, "name": found.name, "expires_at": found.until.isoformat()})
    else:
        until = found.until.astimezone()
        say.console().print(f"Signed in as [bold]{say.escape(found.name)}[/] until {until:%H:%M}.")


def sign_out(*, json: Json = False) -> None:
    """Forget who is signed in at this terminal.

    irctl sign-out
    """
    try:
        was = signed_in.forget()
    except OSError as error:
        raise Failed(f"the token cannot be removed: {error}") from None
    if json:
        say.as_json({"was_signed_in": was})
    else:
        say.console().print("Signed out." if was else "Nobody was signed in.")


def _password(login: str) -> str:
    if sys.stdin is not None and sys.stdin.isatty():
        return getpass(f"Password of {login}: ")
    return sys.stdin.readline().rstrip("\r\n") if sys.stdin is not None else ""
