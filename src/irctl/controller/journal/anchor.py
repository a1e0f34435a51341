"""The anchor: the last signed head, kept outside the journal, best on another disk. A journal that ends before it has lost something.

It is written only after what it names is on the journal's disk. It may lie on a stick or in the network: it may fail, and it may hang, and neither may cost
a treatment.
"""

from __future__ import annotations

import json
import queue
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from irctl.controller.journal.disk import replace
from irctl.controller.journal.seal import Verifier

ANCHOR = "journal.anchor"
ANSWERS_S = 10.0
"""A disk that has not taken an anchor by then is as good as none."""
LAST_S = 2.0
"""An end waits so long for a slow disk to take the last anchor."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last signed head."""

    seq: int
    head: str
    at: str
    key: str
    signature: str

    def problem(self, signed: Verifier | None) -> str | None:
        """Why nobody vouches for it; None when somebody does, or no key is there to ask."""
        return None if signed is None else signed(self.seq, self.head, self.key, self.signature)


def read_anchor(path: Path) -> Anchor | None:
    """None where there is none. Raises ValueError for a file that is no anchor, OSError."""
    with suppress(FileNotFoundError):
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        try:
            return Anchor(int(found["seq"]), *(str(found[name]) for name in ("head", "at", "key", "signature")))
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path.name} is no anchor: {error!r}") from None
    return None


class Anchoring(Protocol):
    """Keeps anchors."""

    @property
    def path(self) -> Path: ...

    @property
    def failure(self) -> str | None: ...

    def keep(self, anchor: Anchor, now_s: float) -> None: ...

    def close(self) -> None: ...


class AtOnce:
    """On the journal's own disk: when that hangs, the journal hangs as well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure: str | None = None

    def keep(self, anchor: Anchor, now_s: float) -> None:
        self.failure = _kept(self.path, anchor)

    def close(self) -> None:
        pass


class Beside:
    """On another disk: in a thread of its own, so that no lamp's task waits for it. Where it is slow, only the newest counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure: str | None = None
        self._slot: queue.Queue[Anchor | None] = queue.Queue()
        self._waiting_since_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="anchor", daemon=True)
        self._thread.start()

    def keep(self, anchor: Anchor, now_s: float) -> None:
        waiting = False
        with suppress(queue.Empty):
            self._slot.get_nowait()
            waiting = True
        since_s = self._waiting_since_s = self._waiting_since_s if waiting and self._waiting_since_s else now_s
        if now_s - since_s > ANSWERS_S:
            self.failure = f"{self.path.name}: its disk does not answer"
        self._slot.put(anchor)

    def close(self) -> None:
        self._slot.put(None)
        self._thread.join(LAST_S)

    def _run(self) -> None:
        while (anchor := self._slot.get()) is not None:
            self.failure = _kept(self.path, anchor)


def _kept(path: Path, anchor: Anchor) -> str | None:
    try:
        replace(path, asdict(anchor))
    except OSError as error:
        return f"{path.name}: {error.strerror or error}"
    return None
