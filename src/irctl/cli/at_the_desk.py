"""The clinic's desk for a command: its file, its state folder, and whoever gives the command, with the permissions that they have on the screens."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from irctl.cli.asking import As, Asking, FromStdin, signed_in
from irctl.cli.client import DEFAULT_URL
from irctl.cli.state_folder import default_state
from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.domain.people import Person, Verb
from irctl.domain.problems import Problem, Refused


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """Which clinic, who asks, and how to answer."""

    as_: As = ""
    state: Annotated[Path | None, Parameter(help="The clinic's state folder.")] = None
    clinic_file: Annotated[Path | None, Parameter(help="The clinic's own file, TOML; without it, what is usual.")] = (
        None
    )
    password_stdin: FromStdin = False
    json: Annotated[bool, Parameter(negative=(), help="One JSON document on stdout, nothing else.")] = False


class _NoTokens:
    """A command asks no controller for anything."""

    def issue(self, person: Person, now: datetime) -> str:
        raise AssertionError(f"no token for {person.login}: this desk follows no station")


@contextmanager
def opened(state: Path | None, clinic_file: Path | None) -> Generator[Desk]:
    """The desk of a clinic that is there. Raises Refused where there is none."""
    from irctl.clinic.lamps.stations import Station
    from irctl.clinic.opening import open_desk
    from irctl.clinic.settings import ClinicFile, StationSection, load_clinic
    from irctl.controller.clock import utc_now

    file = load_clinic(clinic_file) if clinic_file else ClinicFile()
    folder = state or default_state()
    if not (folder / file.records.key).exists():
        remedy = "Name the state folder of `irctl serve`: --state"
        raise Refused([Problem("state", str(folder), "has no clinic in it", remedy)])
    # Beside a controller, without a file that names it, the clinic calls it "here".
    sections = file.stations or {"here": StationSection(url=os.environ.get("IRCTL_URL", DEFAULT_URL))}
    stations = {name: Station(name, section.url, _NoTokens()) for name, section in sections.items()}
    desk = open_desk(file, folder, _NoTokens(), utc_now, stations)
    with closing(desk.database):
        yield desk


@contextmanager
def at_the_desk(where: Where, verb: Verb) -> Generator[tuple[Desk, Acting]]:
    """Raises Refused where there is no clinic, or they may not."""
    with opened(where.state, where.clinic_file) as desk:
        yield desk, desk.acting(signed_in(desk.accounts, where.as_, Asking(where.password_stdin), verb))
