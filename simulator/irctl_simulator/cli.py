"""`irctl-sim`: serve a simulated station, break it, ask what really happened."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from irctl_simulator.config import StationConfig, load_config
from irctl_simulator.control import ControlServer, ask
from irctl_simulator.faults import DEVICE_KINDS, INTERLOCK_KINDS, LAMP_KINDS, LIES, LINE_KINDS
from irctl_simulator.pace import SPEED_MAX, SPEED_MIN, PacedLoop
from irctl_simulator.page import PageServer
from irctl_simulator.scenario import load_scenario, play
from irctl_simulator.servers import PTY_AVAILABLE, LineServers, Transport
from irctl_simulator.station import SimStation
from irctl_simulator.wirelog import WireLog

EXAMPLES = """\
examples:
  irctl-sim --config configs/demo-sim.toml --endpoints sim.json --links sim-ports
  irctl-sim fault dimmer silent --endpoints sim.json
  irctl-sim fault skin late seconds=0.2 --endpoints sim.json
  irctl-sim fault contactor.1 welded --control 127.0.0.1:40123
  irctl-sim fault left mains factor=0.92 --endpoints sim.json
  irctl-sim fault left unsteady percent=3 seconds=60 shape=wander --endpoints sim.json
  irctl-sim place meter left --distance 50 --endpoints sim.json
  irctl-sim truth --lamp left --endpoints sim.json
  irctl-sim clear --endpoints sim.json
  irctl-sim calibration --config configs/demo-sim.toml --lamp left
"""

FAULTS = f"""\
faults of a line:       {", ".join(LINE_KINDS)}
faults of a device:     {", ".join(DEVICE_KINDS)}
                        (welded, stuck_output, open_contact, close_contact also of a channel, as in contactor.1)
faults of a lamp:       {", ".join(LAMP_KINDS)}
faults of an interlock: {", ".join(INTERLOCK_KINDS)}
parameters:
  late seconds=S   corrupt rate=0..1 | next=N   wrong_echo field=address|value   reboot seconds=S
  wrong_answer in={"|".join(LIES)}   Modbus only; junk: text only
  gain factor=F               a sensor shows F times as much: a bias, or with 10 another range
  range mw_cm2=F              a radiometer shows no more than F
  misplaced cm=D              a meter stands D further from the lamp than whoever placed it believes
  mains factor=F              of the lamp's irradiance
  unsteady percent=P seconds=S [shape=ripple|wander]    the mains around that; percent=0 ends it
  ageing factor=F [loss_pct_per_h=P]                    P: of the output, with every hour the lamp is lit
  replaced serial=TEXT factor=F                         F: of the configured lamp's output when new
  dirty factor=F [virtual_source_cm=D]                  the reflector; factor=1 cleans it
  distance cm=D               of the patient
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status: 0 done, 1 refused or failed, 2 wrong usage."""
    options = parsed(sys.argv[1:] if argv is None else argv)
    try:
        return _run(options)
    except (OSError, ValueError) as error:  # includes TOML and validation errors
        print(f"irctl-sim: {_explain(error)}", file=sys.stderr)
        return 1


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """What the words ask for; without a verb, to serve. Raises SystemExit (2) where they are not understood."""
    unsaid = words and words[0].startswith("-") and words[0] not in ("-h", "--help")
    return _parser().parse_args(["serve", *words] if unsaid else words)


def _run(options: argparse.Namespace) -> int:
    match options.verb:
        case "serve":
            where = (options.endpoints, options.links, options.wire_log)
            with asyncio.Runner(loop_factory=_paced(options.speed)) as runner:
                runner.run(serve(load_config(options.config), options.transport, *where))
            return 0
        case "calibration":
            _print_calibration(SimStation.from_config(options.config), options.lamp, options.distance, options.levels)
            return 0
        case "fault":
            request = {"do": "fault", "target": options.target, "kind": options.kind}
            return _tell(options, request | dict(options.params))
        case "truth":
            asked = {"lamp": options.lamp, "meter": options.meter}
            return _tell(options, {"do": "truth"} | {name: one for name, one in asked.items() if one})
        case "place":
            place = {"distance_cm": options.distance, "angle_deg": options.angle}
            return _tell(options, {"do": "place", "meter": options.meter, "lamp": options.lamp} | place)
        case "remove":
            return _tell(options, {"do": "remove", "meter": options.meter})
        case "scenario":
            return _play(options)
        case verb:
            return _tell(options, {"do": verb})


def _paced(speed: float) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if not SPEED_MIN <= speed <= SPEED_MAX:
        raise ValueError(f"--speed {speed:g} must lie in {SPEED_MIN:g}..{SPEED_MAX:g}")
    if speed == 1.0:
        return None
    print(
        f"{'time':<14} {speed:g} times as fast: no controller's leases, doses or records are right beside it",
        flush=True,
    )
    return lambda: PacedLoop(speed)


def _explain(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return str(error)


# Serving


async def serve(
    config: StationConfig,
    transport: Transport,
    endpoints: Path | None = None,
    links: Path | None = None,
    wire_log: Path | None = None,
) -> None:
    """Serve a station until SIGTERM or SIGINT; then take links and the endpoints file away again."""
    station = SimStation(config, asyncio.get_running_loop().time())
    log = WireLog(wire_log, station.lines) if wire_log else None
    if transport == "pty" and not PTY_AVAILABLE:
        print("no pseudo-terminals here: serving RTU over TCP", file=sys.stderr)
        transport = "tcp"
    control, page = ControlServer(station, config.control.port), PageServer(station, config.control.page)
    ports = {name: line.port for name, line in config.lines.items()}
    lines = LineServers(station.lines, transport, ports, links, lambda: publish())

    def publish() -> None:
        if endpoints:
            write_endpoints(endpoints, lines.endpoints, control.address, page.url)

    stop = _stop_signal()
    try:
        await lines.open()
        await control.open()
        await page.open()
        publish()
        _print_endpoints(station, lines.endpoints, control.address)
        print(f"{'page':<14} {page.url}", flush=True)
        await stop.wait()
    finally:
        await page.close()
        await control.close()
        await lines.close()
        withdraw_endpoints(endpoints)
        if log:
            log.close()


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels instead
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
    return stop


def write_endpoints(path: Path, lines: dict[str, str], control: str, page: str) -> None:
    """Write the endpoints file so that a reader sees all of it or none."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(
        json.dumps({"lines": lines, "control": control, "page": page, "pid": os.getpid()}, indent=2), encoding="utf-8"
    )
    beside.replace(path)


def withdraw_endpoints(path: Path | None) -> None:
    if path:
        path.unlink(missing_ok=True)


def _print_endpoints(station: SimStation, endpoints: dict[str, str], control: str) -> None:
    for name, line in station.lines.items():
        devices = ", ".join(f"{one.name} ({one.twin.kind}, unit {one.twin.unit})" for one in line.devices)
        print(f"{name:<14} {endpoints[name]:<28} {devices}")
    print(f"{'control':<14} {control}", flush=True)


# Talking to a served station


def _tell(options: argparse.Namespace, request: Mapping[str, object]) -> int:
    answer = ask(options.control or _control_of(options.endpoints), dict(request))
    if not answer.pop("ok", False):
        print(f"irctl-sim: {answer.get('error', 'refused')}", file=sys.stderr)
        return 1
    if answer:
        print(json.dumps(next(iter(answer.values())), indent=2))
    return 0


def _play(options: argparse.Namespace) -> int:
    """0 when everything was as expected, 1 otherwise."""
    scenario, control = load_scenario(options.file), options.control or _control_of(options.endpoints)
    print(scenario.title)
    kept = True
    for found in play(scenario, lambda request: ask(control, request)):
        kept = kept and found.kept
        verdict = "kept  " if found.kept else "BROKEN"
        print(f"{found.at_s:8.1f} s  {verdict}  {found.lamp}: {found.expected}, was {found.was}", flush=True)
    return 0 if kept else 1


def _control_of(endpoints: Path | None) -> str:
    if endpoints is None:
        raise ValueError("name the running simulator: --control HOST:PORT or --endpoints FILE")
    return cast("dict[str, Any]", json.loads(endpoints.read_text(encoding="utf-8")))["control"]


def _print_calibration(station: SimStation, lamp: str, distance_cm: float | None, levels: list[int]) -> None:
    if lamp not in station.lamps:
        raise ValueError(f"there is no lamp {lamp}; there are {', '.join(station.lamps)}")
    distance = distance_cm or station.lamps[lamp].treatment.distance_cm
    print(f"# {lamp} ({station.lamps[lamp].serial}): steady state at {distance:g} cm, without noise")
    for level, irradiance in station.calibration_points(lamp, distance, levels):
        print(f"\n[[points]]\nlevel_pct = {level}\nirradiance_mw_cm2 = {irradiance:.2f}")


# The words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="irctl-sim",
        description="A simulated lamp station that speaks the same bytes as the hardware. Without a verb: serve.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    serving = verbs.add_parser("serve", help="serve a station (the default)")
    serving.add_argument("--config", type=Path, required=True, help="the station, TOML")
    serving.add_argument("--endpoints", type=Path, help="write where everything is to this file, JSON")
    serving.add_argument("--links", type=Path, help="directory for links with stable names to the pseudo-terminals")
    serving.add_argument("--transport", choices=("pty", "tcp"), default="pty", help="how serial lines are served")
    serving.add_argument(
        "--speed", type=float, default=1.0, metavar="F", help="F seconds pass in one; not beside a controller"
    )
    serving.add_argument("--wire-log", type=Path, metavar="FILE", help="write every frame to this file, JSON lines")

    breaking = verbs.add_parser(
        "fault",
        help="break something now",
        epilog=FAULTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    breaking.add_argument("target", help="line, device, device.channel, lamp or interlock")
    breaking.add_argument("kind")
    breaking.add_argument("params", nargs="*", type=_param, metavar="NAME=VALUE")
    placing = verbs.add_parser("place", help="hold a reference meter under a lamp")
    placing.add_argument("meter")
    placing.add_argument("lamp")
    placing.add_argument("--distance", type=float, required=True, metavar="CM")
    placing.add_argument("--angle", type=float, default=0.0, metavar="DEGREES", help="tilted against the beam")
    removing = verbs.add_parser("remove", help="take a reference meter away")
    removing.add_argument("meter")
    truth = verbs.add_parser("truth", help="what the lamps have really done, or what falls on a meter")
    which = truth.add_mutually_exclusive_group()
    which.add_argument("--lamp", help="one lamp only")
    which.add_argument("--meter", help="where this meter is and what falls on it")
    playing = verbs.add_parser("scenario", help="play a timeline of faults, and see what is physically true")
    playing.add_argument("file", type=Path, help="the scenario, TOML")
    for verb in (
        playing,
        breaking,
        placing,
        removing,
        truth,
        verbs.add_parser("clear", help="mend everything"),
        verbs.add_parser("state", help="outputs and faults of all devices, lamps, where meters are"),
    ):
        verb.add_argument("--control", metavar="HOST:PORT", help="control socket of the running simulator")
        verb.add_argument("--endpoints", type=Path, help="or the endpoints file it wrote")

    calibration = verbs.add_parser("calibration", help="print steady calibration points as TOML")
    calibration.add_argument("--config", type=Path, required=True)
    calibration.add_argument("--lamp", required=True)
    calibration.add_argument("--distance", type=float, metavar="CM", help="default: the lamp's treatment distance")
    calibration.add_argument(
        "--levels",
        type=int,
        nargs="+",
        default=list(range(10, 101, 10)),
        metavar="PERCENT",
        help="default: 10 20 .. 100",
    )
    return parser


def _param(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, not {text!r}")
    return name, value
