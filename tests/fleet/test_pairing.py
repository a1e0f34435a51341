"""A controller and a clinic on two computers: paired by two commands, then each lets in the other and nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from irctl.clinic.settings import load_clinic
from irctl.domain.problems import Refused
from irctl.fleet.identity import Identity
from irctl.fleet.pairing import Code, Offer, join
from irctl.fleet.trust import CLINIC, of_the_clinic
from tests.fleet.worlds import a_clinic, a_free_port, a_station_file, eventually, pair
from tests.service.worlds import Station, a_station, an_order, irctl

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stations are tested on pseudo-terminals")

CLINIC_FILE = '[clinic]\nname = "Central"\nport = 0\n'


class Fleet:
    """One station with a door, paired with a clinic."""

    def __init__(self, station: Station, door: int, folder: Path) -> None:
        self.station, self.door = station, door
        self.file, self.state = folder / "clinic.toml", folder / "clinic"

    @property
    def at(self) -> str:
        return f"https://127.0.0.1:{self.door}"

    def asks(self, context: ssl.SSLContext, method: str = "GET", path: str = "/v1/station") -> Any:
        with httpx.Client(verify=context, trust_env=False, timeout=5) as client:
            return client.request(method, self.at + path).raise_for_status().json()

    @property
    def context(self) -> ssl.SSLContext:
        return of_the_clinic(self.state, "left")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder, door = tmp_path_factory.mktemp("fleet"), a_free_port()
    config = a_station_file(folder, door)
    with a_station(folder, config=config) as station:
        found = Fleet(station, door, folder)
        found.file.write_text(CLINIC_FILE, encoding="utf-8")
        pair(config, station.state, found.file, found.state, "left")
        eventually("the door opens", lambda: _answers(found))
        yield found


def _answers(fleet: Fleet) -> bool:
    try:
        return bool(fleet.asks(fleet.context))
    except (httpx.HTTPError, OSError):
        return False


def test_two_commands_and_the_clinics_file_names_the_station(fleet: Fleet):
    file = load_clinic(fleet.file)
    assert file.stations["left"].url == fleet.at
    assert file.clinic.name == "Central"
    assert fleet.asks(fleet.context)["station"] == "Left room"


def test_a_stop_of_the_clinic_passes_the_door(fleet: Fleet):
    assert fleet.asks(fleet.context, "POST", "/v1/stop")["finished"]
    irctl("clear", "--by", "A. Technician", "--reason", "a test", url=fleet.station.url)


def test_whoever_has_no_certificate_or_another_gets_nothing(fleet: Fleet, tmp_path: Path):
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    nobody.check_hostname, nobody.verify_mode = False, ssl.CERT_NONE
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
    Identity.new("irctl clinic").keep(tmp_path)
    stranger.load_cert_chain(tmp_path / "fleet" / "own.crt", tmp_path / "fleet" / "own.key")
    for context in (nobody, stranger):
        with pytest.raises((httpx.HTTPError, OSError)):
            fleet.asks(context)


def test_nothing_is_said_in_clear(fleet: Fleet):
    with socket.create_connection(("127.0.0.1", fleet.door), timeout=5) as plain:
        plain.sendall(b"GET /v1/station HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Left room" not in plain.recv(4096)


def test_an_old_tls_is_not_spoken(fleet: Fleet):
    context = fleet.context
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    with pytest.raises((httpx.HTTPError, OSError)):
        fleet.asks(context)


def test_the_clinic_does_not_speak_to_somebody_else_at_the_same_address(fleet: Fleet, tmp_path: Path):
    Identity.new("irctl controller Left room").keep(tmp_path)
    (fleet.state / "fleet" / "station-other.crt").write_bytes((tmp_path / "fleet" / "own.crt").read_bytes())
    with pytest.raises(httpx.ConnectError, match=r"self-signed|verify failed"):
        fleet.asks(of_the_clinic(fleet.state, "other"))


def test_a_light_wants_the_clinics_token_through_the_door_too(fleet: Fleet):
    """Pairing brought the clinic's public key: what it signs is understood at the controller."""
    ours = (fleet.station.state / "people.pub").read_bytes()
    assert ours == (fleet.state / "people.pub").read_bytes()


def test_whoever_knocks_without_end_disturbs_no_treatment_and_no_stop(fleet: Fleet):
    knocking = [socket.create_connection(("127.0.0.1", fleet.door), timeout=5) for _ in range(100)]
    try:
        said = fleet.station.irctl(*an_order(fluence=0.4), timeout=120)
        assert said.returncode == 0, said.stdout + said.stderr
        before_s = time.monotonic()
        assert fleet.station.irctl("stop").returncode == 0
        assert time.monotonic() - before_s < 10
    finally:
        for one in knocking:
            one.close()
    fleet.station.irctl("clear", "--by", "A. Technician", "--reason", "a test")


def test_a_door_that_was_killed_is_there_again_and_the_controller_has_not_noticed(fleet: Fleet):
    before = fleet.asks(fleet.context)["journal"]["seq"]
    for pid in _doors(fleet):
        os.kill(pid, signal.SIGKILL)
    eventually("another door", lambda: _answers(fleet))
    assert len(fleet.station.events("controller.started")) == 1
    assert fleet.asks(fleet.context)["journal"]["seq"] >= before


def _doors(fleet: Fleet) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"irctl.fleet" in words and str(fleet.door).encode() in words:
                found.append(int(entry.name))
    assert found
    return found


def test_the_clinic_follows_the_station_through_the_door(fleet: Fleet):
    fleet.file.write_text(fleet.file.read_text().replace("port = 0", f"port = {a_free_port()}"), encoding="utf-8")
    with a_clinic(fleet.file, fleet.state):
        last = _last_seq(fleet)
        eventually("the record is in the database", lambda: _projected(fleet) >= last)


def _last_seq(fleet: Fleet) -> int:
    lines = fleet.station.journal.read_text(encoding="utf-8").splitlines()
    return int(json.loads(lines[-1])["seq"])


def _projected(fleet: Fleet) -> int:
    file = fleet.state / "records.sqlite"
    if not file.exists():
        return 0
    engine = create_engine(f"sqlite:///{file}")
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT max(seq) FROM cursors")).scalar() or 0)
    except Exception:  # the tables are being made
        return 0
    finally:
        engine.dispose()


def test_paired_anew_means_that_the_clinic_before_is_out(fleet: Fleet, tmp_path: Path):
    before = fleet.context
    (tmp_path / "clinic.toml").write_text(CLINIC_FILE, encoding="utf-8")
    config = fleet.station.journal.parent.parent / "station.toml"
    pair(config, fleet.station.state, tmp_path / "clinic.toml", tmp_path / "clinic", "left")
    now = of_the_clinic(tmp_path / "clinic", "left")
    eventually("the new clinic is let in", lambda: _answers_to(fleet, now))
    assert not _answers_to(fleet, before)


def _answers_to(fleet: Fleet, context: ssl.SSLContext) -> bool:
    try:
        return bool(fleet.asks(context))
    except (httpx.HTTPError, OSError):
        return False


# --- the code ----------------------------------------------------------------------------------------------------------------


def test_a_code_is_read_however_it_was_typed():
    code = Code(bytes(range(15)), bytes(range(10)))
    assert re.fullmatch(r"([A-Z2-7]{5}-){7}[A-Z2-7]{5}", str(code))
    assert Code.read(str(code).lower().replace("-", " ")) == code


@pytest.mark.parametrize("typed", ["", "AAAAA", "ÄÖÜ", "1" * 40, "A" * 39, "A" * 41])
def test_what_is_no_code_is_refused_with_what_to_do(typed: str):
    with pytest.raises(Refused, match=r"eight groups|not a code"):
        Code.read(typed)


async def _offer(state: Path) -> tuple[Offer, int]:
    offer = Offer("Left room", state, 8972, "http://127.0.0.1:8970")
    return offer, await offer.listen("127.0.0.1", 0)


def test_a_wrong_word_pairs_nobody_and_too_many_end_the_offer(tmp_path: Path):
    async def run() -> None:
        (tmp_path / "station").mkdir()
        (tmp_path / "clinic").mkdir()
        offer, port = await _offer(tmp_path / "station")
        ended = asyncio.create_task(offer.joined(20))
        wrong = Code(offer.code.fingerprint, bytes(10))
        for _ in range(5):
            with pytest.raises(Refused, match="the code is not this one"):
                await join("left", "127.0.0.1", port, wrong, tmp_path / "clinic", b"key")
        with pytest.raises(Refused, match="too often"):
            await ended

    asyncio.run(run())
    assert not (tmp_path / "station" / "fleet").exists()


def test_a_clinic_tells_its_word_to_nobody_who_shows_another_certificate(tmp_path: Path):
    async def run() -> None:
        for name in ("station", "between", "clinic"):
            (tmp_path / name).mkdir()
        offer, _ = await _offer(tmp_path / "station")
        between, port = await _offer(tmp_path / "between")
        with pytest.raises(Refused, match="somebody stands between"):
            await join("left", "127.0.0.1", port, offer.code, tmp_path / "clinic", b"key")
        for one in (offer, between):
            waiting = asyncio.create_task(one.joined(0.01))
            with pytest.raises(Refused, match="nobody has joined"):
                await waiting

    asyncio.run(run())
    assert not (tmp_path / "clinic" / "fleet" / "station-left.crt").exists()


@pytest.mark.skipif(os.name != "posix", reason="rights as on POSIX")
def test_the_private_keys_are_their_owners_alone(fleet: Fleet):
    for state in (fleet.state, fleet.station.state):
        assert (state / "fleet" / "own.key").stat().st_mode & 0o077 == 0
    assert (fleet.station.state / "fleet" / CLINIC).exists()


def test_a_clinics_file_speaks_to_no_station_elsewhere_in_clear(tmp_path: Path):
    file = tmp_path / "clinic.toml"
    file.write_text('[stations.annex]\nurl = "http://10.0.0.7:8970"\n', encoding="utf-8")
    with pytest.raises(Refused, match=r"stations\.annex\.url.*not encrypted"):
        load_clinic(file)


def test_a_clinics_pages_go_to_no_other_computer_in_clear(tmp_path: Path):
    file = tmp_path / "clinic.toml"
    file.write_text('[clinic]\nhost = "0.0.0.0"\n', encoding="utf-8")
    with pytest.raises(Refused, match=r"clinic\.host.*nothing is encrypted"):
        load_clinic(file)
