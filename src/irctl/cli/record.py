"""`irctl note` and `irctl journal`: what the record says, as documents and as lines."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
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
StateOption = Annotated[Path, Parameter(help="The controller's state folder.")]
JOURNAL = "journal.jsonl"
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
    events = _in_file(file, session) if file else session_events(to.controller, session)
    data = render(events, session, kind, timezone)
    if output == Path("-"):
        sys.stdout.buffer.write(data)
        return
    path = write(data, output or Path(f"{session}.{kind}"))
    if to.json:
        say.as_json({"session": session, "format": kind, "path": str(path), "bytes": len(data)})
    else:
        say.console().print(f"Written  [cyan]{say.escape(str(path))}[/]", soft_wrap=True)


def write_notes(events: list[View], session: str, folder: Path) -> list[Path]:
    """A session's note in every format, named after it. Raises Refused where no honest note can be made."""
    kinds: tuple[Format, ...] = ("pdf", "json")
    return [write(render(events, session, kind), folder / f"{session}.{kind}") for kind in kinds]


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
    archive: Annotated[Path | None, Parameter(help="Where `irctl journal archive` moved closed files.")] = None,
    to: To = _TO,
) -> int:
    """Walk the journal's hash chain and say how far it holds: edits, deletions, reordering, a missing end, a history written anew.

    irctl journal verify --file /var/lib/irctl/journal.jsonl --anchor /mnt/other/journal.anchor

    With --file, every file of that journal, the closed ones before it too; without, the one that the controller is writing. Exit code 5 when it does not
    hold. Signatures are judged by the public key that lies beside the file. Whoever has the private key can sign anything: keep the anchor, or the head
    printed here, out of that person's reach.
    """
    found = _verify_file(file, anchor, archive) if file else to.controller.get("/v1/journal/verify")
    if to.json:
        say.as_json(found)
        return exits.OK if found["ok"] else exits.DOES_NOT_HOLD
    out = say.console()
    if found["ok"]:
        out.print(
            f"[bold green]The chain holds[/] over {found['events']} events, signed up to number {found['signed']}."
        )
        out.print(f"[dim]head {found['head']}[/]", soft_wrap=True)
    else:
        where = f"{found['file']}, line {found['line']}" if found["file"] else f"line {found['line']}"
        out.print(f"[bold red]The chain breaks at {say.escape(where)}[/]: {say.escape(str(found['problem']))}.")
        out.print(f"It holds for the {found['events']} events before. Keep the file as it is: it is evidence.")
    for unchecked in found["unchecked"]:
        out.print(f"[yellow]Not checked[/]: {say.escape(unchecked)}.")
    return exits.OK if found["ok"] else exits.DOES_NOT_HOLD


def set_aside(
    *,
    state: StateOption,
    by: Annotated[str, Parameter(help="Who has looked into it: it goes into the new journal.")],
    reason: Annotated[str, Parameter(help="What was found.")],
    anchor: Annotated[
        Path | None, Parameter(help="The station's `[journal] anchor`, where it is not in the state folder.")
    ] = None,
) -> None:
    """Keep a journal that does not hold as evidence, and begin a new one that says so. The controller must not be running.

    irctl journal set-aside --state /var/lib/irctl --by okafor --reason "disk failed, copy restored"

    What can still be read of it goes on to count: what each patient was given today, sessions that nobody ended, alarms, a stop that nobody cleared.
    """
    from irctl.controller.claim import claim
    from irctl.controller.clock import utc_now
    from irctl.controller.journal.setting_aside import set_aside

    empty = [name for name, value in (("by", by), ("reason", reason)) if not value.strip()]
    if empty:
        raise Refused([Problem(name, "", "is empty", "Say who, and what was found") for name in empty])

    async def begin_anew() -> Path:
        return set_aside(state / JOURNAL, utc_now, by=by, reason=reason, anchor=anchor)

    with claim(state):
        try:
            aside = asyncio.run(begin_anew())
        except (OSError, ValueError) as error:
            raise Refused([Problem("state", str(state), str(error), "Check the folder's rights and space")]) from None
    say.console().print(f"Kept as [cyan]{say.escape(aside.name)}[/]. The new journal begins by saying so.")


def archive(
    *,
    state: StateOption,
    into: Annotated[Path, Parameter(help="An existing folder, best on another disk.")],
    older_than_days: Annotated[float, Parameter(help="Only files whose last event is older.")] = 90.0,
    to: To = _TO,
) -> None:
    """Move closed journal files elsewhere, each verified before and after. A note stays in their place, so the chain can still be followed.

    irctl journal archive --state /var/lib/irctl --into /mnt/archive

    The controller may go on running. `irctl journal verify --file ... --archive /mnt/archive` walks through both places.
    """
    from irctl.controller.clock import utc_now
    from irctl.controller.journal import archive

    try:
        moved = archive.move(state / JOURNAL, into, utc_now() - timedelta(days=older_than_days))
    except (OSError, ValueError) as error:
        remedy = "What could not be moved is still in its place; correct this and try again"
        raise Refused([Problem("archive", str(into), str(error), remedy)]) from None
    if to.json:
        say.as_json({"moved": [path.name for path in moved]})
    elif moved:
        for path in moved:
            say.console().print(f"Moved  [cyan]{say.escape(str(path))}[/]", soft_wrap=True)
    else:
        say.console().print(f"No closed file is older than {older_than_days:g} days.")


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

    with _readable(path):
        found: list[Any] = [json.loads(line) for line in path.read_bytes().splitlines(keepends=True)]
    return [cast("View", event) for event in found if isinstance(event, dict) and cast("View", event).keys() >= FRAME]


def _in_file(path: Path, session: str) -> list[View]:
    from irctl.controller.journal.lookup import stretch_in

    with _readable(path):
        return [dict(event) for event in stretch_in(path, session)]


def _verify_file(path: Path, anchor: Path | None, archive: Path | None) -> View:
    from irctl.controller.journal.examining import examine

    if not path.exists():
        raise Refused([Problem("file", str(path), "no such file", "Check its name")])
    try:
        return examine(path, anchor, archive).as_dict()
    except (OSError, ValueError) as error:
        raise Refused([Problem("file", str(path), str(error), "Name the right file")]) from None


@contextmanager
def _readable(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise Refused([Problem("file", str(path), error.strerror or str(error), "Check its name and rights")]) from None
    except ValueError as error:
        raise Refused([Problem("file", str(path), str(error), "See `irctl journal verify --file`")]) from None


def write(data: bytes, path: Path) -> Path:
    """Raises Refused where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        remedy = "Check the folder's rights and space"
        raise Refused([Problem("output", str(path), error.strerror or str(error), remedy)]) from None
    return path
