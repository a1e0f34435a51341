"""Devices: each line with its figures and what stands on it, the frames that go by, what only a person may order; in a demonstration, faults."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic import equipment, faults, screen
from irctl.clinic.faults import Fault
from irctl.clinic.redrawing import redraw
from irctl.clinic.screen import Here, card, heading
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.domain.problems import Refused

View = Mapping[str, Any]
LOOK_S = 2.0
TRACE_S = 0.5
SIGNS = {"good": "✓", "warn": "!", "bad": "✕"}


@screen.screen("/devices", "Devices", verb=Verb.CHECK_LAMP, icon="devices", order=7)
def devices(here: Here) -> None:
    """Of the station that this workstation stands at."""
    with heading(tr("Devices"), here.station.title):
        if here.may(Verb.CONFIGURE):
            ui.button(tr("Vouch for the clock…"), on_click=lambda: _clock(here), color=None)
    if faults.simulator_of(here.desk) is not None:
        _faults(here)
    redraw(here, lambda: _lines(here), lambda found: _draw(here, found), LOOK_S)
    _trace(here)


async def _lines(here: Here) -> list[View]:
    return await equipment.lines(here.station)


def _draw(here: Here, found: list[View]) -> None:
    for line in found:
        with card(f"{line['name']}"):
            ui.label(f"{line['port']} · {line['baud']} · {line['format']}").classes("soft")
            with ui.element("div").classes("row"):
                _state(line)
                _dark(line)
            ui.html(_figures(line), sanitize=False)
            ui.html(_devices(line), sanitize=False)
            for device in line["devices"]:
                for action, title in device["actions"].items():
                    if here.may(Verb.CONFIGURE):
                        _action(here, device["name"], action, title)


def _tag(kind: str, text: str) -> None:
    ui.html(f'<span class="tag {kind}">{SIGNS[kind]} {escape(text)}</span>', sanitize=False)


def _state(line: View) -> None:
    well = line["status"] == "up"
    reason = "" if not line["reason"] else f": {line['reason']}"
    _tag("good" if well else "bad", f"{tr(line['status'])}{reason}")


def _dark(line: View) -> None:
    """The promise of a line: everything on it is told to be dark within this time, whatever else it is doing."""
    late = equipment.too_short(line)
    shortest = min(line["leases_s"].values(), default=None)
    worst = tr("dark within {seconds} s at worst", seconds=f"{line['worst_time_to_dark_s']:.2f}")
    against = "" if shortest is None else f" · {tr('shortest lease {seconds} s', seconds=f'{shortest:g}')}"
    _tag("bad" if late else "good", worst + against)


def _figures(line: View) -> str:
    failed = sum(line["errors"].values())
    share = 100 * line["ok"] / line["requests"] if line["requests"] else None
    latency = line["latency_ms"]
    told = {
        tr("Requests"): f"{line['requests']}",
        tr("Answered well"): "–" if share is None else f"{share:.2f} %",
        tr("Failed"): f"{failed}"
        + ("" if not failed else f" ({', '.join(f'{k} {v}' for k, v in line['errors'].items())})"),
        tr("Answer, ms"): f"{latency['p50']:g} · 99 %: {latency['p99']:g} · max {latency['max']:g}",
        tr("Stray bytes"): f"{line['stray_bytes']}",
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in told.items())
    return f'<dl class="facts">{rows}</dl>'


def _devices(line: View) -> str:
    rows = ""
    for device in line["devices"]:
        identity: View = device["identity"] or {}
        who = " ".join(str(identity[name]) for name in ("model", "serial", "firmware") if identity.get(name))
        failed = sum(device["errors"].values())
        rows += (
            f"<tr><th>{escape(device['name'])}</th><td>{escape(device['driver'])}</td><td class=number>{device['unit']}</td>"
            f"<td>{escape(who) or '–'}</td><td class=number>{device['requests']}</td><td class=number>{failed}</td></tr>"
        )
    names = (tr("Device"), tr("Driver"), tr("Unit"), tr("Says that it is"), tr("Requests"), tr("Failed"))
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in names)
    return f'<div class="scrolls" tabindex="0"><table class="plain"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


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
            names = {line: line for line in sorted(_names(here))}
            chosen = ui.select(names, label=tr("Line"), value=next(iter(names), None)).props("outlined")
            running = ui.switch(tr("Follow"))
        table = ui.html("", sanitize=False).classes("wire")
    tails: dict[str, equipment.Tail] = {}

    async def look() -> None:
        if not running.value or chosen.value is None:
            return
        tail = tails.setdefault(chosen.value, equipment.Tail(chosen.value))
        with suppress(Refused):  # as above
            if await tail.follow(here.station):
                table.content = _frames(tail)

    async def name_lines() -> None:
        with suppress(Refused):  # what does not answer is told above
            for line in await equipment.lines(here.station):
                names[line["name"]] = line["name"]
        chosen.set_options(names, value=chosen.value or next(iter(names), None))

    ui.timer(TRACE_S, look)
    ui.timer(0.2, name_lines, once=True)


def _names(here: Here) -> list[str]:
    return [line["name"] for line in (here.station.view or {}).get("lines", ())]


def _frames(tail: equipment.Tail) -> str:
    rows = ""
    for frame in reversed(tail.frames):
        sign = "→" if frame["direction"] == "tx" else "←"
        well = "" if frame["ok"] is None else "✓" if frame["ok"] else "✕"
        when = f"{frame['at_s'] - tail.now_s:+.3f} s"
        told = (when, sign, frame["unit"], frame["name"], frame["hex"], f"{well} {frame['note']}")
        rows += "<tr>" + "".join(f"<td>{escape('' if one is None else str(one))}</td>" for one in told) + "</tr>"
    names = (tr("When"), tr("Way"), tr("Unit"), tr("Function"), tr("Bytes"), "")
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in names)
    return f'<div class="scrolls" tabindex="0"><table class="plain"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


# --- faults, in a demonstration -------------------------------------------------------------------------------------------


def _faults(here: Here) -> None:
    simulator = faults.simulator_of(here.desk)
    assert simulator is not None
    with card(tr("SIMULATED FAULTS")):
        ui.label(tr("See what the station does when something breaks. Nothing here is real.")).classes("soft")
        redraw(here, _active(here), lambda found: _mending(here, found), LOOK_S)
        with ui.expansion(tr("Break something")).classes("wide"):
            redraw(here, _possible(here), lambda found: _breaking(here, found), 60.0)


def _active(here: Here) -> Any:
    async def look() -> list[Fault]:
        simulator = faults.simulator_of(here.desk)
        return [] if simulator is None else list(simulator.active)

    return look


def _possible(here: Here) -> Any:
    async def look() -> dict[str, list[Fault]]:
        simulator = faults.simulator_of(here.desk)
        if simulator is None:
            return {}
        interlocks = sorted({name for lamp in here.station.lamps for name in lamp["live"]["interlocks"]})
        return faults.possible(await simulator.state(), interlocks)

    return look


def _mending(here: Here, active: list[Fault]) -> None:
    for fault in active:
        with ui.element("div").classes("row"):
            ui.html(f'<span class="tag bad">✕ {escape(fault.title)}</span>', sanitize=False)
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
