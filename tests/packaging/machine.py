"""A bare Debian that starts: a root file system of debootstrap's, in which systemd-nspawn runs systemd.

It has a network of its own, so that ports here do not matter to it; only a line that fetches packages (`outside=True`) runs in this machine's network. How this machine reaches packages (pip's and apt's
settings) is handed on as it is found; no address is named here.
"""

from __future__ import annotations

import hashlib
import os
import pty
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SUITE = "bookworm"
"""Debian 12, which the page is about."""
BARE = ("systemd-sysv", "dbus", "udev")
"""Beside debootstrap's smallest set: what every installed Debian has."""
TOOLS = ("debootstrap", "systemd-nspawn", "nsenter")
NSPAWN = (
    *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe", "--notify-ready=yes"),
    *("--private-network", "--resolv-conf=off", "--suppress-sync=yes"),
    # Without these, systemd in there could not hold DeviceAllow=.
    *("--system-call-filter=bpf", "--capability=CAP_BPF"),
)
RELEASED = Path("srv/dist")
"""Where a release is unpacked in there: every line is typed in it."""
HOST = "/run/host-files"
"""Where files of this machine are seen in there, such as certificates and a folder of packages."""
START_S = 60.0
LINE_S = 300.0


def bare_root() -> Path:
    """A folder to copy, made once per user. Skips the test where it cannot be had; with CI=true that is a failure."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        _without("a Debian that starts in a container needs Linux, and root")
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        _without(f"{', '.join(missing)} is not installed: .ci/run installs it")
    mirror = _mirror()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "irctl-tests"
    told = " ".join([SUITE, mirror, *BARE])
    root = caches / f"debian-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    if not root.exists():
        caches.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as fresh, _in_memory(Path(fresh)):
            words = ["debootstrap", "--variant=minbase", f"--include={','.join(BARE)}", SUITE, fresh, mirror]
            made = subprocess.run(words, capture_output=True, text=True)
            if made.returncode:
                raise AssertionError(made.stdout[-3000:] + made.stderr)
            for package in Path(fresh, "var/cache/apt/archives").glob("*.deb"):
                package.unlink()
            with tempfile.TemporaryDirectory(dir=caches) as folder:
                subprocess.run(["cp", "--archive", fresh, f"{folder}/debian"], check=True)
                Path(folder, "debian").rename(root)
    return root


@contextmanager
def _in_memory(folder: Path) -> Iterator[None]:
    """For an empty folder to which much is written, package by package: no disk is kept from others, and none of it is left."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "irctl-test", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def _without(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def _mirror() -> str:
    """Where this machine gets Debian from."""
    words = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]
    targets = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    found = next((uri for suite, _, uri in (line.partition(" ") for line in targets) if suite == SUITE), None)
    if found is None:
        _without(f"this machine's apt has no source of Debian {SUITE}")
    return str(found)


@dataclass
class Ended:
    """A line, once it is over. `said` is stdout and stderr."""

    code: int
    said: str


class Machine:
    """What is done to it stays in its folder, from one start to the next."""

    def __init__(self, bare: Path, root: Path) -> None:
        """A copy of `bare` at `root`, in memory: the most of a gigabyte is written there, and thrown away."""
        self.root = root
        self._container: subprocess.Popen[bytes] | None = None
        self._init = 0
        self._memory = ExitStack()
        root.mkdir()
        self._memory.enter_context(_in_memory(root))
        subprocess.run(["cp", "--archive", f"{bare}/.", root], check=True)
        self._way_out, self._shared = _way_to_packages()
        (root / "etc/apt/apt.conf.d/99outside").write_text(_apt_settings())
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")

    def scrap(self) -> None:
        """The end of it."""
        self.stop()
        self._memory.close()

    def start(self) -> None:
        """With all that is enabled in there; returns when it has started."""
        words = [*NSPAWN, f"--directory={self.root}", f"--machine=irctl-{os.getpid()}"]
        words += [f"--bind-ro={path}:{HOST}{path}" for path in self._shared]
        console = self.root.with_suffix(".console")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, console.open("w") as said:
            address = self.root.with_suffix(".notify")
            address.unlink(missing_ok=True)
            told.bind(str(address))
            told.settimeout(START_S)
            settings = {"NOTIFY_SOCKET": str(address), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
            self._container = subprocess.Popen(
                words, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
            self._init = self._wait_for_start(told, console)

    def stop(self) -> None:
        """Power off, as a person does it; or by force, where it has not started."""
        if self._container is None:
            return
        if self._init:
            self.run("systemctl poweroff", check=False)
        else:
            self._container.terminate()
        try:
            self._container.wait(START_S)
        finally:
            self._container.kill()
            self._container, self._init = None, 0

    def _wait_for_start(self, told: socket.socket, console: Path) -> int:
        """The process there that is number 1, by its number here."""
        init = 0
        try:
            while True:
                said = dict(line.partition("=")[::2] for line in told.recv(4096).decode().splitlines())
                init = int(said.get("X_NSPAWN_LEADER_PID", init))
                if said.get("READY") == "1" and init:
                    return init
        except TimeoutError:
            raise AssertionError(f"it did not start:\n{console.read_text()}") from None

    def run(self, line: str, *, outside: bool = False, typed: Sequence[str] = (), check: bool = True) -> Ended:
        """A line of shell where the release is, as root. `typed`: what is typed at a terminal, one at each question that ends in a colon."""
        words = self._words(line, outside=outside)
        ended = _at_a_terminal(words, typed) if typed else _run(words)
        assert not check or ended.code == 0, f"{line}\n{ended.said}"
        return ended

    @contextmanager
    def running(self, line: str) -> Iterator[subprocess.Popen[str]]:
        """A line that goes on beside the test, and is over before the machine is."""
        process = subprocess.Popen(
            self._words(line), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def _words(self, line: str, *, outside: bool = False) -> list[str]:
        spaces = ["--mount", "--pid", "--uts", "--ipc", "--cgroup"] if outside else ["--all"]
        plain = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }
        plain |= {"HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"} | (self._way_out if outside else {})
        words = ["nsenter", f"--target={self._init}", *spaces, "--", "env", "--ignore-environment"]
        words += [f"{name}={value}" for name, value in plain.items()]
        return [*words, "sh", "-c", f"cd /{RELEASED}\n{line}"]


def _run(words: Sequence[str]) -> Ended:
    ended = subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LINE_S
    )
    return Ended(ended.returncode, ended.stdout)


def _at_a_terminal(words: Sequence[str], typed: Sequence[str]) -> Ended:
    person, terminal = pty.openpty()
    process = subprocess.Popen(["setsid", "--ctty", "--wait", *words], stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    said, left, until_s = "", list(typed), time.monotonic() + LINE_S
    while time.monotonic() < until_s:
        if select.select([person], [], [], 0.2)[0]:
            try:
                said += os.read(person, 4096).decode(errors="replace")
            except OSError:  # nobody is at the other end any more
                break
        elif left and said.rstrip(" ").endswith(":"):
            said += "\n"
            os.write(person, f"{left.pop(0)}\n".encode())
    os.close(person)  # whoever has not ended by now is hung up on
    return Ended(process.wait(START_S), said)


def _way_to_packages() -> tuple[Mapping[str, str], set[str]]:
    """pip's settings here as variables for there, and the folders and files that they name."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    pairs = re.findall(r"^(?:global|install|:env:)\.([\w-]+)='(.*)'$", listed.stdout, re.M)
    settings = {f"PIP_{name.replace('-', '_').upper()}": value.replace("\\n", " ") for name, value in pairs}
    settings.pop("PIP_CONSTRAINT", None)  # the line says which
    settings |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    shared: set[str] = set()

    def seen_there(found: re.Match[str]) -> str:
        path = Path(found[0])
        if not path.exists():
            return found[0]
        # An index's files often lie beside the folder with its pages.
        shared.add(str(path if path.is_file() else Path(*path.parts[:3])))
        return f"{HOST}{path}"

    return {
        name: re.sub(r"(?<![\w:/])/\w[^\s,]*|(?<=file://)/[^\s,]*", seen_there, value)
        for name, value in settings.items()
    }, shared


def _apt_settings() -> str:
    """Of this machine's apt: proxies, and how old lists may be."""
    told = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=True).stdout
    return "".join(f"{line}\n" for line in told.splitlines() if re.match(r"Acquire::(https?|Check-)", line))
