"""`python -m benchmarks.soak --days 7`: four lamps, days of treatments, faults as they come; does anything grow, drift or go missing?

In virtual time, in one process: controller, drivers, lines, simulated devices and physics. A day takes a few minutes of one core.
The exit status is 1 when memory grows, time drifts, or a session is not accounted for.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.accounts import Audit, audit
from benchmarks.clinic import LAMPS, MEASURED, Rhythm
from benchmarks.report import Report, Target, figure
from benchmarks.ward import SAMPLES_A_DAY, Account, Sample, Ward, Week
from irctl_campaign.virtual import run_virtual

LEASE_S = 2.0
"""Of the station's dimmers."""
FLAT_PCT = 5.0
TICK_DRIFT_PCT = 0.5
DOSE_DRIFT_PCT = 0.5
"""Of the measured lamps' mean error."""
SETTLED = 1
"""The day that memory is compared with: the first one loads and fills what is loaded and filled once."""
REMEMBERS = 2
"""The first day that has behind it all the two days that the controller remembers."""


def run(
    days: float, seed: int, rhythm: Rhythm, report: Callable[[Sample], None] = lambda _: None
) -> tuple[Week, Audit]:
    """The days, and the audit of what they left."""
    with TemporaryDirectory(prefix="irctl-soak-") as folder:
        week = run_virtual(Ward(Path(folder), rhythm, seed, report).run(days))
        return week, audit(Path(folder) / "journal.jsonl", week)


# --- what it comes to ----------------------------------------------------------------------------------------------------


def memory(week: Week) -> Report:
    """What there was in memory, by day, and whether the last is as the second."""
    rows: list[list[str]] = []
    cpu_before_s = 0.0
    for day in range(_days(week)):
        mine = _of(week, day)
        cpu_s, cpu_before_s = mine[-1].cpu_s - cpu_before_s, mine[-1].cpu_s
        rows.append(
            [
                str(day + 1),
                f"{mean(s.rss_mb for s in mine):.1f}",
                f"{max(s.rss_mb for s in mine):.1f}",
                f"{mean(s.objects for s in mine):.0f}",
                f"{mean(s.events for s in mine):.0f}",
                f"{max(s.events for s in mine)}",
                f"{max(s.alarms for s in mine)}",
                f"{max(s.sessions for s in mine)}",
                f"{max(s.tasks for s in mine)}",
                f"{cpu_s / 60:.1f}",
            ]
        )
    columns = ("day", "RSS MB", "most", "objects", "events kept", "most", "alarms", "sessions", "tasks", "CPU min")
    return Report(
        "memory, sampled every hour after a collection (means where not said)",
        columns,
        rows,
        [target for target in _growth(week) if target],
        (
            "The whole process: the simulated hardware and this benchmark's own accounts are in it. The simulator's list of lit times is cut every hour.",
            "The controller remembers two days of events, so what it keeps and the objects that hold it are full from the third day on.",
        ),
    )


def _growth(week: Week) -> list[Target | None]:
    return [
        _change(week, "RSS", SETTLED, lambda s: s.rss_mb),
        _change(week, "objects", REMEMBERS, lambda s: float(s.objects)),
    ]


def _change(week: Week, what: str, since: int, value: Callable[[Sample], float]) -> Target | None:
    """The last whole day against an earlier one, hour by hour; None where there is nothing to compare."""
    last = len(week.samples) // SAMPLES_A_DAY - 1
    if last <= since:
        return None
    before, after = mean(map(value, _of(week, since))), mean(map(value, _of(week, last)))
    return Target(
        f"{what}, day {last + 1} against day {since + 1}, change", abs(after / before - 1) * 100, FLAT_PCT, "%"
    )


def timing(week: Week, found: Audit) -> Report:
    """Ticks, renewals, and how well ends and doses were hit, by day."""
    rows: list[list[str]] = []
    for day, gaps in enumerate(week.gaps):
        ends, doses = _end_errors_s(week, found, day), _dose_errors_pct(week, found, day)
        calibrated = _dose_errors_pct(week, found, day, measured=False)
        rows.append(
            [
                str(day + 1),
                str(gaps.count),
                f"{1000 * gaps.mean_s:.3f} ms",
                f"{gaps.worst_s:.3f} s",
                _mean(ends, "s"),
                _worst(ends, "s"),
                _mean(doses, "%"),
                _worst(doses, "%"),
                _mean(calibrated, "%"),
                _worst(calibrated, "%"),
            ]
        )
    columns = ("day", "ticks lit", "mean", "longest", "end foreseen", "worst", "dose", "worst", "unmeasured", "worst")
    targets = [
        Target("longest time without renewal while lit", max((g.worst_s for g in week.gaps), default=0.0), LEASE_S, "s")
    ]
    whole = [day for day in range(len(week.gaps)) if week.gaps[day].count]
    if len(whole) > 1:
        first, last = week.gaps[whole[0]].mean_s, week.gaps[whole[-1]].mean_s
        targets.append(Target("tick, last day against first, change", abs(last / first - 1) * 100, TICK_DRIFT_PCT, "%"))
        early, late = (_dose_errors_pct(week, found, day) for day in (whole[0], whole[-1]))
        if early and late:
            drift = abs(mean(late) - mean(early))
            targets.append(Target("mean dose error, last day against first", drift, DOSE_DRIFT_PCT, "% points"))
    return Report(
        "timing and dose against the truth",
        columns,
        rows,
        targets,
        (
            "Ticks: between two frames that renew a lit lamp's lease, on the wire. End: foreseen when half was given, completed sessions.",
            "Dose: what the physics say was given against the prescription, completed sessions; mishaps and all. Bay 4 has aged by 2 % unnoticed.",
        ),
    )


def accounts(week: Week, found: Audit) -> Report:
    """Who came and what became of it, by day."""
    rows: list[list[str]] = []
    for day in range(_days(week)):
        mine = [account for account in week.accounts if account.day == day]
        outcomes = Counter(found.ends[a.session]["outcome"] for a in mine if a.session in found.ends)
        given = sum(a.truth_j_cm2 or 0.0 for a in mine)
        charged = sum(found.ends[a.session]["delivered"]["max_j_cm2"] for a in mine if a.session in found.ends)
        told = [str(outcomes[outcome]) for outcome in ("completed", "stopped", "faulted", "interrupted")]
        rows.append([str(day + 1), str(len(mine)), *told, f"{given:.0f} J/cm²", f"{charged:.0f} J/cm²"])
    struck = ", ".join(f"{count} {kind}" for kind, count in sorted(week.struck.items()))
    return Report(
        "sessions",
        ("day", "ordered", "completed", "stopped", "faulted", "interrupted", "given", "charged"),
        rows,
        [Target("of sessions, charges, restarts, stops and files: not right", float(len(found.wrong)), 0.0, "")],
        (
            f"{len(week.turned)} refused for what they had had, {week.left} went home because no lamp was free.",
            f"Mishaps: {struck}. {week.deaths} restarts cut off {len(week.cut_off)} sessions; {week.cleared} stops were cleared.",
            f"The journal: {found.events} events in {found.files} files, {found.megabytes:.1f} MB, every file verified.",
            *found.wrong,
        ),
    )


def _days(week: Week) -> int:
    return week.samples[-1].day + 1 if week.samples else 0


def _of(week: Week, day: int) -> list[Sample]:
    return [sample for sample in week.samples if sample.day == day]


def _completed(week: Week, found: Audit, day: int) -> list[Account]:
    return [
        account
        for account in week.accounts
        if account.day == day and found.ends.get(account.session, {}).get("outcome") == "completed"
    ]


def _end_errors_s(week: Week, found: Audit, day: int) -> list[float]:
    return [
        account.dark_s - account.end_foreseen_s
        for account in _completed(week, found, day)
        if account.dark_s is not None and account.end_foreseen_s is not None
    ]


def _dose_errors_pct(week: Week, found: Audit, day: int, *, measured: bool = True) -> list[float]:
    return [
        100.0 * (account.truth_j_cm2 / account.visit.fluence_j_cm2 - 1.0)
        for account in _completed(week, found, day)
        if account.truth_j_cm2 is not None and (account.visit.lamp in MEASURED) is measured
    ]


def _mean(values: Sequence[float], unit: str) -> str:
    return f"{mean(values):+.2f} {unit}" if values else "–"


def _worst(values: Sequence[float], unit: str) -> str:
    return f"{max(values, key=abs):+.2f} {unit}" if values else "–"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--days", type=float, default=1.0, help="simulated (default 1, some minutes)")
    parser.add_argument("--seed", type=int, default=1, help="of patients and mishaps")
    options = parser.parse_args(words)
    console, progress = Console(width=None if sys.stdout.isatty() else 160), Console(stderr=True)
    began_s = time.monotonic()

    def report(sample: Sample) -> None:
        at = f"day {sample.day + 1} hour {sample.hour:2}"
        kept = f"{sample.objects} objects, {sample.events} events, {sample.sessions} sessions"
        progress.print(f"{at}  {sample.rss_mb:.1f} MB, {kept}  {sample.cpu_s:.0f} s CPU", highlight=False)

    week, found = run(options.days, options.seed, Rhythm(), report)
    reports = (memory(week), timing(week, found), accounts(week, found))
    for each in reports:
        each.show(console)
    took = f"{time.process_time() / 60:.1f} CPU minutes, {(time.monotonic() - began_s) / 60:.1f} in all"
    console.print(f"{figure(options.days)} days of {len(LAMPS)} lamps, seed {options.seed}: {took}", highlight=False)
    return 0 if all(target.met for each in reports for target in each.targets) else 1


if __name__ == "__main__":
    sys.exit(main())
