"""The controller as a process: dark first, then the API; on a signal dark again, then the rest."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from irctl.bus.trace import TraceWriter
from irctl.controller import recovery
from irctl.controller.claim import claim
from irctl.controller.config import StationConfig
from irctl.controller.journal import Journal, JournalDamaged, WallClock, utc_now
from irctl.controller.station import OpenWire, Station, build, real_wire
from irctl.domain.problems import Problem, Refused

LOOPBACK = ("127.0.0.1", "localhost", "::1")


async def serve(
    config: StationConfig,
    state_dir: Path,
    *,
    endpoints: Path | None = None,
    trace: Path | None = None,
    clock: WallClock = utc_now,
    announce: Callable[[str], None] = print,
) -> None:
    """Run the controller until a signal. Raises Refused when the station cannot be put together."""
    api = config.file.api
    if api.host not in LOOPBACK:
        raise Refused(
            [
                Problem(
                    "api.host",
                    api.host,
                    "is not this machine's loopback address",
                    'Use "127.0.0.1": the API has no sign-in yet',
                )
            ]
        )
    stopping = _signals()
    with claim(state_dir):
        writer = TraceWriter(trace) if trace else None
        station = await start_station(config, state_dir, real_wire(endpoints), clock, writer)
        try:
            await _serve_api(station, _listen(api.host, api.port), stopping, announce)
        finally:
            # Dark belongs before everything else, and not behind the web server's idea of an orderly end.
            await station.close("controller", "the controller is ending")
            station.journal.write("controller.stopped")
            station.journal.close()
            if writer:
                writer.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":  # there it would mean to share the port with its owner
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        remedy = "End what uses it (another controller?), or choose another with --port"
        raise Refused([Problem("api.port", port, error.strerror or str(error), remedy)], conflict=True) from None
    return listening


async def start_station(
    config: StationConfig, state_dir: Path, open_wire: OpenWire, clock: WallClock, trace: TraceWriter | None = None
) -> Station:
    """Build, drive dark, and start the lamps' tasks. A journal that cannot be used forbids light, not dark and not answers."""
    journal = Journal(state_dir / "journal.jsonl", clock)
    station = build(config, journal, open_wire, trace.for_line if trace else None)
    evidence = await station.go_dark_first()
    try:
        journal.open()
    except JournalDamaged as error:
        journal.failure = str(error)
    except OSError as error:
        journal.failure = f"{journal.path.name}: {error.strerror or error}"
    journal.write(
        "controller.started",
        version=version("irctl"),
        station=config.file.station.name,
        station_hash=config.sha256,
        simulated=station.simulated,
    )
    station.record_dark(evidence)
    for ended in list(recovery.interrupted(journal.events)):
        journal.write("session.ended", **ended)
    station.run()
    return station


def _signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stopping.set)
        except NotImplementedError:  # Windows

            def wake(_number: int, _frame: object) -> None:
                loop.call_soon_threadsafe(stopping.set)

            signal.signal(number, wake)
    return stopping


async def _serve_api(
    station: Station, listening: socket.socket, stopping: asyncio.Event, announce: Callable[[str], None]
) -> None:
    # Imported here: the lamps are dark by now, and these take half a second.
    import uvicorn

    from irctl.controller.api import create_app

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Generator[None]:
            yield  # ours already listens, and goes dark first

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                host, port = listening.getsockname()[:2]
                announce(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    server = Server(
        uvicorn.Config(
            create_app(station),
            log_level="warning",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=5,
            lifespan="off",
        )
    )
    serving = asyncio.create_task(server.serve([listening]))
    waiting = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if waiting in done:
        await station.shutdown.stop("controller", "the controller was asked to end", "signal")
    server.should_exit = True
    with suppress(SystemExit):
        await serving
    waiting.cancel()
