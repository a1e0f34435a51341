"""The alert rules, by Prometheus' own tool: each fires for what it is for, and is silent when all is well."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops.promtool import promtool, with_promtool
from tests.unit.test_docs import COMMAND, COMMANDS_NAMED, GROUPS

ROOT = Path(__file__).parents[2]
OPS = ROOT / "ops" / "prometheus"
ALERTS = OPS / "alerts.yml"
pytestmark = with_promtool

RULES: dict[str, Mapping[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}
CONTROLLER = {"job": "irctl-controller", "instance": "north:8970"}
NORTH = CONTROLLER | {"station": "North"}
LEFT, BUS = NORTH | {"lamp": "left"}, NORTH | {"line": "bus"}
CLINIC = {"job": "irctl-clinic", "instance": "clinic:8971"}
FOLLOWED = CLINIC | {"station": "north"}

Series = dict[str, str]
"""By what is between the braces, with its name before them: values as promtool writes them, one a minute."""


@dataclass(frozen=True)
class Case:
    """`fires` and `silent`: values of series. `alert`: the labels that the alert then has. `at`: minutes after the first value."""

    alert: Mapping[str, str]
    fires: Series
    silent: Series
    at: int = 20


def of(name: str, labels: Mapping[str, str], **more: str) -> str:
    told = ",".join(f'{key}="{value}"' for key, value in (labels | more).items())
    return f"{name}{{{told}}}"


def jump(name: str, labels: Mapping[str, str], **more: str) -> Case:
    """A counter that goes up once, against one that stands still."""
    series = of(name, labels, **more)
    return Case(labels | more, {series: "7x18 8x5"}, {series: "7x25"})


def gauge(name: str, labels: Mapping[str, str], bad: str, good: str, at: int = 20, **more: str) -> Case:
    series = of(name, labels, **more)
    return Case(labels | more, {series: f"{bad}x200"}, {series: f"{good}x200"}, at)


def beyond(name: str, labels: Mapping[str, str], le: str, **more: str) -> Case:
    """A value above a bound comes into a histogram, against one below it."""
    all_, within = of(f"{name}_count", labels, **more), of(f"{name}_bucket", labels, **more, le=le)
    return Case(labels | more, {all_: "9x18 10x5", within: "9x25"}, {all_: "9x18 10x5", within: "9x18 10x5"})


def deliveries(below: str, within: str, all_: str) -> Series:
    name, labels = "irctl_dose_delivered_ratio_bucket", NORTH | {"outcome": "completed"}
    return {of(name, labels, le="0.95"): below, of(name, labels, le="1.05"): within, of(name, labels, le="+Inf"): all_}


def darkenings(slow: bool) -> Series:
    """One more, within a second or within three, with a lease of two."""
    name = "irctl_time_to_dark_seconds_bucket"
    once, never = "4x18 5x5", "4x25"
    return {
        of(name, LEFT, le="1.0"): never if slow else once,
        of(name, LEFT, le="3.0"): once,
        of(name, LEFT, le="+Inf"): once,
        of("irctl_lamp_lease_seconds", LEFT, kind="emitter"): "2x25",
        of("irctl_lamp_lease_seconds", LEFT, kind="cutoff"): "1x25",
    }


def line_errors(failing: str, given_up: str) -> Series:
    return {
        of("irctl_line_errors_total", BUS, kind="NoReply"): f"0+{failing}x25",
        of("irctl_line_errors_total", BUS, kind="Preempted"): f"0+{given_up}x25",
        of("irctl_line_requests_total", BUS): "0+600x25",
    }


def readings(status_bench: str) -> Series:
    return {
        of("irctl_reading_age_seconds", LEFT, kind="skin"): "0.2x10 90x15",
        of("irctl_lamp_status", LEFT, status="bench"): f"{status_bench}x25",
    }


def behind(contact_s: str) -> Series:
    return {
        of("irctl_clinic_journal_behind_seconds", FOLLOWED): "400x25",
        of("irctl_clinic_station_contact_age_seconds", FOLLOWED): f"{contact_s}x25",
    }


CASES: Mapping[str, Case] = {
    "IrctlControllerSilent": gauge("up", CONTROLLER, "0", "1"),
    "IrctlControllerRestarts": Case(
        CONTROLLER,
        {of("process_start_time_seconds", CONTROLLER): "100x5 400x3 700x3 900x10"},
        {of("process_start_time_seconds", CONTROLLER): "100x5 400x20"},
    ),
    "IrctlLampNotDark": Case(
        LEFT | {"status": "unverified"},
        {of("irctl_lamp_status", LEFT, status="unverified"): "0x15 1x10"},
        {of("irctl_lamp_status", LEFT, status="unverified"): "0x19 1 0x5", of("irctl_lamp_status", LEFT, status="dark"): "1x25"},
    ),
    "IrctlDarkNotConfirmed": jump("irctl_dark_unverified_total", LEFT),
    "IrctlTimeToDarkLong": Case(LEFT, darkenings(slow=True), darkenings(slow=False)),
    "IrctlLeaseNearlyLost": jump("irctl_lease_margin_seconds_bucket", LEFT, le="0.25"),
    "IrctlTicksLate": Case(
        LEFT,
        {of("irctl_tick_lateness_seconds_bucket", LEFT, le="0.25"): "0+228x25", of("irctl_tick_lateness_seconds_count", LEFT): "0+240x25"},
        {of("irctl_tick_lateness_seconds_bucket", LEFT, le="0.25"): "0+239x25", of("irctl_tick_lateness_seconds_count", LEFT): "0+240x25"},
    ),
    "IrctlLoopStalls": beyond("irctl_loop_stall_seconds", NORTH, "0.25"),
    "IrctlStopLatched": Case(NORTH, {of("irctl_stop_latched", NORTH): "1x25"}, {of("irctl_stop_latched", NORTH): "0x10 1x15"}),
    "IrctlAlarmWaits": Case(
        NORTH | {"priority": "high"},
        {of("irctl_alarms_open", NORTH, priority="high"): "2x25"},
        {of("irctl_alarms_open", NORTH, priority="high"): "0x25", of("irctl_alarms_open", NORTH, priority="low"): "2x25"},
    ),
    "IrctlSessionFaulted": Case(
        LEFT | {"outcome": "faulted"},
        {of("irctl_sessions_ended_total", LEFT, outcome="faulted"): "0x18 1x5"},
        {of("irctl_sessions_ended_total", LEFT, outcome="completed"): "0+1x25", of("irctl_sessions_ended_total", LEFT, outcome="stopped"): "0x18 1x5"},
    ),
    "IrctlDoseMissed": Case(
        NORTH | {"outcome": "completed"},
        deliveries(below="0x18 1x5", within="5x18 6x5", all_="5x18 6x5"),
        deliveries(below="0x25", within="5x18 6x5", all_="5x18 6x5"),
    ),
    "IrctlDoseUnsure": beyond("irctl_dose_half_width_ratio", NORTH, "0.3", outcome="completed"),
    "IrctlReadingOld": Case(LEFT | {"kind": "skin"}, readings(status_bench="0"), readings(status_bench="1")),
    "IrctlInterlockUnknown": gauge("irctl_interlock_age_seconds", NORTH, "40", "1", interlock="door"),
    "IrctlLineDown": gauge("irctl_line_up", BUS, "0", "1"),
    "IrctlLineErrors": Case(BUS, line_errors(failing="18", given_up="0"), line_errors(failing="6", given_up="60")),
    "IrctlLineFull": Case(BUS, {of("irctl_line_busy_seconds_total", BUS): "0+51x25"}, {of("irctl_line_busy_seconds_total", BUS): "0+42x25"}),
    "IrctlLineSaturated": jump("irctl_line_refused_total", BUS, kind="LineSaturated"),
    "IrctlJournalFailed": gauge("irctl_journal_failed", NORTH, "1", "0"),
    "IrctlAnchorFailed": gauge("irctl_journal_anchor_failed", NORTH, "1", "0"),
    "IrctlJournalSlow": beyond("irctl_journal_sync_seconds", NORTH, "0.1"),
    "IrctlJournalDiskFull": gauge("irctl_journal_disk_free_bytes", NORTH, "900000000", "2000000000"),
    "IrctlClinicSilent": gauge("up", CLINIC, "0", "1"),
    "IrctlStationSilent": gauge("irctl_clinic_station_contact_age_seconds", FOLLOWED, "90", "0.4"),
    "IrctlRecordsBehind": Case(FOLLOWED, behind(contact_s="0.4"), behind(contact_s="400")),
    "IrctlJournalRefused": jump("irctl_clinic_projection_errors_total", FOLLOWED, kind="journal"),
    "IrctlDatabaseDown": gauge("irctl_clinic_database_up", CLINIC, "0", "1"),
    "IrctlOutboxWaits": gauge("irctl_clinic_outbox_oldest_age_seconds", CLINIC, "30000", "600", system="ehr"),
    "IrctlOutboxRefused": gauge("irctl_clinic_outbox_parcels", CLINIC, "2", "0", at=90, system="ehr", state="refused"),
    "IrctlInboxWaits": gauge("irctl_clinic_inbox_oldest_age_seconds", CLINIC, "90000", "600"),
    "IrctlBackupFailed": gauge("irctl_clinic_backup_failed", CLINIC, "1", "0"),
    # The clock of these tests begins at 0, so what is two days old is from before it.
    "IrctlBackupOld": gauge("irctl_clinic_backup_last_success_timestamp_seconds", CLINIC, "-170000", "0", at=90),
    "IrctlSignInsFailed": Case(
        CLINIC,
        {of("irctl_clinic_sign_ins_failed_total", CLINIC, kind="sign-in-failed"): "0+2x25", of("irctl_clinic_sign_ins_failed_total", CLINIC, kind="pin-wrong"): "0+1x25"},
        {of("irctl_clinic_sign_ins_failed_total", CLINIC, kind="sign-in-failed"): "0+1x25", of("irctl_clinic_sign_ins_failed_total", CLINIC, kind="pin-wrong"): "0x25"},
    ),
}  # fmt: skip


def test_prometheus_takes_the_rules_and_the_example_of_its_own_file() -> None:
    promtool("check", "rules", ALERTS)
    promtool("check", "config", OPS / "prometheus.yml")


def test_every_alert_fires_for_what_it_is_for_and_is_silent_otherwise(tmp_path: Path) -> None:
    assert set(CASES) == set(RULES)
    for name, case in CASES.items():
        # Without the words, which every test would have to repeat; `check rules` has tried them.
        rule = {key: told for key, told in RULES[name].items() if key != "annotations"}
        rules, tests = tmp_path / f"{name}.rules", tmp_path / f"{name}.yml"
        rules.write_text(json.dumps({"groups": [{"name": "irctl", "rules": [rule]}]}))
        both = [a_test(name, case.fires, case, fires=True), a_test(name, case.silent, case, fires=False)]
        tests.write_text(json.dumps({"rule_files": [rules.name], "evaluation_interval": "1m", "tests": both}))

    promtool("test", "rules", *tmp_path.glob("*.yml"))


def a_test(name: str, series: Series, case: Case, *, fires: bool) -> dict[str, Any]:
    labels = {"severity": RULES[name]["labels"]["severity"], **case.alert}
    return {
        "interval": "1m",
        "name": f"{name}, {'for what it is for' if fires else 'all is well'}",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "alert_rule_test": [
            {"eval_time": f"{case.at}m", "alertname": name, "exp_alerts": [{"exp_labels": labels}] if fires else []}
        ],
    }


@pytest.mark.parametrize("name", RULES)
def test_an_alert_says_how_urgent_it_is_and_what_a_person_does(name: str) -> None:
    rule = RULES[name]
    assert rule["labels"]["severity"] in ("critical", "warning")
    summary = rule["annotations"]["summary"]
    assert re.search(r"[.;:] ", summary), "what has happened, and then what to do"
    assert "{{" in summary or set(CASES[name].alert) <= set(CLINIC), "it says where"
    for words in COMMAND.findall("\n".join(re.findall(r"`([^`]+)`", summary))):
        first, _, second = words.strip().partition(" ")
        assert (words.strip() if first in GROUPS and second else first) in COMMANDS_NAMED, words
