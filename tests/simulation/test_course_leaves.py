"""A whole course leaves the clinic over real sockets: to a real FHIR server, and as HL7 to another's listener, through a network that is cut for an hour in mid-sentence."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from hl7.mllp import start_hl7_server

from irctl.clinic.exchange.sending import Sending, Target
from irctl.clinic.handover import dossiers
from irctl.clinic.office.notices import ITSELF
from irctl.clinic.settings import SendSection
from irctl.documents.dossier import Dossier
from irctl.examples import examples
from irctl.interop.fhir import load_codes
from irctl.interop.fhir.client import FhirServer
from irctl.interop.hl7 import Mllp, load_naming
from irctl.interop.outbox import Outbox, State
from irctl.records.database import Database
from irctl.records.papers import Paper, Papers
from irctl.records.sealing import Ring
from irctl_campaign.week_clinic import Clinic
from tests import twelve
from tests.interop import peer as peers

pytestmark = pytest.mark.anyio
PARCELS = 3 * twelve.VISITS
ANSWERS = {"ehr": 70, "lab": 3, "billing": 5}
"""What comes through before the network goes. The next answer is lost on its way, after the receiver has obeyed."""


def as_if_given(dossier: Dossier) -> Dossier:
    """The same course, as hardware would have given it: what is simulated is never billed."""
    visits = tuple(
        visit.model_copy(update={"note": visit.note and visit.note.model_copy(update={"simulated": False})})
        for visit in dossier.visits
    )
    return dossier.model_copy(update={"simulated": False, "visits": visits})


def approved_rules(state: Path) -> Path:
    """The example of a payer's rules, as a clinic that has checked them would have it."""
    folder = state / "payers"
    folder.mkdir()
    example = (examples() / "payers" / "medicare-part-b.toml").read_text("utf-8")
    head, rules = example.split("[[rules]]", 1)
    approval = '[approval]\nby = "A. Biller"\non = 2026-11-01\n\n'
    (folder / "medicare-part-b.toml").write_text(f"{head}{approval}[[rules]]{rules}", "utf-8")
    return folder


def running() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


@dataclass
class Network:
    """Carries bytes between the clinic and one receiver."""

    host: str
    port: int
    answers: float = float("inf")
    """So many more come back."""
    at: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])
    _carrying: list[asyncio.Task[Any]] = field(default_factory=list[asyncio.Task[Any]])

    @asynccontextmanager
    async def carried(self) -> AsyncIterator[None]:
        async with await asyncio.start_server(self._carry, "127.0.0.1", 0) as server:
            self.at = server.sockets[0].getsockname()[1]
            yield
            self._cut()
            await asyncio.gather(*self._carrying)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.answers < 0:
            writer.close()
            return
        self._carrying.append(running())
        there, back = await asyncio.open_connection(self.host, self.port)
        self._open |= {writer, back}
        await asyncio.gather(self._there(reader, back), self._back(there, writer), return_exceptions=True)
        for one in (writer, back):
            one.close()
            self._open.discard(one)

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.answers -= 1
            if self.answers < 0:
                self._cut()
                return
            writer.write(data)
            await writer.drain()
        writer.close()

    def _cut(self) -> None:
        for one in self._open:
            one.transport.abort()


@dataclass
class Listener:
    """Another implementation of MLLP, which keeps what it acknowledges."""

    got: list[Any] = field(default_factory=list[Any])

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        connected_ones: list[asyncio.Task[Any]] = []

        async def connected(reader: Any, writer: Any) -> None:
            connected_ones.append(running())
            with suppress(asyncio.IncompleteReadError, OSError):
                while not writer.is_closing():
                    message = await reader.readmessage()
                    self.got.append(message)
                    writer.writemessage(message.create_ack())
                    await writer.drain()
            writer.close()

        server = await start_hl7_server(connected, host="127.0.0.1", port=0)
        async with server:
            yield server.sockets[0].getsockname()[1]
            await asyncio.gather(*connected_ones)

    def each_once(self) -> list[Any]:
        """As a receiver keeps them: what it has by its control number is not taken again."""
        return list({str(one.segment("MSH")(10)): one for one in self.got}.values())


@dataclass(frozen=True)
class Course:
    """Given, and in the outbox of the clinic in `state`."""

    state: Path
    now: datetime
    visits: tuple[str, ...]
    doses: tuple[float, ...]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    state = tmp_path_factory.mktemp("course")
    with pytest.MonkeyPatch.context() as patched:
        gather_for = dossiers.gather_for

        async def gathered(*asked: Any) -> dossiers.Gathered:
            found = await gather_for(*asked)
            return dossiers.Gathered(as_if_given(found.dossier), found.events, found.away)

        async def put(clinic: Clinic, planned: Paper) -> Course:
            desk = clinic.desk
            naming = load_naming(examples() / "interop" / "hl7.toml")
            desk.payers = approved_rules(state)
            ehr, listener = FhirServer("https://ehr.example.org"), Mllp("127.0.0.1", 1)
            targets = {
                "ehr": Target(
                    SendSection(what="fhir", to="https://ehr.example.org", full_patient=True), ehr, load_codes()
                ),
                "lab": Target(SendSection(what="results", to="mllp://127.0.0.1:1"), listener, naming),
                "billing": Target(SendSection(what="charges", to="mllp://127.0.0.1:1"), listener, naming),
            }
            sending = Sending(desk, Path())
            sending.targets = {"billing": targets["billing"]}
            await sending.plan(desk.now())
            assert desk.outbox.listed() == [], "what was simulated is never billed"
            patched.setattr(dossiers, "gather_for", gathered)
            sending = Sending(desk, Path())
            sending.targets = targets
            await sending.plan(desk.now())
            dossier = (await gathered(desk, ITSELF.login, desk.now(), planned.id, "a look")).dossier
            doses = tuple(visit.note.ending.delivered.best_j_cm2 for visit in dossier.visits if visit.note)
            return Course(state, desk.now(), tuple(visit.id for visit in dossier.visits), doses)

        yield twelve.give(state, put)


@pytest.fixture
def ehr() -> Iterator[peers.Peer]:
    with peers.running() as origin:
        yield peers.Peer(origin, "ehr").can()


async def test_it_is_read_back_whole_after_an_hour_without_a_network(course: Course, ehr: peers.Peer) -> None:
    database = Database(f"sqlite:///{course.state / 'records.sqlite'}")
    outbox = Outbox(Papers(database, Ring.read(course.state / "records.key")), ITSELF, Random(1))
    assert len(outbox.listed([State.WAITING])) == PARCELS

    lab, billing, there = Listener(), Listener(), urlsplit(ehr.origin)
    async with lab.listening() as lab_port, billing.listening() as billing_port:
        networks = [
            Network(str(there.hostname), int(there.port or 0), ANSWERS["ehr"]),
            Network("127.0.0.1", lab_port, ANSWERS["lab"]),
            Network("127.0.0.1", billing_port, ANSWERS["billing"]),
        ]
        async with networks[0].carried(), networks[1].carried(), networks[2].carried():
            senders = {
                "ehr": FhirServer(f"http://127.0.0.1:{networks[0].at}/ehr", timeout_s=5),
                "lab": Mllp("127.0.0.1", networks[1].at),
                "billing": Mllp("127.0.0.1", networks[2].at),
            }
            now = course.now
            for _ in range(60):
                await outbox.step(senders, now)
                now += timedelta(minutes=1)
            left = Counter(one.target for one in outbox.listed([State.WAITING]))
            assert (left["lab"], left["billing"]) == (9, 7)
            assert 0 < left["ehr"] < twelve.VISITS, "some went, then nothing"
            for network in networks:
                network.answers = float("inf")
            for _ in range(20):
                await outbox.step(senders, now)
                now += timedelta(minutes=1)
        assert outbox.listed() == []
    database.close()

    for one in (lab, billing):
        assert len(one.got) == twelve.VISITS + 1, (
            "the one whose acknowledgement was lost came twice, by the same number"
        )
        assert len(one.each_once()) == twelve.VISITS
    begun = [str(one.segment("OBR")(7)) for one in lab.each_once()]
    assert begun == sorted(set(begun)), "in their order"
    assert [str(one.segment("MSH")(9)) for one in (lab.got[0], billing.got[0])] == [
        "ORU^R01^ORU_R01",
        "DFT^P03^DFT_P03",
    ]
    procedures = ehr.all("Procedure")
    assert len(procedures) == twelve.VISITS
    assert len({one["performedPeriod"]["start"] for one in procedures}) == twelve.VISITS
    assert len(ehr.all("Patient")) == len(ehr.all("CarePlan")) == 1
    charges = Counter(one["code"]["coding"][0]["code"] for one in ehr.all("ChargeItem"))
    assert charges == {"97026": twelve.VISITS, "97110": twelve.VISITS}
    notes = [one["content"][0]["attachment"] for one in ehr.all("DocumentReference")]
    assert len(notes) == twelve.VISITS
    assert all(b64decode(note["data"]).startswith(b"%PDF") for note in notes)
    assert told_doses(ehr) == pytest.approx(sorted(course.doses), abs=0.005)
    assert charged(billing) == ["97026", "97110"] * twelve.VISITS


def told_doses(ehr: peers.Peer) -> list[float]:
    """What the server says was given, J/cm²."""
    doses = [one for one in ehr.all("Observation") if one["code"]["text"].startswith("Infrared dose delivered")]
    return sorted(one["valueQuantity"]["value"] for one in doses)


def charged(billing: Listener) -> list[str]:
    return [str(line(25)).split("^")[0] for one in billing.each_once() for line in one.segments("FT1")]
