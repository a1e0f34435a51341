"""The campaign finds nothing in this controller, and finds each defect that is put into it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from irctl.controller.light import recovery, treatment
from irctl.controller.light.output import Evidence, Output
from irctl.controller.light.readings import Latest
from irctl.controller.light.session import State
from irctl.controller.light.shutdown import Shutdown
from irctl.controller.station import Station
from irctl.domain import rules
from irctl.domain.orders import Order
from irctl.domain.problems import Refused
from irctl.domain.rules import Hazard
from irctl_campaign.catalogue import BY_NAME
from irctl_campaign.judge import Violation, judge
from irctl_campaign.page import page
from irctl_campaign.plan import Deed, Plan, Prescription, Strike, draw
from irctl_campaign.play import play
from irctl_campaign.report import as_dict
from irctl_campaign.scene import Files, demonstration, scene_of
from irctl_campaign.summary import Summary, examine, examine_all

CONFIGS = Path(__file__).parents[2] / "configs"
SEEDS = range(150)


def test_no_promise_is_broken_under_seeded_faults():
    summary = Summary()
    for verdict in examine_all(SEEDS, os.cpu_count() or 1):
        summary.add(verdict)
    assert summary.violations == []
    assert summary.seeds == len(SEEDS)
    assert summary.outcomes["interrupted"] > 5
    assert sum(tally.lit for tally in summary.tallies.values()) > 20, "faults that strike in the dark prove little"
    # Two thousand seeds reach everything. What a short run misses is chance; more than this is a rule or a change that nothing trips.
    assert len(summary.hazards_missed) <= 2, summary.hazards_missed
    assert len(summary.transitions_missed) <= 3, summary.transitions_missed


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


# --- another station ---------------------------------------------------------------------------------------------------------

SINGLE = Files.of(CONFIGS / "single.toml", None)
"""One lamp without instruments, on slower lines and with longer leases than the demonstration."""


def _found_on_single(*strikes: Strike) -> list[Violation]:
    scene = scene_of(SINGLE)
    return judge(
        play(Plan(1, {"single": 1.0}, (Prescription("single", 0.0, 1.0, 40.0, 0.0),), (), strikes), scene)
    ).violations


def test_another_station_keeps_the_promises_too():
    summary = Summary(SINGLE)
    for seed in range(12):
        summary.add(examine(seed, SINGLE))
    assert summary.violations == []
    assert summary.outcomes["completed"] >= 12, "each seed ends with a treatment"
    assert "gain" not in summary.tallies, "nothing measures at this station"
    assert Hazard.TOO_BRIGHT not in summary.hazards_possible


def test_a_station_without_cut_off_keeps_them(tmp_path: Path):
    shutil.copytree(CONFIGS, tmp_path, dirs_exist_ok=True)
    _edited(tmp_path, "single.toml", 'cutoff = "contactor.3"\ncutoff_lease_s = 5.0\n', "")
    _edited(tmp_path, "single-sim.toml", 'contactor = "contactor.3"\n', "")
    files = Files.of(tmp_path / "single.toml", None)
    assert "welded" not in Summary(files).tallies
    assert [found for seed in range(6) for found in examine(seed, files).violations] == []


def test_a_station_with_a_network_line_keeps_them(tmp_path: Path):
    shutil.copytree(CONFIGS, tmp_path, dirs_exist_ok=True)
    _edited(tmp_path, "demo-sim.toml", "[lines.safety-line]", '[lines.safety-line]\nprotocol = "modbus-tcp"')
    files = Files.of(tmp_path / "demo.toml", None)
    assert set(BY_NAME["echo"].targets(scene_of(files))) == {"lamp-line", "relay-line", "sensor-line"}
    assert [found for seed in range(6) for found in examine(seed, files).violations] == []


def test_a_defect_is_caught_on_another_station(monkeypatch: pytest.MonkeyPatch):
    strike = _strike("interlock open", "curtain")
    assert _found_on_single(strike) == []
    monkeypatch.setattr(rules, "RULES", tuple(rule for rule in rules.RULES if rule is not rules.interlocks_closed))
    assert _promises(_found_on_single(strike)) & {"dark", "reason"}


def test_bounds_are_those_of_the_station_examined():
    demonstrated, single = demonstration().bounds["left"], scene_of(SINGLE).bounds["single"]
    assert demonstrated.lease_bound_s == pytest.approx(3.5)
    assert single.lease_bound_s == pytest.approx(5.0 + 1.0), "the cut-off's lease, and lines at half the speed"


def test_a_violation_names_the_command_that_shows_it_again():
    summary = Summary(SINGLE, violations=[Violation(7, "dark", 1.0, "lit")])
    command = f"irctl campaign --station {SINGLE.station} --seed 7 --timeline"
    assert as_dict(summary, 1.0)["violations"][0]["replay"] == command
    assert command in page(summary, 1.0)
    assert Summary().replay(7) == "irctl campaign --seed 7 --timeline"


def _edited(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("baud = 4800", "baud = 9600", "lines.safety-line.baud"),
        ("unit = 5", "unit = 6", "devices.dimmer.unit"),
        ('emitter = "dimmer.2"', 'emitter = "dimmer.1"', "lamps.single.emitter"),
        ('[interlocks.curtain]\ninput = "io.4"', '[interlocks.curtain]\ninput = "io.5"', "interlocks.curtain"),
        ("[lamps.single]", "[lamps.other]", "lamps.single"),
        ("irradiance_mw_cm2 = 70.0", "irradiance_mw_cm2 = 90.0", "lamps.single.calibration"),
        ('twin = "waveshare-io8"', 'twin = "no-such-twin"', "single-sim.toml: devices.io.twin"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(tmp_path: Path, old: str, new: str, field: str):
    shutil.copytree(CONFIGS, tmp_path, dirs_exist_ok=True)
    _edited(tmp_path, "single-sim.toml", old, new)
    with pytest.raises(Refused) as refused:
        scene_of(Files.of(tmp_path / "single.toml", None))
    assert field in [problem.field for problem in refused.value.problems]


def test_hardware_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(Refused, match="--hardware"):
        scene_of(Files.of(CONFIGS / "single.toml", tmp_path / "none.toml"))
