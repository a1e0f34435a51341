"""The campaign's findings, for people at a terminal and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from irctl.domain.rules import Hazard
from irctl_campaign.catalogue import BY_NAME
from irctl_campaign.judge import EXEMPT, Tally, Verdict, Worst
from irctl_campaign.observer import Trace
from irctl_campaign.summary import TRANSITIONS, Summary

VIOLATIONS_SHOWN = 20

FEW = 20
"""With fewer seeds than this nobody asks what was not reached."""

TimelineRow = tuple[float, str, str]


def show(summary: Summary, out: Console, took_s: float) -> None:
    """Figures first; what was not reached and what does not count after them; violations last, where the eye ends."""
    hours = summary.virtual_s / 3600.0
    out.print(f"[bold]{escape(summary.station)}[/]")
    out.print(
        f"[bold]{summary.seeds} seeds[/], {summary.sessions} sessions, {hours:.1f} simulated hours in {took_s:.0f} s "
        f"({60 * summary.sessions / took_s if took_s else 0:.0f} sessions a minute)"
    )
    out.print("  " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(summary.outcomes.items())) + "\n")
    out.print(_faults(summary))
    out.print(
        "\n[dim]dark: from a fault that must end the light to no power. over: beyond the prescription. Nearest to its bound / that bound.[/]\n"
    )
    if summary.seeds >= FEW:
        for line in coverage(summary):
            out.print(line)
    out.print("\n[bold]Does not count as a violation[/]")
    for name, times in summary.exempted.items():
        if not times and summary.seeds < FEW:
            continue
        out.print(f"  {times:4d} × {name}: [dim]{EXEMPT[name]}[/]")
    out.print()
    _violations(summary, out)


def _faults(summary: Summary) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("fault")
    table.add_column("hazards")
    for column in ("injected", "while lit", "violations", "worst dark, ms", "worst over, J/cm²"):
        table.add_column(column, justify="right")
    for name, tally in summary.tallies.items():
        if not tally.injected and summary.seeds < FEW:
            continue
        kind = BY_NAME.get(name)
        table.add_row(
            name,
            kind.hazard if kind else "",
            str(tally.injected) if tally.injected else "[yellow]0[/]",
            str(tally.lit),
            f"[bold red]{tally.violations}[/]" if tally.violations else "0",
            *figures(tally),
        )
    return table


def figures(tally: Tally) -> tuple[str, str]:
    """Worst time to dark in ms and worst over-delivery in J/cm², each with its bound."""
    return _figure(tally.dark, 1000.0, ".0f"), _figure(tally.over, 1.0, "+.3f")


def _figure(worst: Worst | None, scale: float, form: str) -> str:
    return "–" if worst is None else f"{worst.value * scale:{form}} / {worst.bound * scale:{form.strip('+')}}"


def named(hazard: Hazard) -> str:
    """ "H08 lit when off"."""
    return f"{hazard.value} {hazard.name.lower().replace('_', ' ')}"


def coverage(summary: Summary) -> Iterator[str]:
    """What was reached, and what was not, by name."""
    reached = len(TRANSITIONS & summary.transitions.keys())
    yield f"state changes reached: {reached} of {len(TRANSITIONS)}"
    if missed := summary.transitions_missed:
        yield "  not reached: " + ", ".join(f"{before} → {after}" for before, after in missed)
    possible = summary.hazards_possible
    yield f"hazards with an alarm, a warning or an ending: {len(possible) - len(summary.hazards_missed)} of {len(possible)}"
    yield "  [dim]" + ", ".join(f"{named(hazard)} {summary.hazards.get(hazard, 0)}" for hazard in possible) + "[/]"
    if hazards := summary.hazards_missed:
        yield "  not reached: " + ", ".join(map(named, hazards))
    if kinds := summary.kinds_missed:
        yield "faults never injected: " + ", ".join(kinds)
    yield f"played twice, journals compared byte for byte: {summary.played_twice}"


def _violations(summary: Summary, out: Console) -> None:
    if not summary.violations:
        out.print("[bold green]No violations.[/]")
        return
    out.print(f"[bold red]{len(summary.violations)} violations[/]")
    for found in sorted(summary.violations, key=lambda v: v.seed)[:VIOLATIONS_SHOWN]:
        out.print(f"  [bold]{found.promise}[/] at {found.at_s:.2f} s: {escape(found.text)}", soft_wrap=True)
        out.print(f"    [dim]{escape(summary.replay(found.seed))}[/]", soft_wrap=True)
    if (more := len(summary.violations) - VIOLATIONS_SHOWN) > 0:
        out.print(f"  … and {more} more")


def as_dict(summary: Summary, took_s: float) -> dict[str, Any]:
    """The same for machines. Seconds and J/cm²."""
    return {
        "station": str(summary.files.station) if summary.files else None,
        "seeds": summary.seeds,
        "sessions": summary.sessions,
        "simulated_s": round(summary.virtual_s, 1),
        "took_s": round(took_s, 2),
        "outcomes": summary.outcomes,
        "violations": [
            {"seed": v.seed, "promise": v.promise, "at_s": v.at_s, "text": v.text, "replay": summary.replay(v.seed)}
            for v in sorted(summary.violations, key=lambda v: v.seed)
        ],
        "faults": [
            {
                "fault": name,
                "hazards": BY_NAME[name].hazard.split() if name in BY_NAME else [],
                "injected": tally.injected,
                "while_lit": tally.lit,
                "violations": tally.violations,
                "worst_dark": _worst(tally.dark),
                "worst_over": _worst(tally.over),
            }
            for name, tally in summary.tallies.items()
        ],
        "state_changes": {f"{before} → {after}": n for (before, after), n in sorted(summary.transitions.items())},
        "state_changes_missed": [f"{before} → {after}" for before, after in summary.transitions_missed],
        "hazards": dict(sorted(summary.hazards.items())),
        "hazards_missed": [hazard.value for hazard in summary.hazards_missed],
        "exempt": [{"what": what, "why": EXEMPT[what], "times": n} for what, n in summary.exempted.items()],
        "played_twice": summary.played_twice,
    }


def _worst(worst: Worst | None) -> dict[str, float] | None:
    return (
        None if worst is None else {"value": round(worst.value, 4), "bound": round(worst.bound, 4), "seed": worst.seed}
    )


QUIET = frozenset({"session.sample"})
NOT_TOLD = frozenset({"seq", "at", "mono_s", "event", "prev", "hash", "session", "lamp"})


def timeline(trace: Trace, verdict: Verdict) -> list[TimelineRow]:
    """One seed's world in order: what people did, what broke, what the controller wrote, and when lamps really had power."""
    rows: list[TimelineRow] = [(line.at_s, line.who, line.text) for line in trace.lines]
    rows += [(found.at_s, "VIOLATION", f"{found.promise}: {found.text}") for found in verdict.violations]
    for lamp, intervals in trace.powered.items():
        for on, off in intervals:
            rows.append((on, "power", f"{lamp} on"))
            if off is not None:
                rows.append((off, "power", f"{lamp} off after {off - on:.2f} s"))
    for event in trace.events:
        if event["event"] not in QUIET:
            rows.append((event["mono_s"], "journal", _told(event)))
    return sorted(rows, key=lambda row: row[0])


def _told(event: Any) -> str:
    about = " ".join(str(event[key]) for key in ("session", "lamp") if event.get(key))
    match event["event"]:
        case "session.ended":
            given = event["delivered"]
            text = (
                f"{event['outcome']} {event['hazard'] or ''}: {event['reason']}; {given['min_j_cm2']:.3f} to "
                f"{given['max_j_cm2']:.3f} J/cm² of {event['prescribed_j_cm2']}"
            )
        case "session.ordered":
            text = f"{event['order']['fluence_j_cm2']} J/cm² at {event['order']['irradiance_mw_cm2']} mW/cm²"
        case _:
            text = ", ".join(
                f"{k} {v}" for k, v in event.items() if k not in NOT_TOLD and not isinstance(v, dict | list)
            )
    return f"{event['event']} {about} {text}".strip()


WHO = {"fault": "yellow", "operator": "cyan", "controller": "magenta", "power": "bold", "VIOLATION": "bold red"}


def show_timeline(trace: Trace, verdict: Verdict, out: Console) -> None:
    plan = trace.plan
    aged = ", ".join(f"{lamp} at {factor:.0%} of its calibration" for lamp, factor in plan.ageing.items())
    out.print(f"[bold]Seed {plan.seed}[/]: {aged}\n")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(justify="right", style="dim")
    table.add_column()
    table.add_column(overflow="fold")
    for at_s, who, text in timeline(trace, verdict):
        table.add_row(f"{at_s:.3f}", f"[{WHO[who]}]{who}[/]" if who in WHO else f"[dim]{who}[/]", escape(text))
    out.print(table)
    out.print()
    for session, given in trace.given.items():
        out.print(f"{session}: really given {given.truth_j_cm2:.4f} of {given.prescribed_j_cm2} J/cm²")
    out.print("[bold red]Violations above.[/]" if verdict.violations else "[bold green]No violations.[/]")
