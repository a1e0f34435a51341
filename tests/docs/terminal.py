"""A person at a terminal: a script of bash on a pseudo-terminal of its own, whose questions are answered."""

from __future__ import annotations

import codecs
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

CHUNK = 65536
LOOK_S = 0.2


@dataclass
class Terminal:
    """Everything that a script has said so far, and its process."""

    process: subprocess.Popen[bytes]
    master: int
    answers: Mapping[str, str]
    """What is typed when the last thing on the screen is a question: its words, a regular expression -> the answer."""
    said: str = ""
    code: int | None = None
    _answered: int = field(default=0, repr=False)
    _decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"), repr=False)

    @classmethod
    def open(cls, script: Path, folder: Path, environment: Mapping[str, str], answers: Mapping[str, str]) -> Self:
        """Run it in `folder`, alone in its session, so that all of it can be ended."""
        master, slave = pty.openpty()
        words = ["setsid", "--ctty", "bash", str(script)]
        process = subprocess.Popen(words, cwd=folder, env=dict(environment), stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        return cls(process, master, answers)

    def until(self, done: Callable[[str], bool], most_s: float) -> str:
        """Listen and answer until what was said is enough, or all has been said. Raises AssertionError after `most_s`."""
        deadline = time.monotonic() + most_s
        while self.code is None and not done(self.said):
            assert time.monotonic() < deadline, f"after {most_s:.0f} s it had only said:\n{self.said}"
            self._listen()
        return self.said

    def to_its_end(self, most_s: float) -> int:
        self.until(lambda _said: False, most_s)
        assert self.code is not None
        return self.code

    def press_ctrl_c(self) -> None:
        os.write(self.master, b"\x03")

    def close(self, most_s: float = 20.0) -> None:
        """End what is still running: asked at first, as a terminal that goes away would."""
        if self.code is None:
            self.press_ctrl_c()
            try:
                self.to_its_end(most_s)
            except AssertionError:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
                raise
        os.close(self.master)

    def _listen(self) -> None:
        ready, _, _ = select.select([self.master], [], [], LOOK_S)
        try:
            data = os.read(self.master, CHUNK) if ready else b""
        except OSError:  # the last one who had it open has gone
            self.code = self.process.wait()
            return
        self.said += self._decoder.decode(data).replace("\r\n", "\n")
        waiting = self.said[self._answered :]
        for question, answer in self.answers.items():
            if re.search(rf"(?:{question})[^\n]*\n?$", waiting):
                self._answered = len(self.said)
                os.write(self.master, answer.encode() + b"\n")
                return
