"""`irctl check`: the short verification before the day's first session. `irctl maintenance`, `irctl meters`: what else keeps a lamp true."""

from __future__ import annotations

import time
from typing import Annotated, Any

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import To
from irctl.cli.session import By, Lamp, Number
from irctl.cli.signed_in import who

POLL_S = 0.25
PLAIN_EVERY_S = 10.0
MEANS = {
    "pass": "the lamp gives what its calibration says",
    "warn": "no error beyond the tolerance was found, and none can be excluded. The lamp may be used; calibrate it soon",
    "fail": "the lamp does not give what its calibration says",
}
LASTS = {"stays": "stays", "check": "needs a check", "void": "is void"}
COLOURS = {"pass": "bold green", "warn": "bold yellow", "fail": "bold red"}

View = dict[str, Any]
_TO = To()


def check(
    lamp: Lamp,
    /,
    *,
    by: By,
    meter: Annotated[
        str,
        Parameter(
            help="The reference meter that lies under the lamp, as the station file names it; monitor: the lamp's own radiometer."
        ),
    ] = "monitor",
    nobody_under_the_lamp: Annotated[bool, Parameter(negative=(), help="There is no person under it.")] = False,
    to: To = _TO,
) -> int:
    """Check a lamp against its calibration: a few levels, in under three minutes. A fail locks the lamp.

    irctl check left --by okafor --nobody-under-the-lamp

    Exit code 0 for pass and warn, 1 for fail and for a check that was cut off.
    """
    path = f"/v1/lamps/{lamp}/check"
    begun: View = to.controller.post(path, {"by": by, "with": meter, "nobody_under_the_lamp": nobody_under_the_lamp})
    if not to.json:
        using = "its own radiometer" if meter == "monitor" else f"meter {say.escape(meter)}"
        say.console().print(
            f"Checking [bold]{say.escape(lamp)}[/] with {using} against calibration {say.escape(begun['calibration'])}: two to three minutes of light.\n"
            "[dim]Ctrl-C leaves it to finish by itself; `irctl stop` ends it dark.[/]"
        )
    found = _follow(to, path)
    if to.json:
        say.as_json(found)
    else:
        _tell(found)
    return exits.OK if found["verdict"] in ("pass", "warn") else exits.FAILED


def _follow(to: To, path: str) -> View:
    out, said_s = say.console(stderr=to.json), float("-inf")
    with out.status("") as status:
        while True:
            found: View = to.controller.get(path)
            if not found["running"]:
                return found
            if found["waits_for_value"]:
                status.stop()
                value, _, unit = out.input(
                    f"[bold]?[/] {say.escape(found['now'])} [dim](as 54.1 mW/cm2)[/]: "
                ).partition(" ")
                to.controller.post(
                    path, {"by": found["by"], "value": float(value.replace(",", ".")), "unit": unit.strip()}
                )
                status.start()
            status.update(_progress(found))
            if not out.is_terminal and not to.json and time.monotonic() - said_s > PLAIN_EVERY_S:
                said_s = time.monotonic()
                print(found["now"], flush=True)
            time.sleep(POLL_S)


def _progress(found: View) -> str:
    shown = [f"{found['progress']['done']} of {found['progress']['of']} levels"]
    for name, word in (("meter_mw_cm2", "meter"), ("monitor_mw_cm2", "lamp's own")):
        if found["live"].get(name) is not None:
            shown.append(f"{word} {found['live'][name]:.2f} mW/cm²")
    return f"{'   '.join(shown)}   [dim]{say.escape(found['now'] or '')}[/]"


def _tell(found: View) -> None:
    out = say.console()
    if found["verdict"] is None:
        out.print(f"[bold red]Cut off[/]: {say.escape(found['ended'] or '')}. The lamp is dark; nothing was decided.")
        return
    rows = [
        (
            f"{one['level_pct']:g} %",
            f"{one['expected_mw_cm2']:.1f}",
            f"{one['found_mw_cm2']:.1f}",
            f"{one['error_pct']:+z.1f} %",
            f"{one['expanded_pct']:.1f} %",
        )
        for one in found["levels"]
    ]
    out.print(
        say.table(
            ("level", "expected", "found mW/cm²", "error", "U (k=2)"),
            rows,
            right=("expected", "found mW/cm²", "error", "U (k=2)"),
        )
    )
    out.print(
        f"[{COLOURS[found['verdict']]}]{found['verdict'].capitalize()}[/]: {MEANS[found['verdict']]}. Tolerance {found['tolerance_pct']:g} %."
    )
    out.print(f"[dim]The rule: {found['rule']}.[/]")
    if found["locked"]:
        out.print(
            f"[bold red]The lamp is locked[/]: {say.escape(found['locked'])}. Calibrate it: irctl calibrate {found['lamp']} --meter METER --by NAME"
        )


def maintenance(
    lamp: Lamp,
    kind: Annotated[
        str, Parameter(help="cleaned, moved, repaired, replaced …; without it, what was done is listed.")
    ] = "",
    /,
    *,
    by: Annotated[str, Parameter(help="Who did it: it goes into the record. Default: who is signed in.")] = "",
    note: Annotated[str, Parameter(help="What exactly.")] = "",
    to: To = _TO,
) -> None:
    """Write down what was done to a lamp; by rule its calibration stays, needs a check, or is void.

    irctl maintenance left cleaned --by okafor --note "reflector wiped"

    irctl maintenance left
    """
    path = f"/v1/lamps/{lamp}/maintenance"
    if not kind:
        listed: list[View] = to.controller.get(path)
        if to.json:
            say.as_json(listed)
            return
        rows = [
            (
                e["at"][:16].replace("T", " "),
                e["kind"],
                e["by"],
                f"{e['lamp_hours']:.1f} h",
                LASTS[e["consequence"]],
                say.escape(e["note"]),
            )
            for e in listed
        ]
        say.console().print(say.table(("at", "what", "by", "lamp", "calibration", "note"), rows))
        return
    told: View = to.controller.post(path, {"by": who(by), "kind": kind, "note": note})
    if to.json:
        say.as_json(told)
        return
    follows = {
        "stays": "stays in force",
        "check": f"needs a check: irctl check {lamp}",
        "void": f"is void: irctl calibrate {lamp}",
    }
    say.console().print(f"Noted. The calibration {follows[told['consequence']]} [dim]({told['why']})[/]")


def meters(*, to: To = _TO) -> None:
    """The reference meters: their certificates, and why one cannot be used.

    irctl meters
    """
    listed: list[View] = to.controller.get("/v1/meters")
    if to.json:
        say.as_json(listed)
        return
    rows = [
        (m["name"], m["serial"], m["model"], m["certificate"], say.escape(m["laboratory"]), m["valid_until"][:10], f"{m['expanded_uncertainty_pct']:g} %",
         "typed" if m["typed"] else "on a line", "; ".join(p["limit"] for p in m["problems"]) or "[green]may be used[/]")
        for m in listed
    ]  # fmt: skip
    say.console().print(
        say.table(("meter", "serial", "model", "certificate", "laboratory", "until", "U (k=2)", "readings", ""), rows)
    )


def compare(a: Number, b: Number, /, *, by: By, to: To = _TO) -> int:
    """Two meters, by a calibration with each of the same lamp: do they agree within what their certificates say (|E_n| ≤ 1)?

    irctl meters compare C-20261123-0001 C-20261123-0002 --by okafor
    """
    told: View = to.controller.post("/v1/meters/compare", {"by": by, "a": a, "b": b})
    if to.json:
        say.as_json(told)
    else:
        rows = [
            (
                f"{p['level_pct']:g} %",
                f"{p['a_mw_cm2']:.2f}",
                f"{p['b_mw_cm2']:.2f}",
                f"{p['difference_pct']:+.2f} %",
                f"{p['expanded_pct']:.1f} %",
                f"{p['e_n']:+.2f}",
            )
            for p in told["points"]
        ]
        columns = ("level", told["a"]["meter"], told["b"]["meter"], "difference", "U (k=2)", "E_n")
        say.console().print(say.table(columns, rows, right=columns[1:]))
        say.console().print(
            f"They [bold]{'agree' if told['verdict'] == 'agrees' else 'do not agree'}[/]: largest E_n {told['e_n']:+.2f}"
        )
    return exits.OK if told["verdict"] == "agrees" else exits.FAILED
