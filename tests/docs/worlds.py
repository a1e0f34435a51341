"""The worlds in which a page's shell lines are run, told by `<!-- world: NAME -->` near its top.

    files     an empty folder in which whatever the page names is there (tests/docs/given.py); no controller
    wires     the same, and the simulated station's hardware on pseudo-terminals, where a station has its adapters; no controller
    morning   files, the state folder of a clinic with staff, and a station that is on since nine o'clock of 23 November 2026, in a hurry (tests/docs/bench.py)
    noon      the same station, some hours later: session S-20261123-0001 was given, C-20261123-0001 is in force
    ehr       files, and an EHR: a FHIR server, and somebody who listens for HL7
    demo      the demonstration of tests/docs/test_tutorial.py

What measures short times is not left to a busy computer: `<!-- world: bench -->` above a block gives it a station in virtual time, of the page's own station.toml.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from hl7.mllp import start_hl7_server

from irctl.domain.people import Person, Role
from irctl.records.accounts import Accounts
from irctl.records.database import Database
from irctl.records.sealing import Ring
from tests.browser.clinic_world import PASSWORD, PIN, free_port
from tests.docs.bench import a_bench, a_day
from tests.docs.files import as_whole
from tests.docs.given import CONFIGS, give
from tests.docs.pages import Block
from tests.interop import peer
from tests.service.worlds import a_simulator
from tests.unit.worlds import StationFolder, toml

WORLDS = ("files", "wires", "morning", "noon", "ehr", "demo")

A_SHORT_PLAN = """
[lamps.left.upkeep]
levels_pct = [20.0, 40.0, 60.0, 80.0, 100.0]
repeats = 2
samples = 3
"""
"""Of calibrations at the bench: ten readings."""
CONTROLLER, CLINIC, EHR, LISTENER = (
    "http://127.0.0.1:8970", "http://127.0.0.1:8971", "https://ehr.example/fhir", "mllp://127.0.0.1:2575",
)  # fmt: skip
INSTALLED = ("/var/lib/irctl", "/etc/irctl")
"""Folders of a computer on which irctl is installed. Here each is under the page's own."""
ALARM = "A-117"
"""The first alarm that is open, whatever its number (tests/docs/shell.py)."""
OFFERED = "10.0.0.7:8973 CODE"
"""Where a station offers to be paired, and the code, as it has just said."""
ADAPTERS = {"/dev/ttyUSB0": "lamp-line", "/dev/ttyUSB1": "safety-line"}
"""Of the station that a page wires, and the simulator's line behind each."""
STAFF: Mapping[str, tuple[str, Role]] = {
    "m.okafor": ("Mary Okafor", Role.CLINICIAN),
    "l.varga": ("Lili Varga", Role.CLINICIAN),
    "l.meyer": ("Lena Meyer", Role.ASSISTANT),
}
ADMINISTRATOR = Person("r.okafor", "Rose Okafor", frozenset({Role.ADMINISTRATOR}))
ANSWERS = {
    "[Pp]assword of": PASSWORD,
    "PIN of": PIN,
    "Serial on the lamp's plate": "SIM-L-001",
    "How do lamp, reflector and cable look": "clean, no damage",
    "Distance, with its unit": "50 cm",
    "Tilt of the meter": "0",
    "What did you adjust": "",
    "Hand it in for approval": "y",
    "Is nobody under it": "y",
    "is the patient comfortable": "",
}
"""What somebody at the terminal answers, by the question's words."""

_ONE_AT_A_TIME = threading.Lock()
"""alembic knows of one migration in a process."""


@dataclass
class World:
    """A folder to stand in, the environment of its shell, and what stands there for addresses and folders that a page names."""

    folder: Path
    environment: dict[str, str]
    instead: dict[str, str] = field(default_factory=dict)

    def write(self, block: Block) -> None:
        """A file that the page shows. A station's serves at this world's port."""
        text = self.rewritten(block.text)
        if block.marks.get("kind") == "station":
            station = as_whole(text)
            station["api"] = {"port": int(self.environment["IRCTL_URL"].rpartition(":")[2])}
            text = toml(station)
        (self.folder / block.marks["file"]).write_text(text, encoding="utf-8")

    def rewritten(self, text: str) -> str:
        for said, here in self.instead.items():
            text = re.sub(rf"{re.escape(said)}(?!\w)", here.replace("\\", r"\\"), text)
        return text


@contextmanager
def a_world(name: str, folder: Path, text: str) -> Iterator[World]:
    """`text`: what is typed there, for the files that it names."""
    assert name in WORLDS, f"there is no world {name!r}; there are {', '.join(WORLDS)}"
    with ExitStack() as beside:
        world = _with_files(folder)
        match name:
            case "wires":
                _with_wires(world, beside)
            case "morning" | "noon":
                _with_a_clinic(world)
                _with_a_station(world, beside, noon=name == "noon")
            case "ehr":
                _with_an_ehr(world, beside)
            case _:
                pass
        give(world.folder, text)
        yield world


def _with_files(folder: Path) -> World:
    folder.mkdir(parents=True)
    controller, clinic = free_port(), free_port()
    _copy_configs(folder / "configs", controller, clinic)
    for beside in ("calibrations", "meters"):
        shutil.copytree(folder / "configs" / beside, folder / beside)
    for here in (*INSTALLED, "tmp"):
        (folder / here.lstrip("/")).mkdir(parents=True)
    own = {name: value for name, value in os.environ.items() if not name.startswith(("IRCTL_", "XDG_"))}
    environment = own | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "NO_COLOR": "1",
        "TERM": "dumb",
        "TMPDIR": str(folder / "tmp"),
        "COLUMNS": "200",
        "LINES": "50",
        "PYTHONUNBUFFERED": "1",
        "IRCTL_URL": f"http://127.0.0.1:{controller}",
        "IRCTL_CLINIC": f"http://127.0.0.1:{clinic}",
        "IRCTL_STATE": str(folder / "var/lib/irctl"),
    }
    environment.pop("DISPLAY", None)
    instead = {here: str(folder / here.lstrip("/")) for here in INSTALLED}
    instead |= {OFFERED: "$(offered)", "irctl pair offer": f"irctl pair offer --port {free_port()}"}
    instead |= {"10.0.0.7": "127.0.0.1"} | {
        ALARM: '"$(first_alarm)"',
        CONTROLLER: environment["IRCTL_URL"],
        CLINIC: environment["IRCTL_CLINIC"],
    }
    return World(folder, environment, instead)


def _copy_configs(folder: Path, controller: int, clinic: int) -> None:
    """The examples, with ports of this world's own in the demonstration's station."""
    shutil.copytree(CONFIGS, folder)
    demo = folder / "demo.toml"
    text = demo.read_text(encoding="utf-8").replace("port = 8970", f"port = {controller}")
    demo.write_text(f"{text}\n[clinic]\nport = {clinic}\n", encoding="utf-8")


def _with_a_clinic(world: World) -> None:
    state = Path(world.environment["IRCTL_STATE"])
    database = Database(f"sqlite:///{state / 'records.sqlite'}")
    with _ONE_AT_A_TIME:
        database.prepare()
    accounts, now = Accounts(database), datetime.now(UTC)
    accounts.create(ADMINISTRATOR.login, ADMINISTRATOR.name, ADMINISTRATOR.roles, PASSWORD, None, now)
    for login, (name, role) in STAFF.items():
        accounts.create(login, name, frozenset({role}), PASSWORD, ADMINISTRATOR, now)
    database.close()
    Ring.with_new_key(state / "records.key")
    world.environment["IRCTL_DATABASE"] = f"sqlite:///{state / 'records.sqlite'}"


def _with_wires(world: World, beside: ExitStack) -> None:
    """Each line of the demonstration's station is where its adapter would be."""
    simulator = beside.enter_context(a_simulator(world.folder))
    world.instead |= {adapter: simulator.lines[line] for adapter, line in ADAPTERS.items()}
    text = (world.folder / "configs" / "demo.toml").read_text(encoding="utf-8")
    for line, port in simulator.lines.items():
        text = text.replace(f"sim://{line}", port)
    (world.folder / "station.toml").write_text(text, encoding="utf-8")


def _with_a_station(world: World, beside: ExitStack, *, noon: bool) -> None:
    state = Path(world.environment["IRCTL_STATE"])
    config, begins = _at_the_bench(world.folder / "bench"), None
    if noon:
        with _ONE_AT_A_TIME:
            morning, begins = _a_morning()
        shutil.copytree(morning, state, dirs_exist_ok=True)
    url = beside.enter_context(a_bench(state, config, begins))
    shutil.copy(state / "journal.pub", world.folder)
    world.environment["IRCTL_URL"] = world.instead[CONTROLLER] = url


@cache
def _a_morning() -> tuple[Path, datetime]:
    """Made once: its state folder, and when it was over."""
    folder = Path(tempfile.mkdtemp(prefix="irctl-docs-"))
    atexit.register(shutil.rmtree, folder)
    return folder / "state", a_day(folder / "state", _at_the_bench(folder / "bench"))


def _at_the_bench(folder: Path) -> Path:
    """The station's file."""
    station = StationFolder(folder)
    station.station = as_whole(A_SHORT_PLAN)
    return station.write()


def _with_an_ehr(world: World, beside: ExitStack) -> None:
    url = beside.enter_context(peer.running())
    world.instead[EHR] = peer.Peer(url, "ehr").can().url
    world.instead[LISTENER] = f"mllp://127.0.0.1:{beside.enter_context(a_listener())}"


@contextmanager
def a_listener() -> Iterator[int]:
    """Somebody else's HL7 listener, which acknowledges whatever comes; its port."""
    loop = asyncio.new_event_loop()

    async def connected(reader: Any, writer: Any) -> None:
        try:
            while message := await reader.readmessage():
                writer.writemessage(message.create_ack())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    server = loop.run_until_complete(start_hl7_server(connected, host="127.0.0.1", port=0))
    listening = threading.Thread(target=loop.run_forever, name="listener")
    listening.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        listening.join()
        loop.close()
