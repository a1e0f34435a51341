"""The beginning of a file that is not the first: what was before it, what of that still counts, and at once a signature for both."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC
from importlib.metadata import version
from pathlib import Path
from typing import Any

from irctl.controller.clock import WallClock, now_s
from irctl.controller.journal.anchor import Anchor
from irctl.controller.journal.disk import APPEND, OWNER_ONLY, Disk, write_all
from irctl.controller.journal.seal import Seal
from irctl.domain import chain
from irctl.domain.chain import Event


def stamp(seq: int, clock: WallClock) -> dict[str, Any]:
    """What every event has: its number and its two times."""
    at = clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"seq": seq, "at": at, "mono_s": round(now_s(), 4)}


def signed_head(seal: Seal, seq: int, head: str, at: str) -> Anchor:
    return Anchor(seq, head, at, seal.fingerprint, seal.sign(seq, head))


def checkpoint(anchor: Anchor) -> dict[str, Any]:
    """The fields of the event that signs the one before it."""
    return {"signs": anchor.seq, "key": anchor.key, "signature": anchor.signature}


@dataclass(frozen=True, slots=True)
class Beginning:
    """A file's first two events; the second signs the first."""

    event: Event
    checkpoint: Event
    anchor: Anchor

    @classmethod
    def after(cls, seq: int, head: str, name: str, seal: Seal, clock: WallClock, **fields: Any) -> Beginning:
        """What follows event number `seq`, whose hash is `head`."""
        told = {"event": name, "version": version("irctl"), "format": chain.FORMAT, **fields}
        event = chain.linked({**stamp(seq + 1, clock), **told}, head)
        anchor = signed_head(seal, event["seq"], event["hash"], event["at"])
        signing = {**stamp(seq + 2, clock), "event": chain.CHECKPOINT, **checkpoint(anchor)}
        return cls(event, chain.linked(signing, event["hash"]), anchor)

    def write(self, path: Path, disk: Disk) -> int:
        """The file, open, with both events on the disk. Raises OSError, and then there is none."""
        file = os.open(path, APPEND | os.O_TRUNC, OWNER_ONLY)
        try:
            write_all(disk, file, (chain.line(self.event) + chain.line(self.checkpoint)).encode())
            disk.fsync(file)
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        return file
