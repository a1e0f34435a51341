"""Every fault of the campaign: where it may strike, how hard, whether light must end for it, and which hazard of the safety case it stands for.

Targets and kinds of the simulated hardware are the simulator's own; the rest happens to the program, its disk, its clock and its wires.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

EMITTERS = {"left": "dimmer", "right": "dimmer2"}
CUTOFFS = {"left": "contactor", "right": "contactor2"}
LAMPS = ("left", "right")
BOTH = frozenset(LAMPS)
LINES: dict[str, frozenset[str]] = {
    "lamp-line": BOTH,
    "safety-line": BOTH,
    "relay-line": frozenset({"right"}),
    "sensor-line": frozenset({"left"}),
}
DEVICES: dict[str, frozenset[str]] = {
    "dimmer": frozenset({"left"}),
    "dimmer2": frozenset({"right"}),
    "contactor": frozenset({"left"}),
    "contactor2": frozenset({"right"}),
    "io": BOTH,
    "skin": frozenset({"left"}),
    "radiometer": frozenset({"left"}),
    "housing": frozenset({"left"}),
}
"""Which lamps cannot be treated with while this device is not as it should be."""
OUTPUT_DEVICES = (*EMITTERS.values(), *CUTOFFS.values())

Params = dict[str, float | str]
Draw = Callable[[Random], Params]


def nothing(_random: Random) -> Params:
    return {}


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to break something."""

    name: str
    targets: Mapping[str, frozenset[str]]
    """By target: the lamps that must not stay lit over it."""
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


def _on(names: tuple[str, ...]) -> dict[str, frozenset[str]]:
    return {name: DEVICES[name] for name in names}


def _outputs(devices: Mapping[str, str]) -> dict[str, frozenset[str]]:
    return {f"{device}.1": frozenset({lamp}) for lamp, device in devices.items()}


def never(_params: Params) -> bool:
    return False


def _whole(params: Params) -> bool:
    return params["rate"] == 1.0


EVERY_LAMP = {lamp: frozenset({lamp}) for lamp in LAMPS}
PROGRAM = {"controller": BOTH}

KINDS: tuple[Kind, ...] = (
    # devices
    Kind("silent", DEVICES, "H06 H10 H12"),
    Kind("unpowered", DEVICES, "H06 H10 H12"),
    # An answer that comes for the next question, which is the same, is as old as it is late: up to what is stale, light may go on.
    Kind("late", DEVICES, "H06 H12", _late, lambda p: float(p["seconds"]) > 1.5),
    Kind("corrupt", DEVICES, "H06 H12", _rate, _whole),
    Kind("wrong_echo", _on(OUTPUT_DEVICES), "H12", _echo_field),
    Kind("reboot", DEVICES, "H09", _seconds(0.3, 5.0), never, once=True),
    Kind("frozen", _on(("radiometer", "skin")), "H06 H07", ends_light=never),
    Kind("gain", _on(("radiometer", "skin")), "H01 H02 H03 H07 H18", _gain, never, weight=3.0),
    Kind("overheat", {"housing": frozenset({"left"})}, "H17", factor(4.0, 5.0)),
    Kind("fever", {"skin": frozenset({"left"})}, "H16", ends_light=never, weight=0.0),
    Kind("stuck_output", _outputs(EMITTERS), "H08", ends_light=never, weight=2.0),
    Kind("welded", _outputs(CUTOFFS), "H08", ends_light=never),
    # lines
    Kind("line silent", LINES, "H12"),
    Kind("line corrupt", LINES, "H12", _rate, _whole),
    Kind("echo", LINES, "H12"),
    Kind("echo_only", LINES, "H12"),
    Kind("unplug", LINES, "H12"),
    Kind("replies swapped", LINES, "H12", ends_light=never),
    Kind("wrong device", {"io skin": BOTH, "contactor skin": BOTH, "contactor io": BOTH}, "H12", ends_light=never),
    # lamps and room
    Kind("mains", EVERY_LAMP, "H07", factor(0.8, 1.12), never),
    Kind("ageing", EVERY_LAMP, "H07", factor(0.0, 0.5), never),
    Kind("distance", EVERY_LAMP, "H07", _distance, never),
    Kind("interlock open", {"door": BOTH, "stop-button": BOTH}, "H05 H15", weight=2.0),
    # the program, its computer
    Kind("kill", PROGRAM, "H11", _seconds(0.2, 6.0), once=True, weight=5.0),
    Kind("power cut", PROGRAM, "H11", _seconds(0.5, 20.0), once=True, weight=4.0),
    Kind("stall", PROGRAM, "H11", _seconds(0.1, 8.0), lambda p: float(p["seconds"]) > 2.0, once=True, weight=3.0),
    Kind("crash at start", PROGRAM, "H11", _seconds(0.01, 0.4), once=True),
    Kind("clock step", PROGRAM, "H13 H20", _step, lambda p: abs(float(p["seconds"])) > 2.0, weight=2.0),
    Kind("disk full", PROGRAM, "H14"),
    Kind("disk short", PROGRAM, "H14"),
    Kind("disk broken", PROGRAM, "H14"),
)
BY_NAME = {kind.name: kind for kind in KINDS}

SIMULATOR_NAMES = {
    "overheat": "gain",
    "line silent": "silent",
    "line corrupt": "corrupt",
    "interlock open": "open_contact",
}
"""Where the simulator's word differs."""
