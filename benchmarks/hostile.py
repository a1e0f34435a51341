"""A treatment and a dozen stops, once in peace and once under fire from hostile clients: what of it does the patient, or who presses stop, notice?

Real processes, pseudo-terminals, real time (POSIX only). The fire is `benchmarks.hostile_peer`. Light, its end and its sum are the simulator's truth.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from uuid import uuid4

from benchmarks.crashes import LEASE_S, Rig, a_rig
from benchmarks.hostile_peer import DRIBBLING, GUNS, NEVER_READING, SLOW_BODIES
from benchmarks.processes import WireLog, process
from benchmarks.report import Report, Target, figure, median, ms
from irctl.domain.problems import Refused

LAMPS = ("left", "right")
DIMMER_UNITS = {"left": 12, "right": 13}
FLUENCE_J_CM2, IRRADIANCE_MW_CM2 = 2.0, 50.0
STOPS = 12
LIT_S = (0.3, 1.3)
"""From the light to the stop, at random."""
REQUESTS_MIN = 10_000
TAIL_S = 30.0
"""What glows on decays with this time constant at most."""
COOL_MW_CM2 = 1.0
GIVE_UP_S = 120.0
LOOK_EVERY_S = 0.02
PEER_END_S = 20.0

DOSE_SHIFT_PCT_MAX = 0.5
"""Of the prescription; as much as a dose may be off in peace."""
STOP_RATIO_MAX = 2.0
STOP_S_MAX = 0.4
"""From the request to the last lamp's last power, at worst, under fire."""
SILENCE_RATIO_MAX = 0.5
"""Of the lease: the longest time between two frames to a lit emitter."""
GROWTH_MIB_MAX = 64.0

View = dict[str, Any]
T = TypeVar("T")


@dataclass
class Fire:
    """What the hostile clients were answered."""

    fired: Counter[str] = field(default_factory=Counter[str])
    answers: Counter[str] = field(default_factory=Counter[str])
    failures: Counter[str] = field(default_factory=Counter[str])


@dataclass
class Measured:
    """One condition."""

    error_pct: dict[str, float]
    """Truth against the prescription, by lamp."""
    outside: int
    """Truths that are not in the record's interval."""
    silence_s: float
    """The longest that a lit lamp's emitter heard nothing."""
    dark_s: list[float]
    """From sending POST /v1/stop, on a connection of its own, until no lamp has power."""
    answered_s: list[float]
    """Until the answer with the read-back of every lamp is here."""
    unproven: int
    """Stops that were answered without it."""
    before_mib: float
    after_mib: float
    fire: Fire


def run() -> Report:
    quiet, fired = _measured(under_fire=False), _measured(under_fire=True)
    shift_pct = max(abs(fired.error_pct[lamp] - quiet.error_pct[lamp]) for lamp in LAMPS)
    requests = sum(fired.fire.fired.values())
    answers = ", ".join(f"{code} {count}" for code, count in sorted(fired.fire.answers.items()))
    return Report(
        f"Hostile clients: {requests} requests from {GUNS} at once, {DRIBBLING} slow-loris sockets, {SLOW_BODIES} slow bodies, {NEVER_READING} that never read",
        ("condition", "dose, left", "dose, right", "longest silence", "dark, median", "worst", "proof, median", "worst", "memory"),
        [_row("in peace", quiet), _row("under fire", fired)],
        [
            Target("hostile requests", requests, REQUESTS_MIN, "", at_least=True),
            Target("dose moved by the fire, of the prescription", shift_pct, DOSE_SHIFT_PCT_MAX, "%"),
            Target("truths outside the record's interval", quiet.outside + fired.outside, 0, f"of {2 * len(LAMPS)}"),
            Target("longest silence of a lit lamp, of its lease", fired.silence_s / LEASE_S, SILENCE_RATIO_MAX, "×"),
            Target("stop, median, against peace", median(fired.dark_s) / median(quiet.dark_s), STOP_RATIO_MAX, "×"),
            Target("stop to dark under fire, worst", 1000 * max(fired.dark_s), 1000 * STOP_S_MAX, "ms"),
            Target("stops answered without proof", quiet.unproven + fired.unproven, 0, f"of {2 * STOPS}"),
            Target("answers of the kind 5xx, or none in time", fired.fire.failures.total(), 0, ""),
            Target("memory of the controller, grown under fire", fired.after_mib - fired.before_mib, GROWTH_MIB_MAX, "MiB"),
        ],
        [
            f"{FLUENCE_J_CM2:g} J/cm² on two lamps, then {STOPS} stops of a lit lamp, each on a new connection while the fire goes on. Silence: between two",
            f"frames to the emitter of a lit lamp, whose lease is {LEASE_S:g} s. Dark: no lamp has power. Proof: the answer with every lamp's read-back.",
            "The clients, the simulator and the controller share this machine's cores.",
            f"Answers: {answers}. Closed: thrown out to make room, or not HTTP.",
            *(f"{what}: {count}" for what, count in sorted(fired.fire.failures.items())),
        ],
    )  # fmt: skip


def _row(name: str, one: Measured) -> list[str]:
    return [
        name,
        *(f"{one.error_pct[lamp]:+.2f} %" for lamp in LAMPS),
        ms(one.silence_s),
        *(ms(f(times)) for times in (one.dark_s, one.answered_s) for f in (median, max)),
        f"{figure(one.before_mib)} → {figure(one.after_mib)} MiB",
    ]


def _measured(*, under_fire: bool) -> Measured:
    chance, fire = Random("hostile"), Fire()
    with TemporaryDirectory() as name:
        wire = Path(name) / "wire.jsonl"
        with a_rig(Path(name), "--wire-log", str(wire)) as rig:
            log = WireLog(wire)
            before_mib = _memory_mib(rig)
            with firing(rig.controller.url, fire) if under_fire else nullcontext():
                error_pct, outside = _dose(rig)
                stops = [_stop(rig, chance) for _ in range(STOPS)]
            after_mib = _memory_mib(rig)
            lit = {lamp: truth["on_intervals"] for lamp, truth in rig.truth().items()}
            silence_s = _longest_silence_s(log, lit)
            log.close()
    dark_s, answered_s, proven = zip(*stops, strict=True)
    unproven = len(stops) - sum(proven)
    return Measured(
        error_pct, outside, silence_s, list(dark_s), list(answered_s), unproven, before_mib, after_mib, fire
    )


@contextmanager
def firing(url: str, fire: Fire) -> Iterator[None]:
    """Hostile clients while the body runs. Raises RuntimeError when they failed."""
    with process("benchmarks.hostile_peer", url, "1", LAMPS[0]) as peer:
        yield
        said, _ = peer.communicate(b"over\n", PEER_END_S)
    if peer.returncode:
        raise RuntimeError(f"the hostile clients ended with {peer.returncode}")
    found = json.loads(said)
    fire.fired, fire.answers, fire.failures = (Counter(found[name]) for name in ("fired", "answers", "failures"))


# --- a dose --------------------------------------------------------------------------------------------------------------


def _dose(rig: Rig) -> tuple[dict[str, float], int]:
    """Both lamps at once. Truth against the prescription, %, by lamp; how many truths are not in their record's interval."""
    before = rig.truth()
    sessions = {lamp: _lit(rig, lamp) for lamp in LAMPS}
    ended = {lamp: _until(lambda session=session: _over(rig, session)) for lamp, session in sessions.items()}
    _until(lambda: all(truth["irradiance_mw_cm2"] < COOL_MW_CM2 for truth in rig.truth().values()))
    after = rig.truth()
    error_pct: dict[str, float] = {}
    outside = 0
    for lamp, session in ended.items():
        if session["outcome"] != "completed":
            raise RuntimeError(f"{lamp}: {session['outcome']}: {session['reason']}")
        given = after[lamp]["fluence_j_cm2"] - before[lamp]["fluence_j_cm2"]
        given += after[lamp]["irradiance_mw_cm2"] * TAIL_S / 1000.0
        error_pct[lamp] = 100.0 * (given / FLUENCE_J_CM2 - 1.0)
        outside += not session["fluence_min_j_cm2"] <= given <= session["fluence_max_j_cm2"]
    return error_pct, outside


def _lit(rig: Rig, lamp: str) -> str:
    """A session that gives light."""

    def ordered() -> str | None:
        body = {
            "lamp": lamp, "fluence_j_cm2": FLUENCE_J_CM2, "irradiance_mw_cm2": IRRADIANCE_MW_CM2,
            "patient": f"P-{uuid4().hex[:12]}", "area": "back", "by": "benchmark",
        }  # fmt: skip
        try:
            return rig.controller.post("/v1/sessions", body)["id"]
        except Refused:  # such as: not verified dark yet
            return None

    def started(session: str) -> bool:
        found = rig.controller.get(rig.controller.session(session))
        if found["state"] == "ready":
            with suppress(Refused):  # started already, and not yet seen to be
                rig.controller.post(rig.controller.session(session, "start"), {"by": "benchmark"})
        if found["outcome"]:
            raise RuntimeError(f"{lamp}: {found['outcome']}: {found['reason']}")
        return rig.truth()[lamp]["powered"]

    session = _until(ordered)
    _until(lambda: started(session))
    return session


def _over(rig: Rig, session: str) -> View | None:
    found = rig.controller.get(rig.controller.session(session))
    return found if found["outcome"] else None


def _longest_silence_s(log: WireLog, lit: dict[str, list[tuple[float, float | None]]]) -> float:
    """Between two frames to the emitter of a lamp, while that had power."""
    heard = [frame for frame in log.new() if frame.to_device]
    longest_s = 0.0
    for lamp, intervals in lit.items():
        for on_s, off_s in intervals:
            inside = [f.at_s for f in heard if f.unit == DIMMER_UNITS[lamp] and on_s <= f.at_s <= (off_s or f.at_s)]
            longest_s = max([longest_s, *(later - earlier for earlier, later in pairwise(inside))])
    return longest_s


# --- a stop --------------------------------------------------------------------------------------------------------------


def _stop(rig: Rig, chance: Random) -> tuple[float, float, bool]:
    """One stop of the lamp that needs no dark reading, and the way back. Seconds until dark, until answered; whether the answer proves it."""
    _lit(rig, "right")
    time.sleep(chance.uniform(*LIT_S))
    at_s = time.monotonic()
    answer = rig.controller.post("/v1/stop", {"by": "benchmark", "reason": "measured"})
    answered_s = time.monotonic() - at_s
    _until(lambda: not any(truth["powered"] for truth in rig.truth().values()))
    (_, off_s) = rig.truth()["right"]["on_intervals"][-1]
    proven = all(found["verified_dark_s"] is not None for found in answer["evidence"].values())
    _until(lambda: _cleared(rig))
    return off_s - at_s, answered_s, bool(proven and answer["evidence"])


def _cleared(rig: Rig) -> bool:
    try:
        rig.controller.post("/v1/clear", {"by": "benchmark", "reason": "measured"})
    except Refused:
        return False
    return True


# --- around it -----------------------------------------------------------------------------------------------------------


def _until(look: Callable[[], T | None]) -> T:
    give_up_s = time.monotonic() + GIVE_UP_S
    while not (found := look()):
        if time.monotonic() > give_up_s:
            raise RuntimeError(f"nothing after {GIVE_UP_S:g} s")
        time.sleep(LOOK_EVERY_S)
    return found


def _memory_mib(rig: Rig) -> float:
    """Resident memory of the controller."""
    told = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(rig.controller_pid)], capture_output=True, text=True, check=True
    )
    return int(told.stdout) / 1024.0
