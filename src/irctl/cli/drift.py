"""`irctl calibrations history`: what a lamp has done since its calibration, in words and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.app import To
from irctl.cli.calibrations import time
from irctl.cli.record import write
from irctl.cli.session import Lamp
from irctl.domain.problems import Problem, Refused

View = dict[str, Any]
_TO = To()


def history(
    lamp: Lamp,
    /,
    *,
    output: Annotated[
        Path | None, Parameter(help="Draw it: drift.pdf (a page with every figure) or drift.svg.")
    ] = None,
    level: Annotated[float | None, Parameter(help="Draw only what was seen at this level, %.")] = None,
    to: To = _TO,
) -> None:
    """What checks, calibrations and sessions say of a lamp since its calibration, and when it will likely leave its tolerance.

    irctl calibrations history left

    irctl calibrations history left --output drift.pdf
    """
    told: View = to.controller.get(f"/v1/lamps/{quote(lamp, safe='')}/drift")
    written = None if output is None else write(_drawn(to.controller.get("/v1/station"), told, level, output), output)
    if to.json:
        say.as_json(told | ({} if written is None else {"path": str(written)}))
        return
    out = say.console()
    out.print(
        f"[bold]{say.escape(lamp)}[/]  calibration {say.escape(told['calibration'] or 'none')}, {told['lamp_hours']:.1f} lamp-hours, tolerance {told['tolerance_pct']:g} %"
    )
    if told["evidence"]:
        columns = ("at", "lamp-hours", "by", "level", "against calibration", "U (k=2)")
        rows = [
            (
                time(e["at"]),
                f"{e['lamp_hours']:.1f}",
                e["kind"],
                f"{e['level_pct']:g} %",
                f"{100 * (e['ratio'] - 1):+z.1f} %",
                f"{e['expanded_pct']:.1f} %",
            )
            for e in told["evidence"]
        ]
        out.print(say.table(columns, rows, right=[c for c in columns if c not in ("at", "by")]))
    for line in _signals(told):
        out.print(line)
    out.print(_foretold(told))
    if written is not None:
        out.print(f"Written  [cyan]{say.escape(str(written))}[/]", soft_wrap=True)


def _signals(told: View) -> list[str]:
    """Each rule of the control chart once, with where it began."""
    at: dict[str, list[str]] = {}
    for signal in told["chart"]["signals"] if told["chart"] else ():
        at.setdefault(signal["rule"], []).append(time(told["evidence"][signal["index"]]["at"]))
    return [
        f"[yellow]Control chart:[/] {say.escape(rule)}, {'since' if len(when) > 1 else 'at'} {when[0]}"
        + (f" ({len(when)} times)" if len(when) > 1 else "")
        for rule, when in at.items()
    ]


def _foretold(told: View) -> str:
    """The forecast as a sentence."""
    ahead, tolerance = told["forecast"], f"±{told['tolerance_pct']:g} %"
    if ahead["likely_to_days"]:
        return f"[bold]Leaves its tolerance of {tolerance}: {say.escape(ahead['text'])}[/] [dim](95 %; at {told['hours_per_day']:.1f} h a day)[/]"
    return f"Tolerance of {tolerance}: {say.escape(ahead['text'])}."


def _drawn(station: View, told: View, level_pct: float | None, output: Path) -> bytes:
    """The drift as a page or as a graph, by the output's name. Raises Refused."""
    from irctl.documents.drift import DriftError, LampDrift, drift_pdf, drift_svg

    if output.suffix.lower() not in (".pdf", ".svg"):
        raise Refused([Problem("output", str(output), "is no name of a page or a graph", "Let it end in .pdf or .svg")])
    drift = LampDrift.of(told, station["station"], station["simulated"], level_pct)
    if not drift.evidence:
        known = ", ".join(f"{x:g} %" for x in sorted({e["level_pct"] for e in told["evidence"]})) or "none yet"
        raise Refused(
            [Problem("level", level_pct, "nothing was seen there, so there is nothing to draw", f"Seen: {known}")]
        )
    try:
        return drift_pdf(drift) if output.suffix.lower() == ".pdf" else drift_svg(drift).encode()
    except DriftError as error:
        raise Refused([Problem("lamp", told["lamp"], str(error), "See `irctl calibrations history`")]) from None
