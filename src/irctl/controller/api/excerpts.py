"""One session's stretch of the journal, sealed: what leaves the station as evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from irctl.controller.journal import lookup
from irctl.controller.journal.journal import Journal
from irctl.controller.light import record
from irctl.controller.station import Station
from irctl.domain import excerpt
from irctl.domain.chain import Event
from irctl.domain.problems import Problem, Refused


async def sealed_excerpt(station: Station, session: str) -> dict[str, Any]:
    """The excerpt (irctl.domain.excerpt), and the journal's signature over it. Raises Refused, OSError, ValueError."""
    journal = station.journal
    if journal.signer is None:
        raise Refused([Problem("journal", journal.failure, "is not open, so nothing can be sealed", "Restart")])
    started, events = await lookup.stretch(journal, session)
    if not events:
        limit = "is not in this journal, or has not ended"
        raise Refused([Problem("session", session, limit, "See `irctl sessions`")], conflict=True)
    about = {"station": station.config.file.station.name, "made_at": record.iso(journal.clock()) or ""}
    # Beside the loop: minutes of readings are hashed.
    async with journal.reading:
        return await asyncio.to_thread(_sealed, journal, session, started, events, about)


def _sealed(
    journal: Journal, session: str, started: Event | None, events: Sequence[Event], about: Mapping[str, str]
) -> dict[str, Any]:
    told = excerpt.payload(events, session, started=started, version=version("irctl"), **about)
    key, signature = journal.sign_document(excerpt.message(told))
    seal = {"session": session, "sha256": excerpt.digest(told), "key": key, "signature": signature}
    return {"excerpt": told, "seal": seal | {"public_key": journal.public_key}}
