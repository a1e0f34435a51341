"""The clinic's process at work: the schedule in a thread of its own, the screens on the loop, the stations and their journals followed beside it."""

from __future__ import annotations

import asyncio
import os
import socket
import time as clocks_of_this_computer
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime, time
from pathlib import Path
from threading import Thread
from typing import Any

import structlog

from irctl.clinic.calendar import planned_sessions
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.duties.clocks import Clocks
from irctl.clinic.duties.controller import Controller
from irctl.clinic.duties.nightly import Nightly, Watch
from irctl.clinic.duties.projecting import Projecting
from irctl.clinic.duties.schedule import Inbox, Schedule
from irctl.clinic.exchange.receiving import Receiving
from irctl.clinic.exchange.sending import Sending
from irctl.clinic.jobs import Jobs
from irctl.clinic.mailing.mail import Mail
from irctl.clinic.mailing.post import Post
from irctl.clinic.office import notices
from irctl.clinic.opening import open_desk, tls_of
from irctl.clinic.settings import ClinicFile
from irctl.domain.problems import Refused
from irctl.domain.reminders import Day
from irctl.listening import listen, url_of
from irctl.rope import Rope

STORE = "clinic.sqlite"
NIGHT_STORE = "night.sqlite"
SILENCE_MAX_S = 60.0
"""Several answers that a controller takes its time for."""
BEAT_S = 1.0
PORT_TAKEN = "End what uses it, or choose another: [clinic] port"
END_MAX_S = 3

_log: Any = structlog.get_logger()


class Running:
    """One process. Raises Refused when it cannot be put together."""

    def __init__(self, file: ClinicFile, state: Path, rope: Rope, day_begins: time) -> None:
        self._file, self._state, self._rope = file, state, rope
        self._day_begins = day_begins
        self._issuer = Issuer(state)
        self._tls = {name: tls_of(state, name, section) for name, section in file.stations.items()}
        self._inboxes: list[Inbox] = []
        """One of each thread that keeps a schedule: a word in it is for that one."""
        self._ending: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alive_s: dict[str, float] = {}
        """By station: when its schedule was heard of last."""

    def end(self) -> None:
        """From a signal handler or another thread."""
        self._end_schedules()
        if self._loop is not None and self._ending is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ending.set)

    async def run(self) -> None:
        """Until `end`."""
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        for name, section in self._file.stations.items():
            self._alive_s[name] = clocks_of_this_computer.monotonic()
            self._thread(f"schedule of {name}", self._schedule, name, section.url)
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(self._beat())
            try:
                if self._file.clinic.port:
                    await self._serve(tasks)
                else:
                    self.announce()
                    await self._ending.wait()
            finally:
                beating.cancel()
        self._end_schedules()

    def _end_schedules(self) -> None:
        for inbox in self._inboxes:
            inbox.end()

    # --- the schedule ----------------------------------------------------------------------------------------------------

    def _thread(self, name: str, work: Callable[..., None], *args: Any) -> None:
        """`work` with an inbox of its own, which hears of the end."""
        self._inboxes.append(inbox := Inbox())
        Thread(target=work, args=(inbox, *args), name=name, daemon=True).start()

    def _schedule(self, inbox: Inbox, name: str, url: str) -> None:
        store = self._state / (STORE if len(self._file.stations) == 1 else f"clinic-{name}.sqlite")
        clocks = Clocks()
        with (
            closing(Controller(url, self._token, tls=self._tls[name])) as controller,
            closing(Jobs(store, inbox.job)) as jobs,
        ):
            schedule = Schedule(controller, jobs, clocks, Day(self._day_begins, jobs.zone), _log)
            _log.info("schedule.started", pid=os.getpid(), planned=len(jobs.planned))
            schedule.run(inbox, lambda: self._alive(name))

    def _alive(self, name: str) -> None:
        self._alive_s[name] = clocks_of_this_computer.monotonic()

    def _night(self, inbox: Inbox, desk: Desk) -> None:
        """Nobody waits for it: a back-up may take longer than a schedule may be silent."""
        with self._told(desk, "The clinic's night"), ExitStack() as opened:
            controllers = {
                name: opened.enter_context(closing(Controller(section.url, self._token, tls=self._tls[name])))
                for name, section in self._file.stations.items()
            }
            jobs = opened.enter_context(closing(Jobs(self._state / NIGHT_STORE, inbox.job)))
            Nightly(desk, self._state, controllers, jobs, Clocks(), _log).run(inbox, lambda: None)

    def _post(self, inbox: Inbox, desk: Desk) -> None:
        """Waits for a mail server as long as that takes."""
        with self._told(desk, "The sending of messages"):
            mail = None if self._file.mail is None else Mail(self._file.mail, self._state)
            Post(desk, mail, Clocks(), _log).run(inbox, lambda: None)

    def _watch(self, inbox: Inbox, desk: Desk) -> None:
        with self._told(desk, "The watch over back-ups"):
            Watch(desk, Clocks(), _log).run(inbox, lambda: None)

    @contextmanager
    def _told(self, desk: Desk, what: str) -> Generator[None]:
        """A thread that ends by a defect of ours is missed by nobody: so it is said where people look."""
        try:
            yield
        except Exception:
            _log.exception("clinic.thread-ended", what=what)
            remedy = "Start irctl again; report what its log says"
            notices.tell(desk, what, f"{what} has ended unexpectedly", remedy, "high", desk.now())

    def _token(self) -> str:
        return self._issuer.service(datetime.now(UTC))

    async def _beat(self) -> None:
        """The loop lives, and so do the schedules."""
        while True:
            now_s = clocks_of_this_computer.monotonic()
            if all(now_s - alive_s < SILENCE_MAX_S for alive_s in self._alive_s.values()):
                self._rope.beat()
            await asyncio.sleep(BEAT_S)

    def announce(self, url: str | None = None) -> None:
        """To the supervisor, and in the log."""
        _log.info("clinic.serving", url=url, pid=os.getpid())
        self._rope.serving(silence_max_s=SILENCE_MAX_S, pid=os.getpid(), url=url)

    # --- the screens -----------------------------------------------------------------------------------------------------

    async def _serve(self, tasks: asyncio.TaskGroup) -> None:
        assert self._ending is not None
        about = self._file.clinic
        try:
            desk = await asyncio.to_thread(
                open_desk,
                self._file,
                self._state,
                self._issuer,
                lambda: datetime.now(UTC),
                seal=self._issuer.sign_export,
            )
            sending = await asyncio.to_thread(Sending, desk, self._state)
            receiving = await asyncio.to_thread(Receiving, desk, self._state)
            listening = listen(about.host, about.port, "clinic.port", PORT_TAKEN)
        except Refused as refused:
            # The reminders go on without screens.
            _log.error("clinic.refused", problems=[problem.as_dict() for problem in refused.problems])
            self.announce()
            await self._ending.wait()
            return
        following = [
            tasks.create_task(work)
            for station in desk.stations.values()
            for work in (station.look(desk.changed), Projecting(desk, station).run())
        ]
        following.append(tasks.create_task(planned_sessions.keep(desk, self._state)))
        following.append(tasks.create_task(sending.keep()))
        following.append(tasks.create_task(receiving.keep()))
        for name, work in (("night", self._night), ("watch", self._watch), ("post", self._post)):
            self._thread(name, work, desk)
        try:
            await self._screens(desk, Doors(desk.accounts), listening)
        finally:
            for task in following:
                task.cancel()
            for station in desk.stations.values():
                await station.close()
            desk.database.close()

    async def _screens(self, desk: Desk, doors: Doors, listening: socket.socket) -> None:
        import uvicorn

        from irctl.clinic.web import SOCKET_MESSAGE_MAX, create_app

        running = self

        class Server(uvicorn.Server):
            @contextmanager
            def capture_signals(self) -> Generator[None]:
                yield  # ours already listens

            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if self.started:
                    running.announce(url_of(listening, tls=about.certificate is not None))

        app, about = create_app(desk, doors), self._file.clinic
        server = Server(
            uvicorn.Config(
                app,
                log_level="warning",
                log_config=None,  # the clinic's own: it quotes no patient
                access_log=False,
                timeout_graceful_shutdown=1,
                proxy_headers=False,
                ssl_certfile=None if about.certificate is None else self._state / about.certificate,
                ssl_keyfile=None if about.key is None else str(self._state / about.key),
                ws_max_size=SOCKET_MESSAGE_MAX,
            )
        )
        assert self._ending is not None
        serving = asyncio.create_task(server.serve([listening]))
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        with suppress(SystemExit, TimeoutError):
            async with asyncio.timeout(END_MAX_S):
                await serving
        ending.cancel()
