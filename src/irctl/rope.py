"""A child's end of what ties it to its supervisor: see irctl.supervisor for what is said. A rope that is let go of ends the child."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import Any

STDIN, STDOUT, STDERR = 0, 1, 2
END_MAX_S = 10.0
"""A child that has been asked to end, or whose supervisor is gone, keeps what it holds no longer than this."""
READ_BYTES = 64


class Rope:
    """Takes stdin and stdout; whatever else prints goes to stderr from then on. `name`: whose end it is, such as "the controller"."""

    def __init__(self, name: str) -> None:
        self._name = name
        sys.stdout.flush()
        self._out = os.dup(STDOUT)
        os.dup2(STDERR, STDOUT)

    def hold(self, let_go: Callable[[str], None]) -> None:
        """`let_go` is called once, from a thread, with the reason to end."""
        Thread(target=self._feel, args=(let_go,), name="rope", daemon=True).start()

    def _feel(self, let_go: Callable[[str], None]) -> None:
        try:
            word = os.read(STDIN, READ_BYTES)
        except OSError:
            word = b""
        with suppress(RuntimeError):  # the loop has ended by itself
            let_go(f"{self._name} was asked to end" if word else f"{self._name}'s supervisor is gone")
        time.sleep(END_MAX_S)
        os._exit(1)

    def beat(self) -> None:
        """A sign of life. Never blocks: a supervisor that does not read cannot hold up the lamps."""
        self._send({"is": "beat"}, blocking=False)

    def serving(self, **facts: Any) -> None:
        self._send({"is": "serving", **facts})

    def refused(self, problems: list[dict[str, object]]) -> None:
        self._send({"is": "refused", "problems": problems})

    def _send(self, message: Mapping[str, Any], *, blocking: bool = True) -> None:
        if sys.platform != "win32":  # its pipes know this from Python 3.12 on only; they hold minutes of beats
            os.set_blocking(self._out, blocking)
        with suppress(OSError):  # full, or nobody is there any more: stdin tells
            os.write(self._out, json.dumps(message).encode() + b"\n")
