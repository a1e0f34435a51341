"""Whether a journal holds: its chain, its signatures, its anchor, as far as they are there. Needs no controller, and changes nothing."""

from __future__ import annotations

from pathlib import Path

from irctl.controller.journal import segments
from irctl.controller.journal.anchor import ANCHOR, read_anchor
from irctl.controller.journal.seal import PUBLIC_KEY, verifier
from irctl.domain import chain


def examine(
    path: Path, anchor: Path | None = None, archive: Path | None = None, *, alone: bool = False
) -> chain.Verified:
    """Walk along the journal at `path` and every file before it, also those that were moved to `archive`.

    A closed file is examined alone, and so is the current one where `alone` is said. Signatures are judged by the public key beside the journal, the end
    by `anchor` (there too, if not named). Raises ValueError for a key, an anchor or a note that is none, OSError.
    """
    signed = verifier(path.with_name(PUBLIC_KEY))
    closed = segments.is_closed(path)
    anchor = anchor or path.with_name(ANCHOR)
    known = None if closed else read_anchor(anchor)
    walk = chain.Walk(signed, None if known is None else (known.seq, known.head), alone=alone or closed)
    if alone or closed:
        segments.through(walk.follow(segments.lines_of(path), path.name))
    else:
        segments.walk_folder(path, walk, archive)
    forged = None if known is None else known.problem(signed)
    if forged and walk.broken is None:
        walk.broken = chain.Break(0, f"is not valid: {forged}", anchor.name)
    return walk.verified()
