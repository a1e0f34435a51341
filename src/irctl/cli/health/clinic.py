"""The clinic: its file, database, keys, back-ups, what waits to be sent, how far each journal has come into the database, and whether its pages answer."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from irctl.cli.health.finding import Finding, ok, problem, unknown, warning
from irctl.domain.problems import Refused

if TYPE_CHECKING:
    from irctl.clinic.settings import ClinicFile
    from irctl.records.database import Database

BACK_UP_LATE, BACK_UP_LOST = timedelta(hours=30), timedelta(days=3)
"""One a day is made; the computer may be switched off at night, and a weekend is not forgotten."""
WAITS_MAX = timedelta(hours=1)
"""A parcel that waits for longer waits for a server that does not answer."""
BEHIND_EVENTS = 2000
"""A controller that is treating writes a few events a second, and the clinic follows within seconds."""
PAGE_S = 5.0
HERE, EVERYWHERE = "127.0.0.1", ("0.0.0.0", "::")
NAMED = "Name it: --clinic-file, or --state where its database is"
SAYS = "Look as who runs irctl, or at what its log says: journalctl -u irctl"


@dataclass(frozen=True, slots=True)
class Parcels:
    """Of one state: how many, and since when the oldest."""

    number: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class DatabaseLook:
    """`why`: why it cannot be read; `name`: its URL without a password; `revision`: of its tables."""

    name: str
    why: str = ""
    revision: str | None = None
    head: str = ""
    bytes: int = 0
    keys_needed: frozenset[str] = frozenset()
    controllers: Sequence[Mapping[str, Any]] = ()
    waiting: Parcels = field(default_factory=Parcels)
    refused: Parcels = field(default_factory=Parcels)


@dataclass(frozen=True, slots=True)
class ClinicLook:
    """`keys`: those in the key file, None where it cannot be read, and `key_problem` why. `back_up`: when the newest was written; `pages`: their HTTP status."""

    database: DatabaseLook
    key: Path
    keys: frozenset[str] | None
    key_problem: str
    key_remedy: str
    folder: Path
    folder_problem: str
    back_up: datetime | None
    pages: int | None
    url: str


def look(file: ClinicFile, state: Path) -> ClinicLook:
    """Reads alone; a database that is not there is not made. `state`: what relative names in the file are in."""
    from irctl.clinic.opening import database_url
    from irctl.records.sealing import Ring

    keys, key_problem, key_remedy = None, "", ""
    key = state / file.records.key
    try:
        keys = frozenset(Ring.read(key).keys)
    except Refused as refused:
        key_problem, key_remedy = refused.problems[0].limit, refused.problems[0].remedy
    folder = state / file.keeping.folder
    back_up, folder_problem = _newest(folder, made_by_itself=not Path(file.keeping.folder).is_absolute())
    about = file.clinic
    scheme = "http" if about.certificate is None else "https"
    host = HERE if about.host in EVERYWHERE else about.host
    url = f"{scheme}://{host}:{about.port}" if about.port else ""
    return ClinicLook(
        _database(database_url(file, state)),
        key, keys, key_problem, key_remedy, folder, folder_problem, back_up,
        _pages(url) if url else None, url,
    )  # fmt: skip


def clinic_findings(
    look: ClinicLook, now: datetime, journal: Mapping[str, Any] | None, *, running: bool
) -> list[Finding]:
    """`journal`: of the running controller, its `signer` and `seq`; None where none answers. `running`: whether the clinic should be, too."""
    base = look.database
    told = [_reachable(base)]
    if base.revision == base.head:
        told += [_keys(look), *(_followed(one, journal) for one in base.controllers), *_parcels(base, now)]
    told.append(_back_up(look, now))
    if look.url:
        told.append(_answering(look, running))
    return told


def _reachable(base: DatabaseLook) -> Finding:
    if base.why:
        return problem("clinic.database", "{name} cannot be read: {why}", "Is its server running, and may this user read it?", name=base.name, why=base.why)  # fmt: skip
    values: dict[str, object] = {"name": base.name, "revision": base.revision, "head": base.head}
    if base.revision is None:
        return unknown("clinic.database", "{name} is not there yet, or empty", "The clinic makes it at its first start; else correct [records] database", **values)  # fmt: skip
    if base.revision != base.head:
        remedy = "Start the clinic with this irctl, which brings an older one up to date; one of a newer irctl needs that irctl"
        return problem("clinic.database", "{name} has tables of revision {revision}, and this irctl knows {head}", remedy, **values)  # fmt: skip
    return ok(
        "clinic.database", "{name}, revision {revision}, {megabytes:.1f} MB", megabytes=base.bytes / 1e6, **values
    )


def _keys(look: ClinicLook) -> Finding:
    if look.keys is None and not look.database.keys_needed:
        return unknown("clinic.key", "{path} {why}, and nothing is encrypted yet", "The clinic makes it at its first start", path=look.key, why=look.key_problem)  # fmt: skip
    if look.keys is None:
        return problem("clinic.key", "{path} {why}", "{remedy}", path=look.key, why=look.key_problem, remedy=look.key_remedy)  # fmt: skip
    if lacking := look.database.keys_needed - look.keys:
        remedy = "Put back the copy of the key file that has it: without it nobody is known by name any more"
        return problem("clinic.key", "{path} lacks key {lacking}, which records are encrypted with", remedy, path=look.key, lacking=", ".join(sorted(lacking)))  # fmt: skip
    return ok("clinic.key", "{path} opens every record; keep a copy of it elsewhere", path=look.key)


def _followed(one: Mapping[str, Any], journal: Mapping[str, Any] | None) -> Finding:
    about = str(one["station"] or one["controller"])
    values: dict[str, object] = {"seq": one["seq"], "at": f"{one['at']:%Y-%m-%d %H:%M}"}
    said = "is in the records up to event {seq} of {at} UTC"
    rebuild = "irctl records rebuild --database URL; see docs/records.md"
    if one["rebuild"]:
        return warning("clinic.followed", said + ", as another version projects", rebuild, about, **values)
    if one["gaps"]:
        return warning("clinic.followed", said + "; stretches that are missing: {gaps}", rebuild, about, gaps=len(one["gaps"]), **values)  # fmt: skip
    if journal is None or journal["signer"] != one["controller"]:
        return unknown("clinic.followed", said + "; how far its journal is, only its controller says", "Run irctl doctor beside it", about, **values)  # fmt: skip
    behind = max(0, int(journal["seq"]) - int(one["seq"]))
    if behind > BEHIND_EVENTS:
        return warning("clinic.followed", said + ", {behind} events behind", SAYS, about, behind=behind, **values)
    return ok("clinic.followed", said + ", {behind} events behind", about, behind=behind, **values)


def _parcels(base: DatabaseLook, now: datetime) -> list[Finding]:
    waiting, refused = base.waiting, base.refused
    remedy = "Settings → Outbox says why; when the receiver is right again, try again there"
    told: list[Finding] = []
    if refused.number:
        told.append(
            warning("clinic.outbox", "parcels that a receiver refused: {number}", remedy, number=refused.number)
        )
    if waiting.oldest is not None and now - waiting.oldest > WAITS_MAX:
        hours = (now - waiting.oldest) / timedelta(hours=1)
        said = "parcels that wait to be sent: {number}, the oldest for {hours:.0f} h"
        told.append(warning("clinic.outbox", said, remedy, number=waiting.number, hours=hours))
    return told or [
        ok("clinic.outbox", "nothing waits for long; parcels on their way: {number}", number=waiting.number)
    ]


def _back_up(look: ClinicLook, now: datetime) -> Finding:
    check, values = "clinic.back-up", {"folder": look.folder}
    remedy = (
        "irctl records backup FILE makes one now; why the nightly one did not: the day board, or journalctl -u irctl"
    )
    if look.folder_problem:
        return problem(
            check, "{folder}: {why}", "Connect its disk, or correct [keeping] folder", why=look.folder_problem, **values
        )
    if look.back_up is None:
        return warning(check, "there is no back-up in {folder}", remedy, **values)
    hours = (now - look.back_up) / timedelta(hours=1)
    said = "the newest in {folder} is {hours:.0f} h old"
    if now - look.back_up > BACK_UP_LOST:
        return problem(check, said, remedy, hours=hours, **values)
    if now - look.back_up > BACK_UP_LATE:
        return warning(check, said, remedy, hours=hours, **values)
    return ok(check, said, hours=hours, **values)


def _answering(look: ClinicLook, running: bool) -> Finding:
    if look.pages == http.client.OK:
        return ok("clinic.pages", "its pages answer at {url}", url=look.url)
    if look.pages is not None:
        return problem("clinic.pages", "{url} answers with status {status}", SAYS, url=look.url, status=look.pages)
    if running:
        remedy = "irctl serve --no-clinic leaves them out; otherwise its log says why: journalctl -u irctl"
        return warning(
            "clinic.pages", "a controller answers, and the clinic's pages at {url} do not", remedy, url=look.url
        )
    return unknown(
        "clinic.pages", "nobody answers at {url}", "irctl serve starts the clinic beside the controller", url=look.url
    )


# --- looking ---------------------------------------------------------------------------------------------------------------


def _database(url: str) -> DatabaseLook:
    from irctl.records.database import Database, head
    from irctl.records.following import status
    from irctl.records.rotating import keys_in_use

    name = "…"
    try:
        with closing(Database(url)) as database:
            name = database.name
            if database.is_sqlite and not Path(database.engine.url.database or "").exists():
                return DatabaseLook(name, head=head())
            revision = database.revision()
            if revision != head():
                return DatabaseLook(name, revision=revision, head=head())
            return DatabaseLook(
                name,
                revision=revision,
                head=head(),
                bytes=database.bytes() or 0,
                keys_needed=frozenset(keys_in_use(database)),
                controllers=status(database),
                waiting=_of_state(database, "waiting"),
                refused=_of_state(database, "refused"),
            )
    except Refused as refused:
        return DatabaseLook(name, why=refused.problems[0].limit)


def _of_state(database: Database, state: str) -> Parcels:
    """How many parcels are so; what is in them stays sealed."""
    from sqlalchemy import func, select

    from irctl.interop.outbox import KIND
    from irctl.records.tables import papers

    mine = (papers.c.kind == KIND) & (papers.c.state == state)
    with database.reading() as connection:
        number, oldest = connection.execute(select(func.count(), func.min(papers.c.moment)).where(mine)).one()
    return Parcels(number, oldest)


def _newest(folder: Path, *, made_by_itself: bool) -> tuple[datetime | None, str]:
    """When the newest back-up in a folder was written; or why it cannot be looked into. `made_by_itself`: with the first back-up (irctl.clinic.duties.backups)."""
    from datetime import UTC

    from irctl.clinic.duties.backups import NAMED as BACK_UP

    try:
        if not folder.exists():
            return None, "" if made_by_itself else "is not there"
        written = [one.stat().st_mtime for one in folder.iterdir() if BACK_UP.match(one.name)]
    except OSError as error:
        return None, error.strerror or str(error)
    return (datetime.fromtimestamp(max(written), UTC) if written else None), ""


def _pages(url: str) -> int | None:
    """The status of the door, which needs no sign-in; None where nobody answers. Whether browsers trust its certificate is not asked."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=PAGE_S, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=PAGE_S)
    with suppress(OSError, http.client.HTTPException), closing(connection):
        connection.request("GET", "/sign-in")
        return connection.getresponse().status
    return None
