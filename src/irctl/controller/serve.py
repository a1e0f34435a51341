"""The controller as a process: dark first, then the API; on a signal dark again, then the rest."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from importlib import import_module
from importlib.metadata import version
from os import getpid
from pathlib import Path

from irctl.bus.trace import TraceWriter
from irctl.controller.claim import claim
from irctl.controller.clock import WallClock, utc_now
from irctl.controller.config import StationConfig
from irctl.controller.journal.anchor import Beside
from irctl.controller.journal.journal import Journal
from irctl.controller.journal.reopening import JournalDamaged
from irctl.controller.light import recovery
from irctl.controller.station import OpenWire, Station, build, real_wire
from irctl.controller.watchdog import Watchdog
from irctl.domain import chain
from irctl.domain.problems import Problem, Refused
from irctl.listening import LOOPBACK, listen, url_of
from irctl.rope import Rope
from irctl.tally import Tally

PREDECESSOR_S = 4.0
"""A controller that lost its supervisor needs about this long to go dark and end; its successor waits for it."""
PORT_S = 3.0
"""How long the API's port may still be somebody else's. The lamps are dark and watched meanwhile."""
PORT_TAKEN = "End what uses it (another controller?), or choose another with --port"
SESSIONS_END_S = 1.0
RETRY_S = 0.1


async def serve(
    config: StationConfig,
    state_dir: Path,
    rope: Rope,
    *,
    endpoints: Path | None = None,
    trace: Path | None = None,
    clock: WallClock = utc_now,
    previous: str | None = None,
) -> None:
    """Run the controller until a signal or the end of the rope. Raises Refused when the station cannot be put together.

    `previous`: how the controller before this one ended, for the record.
    """
    api = config.file.api
    if api.host not in LOOPBACK:
        raise Refused(
            [
                Problem(
                    "api.host",
                    api.host,
                    "is not this machine's loopback address",
                    'Use "127.0.0.1": what it says and hears is not encrypted. For a clinic on another computer: [fleet]',
                )
            ]
        )
    stopping = _stopping(rope)
    watchdog = Watchdog(rope.beat)
    beating = asyncio.create_task(watchdog.run(), name="watchdog")
    async with _claimed(state_dir):
        writer = TraceWriter(trace) if trace else None
        station = await start_station(config, state_dir, real_wire(endpoints), clock, writer, previous)

        def announce(url: str) -> None:
            lease_s = shortest_lease_s(config)
            watchdog.arm(lease_s)
            rope.serving(
                url=url,
                silence_max_s=lease_s,
                station=config.file.station.name,
                pid=getpid(),
                clinic=config.file.clinic.model_dump(mode="json"),
                fleet=None if config.file.fleet is None else config.file.fleet.model_dump(mode="json"),
            )

        try:
            await _serve_api(station, watchdog.stalls, await _listening(api.host, api.port), stopping, announce)
        finally:
            # Dark belongs before everything else, and not behind the web server's idea of an orderly end.
            await station.close("controller", "the controller is ending")
            station.journal.write("controller.stopped")
            station.journal.close()
            if writer:
                writer.close()
            beating.cancel()


def shortest_lease_s(config: StationConfig) -> float:
    """Of every lamp's emitter and cut-off."""
    lamps = config.file.lamps.values()
    return min(lease for lamp in lamps for lease in (lamp.lease_s, lamp.cutoff_lease_s) if lease is not None)


@asynccontextmanager
async def _claimed(state_dir: Path) -> AsyncGenerator[None]:
    """The state folder held. Raises Refused when another controller keeps it."""
    with ExitStack() as held:
        give_up_s = _now_s() + PREDECESSOR_S
        while True:
            try:
                held.enter_context(claim(state_dir))
                break
            except Refused as refused:
                if not refused.conflict or _now_s() > give_up_s:
                    raise
            await asyncio.sleep(RETRY_S)
        yield


async def _listening(host: str, port: int) -> socket.socket:
    give_up_s = _now_s() + PORT_S
    while True:
        try:
            return listen(host, port, "api.port", PORT_TAKEN)
        except Refused:
            if _now_s() > give_up_s:
                raise
        await asyncio.sleep(RETRY_S)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


async def start_station(
    config: StationConfig,
    state_dir: Path,
    open_wire: OpenWire,
    clock: WallClock,
    trace: TraceWriter | None = None,
    previous: str | None = None,
) -> Station:
    """Build, drive dark, and start the lamps' tasks. A journal that cannot be used forbids light, not dark and not answers."""
    section = config.file.journal
    anchoring = Beside(config.path.parent / section.anchor) if section.anchor else None
    file_bytes_max = int(section.file_mb_max * 2**20)
    journal = Journal(state_dir / "journal.jsonl", clock, anchoring, file_bytes_max=file_bytes_max)
    station = build(config, journal, open_wire, trace.for_line if trace else None)
    evidence = await station.go_dark_first()
    try:
        journal.open()
    except JournalDamaged as error:
        journal.failure = str(error)
    except OSError as error:
        journal.failure = f"{journal.path.name}: {error.strerror or error}"
    before = next((e["station_hash"] for e in reversed(journal.events) if e["event"] == chain.STARTED), None)
    journal.write(
        chain.STARTED,
        version=version("irctl"),
        format=chain.FORMAT,
        station=config.file.station.name,
        station_hash=config.sha256,
        simulated=station.simulated,
        previous=previous,
    )
    if before not in (None, config.sha256):
        journal.write("configuration.changed", before=before, now=config.sha256)
    station.record_dark(evidence)
    for ended in list(recovery.interrupted(journal.events)):
        journal.write("session.ended", **ended)
    station.run()
    return station


def _stopping(rope: Rope) -> asyncio.Future[str]:
    """Done when this process is to end, with the reason: a signal, or what the rope says."""
    loop = asyncio.get_running_loop()
    stopping: asyncio.Future[str] = loop.create_future()

    def stop(reason: str) -> None:
        if not stopping.done():
            stopping.set_result(reason)

    def from_outside(reason: str) -> None:
        loop.call_soon_threadsafe(stop, reason)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: from_outside(f"the controller got {signal.Signals(number).name}"))
    rope.hold(from_outside)
    return stopping


def _load_the_rest() -> None:
    """What an order needs takes seconds to load on a slow machine. Now that the lamps are dark, and beside the loop that keeps them so.

    Left to the first order, it would stall the loop for longer than a lease.
    """
    for module in (
        "irctl.controller.api.connections",
        "irctl.controller.api.app",
        "scipy.interpolate",
        "scipy.optimize",
        "scipy.special",
    ):
        import_module(module)


async def _serve_api(
    station: Station,
    stalls: Tally,
    listening: socket.socket,
    stopping: asyncio.Future[str],
    announce: Callable[[str], None],
) -> None:
    await asyncio.to_thread(_load_the_rest)
    import uvicorn

    from irctl.controller.api.app import create_app
    from irctl.controller.api.connections import ACCEPTED_AT_ONCE, QUEUE, Connection

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Generator[None]:
            yield  # ours already listens, and goes dark first

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                listening.listen(QUEUE)
                announce(url_of(listening))

    server = Server(
        uvicorn.Config(
            create_app(station, stalls),
            http=Connection,
            backlog=ACCEPTED_AT_ONCE,  # which asyncio takes for both: the queue, and how many it takes from it at once
            log_level="error",  # a warning for each bad request would let anybody fill the log
            timeout_graceful_shutdown=1,
            timeout_keep_alive=5,
            proxy_headers=False,
            lifespan="off",
        )
    )
    serving = asyncio.create_task(server.serve([listening]))
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if stopping.done():
        await station.shutdown.stop("controller", stopping.result(), "signal")
        await _sessions_ended(station)
    server.should_exit = True
    with suppress(SystemExit):
        await serving


async def _sessions_ended(station: Station) -> None:
    """Each session that was stopped writes its own end; one that still watches an afterglow is left to the next start's account of it."""
    give_up_s = _now_s() + SESSIONS_END_S
    while _now_s() < give_up_s:
        if not any(lamp.busy for lamp in station.lamps.values()):
            break
        await asyncio.sleep(RETRY_S)
