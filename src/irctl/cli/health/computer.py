"""The computer: its Python, what irctl stands on, and whether it may fall asleep."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import irctl
from irctl.cli.health.finding import Finding, ok, problem, unknown, warning

OLDEST = (3, 11)
SLEEP_TARGETS = ("sleep.target", "suspend.target", "hibernate.target", "hybrid-sleep.target")
PINS = "constraints.txt"


@dataclass(frozen=True, slots=True)
class ComputerLook:
    """`packages`: what irctl needs, each with the installed version, None where it lacks. `pinned`: what it was tested with; None: not known here.

    `can_sleep`: None where the system does not say.
    """

    python: tuple[int, int, int]
    system: str
    version: str
    packages: Mapping[str, str | None]
    pinned: Mapping[str, str] | None
    can_sleep: bool | None


def look(root: Path = Path("/")) -> ComputerLook:
    """`root`: where /sys and /etc are."""
    needed = {_normal(name) for line in requires("irctl") or () if (name := _unconditional(line))}
    return ComputerLook(
        sys.version_info[:3],
        f"{platform.system()} {platform.release()} {platform.machine()}",
        version("irctl"),
        {name: _installed(name) for name in sorted(needed)},
        _pins(),
        _can_sleep(root),
    )


def computer_findings(look: ComputerLook) -> list[Finding]:
    return [_python(look), *_packages(look), _awake(look.can_sleep)]


def _python(look: ComputerLook) -> Finding:
    values: dict[str, object] = {
        "python": ".".join(map(str, look.python)),
        "system": look.system,
        "version": look.version,
    }
    if look.python[:2] < OLDEST:
        return problem("computer.python", "Python {python}", "irctl needs Python 3.11 or newer", **values)
    return ok("computer.python", "irctl {version} on Python {python}, {system}", **values)


def _packages(look: ComputerLook) -> list[Finding]:
    lacking = [name for name, found in look.packages.items() if found is None]
    if lacking:
        remedy = "Install irctl again: it brings what it needs"
        return [problem("computer.packages", "lacks {names}", remedy, names=", ".join(lacking))]
    if look.pinned is None:
        remedy = "Compare `pip freeze` with constraints.txt of the same version of irctl"
        return [unknown("computer.packages", "whether its packages are those that irctl was tested with", remedy)]
    others = [
        f"{name} {found} (tested: {look.pinned[name]})"
        for name, found in look.packages.items()
        if name in look.pinned and found != look.pinned[name]
    ]
    if others:
        remedy = "Install it with the versions that it was tested with: pip install -c constraints.txt irctl"
        return [warning("computer.packages", "not as irctl was tested: {names}", remedy, names=", ".join(others))]
    return [
        ok(
            "computer.packages",
            "the {number} packages that irctl names are those that it was tested with",
            number=len(look.packages),
        )
    ]


def _awake(can_sleep: bool | None) -> Finding:
    if can_sleep is None:
        return unknown(
            "computer.awake", "whether it may fall asleep", "Look into its energy settings, and switch sleep off"
        )
    if can_sleep:
        remedy = "sudo systemctl mask " + " ".join(SLEEP_TARGETS)
        return warning("computer.awake", "may fall asleep: that ends a treatment (the lease sees to dark)", remedy)
    return ok("computer.awake", "never falls asleep by itself")


# --- looking ---------------------------------------------------------------------------------------------------------------


def _unconditional(requirement: str) -> str | None:
    """A requirement's name; None for one of an extra."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return found[0] if found and "extra ==" not in requirement else None


def _installed(name: str) -> str | None:
    with suppress(PackageNotFoundError):
        return version(name)
    return None


def _pins() -> Mapping[str, str] | None:
    """Inside the installed package, or beside the sources in a checkout."""
    package = Path(irctl.__file__).parent
    for path in (package / PINS, package.parents[1] / PINS):
        with suppress(OSError):
            lines = path.read_text(encoding="utf-8").splitlines()
            pairs = [line.split("==") for line in lines if "==" in line and not line.startswith("#")]
            return {_normal(name): pin.strip() for name, pin in pairs}
    return None


def _normal(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _can_sleep(root: Path) -> bool | None:
    """By what the kernel offers (mem, disk, standby, freeze), unless systemd is told not to."""
    try:
        offered = (root / "sys/power/state").read_text(encoding="ascii").split()
    except OSError:
        return None
    return bool(offered) and not all(_masked(root / "etc/systemd/system" / name) for name in SLEEP_TARGETS)


def _masked(unit: Path) -> bool:
    with suppress(OSError):
        return os.readlink(unit) == "/dev/null"
    return False
