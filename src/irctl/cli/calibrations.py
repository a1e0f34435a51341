"""`irctl calibrations …`: look at calibrations, decide over them, follow a certificate's figures back to their readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.app import To
from irctl.cli.findings import found
from irctl.cli.session import By, Number
from irctl.cli.signed_in import who
from irctl.domain.problems import Problem

View = dict[str, Any]
_TO = To()
OUTCOMES = {"approved": "green", "rejected": "red", "abandoned": "yellow", None: "cyan"}
Reason = Annotated[str, Parameter(help="Why: it goes into the record.")]


def list_all(*, lamp: Annotated[str, Parameter(help="Of this lamp only.")] = "", to: To = _TO) -> None:
    """Every calibration in the journal, newest first.

    irctl calibrations
    """
    listed: list[View] = to.controller.get("/v1/calibrations" + (f"?lamp={lamp}" if lamp else ""))
    if to.json:
        say.as_json(listed)
        return
    if not listed:
        say.console().print("No calibration yet: irctl calibrate LAMP --meter METER --by NAME")
        return
    columns = ("id", "lamp", "begun", "by", "meter", "as found", "outcome", "closed by")
    say.console().print(say.table(columns, [_row(one) for one in listed]))


def _row(one: View) -> Sequence[object]:
    verdict: View | None = one["result"] and one["result"]["as-found"]["verdict"]
    outcome = f"[{OUTCOMES[one['outcome']]}]{one['outcome'] or 'open'}[/]"
    as_found = None if verdict is None else f"{verdict['decision']}, {verdict['error_pct']:+z.1f} %"
    return (
        one["id"],
        one["lamp"],
        time(one["started_at"]),
        one["by"],
        one["meter"],
        as_found,
        outcome,
        one["closed_by"],
    )


def show(calibration: Number, /, *, to: To = _TO) -> None:
    """One calibration: where it stands, what was found, what it waits for.

    irctl calibrations show C-20261123-0001
    """
    view = _get(to, calibration)
    if to.json:
        say.as_json(view)
        return
    out = say.console()
    done, of = view["progress"]["done"], view["progress"]["of"]
    out.print(
        f"[bold]{view['id']}[/]  lamp {view['lamp']}, meter {view['meter']['name']}, begun {time(view['started_at'])} by {say.escape(view['by'])}"
    )
    out.print(
        f"{view['outcome'] or view['stage'] + ', ' + view['step']}: {done} of {of} readings. {say.escape(view['waits_for'])}"
    )
    for stage, title in (("as_found", "As found"), ("as_left", "As left")):
        if view[stage]:
            out.print(found(view[stage], title))
    if view["problems"]:
        out.print(
            say.problems_table([Problem(p["field"], p["value"], p["limit"], p["remedy"]) for p in view["problems"]])
        )


def approve(calibration: Number, /, *, by: By, to: To = _TO) -> None:
    """Approve what was handed in: it is signed, and in force from here on. Nobody approves a calibration they took part in.

    irctl calibrations approve C-20261123-0001 --by lindqvist
    """
    _decided(_post(to, calibration, "approve", by=by), to, "[bold green]Approved[/] and in force")


def reject(calibration: Number, /, *, by: By, reason: Reason, to: To = _TO) -> None:
    """Turn down what was handed in. What was in force stays in force, and the record stays.

    irctl calibrations reject C-20261123-0001 --by lindqvist --reason "angle not noted"
    """
    _decided(_post(to, calibration, "reject", by=by, reason=reason), to, "Rejected; what was in force stays")


def abandon(calibration: Number, /, *, by: By, reason: Reason, to: To = _TO) -> None:
    """Give up a calibration. What was in force stays in force, and the record stays.

    irctl calibrations abandon C-20261123-0001 --by okafor --reason "the meter was dropped"
    """
    _decided(_post(to, calibration, "abandon", by=by, reason=reason), to, "Abandoned; what was in force stays")


def redo(
    calibration: Number,
    /,
    *,
    step: Annotated[
        Literal["identity", "position", "dark", "warm-up", "readings", "adjustment", "review"],
        Parameter(help="Which step."),
    ],
    by: By,
    reason: Reason,
    stage: Annotated[
        Literal["as-found", "as-left"] | None, Parameter(help="Of which stage; else the one it is at.")
    ] = None,
    level: Annotated[
        tuple[float, ...],
        Parameter(negative="", help="Only the readings at this level, %; may be given more than once."),
    ] = (),
    to: To = _TO,
) -> None:
    """Do a step again. What it had, and every step after it, stays in the record and counts no more.

    irctl calibrations redo C-20261123-0001 --step readings --level 60 --by okafor --reason "swapped with 80 %"
    """
    levels = list(level) or None
    _decided(
        _post(to, calibration, "redo", by=by, step=step, reason=reason, stage=stage, levels_pct=levels),
        to,
        f"{step} begins anew",
    )


def _decided(view: View, to: To, what: str) -> None:
    if to.json:
        say.as_json(view)
    else:
        say.console().print(f"{what}: {view['id']}, lamp {view['lamp']}.")


def due(*, to: To = _TO) -> None:
    """What is due: calibrations, checks, maintenance, the meters' own calibrations.

    irctl calibrations due
    """
    told: list[View] = to.controller.get("/v1/due")
    if to.json:
        say.as_json(told)
        return
    for one in told:
        colour = "bold red" if one["overdue"] else "yellow" if one["soon"] else "dim"
        say.console().print(f"[{colour}]{say.escape(one['text'])}[/]")


def impact(
    calibration: Number,
    /,
    *,
    by: Annotated[
        str, Parameter(help="Who decides. Default: who is signed in; without a decision the list is only shown.")
    ] = "",
    decision: Annotated[str, Parameter(help="What follows for these sessions.")] = "",
    reason: Annotated[str, Parameter(help="Why.")] = "",
    to: To = _TO,
) -> None:
    """The sessions that a failed as-found concerns, with what they may have given; and a named decision over them.

    irctl calibrations impact C-20261123-0001

    irctl calibrations impact C-20261123-0001 --by lindqvist --decision "inform the clinic" --reason "doses 12 % low"
    """
    path = f"/v1/calibrations/{calibration}/impact"
    by = by or (who() if decision else "")
    body = {"by": by, "decision": decision, "reason": reason}
    told: View = to.controller.post(path, body) if by else to.controller.get(path)
    if to.json:
        say.as_json(told)
        return
    out = say.console()
    verdict = told["verdict"]
    out.print(
        f"As found: {verdict['decision']}, {verdict['error_pct']:+z.1f} %. Sessions from {time(told['since']) or 'the first'} to {time(told['until'])}:"
    )
    rows = [
        (
            one["session"],
            time(one["at"]),
            one["patient"],
            _levels(one["levels_pct"]),
            _interval(one["told_j_cm2"]),
            _interval(one["recomputed_j_cm2"]),
        )
        for one in told["sessions"]
    ]
    out.print(say.table(("session", "at", "patient", "levels", "told J/cm²", "may have been J/cm²"), rows))
    if told["reviewed"]:
        out.print(f"Decided by {say.escape(told['reviewed']['by'])}: {say.escape(told['reviewed']['decision'])}")
    elif told["needed"]:
        out.print("[bold yellow]Nobody has decided yet:[/] add --by, --decision and --reason")


def trace(calibration: Number, /, *, to: To = _TO) -> int:
    """Each figure of a certificate, and the journal's events that it was computed from; compared with what the journal holds.

    irctl calibrations trace C-20261123-0001
    """
    signed: View = to.controller.get(f"/v1/calibrations/{calibration}/certificate")
    events: list[View] = to.controller.get(f"/v1/calibrations/{calibration}/events")
    told = traced(signed["certificate"], {event["seq"]: event for event in events})
    if to.json:
        say.as_json(told)
        return 0 if all(one["holds"] for one in told) else 1
    out = say.console()
    for one in told:
        mark = "[green]ok[/]" if one["holds"] else "[bold red]NOT IN THE JOURNAL[/]"
        seqs = ", ".join(str(seq) for seq in one["seqs"])
        out.print(
            f"{mark}  {say.escape(one['figure'])}  [bold]{say.escape(one['value'])}[/]  [dim]from events {seqs}: {say.escape(one['how'])}[/]",
            soft_wrap=True,
        )
    out.print(f"[dim]An event itself: irctl journal show --after {told[0]['seqs'][0] - 1} --last 1[/]" if told else "")
    return 0 if all(one["holds"] for one in told) else 1


def traced(certificate: Mapping[str, Any], events: Mapping[int, View]) -> list[View]:
    """Every measured figure of a certificate with the events behind it, and whether those are in the journal and say the same."""
    told: list[View] = []
    for name, stage in certificate["stages"].items():
        if stage is None:
            continue
        for reading in stage["readings"]:
            seqs = [reading["seq"], *reading["based_on"]]
            figure = f"{name}, reading {reading['number']} at {reading['level_pct']:g} %, {reading['distance_cm']:g} cm"
            value = f"{reading['reading_mw_cm2']:g} mW/cm², dark {reading['dark_mw_cm2']:g}"
            told.append(
                {
                    "figure": figure,
                    "value": value,
                    "seqs": seqs,
                    "how": "reading, position, dark, warm-up",
                    "holds": _same(reading, events),
                }
            )
        by_seq = {reading["seq"]: reading for reading in stage["readings"]}
        for point in stage["findings"]["points"]:
            value = f"{point['irradiance_mw_cm2']:.6g} mW/cm² ± {point['expanded_pct']:.3g} %"
            how = f"mean of {point['n']} readings less dark, times meter factor and spectral mismatch"
            holds = all(_same(by_seq[seq], events) if seq in by_seq else seq in events for seq in point["seqs"])
            figure = f"{name}, {point['level_pct']:g} % at {point['distance_cm']:g} cm"
            told.append({"figure": figure, "value": value, "seqs": point["seqs"], "how": how, "holds": holds})
    return told


def _same(reading: View, events: Mapping[int, View]) -> bool:
    event = events.get(reading["seq"])
    names = ("number", "level_pct", "distance_cm", "reading_mw_cm2")
    return (
        event is not None
        and all(event[n] == reading[n] for n in names)
        and all(s in events for s in reading["based_on"])
    )


def _get(to: To, calibration: str) -> View:
    return to.controller.get(f"/v1/calibrations/{calibration}")


def _post(to: To, calibration: str, verb: str, **body: Any) -> View:
    return to.controller.post(f"/v1/calibrations/{calibration}/{verb}", body)


def time(at: str | None) -> str:
    return "" if at is None else at[:16].replace("T", " ")


def _levels(used: Sequence[float] | None) -> str:
    """Of a session; an old record does not say."""
    if used is None:
        return "not recorded"
    low, high = used
    return f"{low:.0f} %" if round(low) == round(high) else f"{low:.0f} to {high:.0f} %"


def _interval(told: Sequence[float]) -> str:
    low, best, high = told
    return f"{best:.2f} ({low:.2f} to {high:.2f})"
