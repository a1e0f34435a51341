"""A treatment as it goes: two lines redrawn in a terminal, one plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from irctl.cli import say

PLAIN_EVERY_S = 5.0
BAR_WIDTH = 28

View = dict[str, Any]

PHASES = {
    "ordered": "ordered",
    "checking": "checking",
    "ready": "ready",
    "warming": "warming up",
    "emitting": "emitting",
    "paused": "paused",
    "ending": "ending",
    "ended": "ended",
}
COLOURS = {"warming": "yellow", "emitting": "green", "paused": "yellow", "ending": "cyan"}


class Progress:
    """Shows a session's views. `quiet`: nothing on stdout, which is a machine's; only what a person must know, on stderr."""

    def __init__(self, clock: Callable[[], float], *, quiet: bool = False) -> None:
        self._clock = clock
        self._quiet = quiet
        self._console = say.console()
        self._live: Live | None = None
        self._said_at_s = float("-inf")
        self._phase = ""
        self._warned = 0

    def __enter__(self) -> Self:
        if not self._quiet and self._console.is_terminal:
            # No refreshing thread: the session's own polling draws, and Ctrl-C finds nothing half done.
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.__exit__(kind, error, trace)

    def show(self, session: View, live: View) -> None:
        """Draw the present state."""
        if self._quiet:
            return
        for warning in session["warnings"][self._warned :]:
            self._console.print(f"[yellow]Warning:[/] {say.escape(warning)}")
        self._warned = len(session["warnings"])
        if self._live:
            self._live.update(picture(session, live), refresh=True)
            return
        now_s = self._clock()
        if session["state"] != self._phase or now_s - self._said_at_s >= PLAIN_EVERY_S:
            self._phase, self._said_at_s = session["state"], now_s
            print(plain(session, live), flush=True)

    def say(self, text: str) -> None:
        """A line that stays, above the moving ones."""
        if self._quiet:
            print(Text.from_markup(text).plain, file=sys.stderr, flush=True)
        else:
            self._console.print(text)


def picture(session: View, live: View) -> RenderableType:
    """The moving lines: phase, bar, dose and time; below, what the instruments say."""
    prescribed, delivered = session["order"]["fluence_j_cm2"], session["fluence_j_cm2"]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=10)
    grid.add_column(width=BAR_WIDTH)
    grid.add_column()
    colour = COLOURS.get(session["state"], "default")
    grid.add_row(
        Text(PHASES[session["state"]], style=f"bold {colour}"),
        ProgressBar(
            total=prescribed, completed=min(delivered, prescribed), width=BAR_WIDTH, complete_style=colour,
            finished_style=colour,
        ),
        _dose(session),
    )  # fmt: skip
    grid.add_row("", _time_left(session), f"[dim]{_instruments(live)}[/]")
    return Group("", grid)


def plain(session: View, live: View) -> str:
    """The same on one line, for pipes and logs."""
    state = session["state"]
    if state in ("ordered", "checking", "ready"):
        return PHASES[state]
    return f"{PHASES[state]:<10}  {_dose(session)}   {_time_left(session)}   {_instruments(live)}".rstrip()


def _dose(session: View) -> str:
    prescribed = session["order"]["fluence_j_cm2"]
    return f"{say.dose(session['fluence_j_cm2'], prescribed)} of {say.dose(prescribed, prescribed)} J/cm²"


def _time_left(session: View) -> str:
    match session["state"]:
        case "checking" | "ordered":
            return "lamp, sensors, interlocks"
        case "ready":
            return f"{say.clock(session['remaining_s'])} to go"
        case "ending" | "ended":
            return "off; afterglow fading" if session["state"] == "ending" else ""
        case _:
            return f"{say.clock(session['remaining_s'])} left"


def _instruments(live: View) -> str:
    seen = [f"{say.figure(live['irradiance_mw_cm2'], 'mW/cm²')} {live['irradiance_source']}"]
    if live["skin_c"] is not None:
        seen.append(f"skin {live['skin_c']:.1f} °C")
    return "   ".join(seen)


def summary(console: Console, ended: View, session: View) -> None:
    """How it ended: prescribed against delivered, and how sure that is."""
    prescribed = session["order"]["fluence_j_cm2"]
    good = ended["outcome"] == "completed"
    console.print(
        f"[bold {'green' if good else 'red'}]{ended['outcome'].capitalize()}[/]: {say.escape(ended['reason'])}."
    )
    delivered = ended["delivered"]
    rows = [
        ("prescribed", f"{say.dose(prescribed, prescribed)} J/cm²", ""),
        (
            "delivered",
            f"[bold]{say.dose(delivered['best_j_cm2'], prescribed)} J/cm²[/]",
            f"{say.interval(delivered['min_j_cm2'], delivered['max_j_cm2'], prescribed)}, {ended['dose_source']}",
        ),
        ("light", f"{say.clock(ended['time_on_s'])} min", f"planned {say.clock(ended['planned_s'])}"),
    ]
    if ended["skin_c_max"] is not None:
        rows.append(("skin", f"{ended['skin_c_max']:.1f} °C", "highest"))
    grid = Table.grid(padding=(0, 3, 0, 0))
    for _ in range(3):
        grid.add_column()
    for name, value, more in rows:
        grid.add_row(f"  [dim]{name}[/]", value, f"[dim]{more}[/]")
    console.print(grid)
