"""`python -m tests.upgrade.make FILE.tar.xz`: what the irctl that runs this leaves behind, for later versions to open. Run before each release, and kept.

A small clinic in virtual time, everybody in it invented: a course of three visits, given by the real controller to a simulated lamp and signed, a check, a treatment that was stopped in the light and who cleared it, an
alarm that nobody has acknowledged yet, an appointment that another system told of; the journal in several files, the database, keys, configuration with a device map, a back-up, one session as evidence.
"""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import sys
import tarfile
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from irctl.clinic.care import courses
from irctl.clinic.exchange import incoming
from irctl.clinic.exchange.incoming import Event, News
from irctl.clinic.handover import exporting
from irctl.records import tables
from irctl.records.backup import back_up
from irctl.records.digest import digest
from irctl.records.papers import Paper, Wanted
from irctl_campaign.week_clinic import Clinic
from irctl_campaign.week_people import CLINICIAN
from tests import twelve

VISITS = 3
NEWS = News(
    system="registration", event=Event.BOOKED, theirs="A-1", number="MRN 1001", name="Adaeze Sample",
    born=date(1961, 5, 4), at=twelve.FIRST + timedelta(days=30), about="heat",
)  # fmt: skip
KEPT = ("journal*", "records.*", "people.*", "backup.jsonl", "session.irctl.json", "digests.json", "*.toml", "calibrations", "meters", "protocols", "maps")  # fmt: skip
MAP = "drr245.toml"


def make(folder: Path) -> None:
    """Play, in an empty folder."""
    twelve.give(folder, _more, visits=VISITS, more_of_station="\n[journal]\nfile_mb_max = 0.04\n")
    (folder / "maps").mkdir()
    import irctl_drivers.maps

    shutil.copy(next(Path(irctl_drivers.maps.__file__).parent.glob("*drr245*.toml")), folder / "maps" / MAP)


async def _more(clinic: Clinic, course: Paper) -> None:
    """A stop in the light, news, then what is kept beside the records."""
    station, desk = clinic.station, clinic.desk
    order = {"lamp": "left", "fluence_j_cm2": 2.0, "irradiance_mw_cm2": 50.0, "patient": "P-OTHER", "area": "neck"}
    armed = await station.post("/v1/sessions", clinic.by(CLINICIAN), order)
    await asyncio.sleep(10.0)
    await station.post(f"/v1/sessions/{armed['id']}/start", clinic.by(CLINICIAN))
    await asyncio.sleep(20.0)
    await station.post("/v1/stop", clinic.by(CLINICIAN), {"reason": "to see that it works"})
    await asyncio.sleep(60.0)
    await station.post("/v1/clear", clinic.by(CLINICIAN), {"reason": "it does"})
    await clinic.projected()
    incoming.keep(desk, NEWS, desk.now())
    sessions = [visit.body["session"] for visit in _visits(clinic, course)]
    controller, _, session = str(sessions[0]).partition("/")
    found = await exporting.evidence(desk, clinic.by(CLINICIAN), controller, session, "kept for later versions")
    (clinic.state / "session.irctl.json").write_bytes(found.as_json())
    with desk.database.reading() as connection:
        digests = {table.name: digest(connection, table, controller) for table in tables.PROJECTED}
    about: dict[str, Any] = {
        "version": version("irctl"),
        "controller": controller,
        "session": session,
        "digests": digests,
    }
    about["visits"] = {one.id: dict(one.body) for one in _visits(clinic, course)}
    patients = {str(visit.body["patient"]) for visit in _visits(clinic, course)}
    named = desk.patients.named(patients, CLINICIAN.login, "kept for later versions", desk.now())
    about["patients"] = {reference: found.person.name for reference, found in named.items()}
    (clinic.state / "digests.json").write_text(json.dumps(about, indent=1, default=str), "utf-8")
    back_up(desk.database, clinic.state / "backup.jsonl", desk.now())


def _visits(clinic: Clinic, course: Paper) -> list[Paper]:
    return clinic.desk.papers.find(courses.VISIT, Wanted(parent=course.id))


def pack(folder: Path, file: Path) -> None:
    """The same bytes from the same files."""
    with tarfile.open(file, "w:xz", preset=9) as packed:
        for path in sorted(one for name in KEPT for one in folder.glob(name)):
            for inner in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if inner.is_file():
                    about = tarfile.TarInfo(str(inner.relative_to(folder)))
                    content = inner.read_bytes()
                    about.size, about.mode = len(content), inner.stat().st_mode & 0o777
                    packed.addfile(about, io.BytesIO(content))


if __name__ == "__main__":
    with TemporaryDirectory() as name:
        make(Path(name))
        pack(Path(name), Path(sys.argv[1]))
