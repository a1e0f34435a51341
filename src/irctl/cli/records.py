"""`irctl records …`: the clinic's database, filled from journals, backed up, and searched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.app import Json, To
from irctl.cli.client import Controller
from irctl.domain.chain import Event
from irctl.domain.problems import Problem, Refused
from irctl.records.database import Database
from irctl.records.following import Followed, controller_of, cursor, follow
from irctl.records.following import rebuild as rebuild_from

DatabaseOption = Annotated[
    str, Parameter(env_var="IRCTL_DATABASE", help="sqlite:///FILE, or postgresql://USER@HOST/NAME.")
]
Source = Annotated[tuple[Path, ...], Parameter(help="Journal files instead of a controller; may be given again.")]
Archive = Annotated[Path | None, Parameter(help="Where `irctl journal archive` moved closed files.")]
KeyOption = Annotated[
    Path, Parameter(env_var="IRCTL_KEY_FILE", help="The key file. It is kept apart from the database.")
]
DEFAULT = "sqlite:///irctl-records.sqlite"
PAGE = 500
"""Events asked for at once: a controller that is treating answers so few without missing a beat."""
OUTCOMES = {"completed": "green", "stopped": "yellow", "faulted": "red", "interrupted": "red"}
_TO = To()


# --- from journals ---------------------------------------------------------------------------------------------------------


def sync(*, database: DatabaseOption = DEFAULT, file: Source = (), archive: Archive = None, to: To = _TO) -> None:
    """Take over what is new in a controller's journal, or in journal files. Each event counts once, however often this runs.

    irctl records sync --database sqlite:////var/lib/irctl/records.sqlite
    """
    with closing(Database(database)) as records:
        records.prepare()
        done = [_followed(records, source) for source in _sources(file, archive, to)]
    if to.json:
        say.as_json([_view(one) for one in done])
        return
    for one in done:
        say.console().print(f"[bold]{one.controller}[/]  {one.events} new events, up to number {one.seq}")


def rebuild(*, database: DatabaseOption = DEFAULT, file: Source = (), archive: Archive = None, to: To = _TO) -> None:
    """Project a whole journal anew, and say whether every row is as it was. Of other controllers, and of patients, nothing changes.

    irctl records rebuild --file /var/lib/irctl/journal.jsonl --archive /mnt/archive
    """
    with closing(Database(database)) as records:
        records.prepare()
        done = [rebuild_from(records, _known(source), source.after(0)) for source in _sources(file, archive, to)]
    if to.json:
        say.as_json([_view(one) | {"differing": one.differing} for one in done])
        return
    for one in done:
        found = "every row as it was" if not one.differing else f"other rows than before in {', '.join(one.differing)}"
        say.console().print(f"[bold]{one.controller}[/]  {one.events} events, up to number {one.seq}: {found}")


class _OfController:
    """A controller's journal, page by page."""

    def __init__(self, controller: Controller) -> None:
        self.name, self._controller = controller.url, controller

    def after(self, seq: int) -> Iterator[Event]:
        page: list[Event] = self._controller.get(f"/v1/journal?after={seq}&limit={PAGE}")
        while page:
            yield from page
            page = self._controller.get(f"/v1/journal?after={page[-1]['seq']}&limit={PAGE}")


class _OfFile:
    """A journal's files: the one named, and the closed ones before it, those that were moved away too."""

    def __init__(self, path: Path, archive: Path | None) -> None:
        self.name, self._path, self._archive = str(path), path, archive

    def after(self, seq: int) -> Iterator[Event]:
        from irctl.controller.journal import segments

        try:
            yield from segments.events_after(self._path, seq, self._archive)
        except OSError as error:
            why, remedy = error.strerror or str(error), "Check its name and rights"
            raise Refused([Problem("file", str(self._path), why, remedy)]) from None
        except ValueError as error:
            raise Refused([Problem("file", str(self._path), str(error), "See `irctl journal verify --file`")]) from None


def _sources(files: tuple[Path, ...], archive: Path | None, to: To) -> list[_OfFile | _OfController]:
    return [_OfFile(path, archive) for path in files] or [_OfController(to.controller)]


def _known(source: _OfFile | _OfController) -> str:
    controller = controller_of(source.after(0))
    if controller is None:
        remedy = "It is signed within a minute, or when a session ends: try again then"
        raise Refused([Problem("journal", source.name, "is not signed yet, so nobody knows whose it is", remedy)])
    return controller


def _followed(records: Database, source: _OfFile | _OfController) -> Followed:
    controller = _known(source)
    # From the last event that is known: it must still be the same.
    return follow(records, controller, source.after(max(0, cursor(records, controller).seq - 1)))


def _view(one: Followed) -> dict[str, Any]:
    return {"controller": one.controller, "events": one.events, "seq": one.seq}


# --- looking ---------------------------------------------------------------------------------------------------------------


def sessions(
    *,
    database: DatabaseOption = DEFAULT,
    patient: Annotated[str, Parameter(help="Of this patient's reference only.")] = "",
    lamp: Annotated[str, Parameter(help="Of this lamp only.")] = "",
    outcome: Annotated[str, Parameter(help="completed, stopped, faulted or interrupted.")] = "",
    since: Annotated[date | None, Parameter(help="Ordered on this day (UTC) or later.")] = None,
    until: Annotated[date | None, Parameter(help="Ordered before this day (UTC).")] = None,
    last: Annotated[int, Parameter(help="So many, the newest.")] = 50,
    json: Json = False,
) -> None:
    """Sessions of every controller, newest first.

    irctl records sessions --patient P-17 --since 2026-11-01
    """
    from irctl.records.listing import Wanted, listed

    wanted = Wanted(patient, lamp, outcome, _day(since), _day(until))
    with closing(_opened(database)) as records:
        found = listed(records, wanted, last)
    if json:
        say.as_json([_plain(one) for one in found])
        return
    columns = (
        "session",
        "station",
        "lamp",
        "ordered (UTC)",
        "patient",
        "area",
        "prescribed",
        "delivered",
        "outcome",
        "",
    )
    out = say.console()
    out.print(say.table(columns, map(_session, found), right=("prescribed",)) if found else "No such session.")


def _session(one: dict[str, Any]) -> tuple[object, ...]:
    of, given = one["prescribed_j_cm2"], one["delivered_j_cm2"]
    delivered = None
    if of is not None and given is not None:
        between = say.interval(one["delivered_min_j_cm2"], one["delivered_max_j_cm2"], of)
        delivered = f"{say.dose(given, of)} J/cm² ({between})"
    return (
        one["session"],
        say.escape(one["station"] or one["controller"]),
        say.escape(one["lamp"]),
        None if one["ordered_at"] is None else f"{one['ordered_at']:%Y-%m-%d %H:%M}",
        say.escape(one["patient"] or "–"),
        say.escape(one["area"] or "–"),
        None if of is None else f"{of:g} J/cm²",
        delivered,
        f"[{OUTCOMES.get(one['outcome'], 'cyan')}]{one['outcome'] or 'open'}[/]",
        f"amended {one['amendments']}×" if one["amendments"] else "",
    )


def status(*, database: DatabaseOption = DEFAULT, json: Json = False) -> None:
    """What is in the database: how far each journal, what is missing, whose keys it needs, how large it is.

    irctl records status
    """
    from irctl.records.following import status as followed
    from irctl.records.rotating import keys_in_use

    with closing(_opened(database)) as records:
        told: dict[str, Any] = {
            "database": records.name,
            "revision": records.revision(),
            "bytes": records.bytes(),
            "controllers": followed(records),
            "keys": keys_in_use(records),
        }
    if json:
        say.as_json(told | {"controllers": [_plain(one) for one in told["controllers"]]})
        return
    out = say.console()
    out.print(f"{say.escape(told['database'])}  revision {told['revision']}, {told['bytes'] / 1e6:.1f} MB")
    columns = ("controller", "station", "up to", "at (UTC)", "sessions", "missing")
    out.print(say.table(columns, map(_controller, told["controllers"]), right=("up to", "sessions")))
    for key, number in told["keys"].items():
        out.print(f"key {key}: {number} encrypted rows")


def _controller(one: dict[str, Any]) -> tuple[object, ...]:
    missing = ", ".join(f"{after + 1} to {seq - 1}" for after, seq in one["gaps"])
    rebuild = "[yellow]rebuild it: this version projects otherwise[/]" if one["rebuild"] else ""
    station = say.escape(one["station"] or "–") + (" (simulated)" if one["simulated"] else "")
    at = f"{one['at']:%Y-%m-%d %H:%M:%S}"
    return (
        one["controller"],
        station,
        one["seq"],
        at,
        one["rows"]["sessions"],
        " ".join(filter(None, (missing, rebuild))),
    )


def _opened(url: str) -> Database:
    records = Database(url)
    records.require()
    return records


def _day(told: date | None) -> datetime | None:
    return None if told is None else datetime.combine(told, time(), UTC)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


# --- keeping ---------------------------------------------------------------------------------------------------------------


def back_up(path: Path, /, *, database: DatabaseOption = DEFAULT, json: Json = False) -> None:
    """Write every row into one file, while others go on writing. What is encrypted stays encrypted; keep the key file elsewhere.

    irctl records backup /mnt/backup/records-2026-11-23.jsonl
    """
    from irctl.controller.clock import utc_now
    from irctl.records.backup import back_up

    with closing(_opened(database)) as records:
        done = back_up(records, path, utc_now())
    _tell_backup(path, done.rows, done.sha256, done.made_at, "Written", json)


def restore(path: Path, /, *, database: DatabaseOption = DEFAULT, json: Json = False) -> None:
    """Fill an empty database from a back-up, of SQLite or PostgreSQL, and read it again to see that every row is there.

    irctl records restore /mnt/backup/records-2026-11-23.jsonl --database postgresql://irctl@db/records
    """
    from irctl.records.backup import restore

    with closing(Database(database)) as records:
        done = restore(records, path)
    _tell_backup(path, done.rows, done.sha256, done.made_at, "Restored and verified", json)


def _tell_backup(path: Path, rows: int, sha256: str, made_at: str, what: str, json: bool) -> None:
    if json:
        say.as_json({"path": str(path), "rows": rows, "sha256": sha256, "made_at": made_at})
        return
    out = say.console()
    out.print(f"{what}  [cyan]{say.escape(str(path))}[/]: {rows} rows of {made_at[:19]}", soft_wrap=True)
    out.print(f"[dim]sha256 {sha256}[/]", soft_wrap=True)


def retention(
    *,
    older_than: Annotated[float, Parameter(help="Years since anything was written of a patient.")],
    database: DatabaseOption = DEFAULT,
    json: Json = False,
) -> None:
    """Patients, by reference, of whom nothing was written for so many years. They are listed for somebody to decide over; nothing is deleted.

    irctl records retention --older-than 10
    """
    from irctl.controller.clock import utc_now
    from irctl.records.retention import before, old

    if not 0 < older_than <= 1000:
        raise Refused([Problem("older-than", older_than, "is not between 0 and 1000 years", "Give the years")])
    with closing(_opened(database)) as records:
        found = old(records, before(utc_now(), older_than))
    if json:
        say.as_json([_plain(asdict(one)) for one in found])
        return
    columns = ("patient", "last written (UTC)", "sessions", "papers")
    rows = [
        (say.escape(one.patient or "– (no patient)"), f"{one.last_at:%Y-%m-%d}", one.sessions, one.papers)
        for one in found
    ]
    empty = f"Nobody's records are older than {older_than:g} years."
    say.console().print(say.table(columns, rows, right=("sessions", "papers")) if found else empty)


def rotate_key(*, key: KeyOption, database: DatabaseOption = DEFAULT, json: Json = False) -> None:
    """Make a new key, and encrypt everything with it; the first key where there is none. Cut off, it goes on when it is called again.

    irctl records rotate-key --key /etc/irctl/records.key

    Older keys stay in the file: older back-ups need them. Keep a copy of it, and not beside the database.
    """
    from irctl.records.rotating import rotate

    with closing(Database(database)) as records:
        records.prepare()
        ring, number = rotate(records, key)
    if json:
        say.as_json({"key": ring.current.id, "rows": number})
    else:
        say.console().print(f"Key [bold]{ring.current.id}[/] is in use; {number} rows were encrypted anew.")
