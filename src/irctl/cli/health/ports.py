"""The ports of the lines: is the device file there, may it be opened, does it keep its name, how fast is the adapter, who else has it open. Nothing is opened."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from irctl.cli.health.finding import Finding, ok, problem, unknown, warning

LATENCY_MS = 1
"""FTDI's driver holds bytes back for 16 ms unless told otherwise: most of a slow line's reply time (facts of the adapters; not measured here)."""
NAMED_BY_ORDER = ("ttyUSB", "ttyACM")
"""Numbered in the order in which they were plugged in: after a restart the same name may be another adapter."""
STABLE = ("irctl", "serial/by-id", "serial/by-path")
"""Folders of /dev: irctl's own udev rules, and those of every Linux. By what it is before where it is plugged in."""
PSEUDO = "/dev/pts/"
"""Whoever is at its other end, such as a simulator, may have it open from this one as well."""
RULE = "The udev rules of irctl do it at every start: docs/how-to/install-on-a-workstation.md"
ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Opener:
    """A process that has the port open."""

    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class PortLook:
    """One line's port as it lies there. None: could not be looked at, or there is no such thing of this adapter."""

    line: str
    port: str
    exists: bool
    openable: bool = False
    group: str | None = None
    user: str = ""
    stable: str | None = None
    """A name that keeps to this adapter."""
    latency_ms: int | None = None
    latency_file: str = ""
    pseudo: bool = False
    """A pseudo-terminal, with another program at its end."""
    power: str | None = None
    """Of the USB device: "auto" may switch it off while it is idle, "on" does not."""
    power_file: str = ""
    openers: tuple[Opener, ...] = ()
    all_processes: bool = False
    """Whether every process could be looked at, not only the looker's own."""


def look(line: str, port: str, root: Path = ROOT) -> PortLook:
    """At a device file. `root`: where /dev, /sys and /proc are."""
    path = root / port.lstrip("/")
    if not path.exists():
        return PortLook(line, port, exists=False)
    real = path.resolve()
    usb = root / "sys/bus/usb-serial/devices" / real.name
    timer, power = usb / "latency_timer", _power_of(usb)
    openers, everybody = _openers(real, root)
    return PortLook(
        line,
        port,
        exists=True,
        openable=os.access(path, os.R_OK | os.W_OK),
        group=_group(real),
        user=_user(),
        stable=_stable(real, root),
        pseudo=str(real).startswith(PSEUDO),
        latency_ms=_number(timer),
        latency_file=str(timer),
        power=_text(power),
        power_file=str(power),
        openers=openers,
        all_processes=everybody,
    )


def port_findings(look: PortLook, ours: Collection[int]) -> list[Finding]:
    """`ours`: the processes of the station's own controller, which is to have it open."""
    line, port = look.line, look.port
    if not look.exists:
        remedy = (
            "Plug the adapter in, then `ls -l /dev/serial/by-id` shows its name; correct `port` under [lines.{line}]"
        )
        return [problem("port.exists", "{port} is not there", remedy, line, port=port, line=line)]
    told = [_openable(look), _name(look)]
    if look.latency_ms is not None:
        told.append(_latency(look))
    if look.power is not None:
        told.append(_awake(look))
    if not look.pseudo:
        told.append(_alone(look, ours))
    return told


def elsewhere(line: str, port: str) -> Finding:
    """Of a line that has no device file."""
    if port.startswith("sim://"):
        return ok("port.exists", "{port}: simulated, so there is no port to look at", line, port=port)
    remedy = "A running controller says whether it is connected; without one: irctl doctor --probe"
    return unknown("port.exists", "{port} is on the network, and is not knocked at while a controller may use it", remedy, line, port=port)  # fmt: skip


def _openable(look: PortLook) -> Finding:
    values: dict[str, object] = {"port": look.port, "user": look.user, "group": look.group or "its group"}
    if look.openable:
        return ok("port.permission", "{port} is there, and {user} may open it", look.line, **values)
    remedy = "sudo usermod -aG {group} {user}, then sign in again (irctl as a service: SupplementaryGroups={group})"
    return problem("port.permission", "{port} is there, but {user} may not open it", remedy, look.line, **values)


def _name(look: PortLook) -> Finding:
    by_order = Path(look.port).name.startswith(NAMED_BY_ORDER)
    if not by_order:
        return ok("port.name", "its name stays the same", look.line)
    said = "{port} is the order in which adapters were plugged in: after a restart it may be another one"
    if look.stable is None:
        return warning("port.name", said, "Copy the udev rules of irctl, which give it one: docs/how-to/install-on-a-workstation.md", look.line, port=look.port)  # fmt: skip
    remedy = 'Write port = "{stable}" under [lines.{line}]'
    return warning("port.name", said, remedy, look.line, port=look.port, stable=look.stable, line=look.line)


def _latency(look: PortLook) -> Finding:
    values: dict[str, object] = {"latency_ms": look.latency_ms, "wanted_ms": LATENCY_MS, "file": look.latency_file}
    said = "the adapter holds bytes back for up to {latency_ms} ms"
    if look.latency_ms is not None and look.latency_ms > LATENCY_MS:
        remedy = "echo {wanted_ms} | sudo tee {file}. " + RULE
        return warning("port.latency", said, remedy, look.line, **values)
    return ok("port.latency", said, look.line, **values)


def _awake(look: PortLook) -> Finding:
    if look.power == "on":
        return ok("port.power", "the adapter is never switched off to save power", look.line, power=look.power)
    remedy = "echo on | sudo tee {file}. " + RULE
    return warning("port.power", "the computer may switch the adapter off to save power", remedy, look.line, power=look.power, file=look.power_file)  # fmt: skip


def _alone(look: PortLook, ours: Collection[int]) -> Finding:
    others = [one for one in look.openers if one.pid not in ours]
    if others:
        named = ", ".join(f"{one.name} (process {one.pid})" for one in others)
        remedy = "End it: two masters on one line spoil each other's frames. ModemManager and brltty open adapters by themselves"
        return problem("port.alone", "somebody else has it open: {named}", remedy, look.line, named=named)
    if not look.all_processes:
        remedy = "Look as root: sudo irctl doctor"
        return unknown("port.alone", "whether a process of another user has it open", remedy, look.line)
    return ok("port.alone", "nobody else has it open", look.line)


# --- looking ---------------------------------------------------------------------------------------------------------------


def _openers(real: Path, root: Path) -> tuple[tuple[Opener, ...], bool]:
    """Who has it open, as far as may be seen, and whether everything could be."""
    found: list[Opener] = []
    everything = (root / "proc/self").exists() or root != ROOT
    for process in sorted((root / "proc").glob("[0-9]*")):
        try:
            links = list((process / "fd").iterdir())
        except PermissionError:
            everything = False
            continue
        except OSError:  # it has just ended
            continue
        if any(_leads_to(link, real) for link in links):
            found.append(Opener(int(process.name), _text(process / "comm") or "?"))
    return tuple(found), everything


def _leads_to(link: Path, real: Path) -> bool:
    with suppress(OSError):
        return Path(os.readlink(link)) == real
    return False


def _stable(real: Path, root: Path) -> str | None:
    for folder in STABLE:
        with suppress(OSError):
            for link in sorted((root / "dev" / folder).iterdir()):
                if link.resolve() == real:
                    return f"/dev/{folder}/{link.name}"
    return None


def _power_of(usb: Path) -> Path:
    """The power switch of the USB device that the port belongs to: its interface's parent."""
    with suppress(OSError):
        for folder in usb.resolve().parents:
            if (folder / "idVendor").exists():
                return folder / "power/control"
    return usb / "power/control"


def _group(path: Path) -> str | None:
    if sys.platform == "win32":
        return None
    with suppress(OSError, KeyError):
        return path.group()
    return None


def _user() -> str:
    """Who is looking."""
    if sys.platform != "win32":
        import pwd

        with suppress(KeyError):
            return pwd.getpwuid(os.geteuid()).pw_name
    return "you"


def _text(path: Path) -> str | None:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8").strip()
    return None


def _number(path: Path) -> int | None:
    with suppress(ValueError, TypeError):
        return int(_text(path) or "")
    return None
