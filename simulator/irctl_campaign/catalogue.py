"""Every fault of the campaign: where it may strike, how hard, whether light must end for it, and which hazard of the safety case it stands for.

Targets and kinds of the simulated hardware are the simulator's own; the rest happens to the program, its disk, its clock and its wires.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from irctl_campaign.scene import Lamps, Scene, device_of

Params = dict[str, float | str]
Draw = Callable[[Random], Params]
Targets = Mapping[str, Lamps]
"""By target: the lamps that must not stay lit over it."""


def nothing(_random: Random) -> Params:
    return {}


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to break something."""

    name: str
    targets: Callable[[Scene], Targets]
    """On a station: none where it has nothing that could break this way."""
    hazard: str
    draw: Draw = nothing
    ends_light: Callable[[Params], bool] = lambda _params: True
    """Whether, lasting, it must end the light of the lamps concerned."""
    once: bool = False
    """A moment, not a state: there is nothing to mend."""
    weight: float = 1.0


def factor(low: float, high: float) -> Draw:
    return lambda random: {"factor": round(random.uniform(low, high), 3)}


def _gain(random: Random) -> Params:
    """Gross, or just within what a rule must tolerate."""
    low, high = random.choice(((0.3, 3.0), (1.0, 1.34)))
    return {"factor": round(random.uniform(low, high), 3)}


def _late(random: Random) -> Params:
    return {"seconds": round(10 ** random.uniform(-2.0, 0.5), 3)}


def _rate(random: Random) -> Params:
    return {"rate": random.choice((0.01, 0.05, 0.2, 0.5, 1.0))}


def _echo_field(random: Random) -> Params:
    return {"field": random.choice(("address", "value"))}


def _seconds(low: float, high: float) -> Draw:
    return lambda random: {"seconds": round(random.uniform(low, high), 3)}


def _distance(random: Random) -> Params:
    return {"cm": round(random.uniform(38.0, 75.0), 1)}


def _step(random: Random) -> Params:
    return {"seconds": random.choice((-86400.0, -3600.0, -2.0, 2.0, 3600.0, 86400.0, 4.0e8))}


def _devices(scene: Scene) -> Targets:
    return scene.devices


def _serial_devices(scene: Scene) -> Targets:
    return {name: lamps for name, lamps in scene.devices.items() if scene.line_of(name) in scene.serial_lines}


def _lines(scene: Scene) -> Targets:
    return scene.lines


def _serial_lines(scene: Scene) -> Targets:
    """A network has checksums and addresses of its own."""
    return scene.serial_lines


def _output_devices(scene: Scene) -> Targets:
    names = (device_of(ref) for ref in (*scene.emitters.values(), *scene.cutoffs.values()))
    return {name: scene.devices[name] for name in names}


def _instruments(scene: Scene) -> Targets:
    return {name: scene.devices[name] for name in (*scene.radiometers.values(), *scene.skins.values())}


def _housings(scene: Scene) -> Targets:
    return {name: scene.devices[name] for name in scene.housings.values()}


def _skins(scene: Scene) -> Targets:
    return {name: scene.devices[name] for name in scene.skins.values()}


def _emitters(scene: Scene) -> Targets:
    return {ref: frozenset({lamp}) for lamp, ref in scene.emitters.items()}


def _cutoffs(scene: Scene) -> Targets:
    return {ref: frozenset({lamp}) for lamp, ref in scene.cutoffs.items()}


def _lamps(scene: Scene) -> Targets:
    return {lamp: frozenset({lamp}) for lamp in scene.lamps}


def _interlocks(scene: Scene) -> Targets:
    return scene.interlocks


def _exchangeable(scene: Scene) -> Targets:
    return scene.exchangeable


def _program(scene: Scene) -> Targets:
    return {"controller": scene.every_lamp}


def never(_params: Params) -> bool:
    return False


def _whole(params: Params) -> bool:
    return params["rate"] == 1.0


KINDS: tuple[Kind, ...] = (
    # devices
    Kind("silent", _devices, "H06 H10 H12"),
    Kind("unpowered", _devices, "H06 H10 H12"),
    # An answer that comes for the next question, which is the same, is as old as it is late: up to what is stale, light may go on.
    Kind("late", _devices, "H06 H12", _late, lambda p: float(p["seconds"]) > 1.5),
    Kind("corrupt", _serial_devices, "H06 H12", _rate, _whole),
    Kind("wrong_echo", _output_devices, "H12", _echo_field),
    Kind("reboot", _devices, "H09", _seconds(0.3, 5.0), never, once=True),
    Kind("frozen", _instruments, "H06 H07", ends_light=never),
    Kind("gain", _instruments, "H01 H02 H03 H07 H18", _gain, never, weight=3.0),
    Kind("overheat", _housings, "H17", factor(4.0, 5.0)),
    Kind("fever", _skins, "H16", ends_light=never, weight=0.0),
    Kind("stuck_output", _emitters, "H08", ends_light=never, weight=2.0),
    Kind("welded", _cutoffs, "H08", ends_light=never),
    # lines
    Kind("line silent", _lines, "H12"),
    Kind("line corrupt", _serial_lines, "H12", _rate, _whole),
    Kind("echo", _serial_lines, "H12"),
    Kind("echo_only", _serial_lines, "H12"),
    Kind("unplug", _lines, "H12"),
    Kind("replies swapped", _serial_lines, "H12", ends_light=never),
    Kind("wrong device", _exchangeable, "H12", ends_light=never),
    # lamps and room
    Kind("mains", _lamps, "H07", factor(0.8, 1.12), never),
    Kind("ageing", _lamps, "H07", factor(0.0, 0.5), never),
    Kind("distance", _lamps, "H07", _distance, never),
    Kind("interlock open", _interlocks, "H05 H15", weight=2.0),
    # the program, its computer
    Kind("kill", _program, "H11", _seconds(0.2, 6.0), once=True, weight=5.0),
    Kind("power cut", _program, "H11", _seconds(0.5, 20.0), once=True, weight=4.0),
    Kind("stall", _program, "H11", _seconds(0.1, 8.0), lambda p: float(p["seconds"]) > 2.0, once=True, weight=3.0),
    Kind("crash at start", _program, "H11", _seconds(0.01, 0.4), once=True),
    Kind("clock step", _program, "H13 H20", _step, lambda p: abs(float(p["seconds"])) > 2.0, weight=2.0),
    Kind("disk full", _program, "H14"),
    Kind("disk short", _program, "H14"),
    Kind("disk broken", _program, "H14"),
)
BY_NAME = {kind.name: kind for kind in KINDS}

SIMULATOR_NAMES = {
    "overheat": "gain",
    "line silent": "silent",
    "line corrupt": "corrupt",
    "interlock open": "open_contact",
}
"""Where the simulator's word differs."""


def possible(scene: Scene) -> tuple[Kind, ...]:
    """The kinds that this station has a target for."""
    return tuple(kind for kind in KINDS if kind.targets(scene))
