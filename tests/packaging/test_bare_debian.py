"""From a bare Debian to a service that starts with the computer, by the how-to's own lines, with a systemd that really runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.packaging import how_to
from tests.packaging.adapters import Adapter, described
from tests.packaging.machine import RELEASED, Machine, bare_root
from tests.packaging.release import ROOT

INSTALLED = ("## 1. The files", "## 2. The programs", "## 3. The service, the user it runs as, the adapters")
TRIED = "## 4. Try it on simulated lamps"
OWN_LAMPS = "## 5. Your own lamps"
FETCHES = ("apt-get ", "/opt/irctl/bin/pip ")
NOT_IN_A_CONTAINER = ("udevadm ",)
"""Its devices are this machine's. The rules are tried on invented adapters below."""
PASSWORD = "quilted ferry mango lantern"
WAIT_S = 40.0
SIMULATOR = "irctl-sim {} --endpoints /run/irctl-sim/endpoints.json"


@pytest.fixture(scope="module")
def workstation(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Everything up to the trial done, line by line; whatever fails there fails every test here."""
    machine = Machine(bare_root(), tmp_path_factory.mktemp("bare") / "debian")
    try:
        shutil.copytree(release, machine.root / RELEASED)
        machine.start()
        for section in (*INSTALLED, TRIED):
            for line in how_to.lines(section):
                do(machine, line)
        yield machine
    finally:
        machine.scrap()


@pytest.fixture(scope="module")
def demonstration(workstation: Machine) -> Iterator[subprocess.Popen[str]]:
    """A treatment from end to end. Begun with the first test, so that nobody waits for it in the end."""
    with workstation.running("cd /tmp; irctl demo --once --json --fluence 0.5 --port 9970") as process:
        yield process


def do(machine: Machine, line: str) -> None:
    if line.startswith(NOT_IN_A_CONTAINER):
        return
    machine.run(line, outside=line.startswith(FETCHES), typed=[PASSWORD, PASSWORD] if "people add" in line else ())


def until(machine: Machine, line: str, enough: Callable[[str], bool]) -> str:
    """What the line says once that is enough."""
    give_up_s = time.monotonic() + WAIT_S
    while not enough(said := machine.run(line, check=False).said):
        assert time.monotonic() < give_up_s, f"{line}\n{said}\n{machine.run('journalctl -u irctl -n 30').said}"
        time.sleep(0.2)
    return said


def shown(machine: Machine, unit: str) -> dict[str, str]:
    said = machine.run(f"systemctl show {unit}").said
    return dict(line.partition("=")[::2] for line in said.splitlines())


def journal(machine: Machine) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (machine.root / "var/lib/irctl/journal.jsonl").read_text().splitlines()]


def served_again(machine: Machine, main_pid: str) -> None:
    """By another process than that one."""
    until(
        machine,
        "systemctl show irctl -p MainPID -p ActiveState",
        lambda said: "=active" in said and f"={main_pid}\n" not in said,
    )


@pytest.mark.usefixtures("demonstration")
def test_the_service_runs_and_is_enabled(workstation: Machine) -> None:
    assert workstation.run("systemctl is-active irctl irctl-sim").said.split() == ["active", "active"]
    assert workstation.run("systemctl is-enabled irctl irctl-sim").said.split() == ["enabled", "enabled"]
    assert shown(workstation, "irctl")["StatusText"] == "serving http://127.0.0.1:8970"
    assert workstation.run("systemctl --failed --no-legend").said == ""


def test_every_lamp_was_driven_dark_before_anything_was_served(workstation: Machine) -> None:
    events = [event["event"] for event in journal(workstation)]
    assert events[0] == "controller.started"
    assert events[1:3] == ["lamp.dark_verified"] * 2


def test_the_pages_answer_and_who_was_added_can_sign_in(workstation: Machine) -> None:
    for address, words in (("127.0.0.1:8970", "irctl"), ("127.0.0.1:8971", "Lakeside Clinic")):
        until(
            workstation,
            f"""python3 -c 'import urllib.request as u; print(u.urlopen("http://{address}").read().decode())'""",
            lambda said, words=words: words in said,
        )
    workstation.run("XDG_CONFIG_HOME=/tmp/of-r.okafor irctl sign-in r.okafor", typed=[PASSWORD])


def test_its_log_is_in_the_journal(workstation: Machine) -> None:
    assert '"url": "http://127.0.0.1:8970"' in workstation.run("journalctl --unit irctl --boot").said


def test_anybody_can_stop_the_lamps(workstation: Machine) -> None:
    assert "dark after" in workstation.run("runuser -u nobody -- irctl stop").said
    workstation.run('irctl clear --by "A. Technician" --reason "a test"')


def test_nobody_else_reads_what_it_keeps(workstation: Machine) -> None:
    for user in ("nobody", "irctl-clinic", "irctl-mqtt"):
        assert workstation.run(f"runuser -u {user} -- ls /var/lib/irctl", check=False).code != 0


def test_a_killed_supervisor_leaves_a_controller_that_goes_dark_and_the_service_starts_again(
    workstation: Machine,
) -> None:
    before = len(journal(workstation))
    main_pid = shown(workstation, "irctl")["MainPID"]
    line = 'irctl treat left --fluence 20 --irradiance 50 --patient P-17 --area lumbar --by "A. Clinician"'
    with workstation.running(line):
        until(workstation, SIMULATOR.format("truth --lamp left"), lambda said: '"powered": true' in said)
        workstation.run(f"kill -KILL {main_pid}")
        served_again(workstation, main_pid)
    events = [event["event"] for event in journal(workstation)[before:]]
    ended, started = events.index("controller.stopped"), events.index("controller.started")
    assert events.index("stop.latched") < events.index("stop.evidence") < ended < started
    assert events[started + 1 : started + 3] == ["lamp.dark_verified"] * 2
    assert '"powered": false' in workstation.run(SIMULATOR.format("truth --lamp left")).said


def test_a_supervisor_that_hangs_is_ended_by_the_watchdog(workstation: Machine) -> None:
    main_pid = shown(workstation, "irctl")["MainPID"]
    workstation.run(f"kill -STOP {main_pid}")
    served_again(workstation, main_pid)
    assert "Failed with result 'watchdog'" in workstation.run("journalctl --unit irctl --boot").said


def test_a_station_file_that_is_refused_is_left_to_a_person(workstation: Machine) -> None:
    workstation.run("sed -i 's/^lease_s = 2.0/lease_s = 0.1/' /etc/irctl/station.toml")
    assert workstation.run("systemctl restart irctl", check=False).code != 0
    left = shown(workstation, "irctl")
    assert (left["ActiveState"], left["ExecMainStatus"]) == ("failed", "3")
    workstation.run("sed -i 's/^lease_s = 0.1/lease_s = 2.0/' /etc/irctl/station.toml")
    workstation.run("systemctl start irctl")


def test_systemd_finds_nothing_wrong_with_any_unit_and_little_exposed(workstation: Machine) -> None:
    units = sorted(path.name for path in (ROOT / "ops" / "systemd").iterdir())
    folder = "/opt/irctl/share/irctl/systemd"
    assert workstation.run(f"systemd-analyze verify {folder}/*.service").said == ""
    for unit in units:
        # The threshold is in tenths.
        workstation.run(f"systemd-analyze security --offline=true --threshold=20 {folder}/{unit}")


def test_the_release_told_exactly_what_was_installed(workstation: Machine) -> None:
    told = json.loads((workstation.root / RELEASED / "irctl.cdx.json").read_text())
    needed = {(one["name"].lower(), one["version"]) for one in told["components"] if one["scope"] == "required"}
    listed = json.loads(workstation.run("/opt/irctl/bin/pip list --format json").said.splitlines()[0])
    of_python = {"pip", "setuptools", "irctl"}
    assert {(one["name"].lower(), one["version"]) for one in listed if one["name"] not in of_python} == needed


@pytest.mark.parametrize("adapter", [
    Adapter("one with a serial number", "0403", "A50285BI", link="irctl/A50285BI"),
    Adapter("the second port of one", "0403", "A50285BI", interface="01", link="irctl/A50285BI-01.0"),
    Adapter("without a serial number", "1a86", None, link="irctl/pci-0000_00_14_0-usb-0_2_1_0.0"),
    Adapter("a serial number that all of its kind have", "10c4", "0001", link="irctl/pci-0000_00_14_0-usb-0_2_1_0.0"),
], ids=lambda adapter: adapter.name)  # fmt: skip
def test_an_adapter_gets_a_name_that_stays_and_nobody_else_talks_on_it(workstation: Machine, adapter: Adapter) -> None:
    if workstation.run("command -v umockdev-run", check=False).code:
        workstation.run("apt-get install --yes --no-install-recommends umockdev", outside=True)
    (workstation.root / "srv/adapter").write_text(described(adapter))
    tried = "; ".join(
        [
            f"udevadm test --action=add {adapter.usb}",
            f"udevadm test --action=add {adapter.tty}",
            f"cat /sys{adapter.port}/latency_timer; echo; cat /sys{adapter.usb}/power/control",
        ]
    )
    said = workstation.run(f"umockdev-run --device /srv/adapter -- sh -c '{tried}' 2>&1").said
    lines = said.splitlines()
    assert adapter.link in next(line for line in lines if line.startswith("DEVLINKS="))
    assert {"ID_MM_DEVICE_IGNORE=1", "ID_MM_PORT_IGNORE=1"} <= set(lines)
    assert any("70-irctl.rules" in line and "GROUP 20" in line for line in lines)
    assert lines[-2:] == ["1", "on"], said
    assert not [line for line in lines if line.startswith("/etc/udev/rules.d/70-irctl.rules")], (
        "udev complains of the rules"
    )


def test_irctl_itself_works_as_installed(workstation: Machine, demonstration: subprocess.Popen[str]) -> None:
    told = json.loads(demonstration.communicate(timeout=WAIT_S)[0])
    assert {Path(note).suffix for note in told["notes"]} == {".pdf", ".json"}
    assert "wirenboard-mdm3" in workstation.run("irctl drivers").said
    assert "usage: irctl-sim" in workstation.run("irctl-sim --help").said


def test_it_starts_with_the_computer(workstation: Machine) -> None:
    workstation.stop()
    workstation.start()
    assert workstation.run("systemctl is-active irctl irctl-sim").said.split() == ["active", "active"]
    assert "left" in workstation.run("irctl lamps").said


def test_what_comes_next_is_begun_from_a_service_that_is_off(workstation: Machine) -> None:
    for line in how_to.lines(OWN_LAMPS):
        do(workstation, line)
    assert workstation.run("systemctl is-enabled irctl irctl-sim", check=False).said.split() == ["disabled", "disabled"]
    assert workstation.run("systemctl is-active irctl irctl-sim", check=False).said.split() == ["inactive", "inactive"]


def test_the_clinic_alone_runs_on_a_server(workstation: Machine) -> None:
    """After all others: it keeps its pages at the port of a workstation's clinic."""
    workstation.run("cp /opt/irctl/share/irctl/systemd/irctl-clinic.service /etc/systemd/system/")
    workstation.run("systemctl daemon-reload; systemctl enable --now irctl-clinic")
    assert shown(workstation, "irctl-clinic")["StatusText"] == "serving http://127.0.0.1:8971"
