"""`irctl commission`: a technician measures what the station file claims about a lamp, with nobody under it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.table import Table

from irctl.cli import exits, say
from irctl.cli.app import To
from irctl.cli.session import By
from irctl.cli.signals import like_ctrl_c
from irctl.domain.problems import Problem, Refused

POLL_S = 0.25
View = dict[str, Any]
_TO = To()


def commission(
    lamp: str,
    /,
    *,
    by: By,
    nobody_under_the_lamp: Annotated[
        bool, Parameter(negative=(), help="There is a dummy load, and no person.")
    ] = False,
    to: To = _TO,
) -> int:
    """Measure a lamp's fail-safes on the real devices: they are told to act, and it is seen whether they do. The lamp lights several times, at its lowest level, for seconds.

    irctl commission left --by okafor --nobody-under-the-lamp

    Without it a lamp gives no light in clinical mode. Exit code 0 only when every step succeeded.
    """
    if not nobody_under_the_lamp:
        remedy = "Put a dummy load under the lamp, then add --nobody-under-the-lamp"
        raise Refused([Problem("nobody-under-the-lamp", None, "is not confirmed, and the lamp will light", remedy)])
    controller, path = to.controller, f"/v1/lamps/{lamp}/commission"
    begun: View = controller.post(path, {"by": by, "nobody_under_the_lamp": True})
    path = f"{path}ing"

    def follow(show: Callable[[View], None]) -> View:
        with like_ctrl_c():
            try:
                return _follow(lambda: controller.get(path), show)
            except KeyboardInterrupt:
                controller.post(f"{path}/abort", {"by": by})
                return _follow(lambda: controller.get(path), show)

    if to.json:
        found = follow(lambda _view: None)
        say.as_json(found)
        return exits.OK if found["ok"] else exits.FAILED
    out = say.console()
    out.print(
        f"[bold]Commissioning {lamp}[/]: {len(begun['planned'])} steps, about {_minutes(begun['about_s'])} if all is as claimed. "
        f"The lamp lights at {begun['level_pct']:g} %, its lowest level. "
        "[dim]Ctrl-C ends it within seconds, `irctl stop` at once.[/]\n"
    )
    with shown(out) as show:
        found = follow(show)
    out.print()
    out.print(Padding(measured(found), (0, 0, 1, 0)))
    if found["ok"]:
        out.print(
            f"[bold green]Commissioned[/]: {lamp} may be used as it is configured now. The evidence is signed in the journal."
        )
        out.print(
            "[dim]Look at the lamp itself too: what reads back dark must be dark. A cut-off that latches its trip wants it "
            "cleared now: irctl device act DEVICE clear-trip --by NAME --reason commissioned[/]"
        )
    elif found["aborted"]:
        out.print(f"[bold red]Ended, not commissioned[/]: {say.escape(found['aborted'])}. The lamp is dark.")
    else:
        out.print(
            f"[bold red]Not commissioned.[/] The lamp is dark. Put right what step {len(found['steps'])} says, then begin again."
        )
    return exits.OK if found["ok"] else exits.FAILED


def _follow(look: Callable[[], View], show: Callable[[View], None]) -> View:
    """Until it is done: look, and show."""
    while True:
        view = look()
        show(view)
        if view["done"]:
            return view
        time.sleep(POLL_S)


@contextmanager
def shown(out: Console) -> Generator[Callable[[View], None]]:
    """Each step as it ends, on a line that stays; in a terminal the one under way below, with what is being done and for how long."""
    live = Live(console=out, auto_refresh=False, transient=True) if out.is_terminal else None
    said, began_s = 0, time.monotonic()

    def show(view: View) -> None:
        nonlocal said, began_s
        if live and len(view["steps"]) > said:
            live.update("")
        for step in view["steps"][said:]:
            mark = "[green]ok[/]" if step["ok"] else "[bold red]NO[/]"
            said, began_s = said + 1, time.monotonic()
            out.print(_line(view, said, mark, step["step"], step["text"]))
        if live and not view["done"] and said < len(view["planned"]):
            doing = f"{view['doing'] or 'under way'}, {time.monotonic() - began_s:.0f} s"
            live.update(_line(view, said + 1, "[yellow]··[/]", view["now"], doing), refresh=True)

    if live:
        with live:
            yield show
    else:
        yield show


def _line(view: View, number: int, mark: str, name: str, text: str) -> Table:
    line = Table.grid(padding=(0, 2, 0, 0))
    line.add_column(width=2, justify="right")
    line.add_column(width=2)
    line.add_column(width=max(len(planned) for planned in view["planned"]))
    line.add_column()
    line.add_row(f"[dim]{number}[/]", mark, say.escape(name), f"[dim]{say.escape(text)}[/]")
    return line


def measured(found: View) -> Table:
    """What was measured, beside what is claimed or computed."""
    figures, claimed_s = found["figures"], {"emitter": found["lease_s"], "cutoff": found["cutoff_lease_s"]}
    rows: list[tuple[str, str, str]] = []
    for name, said in found["identities"].items():
        rows.append((_TITLES[name], ", ".join(value for value in said.values() if value), ""))
    if "off_worst_s" in figures:
        (line, bound_s), *_ = found["line_worst_s"].items()
        rows.append(("OFF obeyed, worst", _ms(figures["off_worst_s"]), f"{_ms(bound_s)} at worst on {line}"))
        rows.append(("read back dark, worst", _ms(figures["dark_worst_s"]), f"lease {found['lease_s']:g} s"))
    for role, obeyed in found["broadcast"].items():
        rows.append((f"{_TITLES[role]}, OFF to everybody", "obeyed" if obeyed else "not obeyed", ""))
    for role, feeds in found["feeds"].items():
        between = "{:.2f} to {:.2f} s".format(*figures[f"{role}_dropped_s"])
        rows.append((f"{_TITLES[role]}, off by itself", between, f"lease {claimed_s[role]:g} s"))
        rows.append(
            (f"{_TITLES[role]}, fed by", ", ".join(_KINDS[kind] for kind in _KINDS if feeds[kind]) or "nothing", "")
        )
        if role in found["retrigger"]:
            rows.append((f"{_TITLES[role]}, renewed while on", found["retrigger"][role], "must be restart"))
    return say.table(("", "measured", "claimed or computed"), [[say.escape(cell) for cell in row] for row in rows])


_TITLES = {"emitter": "emitter", "cutoff": "cut-off"}
_KINDS = {"renewal": "renewals", "read": "reads of it", "others": "frames to others"}


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"
