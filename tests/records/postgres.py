"""A PostgreSQL server of our own: a cluster in a temporary folder, reached through a socket there, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

DEBIAN = Path("/usr/lib/postgresql")
UNPRIVILEGED = ("postgres", "nobody")
"""Who runs it when we are root, whom PostgreSQL refuses to serve."""
SETTINGS = ("max_connections=20",)
QUICK = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB")
"""What survives a crash of this computer is not what is tested here."""


def _unprivileged() -> str | None:
    """Whom to be instead of root."""
    if not hasattr(os, "getuid") or os.getuid() != 0:
        return None
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in known)


UNPRIVILEGED_HERE = _unprivileged()


class Server:
    """Makes one empty database after another."""

    def __init__(self, folder: Path, run: Callable[..., None], settings: str, programs: Path) -> None:
        self._socket, self._numbers = folder, count(1)
        self._run, self._settings, self._programs = run, settings, programs

    def url(self, name: str, at: str = "") -> str:
        """`at`: an address, instead of the socket."""
        return f"postgresql://irctl@{at}/{name}" if at else f"postgresql://irctl@/{name}?host={self._socket}"

    def database(self, at: str = "") -> str:
        """The URL of a new one."""
        import psycopg

        name = f"records_{next(self._numbers)}"
        told = f"host={self._socket} user=irctl dbname=postgres"
        with psycopg.connect(told, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name, at)

    def start(self) -> None:
        self._control("-l", self._socket / "log", "-o", self._settings, "start")

    def crash(self) -> None:
        """Without finishing anything."""
        self._control("-m", "immediate", "stop")

    def _control(self, *words: object) -> None:
        self._run(self._programs / "pg_ctl", "-D", self._socket / "data", "-w", *words)


@contextmanager
def a_server(more: Sequence[str] = QUICK, at: str = "", on: Sequence[str] = ()) -> Iterator[Server]:
    """With `more` settings; none of them: as it is installed, each commit on the disk. `at`: an address at which everybody is let in; `on`: what goes before each
    command of our user's, to run it on another computer. Skips the test where there is no PostgreSQL; with CI=true that is a failure."""
    programs = _programs()
    if programs is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL is not installed: .ci/run installs it")
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="irctl-pg-"))
    data, user = folder / "data", UNPRIVILEGED_HERE
    if user:
        shutil.chown(folder, user)

    def run(*words: object) -> None:
        with (folder / "said").open("ab") as said:
            whole = [*on, *(str(word) for word in words)]
            how = {"user": user} if user and not on else {}
            done = subprocess.run(whole, stdout=said, stderr=said, cwd=folder, **how)
        assert done.returncode == 0, (folder / "said").read_text(errors="replace")

    (folder / "said").touch()
    run(programs / "initdb", "-D", data, "-U", "irctl", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
    if at:
        with (data / "pg_hba.conf").open("a") as let_in:
            let_in.write("host all all samenet trust\n")
    settings = (f"listen_addresses='{at}'", *SETTINGS, *more, f"unix_socket_directories={folder}")
    server = Server(folder, run, " ".join(word for setting in settings for word in ("-c", setting)), programs)
    server.start()
    try:
        yield server
    finally:
        server.crash()
        shutil.rmtree(folder)


def _programs() -> Path | None:
    """The newest that is installed."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = [path.parent for path in DEBIAN.glob("*/bin/initdb")]
    return max(versions, key=lambda path: float(path.parent.name), default=None)
