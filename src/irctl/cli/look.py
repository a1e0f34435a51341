"""`irctl status`, `irctl lamps`, `irctl sessions`: a look at the station that changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.alarms import show
from irctl.cli.app import To

View = dict[str, Any]
STATUS = {"dark": "green", "busy": "yellow", "bench": "yellow", "unverified": "bold red", "fault": "bold red"}
OUTCOME = {"completed": "green", "stopped": "yellow", "faulted": "bold red", "interrupted": "bold red"}
_TO = To()


def status(*, to: To = _TO) -> None:
    """The station at a glance: stopped or not, lamps, lines.

    irctl status
    """
    station: View = to.controller.get("/v1/station")
    if to.json:
        say.as_json(station)
        return
    out = say.console()
    simulated = ", [magenta]simulated[/]" if station["simulated"] else ""
    out.print(f"[bold]{say.escape(station['station'])}[/]{simulated}   [dim]irctl {station['version']}, {to.url}[/]")
    out.print(f"[dim]{say.NOTICE}[/]\n")
    if latch := station["latched"]:
        out.print(
            f"[bold red]STOPPED[/] by {say.escape(latch['by'])} at {_time(latch['at'])}: {say.escape(latch['reason'])}"
        )
        out.print("[dim]`irctl clear --by NAME --reason TEXT` lifts it once its cause is gone.[/]\n")
    if station["alarms"]:
        show(station["alarms"])
        out.print("[dim]`irctl acknowledge ID --by NAME` when somebody has seen to it.[/]\n")
    if failure := station["journal"]["failure"]:
        out.print(f"[bold red]The journal cannot be written:[/] {say.escape(failure)}\n")
    out.print(_lamps(station["lamps"]))
    for lamp in station["lamps"]:
        if lamp["reason"]:
            out.print(f"[red]{lamp['name']}:[/] {say.escape(lamp['reason'])}")
    out.print()
    out.print(_lines(station["lines"]))


def lamps(*, to: To = _TO) -> None:
    """Each lamp: what it is doing, its calibration, its limits, what its instruments say.

    irctl lamps
    """
    found: list[View] = to.controller.get("/v1/lamps")
    if to.json:
        say.as_json(found)
        return
    out = say.console()
    for number, lamp in enumerate(found):
        if number:
            out.print()
        out.print(
            f"[bold]{lamp['name']}[/]  {say.escape(lamp['title'])}  [{STATUS[lamp['status']]}]{lamp['status']}[/]"
        )
        for name, text in _details(lamp):
            out.print(f"  [dim]{name:<12}[/]{say.escape(text)}", soft_wrap=True)


def sessions(*, last: Annotated[int, Parameter(help="So many, the newest.")] = 100, to: To = _TO) -> None:
    """The sessions in the journal, newest first.

    irctl sessions --last 10
    """
    found: list[View] = to.controller.get(f"/v1/sessions?limit={last}")
    if to.json:
        say.as_json(found)
        return
    if not found:
        say.console().print("No session yet. `irctl treat --help` shows how to begin one.")
        return
    columns = ("session", "ordered (UTC)", "lamp", "patient", "prescribed", "delivered", "outcome", "")
    say.console().print(say.table(columns, map(_session_row, found), right=("prescribed", "delivered")))


def _session_row(session: View) -> tuple[str, ...]:
    order, delivered, outcome = session["order"], session["delivered"], session["outcome"]
    prescribed = order["fluence_j_cm2"]
    shown = f"[{OUTCOME[outcome]}]{outcome}[/]" if outcome else "[yellow]running[/]"
    return (
        session["id"],
        _time(session["ordered_at"]),
        session["lamp"],
        say.escape(order["patient"]),
        f"{say.dose(prescribed, prescribed)} J/cm²",
        f"{say.dose(delivered['best_j_cm2'], prescribed)} J/cm²" if delivered else "–",
        shown,
        "" if outcome == "completed" else say.escape(session["reason"] or ""),
    )


def _lamps(found: Iterable[View]) -> say.Table:
    columns = ("lamp", "status", "doing", "irradiance", "skin", "interlocks")
    return say.table(columns, map(_lamp_row, found), right=("irradiance", "skin"))


def _lamp_row(lamp: View) -> tuple[str, ...]:
    live = lamp["live"]
    measured = live["irradiance_source"] == "measured"
    busy = lamp["status"] == "busy"
    return (
        f"[bold]{lamp['name']}[/]",
        f"[{STATUS[lamp['status']]}]{lamp['status']}[/]",
        _running(lamp["session"]) if busy else say.escape(lamp["work"] or "–"),
        say.figure(live["irradiance_mw_cm2"], "mW/cm²") if busy or measured else "–",
        "–" if live["skin_c"] is None else say.figure(live["skin_c"], "°C"),
        _interlocks(live["interlocks"]),
    )


def _running(session: View) -> str:
    prescribed = session["order"]["fluence_j_cm2"]
    dose = f"{say.dose(session['fluence_j_cm2'], prescribed)} of {say.dose(prescribed, prescribed)} J/cm²"
    return f"{session['id']} {session['state']}, {dose}"


def _interlocks(read: dict[str, bool | None]) -> str:
    """All well in one word; otherwise which one is not."""
    bad = [
        f"[bold red]{name} {'unknown' if closed is None else 'OPEN'}[/]" for name, closed in read.items() if not closed
    ]
    return ", ".join(bad) or ("[green]closed[/]" if read else "none")


def _lines(found: Iterable[View]) -> say.Table:
    rows = [
        (
            line["name"],
            line["port"],
            "[green]up[/]"
            if line["status"] == "up"
            else f"[bold red]{line['status']}[/] {say.escape(line['reason'] or '')}",
            f"{line['latency_ms']['p50']:.0f} ms",
            f"{sum(line['errors'].values())} of {line['requests']}",
            f"{line['worst_time_to_dark_s']:.2f} s",
        )
        for line in found
    ]
    columns = ("line", "port", "state", "reply", "errors", "worst time to dark")
    return say.table(columns, rows, right=("reply", "errors", "worst time to dark"))


def _reading(value: float | None, unit: str) -> str:
    return "no reading" if value is None else say.figure(value, unit)


def _details(lamp: View) -> list[tuple[str, str]]:
    calibration, limits, live = lamp["calibration"], lamp["limits"], lamp["live"]
    details = [("serial", f"{lamp['serial']}, {lamp['distance_cm']:g} cm from the skin")]
    if lamp["work"]:
        details.append(("doing", lamp["work"]))
    if lamp["reason"]:
        details.append(("because", lamp["reason"]))
    details.append(
        (
            "calibration",
            "none: no light"
            if calibration is None
            else f"{calibration['id']}, until {calibration['valid_until'][:10]}, ±{calibration['expanded_uncertainty_pct']:g} %, "
            f"{calibration['irradiance_min_mw_cm2']:g} to {calibration['irradiance_max_mw_cm2']:g} mW/cm²",
        )
    )
    used = f"{lamp['lamp_hours']:.1f} lamp-hours, {lamp['starts']} starts"
    details.append(("used", used if lamp["locked"] is None else f"{used}; LOCKED: {lamp['locked']}"))
    details.append(
        (
            "limits",
            f"{limits['irradiance_mw_cm2_max']:g} mW/cm², {limits['fluence_j_cm2_max']:g} J/cm², "
            f"{say.clock(limits['duration_s_max'])} min, skin {limits['skin_c_max']:g} °C",
        )
    )
    details.append(("irradiance", f"{_reading(live['irradiance_mw_cm2'], 'mW/cm²')}, {live['irradiance_source']}"))
    details.append(("skin", _reading(live["skin_c"], "°C")))
    if live["interlocks"]:
        named = {True: "closed", False: "OPEN", None: "unknown"}
        details.append(
            ("interlocks", ", ".join(f"{name} {named[closed]}" for name, closed in live["interlocks"].items()))
        )
    return details


def _time(at: str) -> str:
    return at[:16].replace("T", " ")
