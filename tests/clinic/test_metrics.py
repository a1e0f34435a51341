"""GET /metrics of the clinic: who is told, that nobody is in it, and that the figures are those of what has happened."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from irctl.clinic.duties.projecting import Projecting
from irctl.clinic.exchange import incoming
from irctl.clinic.exchange.incoming import Event, News
from irctl.clinic.lamps.stations import Station
from irctl.clinic.metrics import METRICS
from irctl.clinic.scrape import RECORDS_S, Scrape
from irctl.controller.api.app import create_app
from irctl.domain.people import Role
from irctl.domain.problems import Refused
from irctl.exposition import PROCESS
from irctl.interop import outcome
from irctl.interop.outcome import Later, Outcome
from tests.clinic.house import House, a_house
from tests.clinic.nights import DAY, HOUR, Night, Nobody, a_desk
from tests.clinic.test_security_pages import PRIVATE
from tests.figures import Figures
from tests.hands import Hands
from tests.records.people import GOOD, PIN, some_accounts
from tests.simulation.world import START, a_station

TOKEN = "c2l4dHkgZm91ciB0aW1lcyBub3RoaW5n"
HERE, ELSEWHERE = "127.0.0.1", "10.0.0.7"


# --- who is told -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("house")) as made:
        yield made


def asked(house: House, address: str = HERE, **headers: str) -> httpx.Response:
    return house.browser(address).get("/metrics", headers={"host": "127.0.0.1:8971", **headers})


def with_token(house: House, token: str, mode: int = 0o600) -> Path:
    path = house.folder / "metrics.token"
    path.unlink(missing_ok=True)
    path.write_text(token)
    path.chmod(mode)
    house.desk.metrics_token = path
    return path


@pytest.fixture
def token(house: House) -> Iterator[str]:
    with_token(house, f"{TOKEN}\n")
    yield TOKEN
    house.desk.metrics_token = None


def test_without_a_token_programs_of_this_computer_are_told_and_nobody_else(house: House) -> None:
    assert asked(house).status_code == 200
    assert asked(house, "::1", host="[::1]:8971").status_code == 200
    assert asked(house, ELSEWHERE).status_code == 403
    assert asked(house, ELSEWHERE, authorization=f"Bearer {TOKEN}").status_code == 403
    assert asked(house, host="clinic.example").status_code == 403, "a page that was led here by another name"
    for header in ("forwarded", "x-forwarded-for", "x-real-ip", "via"):
        assert asked(house, **{header: HERE}).status_code == 403, "a proxy asks for somebody else"


def test_with_a_token_whoever_has_it_is_told_and_nobody_else(house: House, token: str) -> None:
    for address in (HERE, ELSEWHERE):
        assert asked(house, address, authorization=f"Bearer {token}").status_code == 200
        for wrong in ("", f"Bearer {token[:-1]}", f"Bearer {token} ", f"Basic {token}", "Bearer ", token):
            answer = asked(house, address, **({"authorization": wrong} if wrong else {}))
            assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer"), wrong
            assert token not in answer.text


@pytest.mark.parametrize("content", ["", "short", " " * 40])
def test_a_token_that_could_be_guessed_lets_nobody_in(house: House, token: str, content: str) -> None:
    with_token(house, content)
    for sent in (f"Bearer {content}", f"Bearer {content.strip()}", "Bearer"):
        assert asked(house, authorization=sent).status_code == 503


def test_a_token_that_others_can_read_or_that_is_gone_lets_nobody_in(house: House, token: str) -> None:
    path = with_token(house, token, 0o644)
    assert asked(house, authorization=f"Bearer {token}").status_code == 503
    path.unlink()
    assert asked(house, authorization=f"Bearer {token}").status_code == 503


def test_nobody_is_in_it_and_nothing_is_written_down(house: House) -> None:
    before = house.everything()
    told = asked(house).text
    assert house.everything() == before
    assert "irctl_clinic_database_up 1.0" in told
    references = [house.known[name] for name in ("patient", "course", "visit", "appointment", "message")]
    for private in (*PRIVATE, *references, "clinician", "administrator", "Made-Up", "Okafor"):
        assert private not in told, private


def test_everything_is_told_that_the_list_names_and_nothing_else(house: House) -> None:
    names = Figures(asked(house).text).names
    assert names - {metric.name for metric in PROCESS} == {metric.name for metric in METRICS}


# --- what is told ----------------------------------------------------------------------------------------------------------


def figures_of(night: Night) -> Figures:
    return Figures(asyncio.run(Scrape(night.desk).text()).decode())


def test_a_back_up_tells_its_age_and_how_the_last_attempt_ended(tmp_path: Path) -> None:
    state, disk = tmp_path / "state", tmp_path / "disk"
    state.mkdir()
    night = Night(state, folder=str(disk))
    before = figures_of(night)
    night.work(HOUR)
    failed = figures_of(night)
    disk.mkdir()
    night.work(2 * DAY)
    made = figures_of(night)
    night.end()
    night.desk.database.close()

    at, last = "irctl_clinic_backup_last_success_timestamp_seconds", "irctl_clinic_backup_failed"
    assert (before(at), before(last)) == (0, 0)
    assert (failed(at), failed(last)) == (0, 1)
    assert made(last) == 0
    assert 0 < night.hands.wall.timestamp() - made(at) < DAY.total_seconds()


class Receiver:
    def __init__(self, answer: Outcome) -> None:
        self._answer = answer

    async def send(self, parcel: outcome.Parcel) -> Outcome:
        return self._answer


def test_what_waits_for_other_systems_and_from_them_is_counted_with_its_age(tmp_path: Path) -> None:
    night = Night(tmp_path)
    desk = night.desk
    desk.outbox.put("ehr", "V-1 version 1", "V-1", "P-1", "results", b"{}", desk.now())
    night.hands.go_on(HOUR)
    desk.outbox.put("ehr", "V-2 version 1", "V-2", "P-1", "results", b"{}", desk.now())
    desk.outbox.put("lab", "V-2 version 1", "V-2", "P-1", "results", b"{}", desk.now())
    asyncio.run(desk.outbox.step({"ehr": Receiver(Later("away")), "lab": Receiver(outcome.Refused("no"))}, desk.now()))
    incoming.keep(desk, News(system="hospital", event=Event.PATIENT, theirs="7"), desk.now())
    night.hands.go_on(HOUR)
    told = figures_of(night)
    night.end()
    desk.database.close()

    assert told("irctl_clinic_outbox_parcels", system="ehr", state="waiting") == 2
    assert told("irctl_clinic_outbox_parcels", system="ehr", state="refused") == 0
    assert told("irctl_clinic_outbox_parcels", system="lab", state="refused") == 1
    assert told("irctl_clinic_outbox_oldest_age_seconds", system="ehr") == pytest.approx(7200, abs=1)
    assert told("irctl_clinic_outbox_oldest_age_seconds", system="lab") == pytest.approx(3600, abs=1)
    assert told("irctl_clinic_inbox_items") == 1
    assert told("irctl_clinic_inbox_oldest_age_seconds") == pytest.approx(3600, abs=1)


def test_a_system_of_the_file_for_which_nothing_waits_is_told_with_nothing(tmp_path: Path) -> None:
    desk = a_desk(tmp_path, Hands(START), send={"ehr": {"what": "fhir", "to": "https://ehr.example.org"}})
    told = Figures(asyncio.run(Scrape(desk).text()).decode())
    desk.database.close()
    assert told("irctl_clinic_outbox_parcels", system="ehr", state="waiting") == 0
    assert told("irctl_clinic_outbox_oldest_age_seconds", system="ehr") == 0


def test_wrong_passwords_and_pins_are_counted_and_right_ones_are_not(tmp_path: Path) -> None:
    night = Night(tmp_path)
    accounts, at = some_accounts(night.desk.database), night.desk.now()
    administrator = accounts.create("r.okafor", "Rose Okafor", [Role.ADMINISTRATOR], GOOD, None, at).person
    accounts.set_pin(administrator.login, GOOD, PIN, at, 0.0)
    accounts.sign_in("r.okafor", GOOD, at, 10.0)
    for login in ("r.okafor", "nobody.here"):
        with pytest.raises(Refused):
            accounts.sign_in(login, "violin gravel", at, 100.0)
    accounts.verify_pin("r.okafor", "000000", at)
    told = figures_of(night)
    night.end()
    night.desk.database.close()

    assert told("irctl_clinic_sign_ins_failed_total", kind="sign-in-failed") == 2
    assert told("irctl_clinic_sign_ins_failed_total", kind="pin-wrong") == 1
    assert told("irctl_clinic_sign_ins_failed_total", kind="sign-in-refused") == 0


def test_a_database_that_refuses_is_down_and_its_figures_are_not_told(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.end()
    night.desk.database.close()
    (tmp_path / "records.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    told = figures_of(night)
    assert told("irctl_clinic_database_up") == 0
    assert not told.has("irctl_clinic_outbox_parcels")
    assert not told.has("irctl_clinic_backup_failed"), "unknown is not well"


def test_a_database_that_does_not_answer_is_down_before_prometheus_gives_up(tmp_path: Path) -> None:
    """Somebody else holds its file."""
    night = Night(tmp_path)
    night.end()
    night.desk.database.close()
    with closing(sqlite3.connect(tmp_path / "records.sqlite", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")

        async def ask() -> tuple[bytes, float]:
            began_s = time.monotonic()
            told = await Scrape(night.desk).text()
            took_s = time.monotonic() - began_s
            other.execute("ROLLBACK")
            other.close()
            return told, took_s

        told, took_s = asyncio.run(ask())
    assert Figures(told.decode())("irctl_clinic_database_up") == 0
    assert took_s < RECORDS_S + 3


# --- behind the journals -------------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_how_far_the_records_are_behind_a_journal(tmp_path: Path) -> None:
    (tmp_path / "clinic").mkdir()
    desk, now_s = a_desk(tmp_path / "clinic", Hands(START)), 1000.0
    answers = True

    async with a_station(tmp_path / "state") as world:
        inside = httpx.ASGITransport(create_app(world.station))

        async def answered(request: httpx.Request) -> httpx.Response:
            if not answers:
                raise httpx.ConnectError("no route to it")
            return await inside.handle_async_request(request)

        station = Station("annex", "http://annex", Nobody(), transport=httpx.MockTransport(answered), monotonic_s=lambda: now_s)  # fmt: skip
        desk.stations = {"annex": station}
        projecting = Projecting(desk, station)

        async def look() -> Figures:
            return Figures((await Scrape(desk).text()).decode())

        never = await look()
        await world.until(lambda: world.lamp.output.verified_dark)
        await station.hear()
        await projecting.step()
        level = await look()
        for _ in range(7):
            world.station.journal.write("clock.accepted", by="somebody", reason="tested")
        now_s += 4.0
        await station.hear()
        behind = await look()
        await projecting.step()
        again = await look()
        answers, now_s = False, now_s + 60.0
        running = asyncio.create_task(projecting.run())
        await asyncio.sleep(0.2)
        running.cancel()
        away = await look()
        await station.close()
    desk.database.close()

    events, seconds, contact = (f"irctl_clinic_{name}" for name in ("journal_behind_events", "journal_behind_seconds", "station_contact_age_seconds"))  # fmt: skip
    assert not never.has(events, station="annex"), "nothing is known of it"
    assert never(contact, station="annex") == float("inf")
    assert (level(events, station="annex"), level(seconds, station="annex"), level(contact, station="annex")) == (0, 0, 0)  # fmt: skip
    assert behind(events, station="annex") >= 7
    assert behind(seconds, station="annex") == 4
    assert (again(events, station="annex"), again(seconds, station="annex")) == (0, 0)
    assert (away(seconds, station="annex"), away(contact, station="annex")) == (60, 60)
    assert away("irctl_clinic_projection_errors_total", station="annex", kind="station") == 1
    assert away("irctl_clinic_projection_errors_total", station="annex", kind="journal") == 0
