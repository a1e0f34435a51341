"""Reading a map, and saying what is wrong with it: every mistake at once, with file, line and remedy."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from irctl.devices.mapped.model import BITS, READ_ONLY, Assignment, DeviceMap, Output, Sensor
from irctl.devices.registry import ConfigurationError

IRRADIANCE: Mapping[str, float] = {"W/m2": 0.1, "W/m²": 0.1, "mW/cm2": 1.0, "mW/cm²": 1.0}
"""Units of irradiance, and what one of them is in mW/cm²."""
TEMPERATURE = ("°C", "C")
SHOWN_MAX = 60
"""Characters of a wrong value that a mistake shows."""
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """`place`: where in the file, as keys."""

    place: Place
    limit: str
    remedy: str


class BadMap(ConfigurationError):
    """A map that cannot work. The text says each mistake on a line of its own."""


def load_map(path: Path) -> DeviceMap:
    """Raises BadMap."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadMap(f"{path}: cannot be read: {error}. Name a text file, UTF-8.") from None
    return parse_map(text, str(path))


def parse_map(text: str, name: str) -> DeviceMap:
    """`name`: what the text is called in mistakes. Raises BadMap."""
    told: DeviceMap | None = None
    try:
        told = DeviceMap.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadMap(f"{name}: not TOML: {error}. Correct it there.") from None
    except ValidationError as error:
        mistakes = [_of_form(details) for details in error.errors()]
    else:
        mistakes = list(_mistakes(told))
    if mistakes or told is None:
        lines = (
            f"{name}:{line_of(text, one.place)}: {_shown(one.place)}: {one.limit}. {one.remedy}." for one in mistakes
        )
        raise BadMap("\n".join(lines))
    return told


def schema() -> dict[str, Any]:
    """JSON schema of a map, for editors."""
    return DeviceMap.model_json_schema() | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "irctl device map",
    }


def line_of(text: str, place: Sequence[str | int]) -> int:
    """On which line of a TOML text a key stands, counted from 1; that of its table, or 1, where it does not stand by itself."""
    keys = [str(key) for key in place]
    table: list[str] = []
    best, deepest = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}", line):
            table = [part.strip().strip("\"'") for part in header[1].split(".")]
            here = table
        elif pair := re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line):
            here = [*table, *(part.strip("\"'") for part in pair[1].split("."))]
        else:
            continue
        depth = min(len(here), len(keys))
        if here[:depth] == keys[:depth] and depth > deepest:
            best, deepest = number, depth
    return best


def _shown(place: Place) -> str:
    return ".".join(map(str, place)) or "the map"


def _of_form(details: Mapping[str, Any]) -> Mistake:
    place: Place = tuple(details["loc"])
    match details["type"]:
        case "extra_forbidden":
            return Mistake(place, "is no key of a map", "Remove it, or correct its spelling")
        case "missing":
            return Mistake(place, "is missing", "Add it, from the manual")
        case _:
            return Mistake(place, f"{_short(details['input'])}: {details['msg']}", "Correct it")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "…"


# --- what does not fit together ---------------------------------------------------------------------------------------------


def _mistakes(told: DeviceMap) -> Iterator[Mistake]:
    for name in told.points:
        yield from _of_point(told, name)
    yield from _of_names(told)
    yield from _of_probe(told)
    yield from _of_sensors(told)
    yield from _of_outputs(told)


def _of_point(told: DeviceMap, name: str) -> Iterator[Mistake]:
    point, kind = told.points[name], told.kind(name)
    place: Place = ("points", name)
    if point.area in BITS and (kind != "bit" or point.bit is not None):
        yield Mistake(place, f"a {point.area} is one bit", "Remove type and bit, or correct the area")
    if point.area not in BITS and kind == "bit" and point.bit is None:
        yield Mistake(place, "which bit of the register is not said", "Add bit = 0 to 15, 0 is the lowest")
    if (kind == "text") != (point.words is not None):
        yield Mistake(place, "a text has words, and nothing else has", 'Say type = "text" and words, or neither')
    if point.scale is not None and point.scale_by is not None:
        yield Mistake(place, "has two scales", "Keep scale or scale_by")
    if point.scale == 0:
        yield Mistake((*place, "scale"), "is 0", "Give what one count is worth")
    first = point.at - told.base
    if first < 0 or first + told.size(name) > 0x1_0000:
        yield Mistake(
            (*place, "at"), f"is outside the addresses {told.base} to {told.base + 0xFFFF}", "Correct it, or base"
        )
    if point.area == "holding" and any(_is_forbidden(told, first + offset) for offset in range(told.size(name))):
        yield Mistake((*place, "at"), "is forbidden by this map", "Remove the point")
    if point.write is not None:
        yield from _of_write(told, name)
    elif point.storage or point.min_write_s or point.before or point.commit:
        yield Mistake(
            place,
            "says how it is kept, and is never written",
            "Add write, or remove storage, min_write_s, before and commit",
        )
    elif not point.readable:
        yield Mistake(place, "is neither read nor written", "Remove it, or add write")


def _of_write(told: DeviceMap, name: str) -> Iterator[Mistake]:
    point, kind = told.points[name], told.kind(name)
    place: Place = ("points", name)
    fitting = ("05", "05-value") if point.area == "coil" else ("06", "10")
    if point.area in READ_ONLY:
        yield Mistake((*place, "write"), f"a {point.area} cannot be written", "Remove write, or correct the area")
    elif point.write not in fitting:
        yield Mistake(
            (*place, "write"),
            f"function {point.write} does not write a {point.area}",
            f"Use one of {', '.join(fitting)}",
        )
    if (told.size(name) > 1 or point.before) and point.write != "10":
        yield Mistake((*place, "write"), "is more than one register", 'Use write = "10"')
    if kind == "text" or point.bit is not None:
        yield Mistake(
            (*place, "write"),
            f"a {'text' if kind == 'text' else 'single bit of a register'} is not written by a map",
            "Remove write",
        )
    if point.storage is None:
        yield Mistake(
            place, "is written, and where that is kept is not said", 'Add storage = "ram" or "eeprom", from the manual'
        )
    if point.min_write_s is not None and point.storage == "ram":
        yield Mistake((*place, "min_write_s"), "only an EEPROM wears out", "Remove it, or correct storage")
    if point.commit and told.commit is None:
        yield Mistake((*place, "commit"), "the map has no commit", "Add commit = { point = …, value = … }")


def _of_names(told: DeviceMap) -> Iterator[Mistake]:
    """Points that are spoken of and do not exist, or cannot be what they are used for."""
    for place, name, writes in _uses(told):
        point = told.points.get(name)
        if point is None:
            yield Mistake(place, f"there is no point {name!r}", f"Known are {', '.join(sorted(told.points))}")
        elif writes and point.write is None:
            yield Mistake(place, f"{name!r} cannot be written", f"Add write to [points.{name}]")
        elif not writes and not point.readable:
            yield Mistake(place, f"{name!r} cannot be read", "Name a point that reads it back")


def _uses(told: DeviceMap) -> Iterator[tuple[Place, str, bool]]:
    """Where a point is named, which, and whether it is written there."""
    for name, point in told.points.items():
        if point.scale_by:
            yield ("points", name, "scale_by"), point.scale_by, False
    probe = told.probe
    for name in probe.expect:
        yield ("probe", "expect", name), name, False
    for key in ("own_address", "answers", "serial", "firmware"):
        if name := getattr(probe, key):
            yield ("probe", key), name, False
    if told.model_by:
        yield ("model_by",), told.model_by, False
    for number, model in enumerate(told.models):
        for name in model.scale:
            yield ("models", number, "scale", name), name, False
    if told.commit:
        yield ("commit",), told.commit.point, True
    for role in ("radiometers", "thermometers"):
        sensors: Mapping[str, Sensor] = getattr(told, role)
        for channel, sensor in sensors.items():
            yield (role, channel, "value"), sensor.value, False
            for key in ("ready", "busy"):
                for name in getattr(sensor, key):
                    yield (role, channel, key, name), name, False
    for channel, contact in told.contacts.items():
        yield ("contacts", channel, "closed"), contact.closed, False
    for place, output in outputs(told):
        for key, writes in (
            ("switch", True),
            ("level", True),
            ("timed", True),
            ("state", False),
            ("level_read", False),
        ):
            if name := getattr(output, key):
                yield (*place, key), name, writes
        yield from _assigned((*place, "set"), output.set)
    if safe := told.failsafe:
        for key, writes in (("time", True), ("trip", False), ("trips", False), ("restarted", False)):
            if name := getattr(safe, key):
                yield ("failsafe", key), name, writes
        yield from _assigned(("failsafe", "set"), safe.set)
        for key in ("clear", "release"):
            for number, one in enumerate(getattr(safe, key)):
                yield ("failsafe", key, number), one.point, True


def _assigned(place: Place, settings: Sequence[Assignment]) -> Iterator[tuple[Place, str, bool]]:
    """A setting is written and read back."""
    for number, one in enumerate(settings):
        yield (*place, number), one.point, True
        yield (*place, number), one.point, False


def outputs(told: DeviceMap) -> Iterator[tuple[Place, Output]]:
    """Every output, with where it stands."""
    for channel, output in told.cutoffs.items():
        yield ("cutoffs", channel), output
    for channel, output in told.emitters.items():
        yield ("emitters", channel), output


def _of_probe(told: DeviceMap) -> Iterator[Mistake]:
    probe = told.probe
    if not probe.expect and probe.own_address is None and probe.answers is None:
        remedy = "Say what a register of it reads (expect), or which holds its address (own_address)"
        yield Mistake(("probe",), "recognises nothing", remedy)
    for name, values in probe.expect.items():
        if name in told.points and any(isinstance(one, str) != (told.kind(name) == "text") for one in values):
            remedy = "Quote what a text contains; write numbers plainly"
            yield Mistake(("probe", "expect", name), "compares a text with a number", remedy)
    if bool(told.models) != bool(told.model_by):
        yield Mistake(("models",), "models and model_by need each other", "Give both, or neither")
    ids = [one for model in told.models for one in model.ids]
    if len(ids) != len(set(ids)):
        yield Mistake(("models",), "one id stands for two models", "Each id once")


def _of_sensors(told: DeviceMap) -> Iterator[Mistake]:
    for channel, sensor in told.radiometers.items():
        if (point := told.points.get(sensor.value)) is not None and point.unit not in IRRADIANCE:
            yield Mistake(
                ("points", sensor.value, "unit"),
                f"{point.unit!r} is no irradiance",
                f"Use one of {', '.join(IRRADIANCE)}",
            )
        if sensor.response_s is None:
            yield Mistake(("radiometers", channel), "response_s is missing", "Add the time constant, seconds")
    for sensor in told.thermometers.values():
        if (point := told.points.get(sensor.value)) is not None and point.unit not in TEMPERATURE:
            yield Mistake(("points", sensor.value, "unit"), f"{point.unit!r} is no temperature", 'Use "°C"')
    for channel, contact in told.contacts.items():
        if contact.closed in told.points and told.kind(contact.closed) != "bit":
            yield Mistake(
                ("contacts", channel, "closed"), "is no bit", "Name a coil, a discrete input, or a point with bit"
            )


def _of_outputs(told: DeviceMap) -> Iterator[Mistake]:
    safe = told.failsafe
    if safe is None:
        for place, _ in outputs(told):
            yield Mistake(place, "an output, and the map does not say what ends the light", "Add [failsafe]")
        return
    if safe.kind == "none" and told.cutoffs:
        yield Mistake(("cutoffs",), "without a fail-safe a cut-off protects nobody", "Remove it, or correct [failsafe]")
    needed = (
        ()
        if safe.kind == "none"
        else ("min_s", "max_s", "step_s", *(("time",) if safe.kind == "comm-watchdog" else ()))
    )
    for key in needed:
        if getattr(safe, key) is None:
            yield Mistake(("failsafe",), f"{key} is missing", "Add it, from the manual")
    if safe.trip and not safe.clear:
        yield Mistake(("failsafe",), "a trip that nobody can clear", "Add clear, or remove trip")
    for place, output in outputs(told):
        yield from _of_output(told, place, output, timed=safe.kind == "timed-output")


def _of_output(told: DeviceMap, place: Place, output: Output, *, timed: bool) -> Iterator[Mistake]:
    if timed and (output.timed is None or output.switch is None):
        yield Mistake(
            place,
            "a timed output needs timed and switch",
            "Name what is written to light for a time, and what ends it early",
        )
    if not timed and output.timed is not None:
        yield Mistake((*place, "timed"), "the fail-safe is no timed output", "Remove it, or correct [failsafe]")
    if output.switch is None and output.level is None:
        yield Mistake(place, "nothing switches it", "Add switch, or level")
    if place[0] == "cutoffs" and output.level is not None:
        yield Mistake((*place, "level"), "a cut-off is open or closed", "Remove it, or make it an emitter")
    for key in ("switch", "state", "level", "level_read", "timed"):
        if (name := getattr(output, key)) in told.points and told.kind(name) == "text":
            yield Mistake((*place, key), "is a text", "Name a number or a bit")
    for key in ("switch", "level", "timed"):
        name = getattr(output, key)
        if name in told.points and told.points[name].storage == "eeprom":
            yield Mistake(
                (*place, key), f"{name!r} is written with every renewal and kept in an EEPROM, which wears out",
                "Use a register that is kept in RAM; without one this device cannot be driven",
            )  # fmt: skip


def _is_forbidden(told: DeviceMap, address: int) -> bool:
    for one in told.forbidden:
        first, last = (one, one) if isinstance(one, int) else one
        if first - told.base <= address <= last - told.base:
            return True
    return False
