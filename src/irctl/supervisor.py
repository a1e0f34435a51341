"""`irctl serve`: the controller kept alive and kept honest, and beside it the clinic and the door. Standard library only, so that little can fail here.

A child's stdin is the rope: "end" on it asks for an orderly end, its end of file says that the supervisor is gone; either way the controller
goes dark first and then ends. A child's stdout carries one JSON object a line, and each is a sign of life:

    {"is": "beat"}                                 often, from the loop that does the work: the controller's keeps the lamps
    {"is": "serving", "silence_max_s": ..., ...}   from now on, silence for longer than that is a child that hangs
    {"is": "refused", "problems": [...]}           it cannot work as configured

Nothing but these two pipes is relied on, so that it is the same on Windows.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Thread
from types import FrameType
from typing import Any, NamedTuple, cast

from irctl import systemd

TICK_S = 0.1
START_MAX_S = 60.0
"""Silence before the child serves: it imports, goes dark, verifies a long journal. It gives no light yet; this only ends a start that hangs."""
END_MAX_S = 8.0
"""After the request to end: a silent lamp's lease, the patience with it, the web server's last second."""
REAP_S = 1.0
"""A child whose stdout has ended is given this long to be gone."""
BACKOFF_MIN_S = 0.2
BACKOFF_MAX_S = 5.0
BESIDE_BACKOFF_MAX_S = 60.0
"""Nobody waits for what runs beside, and a start costs a second of the computer that keeps the lamps."""
STEADY_S = 3.0
"""A child that has served for this long had started well: the next restart is immediate again."""
SUSPENDED_S = 0.5
"""When the supervisor itself stood still for this long, the child's silence says nothing about the child."""

Message = Mapping[str, Any]
Command = Callable[[Message | None, str | None], Sequence[str]]
"""The child's command line, from what an earlier child announced and from how it ended; None, None for the first."""


class NeverServed(Exception):
    """The child cannot work as configured and never has: starting it again would not help. `problems` as it sent them."""

    def __init__(self, refused: Message) -> None:
        self.problems: Sequence[Message] = refused["problems"]
        super().__init__(_texts(refused))


class _Heard(NamedTuple):
    """A message and its sender; None is the end of the sender's stdout."""

    child: Child
    message: Message | None


class Child:
    """One run of a child."""

    def __init__(self, command: Sequence[str], inbox: SimpleQueue[_Heard | None]) -> None:
        # A group of its own: Ctrl-C and a closed terminal are for the supervisor, which then asks the child to end.
        flags = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name not in systemd.VARIABLES},
            start_new_session=True,
            creationflags=flags,
        )
        self._inbox = inbox
        self.serving_since_s: float | None = None
        self.silence_max_s = START_MAX_S
        self.refused: Message | None = None
        Thread(target=self._listen, name="a child's words", daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout
        with self._process.stdout as words:
            for line in words:
                self._inbox.put(_Heard(self, _parsed(line)))
        self._inbox.put(_Heard(self, None))

    def ask_to_end(self) -> None:
        assert self._process.stdin
        with suppress(OSError):
            self._process.stdin.write(b"end\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()

    def reap(self) -> str:
        """How it ended. One that has not ended is killed."""
        try:
            self._process.wait(REAP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdin
        with suppress(OSError):
            self._process.stdin.close()
        code = self.exit_code
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"

    @property
    def exit_code(self) -> int:
        """Of a child that has been reaped."""
        return cast("int", self._process.returncode)


class Keeper:
    """Keeps one child running until it is asked to end."""

    def __init__(
        self,
        name: str,
        command: Command,
        served: Callable[[Message], None],
        say: Callable[[str], None],
        look: Callable[[], None] = lambda: None,
        *,
        backoff_max_s: float = BACKOFF_MAX_S,
    ) -> None:
        self._name = name
        self._command = command
        self._on_serving = served
        """Called each time a child serves."""
        self._say = say
        """What happened to the child, and what is done about it."""
        self._look = look
        """Called ten times a second."""
        self._backoff_max_s = backoff_max_s
        self._inbox: SimpleQueue[_Heard | None] = SimpleQueue()  # reentrant: a signal handler may put
        self._served: Message | None = None
        self._ended_at_s: float | None = None
        self.ending = False

    def end(self) -> None:
        """Ask it to end: from a signal handler, or another thread."""
        self.ending = True
        self._inbox.put(None)

    def run(self) -> bool:
        """Until `end`. Returns whether the child ended by itself when asked to. Raises NeverServed; OSError when there cannot be a child."""
        how: str | None = None
        pause_s = 0.0
        while not self.ending:
            try:
                child = Child(self._command(self._served, how), self._inbox)
            except OSError as error:
                if self._served is None:
                    raise
                how = f"it could not be started: {error}"
            else:
                how = self._follow_to_its_end(child)
                if self.ending:
                    return child.exit_code == 0
                if child.refused and self._served is None:
                    raise NeverServed(child.refused)
                now_s = self._ended_at_s = time.monotonic()
                if child.serving_since_s is not None and now_s - child.serving_since_s >= STEADY_S:
                    pause_s = 0.0
            when = f"in {pause_s:g} s" if pause_s else "now"
            self._say(f"{self._name} has ended ({how}); starting it again {when}")
            self._rest(pause_s)
            pause_s = min(max(2 * pause_s, BACKOFF_MIN_S), self._backoff_max_s)
        return True

    def _follow_to_its_end(self, child: Child) -> str:
        """Returns how it ended. Whatever happens here, no child is left behind."""
        try:
            found = self._follow(child)
        except BaseException:
            child.kill()
            raise
        finally:
            ended = child.reap()
        return found or (_texts(child.refused) if child.refused else ended)

    def _follow(self, child: Child) -> str | None:
        """Until the child has ended or has been killed; then why."""
        heard_s = looked_s = time.monotonic()
        end_by_s: float | None = None
        while True:
            heard = self._hear(TICK_S)
            now_s = time.monotonic()
            if now_s - looked_s > SUSPENDED_S:
                heard_s = now_s
            looked_s = now_s
            if heard is not None and heard.child is child:
                if heard.message is None:
                    return None
                heard_s = now_s
                self._take(child, heard.message, now_s)
            if self.ending and end_by_s is None:
                child.ask_to_end()
                end_by_s = now_s + END_MAX_S
            if end_by_s is not None:
                # Its beats stop somewhere on the way out; the controller's, when the lamps are dark.
                if now_s > end_by_s:
                    child.kill()
                    told = f"{self._name} did not end within {END_MAX_S:g} s and was killed"
                    self._say(told)
                    return told
            elif now_s - heard_s > child.silence_max_s:
                child.kill()
                return f"it hung: silent for {now_s - heard_s:.1f} s, and killed"

    def _take(self, child: Child, message: Message, now_s: float) -> None:
        match message.get("is"):
            case "serving":
                self._served = message
                child.serving_since_s, child.silence_max_s = now_s, message["silence_max_s"]
                self._on_serving(message)
                if self._ended_at_s is not None:
                    self._say(f"{self._name} serves again, after {now_s - self._ended_at_s:.1f} s")
            case "refused":
                child.refused = message
            case _:
                pass

    def _hear(self, timeout_s: float) -> _Heard | None:
        """The next message, or None: nothing said, or somebody asked us to end."""
        self._look()
        try:
            return self._inbox.get(timeout=timeout_s)
        except Empty:
            return None

    def _rest(self, pause_s: float) -> None:
        until_s = time.monotonic() + pause_s
        while not self.ending and (left_s := until_s - time.monotonic()) > 0:
            self._hear(min(TICK_S, left_s))


class Supervisor:
    """Keeps one child in this thread, the controller; and others beside it, each in a thread that shares nothing with it."""

    def __init__(
        self,
        name: str,
        command: Command,
        announce: Callable[[Message], None],
        tell: Callable[[str], None],
        beside: Mapping[str, Callable[[Message], Sequence[str] | None]] | None = None,
    ) -> None:
        """`name`: what the child is called, such as "the controller"."""
        self._announce = announce
        """Called when the child serves at an address that was not announced before."""
        self._tell = tell
        """For the log: what happened to a child, and what is done about it."""
        self._commands = beside or {}
        """By name, another child's command line, from what the first announced; None where there is to be none."""
        self._first = Keeper(name, command, self._serves, self._say, self._look)
        self._beside: dict[str, tuple[Keeper, Thread]] = {}
        self._systemd = systemd.Systemd()
        self._url: object = self
        self._stopping = False

    def run(self) -> bool:
        """Until SIGTERM or SIGINT. Returns whether the child ended by itself when asked to. Raises NeverServed; OSError when there cannot be one."""
        with self._signals():
            try:
                return self._first.run()
            finally:
                for keeper, _ in self._beside.values():
                    keeper.end()
                for _, thread in self._beside.values():
                    thread.join(END_MAX_S + REAP_S)

    def _serves(self, serving: Message) -> None:
        self._systemd.tell("READY=1", f"STATUS=serving {serving['url']}")
        if serving["url"] != self._url:
            self._url = serving["url"]
            with suppress(OSError, ValueError):  # a terminal or a pipe that has gone
                self._announce(serving)
        for name, command in self._commands.items():
            if name not in self._beside and (words := command(serving)) is not None:
                self._beside[name] = self._started(name, words)

    def _started(self, name: str, words: Sequence[str]) -> tuple[Keeper, Thread]:
        keeper = Keeper(
            name, lambda _served, _how: words, lambda _serving: None, self._say_only,
            backoff_max_s=BESIDE_BACKOFF_MAX_S,
        )  # fmt: skip

        def keep() -> None:
            try:
                keeper.run()
            except (NeverServed, OSError) as error:
                self._say_only(f"{name} cannot run ({error}); the lamps do without")

        thread = Thread(target=keep, name=name, daemon=True)
        thread.start()
        return keeper, thread

    def _look(self) -> None:
        self._systemd.alive()
        if self._first.ending and not self._stopping:
            self._stopping = True
            self._systemd.tell("STOPPING=1", "STATUS=ending")

    def _say(self, text: str) -> None:
        self._systemd.tell(f"STATUS={text}")
        self._say_only(text)

    def _say_only(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._tell(text)

    @contextmanager
    def _signals(self) -> Generator[None]:
        def end(_number: int, _frame: FrameType | None) -> None:
            self._first.end()
            for keeper, _ in list(self._beside.values()):
                keeper.end()

        names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
        numbers = [signal.Signals[name] for name in names if name in signal.Signals.__members__]
        # Under nohup a closed terminal is to be survived.
        heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, end) for number in heeded}
        try:
            yield
        finally:
            for number, former in before.items():
                signal.signal(number, former)


def _parsed(line: bytes) -> Message:
    """A line that makes no sense is still a sign of life."""
    try:
        message: Any = json.loads(line)
    except ValueError:
        return {}
    return cast("Message", message) if isinstance(message, dict) else {}


def _texts(refused: Message) -> str:
    return "; ".join(str(problem["text"]) for problem in refused["problems"])
