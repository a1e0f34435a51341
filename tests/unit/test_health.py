"""What the doctor makes of what it finds: ports, folders, clocks, journals, databases, as they may lie there."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from irctl.cli.health import clinic, clock, computer, controller, due, fleet, journal, lines, ports, state
from irctl.cli.health.finding import Finding, Verdict
from irctl.clinic.settings import ClinicFile, KeepingSection
from irctl.controller.config import load
from irctl.fleet.identity import CERTIFICATE, FOLDER, Identity
from irctl.records.database import Database, head
from tests.unit.worlds import CONFIGS, toml

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions of another kind")
NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
OK, WARNING, PROBLEM, UNKNOWN = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM, Verdict.UNKNOWN


def verdicts(findings: list[Finding]) -> dict[str, Verdict]:
    """The gravest of each check; whatever is said can be said."""
    told: dict[str, Verdict] = {}
    for finding in findings:
        assert finding.text
        assert bool(finding.remedy) is (finding.verdict is not OK), finding
        rank = [OK, UNKNOWN, WARNING, PROBLEM]
        told[finding.check] = max(told.get(finding.check, OK), finding.verdict, key=rank.index)
    return told


def one(findings: list[Finding], check: str) -> Finding:
    (found,) = [finding for finding in findings if finding.check == check]
    return found


# --- ports -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """The root of a computer with an FTDI adapter, as Linux shows one."""
    root = tmp_path / "root"
    usb = root / "sys/devices/usb1/1-1"
    (usb / "1-1:1.0/ttyUSB0").mkdir(parents=True)
    (usb / "idVendor").write_text("0403\n")
    (usb / "power").mkdir()
    (usb / "power/control").write_text("on\n")
    (usb / "1-1:1.0/ttyUSB0/latency_timer").write_text("1\n")
    listed = root / "sys/bus/usb-serial/devices"
    listed.mkdir(parents=True)
    (listed / "ttyUSB0").symlink_to(usb / "1-1:1.0/ttyUSB0")
    (root / "dev/serial/by-id").mkdir(parents=True)
    (root / "dev/ttyUSB0").write_text("")
    (root / "dev/serial/by-id/usb-FTDI_A1-if00").symlink_to("../../ttyUSB0")
    opened(root, 41, "irctl")
    return root


def opened(root: Path, pid: int, name: str) -> None:
    process = root / "proc" / str(pid)
    (process / "fd").mkdir(parents=True)
    (process / "comm").write_text(f"{name}\n")
    (process / "fd/3").symlink_to(root / "dev/ttyUSB0")


BY_ID = "/dev/serial/by-id/usb-FTDI_A1-if00"


@posix
def test_an_adapter_that_is_as_it_should_be_is_well(adapter: Path) -> None:
    found = verdicts(ports.port_findings(ports.look("rs485", BY_ID, adapter), ours=(41,)))
    assert found == dict.fromkeys(("port.permission", "port.name", "port.latency", "port.power", "port.alone"), OK)


@posix
def test_a_name_by_order_is_told_with_the_name_that_stays(adapter: Path) -> None:
    found = one(ports.port_findings(ports.look("rs485", "/dev/ttyUSB0", adapter), ours=(41,)), "port.name")
    assert found.verdict is WARNING
    assert found.remedy == f'Write port = "{BY_ID}" under [lines.rs485]'


@posix
def test_the_name_that_irctls_own_udev_rules_give_comes_first(adapter: Path) -> None:
    (adapter / "dev/irctl").mkdir()
    (adapter / "dev/irctl/A50285BI").symlink_to("../ttyUSB0")
    assert ports.look("rs485", "/dev/ttyUSB0", adapter).stable == "/dev/irctl/A50285BI"


@posix
def test_the_program_at_the_other_end_of_a_pseudo_terminal_disturbs_nobody() -> None:
    """A simulator keeps this end open, too."""
    master, slave = os.openpty()
    try:
        look = ports.look("rs485", os.ttyname(slave))
        assert "port.alone" not in verdicts(ports.port_findings(look, ours=()))
    finally:
        os.close(master)
        os.close(slave)


@posix
def test_a_slow_adapter_and_one_that_may_be_switched_off_are_told_with_the_command(adapter: Path) -> None:
    (adapter / "sys/devices/usb1/1-1/1-1:1.0/ttyUSB0/latency_timer").write_text("16\n")
    (adapter / "sys/devices/usb1/1-1/power/control").write_text("auto\n")
    found = ports.port_findings(ports.look("rs485", BY_ID, adapter), ours=(41,))
    assert verdicts(found)["port.latency"] is verdicts(found)["port.power"] is WARNING
    assert one(found, "port.latency").text == "the adapter holds bytes back for up to 16 ms"
    assert "echo 1 | sudo tee " in one(found, "port.latency").remedy


@posix
def test_somebody_else_at_the_port_is_named(adapter: Path) -> None:
    opened(adapter, 77, "ModemManager")
    found = one(ports.port_findings(ports.look("rs485", BY_ID, adapter), ours=(41,)), "port.alone")
    assert (found.verdict, found.text) == (PROBLEM, "somebody else has it open: ModemManager (process 77)")


@posix
def test_a_port_that_is_not_there_says_nothing_more_than_that(adapter: Path) -> None:
    (found,) = ports.port_findings(ports.look("rs485", "/dev/ttyUSB1", adapter), ours=())
    assert (found.check, found.verdict) == ("port.exists", PROBLEM)


def test_who_may_not_open_a_port_is_told_of_its_group() -> None:
    look = ports.PortLook("rs485", "/dev/ttyS0", True, openable=False, group="dialout", user="okafor")
    found = one(ports.port_findings(look, ours=()), "port.permission")
    assert found.verdict is PROBLEM
    assert "usermod -aG dialout okafor" in found.remedy


def test_processes_that_may_not_be_seen_are_not_nobody() -> None:
    look = ports.PortLook("rs485", "/dev/ttyS0", True, openable=True, all_processes=False)
    assert verdicts(ports.port_findings(look, ours=()))["port.alone"] is UNKNOWN


@posix
def test_a_process_of_this_computer_that_has_a_file_open_is_found(tmp_path: Path) -> None:
    """By the real /proc."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("there is no /proc here")
    port = tmp_path / "port"
    with port.open("w"):
        assert os.getpid() in [one.pid for one in ports.look("rs485", str(port)).openers]
    assert ports.look("rs485", str(port)).openers == ()


# --- lines -----------------------------------------------------------------------------------------------------------------


def a_line(**changes: Any) -> Mapping[str, Any]:
    device = {"name": "dimmer", "unit": 12, "requests": 1000, "ok": 1000}
    return {
        "name": "rs485", "status": "up", "reason": None, "requests": 1000, "errors": {"NoReply": 2}, "devices": [device], **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, {"line.up": OK}),
        ({"errors": {"NoReply": 11}}, {"line.errors": WARNING}),
        ({"errors": {"NoReply": 5}, "requests": 20}, {"line.up": OK}),
        ({"status": "down", "reason": "unplugged"}, {"line.up": PROBLEM}),
        ({"devices": [{"name": "dimmer", "unit": 12, "requests": 9, "ok": 0}]}, {"line.up": OK, "device.silent": PROBLEM}),
    ],
)  # fmt: skip
def test_a_line_is_judged_by_its_errors_and_its_silent_devices(
    changes: dict[str, Any], told: dict[str, Verdict]
) -> None:
    assert verdicts(lines.running_findings([a_line(**changes)], ["rs485"])) == told


def test_lines_that_no_controller_speaks_of_are_not_known() -> None:
    assert verdicts(lines.running_findings(None, ["rs485"])) == {"line.up": UNKNOWN}


# --- controller ------------------------------------------------------------------------------------------------------------


def a_station(**changes: Any) -> controller.Answers:
    lamp = {"name": "left", "status": "dark", "reason": None, "locked": None}
    usual = {
        "version": "1.0", "simulated": True, "latched": None, "alarms": [], "lamps": [lamp],
        "journal": {"seq": 7, "signer": "s", "failure": None, "anchor_failure": None},
    }  # fmt: skip
    return controller.Answers("http://here", "", usual | changes)


LATCH = {"at": "2026-11-26T09:00:00.000Z", "by": "somebody", "reason": "{smoke}", "source": "api"}
FULL = {"seq": 7, "signer": "s", "failure": "journal.jsonl: No space left on device", "anchor_failure": None}


@pytest.mark.parametrize(
    ("changes", "check", "verdict"),
    [
        ({}, "controller.answers", OK),
        ({"version": "0.9"}, "controller.version", WARNING),
        ({"latched": LATCH}, "controller.stopped", PROBLEM),
        ({"alarms": [{"priority": "high", "text": "skin"}]}, "controller.alarms", PROBLEM),
        ({"alarms": [{"priority": "low", "text": "due"}]}, "controller.alarms", WARNING),
        ({"journal": FULL}, "controller.journal", PROBLEM),
        ({"journal": FULL | {"failure": None, "anchor_failure": "gone"}}, "controller.anchor", WARNING),
        ({"lamps": [{"name": "left", "status": "unverified", "reason": "silent", "locked": None}]}, "controller.lamp", PROBLEM),
        ({"lamps": [{"name": "left", "status": "dark", "reason": None, "locked": "a check failed"}]}, "controller.lamp", PROBLEM),
    ],
)  # fmt: skip
def test_a_controller_is_judged_by_what_it_says(changes: dict[str, Any], check: str, verdict: Verdict) -> None:
    assert verdicts(controller.controller_findings(a_station(**changes), "1.0", 41))[check] is verdict


def test_a_controller_that_holds_the_folder_and_does_not_answer_is_a_problem_and_none_is_not_known() -> None:
    silent = controller.Answers("http://here", "connection refused")
    assert verdicts(controller.controller_findings(silent, "1.0", 41)) == {"controller.answers": PROBLEM}
    assert verdicts(controller.controller_findings(silent, "1.0", None)) == {"controller.answers": UNKNOWN}


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="there is no /proc here")
def test_who_holds_a_lock_is_seen_without_touching_it(tmp_path: Path) -> None:
    import fcntl

    lock = tmp_path / "controller.lock"
    with lock.open("w") as held:
        assert controller.holder_of(lock) is None
        fcntl.flock(held, fcntl.LOCK_EX)
        assert controller.holder_of(lock) == os.getpid()


# --- state folder, journal -------------------------------------------------------------------------------------------------


@posix
def test_a_key_that_others_may_read_and_a_folder_they_may_write_to_are_problems(tmp_path: Path) -> None:
    key = tmp_path / "people.key"
    key.write_text("secret")
    for mode, verdict in ((0o600, OK), (0o640, PROBLEM)):
        key.chmod(mode)
        assert one(state.state_findings(state.look(tmp_path), named=True), "state.key").verdict is verdict
    tmp_path.chmod(0o770)
    assert verdicts(state.state_findings(state.look(tmp_path), named=True))["state.shut"] is PROBLEM
    tmp_path.chmod(0o700)


def test_a_folder_that_is_not_there_is_a_problem_only_where_somebody_named_it(tmp_path: Path) -> None:
    look = state.look(tmp_path / "nowhere")
    assert verdicts(state.state_findings(look, named=True)) == {"state.folder": PROBLEM}
    assert verdicts(state.state_findings(look, named=False)) == {"state.folder": UNKNOWN}


@pytest.mark.parametrize(("free", "verdict"), [(10**8, PROBLEM), (10**9, WARNING), (10**10, OK)])
def test_a_disk_that_fills_up_is_told_in_time(free: int, verdict: Verdict) -> None:
    look = state.StateLook(Path("/x"), True, free_bytes=free, writable=True, mode=0o700)
    assert verdicts(state.state_findings(look, named=True))["state.room"] is verdict


def test_what_may_not_be_looked_at_is_not_known_and_a_disk_that_failed_is_a_problem() -> None:
    shut = state.StateLook(Path("/x"), True, why="Permission denied")
    assert verdicts(state.state_findings(shut, named=True)) == {"state.folder": UNKNOWN}
    dead = state.StateLook(Path("/x"), True, free_bytes=10**10, read_only_disk=True, mode=0o700)
    assert verdicts(state.state_findings(dead, named=True))["state.writable"] is PROBLEM


def test_without_a_journal_nothing_is_said_to_hold(tmp_path: Path) -> None:
    found = journal.look(tmp_path, None)
    assert verdicts(journal.journal_findings(found, "", running=False)) == {"journal.holds": UNKNOWN}
    (tmp_path / "journal.jsonl").write_text("no journal\n")
    found = journal.look(tmp_path, None)
    assert verdicts(journal.journal_findings(found, "", running=False))["journal.holds"] is not OK


# --- clock, computer -------------------------------------------------------------------------------------------------------


def at(wall_s: float, mono_s: float) -> journal.Written:
    return journal.Written(NOW + timedelta(seconds=wall_s), mono_s)


@pytest.mark.parametrize(
    ("started", "check", "verdict"),
    [
        (at(-100, 900.0), "clock.steady", OK),
        (at(-160, 900.0), "clock.steady", WARNING),
        (at(-40, 900.0), "clock.steady", WARNING),
        (at(-100, 2000.0), "clock.steady", UNKNOWN),
        (None, "clock.steady", UNKNOWN),
    ],
)
def test_the_wall_clock_is_compared_with_the_one_that_nobody_sets(
    started: journal.Written | None, check: str, verdict: Verdict
) -> None:
    look = clock.ClockLook(True, NOW, 1000.0)
    assert verdicts(clock.clock_findings(look, started, started))[check] is verdict


def test_a_clock_behind_the_journal_was_set_back_and_one_that_nobody_keeps_is_a_warning() -> None:
    found = verdicts(clock.clock_findings(clock.ClockLook(False, NOW, 1000.0), None, at(3600, 1.0)))
    assert (found["clock.back"], found["clock.kept"]) == (PROBLEM, WARNING)
    assert verdicts(clock.clock_findings(clock.ClockLook(None, NOW, 1.0), None, None))["clock.kept"] is UNKNOWN


def a_computer(**changes: Any) -> computer.ComputerLook:
    usual = computer.ComputerLook((3, 11, 7), "Linux", "1.0", {"rich": "15.0"}, {"rich": "15.0"}, can_sleep=False)
    return replace(usual, **changes)


@pytest.mark.parametrize(
    ("changes", "check", "verdict"),
    [
        ({}, "computer.packages", OK),
        ({"pinned": {"rich": "14.0"}}, "computer.packages", WARNING),
        ({"packages": {"rich": None}}, "computer.packages", PROBLEM),
        ({"pinned": None}, "computer.packages", UNKNOWN),
        ({"python": (3, 10, 0)}, "computer.python", PROBLEM),
        ({"can_sleep": True}, "computer.awake", WARNING),
        ({"can_sleep": None}, "computer.awake", UNKNOWN),
    ],
)
def test_a_computer_is_judged_by_its_packages_and_its_sleep(
    changes: dict[str, Any], check: str, verdict: Verdict
) -> None:
    assert verdicts(computer.computer_findings(a_computer(**changes)))[check] is verdict


@posix
def test_a_computer_sleeps_unless_every_way_is_barred(tmp_path: Path) -> None:
    assert computer.look(tmp_path).can_sleep is None
    (tmp_path / "sys/power").mkdir(parents=True)
    (tmp_path / "sys/power/state").write_text("freeze mem disk\n")
    assert computer.look(tmp_path).can_sleep is True
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    for target in computer.SLEEP_TARGETS:
        (tmp_path / "etc/systemd/system" / target).symlink_to("/dev/null")
    assert computer.look(tmp_path).can_sleep is False


def test_this_computer_has_what_irctl_needs() -> None:
    look = computer.look()
    assert None not in look.packages.values()
    assert {"fastapi", "rich", "pyserial"} <= look.packages.keys()
    assert look.pinned is not None
    assert look.packages.keys() <= look.pinned.keys(), "every package is pinned"


# --- what is due -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "overdue", "soon", "verdict"),
    [
        ("calibration", True, True, PROBLEM),
        ("calibration", False, True, WARNING),
        ("calibration", False, False, OK),
        ("check", True, True, WARNING),
        ("maintenance", True, True, WARNING),
        ("meter", True, True, WARNING),
    ],
)
def test_only_a_calibration_that_ran_out_keeps_a_lamp_dark(
    kind: str, overdue: bool, soon: bool, verdict: Verdict
) -> None:
    item = {"kind": kind, "about": "left", "text": f"{kind} of left", "overdue": overdue, "soon": soon, "at": None, "hours_left": None}  # fmt: skip
    assert verdicts(due.due_findings([item])) == {f"due.{kind}": verdict}


def test_on_paper_a_calibration_that_ran_out_may_have_a_successor_in_the_journal() -> None:
    config = load(CONFIGS / "demo.toml")
    for now, verdict in ((NOW, OK), (NOW.replace(year=2036, day=20, month=10), WARNING), (NOW.replace(year=2037), WARNING)):  # fmt: skip
        found = verdicts(due.due_on_paper(config, now))
        assert (found["due.calibration"], found["due.upkeep"]) == (verdict, UNKNOWN)


# --- the clinic ------------------------------------------------------------------------------------------------------------


def a_clinic_look(**changes: Any) -> clinic.ClinicLook:
    base = clinic.DatabaseLook("sqlite:///x", revision="0005", head="0005", bytes=10**6, keys_needed=frozenset({"k"}))
    usual = clinic.ClinicLook(base, Path("records.key"), frozenset({"k"}), "", "", Path("backups"), "", NOW - timedelta(hours=9), 200, "http://x")  # fmt: skip
    return replace(usual, **changes)


def a_base(**changes: Any) -> dict[str, Any]:
    return {"database": replace(a_clinic_look().database, **changes)}


STATION = {"controller": "s", "station": "Room 1", "seq": 100, "at": NOW, "gaps": [], "rebuild": False}


@pytest.mark.parametrize(
    ("changes", "check", "verdict"),
    [
        ({}, "clinic.database", OK),
        (a_base(why="connection refused"), "clinic.database", PROBLEM),
        (a_base(revision="0004"), "clinic.database", PROBLEM),
        (a_base(revision=None), "clinic.database", UNKNOWN),
        (a_base(keys_needed=frozenset({"k", "older"})), "clinic.key", PROBLEM),
        ({"keys": None, "key_problem": "is not there", "key_remedy": "see {docs}"}, "clinic.key", PROBLEM),
        ({"back_up": NOW - timedelta(hours=31)}, "clinic.back-up", WARNING),
        ({"back_up": NOW - timedelta(days=4)}, "clinic.back-up", PROBLEM),
        ({"back_up": None}, "clinic.back-up", WARNING),
        ({"folder_problem": "is not there"}, "clinic.back-up", PROBLEM),
        (a_base(refused=clinic.Parcels(1, NOW)), "clinic.outbox", WARNING),
        (a_base(waiting=clinic.Parcels(1, NOW - timedelta(hours=2))), "clinic.outbox", WARNING),
        (a_base(waiting=clinic.Parcels(1, NOW)), "clinic.outbox", OK),
        (a_base(controllers=[STATION]), "clinic.followed", OK),
        (a_base(controllers=[STATION | {"seq": -5000}]), "clinic.followed", WARNING),
        (a_base(controllers=[STATION | {"gaps": [(1, 4)]}]), "clinic.followed", WARNING),
        (a_base(controllers=[STATION | {"controller": "another"}]), "clinic.followed", UNKNOWN),
        ({"pages": 500}, "clinic.pages", PROBLEM),
        ({"pages": None}, "clinic.pages", WARNING),
    ],
)
def test_a_clinic_is_judged_by_its_database_keys_back_ups_and_what_waits(
    changes: dict[str, Any], check: str, verdict: Verdict
) -> None:
    look = a_clinic_look(**changes)
    found = verdicts(clinic.clinic_findings(look, NOW, {"signer": "s", "seq": 100}, running=True))
    assert found[check] is verdict


def test_a_clinic_that_is_only_looked_at_is_neither_made_nor_changed(tmp_path: Path) -> None:
    look = clinic.look(ClinicFile(keeping=KeepingSection(folder=str(tmp_path / "other disk"))), tmp_path)
    found = verdicts(clinic.clinic_findings(look, NOW, None, running=False))
    assert (found["clinic.database"], found["clinic.back-up"]) == (UNKNOWN, PROBLEM)
    inside = clinic.look(ClinicFile(), tmp_path)
    assert verdicts(clinic.clinic_findings(inside, NOW, None, running=False))["clinic.back-up"] is WARNING
    assert list(tmp_path.iterdir()) == []


def test_a_real_database_says_its_revision_and_what_waits(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'records.sqlite'}")
    database.prepare()
    database.close()
    base = clinic.look(ClinicFile(), tmp_path).database
    assert (base.revision, base.why, base.waiting) == (head(), "", clinic.Parcels())
    (tmp_path / "records.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 99)
    assert clinic.look(ClinicFile(), tmp_path).database.why


def test_a_postgresql_that_does_not_answer_is_a_problem_without_its_password(tmp_path: Path) -> None:
    file = tmp_path / "clinic.toml"
    file.write_text(toml({"records": {"database": "postgresql://irctl:hidden-word@127.0.0.1:9/records"}}), "utf-8")
    from irctl.clinic.settings import load_clinic

    found = clinic.clinic_findings(clinic.look(load_clinic(file), tmp_path), NOW, None, running=False)
    assert one(found, "clinic.database").verdict is PROBLEM
    assert "hidden-word" not in "".join(finding.text for finding in found)


# --- the fleet -------------------------------------------------------------------------------------------------------------


def test_a_station_and_a_clinic_that_are_not_paired_say_how(tmp_path: Path) -> None:
    look = fleet.look(tmp_path)
    assert verdicts(fleet.fleet_findings(look, NOW, door=True, stations=())) == {"fleet.paired": PROBLEM}
    assert verdicts(fleet.fleet_findings(look, NOW, door=False, stations=("room-7",))) == {"fleet.paired": PROBLEM}
    shut = fleet.FleetLook((), "Permission denied")
    assert verdicts(fleet.fleet_findings(shut, NOW, door=True, stations=())) == {"fleet.paired": UNKNOWN}


@pytest.mark.parametrize(("days", "verdict"), [(100, OK), (3653 - 100, WARNING), (3654, PROBLEM)])
def test_a_real_certificate_is_told_of_in_its_last_months(tmp_path: Path, days: int, verdict: Verdict) -> None:
    Identity.new("Room 7", NOW).keep(tmp_path)
    (tmp_path / FOLDER / "clinic.crt").write_bytes((tmp_path / FOLDER / CERTIFICATE).read_bytes())
    later = NOW + timedelta(days=days)
    found = fleet.fleet_findings(fleet.look(tmp_path), later, door=True, stations=())
    assert verdicts(found) == {"fleet.certificate": verdict}
    assert {finding.about for finding in found} == {"clinic.crt", "own.crt"}


def test_what_is_no_certificate_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "clinic.crt").write_text("none")
    found = fleet.fleet_findings(fleet.look(tmp_path), NOW, door=True, stations=())
    assert verdicts(found) == {"fleet.certificate": PROBLEM}
