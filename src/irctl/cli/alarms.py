"""`irctl alarms`, `irctl acknowledge`, `irctl silence`: what has happened and wants somebody."""

from __future__ import annotations

from typing import Any

from irctl.cli import say
from irctl.cli.app import To
from irctl.cli.session import By

View = dict[str, Any]
COLOUR = {"high": "bold white on red", "medium": "black on yellow", "low": "cyan"}
_TO = To()


def alarms(*, to: To = _TO) -> None:
    """Alarms that nobody has acknowledged, most urgent first.

    irctl alarms
    """
    station: View = to.controller.get("/v1/station")
    if to.json:
        say.as_json({"alarms": station["alarms"], "audio_paused_s": station["audio_paused_s"]})
        return
    show(station["alarms"])
    if not station["alarms"]:
        say.console().print("No alarms.")


def show(found: list[View]) -> None:
    """One line each, and what to do."""
    out = say.console()
    for alarm in found:
        about = " ".join(say.escape(alarm[key]) for key in ("lamp", "session") if alarm[key])
        name = f"[{COLOUR[alarm['priority']]}] {alarm['priority']} [/]"
        out.print(f"{name} [bold]{alarm['id']}[/] {alarm['at'][11:19]} {about}: {say.escape(alarm['text'])}")
        if alarm["remedy"]:
            out.print(f"       [dim]{say.escape(alarm['remedy'])}[/]")


def acknowledge(alarm: str, /, *, by: By, to: To = _TO) -> None:
    """Acknowledge an alarm: you have seen it, and answer for it.

    irctl acknowledge A-117 --by okafor
    """
    _answer(to, f"/v1/alarms/{alarm}/acknowledge", by, f"{alarm} is acknowledged.")


def silence(*, by: By, to: To = _TO) -> None:
    """Pause the sound for two minutes, or until something new happens.

    irctl silence --by okafor
    """
    _answer(to, "/v1/alarms/audio-pause", by, "Silent for two minutes. What is seen stays.")


def _answer(to: To, path: str, by: str, done: str) -> None:
    answer = to.controller.post(path, {"by": by})
    if to.json:
        say.as_json(answer)
    else:
        say.console().print(done)
