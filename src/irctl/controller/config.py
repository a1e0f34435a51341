"""The station file: TOML into strict models, every key known, every number with its unit in its name.

`load` finds everything wrong with the file itself, at once. What can only be seen with drivers at hand (channels, leases against the
line's time-to-dark) is checked where the station is put together.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from irctl.bus.request import Speech
from irctl.bus.text import ONLY_UNIT
from irctl.controller.calibration_file import load_calibration, load_meter
from irctl.controller.upkeep_section import MeterSection, UpkeepSection, upkeep_problems
from irctl.domain.calibration import Calibration
from irctl.domain.history import INTERVAL_MAX_S
from irctl.domain.limits import Limits
from irctl.domain.meters import Meter
from irctl.domain.orders import (
    DURATION_MAX_S,
    FLUENCE_ABSOLUTE_MAX_J_CM2,
    IRRADIANCE_MAX_MW_CM2,
    IRRADIANCE_MAX_WITH_SKIN_MW_CM2,
)
from irctl.domain.problems import Problem, Refused
from irctl.listening import LOOPBACK
from irctl.toml_file import Name, Positive, Strict, parse, read

SKIN_C_MAX = 43.0
"""CEM43 doubles with each degree above this; contact limits for long exposure sit here too (DOMAIN facts §2)."""


class StationSection(Strict):
    """`laboratory` (who calibrates here), its `address` and the lamps' `owner` are printed on certificates."""

    name: str = Field(min_length=1, max_length=80)
    mode: Literal["simulation", "clinical"]
    laboratory: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    address: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    owner: Annotated[str, Field(min_length=1, max_length=120)] | None = None


class ApiSection(Strict):
    host: str = "127.0.0.1"
    port: int = Field(default=8970, ge=0, le=65535)


class FleetSection(Strict):
    """Where a clinic on another computer reaches this controller, once they are paired: an address of this computer, and the door's port."""

    host: Annotated[str, Field(min_length=1)]
    port: int = Field(default=8972, ge=1, le=65535)


class JournalSection(Strict):
    """`anchor`: where the last signed head is kept, relative to the station file; best on another disk. Beside the journal where not given."""

    anchor: str | None = None
    file_mb_max: Annotated[float, Field(ge=0.01, le=256)] = 32.0
    """MB (2²⁰ bytes). A larger file is closed once nothing is open. A start reads and verifies the current one: seconds, where it is large."""


class LineSection(Strict):
    """One serial or network line. `port`: a device path, `socket://`, `rfc2217://`, `tcp://host:502` (Modbus TCP) or `sim://NAME`.

    `protocol`: what is spoken on it; a line of text has one device, which has no address.
    """

    port: str = Field(min_length=1)
    protocol: Speech = "modbus"
    baud: int = Field(default=9600, ge=300, le=1_000_000)
    format: Literal["8N1", "8N2", "8E1", "8O1", "8E2", "8O2"] = "8N1"
    local_echo: bool = False
    broadcast_turnaround_s: Positive = 0.1


class ClinicSection(Strict):
    """The clinic's process beside the controller. `day_begins`: when its schedule tells what falls due that day, local time.

    `port`: of its pages on this machine, 0 for none; `origins`: of its pages elsewhere. These may show the live panel and ask in its user's name.
    """

    enabled: bool = True
    day_begins: time = time(7)
    port: int = Field(default=8971, ge=0, le=65535)
    origins: tuple[str, ...] = Field(default=(), strict=False)

    @property
    def pages(self) -> frozenset[str]:
        """Origins, as browsers send them."""
        hosts = [f"[{host}]" if ":" in host else host for host in LOOPBACK] if self.port else []
        return frozenset([*self.origins, *(f"http://{host}:{self.port}" for host in hosts)])


class PeopleSection(Strict):
    """`sign_in`: light needs the token of somebody who signed in at the clinic; else a name is what somebody typed."""

    sign_in: bool = False


class BenchSection(Strict):
    """`burn_in`: lamps may be lit for hours on a dummy load, with nobody beside them."""

    burn_in: bool = False


class DeviceSection(BaseModel):
    """Where a device is. Every other key belongs to its driver, which checks it."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    driver: str
    line: str
    unit: int = Field(default=ONLY_UNIT, ge=1, le=247)
    """Its address; on a line of text there is none."""

    @property
    def options(self) -> Mapping[str, Any]:
        return self.model_extra or {}


class LimitsSection(Strict):
    irradiance_mw_cm2_max: Annotated[float, Field(gt=0, le=IRRADIANCE_MAX_WITH_SKIN_MW_CM2)] = IRRADIANCE_MAX_MW_CM2
    fluence_j_cm2_max: Annotated[float, Field(gt=0, le=FLUENCE_ABSOLUTE_MAX_J_CM2)] = 90.0
    duration_s_max: Annotated[float, Field(gt=0, le=DURATION_MAX_S)] = DURATION_MAX_S
    skin_c_max: Annotated[float, Field(ge=30, le=SKIN_C_MAX)] = SKIN_C_MAX
    day_fluence_j_cm2_max: Annotated[float, Field(gt=0, le=2 * FLUENCE_ABSOLUTE_MAX_J_CM2)] = 90.0
    interval_s_min: Annotated[float, Field(ge=0, le=INTERVAL_MAX_S)] = 0.0

    def as_limits(self) -> Limits:
        return Limits(**self.model_dump())


class AttendanceSection(Strict):
    """How often the attendant is asked while there is light, and what silence does. Project choices, not a standard's."""

    every_s: Annotated[float, Field(ge=10, le=900)] = 300.0
    answer_within_s: Annotated[float, Field(ge=5, le=120)] = 30.0
    dimmed_s: Annotated[float, Field(ge=0, le=120)] = 30.0


class StopSection(Strict):
    """Contacts that stop the whole station, read with every lamp; and who may lift a stop (names; empty: anybody who gives one)."""

    contacts: tuple[str, ...] = Field(default=(), strict=False)
    may_clear: tuple[str, ...] = Field(default=(), strict=False)


class LampSection(Strict):
    """One lamp: what makes it radiate, what can cut its power, what watches it."""

    title: str = ""
    serial: str = Field(min_length=1)
    emitter: str
    lease_s: Positive
    cutoff: str | None = None
    cutoff_lease_s: Positive | None = None
    radiometer: str | None = None
    skin: str | None = None
    housing: str | None = None
    """A thermometer at the lamp's housing."""
    housing_c_max: Annotated[float, Field(ge=30, le=300)] | None = None
    interlocks: tuple[str, ...] = Field(default=(), strict=False)
    distance_cm: Annotated[float, Field(ge=10, le=200)]
    calibration: str | None = None
    """The calibration file, relative to the station file. A lamp without one gives no light."""
    tick_s: Annotated[float, Field(ge=0.05, le=1.0)] = 0.25
    idle_s: Annotated[float, Field(ge=0.02, le=10.0)] = 1.0
    limits: LimitsSection = LimitsSection()
    attendance: AttendanceSection = AttendanceSection()
    upkeep: UpkeepSection = UpkeepSection()


class StationFile(Strict):
    station: StationSection
    api: ApiSection = ApiSection()
    fleet: FleetSection | None = None
    journal: JournalSection = JournalSection()
    clinic: ClinicSection = ClinicSection()
    people: PeopleSection = PeopleSection()
    bench: BenchSection = BenchSection()
    lines: dict[Name, LineSection] = Field(min_length=1)
    devices: dict[Name, DeviceSection] = Field(min_length=1)
    interlocks: dict[Name, str] = Field(default={})
    stop: StopSection = StopSection()
    meters: dict[Name, MeterSection] = Field(default={})
    lamps: dict[Name, LampSection] = Field(min_length=1)

    def devices_of(self, lamp: str) -> list[str]:
        """Every device that this lamp's task talks to, sorted."""
        section = self.lamps[lamp]
        interlocks = [self.interlocks[name] for name in (*section.interlocks, *self.stop.contacts)]
        refs = (section.emitter, section.cutoff, section.radiometer, section.skin, section.housing, *interlocks)
        return sorted({ref.partition(".")[0] for ref in refs if ref is not None})

    def lamps_on(self, line: str) -> list[str]:
        """Every lamp whose task talks on this line."""
        return [lamp for lamp in self.lamps if any(self.devices[d].line == line for d in self.devices_of(lamp))]


@dataclass(frozen=True, slots=True)
class StationConfig:
    """A station file that holds together, its calibrations read, and the hash of its text and of the device maps beside it."""

    file: StationFile
    path: Path
    sha256: str
    text_sha256: str
    maps: Mapping[Path, str]
    """Device maps that this station brought itself, with the hashes of their texts."""
    calibrations: Mapping[str, Calibration]
    """By lamp; a lamp without a calibration file is not in it."""
    meters: Mapping[str, Meter]
    """By name, with what their certificates say."""

    def changed(self) -> list[Problem]:
        """Files that are no longer what was read: this controller runs on what it read, and says so in its record."""
        read = {self.path: self.text_sha256, **self.maps}
        for name, calibration in self.calibrations.items():
            if (file := self.file.lamps[name].calibration) is not None:
                read[self.path.parent / file] = calibration.sha256
        for name, meter in self.meters.items():
            read[self.path.parent / self.file.meters[name].certificate] = meter.sha256
        return [
            Problem(path.name, None, "was changed after the controller read it", "Look at the change, then restart")
            for path, digest in read.items()
            if _digest(path) != digest
        ]


def load(path: Path) -> StationConfig:
    """Read a station file and its calibrations. Raises Refused with every problem found in them."""
    text = read(path, "config")
    file = parse(text, StationFile, path.name)
    problems: list[Problem] = []
    calibrations: dict[str, Calibration] = {}
    for name, lamp in file.lamps.items():
        problems += _lamp_problems(name, lamp, file)
        if lamp.calibration is None:
            continue
        try:
            calibration = load_calibration(path.parent / lamp.calibration)
        except Refused as refused:
            problems += refused.problems
            continue
        problems += _binding_problems(name, lamp, calibration)
        calibrations[name] = calibration
    problems += [
        Problem(
            "stop.contacts", ref, "no such interlock", f"Known are {_list(file.interlocks)}; add it under [interlocks]"
        )
        for ref in file.stop.contacts
        if ref not in file.interlocks
    ]
    meters: dict[str, Meter] = {}
    for name, meter in file.meters.items():
        try:
            meters[name] = load_meter(path.parent / meter.certificate, name)
        except Refused as refused:
            problems += refused.problems
    problems += _address_problems(file) + _people_problems(file)
    if problems:
        raise Refused(problems)
    digest, maps = sha256(text).hexdigest(), _maps(path, file)
    whole = sha256("".join((digest, *maps.values())).encode()).hexdigest() if maps else digest
    return StationConfig(file, path, whole, digest, maps, calibrations, meters)


def _maps(path: Path, file: StationFile) -> dict[Path, str]:
    """One that cannot be read has no hash; whoever loads it says so."""
    named = {path.parent / device.driver for device in file.devices.values() if device.driver.endswith(".toml")}
    return {one: digest for one in sorted(named) if (digest := _digest(one)) is not None}


def resolve_port(port: str, endpoints: Path | None = None) -> str:
    """What `sim://NAME` stands for, from the endpoints file the simulator wrote; anything else is returned as it is."""
    if not port.startswith("sim://"):
        return port
    import json

    path = endpoints or (Path(env) if (env := os.environ.get("IRCTL_SIM_ENDPOINTS")) else None)
    name = port.removeprefix("sim://")
    remedy = "Start irctl-sim with --endpoints FILE and give the same file to --sim-endpoints (or IRCTL_SIM_ENDPOINTS)"
    if path is None:
        raise Refused([Problem("port", port, "names a simulated line, but no simulator is known", remedy)])
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["lines"][name])
    except OSError as error:
        raise Refused([Problem("port", port, f"{path.name}: {error.strerror}", remedy)]) from None
    except (ValueError, KeyError, TypeError):
        raise Refused([Problem("port", port, f"the simulator offers no line {name!r}", remedy)]) from None


def _digest(path: Path) -> str | None:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _lamp_problems(name: str, lamp: LampSection, file: StationFile) -> list[Problem]:
    at = f"lamps.{name}"
    problems = upkeep_problems(at, lamp.upkeep) + [
        Problem(
            f"{at}.interlocks",
            ref,
            "no such interlock",
            f"Known are {_list(file.interlocks)}; add it under [interlocks]",
        )
        for ref in lamp.interlocks
        if ref not in file.interlocks
    ]
    if lamp.cutoff is not None and lamp.cutoff_lease_s is None:
        problems.append(
            Problem(f"{at}.cutoff_lease_s", None, "is missing", "Say for how long one renewal keeps the cut-off closed")
        )
    if lamp.cutoff is None and lamp.cutoff_lease_s is not None:
        problems.append(
            Problem(
                f"{at}.cutoff_lease_s", lamp.cutoff_lease_s, "there is no cut-off", "Name the cut-off, or remove it"
            )
        )
    if (lamp.housing is None) != (lamp.housing_c_max is None):
        missing = "housing" if lamp.housing is None else "housing_c_max"
        problems.append(
            Problem(
                f"{at}.{missing}", None, "is missing", "Name the thermometer and, as the lamp's maker says, its limit"
            )
        )
    limit = lamp.limits.irradiance_mw_cm2_max
    if lamp.skin is None and limit > IRRADIANCE_MAX_MW_CM2:
        problems.append(
            Problem(
                f"{at}.limits.irradiance_mw_cm2_max",
                limit,
                f"above {IRRADIANCE_MAX_MW_CM2:g} mW/cm², which needs skin temperature feedback",
                "Fit a skin thermometer or lower the limit",
            )
        )
    return problems


def _binding_problems(name: str, lamp: LampSection, calibration: Calibration) -> list[Problem]:
    """A calibration belongs to one lamp on one emitter: it says nothing about another."""
    bound = (("serial", lamp.serial, calibration.lamp_serial), ("emitter", lamp.emitter, calibration.emitter))
    problems = [
        Problem(
            f"lamps.{name}.{field}",
            ours,
            f"calibration {calibration.id} was made for {theirs!r}",
            "Calibrate this lamp",
        )
        for field, ours, theirs in bound
        if ours != theirs
    ]
    if lamp.radiometer and calibration.meter_uncertainty_pct is None:
        problems.append(
            Problem(f"lamps.{name}.radiometer", lamp.radiometer, f"calibration {calibration.id} does not cover it",
                    "Add meter_uncertainty_pct from the comparison with the reference meter")
        )  # fmt: skip
    return problems


def _people_problems(file: StationFile) -> list[Problem]:
    problems = [
        Problem("clinic.origins", origin, "is not the origin of a page",
                'Write it as browsers do, in lower case and without a path: "https://clinic.example"')
        for origin in file.clinic.origins
        if not _is_origin(origin)
    ]  # fmt: skip
    if file.fleet is not None and file.clinic.enabled:
        limit = "a controller has one clinic, and [fleet] says that it is on another computer"
        problems.append(Problem("clinic.enabled", True, limit, "Say enabled = false under [clinic], or remove [fleet]"))
    if file.station.mode == "clinical" and not file.people.sign_in:
        limit = "in clinical mode light needs somebody who is signed in"
        problems.append(Problem("people.sign_in", False, limit, "Add sign_in = true under [people]"))
    return problems


def _is_origin(text: str) -> bool:
    """Of a page that came unchanged: over TLS. This machine's own are known by their port."""
    try:
        found = urlsplit(text)
        port = found.port
    except ValueError:
        return False
    plain = f"https://{found.hostname}" + (f":{port}" if port is not None else "")
    return bool(found.hostname) and text == plain and port != 443 and text.isascii()


def _address_problems(file: StationFile) -> list[Problem]:
    problems: list[Problem] = []
    taken: dict[tuple[str, int], str] = {}
    for name, device in file.devices.items():
        if device.line not in file.lines:
            problems.append(
                Problem(f"devices.{name}.line", device.line, "no such line", f"Known are {_list(file.lines)}")
            )
            continue
        line = file.lines[device.line]
        unit = ONLY_UNIT if line.protocol == "text" else device.unit
        problems += _unit_problems(name, device, line, there=taken.setdefault((device.line, unit), name))
    ports: dict[str, str] = {}
    for name, line in file.lines.items():
        other = ports.setdefault(line.port, name)
        if other != name:
            problems.append(
                Problem(f"lines.{name}.port", line.port, f"line {other!r} already owns it", "One line, one port")
            )
        if file.station.mode == "clinical" and line.port.startswith("sim://"):
            problems.append(
                Problem(
                    f"lines.{name}.port",
                    line.port,
                    "a simulated line in clinical mode",
                    'Name the real port, or set mode = "simulation"',
                )
            )
    return problems


def _unit_problems(name: str, device: DeviceSection, line: LineSection, there: str) -> list[Problem]:
    """`there`: the first device of the file at this place."""
    field, given = f"devices.{name}.unit", "unit" in device.model_fields_set
    if line.protocol == "text":
        problems: list[Problem] = []
        if given:
            limit = f"line {device.line!r} speaks text, which knows no addresses"
            problems.append(Problem(field, device.unit, limit, "Remove it"))
        if there != name:
            limit = f"it speaks text and has {there!r} already"
            problems.append(Problem(f"devices.{name}.line", device.line, limit, "Give each device a line of its own"))
        return problems
    if not given:
        return [Problem(field, None, "is missing", "Say at which address the device answers, 1 to 247")]
    if there != name:
        limit = f"line {device.line!r} already has {there!r} there"
        return [Problem(field, device.unit, limit, "Give each device its own address")]
    return []


def _list(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(names)) or "none"
