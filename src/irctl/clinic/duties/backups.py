"""Back-ups by date in one folder: made, examined, and only then are older ones let go."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path

from irctl.domain.problems import Problem, Refused
from irctl.records.backup import BackedUp, back_up, examine
from irctl.records.database import Database

NAMED = re.compile(r"^records-\d{4}-\d{2}-\d{2}\.jsonl$")


def folder_of(state: Path, named: str) -> Path:
    """Where back-ups go. Raises Refused where it is not there.

    Only a folder inside the state folder is made: one elsewhere is another disk, and when that is not there, a new folder of its name would be on this one.
    """
    folder = state / named
    try:
        if not Path(named).is_absolute():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not folder.is_dir():
            remedy = "Connect its disk or make the folder; or name another: [keeping] folder"
            raise Refused([Problem("keeping.folder", named, "is not there", remedy)])
    except OSError as error:
        remedy = "Check its rights and space; or name another: [keeping] folder"
        raise Refused([Problem("keeping.folder", named, error.strerror or str(error), remedy)]) from None
    return folder


def make(database: Database, folder: Path, day: date, at: datetime, keep: int) -> tuple[Path, BackedUp, list[Path]]:
    """Today's, verified as it lies on the disk; and which older ones were let go for it. Raises Refused: then none was."""
    path = folder / f"records-{day.isoformat()}.jsonl"
    made = back_up(database, path, at)
    if examine(path) != made:
        raise Refused([Problem("backup", str(path), "is not what was written", "Check the disk; use another")])
    others = sorted((one for one in folder.iterdir() if NAMED.match(one.name) and one != path), reverse=True)
    gone = others[max(0, keep - 1) :]
    try:
        for one in gone:
            one.unlink(missing_ok=True)
    except OSError as error:
        raise Refused(
            [Problem("backup", str(path), error.strerror or str(error), "Check the folder's rights")]
        ) from None
    return path, made, gone
