"""The day board: what is planned today, how the lamps are, what is due, what is wrong."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from irctl.clinic import screen
from irctl.clinic.screen import Here, heading, live_panel
from irctl.clinic.words import tr


@screen.screen("/", "Day", verb=None, icon="day", order=1)
def day(here: Here) -> None:
    """Everybody's first page."""
    heading(tr("Today"), f"{here.desk.now():%A, %d %B %Y}")
    live_panel(here)
