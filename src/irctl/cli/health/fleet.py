"""A controller and its clinic on two computers: are they paired, and how long do their certificates last."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from irctl.cli.health.finding import Finding, ok, problem, unknown, warning

SOON = timedelta(days=180)
"""A pairing is renewed by hand, at two computers."""
AGAIN = "Pair again: irctl pair offer at the controller, irctl pair join at the clinic"


@dataclass(frozen=True, slots=True)
class Certificate:
    """Of this side or another. `until`: None where it is no certificate, or cannot be read."""

    name: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class FleetLook:
    """What the state folder has of a pairing. `why`: why it cannot be looked into, where it cannot."""

    certificates: tuple[Certificate, ...]
    why: str = ""

    @property
    def names(self) -> set[str]:
        return {one.name for one in self.certificates}


def look(state: Path) -> FleetLook:
    from irctl.fleet.identity import FOLDER, expires

    def until(path: Path) -> datetime | None:
        with suppress(OSError, ValueError):
            return expires(path)
        return None

    try:
        found = sorted(path for path in (state / FOLDER).iterdir() if path.suffix == ".crt")
    except FileNotFoundError:
        return FleetLook(())
    except OSError as error:
        return FleetLook((), error.strerror or str(error))
    return FleetLook(tuple(Certificate(path.name, until(path)) for path in found))


def fleet_findings(look: FleetLook, now: datetime, *, door: bool, stations: tuple[str, ...]) -> list[Finding]:
    """`door`: this controller is to be reached from another computer; `stations`: those that this clinic follows elsewhere."""
    from irctl.fleet.trust import CLINIC

    if look.why:
        return [unknown("fleet.paired", "whether it is paired: {why}", "Look as who runs irctl", why=look.why)]
    told: list[Finding] = []
    wanted = ([CLINIC] if door else []) + [f"station-{name}.crt" for name in stations]
    for name in wanted:
        if name not in look.names:
            told.append(
                problem("fleet.paired", "is not paired: {name} is missing in the state folder", AGAIN, name=name)
            )
    return told + [_lasts(one, now) for one in look.certificates]


def _lasts(one: Certificate, now: datetime) -> Finding:
    if one.until is None:
        return problem("fleet.certificate", "cannot be read", AGAIN, one.name)
    values: dict[str, object] = {"until": f"{one.until:%Y-%m-%d}", "days": (one.until - now) / timedelta(days=1)}
    if one.until <= now:
        return problem(
            "fleet.certificate", "held until {until}: the two no longer speak to each other", AGAIN, one.name, **values
        )
    if one.until - now <= SOON:
        return warning("fleet.certificate", "holds until {until}, for {days:.0f} more days", AGAIN, one.name, **values)
    return ok("fleet.certificate", "holds until {until}", one.name, **values)
