"""Real sockets against a real controller: whoever half-asks keeps nobody from stopping. The figures are in benchmarks/hostile.py."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from benchmarks.crashes import Rig, a_rig
from irctl.controller.api.connections import CONNECTIONS_MAX
from tests.service.worlds import irctl

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit and pseudo-terminals"),
]

FILES_MAX = CONNECTIONS_MAX + 100
HALF_ASKED = (
    b"",
    b"P",
    b"GET /v1/station HTTP/1.1\r\nHost: x\r\nX: ",
    b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
    b"POST /v1/clear HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    import resource

    with a_rig(tmp_path_factory.mktemp("station"), clinic=False) as rig:
        resource.prlimit(rig.controller_pid, resource.RLIMIT_NOFILE, (FILES_MAX, FILES_MAX))
        yield rig


@pytest.mark.parametrize("said", HALF_ASKED, ids=repr)
def test_a_stop_gets_through_whatever_hundreds_have_half_asked(rig: Rig, said: bytes) -> None:
    """More of them than the controller may have files open."""
    host, port = rig.controller.url.removeprefix("http://").split(":")
    with ExitStack() as sockets:
        for _ in range(FILES_MAX + 50):
            one = sockets.enter_context(socket.create_connection((host, int(port)), timeout=10.0))
            one.sendall(said)
        stopped = irctl("stop", "--by", "a nurse", "--json", url=rig.controller.url)
        assert stopped.returncode == 0, stopped.stderr
        assert json.loads(stopped.stdout)["latched"]["by"] == "a nurse"
        rig.controller.post("/v1/clear", {"by": "M. Okafor", "reason": "tested"})
    assert rig.serving.poll() is None
