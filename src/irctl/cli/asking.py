"""Passwords and PINs for a command: typed unseen at the terminal, or a line each on stdin. Never among the command's words, which every user of this computer sees."""

from __future__ import annotations

import sys
import time
import warnings
from getpass import GetPassWarning, getpass
from typing import Annotated

from cyclopts import Parameter

from irctl.domain.people import Context, Person, Verb, may
from irctl.domain.problems import Problem, Refused
from irctl.records.accounts import Accounts

As = Annotated[str, Parameter(name="--as", env_var="IRCTL_LOGIN", help="Your login; your password is asked for.")]
FromStdin = Annotated[
    bool, Parameter(negative=(), help="Read what would be asked for from stdin, a line each, in the same order.")
]


class Asking:
    """Every call raises Refused where nobody answers."""

    def __init__(self, from_stdin: bool) -> None:
        self._from_stdin = from_stdin

    def for_secret(self, what: str) -> str:
        """`what`: such as "Password of r.okafor"."""
        if self._from_stdin:
            line = sys.stdin.readline()
            if not line:
                raise Refused([_unanswered(what, "Give it a line of its own on stdin")])
            return line.rstrip("\r\n")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", GetPassWarning)  # it would be seen while it is typed
                return getpass(f"{what}: ")
        except (EOFError, GetPassWarning):
            raise Refused([_unanswered(what, "Use a terminal, or --password-stdin")]) from None

    def for_new(self, what: str) -> str:
        """Twice at a terminal: what is mistyped unseen would lock somebody out."""
        first = self.for_secret(what)
        if not self._from_stdin and self.for_secret(f"{what}, again") != first:
            raise Refused([Problem("password", None, "was not the same twice", "Type it again")])
        return first


def signed_in(accounts: Accounts, login: str, asking: Asking, verb: Verb) -> Person:
    """Whoever gives the command, with the permissions that they have on the screens. Raises Refused."""
    from irctl.controller.clock import utc_now

    if not login:
        raise Refused([Problem("as", None, "is nobody, and this needs somebody", "Say who you are: --as LOGIN")])
    password = asking.for_secret(f"Password of {login}")
    person = accounts.sign_in(login, password, utc_now(), time.monotonic())
    if problem := may(person, verb, Context()):
        raise Refused([problem])
    return person


def _unanswered(what: str, remedy: str) -> Problem:
    return Problem("password", None, f"nobody answered: {what}", remedy)
