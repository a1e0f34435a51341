"""Emergency stop on a saturated 9600-baud line with eight relay units, one of them dead: from the request to every OFF, and to the proof.

Real processes, a real pseudo-terminal, real time. What counts is what the simulated devices received, by their own log, not what a
program believes it has sent. Every program polls the line as fast as it can; the dead unit has been dead for a while when a stop falls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks.processes import Frame, Simulator, controller, process, simulator
from benchmarks.report import Report, Target, median, ms, p99, times

UNITS = range(1, 9)
DEAD = 4
"""In the middle: a program that takes the units in turn meets it before most others, as it would seven times in eight."""
LIVE = tuple(unit for unit in UNITS if unit != DEAD)
BAUD = 9600
LATENCY_S, JITTER_S = 0.004, 0.001
"""Of each unit, from the end of t3.5 to the first byte of its answer."""

STOPS = 40
STOPS_ADDRESSED = 20
STOPS_PEER = 20
STOPS_DEFAULTS = 2
"""Each takes up to half a minute."""
PAUSE_S = (0.5, 0.9)
"""Between two stops, at random: long enough for the dead unit to be known, and for a stop to fall anywhere in the polling."""
POLL_S = 0.025
"""One poll of a live unit by the peer."""
GIVE_UP_S = 60.0
LOOK_EVERY_S = 0.01
API_TIMEOUT_S = 10.0

OFF_MEDIAN_S_MAX, OFF_P99_S_MAX, DARK_S_MAX = 0.060, 0.120, 0.400
PEER_RATIO_MIN, WIRE_RATIO_MAX = 8.0, 1.3

READ_COILS, WRITE_COIL = 1, 5


@dataclass(frozen=True, slots=True)
class Stopped:
    """One stop, seconds from the request. `dark_s`: the last live unit has answered that it is dark; None where nobody asked it.

    `proven`: the program's own answer to the request holds that proof for every live unit.
    """

    off_s: float
    dark_s: float | None = None
    proven: bool = False


def run() -> Report:
    ours = _irctl(broadcast=True, stops=STOPS)
    addressed = _irctl(broadcast=False, stops=STOPS_ADDRESSED)
    with ThreadPoolExecutor(1) as beside:  # it mostly waits: the others lose nothing by its company
        waiting = beside.submit(_pymodbus, "3", "3", "addressed", STOPS_DEFAULTS)
        tuned = _pymodbus("0.3", "0", "addressed", STOPS_PEER)
        kind = _pymodbus("0.3", "0", "broadcast", STOPS_PEER)
        defaults = waiting.result()
    wire_s = addressed_wire_s()
    base = median([one.off_s for one in ours])
    ratio = median([one.off_s for one in tuned]) / base
    dark = [one.dark_s for one in ours if one.dark_s is not None]
    off = [one.off_s for one in ours]
    return Report(
        f"Stop: {BAUD} baud 8N1, 8 relay units, unit {DEAD} dead, polled without pause",
        ("who", "stops", "OFF received, median", "p99", "read back dark, median", "p99", "OFF against irctl"),
        [
            _row("irctl, units honour broadcast", ours, base),
            _row("irctl, OFF one by one", addressed, base),
            _row("pymodbus async, tuned: 0.3 s, no retries", tuned, base),
            _row("pymodbus async, tuned, broadcast first", kind, base),
            _row("pymodbus async, defaults: 3 s, 3 retries", defaults, base),
            ["the wire itself, OFF one by one", "", ms(wire_s), "", "", "", times(wire_s / base)],
        ],
        [
            Target("every OFF received, median", 1000 * median(off), 1000 * OFF_MEDIAN_S_MAX, "ms"),
            Target("every OFF received, p99", 1000 * p99(off), 1000 * OFF_P99_S_MAX, "ms"),
            Target("faster than the tuned peer", ratio, PEER_RATIO_MIN, "×", at_least=True),
            Target("every live lamp read back dark, p99", 1000 * p99(dark), 1000 * DARK_S_MAX, "ms"),
            Target("stops answered without that proof", sum(not one.proven for one in ours), 0, f"of {len(ours)}"),
            Target(
                "without broadcast, median against the wire's own time",
                median([one.off_s for one in addressed]) / wire_s,
                WIRE_RATIO_MAX,
                "×",
            ),
        ],
        [
            "irctl: from sending POST /v1/stop (HTTP included); pymodbus: from a line on its stdin. To the last byte of the OFF that reaches the last",
            "of the seven live units. The lamps are idle: a stop sends the same frames either way. p99 is the largest of fewer than a hundred.",
            "Every program polls as fast as its own rules let it. irctl keeps silent for 0.3 s after each question the dead unit did not answer, so",
            "many of its stops meet a quiet line; pymodbus waits out its time-out there. An OFF spoiled on the wire counts from the read-back after it.",
            "The simulated units take frames however soon they follow a reply: pymodbus keeps no gap, and units that insist on one miss its OFF.",
        ],
    )


def addressed_wire_s() -> float:
    """The least time in which OFF can reach seven live units and one dead one by one, each live one answering before the next is asked."""
    char_s = 10 / BAUD
    gap_s, frame_s = 3.5 * char_s, 8 * char_s
    answered_s = gap_s + frame_s + gap_s + LATENCY_S + JITTER_S / 2 + frame_s
    return (len(LIVE) - 1) * answered_s + 2 * (gap_s + frame_s)


def _row(who: str, stops: Sequence[Stopped], base_s: float) -> list[str]:
    off = [one.off_s for one in stops]
    dark = [one.dark_s for one in stops if one.dark_s is not None]
    shown = [ms(median(dark)), ms(p99(dark))] if dark else ["not done", ""]
    return [who, str(len(stops)), ms(median(off)), ms(p99(off)), *shown, times(median(off) / base_s)]


# irctl


def _irctl(*, broadcast: bool, stops: int) -> list[Stopped]:
    pauses = Random(f"irctl {broadcast}")
    with TemporaryDirectory() as name:
        folder = Path(name)
        with (
            simulator(folder, _hardware(broadcast)) as station,
            controller(folder, _station(broadcast), station.endpoints) as url,
            httpx.Client(base_url=url, timeout=API_TIMEOUT_S) as api,
            ThreadPoolExecutor(1) as posting,
        ):
            return [_stop_irctl(station, api, posting, pauses) for _ in range(stops)]


def _stop_irctl(station: Simulator, api: httpx.Client, posting: ThreadPoolExecutor, pauses: Random) -> Stopped:
    """One stop, and the way back: the dead unit is mended so that the stop may be cleared."""
    station.fault(f"relay{DEAD}", "silent")
    api.get("/v1/lamps")  # keeps the connection, as a screen that follows the station does
    time.sleep(pauses.uniform(*PAUSE_S))
    station.log.new()
    asked_at = time.monotonic()
    answer = posting.submit(api.post, "/v1/stop", json={"by": "benchmark"})
    stopped = _watch(station, asked_at, read_back=True)
    station.mend()
    evidence = answer.result().raise_for_status().json()["evidence"]
    proven = all(evidence[f"lamp{unit}"]["verified_dark_s"] is not None for unit in LIVE)
    _until(lambda: api.post("/v1/clear", json={"by": "benchmark", "reason": "measured"}).is_success, "clearing")
    return replace(stopped, proven=proven)


def _hardware(broadcast: bool) -> str:
    units = (
        f'[devices.relay{unit}]\ntwin = "waveshare-relay"\nline = "rs485"\nunit = {unit}\n'
        f"latency_s = {LATENCY_S}\njitter_s = {JITTER_S}\noptions = {{ broadcast = {str(broadcast).lower()} }}\n"
        for unit in UNITS
    )
    return f'[lines.rs485]\nbaud = {BAUD}\nformat = "8N1"\ngap_chars_min = 0.0\n' + "".join(units)


def _station(broadcast: bool) -> str:
    head = f'[station]\nname = "Benchmark"\nmode = "simulation"\n[lines.rs485]\nport = "sim://rs485"\nbaud = {BAUD}\nformat = "8N1"\n'
    lamps = (
        f'[devices.relay{unit}]\ndriver = "waveshare-relay"\nline = "rs485"\nunit = {unit}\nretrigger = "restart"\n'
        f"broadcast = {str(broadcast).lower()}\n"
        f'[lamps.lamp{unit}]\nserial = "BENCH-{unit}"\nemitter = "relay{unit}.1"\nlease_s = 2.0\ndistance_cm = 50.0\nidle_s = 0.02\n'
        for unit in UNITS
    )
    return head + "".join(lamps)


# pymodbus


def _pymodbus(timeout_s: str, retries: str, how: str, stops: int) -> list[Stopped]:
    pauses = Random(f"pymodbus {timeout_s} {how}")
    round_s = float(timeout_s) * (1 + int(retries)) + len(LIVE) * POLL_S
    with TemporaryDirectory() as name, simulator(Path(name), _hardware(how == "broadcast")) as station:
        station.fault(f"relay{DEAD}", "silent")
        with process("benchmarks.stop_peer", station.lines["rs485"], timeout_s, retries, how) as peer:
            assert peer.stdin is not None
            stopped: list[Stopped] = []
            _until(
                lambda: any(frame.unit == DEAD for frame in station.log.new()), "the peer's first poll of the dead unit"
            )
            for _ in range(stops):
                # A poll of the last unit means that the stop before is over: the peer polls again.
                _until(
                    lambda: any(f.unit == UNITS[-1] and f.function == READ_COILS for f in station.log.new()), "polling"
                )
                time.sleep(pauses.uniform(0.0, round_s))
                station.log.new()
                asked_at = time.monotonic()
                peer.stdin.write(b"stop\n")
                peer.stdin.flush()
                stopped.append(_watch(station, asked_at, read_back=False))
            return stopped


# What the wire saw


@dataclass(slots=True)
class Seen:
    """What the live units received and answered since a stop: instants, by unit."""

    tried: set[int] = field(default_factory=set[int])
    off: dict[int, float] = field(default_factory=dict[int, float])
    dark: dict[int, float] = field(default_factory=dict[int, float])

    def note(self, frame: Frame) -> None:
        if frame.to_device and frame.function == WRITE_COIL and frame.data[4:6] == b"\0\0":
            units = [unit for unit in LIVE if frame.unit in (0, unit)]
            self.tried.update(units)
            if frame.ok:
                self.off.update({unit: frame.at_s for unit in units if unit not in self.off})
        elif frame.unit in self.tried and _reads_dark(frame):
            self.dark.setdefault(frame.unit, frame.at_s)
            # An OFF spoiled on the wire is not repeated to a unit that reads dark: known dark is as good as told.
            self.off.setdefault(frame.unit, frame.at_s)


def _reads_dark(frame: Frame) -> bool:
    return frame.ok and not frame.to_device and frame.function == READ_COILS and not frame.data[3] & 1


def _watch(station: Simulator, asked_at: float, *, read_back: bool) -> Stopped:
    """Follow the log until every live unit has its OFF, and has been read back dark where that is expected."""
    seen = Seen()

    def done() -> bool:
        for frame in station.log.new():
            seen.note(frame)
        return len(seen.off) == len(LIVE) and (not read_back or len(seen.dark) == len(LIVE))

    _until(done, "every unit's OFF")
    return Stopped(max(seen.off.values()) - asked_at, max(seen.dark.values()) - asked_at if read_back else None)


def _until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + GIVE_UP_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {GIVE_UP_S:g} s for {what}")
        time.sleep(LOOK_EVERY_S)
