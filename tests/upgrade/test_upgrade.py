"""What each version before left behind opens with this one, goes on, and says the same as it did. What a newer one has written is left alone, and why is said."""

from __future__ import annotations

import asyncio
import json
import tarfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from apscheduler.util import obj_to_ref
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from irctl.clinic.calendar import appointments
from irctl.clinic.care import courses
from irctl.clinic.desk import Desk
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.exchange import incoming
from irctl.clinic.jobs import due
from irctl.clinic.opening import open_desk
from irctl.clinic.settings import load_clinic
from irctl.controller.clock import utc_now
from irctl.controller.config import load
from irctl.controller.journal import segments
from irctl.controller.journal.examining import examine
from irctl.controller.journal.journal import Journal
from irctl.controller.journal.reopening import JournalDamaged
from irctl.controller.journal.setting_aside import set_aside
from irctl.devices.mapped.loading import load_map
from irctl.documents.exported import verify
from irctl.domain import chain
from irctl.domain.electronic_signature import Meaning
from irctl.domain.orders import Order
from irctl.domain.problems import Refused
from irctl.domain.tokens import PUBLIC_KEY
from irctl.examples import examples
from irctl.records import tables
from irctl.records.backup import restore
from irctl.records.database import Database, head
from irctl.records.digest import digest
from irctl.records.following import cursor, follow
from irctl.records.papers import Wanted
from irctl_campaign.process import Process
from irctl_campaign.virtual import run_virtual
from irctl_campaign.week_people import ASSISTANT
from irctl_simulator.station import SimStation
from tests.records.postgres import Server, a_server

HERE = Path(__file__).parent
BEFORE = sorted(HERE.glob("*.tar.xz"))
LATER = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Left:
    """By a version before, in a folder of its own."""

    state: Path
    about: dict[str, Any]

    @property
    def journal(self) -> Path:
        return self.state / "journal.jsonl"


@pytest.fixture(params=BEFORE, ids=lambda path: path.name.removesuffix(".tar.xz"))
def left(request: pytest.FixtureRequest, tmp_path: Path) -> Left:
    with tarfile.open(request.param) as packed:
        packed.extractall(tmp_path, filter="data")
    return Left(tmp_path, json.loads((tmp_path / "digests.json").read_text("utf-8")))


@pytest.fixture
def desk(left: Left) -> Iterator[Desk]:
    opened = open_desk(load_clinic(left.state / "clinic.toml"), left.state, Issuer(left.state), utc_now, stations={})
    yield opened
    opened.database.close()


def test_its_journal_holds_and_goes_on(left: Left):
    before = examine(left.journal)
    assert before.broken is None
    assert before.signed
    assert len(list(left.state.glob("journal-*.jsonl"))) > 1, "it has closed files, too"
    (alarm,) = (event for event in segments.events_after(left.journal, 0) if event["event"] == "alarm")

    async def go_on() -> None:
        hardware = tomllib.loads((examples() / "demo-sim.toml").read_text("utf-8"))
        config = load(left.state / "station.toml")
        process = await Process.start(SimStation.from_config(hardware), config, left.state, lambda: LATER)
        assert process.station.journal.writable
        assert process.station.shutdown.latch is None
        assert [(one.id, one.text) for one in process.station.alarms.open] == [(alarm["id"], alarm["text"])]
        process.station.alarms.acknowledge(alarm["id"], "R. Later")
        await process.switch_off()

    run_virtual(go_on())
    after = examine(left.journal)
    assert after.broken is None
    assert after.last > before.last


def test_its_database_says_what_it_said(left: Left, desk: Desk):
    assert desk.database.revision() == head()
    for visit, body in left.about["visits"].items():
        assert json.loads(json.dumps(dict(desk.papers.get(courses.VISIT, visit).body), default=str)) == body
        (signature,) = desk.papers.signatures(courses.VISIT, visit)
        assert signature.meaning is Meaning.PERFORMED
    named = desk.patients.named(left.about["patients"], "a test", "upgrade", desk.now())
    assert {reference: found.person.name for reference, found in named.items()} == left.about["patients"]
    with desk.database.reading() as connection:
        now = {t.name: digest(connection, t, left.about["controller"]) for t in tables.PROJECTED}
    assert now == left.about["digests"]


def test_what_another_system_had_told_it_still_waits_and_can_be_taken_over(left: Left, desk: Desk):
    acting = desk.acting(ASSISTANT)
    (one,) = incoming.waiting(desk, acting)
    assert (one.news.system, one.news.name) == ("registration", "Adaeze Sample")
    patient = incoming.take(desk, acting, one.id, one.version)
    assert patient in left.about["patients"], "by the number of the record"
    (appointment,) = desk.papers.find(appointments.KIND, Wanted(patient=patient))
    assert appointment.index.moment == one.news.at
    assert incoming.waiting(desk, acting) == []


def test_its_journal_read_anew_makes_the_same_rows(left: Left, desk: Desk, tmp_path: Path):
    fresh = Database(f"sqlite:///{tmp_path / 'fresh.sqlite'}")
    fresh.prepare()
    controller = left.about["controller"]
    last = cursor(desk.database, controller).seq
    follow(fresh, controller, (event for event in segments.events_after(left.journal, 0) if event["seq"] <= last))
    with fresh.reading() as connection:
        assert {t.name: digest(connection, t, controller) for t in tables.PROJECTED} == left.about["digests"]
    fresh.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with a_server() as running:
        yield running


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_its_back_up_comes_back_into_either_database(
    left: Left, kind: str, tmp_path: Path, request: pytest.FixtureRequest
):
    url = (
        f"sqlite:///{tmp_path / 'restored.sqlite'}"
        if kind == "sqlite"
        else request.getfixturevalue("server").database()
    )
    database = Database(url)
    assert restore(database, left.state / "backup.jsonl").rows > 50
    assert cursor(database, left.about["controller"]).seq > 0
    database.close()


def test_its_files_are_read_and_its_keys_too(left: Left):
    assert set(load(left.state / "station.toml").file.lamps) == {"left", "right"}
    assert load_map(left.state / "maps" / "drr245.toml")
    said = jwt.decode(
        Issuer(left.state).service(LATER), load_pem_public_key((left.state / PUBLIC_KEY).read_bytes()), algorithms=["EdDSA"],
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )  # fmt: skip
    assert said["service"] is True


def test_the_jobs_that_its_schedule_has_kept_are_still_found():
    """APScheduler keeps the name of what it calls; a job whose name leads nowhere is thrown away, with a complaint."""
    assert obj_to_ref(due) == "irctl.clinic.jobs:due"


def test_its_evidence_is_still_verified(left: Left):
    found = verify((left.state / "session.irctl.json").read_bytes())
    assert not found.problems
    assert len(found.holds) >= 8


# --- a newer one ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def newer(left: Left) -> Left:
    """A journal that a newer irctl has gone on with, until it crashed."""
    journal = Journal(left.journal, lambda: LATER)

    async def write() -> None:
        journal.open()
        journal.write(chain.STARTED, version="9.1.0", format=2, something="that nobody knows here")
        journal.close()

    run_virtual(write())
    with left.journal.open("ab") as crashed:
        crashed.write(b'{"half a line')
    return left


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_no_light_on_a_newer_journal_nothing_is_written_and_both_versions_are_named(newer: Left):
    before = everything_in(newer.state)

    async def opened() -> None:
        Journal(newer.journal, lambda: LATER).open()

    with pytest.raises(
        JournalDamaged, match=r"written by irctl 9\.1\.0.*format 2, and this one knows 1.*Install that version"
    ):
        run_virtual(opened())
    assert everything_in(newer.state) == before
    with pytest.raises(ValueError, match=r"irctl 9\.1\.0"):
        set_aside(newer.journal, lambda: LATER, by="somebody", reason="to get light")
    assert everything_in(newer.state) == before


def test_the_controller_goes_dark_serves_and_says_why_it_treats_nobody(newer: Left):
    async def start() -> str | None:
        hardware = tomllib.loads((examples() / "demo-sim.toml").read_text("utf-8"))
        config = load(newer.state / "station.toml")
        process = await Process.start(SimStation.from_config(hardware), config, newer.state, lambda: LATER)
        lamps = process.station.lamps.values()
        while not all(lamp.output.verified_dark for lamp in lamps):
            await asyncio.sleep(0.1)
        with pytest.raises(Refused, match="journal"):
            process.station.order(Order("left", 3.0, 50.0, "P-1", "lumbar", "a clinician"))
        failure = process.station.journal.failure
        await process.switch_off()
        return failure

    assert "written by irctl 9.1.0" in (run_virtual(start()) or "")


def test_a_newer_journal_is_not_projected(newer: Left, desk: Desk):
    controller = newer.about["controller"]
    before = cursor(desk.database, controller)
    with pytest.raises(Refused, match=r"written by irctl 9\.1\.0"):
        follow(desk.database, controller, segments.events_after(newer.journal, 0), batch=10_000)
    assert cursor(desk.database, controller) == before
