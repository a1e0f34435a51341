"""A support bundle of a clinic and a station that are full of persons and secrets: none of them is in any byte of it."""

from __future__ import annotations

import base64
import gzip
import json
import os
import shutil
import stat
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from irctl.cli import exits
from tests.clinic.house import ADA, KNEE, a_house
from tests.clinic.test_security_files import BIRTHDAYS, TYPED, a_whole_visit
from tests.records.people import GOOD, PIN
from tests.service.worlds import DEMO, Station, a_station, irctl

MAIL_PASSWORD = "xylophone-mail-secret"
LAMP, DEVICE, LINE = "zwickelbauer-lamp", "zwickelbauer-io", "zwickelbauer-line"
IN_STATION_FILE = {
    "name": "Praxis Zwickelbauer", "laboratory": "Zwickelbauer Optics", "address": "7 Zwickelbauer Road", "owner": "Wilhelmine Zwickelbauer",
    "title": "Lamp of Wilhelmine", "clears": "Quirinius Stopclearer", "serial": "WZ-SERIAL-4477", "calibration": "zwickelbauer-room-3.toml",
    "lamp": LAMP, "device": DEVICE, "line": LINE, "origin": "zwickelbauer.example",
}  # fmt: skip
IN_CLINIC_FILE = {
    "name": "Zwickelbauer Clinic", "address": "9 Harbour Steps", "phone": "555 0177 88", "npi": "1987654321", "tax": "77-8899001", "sender": "office@zwickelbauer.example",
    "mail host": "smtp.zwickelbauer.example", "user": "mailuser-zwickelbauer", "staff": "w.zwickelbauer", "credentials": "PT, Zwickelbauer School", "staff npi": "1123456789",
    "ehr": "ehr.zwickelbauer.example", "client": "client-zwickelbauer", "system": "zwickelbauer-hospital", "folder": "backups-of-zwickelbauer",
}  # fmt: skip
IN_JOURNAL = {
    "patient": "P-ZQX-4411", "area": "left-calcaneus-typed", "orderer": "Theodora Orderer", "stopper": "Ferdinand Stopper", "stop reason": "she fainted, typed",
    "clear reason": "it was steam, typed", "maintainer": "Lavinia Cleaner", "note": "hair of the patient on the reflector",
}  # fmt: skip
IN_LOG = {
    "text": "Records of Xanthippe Vexelqvist", "field": "mrn-778899-typed", "host": "zwickelbauer-desktop", "path": "/home/zwickelbauer/irctl/notes_zwickelbauer.py",
    "plain": "Ludovica Plainlog, born 1937-08-21", "token": "eyJhbGciOiJFZERTQSJ9.zwickelbauer.token",
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """A running controller whose state folder is a clinic's, too."""

    station: Station
    config: Path
    clinic: Path
    log: Path
    patient: str

    def bundle(self, output: Path, *words: str) -> Any:
        where = ("--config", str(self.config), "--state", str(self.station.state), "--clinic-file", str(self.clinic))
        return irctl("support-bundle", "-o", str(output), *where, *words, url=self.station.url, timeout=60)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("zwickelbauer")
    state = folder / "state"
    state.mkdir()
    with a_house(state) as house:
        patient = a_whole_visit(house, house.acting("clinician"))
    config, clinic = a_station_file(folder), a_clinic_file(folder)
    (state / "mail.password").write_text(MAIL_PASSWORD)
    (state / "mail.password").chmod(0o600)
    log = folder / "zwickelbauer.log"
    log.write_text("\n".join(log_lines()) + "\n", encoding="utf-8")
    with a_station(folder, config=config) as station:
        live(station)
        yield World(station, config, clinic, log, patient)


def a_station_file(folder: Path) -> Path:
    """The demonstration's, with persons wherever somebody may type."""
    for name in ("calibrations", "meters"):
        shutil.copytree(DEMO.parent / name, folder / name)
    own = folder / "calibrations" / IN_STATION_FILE["calibration"]
    (folder / "calibrations" / "sim-r-001.toml").rename(own)
    own.write_text(own.read_text("utf-8").replace("SIM-R-001", IN_STATION_FILE["serial"]), "utf-8")
    told = IN_STATION_FILE
    changes = {
        'name = "Demonstration"\n': f'name = "{told["name"]}"\nlaboratory = "{told["laboratory"]}"\naddress = "{told["address"]}"\nowner = "{told["owner"]}"\n',
        "[lamps.right]": f"[lamps.{LAMP}]",
        'title = "Right lamp"': f'title = "{told["title"]}"',
        '"SIM-R-001"': f'"{told["serial"]}"',
        "calibrations/sim-r-001.toml": f"calibrations/{told['calibration']}",
        "[devices.io]": f"[devices.{DEVICE}]",
        '"io.': f'"{DEVICE}.',
        "[lines.relay-line]": f"[lines.{LINE}]",
        'line = "relay-line"': f'line = "{LINE}"',
        'contacts = ["stop-button"]': f'contacts = ["stop-button"]\nmay_clear = ["{told["clears"]}"]',
        "[lamps.left]": f'[clinic]\norigins = ["https://{told["origin"]}"]\n\n[lamps.left]',
    }
    text = DEMO.read_text("utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    config = folder / "zwickelbauer.toml"
    config.write_text(text, "utf-8")
    return config


def a_clinic_file(folder: Path) -> Path:
    told = IN_CLINIC_FILE
    path = folder / "clinic of zwickelbauer.toml"
    path.write_text(
        f"""
        [clinic]
        name = "{told["name"]}"
        address = "{told["address"]}"
        phone = "{told["phone"]}"
        npi = "{told["npi"]}"
        tax_id = "{told["tax"]}"
        zone = "Europe/Oslo"
        port = 0
        [keeping]
        folder = "{told["folder"]}"
        [mail]
        host = "{told["mail host"]}"
        sender = "{told["sender"]}"
        user = "{told["user"]}"
        password_file = "mail.password"
        [staff."{told["staff"]}"]
        credentials = "{told["credentials"]}"
        npi = "{told["staff npi"]}"
        [send.{told["system"]}]
        what = "fhir"
        to = "https://{told["ehr"]}/fhir"
        client_id = "{told["client"]}"
        """,
        "utf-8",
    )
    return path


def log_lines() -> list[str]:
    told = IN_LOG
    return [
        json.dumps({"event": "night.failed", "at": "2026-11-26T02:00:00.000000Z", "level": "warning", "text": told["text"], "mrn": told["field"]}),
        json.dumps({"event": told["plain"], "at": told["plain"], "level": told["token"], "text": f"database: No space left on device, {told['plain']}"}),
        f"2026-11-26T10:00:00 {told['host']} irctl[7]: irctl serve: the controller has ended (killed by signal 9); starting it again now {told['plain']}",
        "Traceback (most recent call last):",
        f'  File "{told["path"]}", line 12, in {told["field"]}',
        '  File "/opt/irctl/lib/python3.11/site-packages/irctl/controller/journal/journal.py", line 140, in write',
        f"ValueError: {told['plain']} {told['token']}",
    ]  # fmt: skip


def live(station: Station) -> None:
    """One treatment that was stopped, one that ran, cleared, cleaned: each with a name and free words."""
    told = IN_JOURNAL
    words = (
        "--fluence",
        "0.1",
        "--irradiance",
        "50",
        "--patient",
        told["patient"],
        "--area",
        told["area"],
        "--by",
        told["orderer"],
    )
    assert station.irctl("treat", LAMP, *words).returncode == 0
    assert station.irctl("stop", "--by", told["stopper"], "--reason", told["stop reason"]).returncode == 0
    assert station.irctl("clear", "--by", IN_STATION_FILE["clears"], "--reason", told["clear reason"]).returncode == 0
    done = station.irctl("maintenance", LAMP, "cleaned", "--by", told["maintainer"], "--note", told["note"])
    assert done.returncode == 0, done.stderr


def marks(world: World) -> list[str]:
    """Everything about somebody that must not leave, and every part of a name."""
    names = [TYPED["name"], ADA.name, *(IN_JOURNAL[who] for who in ("orderer", "stopper", "maintainer"))]
    told = [word for name in names for word in name.split()]
    told += [
        *IN_STATION_FILE.values(),
        *IN_CLINIC_FILE.values(),
        *IN_JOURNAL.values(),
        *IN_LOG.values(),
        *TYPED.values(),
    ]
    told += [*BIRTHDAYS, ADA.born.isoformat(), str(ADA.number), str(ADA.contact), KNEE.diagnosis, world.patient]
    return [*told, "zwickelbauer", "notes_zwickelbauer", GOOD, PIN, MAIL_PASSWORD]


def secrets(state: Path) -> dict[str, bytes]:
    """Keys, as they lie there and as they are usually written; and what is derived of the record."""
    journal_key = (state / "journal.key").read_bytes()
    found = {
        "journal.key": journal_key,
        "its hex": journal_key.hex().encode(),
        "its base64": base64.b64encode(journal_key),
    }
    found |= {
        f"people.key, {n}": line
        for n, line in enumerate((state / "people.key").read_bytes().splitlines())
        if b"KEY" not in line
    }
    found |= {
        f"records.key, {n}": key.encode()
        for n, key in enumerate(json.loads((state / "records.key").read_text())["keys"])
    }
    events = [json.loads(line) for line in (state / "journal.jsonl").read_text("utf-8").splitlines()]
    found |= {f"hash of {event['seq']}": event["hash"].encode() for event in events}
    return found | {f"signature of {e['seq']}": e["signature"].encode() for e in events if "signature" in e}


def unpacked(path: Path) -> dict[str, bytes]:
    """Every file, the archive around them, and its packed bytes."""
    with tarfile.open(path) as archive:
        files = {one.name: archive.extractfile(one) for one in archive.getmembers()}
        assert all((one.uid, one.gid, one.uname, one.gname) == (0, 0, "", "") for one in archive.getmembers())
        found = {name: file.read() for name, file in files.items() if file is not None}
    assert all(name.startswith("irctl-support/") for name in found)
    return found | {"the archive": gzip.decompress(path.read_bytes()), "packed": path.read_bytes()}


def assert_nobody(found: dict[str, bytes], world: World) -> None:
    for name, content in found.items():
        text = content.decode("utf-8", "replace").casefold()
        for mark in marks(world):
            assert mark.casefold() not in text, name
            assert mark.encode("utf-16-le") not in content, name
        for what, secret in secrets(world.station.state).items():
            assert secret not in content, (name, what)


def test_the_world_is_full_of_what_must_not_leave(world: World) -> None:
    """Else the other tests could not fail."""
    raw = world.station.journal.read_text("utf-8")
    for what, mark in IN_JOURNAL.items():
        assert mark in raw, what
    assert all(mark in world.config.read_text("utf-8") for mark in IN_STATION_FILE.values())
    assert all(mark in world.clinic.read_text("utf-8") for mark in IN_CLINIC_FILE.values())
    assert (world.station.state / "records.sqlite").stat().st_size > 100_000


def test_no_person_and_no_secret_is_in_any_byte_of_a_bundle(world: World, tmp_path: Path) -> None:
    output = tmp_path / "case of Xanthippe Vexelqvist.tar.gz"
    done = world.bundle(output, "--log", str(world.log))
    assert done.returncode == 0, done.stderr + done.stdout
    found = unpacked(output)
    assert_nobody(found, world)
    assert stat.S_IMODE(output.stat().st_mode) == 0o600 or sys.platform == "win32"
    assert "Look at it before you send it" in done.stdout
    for name in found:
        assert Path(name).name in done.stdout or name in ("the archive", "packed", "irctl-support/MANIFEST.txt")


def test_what_helps_is_in_it(world: World, tmp_path: Path) -> None:
    output = tmp_path / "bundle.tar.gz"
    assert world.bundle(output, "--log", str(world.log), "--json").returncode == 0
    found = {Path(name).name: content for name, content in unpacked(output).items()}
    events = [json.loads(line) for line in found["journal.jsonl"].splitlines()]
    ended = next(event for event in events if event["event"] == "session.ended")
    assert (ended["lamp"], ended["outcome"]) == ("lamp-2", "completed")
    assert ended["delivered"]["best_j_cm2"] == pytest.approx(0.1, abs=0.05)
    stopped = next(event for event in events if event["event"] == "stop.evidence")
    assert stopped["lamps"]["lamp-1"]["verified_dark_s"] < 1.0
    assert {event["event"] for event in events} >= {
        "session.ordered",
        "stop.latched",
        "stop.cleared",
        "maintenance.recorded",
    }
    station = json.loads(found["station-file.json"])
    assert station["lamps"]["lamp-2"]["emitter"] == "device-2.1"
    assert station["devices"]["device-4"] == {"driver": "waveshare-io8", "line": "line-2", "unit": 2, "options": {"retrigger": "restart"}}  # fmt: skip
    clinic = json.loads(found["clinic-file.json"])
    assert clinic["send"]["system-1"]["to"] == {
        "scheme": "https://…",
        "host": "another computer, or all addresses",
        "port": None,
    }
    assert clinic["staff"] == 1
    assert {one["check"] for one in json.loads(found["doctor.json"])} >= {
        "controller.answers",
        "clinic.database",
        "clock.kept",
    }
    lines = json.loads(found["lines.json"])
    assert lines[0]["devices"][0]["ok"] > 0
    told = [json.loads(line) for line in found["log.jsonl"].splitlines()]
    assert told[0] == {
        "at": "2026-11-26T02:00:00.000000Z",
        "event": "night.failed",
        "level": "warning",
        "text": "(left out)",
        "left_out": 1,
    }
    assert told[1]["text"] == "No space left on device"
    assert told[2]["says"] == "the controller has ended … killed by signal 9 … starting it again now"
    assert told[5]["places"] == ["irctl/controller/journal/journal.py:140"]
    assert told[6]["says"] == "ValueError"
    for name in found.keys() - {"the archive", "packed", "MANIFEST.txt"}:
        assert name in found["MANIFEST.txt"].decode()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no journalctl")
def test_what_systemd_kept_is_cleaned_the_same_way(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journalctl of the test's own: what a service's log looks like is systemd's, what is in it is ours."""
    lines = [
        {"__REALTIME_TIMESTAMP": "1795600800000000", "PRIORITY": "4", "_HOSTNAME": IN_LOG["host"], "_CMDLINE": IN_LOG["path"], "MESSAGE": line}
        for line in log_lines()
    ]  # fmt: skip
    (tmp_path / "told.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", "utf-8")
    program = tmp_path / "bin" / "journalctl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat '{tmp_path}/told.jsonl'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    assert world.bundle(tmp_path / "bundle.tar.gz").returncode == 0
    found = unpacked(tmp_path / "bundle.tar.gz")
    assert_nobody(found, world)
    told = [json.loads(line) for line in found["irctl-support/log.jsonl"].splitlines()]
    assert told[2]["priority"] == 4
    assert told[2]["says"].startswith("the controller has ended … killed by signal 9")


def test_a_bundle_takes_the_place_of_nothing_and_says_what_it_could_not_read(world: World, tmp_path: Path) -> None:
    output = tmp_path / "bundle.tar.gz"
    output.write_text("mine")
    assert world.bundle(output).returncode == exits.REFUSED
    assert output.read_text() == "mine"
    done = irctl(
        "support-bundle",
        "-o",
        str(tmp_path / "b.tar.gz"),
        "--config",
        str(DEMO),
        "--state",
        str(tmp_path),
        "--json",
        url="http://127.0.0.1:9",
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    lacking = {one["name"]: one["why"] for one in json.loads(done.stdout)["files"] if one["bytes"] is None}
    assert lacking["station.json"] == "no controller answered"
    assert lacking["journal.jsonl"] == "there is no journal in the state folder"
