"""Devices: each line with its figures and what stands on it, the frames that go by, what only a person may order; in a demonstration, faults."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.drawing.markup import facts, table, tag
from irctl.clinic.lamps import equipment
from irctl.clinic.office import faults
from irctl.clinic.office.faults import Fault
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here, card, heading
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.domain.problems import Refused

View = Mapping[str, Any]
LOOK_S = 2.0
TRACE_S = 0.5
POSSIBLE_S = 60.0


@screen.screen("/devices", "Devices", verb=Verb.CHECK_LAMP, icon="devices", order=7)
def devices(here: Here) -> None:
    """Of the station that this workstation stands at."""
    with heading(tr("Devices"), here.station.title):
        if here.may(Verb.CONFIGURE):
            ui.button(tr("Vouch for the clock…"), on_click=lambda: _clock(here), color=None)
    if (simulator := faults.simulator_of(here.desk)) is not None:
        _faults(here, simulator)
    redraw(here, lambda: equipment.lines(here.station), lambda found: _draw(here, found), LOOK_S)
    _trace(here)


def _draw(here: Here, found: list[View]) -> None:
    for line in found:
        with card(f"{line['name']}"):
            ui.label(f"{line['port']} · {line['baud']} · {line['format']}").classes("soft")
            ui.html(f'<div class="row">{_state(line)}{_dark(line)}</div>', sanitize=False)
            ui.html(_figures(line), sanitize=False)
            ui.html(_devices(line), sanitize=False)
            for device in line["devices"]:
                for action, title in device["actions"].items():
                    if here.may(Verb.CONFIGURE):
                        _action(here, device["name"], action, title)


def _state(line: View) -> str:
    well = line["status"] == "up"
    reason = "" if not line["reason"] else f": {line['reason']}"
    return _sign(well, f"{tr(line['status'])}{reason}")


def _dark(line: View) -> str:
    """The promise of a line: everything on it is told to be dark within this time, whatever else it is doing."""
    shortest = min(line["leases_s"].values(), default=None)
    worst = tr("dark within {seconds} s at worst", seconds=f"{line['worst_time_to_dark_s']:.2f}")
    against = "" if shortest is None else f" · {tr('shortest lease {seconds} s', seconds=f'{shortest:g}')}"
    return _sign(not equipment.too_short(line), worst + against)


def _sign(well: bool, text: str) -> str:
    return tag("good", "check", text) if well else tag("bad", "no", text)


def _figures(line: View) -> str:
    failed = sum(line["errors"].values())
    kinds = ", ".join(f"{kind} {count}" for kind, count in line["errors"].items())
    share = f"{100 * line['ok'] / line['requests']:.2f} %" if line["requests"] else "–"
    latency = line["latency_ms"]
    return facts(
        [
            (tr("Requests"), f"{line['requests']}"),
            (tr("Answered well"), share),
            (tr("Failed"), escape(f"{failed} ({kinds})" if failed else "0")),
            (tr("Answer, ms"), f"{latency['p50']:g} · 99 %: {latency['p99']:g} · max {latency['max']:g}"),
            (tr("Stray bytes"), f"{line['stray_bytes']}"),
        ]
    )


def _devices(line: View) -> str:
    rows: list[list[str]] = []
    for device in line["devices"]:
        identity: View = device["identity"] or {}
        who = " ".join(str(identity[name]) for name in ("model", "serial", "firmware") if identity.get(name))
        said = escape(device["name"]), escape(device["driver"]), f"{device['unit']}", escape(who) or "–"
        rows.append([*said, f"{device['requests']}", f"{sum(device['errors'].values())}"])
    names = (tr("Device"), tr("Driver"), tr("Unit"), tr("Says that it is"), tr("Requests"), tr("Failed"))
    return _scrolling(table(names, rows, numbers=(2, 4, 5)))


def _scrolling(wide: str) -> str:
    """In its own box, so that the page never scrolls sideways."""
    return f'<div class="scrolls" tabindex="0">{wide}</div>'


# --- what only a person may order -----------------------------------------------------------------------------------------


def _action(here: Here, device: str, action: str, what: str) -> None:
    async def act(reason: str) -> bool:
        return await here.do(
            lambda acting: equipment.act(here.station, acting, device, action, reason), said=tr("Done")
        )

    title = f"{device}: {what}"
    ui.button(f"{title}…", on_click=lambda: _with_reason(title, act), color=None)


def _clock(here: Here) -> None:
    async def accept(reason: str) -> bool:
        return await here.do(lambda acting: equipment.accept_clock(here.station, acting, reason), said=tr("Done"))

    _with_reason(tr("The controller's clock is right now"), accept)


def _with_reason(title: str, work: Any) -> None:
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        ui.html(f"<h2>{escape(title)}</h2>", sanitize=False)
        why = ui.input(tr("Why? It goes into the record")).props("outlined autofocus")

        async def press() -> None:
            if await work(why.value or ""):
                dialog.close()

        with ui.element("div").classes("row"):
            ui.button(tr("Do it"), on_click=press, color=None).classes("primary")
            ui.button(tr("Back"), on_click=dialog.close, color=None)


# --- the wire -------------------------------------------------------------------------------------------------------------


def _trace(here: Here) -> None:
    """The last frames of one line, as they go by."""
    with card(tr("On the wire")):
        with ui.element("div").classes("row"):
            chosen = ui.select([], label=tr("Line")).props("outlined")
            running = ui.switch(tr("Follow"))
        shown = ui.html("", sanitize=False).classes("wire")
    tails: dict[str, equipment.Tail] = {}

    async def look() -> None:
        if not running.value or chosen.value is None:
            return
        tail = tails.setdefault(chosen.value, equipment.Tail(chosen.value))
        with suppress(Refused):  # as above
            if await tail.follow(here.station):
                shown.content = _frames(tail)

    async def name_lines() -> None:
        with suppress(Refused):  # what does not answer is told above
            names = [str(line["name"]) for line in await equipment.lines(here.station)]
            chosen.set_options(names, value=chosen.value or names[0])

    ui.timer(TRACE_S, look)
    ui.timer(0.2, name_lines, once=True)


def _frames(tail: equipment.Tail) -> str:
    rows: list[list[str]] = []
    for frame in reversed(tail.frames):
        way = "→" if frame["direction"] == "tx" else "←"
        well = "" if frame["ok"] is None else "✓" if frame["ok"] else "✕"
        unit = "" if frame["unit"] is None else f"{frame['unit']}"
        told = (frame["name"], frame["hex"], f"{well} {frame['note']}")
        rows.append([f"{frame['at_s'] - tail.now_s:+.3f} s", way, unit, *(escape(str(one)) for one in told)])
    names = (tr("When"), tr("Way"), tr("Unit"), tr("Function"), tr("Bytes"), "")
    return _scrolling(table(names, rows))


# --- faults, in a demonstration -------------------------------------------------------------------------------------------


def _faults(here: Here, simulator: faults.Simulator) -> None:
    async def active() -> list[Fault]:
        return list(simulator.active)

    async def possible() -> dict[str, list[Fault]]:
        interlocks = sorted({name for lamp in here.station.lamps for name in lamp["live"]["interlocks"]})
        return faults.possible(await simulator.state(), interlocks)

    with card(tr("SIMULATED FAULTS")):
        ui.label(tr("See what the station does when something breaks. Nothing here is real.")).classes("soft")
        redraw(here, active, lambda found: _mending(here, found), LOOK_S)
        with ui.expansion(tr("Break something")).classes("wide"):
            redraw(here, possible, lambda found: _breaking(here, found), POSSIBLE_S)


def _mending(here: Here, active: list[Fault]) -> None:
    for fault in active:
        with ui.element("div").classes("row"):
            ui.html(tag("bad", "no", fault.title), sanitize=False)
            ui.button(tr("Mend"), on_click=_mend(here, fault), color=None)
    if active:
        ui.button(tr("Mend everything"), on_click=_mend(here, None), color=None).classes("primary")


def _breaking(here: Here, found: dict[str, list[Fault]]) -> None:
    for kind, possible in found.items():
        ui.label(tr(kind.capitalize())).classes("asks")
        with ui.element("div").classes("row"):
            for fault in possible:
                ui.button(fault.title, on_click=_put(here, fault), color=None)


def _put(here: Here, fault: Fault) -> Any:
    async def press() -> None:
        await here.do(lambda acting: faults.put(here.desk, acting, fault), said=fault.title)

    return press


def _mend(here: Here, fault: Fault | None) -> Any:
    async def press() -> None:
        await here.do(lambda acting: faults.mend(here.desk, acting, fault), said=tr("Mended"))

    return press
