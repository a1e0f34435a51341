"""The whole report: every look, and what follows from it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irctl.cli.health import clinic, clock, computer, controller, due, fleet, journal, lines, paper, ports, state
from irctl.cli.health.finding import TITLES, Finding, Verdict, counted, unknown
from irctl.cli.health.probe import probe, probe_findings
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.clinic.settings import ClinicFile
    from irctl.controller.config import StationConfig

View = dict[str, Any]
DEVICE_FILE = "/"
"""So begins a port that is a file of this computer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to look at. `file`: the station's; None on a computer that has a clinic alone. `state_named`: somebody said which folder it is.

    `clinic_file` None: what is usual, where a clinic is kept there.
    """

    file: Path | None
    state: Path
    state_named: bool
    url: str | None = None
    clinic_file: Path | None = None
    endpoints: Path | None = None
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """`lines` and `devices`: as `--json` has told them since before there were findings; `devices` None without a probe. `config` None: of a clinic alone."""

    at: datetime
    config: StationConfig | None
    answers: controller.Answers
    findings: tuple[Finding, ...]
    lines: list[View]
    devices: list[View] | None
    clinic_file: ClinicFile | None

    @property
    def has_problem(self) -> bool:
        return any(finding.verdict is Verdict.PROBLEM for finding in self.findings)

    @property
    def counts(self) -> dict[Verdict, int]:
        return counted(self.findings)


def look_at(asked: Asked) -> Report:
    """Everything. Raises Refused with what is wrong in a file, and where a probe would disturb a controller."""
    if asked.file is None and asked.clinic_file is None:
        remedy = "Give --config with the station's file, --clinic-file with the clinic's, or both"
        raise Refused([Problem("config", None, "is missing, and so is a clinic's file", remedy)], conflict=True)
    file, now = _clinic_file(asked), datetime.now(UTC)
    report = Report(now, None, controller.Answers("", "no station was looked at"), (), [], None, file)
    started, last = None, None
    if asked.file is not None:
        report, started, last = _station(asked, asked.file, report)
    told = [*report.findings]
    told += state.state_findings(state.look(asked.state, _keys_elsewhere(asked, file)), named=asked.state_named)
    told += _clinic(asked, file, report.answers, now)
    told += _fleet(asked, file, report)
    told += clock.clock_findings(clock.look(), started, last, station=asked.file is not None)
    told += computer.computer_findings(computer.look())
    lines_of = list(report.config.file.lines) if report.config else []
    return replace(report, findings=tuple(in_order(told, lines_of)))


def _station(asked: Asked, path: Path, report: Report) -> tuple[Report, journal.Written | None, journal.Written | None]:
    """What is the station's. With it, the start of the controller that is running here, and the journal's newest event."""
    from irctl.cli.station import require_no_controller

    station = paper.on_paper(path)
    config = station.config
    holder = controller.holder_of(asked.state / "controller.lock")
    if asked.probe:
        require_no_controller(config)
        _require_nobody(asked.state, holder)
    on_paper = lines.lines_on_paper(station)
    devices = asyncio.run(probe(config, asked.endpoints)) if asked.probe else None
    api, anchor = config.file.api, config.file.journal.anchor
    answers = controller.ask(asked.url or f"http://{api.host}:{api.port}")
    written = journal.look(asked.state, path.parent / anchor if anchor else None)

    told = paper.file_findings(config, paper.broken_drivers())
    told += due.due_on_paper(config, report.at) if answers.due is None else due.due_findings(answers.due)
    told += lines.paper_findings(on_paper)
    told += lines.running_findings(answers.lines if answers.station else None, [line["name"] for line in on_paper])
    told += _ports(config, holder)
    told += probe_findings(devices or [])
    told += controller.controller_findings(answers, version("irctl"), holder)
    told += journal.journal_findings(written, config.sha256, running=holder is not None)
    found = replace(report, config=config, answers=answers, findings=tuple(told), lines=on_paper, devices=devices)
    return found, written.started if holder is not None else None, written.last


def _require_nobody(state: Path, holder: int | None) -> None:
    """One that was started with another --port owns the lines as well. Raises Refused."""
    if holder is not None:
        what = f"is held by process {holder}: a controller, which owns the lines"
        raise Refused([Problem("state", str(state), what, "End it first, or leave out --probe")], conflict=True)


def in_order(findings: Iterable[Finding], lines: Sequence[str]) -> list[Finding]:
    """By topic, and what is said of one line together."""
    topics = list(TITLES)

    def place(finding: Finding) -> tuple[int, int]:
        of_line = finding.topic == "line" and finding.about in lines
        return topics.index(finding.topic), lines.index(finding.about) if of_line else 0

    return sorted(findings, key=place)


def _ports(config: StationConfig, holder: int | None) -> list[Finding]:
    """The supervisor's child holds the folder and the ports alike."""
    told: list[Finding] = []
    for name, section in config.file.lines.items():
        if section.port.startswith(DEVICE_FILE):
            told += ports.port_findings(ports.look(name, section.port), () if holder is None else (holder,))
        elif sys.platform == "win32" and "://" not in section.port:
            told.append(unknown("port.exists", "{port}: ports are not looked at on Windows", "See the Device Manager", name, port=section.port))  # fmt: skip
        else:
            told.append(ports.elsewhere(name, section.port))
    return told


def _clinic_file(asked: Asked) -> ClinicFile | None:
    """The file that was named; else what is usual, where the state folder has a clinic's database. Raises Refused."""
    from irctl.clinic.settings import ClinicFile, load_clinic

    if asked.clinic_file is not None:
        return load_clinic(asked.clinic_file)
    return ClinicFile() if (asked.state / "records.sqlite").exists() else None


def _keys_elsewhere(asked: Asked, file: ClinicFile | None) -> tuple[Path, ...]:
    """Of a pairing, and whatever the clinic's file names."""
    named: list[str | None] = ["fleet/own.key"]
    if file is not None:
        named += _keys_of(file)
    return tuple(asked.state / one for one in named if one is not None and (asked.state / one).exists())


def _keys_of(file: ClinicFile) -> list[str | None]:
    named = [file.clinic.key, file.records.key, file.mail.password_file if file.mail else None]
    return [*named, *(section.key for section in (*file.send.values(), *file.receive.values()))]


def _fleet(asked: Asked, file: ClinicFile | None, report: Report) -> list[Finding]:
    """Of a station that is reached from another computer, and of a clinic that follows such stations."""
    door = report.config is not None and report.config.file.fleet is not None
    stations = file.stations.items() if file else ()
    elsewhere = tuple(name for name, section in stations if section.url.startswith("https://"))
    if not door and not elsewhere:
        return []
    return fleet.fleet_findings(fleet.look(asked.state), report.at, door=door, stations=elsewhere)


def _clinic(asked: Asked, file: ClinicFile | None, answers: controller.Answers, now: datetime) -> list[Finding]:
    if file is None:
        return [unknown("clinic.file", "no clinic was looked at", clinic.NAMED)]
    running = answers.station is not None
    journal = None if answers.station is None else answers.station["journal"]
    return clinic.clinic_findings(clinic.look(file, asked.state), now, journal, running=running)
