"""One life of the controller as a process: its tasks, its ports and its journal file end together, at any instant.

Killing it is not cancelling it: first the wires and the file are gone, so nothing a task does on its way out reaches the lamps or the record.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from irctl.bus.errors import PortLost
from irctl.bus.port import Lost, Receive
from irctl.controller.clock import WallClock
from irctl.controller.config import LineSection, StationConfig
from irctl.controller.journal import seal
from irctl.controller.serve import start_station
from irctl.controller.station import Station, Wire
from irctl_campaign.virtual import VirtualLoop
from irctl_simulator.station import SimStation
from irctl_simulator.wire import Line, NetworkLine, Send

T = TypeVar("T")

_RUNNING: ContextVar[Process | None] = ContextVar("process", default=None)


def hardware_goes_on(callback: Callable[..., Any]) -> bool:
    """Which timers run while the program is blocked: those of the simulated hardware."""
    return getattr(callback, "__module__", "").startswith("irctl_simulator.")


class Cable:
    """A port of the process on a simulated line. What arrives while the process is blocked waits, as in the system's buffer."""

    def __init__(self, name: str, line: Line) -> None:
        self.name = name
        self.network = isinstance(line, NetworkLine)
        self.mix_up = False
        """Answers come back under another unit's name: each is swapped with the one before it."""
        self.held = False
        self._line = line
        self._send: Send | None = None
        self._lost: Lost | None = None
        self._receive: Receive | None = None
        self._waiting: deque[bytes] = deque()
        self._previous = b""

    async def open(self, receive: Receive, lost: Lost) -> None:
        try:
            self._send = self._line.attach(self._arrived, self._unplugged)
        except OSError as why:
            raise PortLost(f"cannot open {self.name}: {why}") from why
        self._receive, self._lost = receive, lost

    def write(self, data: bytes) -> None:
        if self._send is None:
            raise PortLost(f"{self.name} is not open")
        self._send(data)

    async def close(self) -> None:
        self.cut()

    def cut(self) -> None:
        """Nothing passes any more, in either direction."""
        self._line.detach(self._arrived)
        self._send = self._lost = self._receive = None
        self._waiting.clear()

    def release(self) -> None:
        """The process runs again and reads what has come meanwhile."""
        self.held = False
        while self._waiting and self._receive is not None:
            self._receive(self._waiting.popleft())

    def _arrived(self, data: bytes) -> None:
        data = self._swapped(data) if self.mix_up else data
        if self.held:
            self._waiting.append(data)
        elif self._receive is not None:
            self._receive(data)

    def _swapped(self, data: bytes) -> bytes:
        previous, self._previous = self._previous, data
        return previous if previous and previous[0] != data[0] else data

    def _unplugged(self) -> None:
        lost, self._lost, self._send, self._receive = self._lost, None, None, None
        if lost is not None:
            lost(f"{self.name} went away: unplugged")


class Disk:
    """The journal's disk: it knows what is safely on it, and it can fail."""

    def __init__(self) -> None:
        self.fault: str | None = None
        """"full", "short" (takes part of a line) or "broken" (also the sync fails)."""
        self._written = self._synced = 0

    def write(self, file: int, data: bytes) -> int:
        match self.fault:
            case "full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            case "broken":
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            case "short":
                os.write(file, data[: len(data) // 2])
                return len(data) // 2
            case _:
                return os.write(file, data)

    @property
    def synced(self) -> int:
        """How many bytes of the journal a power cut cannot take."""
        return self._synced

    def begin(self, path: Path) -> None:
        """Serve a journal that is there already: a start leaves nothing behind that a power cut could take."""
        self._synced = path.stat().st_size if path.exists() else 0

    def fsync(self, file: int) -> None:
        """Remember what a power cut cannot take; the real disk is not asked, it would only cost time."""
        if self.fault == "broken":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._synced = os.fstat(file).st_size

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def power_cut(self, path: Path, random: Random) -> int:
        """Lose some of what was not synced, perhaps in the middle of a line; the bytes lost."""
        size = path.stat().st_size
        kept = random.randint(min(self._synced, size), size)
        os.truncate(path, kept)
        return size - kept


class Process:
    """A controller that runs until it is killed or closed. Make it with `start`."""

    def __init__(self, hardware: SimStation) -> None:
        self.hardware = hardware
        self.cables = {name: Cable(name, line) for name, line in hardware.lines.items()}
        self.disk = Disk()
        self.alive = True
        self.station: Station
        self._tasks: set[asyncio.Task[Any]] = set()

    @classmethod
    async def start(cls, hardware: SimStation, config: StationConfig, state_dir: Path, clock: WallClock) -> Process:
        """Dark first, then the lamps' tasks, as `irctl serve` does."""
        process = cls(hardware)
        adopt_tasks(asyncio.get_running_loop())
        give_key(state_dir)
        process.station = await process.run(start_station(config, state_dir, process.wire, clock))
        process.disk.begin(process.station.journal.path)
        process.station.journal.disk = process.disk
        return process

    @classmethod
    async def stillborn(
        cls, hardware: SimStation, config: StationConfig, state_dir: Path, clock: WallClock, after_s: float
    ) -> None:
        """A process that is killed `after_s` seconds after its start, whatever it is doing then."""
        process = cls(hardware)
        starting = asyncio.ensure_future(process.run(start_station(config, state_dir, process.wire, clock)))
        await asyncio.wait({starting}, timeout=after_s)
        process.cut()
        tasks = [task for task in process._tasks if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(starting, *tasks, return_exceptions=True)
        if not starting.cancelled() and starting.exception() is None:
            starting.result().journal.close()

    @property
    def tasks(self) -> int:
        """How many tasks it has."""
        return len(self._tasks)

    @contextmanager
    def inside(self) -> Generator[None]:
        """What is done here is done by the process: the tasks that it starts die with it."""
        token = _RUNNING.set(self)
        try:
            yield
        finally:
            _RUNNING.reset(token)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the process. Raises asyncio.CancelledError when the process is killed over it."""
        with self.inside():
            return await asyncio.create_task(work)

    def block(self, duration_s: float) -> None:
        """The program hangs; the hardware does not."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        for cable in self.cables.values():
            cable.held = True
        loop.block(duration_s, hardware_goes_on)
        for cable in self.cables.values():
            cable.release()

    async def kill(self) -> None:
        """Gone between two instructions."""
        self.alive = False
        self.cut()
        self.station.journal.close()
        tasks = [task for task in self._tasks if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wire(self, name: str, _section: LineSection) -> Wire:
        """What the program finds where the station file names a port."""
        cable = self.cables[name]
        return Wire(cable, modbus_tcp=cable.network)

    def cut(self) -> None:
        for cable in self.cables.values():
            cable.cut()

    async def close(self) -> None:
        """An orderly end."""
        await self.run(self.station.close("the campaign", "over"))
        self.alive = False
        self.station.journal.close()

    async def switch_off(self) -> None:
        """As `irctl serve` ends: dark, and that is the last word in the journal."""
        await self.run(self.station.close("controller", "the controller is ending"))
        self.alive = False
        self.station.journal.write("controller.stopped")
        self.station.journal.close()

    def adopt(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def give_key(state_dir: Path) -> None:
    """The same seal in every world, so that the same seed gives the same journal."""
    state_dir.mkdir(parents=True, exist_ok=True)
    (state_dir / seal.KEY).write_bytes(bytes(range(seal.KEY_BYTES)))


def adopt_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Let every task belong to the process in which it was started."""
    if loop.get_task_factory() is None:
        loop.set_task_factory(_make_task)  # type: ignore[arg-type]


def _make_task(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:
    task = asyncio.Task(work, loop=loop, **options)
    if (process := _RUNNING.get()) is not None:
        process.adopt(task)
    return task
