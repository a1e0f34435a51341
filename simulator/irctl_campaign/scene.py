"""The station under examination: what irctl is told of it, what stands behind it, and what follows from the two for faults and bounds."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from shlex import quote
from typing import Any, cast

from pydantic import ValidationError

from irctl.controller.config import AttendanceSection, DeviceSection, LampSection, StationConfig, load
from irctl.domain.problems import Problem, Refused
from irctl.toml_file import schema_problem
from irctl_simulator import config as simulated
from irctl_simulator.station import SimStation, WiringError
from irctl_simulator.twins.registry import TWINS

HOUSING = "housing"
FILE_MB_MAX = 0.02
"""Two treatments or so: nearly every seed goes on to a next file, and some crash about then."""
HARDWARE_SUFFIX = "-sim.toml"
USUAL_BAUD = 9600
LINE_S = 0.5
"""A frame on its way, a tick of the relay's timer, a slow answer in front of it: at 9600 baud. A slower line takes longer in proportion."""
STALE_S = 1.5
"""What the rules take for unknown."""
CALIBRATION_FITS = 0.05
"""A simulated lamp gives what its calibration says, to within this."""

Lamps = frozenset[str]


@dataclass(frozen=True, slots=True)
class Files:
    """A station file, and the file of the simulated hardware behind it."""

    station: Path
    hardware: Path

    @classmethod
    def of(cls, station: Path, hardware: Path | None) -> Files:
        """`hardware`: beside the station file, as NAME-sim.toml, where not given."""
        return cls(station, hardware or station.with_name(station.stem + HARDWARE_SUFFIX))

    @property
    def words(self) -> str:
        """As they are named on the command line."""
        usual = self.hardware == Files.of(self.station, None).hardware
        return f" --station {quote(str(self.station))}" + ("" if usual else f" --hardware {quote(str(self.hardware))}")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one lamp's leases and ticks promise, seconds."""

    lease_s: float
    """The emitter's."""
    longest_lease_s: float
    tick_s: float
    line_s: float

    @property
    def lease_bound_s(self) -> float:
        """Whatever else fails, the light ends this long after the last frame that renewed it."""
        return self.longest_lease_s + self.line_s

    @property
    def notice_bound_s(self) -> float:
        """Until the controller must have noticed that something has fallen silent: a look that nobody answers takes three ticks."""
        return STALE_S + 4 * self.tick_s

    @property
    def fault_bound_s(self) -> float:
        """From a lasting fault to dark, even where no OFF can be sent any more."""
        return self.notice_bound_s + self.lease_bound_s


@dataclass(frozen=True)
class Scene:
    """A station and its hardware, found to fit together."""

    config: StationConfig
    hardware: Mapping[str, Any]

    @cached_property
    def sections(self) -> Mapping[str, LampSection]:
        return self.config.file.lamps

    @cached_property
    def simulated(self) -> simulated.StationConfig:
        return simulated.load_config(dict(self.hardware))

    @cached_property
    def lamps(self) -> tuple[str, ...]:
        return tuple(self.sections)

    @cached_property
    def every_lamp(self) -> Lamps:
        return frozenset(self.lamps)

    @cached_property
    def emitters(self) -> Mapping[str, str]:
        """The outputs ("dimmer.1") by lamp."""
        return {name: lamp.emitter for name, lamp in self.sections.items()}

    @cached_property
    def cutoffs(self) -> Mapping[str, str]:
        """As `emitters`, for the lamps that have a cut-off."""
        return {name: lamp.cutoff for name, lamp in self.sections.items() if lamp.cutoff}

    @cached_property
    def radiometers(self) -> Mapping[str, str]:
        return {name: device_of(lamp.radiometer) for name, lamp in self.sections.items() if lamp.radiometer}

    @cached_property
    def skins(self) -> Mapping[str, str]:
        return {name: device_of(lamp.skin) for name, lamp in self.sections.items() if lamp.skin}

    @cached_property
    def housings(self) -> Mapping[str, str]:
        return {name: device_of(lamp.housing) for name, lamp in self.sections.items() if lamp.housing}

    @cached_property
    def interlocks(self) -> Mapping[str, Lamps]:
        """By the name that the hardware's file gives the contact: the lamps that heed it. A stop contact is every lamp's."""
        file, found = self.config.file, dict[str, Lamps]()
        for name, ref in file.interlocks.items():
            heeding = [lamp for lamp, section in self.sections.items() if name in section.interlocks]
            contact = next(known for known, one in self.simulated.interlocks.items() if one.input == ref)
            found[contact] = self.every_lamp if name in file.stop.contacts else frozenset(heeding)
        return {contact: lamps for contact, lamps in found.items() if lamps}

    @cached_property
    def devices(self) -> Mapping[str, Lamps]:
        """Which lamps cannot be treated with while a device is not as it should be. Outputs come first."""
        needed: dict[str, set[str]] = {}
        outputs = [device_of(ref) for ref in (*self.emitters.values(), *self.cutoffs.values())]
        for name in dict.fromkeys((*outputs, *self.config.file.devices)):
            needed[name] = set()
        for roles in (self.emitters, self.cutoffs, self.radiometers, self.skins, self.housings):
            for lamp, ref in roles.items():
                needed[device_of(ref)].add(lamp)
        for contact, lamps in self.interlocks.items():
            needed[device_of(self.simulated.interlocks[contact].input)] |= lamps
        return {name: frozenset(lamps) for name, lamps in needed.items() if lamps}

    @cached_property
    def lines(self) -> Mapping[str, Lamps]:
        """By line: the lamps that need a device on it."""
        found = {name: self._on(name) for name in self.config.file.lines}
        return {name: lamps for name, lamps in found.items() if lamps}

    def _on(self, line: str) -> Lamps:
        return frozenset().union(*(lamps for name, lamps in self.devices.items() if self.line_of(name) == line))

    @cached_property
    def serial_lines(self) -> Mapping[str, Lamps]:
        return {name: lamps for name, lamps in self.lines.items() if self.simulated.lines[name].protocol == "rtu"}

    @cached_property
    def exchangeable(self) -> Mapping[str, Lamps]:
        """Pairs of devices of different kinds on one serial line, that are no emitters: wired to each other's address."""
        emitters = {device_of(ref) for ref in self.emitters.values()}
        names = [n for n in self.devices if n not in emitters and self.line_of(n) in self.serial_lines]
        kinds = self.simulated.devices
        return {
            f"{one} {other}": self.devices[one] | self.devices[other]
            for one in names
            for other in names
            if one < other and self.line_of(one) == self.line_of(other) and kinds[one].twin != kinds[other].twin
        }

    def line_of(self, device: str) -> str:
        return self.config.file.devices[device].line

    @cached_property
    def bounds(self) -> Mapping[str, Bounds]:
        return {name: self._bounds(name, lamp) for name, lamp in self.sections.items()}

    def _bounds(self, name: str, lamp: LampSection) -> Bounds:
        lines = [self.simulated.lines[line] for line in self.serial_lines if name in self.lines[line]]
        slowest = min((line.baud for line in lines), default=USUAL_BAUD)
        line_s = LINE_S * max(1.0, USUAL_BAUD / slowest)
        return Bounds(lamp.lease_s, max(lamp.lease_s, lamp.cutoff_lease_s or 0.0), lamp.tick_s, line_s)

    def irradiances(self, lamp: str, low: float, high: float) -> tuple[float, float]:
        """As much of low..high (mW/cm²) as this lamp may be prescribed."""
        calibration, limit = self.config.calibrations[lamp], self.sections[lamp].limits.irradiance_mw_cm2_max
        least, most = calibration.irradiance_min_mw_cm2, min(calibration.irradiance_max_mw_cm2, limit)
        return min(max(low, least), most), max(min(high, most), least)

    def fluence(self, lamp: str, wanted: float) -> float:
        """J/cm²: that much, or what the lamp's limits allow."""
        return min(wanted, self.sections[lamp].limits.fluence_j_cm2_max)


def device_of(ref: str) -> str:
    """ "dimmer" of "dimmer.1"."""
    return ref.partition(".")[0]


@cache
def demonstration() -> Scene:
    """The demonstration station, with a housing thermometer in addition."""
    inside = resources.files("irctl") / "configs"
    folder = inside if inside.is_dir() else Path(__file__).parents[2] / "configs"
    with resources.as_file(folder) as configs:  # type: ignore[arg-type]
        return _examined(_with_housing(read(Files.of(configs / "demo.toml", None))))


@cache
def scene_of(files: Files | None) -> Scene:
    """The station of these files, or the demonstration. Raises Refused with everything that does not fit."""
    return demonstration() if files is None else _examined(read(files))


def read(files: Files) -> Scene:
    """Both files, checked against each other. Raises Refused."""
    config = load(files.station)
    scene = Scene(config, _hardware(files.hardware))
    try:
        hardware = SimStation.from_config(dict(scene.hardware))
    except WiringError as error:
        raise Refused([Problem(files.hardware.name, "", str(error), "Correct the hardware's file")]) from None
    except ValidationError as error:
        raise Refused(
            [schema_problem(cast("Mapping[str, Any]", one), f"{files.hardware.name}: ") for one in error.errors()]
        ) from None
    problems = [*_missing(scene), *_unlike(scene)]
    if not problems:
        problems += _uncalibrated(scene, hardware)
    if problems:
        raise Refused(problems)
    return scene


def _hardware(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        remedy = f"Name the file of the simulated hardware with --hardware, or put it beside as NAME{HARDWARE_SUFFIX}"
        raise Refused([Problem("hardware", str(path), error.strerror or str(error), remedy)]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused([Problem(path.name, "", f"not TOML: {error}", "Correct the file")]) from None


def _missing(scene: Scene) -> Iterator[Problem]:
    """What the station has and the hardware lacks. The names of lines, devices and lamps are the same in both files; a contact is known by its input."""
    file, hardware = scene.config.file, scene.simulated
    for section, asked, known in (
        ("lines", file.lines, hardware.lines),
        ("devices", file.devices, hardware.devices),
        ("lamps", file.lamps, hardware.lamps),
    ):
        for name in asked:
            if name not in known:
                remedy = f"Add it there under [{section}], by the same name"
                yield Problem(f"{section}.{name}", None, "is not in the hardware's file", remedy)
    inputs = {one.input for one in hardware.interlocks.values()}
    for name, ref in file.interlocks.items():
        if ref not in inputs:
            yield Problem(f"interlocks.{name}", ref, "is no contact in the hardware's file", "Add it there")


def _unlike(scene: Scene) -> Iterator[Problem]:
    """What both have, and say differently."""
    file, hardware = scene.config.file, scene.simulated
    pairs: list[tuple[str, object, object]] = []
    for name in file.lines.keys() & hardware.lines.keys():
        if hardware.lines[name].protocol == "rtu":
            ours, theirs = file.lines[name], hardware.lines[name]
            pairs += [(f"lines.{name}.{f}", getattr(ours, f), getattr(theirs, f)) for f in ("baud", "format")]
    for name in file.devices.keys() & hardware.devices.keys():
        ours, theirs = file.devices[name], hardware.devices[name]
        pairs += [(f"devices.{name}.{f}", getattr(ours, f), getattr(theirs, f)) for f in ("line", "unit")]
        if ours.driver in TWINS:
            pairs.append((f"devices.{name}.driver", ours.driver, theirs.twin))
    for name in file.lamps.keys() & hardware.lamps.keys():
        ours, theirs = file.lamps[name], hardware.lamps[name]
        at = f"lamps.{name}"
        pairs += [(f"{at}.serial", ours.serial, theirs.serial), (f"{at}.emitter", ours.emitter, theirs.emitter)]
        pairs += [(f"{at}.cutoff", ours.cutoff, theirs.contactor)]
        pairs += [(f"{at}.distance_cm", ours.distance_cm, theirs.distance_cm)]
        pairs += [(f"{at}.radiometer", ours.radiometer and device_of(ours.radiometer), theirs.radiometer)]
        pairs += [(f"{at}.skin", ours.skin and device_of(ours.skin), theirs.skin)]
    for field, ours, theirs in sorted(pairs, key=lambda pair: pair[0]):
        if ours != theirs:
            yield Problem(field, ours, f"the hardware's file says {theirs!r}", "Correct one of the two files")


def _uncalibrated(scene: Scene, hardware: SimStation) -> Iterator[Problem]:
    """A lamp without a calibration gives no light, and one that gives something else than its calibration says proves nothing."""
    for name in scene.lamps:
        calibration = scene.config.calibrations.get(name)
        if calibration is None:
            yield Problem(f"lamps.{name}.calibration", None, "is missing", "A lamp gives no light without one")
            continue
        for point in calibration.points:
            if point.level_pct == int(point.level_pct):
                ((_, gives),) = hardware.calibration_points(name, calibration.distance_cm, [int(point.level_pct)])
                if abs(gives - point.irradiance_mw_cm2) > CALIBRATION_FITS * gives:
                    says = f"at {point.level_pct:g} % the simulated lamp gives {gives:.1f} mW/cm²"
                    remedy = "Make the points with: irctl-sim calibration"
                    yield Problem(f"lamps.{name}.calibration", point.irradiance_mw_cm2, says, remedy)
                    break


def _examined(scene: Scene) -> Scene:
    """Simulated, its attendants asked often enough for a short treatment, a journal of files that it can fill, and nothing written outside a world's own folder."""
    file = scene.config.file
    asked = AttendanceSection(every_s=10.0, answer_within_s=5.0, dimmed_s=3.0)
    lamps = {name: lamp.model_copy(update={"attendance": asked}) for name, lamp in file.lamps.items()}
    changed = {
        "station": file.station.model_copy(update={"mode": "simulation"}),
        "journal": file.journal.model_copy(update={"anchor": None, "file_mb_max": FILE_MB_MAX}),
        "lamps": lamps,
    }
    return Scene(replace(scene.config, file=file.model_copy(update=changed)), scene.hardware)


def _with_housing(scene: Scene) -> Scene:
    file = scene.config.file
    left = file.lamps["left"].model_copy(update={"housing": HOUSING, "housing_c_max": 90.0})
    thermometer = DeviceSection(driver="calex-pyrominibus", line="sensor-line", unit=3)
    changed = {"lamps": {**file.lamps, "left": left}, "devices": {**file.devices, HOUSING: thermometer}}
    twin = {"twin": "calex-pyrominibus", "line": "sensor-line", "unit": 3, "latency_s": 0.02}
    devices = {**scene.hardware["devices"], HOUSING: twin}
    return Scene(replace(scene.config, file=file.model_copy(update=changed)), {**scene.hardware, "devices": devices})
