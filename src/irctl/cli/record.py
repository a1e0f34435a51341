"""`irctl note` and `irctl journal`: what the record says, as documents and as lines."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import To
from irctl.cli.client import Controller
from irctl.domain.problems import Problem, Refused

Format = Literal["pdf", "json"]
View = dict[str, Any]
FileOption = Annotated[Path | None, Parameter(help="Read this journal file instead of asking a controller.")]
PAGE = 500
"""Events asked for at once: a controller that is treating answers so few without missing a beat."""
AFTER_END = 20
"""Evidence of a stop is written after the session that it ended; it stands within a few lines."""
_TO = To()


# --- notes ---------------------------------------------------------------------------------------------------------------


def note(
    session: str,
    /,
    *,
    output: Annotated[
        Path | None,
        Parameter(help="Where to; default SESSION.pdf or .json here. - is stdout.", allow_leading_hyphen=True),
    ] = None,
    format: Annotated[Format | None, Parameter(help="Default: what the output's name says, else pdf.")] = None,
    timezone: Annotated[str, Parameter(help="Times are told in it: an IANA name such as Europe/Berlin.")] = "UTC",
    file: FileOption = None,
    to: To = _TO,
) -> None:
    """Write the note of a session that has ended: one page for the file, or everything as JSON.

    irctl note S-20261123-0001 --output note.pdf
    """
    kind: Format = format or ("json" if output is not None and output.suffix == ".json" else "pdf")
    events = read_file(file) if file else session_events(to.controller, session)
    data = render(events, session, kind, timezone)
    if output == Path("-"):
        sys.stdout.buffer.write(data)
        return
    path = _write(data, output or Path(f"{session}.{kind}"))
    if to.json:
        say.as_json({"session": session, "format": kind, "path": str(path), "bytes": len(data)})
    else:
        say.console().print(f"Written  [cyan]{say.escape(str(path))}[/]", soft_wrap=True)


def write_notes(events: list[View], session: str, folder: Path) -> list[Path]:
    """A session's note in every format, named after it. Raises Refused where no honest note can be made."""
    kinds: tuple[Format, ...] = ("pdf", "json")
    return [_write(render(events, session, kind), folder / f"{session}.{kind}") for kind in kinds]


def render(events: list[View], session: str, kind: Format, timezone: str = "UTC") -> bytes:
    """One note. Raises Refused."""
    from irctl.documents import NoteError, note_json, render_pdf, session_note

    try:
        made = session_note(events, session, timezone=timezone)
        return render_pdf(made) if kind == "pdf" else note_json(made).encode()
    except NoteError as error:
        raise Refused([Problem("session", session, str(error), "See `irctl sessions`")]) from None


def session_events(controller: Controller, session: str) -> list[View]:
    """The whole stretch of the journal around a session, and the start of the controller that ran it."""
    own: list[View] = controller.get(controller.session(session, "events"))
    ordered = next(e["seq"] for e in own if e["event"] == "session.ordered")
    ended = max(e["seq"] for e in own if e.get("session") == session)
    started = [e for e in own if e["seq"] < ordered]
    return started + fetch(controller, ordered - 1, ended + AFTER_END)


def fetch(controller: Controller, after: int, last: int | None = None) -> list[View]:
    """Events of the journal, page by page; to the end without `last`."""
    events: list[View] = []
    while last is None or after < last:
        limit = PAGE if last is None else min(PAGE, last - after)
        page: list[View] = controller.get(f"/v1/journal?after={after}&limit={limit}")
        events += page
        if len(page) < limit:
            break
        after = page[-1]["seq"]
    return events


# --- the journal ---------------------------------------------------------------------------------------------------------


def verify(
    *,
    file: FileOption = None,
    anchor: Annotated[
        Path | None, Parameter(help="The last signed head, kept elsewhere; default: beside the file.")
    ] = None,
    to: To = _TO,
) -> int:
    """Walk the journal's hash chain and say how far it holds: edits, deletions, reordering, a missing end, a history written anew.

    irctl journal verify --file /var/lib/irctl/journal.jsonl --anchor /mnt/other/journal.anchor

    Exit code 5 when it does not hold. Signatures are judged by the public key that lies beside the file. Whoever has the private key can sign anything: keep the anchor, or the head printed here, out
    of that person's reach.
    """
    found = _verify_file(file, anchor) if file else to.controller.get("/v1/journal/verify")
    if to.json:
        say.as_json(found)
    elif found["ok"]:
        out = say.console()
        out.print(
            f"[bold green]The chain holds[/] over {found['events']} events, signed up to number {found['signed']}."
        )
        out.print(f"[dim]head {found['head']}[/]", soft_wrap=True)
    else:
        out = say.console()
        out.print(f"[bold red]The chain breaks at line {found['line']}[/]: {say.escape(str(found['problem']))}.")
        out.print(f"It holds for the {found['events']} events before. Keep the file as it is: it is evidence.")
    return exits.OK if found["ok"] else exits.JOURNAL_BROKEN


def set_aside(
    *,
    state: Annotated[Path, Parameter(help="The controller's state folder.")],
    by: Annotated[str, Parameter(help="Who has looked into it: it goes into the new journal.")],
    reason: Annotated[str, Parameter(help="What was found.")],
) -> None:
    """Keep a journal that does not hold as evidence, and begin a new one that says so. The controller must not be running.

    irctl journal set-aside --state /var/lib/irctl --by okafor --reason "disk failed, copy restored"
    """
    from irctl.controller.claim import claim
    from irctl.controller.journal import Journal, set_aside, utc_now
    from irctl.domain import chain

    empty = [name for name, value in (("by", by), ("reason", reason)) if not value.strip()]
    if empty:
        raise Refused([Problem(name, "", "is empty", "Say who, and what was found") for name in empty])
    path = state / "journal.jsonl"
    held = chain.verify(_lines(path))

    async def begin_anew() -> Path:
        aside = set_aside(path, utc_now)
        journal = Journal(path, utc_now)
        journal.open()
        journal.write(
            "journal.set_aside", file=aside.name, by=by, reason=reason, held_events=held.events, held_head=held.head
        )
        journal.close()
        return aside

    with claim(state):
        aside = asyncio.run(begin_anew())
    say.console().print(f"Kept as [cyan]{say.escape(aside.name)}[/]. The new journal begins by saying so.")


def show(
    *,
    file: FileOption = None,
    session: Annotated[str | None, Parameter(help="Only events of this session.")] = None,
    samples: Annotated[bool, Parameter(negative=(), help="Also the readings of each second.")] = False,
    last: Annotated[int | None, Parameter(help="Only so many, the newest.")] = None,
    to: To = _TO,
) -> None:
    """Show the journal, oldest first. With --json: the events as one JSON array.

    irctl journal show --last 20
    """
    events = read_file(file) if file else fetch(to.controller, 0)
    chosen = [
        e
        for e in events
        if (session is None or e.get("session") == session) and (samples or e["event"] != "session.sample")
    ]
    chosen = chosen[-last:] if last else chosen
    if to.json:
        say.as_json(chosen)
        return
    say.console().print(say.table(("seq", "at (UTC)", "event", "of", ""), map(_row, chosen), right=("seq",)))


FRAME = frozenset({"seq", "at", "mono_s", "event", "prev", "hash"})


def _row(event: View) -> tuple[str, ...]:
    of = event.get("session") or event.get("lamp") or ""
    return (str(event["seq"]), str(event["at"])[:19].replace("T", " "), event["event"], of, say.escape(told(event)))


def told(event: View) -> str:
    """What an event says beyond its name, on one line: its plain fields, and an order's or a dose's figures."""
    parts = [
        f"{key}={value}" for key, value in event.items() if key not in FRAME | {"session", "lamp"} and _plain(value)
    ]
    match event:
        case {"order": {"fluence_j_cm2": fluence, "irradiance_mw_cm2": irradiance, "patient": patient}}:
            parts.append(f"{fluence:g} J/cm² at {irradiance:g} mW/cm² for {patient}")
        case {"prescribed_j_cm2": of, "delivered": {"min_j_cm2": low, "best_j_cm2": best, "max_j_cm2": high}}:
            parts.append(f"delivered {say.dose(best, of)} J/cm² ({say.interval(low, high, of)})")
        case {"event": "stop.evidence", "lamps": lamps}:
            parts += [f"{name} {_dark_after(found)}" for name, found in cast("View", lamps).items()]
        case _:
            pass
    return "  ".join(parts)


def _dark_after(found: Any) -> str:
    seconds = found["verified_dark_s"]
    return "NOT VERIFIED DARK" if seconds is None else f"dark after {seconds * 1000:.0f} ms"


def _plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool) and value != "" and len(str(value)) < 64


def read_file(path: Path) -> list[View]:
    """The events of a journal file, as far as they can be read; whether they are true is for `verify`. Raises Refused."""
    import json

    try:
        found: list[Any] = [json.loads(line) for line in _lines(path)]
    except ValueError as error:
        raise Refused([Problem("file", str(path), str(error), "See `irctl journal verify --file`")]) from None
    return [cast("View", event) for event in found if isinstance(event, dict) and cast("View", event).keys() >= FRAME]


def _verify_file(path: Path, anchor: Path | None) -> View:
    from irctl.controller.journal import examine

    try:
        found = examine(_lines(path), path.parent, anchor)
    except (OSError, ValueError) as error:
        raise Refused([Problem("anchor", str(anchor or path.parent), str(error), "Name the right file")]) from None
    return {
        "ok": found.broken is None,
        "events": found.events,
        "head": found.head,
        "signed": found.signed,
        "line": found.broken.line if found.broken else None,
        "problem": found.broken.text if found.broken else None,
    }


def _lines(path: Path) -> list[str]:
    from irctl.domain import chain

    try:
        return chain.lines(path.read_bytes())
    except OSError as error:
        raise Refused([Problem("file", str(path), error.strerror or str(error), "Check its name and rights")]) from None


def _write(data: bytes, path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        remedy = "Check the folder's rights and space"
        raise Refused([Problem("output", str(path), error.strerror or str(error), remedy)]) from None
    return path
