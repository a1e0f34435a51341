"""A session's evidence from the real controller, while another patient is treated at the other lamp."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from irctl.clinic.care import courses
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.handover import exporting
from irctl.controller.api.app import create_app
from irctl.controller.journal import lookup
from irctl.controller.journal.memory import SAMPLES_KEPT_S
from irctl.documents.exported import Exported, made, render_pdf, verify
from irctl.domain import excerpt
from irctl.domain.orders import Order
from irctl.domain.problems import Refused
from irctl.records.papers import Paper, Wanted
from irctl_campaign.week_clinic import Clinic
from irctl_campaign.week_people import CLINICIAN
from tests import twelve
from tests.simulation.test_api import URL, the_problem
from tests.simulation.world import World, a_station

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_station(tmp_path) as world:
        await world.until(lambda: all(lamp.output.verified_dark for lamp in world.station.lamps.values()))
        yield world


@pytest.fixture
async def api(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(world.station))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        yield client


async def both_lit(world: World) -> tuple[str, str]:
    """Two patients under light at once."""
    station = world.station
    first = station.order(Order("left", 3.0, 50.0, "P-1", "lumbar", "a clinician"))
    second = station.order(Order("right", 3.0, 50.0, "P-2-SECRET", "left knee", "a clinician"))
    for session in (first, second):
        await world.until(lambda session=session: session.state == "ready")
        station.lamps[session.order.lamp].ask(session.id, "start", "a clinician")
    await world.until(lambda: first.lit and second.lit)
    await asyncio.sleep(5.0)
    station.lamps["left"].attend(first.id, "a nurse", "comfortable")
    return first.id, second.id


async def exported(api: httpx.AsyncClient, session: str) -> Exported:
    answer = await api.get(f"/v1/sessions/{session}/excerpt")
    assert answer.status_code == 200, answer.text
    return made(answer.json(), by="an auditor", at=NOW)


def public_key(world: World) -> bytes:
    return bytes.fromhex(world.station.journal.public_key or "")


@pytest.mark.anyio
@pytest.mark.virtual
class TestExcerpt:
    async def test_it_holds_and_the_other_patient_is_hashes_only(self, world: World, api: httpx.AsyncClient) -> None:
        first, second = await both_lit(world)
        await world.until(lambda: not world.station.sessions[first].running, 400)
        found = await exported(api, first)
        text = found.as_json().decode()
        assert "P-2-SECRET" not in text
        assert second not in text
        stubs = [e for e in found.excerpt["events"] if excerpt.is_stub(e)]
        assert len(stubs) > 20
        judged = verify(found.as_json(), [public_key(world)])
        assert judged.ok, judged.problems
        assert any(f"{len(stubs)} of others as hashes only" in told for told in judged.holds)
        assert any("was simulated" in told for told in judged.unchecked)
        own = [e for e in world.events() if e.get("session") == first and e["event"] != "session.sample"]
        assert [e for e in found.excerpt["events"] if e in own] == own

    async def test_after_a_stop_the_evidence_that_is_written_later_is_in_it(
        self, world: World, api: httpx.AsyncClient
    ) -> None:
        first, second = await both_lit(world)
        assert (await api.post("/v1/stop", json={"by": "a visitor"})).status_code == 200
        await world.until(lambda: not any(world.station.sessions[one].running for one in (first, second)), 60)
        await asyncio.sleep(10)
        (evidence,) = world.events("stop.evidence")
        for session in (first, second):
            found = await exported(api, session)
            assert evidence in found.excerpt["events"]
            assert verify(found.as_json(), [public_key(world)]).ok

    async def test_from_the_files_it_is_the_same_as_from_memory(self, world: World, api: httpx.AsyncClient) -> None:
        first, _ = await both_lit(world)
        await world.until(lambda: not any(one.running for one in world.station.sessions.values()), 400)
        fresh = await exported(api, first)
        await asyncio.sleep(SAMPLES_KEPT_S + 120)
        world.station.order(Order("right", 1.0, 50.0, "P-3", "ankle", "a clinician"))
        assert not world.station.journal.memory.has_samples_of(first)
        later = await exported(api, first)
        assert later.excerpt["events"] == fresh.excerpt["events"]
        assert later.excerpt["started"] == fresh.excerpt["started"]

    async def test_page_by_page_it_is_the_same(
        self, world: World, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, _ = await both_lit(world)
        await world.until(lambda: not world.station.sessions[first].running, 400)
        at_once = await exported(api, first)
        monkeypatch.setattr(lookup, "PAGE", 7)
        assert (await exported(api, first)).excerpt["events"] == at_once.excerpt["events"]

    async def test_there_is_none_of_a_session_that_goes_on_or_never_was(
        self, world: World, api: httpx.AsyncClient
    ) -> None:
        first, _ = await both_lit(world)
        for session in (first, "S-20261123-0999"):
            answer = await api.get(f"/v1/sessions/{session}/excerpt")
            assert answer.status_code == 409
            (problem,) = the_problem(answer)["problems"]
            assert "has not ended" in problem["limit"]


def test_a_visit_given_and_signed_in_the_clinic_is_verified_whole(tmp_path: Path) -> None:
    """Everything real: the clinic's papers and key, the controller's journal, in the forms in which they come."""

    async def export(clinic: Clinic, course: Paper) -> tuple[Exported, list[bytes]]:
        desk = clinic.desk
        issuer = Issuer(tmp_path)
        desk.seal = issuer.sign_export
        (visit,) = desk.papers.find(courses.VISIT, Wanted(parent=course.id))
        controller, session = courses.session_key(visit.index.session)
        with pytest.raises(Refused, match="reason"):
            await exporting.evidence(desk, clinic.by(CLINICIAN), controller, session, "")
        told = await exporting.evidence(desk, clinic.by(CLINICIAN), controller, session, "for the insurer")
        (written,) = desk.accounts.audit.listed(what="export")
        assert (written.by, written.about, written.told["reason"]) == (CLINICIAN.login, session, "for the insurer")
        keys = [bytes.fromhex(told.seal.public_key), issuer.sign_export(b"irctl export\n")[0]]
        return told, keys

    found, keys = twelve.give(tmp_path, export, visits=1)
    for file in (found.as_json(), render_pdf(found)):
        judged = verify(file, keys)
        assert judged.ok, judged.problems
        assert any("the clinic: signed by key" in told for told in judged.holds)
        assert any("the visit shows what version" in told for told in judged.holds)
    changed: dict[str, Any] = json.loads(found.as_json())
    changed["dossier"]["visits"][0]["response"]["skin"] = "as before"
    assert not verify(json.dumps(changed).encode(), keys).ok
