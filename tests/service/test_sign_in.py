"""Signing in at a terminal: the clinic gives a token, the commands send it along and know who it is; a stop sends and needs nothing."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from irctl.cli import exits, main
from irctl.cli.app import To
from irctl.cli.signed_in import token_for
from irctl.clinic.doors.tokens import Issuer
from irctl.domain.people import Person, Role

OKAFOR = Person("okafor", "M. Okafor", frozenset({Role.CLINICIAN}))


@dataclass
class Scripted:
    """A clinic and a controller at one address; keeps what is asked of it."""

    url: str = ""
    token: object = ""
    asked: list[tuple[str, Any, str | None]] = field(default_factory=list[tuple[str, Any, str | None]])

    def answer(self, path: str) -> tuple[int, Any]:
        body = self.asked[-1][1]
        if path == "/api/sign-in" and body != {"login": "okafor", "password": "correct horse battery"}:
            problem = {
                "field": "password",
                "value": None,
                "limit": "is wrong, or so is the login",
                "remedy": "Try again",
            }
            return 401, {"detail": "no", "problems": [problem]}
        if path == "/api/sign-in":
            return 200, {"token": self.token, "expires_at": "2026-11-23T10:00:00Z", "name": "M. Okafor"}
        return 200, {
            "latched": None,
            "evidence": {},
            "kind": "cleaned",
            "consequence": "stays",
            "why": "-",
            "verdict": {},
        }


@pytest.fixture
def there() -> Iterator[Scripted]:
    scripted = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            scripted.asked.append((self.path, json.loads(body) if body else None, self.headers.get("Authorization")))
            status, content = scripted.answer(self.path)
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scripted.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield scripted
    server.shutdown()
    server.server_close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: Scripted) -> Path:
    """Where settings go: nobody is signed in yet."""
    for name in [name for name in os.environ if name.startswith("IRCTL_")]:
        monkeypatch.delenv(name)
    for name, value in {"XDG_CONFIG_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path), "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("IRCTL_URL", there.url)
    monkeypatch.setenv("IRCTL_CLINIC", there.url)
    return tmp_path


def a_token(folder: Path, ago: timedelta = timedelta()) -> str:
    keys = folder / "clinic"
    keys.mkdir(exist_ok=True)
    return Issuer(keys).issue(OKAFOR, datetime.now(UTC) - ago)


def signs_in(monkeypatch: pytest.MonkeyPatch, password: str = "correct horse battery") -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    return main(["sign-in", "okafor"])


def test_who_has_signed_in_acts_in_his_own_name(
    home: Path, there: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there.token = a_token(home)
    assert signs_in(monkeypatch) == exits.OK
    assert "Signed in as M. Okafor until" in capsys.readouterr().out
    there.asked.clear()
    assert main(["resume", "S-1"]) == exits.OK
    assert main(["acknowledge", "A-1"]) == exits.OK
    assert main(["maintenance", "left", "cleaned", "--note", "wiped"]) == exits.OK
    bearer = f"Bearer {there.token}"
    assert [(body["by"], sent) for _, body, sent in there.asked] == [("okafor", bearer)] * 3


def test_a_name_that_is_given_stands(home: Path, there: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it may is the controller's to say."""
    there.token = a_token(home)
    signs_in(monkeypatch)
    main(["resume", "S-1", "--by", "lindqvist"])
    assert there.asked[-1] == ("/v1/sessions/S-1/resume", {"by": "lindqvist"}, f"Bearer {there.token}")


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_nobody_else_may_read_what_is_kept(home: Path, there: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    there.token = a_token(home)
    signs_in(monkeypatch)
    assert (home / "irctl" / "token").stat().st_mode & 0o777 == 0o600


def test_without_a_sign_in_a_name_must_be_given(
    home: Path, there: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (
        ["resume", "S-1"],
        ["maintenance", "left", "cleaned"],
        ["calibrations", "impact", "C", "--decision", "x"],
    ):
        assert main(words) == exits.REFUSED
        assert "irctl sign-in LOGIN" in " ".join(capsys.readouterr().err.split())
    assert there.asked == []
    assert main(["resume", "S-1", "--by", "okafor"]) == exits.OK
    assert there.asked == [("/v1/sessions/S-1/resume", {"by": "okafor"}, None)]


def test_a_wrong_password_is_refused_and_nothing_is_kept(
    home: Path, there: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert signs_in(monkeypatch, "wrong horse") == exits.REFUSED
    told = capsys.readouterr()
    assert "is wrong" in told.err
    assert "wrong horse" not in told.out + told.err
    assert not (home / "irctl" / "token").exists()


@pytest.mark.parametrize("token", ["", "nonsense", None, 5, "a.b.c"])
def test_a_clinic_that_gives_no_token_is_none(
    home: Path, there: Scripted, monkeypatch: pytest.MonkeyPatch, token: object
) -> None:
    there.token = token
    assert signs_in(monkeypatch) == exits.FAILED
    assert not (home / "irctl" / "token").exists()


def test_a_clinic_that_is_not_there_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("anything\n"))
    assert main(["sign-in", "okafor", "--clinic", "http://127.0.0.1:1"]) == exits.UNREACHABLE
    assert "no clinic answers" in capsys.readouterr().err


def test_a_password_does_not_leave_this_machine_in_clear(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sign-in", "okafor", "--clinic", "http://clinic.example"]) == exits.REFUSED
    assert "not https" in capsys.readouterr().err


def test_who_has_signed_out_is_nobody(home: Path, there: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    there.token = a_token(home)
    signs_in(monkeypatch)
    assert main(["sign-out"]) == exits.OK
    assert main(["resume", "S-1"]) == exits.REFUSED
    assert main(["sign-out"]) == exits.OK


def test_a_token_that_has_expired_is_nobodys(home: Path, there: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    there.token = a_token(home, timedelta(hours=2))
    signs_in(monkeypatch)
    assert main(["resume", "S-1"]) == exits.REFUSED
    main(["resume", "S-1", "--by", "okafor"])
    assert there.asked[-1][2] is None


def test_the_environment_stands_before_what_is_kept(
    home: Path, there: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IRCTL_TOKEN", token := a_token(home))
    main(["resume", "S-1"])
    assert there.asked[-1] == ("/v1/sessions/S-1/resume", {"by": "okafor"}, f"Bearer {token}")


def test_a_token_is_sent_to_another_machine_only_encrypted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRCTL_TOKEN", token := a_token(home))
    assert token_for("http://lamps.example:8970") == ""
    assert (
        token_for("https://lamps.example") == token_for("http://localhost:8970") == token_for("http://[::1]:1") == token
    )
    assert token_for("http://[") == ""


def test_a_command_that_lasts_takes_up_a_sign_in_that_was_renewed(
    home: Path, there: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = To(url=there.url).controller
    monkeypatch.setenv("IRCTL_TOKEN", a_token(home, timedelta(minutes=59)))
    controller.post("/v1/sessions")
    monkeypatch.setenv("IRCTL_TOKEN", renewed := a_token(home))
    controller.post("/v1/sessions/S-1/attend")
    assert there.asked[-1][2] == f"Bearer {renewed}" != there.asked[0][2]


def test_a_stop_sends_no_token_and_needs_nobody(home: Path, there: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    there.token = a_token(home)
    signs_in(monkeypatch)
    main(["stop"])
    assert there.asked[-1] == ("/v1/stop", {}, None)
