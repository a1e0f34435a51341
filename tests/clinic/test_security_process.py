"""The clinic's own process, over a real socket: who is let in, how long a message may be, and what is in its log afterwards."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from irctl.clinic.opening import open_desk
from irctl.clinic.settings import ClinicFile
from irctl.clinic.web import SOCKET_MESSAGE_MAX
from irctl.domain.people import Role
from tests.clinic.shelves import Lamp
from tests.clinic.treated import NoTokens
from tests.records.people import GOOD, some_accounts
from tests.service.worlds import environment

WRONG = "not the password of anybody"
TOO_LONG = 1009
"""RFC 6455, 7.4.1."""


def test_the_process_lets_in_whom_it_should_and_logs_no_secret(tmp_path: Path) -> None:
    desk = open_desk(
        ClinicFile(), tmp_path, NoTokens(), lambda: datetime.now(UTC), stations={"here": Lamp(simulated=True)}
    )  # type: ignore[dict-item]
    accounts = some_accounts(desk.database)
    accounts.create("r.okafor", "Rose Okafor", [Role.ADMINISTRATOR], GOOD, None, datetime.now(UTC))
    desk.database.close()
    log = tmp_path / "log"
    port = free_port()
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "irctl.clinic", "--state", str(tmp_path), "--port", str(port), "--url", "http://127.0.0.1:9"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment(),
        )  # fmt: skip
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{port}"
            assert url in serving(process)
            cookie = asked(url, port)
        finally:
            process.terminate()
            process.communicate(timeout=20)
    told = log.read_text(encoding="utf-8")
    assert "clinic.serving" in told
    for secret in (GOOD, WRONG, cookie):
        assert secret not in told


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def serving(process: subprocess.Popen[bytes]) -> str:
    """What it says to its supervisor, up to the address that it serves at."""
    assert process.stdout is not None
    for line in process.stdout:
        if b"url" in line:
            return json.dumps(json.loads(line))
    raise AssertionError("it ended without serving")


def asked(url: str, port: int) -> str:
    with httpx.Client(base_url=url, trust_env=False, timeout=20.0) as http:
        for password, status in ((WRONG, 403), (GOOD, 303)):
            http.get("/sign-in")
            form = {"login": "r.okafor", "password": password, "form": http.cookies["irctl-form"]}
            assert http.post("/sign-in", data=form, headers={"origin": url}).status_code == status
        cookie = http.cookies["irctl"]
        page = http.get("/settings/about")
        assert page.status_code == 200
        assert "server" not in page.headers or page.headers["server"] == "uvicorn"
    client = re.search(r"'client_id': '([0-9a-f-]+)'", page.text)
    assert client is not None
    query = f"EIO=4&transport=websocket&client_id={client[1]}&tab_id=t&document_id=d&implicit_handshake=true&next_message_id=0"
    address = f"ws://127.0.0.1:{port}/_nicegui_ws/socket.io/?{query}"
    theirs = {"Cookie": f"irctl={cookie}"}

    for origin in ("https://evil.example", f"http://localhost:{port}"):
        with pytest.raises(InvalidStatus) as refused:
            connect(address, origin=origin, additional_headers=theirs, proxy=None)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403
    with connect(address, origin=url, proxy=None) as nobody:  # type: ignore[arg-type]
        nobody.recv(5.0)
        nobody.send("40")
        assert "Implicit handshake failed" in str(nobody.recv(5.0))
    with connect(address, origin=url, additional_headers=theirs, proxy=None) as browser:  # type: ignore[arg-type]
        assert str(browser.recv(5.0)).startswith("0{")
        browser.send("40")
        assert str(browser.recv(5.0)).startswith("40{")
        browser.send("4" * (SOCKET_MESSAGE_MAX + 1))
        with pytest.raises(ConnectionClosed) as closed:
            hear_on(browser)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == TOO_LONG
    return cookie


def hear_on(browser: ClientConnection) -> None:
    while True:
        browser.recv(10.0)
