"""The safety report as one self-contained page."""

from __future__ import annotations

from html import escape
from importlib.metadata import version

from irctl_campaign.catalogue import BY_NAME
from irctl_campaign.judge import EXEMPT, Tally, Worst
from irctl_campaign.report import figures, named
from irctl_campaign.summary import TRANSITIONS, Summary

STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1c2024, #e6e8ea); --soft: light-dark(#60666c, #9aa0a6);
  --line: light-dark(#e3e6e8, #33383c); --page: light-dark(#fff, #16191b); --good: light-dark(#18794e, #4cc38a);
  --bad: light-dark(#cd2b31, #ff6369); --bar: light-dark(#8fb8de, #3e6b94); }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 68rem; margin: 3rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
p, li { max-width: 46rem; } .soft, th, small { color: var(--soft); }
.verdict { font-size: 1.2rem; font-weight: 600; margin: 1rem 0; } .good { color: var(--good); } .bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { font-weight: 500; text-align: left; font-size: .85rem; } td, th { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.n { text-align: right; white-space: nowrap; } .meter { display: inline-block; width: 5rem; height: .5rem; background: var(--line); border-radius: 2px; margin-left: .6rem; }
.none { visibility: hidden; } .meter i { display: block; height: 100%; background: var(--bar); border-radius: 2px; } .scroll { overflow-x: auto; } code { font-size: .9em; }
"""


def page(summary: Summary, took_s: float) -> str:
    """HTML with nothing to load."""
    hours = summary.virtual_s / 3600.0
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(summary.outcomes.items()))
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>irctl safety report</title><style>{STYLE}</style>",
        f"<h1>Safety report: {escape(summary.station)}</h1>",
        f"<p class=soft>irctl {escape(version('irctl'))}, simulated: the whole station in virtual time, its physics as the judge. "
        "irctl is not a certified medical device.</p>",
        _verdict(summary),
        f"<p>{summary.seeds} seeds, {summary.sessions} sessions ({escape(outcomes)}), {hours:.1f} simulated hours in {took_s:.0f} s. "
        "Each seed has a safety phase, in which anything may fail, and a liveness phase, in which everything is mended, a named "
        "person clears what needs clearing, and each lamp must give a treatment.</p>",
        "<h2>Faults</h2><p class=soft>Dark: from a fault that must end the light to no electrical power. Over: beyond the "
        "prescription, in any session that met the fault. The figure nearest to its bound / that bound, from the station's leases.</p>",
        _faults(summary),
        "<h2>Reached</h2>",
        _coverage(summary),
        "<h2>What does not count as a violation, and why</h2>",
        "<ul>"
        + "".join(
            f"<li>{n} × {escape(what)} <span class=soft>{escape(EXEMPT[what])}</span>"
            for what, n in summary.exempted.items()
        )
        + "</ul>",
        "</html>",
    ]
    return "\n".join(parts)


def _verdict(summary: Summary) -> str:
    if not summary.violations:
        return "<p class='verdict good'>No violations.</p>"
    rows = "".join(
        f"<tr><td>{escape(v.promise)}<td class=n>{v.at_s:.2f} s<td>{escape(v.text)}<td><code>{escape(summary.replay(v.seed))}</code>"
        for v in sorted(summary.violations, key=lambda v: v.seed)
    )
    head = "<tr><th>promise<th class=n>when<th>what<th>replay"
    return f"<p class='verdict bad'>{len(summary.violations)} violations</p><div class=scroll><table>{head}{rows}</table></div>"


def _faults(summary: Summary) -> str:
    head = "<tr><th>fault<th>hazards<th class=n>injected<th class=n>while lit<th class=n>violations<th class=n>worst dark, ms<th class=n>worst over, J/cm²"
    return f"<div class=scroll><table>{head}{''.join(_fault(name, tally) for name, tally in summary.tallies.items())}</table></div>"


def _fault(name: str, tally: Tally) -> str:
    kind, (dark, over) = BY_NAME.get(name), figures(tally)
    violations = f"<b class=bad>{tally.violations}</b>" if tally.violations else "0"
    return (
        f"<tr><td>{escape(name)}<td class=soft>{kind.hazard if kind else ''}<td class=n>{tally.injected}<td class=n>{tally.lit}"
        f"<td class=n>{violations}<td class=n>{dark}{_meter(tally.dark)}<td class=n>{over}{_meter(tally.over)}"
    )


def _meter(worst: Worst | None) -> str:
    if worst is None:
        return "<span class='meter none'></span>"
    share = min(1.0, max(0.0, worst.share))
    return f"<span class=meter><i style='width:{100 * share:.0f}%'></i></span>"


def _coverage(summary: Summary) -> str:
    reached = len(TRANSITIONS & summary.transitions.keys())
    changes = ", ".join(f"{before} → {after}" for before, after in summary.transitions_missed)
    missed, possible = summary.hazards_missed, summary.hazards_possible
    counted = ", ".join(f"{named(hazard)} <b>{summary.hazards.get(hazard, 0)}</b>" for hazard in possible)
    lines = [
        f"{reached} of {len(TRANSITIONS)} state changes" + (f"; not reached: {escape(changes)}" if changes else ""),
        f"{len(possible) - len(missed)} of {len(possible)} hazards with an alarm, a warning or an ending"
        + (f"; not reached: {', '.join(map(named, missed))}" if missed else "")
        + f"<br><span class=soft>{counted}</span>",
        f"{summary.played_twice} seeds played twice, their journals compared byte for byte",
    ]
    if summary.kinds_missed:
        lines.append("faults never injected: " + escape(", ".join(summary.kinds_missed)))
    return "<ul>" + "".join(f"<li>{line}" for line in lines) + "</ul>"
