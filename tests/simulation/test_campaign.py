"""The campaign finds nothing in this controller, and finds each defect that is put into it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest

from irctl.controller import recovery, treatment
from irctl.controller.output import Evidence, Output
from irctl.controller.readings import Latest
from irctl.controller.session import State
from irctl.controller.shutdown import Shutdown
from irctl.controller.station import Station
from irctl.domain import rules
from irctl.domain.orders import Order
from irctl_campaign.catalogue import BY_NAME
from irctl_campaign.judge import Violation, judge
from irctl_campaign.plan import Deed, Plan, Prescription, Strike, draw
from irctl_campaign.play import play
from irctl_campaign.summary import Summary, examine, examine_all

SEEDS = range(300)


def test_no_promise_is_broken_under_seeded_faults():
    summary = Summary()
    for verdict in examine_all(SEEDS, os.cpu_count() or 1):
        summary.add(verdict)
    assert summary.violations == []
    assert summary.seeds == len(SEEDS)
    assert summary.outcomes["interrupted"] > 5
    assert sum(tally.lit for tally in summary.tallies.values()) > 20, "faults that strike in the dark prove little"


def test_a_plan_is_its_seed():
    assert draw(7) == draw(7) != draw(8)


# --- the campaign can fail ---------------------------------------------------------------------------------------------------


def _found(*strikes: Strike, deeds: tuple[Deed, ...] = (), lamp: str = "left") -> list[Violation]:
    """What is found in one treatment of about half a minute, with these strikes and deeds."""
    treated = Prescription(lamp, 0.0, 1.5, 50.0, 0.0)
    return judge(play(Plan(1, {"left": 1.0, "right": 1.0}, (treated,), deeds, strikes))).violations


def _strike(kind: str, target: str, at_s: float = 12.0, **params: float | str) -> Strike:
    return Strike(at_s, BY_NAME[kind], target, params, None)


def _promises(violations: list[Violation]) -> set[str]:
    return {violation.promise for violation in violations}


STOPPED = (Deed(12.0, "stop", "left"),)
DROPPED_RULES: dict[Callable[..., rules.Verdict], Strike] = {
    rules.interlocks_closed: _strike("interlock open", "door"),
    rules.skin_temperature: _strike("unpowered", "skin"),
    rules.irradiance_known: _strike("unpowered", "radiometer"),
    rules.record_and_calibration_hold: _strike("disk full", "controller"),
}


def test_the_unbroken_controller_passes_what_the_broken_ones_fail():
    assert _found() == []
    assert _found(deeds=STOPPED) == []
    assert _found(_strike("kill", "controller", seconds=1.0)) == []
    for strike in DROPPED_RULES.values():
        assert _found(strike) == []


@pytest.mark.parametrize("rule", DROPPED_RULES, ids=lambda rule: rule.__name__)
def test_a_dropped_rule_is_caught(monkeypatch: pytest.MonkeyPatch, rule: Callable[..., rules.Verdict]):
    monkeypatch.setattr(rules, "RULES", tuple(kept for kept in rules.RULES if kept is not rule))
    assert _promises(_found(DROPPED_RULES[rule])) & {"dark", "reason"}


def test_an_off_that_is_never_sent_is_caught(monkeypatch: pytest.MonkeyPatch):
    async def say_so(output: Output, since_s: float, *_args: object) -> Evidence:
        output.level_pct = None
        return Evidence(0.0, 0.0, 0.01, "nobody")

    monkeypatch.setattr(Output, "darken", say_so)
    assert "dark" in _promises(_found())


def test_stale_readings_taken_for_fresh_are_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Latest, "age_s", lambda latest, now_s: 0.0)
    assert "dark" in _promises(_found(_strike("unpowered", "io")))


def test_a_stop_that_does_not_latch_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Shutdown, "latch", property(lambda _: None, lambda _, __: None), raising=False)
    assert "latch" in _promises(_found(deeds=STOPPED))


def test_a_stop_that_a_restart_forgets_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Shutdown, "restore", lambda *_: None)
    assert "latch" in _promises(_found(_strike("kill", "controller", 15.0, seconds=1.0), deeds=STOPPED))


def test_a_session_that_resumes_after_a_restart_is_caught(monkeypatch: pytest.MonkeyPatch):
    run, going = Station.run, list[asyncio.Task[None]]()

    def resume(station: Station) -> None:
        run(station)
        interrupted = [e for e in station.journal.events if e["event"] == "session.ended"]
        if interrupted:
            going.append(asyncio.create_task(go_on(station)))

    async def go_on(station: Station) -> None:
        await asyncio.sleep(0.1)
        session = station.order(Order("right", 1.0, 50.0, "P-1", "lumbar", "nobody"))
        while session.state is not State.READY:
            await asyncio.sleep(0.01)
        station.lamps["right"].ask(session.id, "start", "nobody")

    monkeypatch.setattr(Station, "run", resume)
    assert "reason" in _promises(_found(_strike("kill", "controller", seconds=1.0), lamp="right"))


def test_a_session_that_a_crash_leaves_open_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recovery, "interrupted", lambda _events: ())
    assert "record" in _promises(_found(_strike("kill", "controller", seconds=1.0)))


def test_a_record_that_leaves_out_what_the_lease_allowed_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recovery, "_possible_j_cm2", lambda *_: 0.0)
    assert "interval" in _promises(_found(_strike("kill", "controller", seconds=6.0)))


def test_a_dose_that_ignores_the_afterglow_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(treatment, "AFTERGLOW_MAX_S", 0.0)
    monkeypatch.setattr("irctl.domain.dose.DoseMeter.afterglow_j_cm2", 0.0)
    assert {"dose", "interval"} & _promises(_found())


def test_a_world_that_breaks_down_is_a_finding(monkeypatch: pytest.MonkeyPatch):
    def fail(*_args: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(Station, "order", fail)
    assert _promises(examine(1).violations) == {"no defect"}
