"""Settings: what each person may set, the tabs above every page of it, and what this installation is."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import platform
from html import escape
from importlib import metadata

from nicegui import ui

from irctl.clinic.desk import Desk
from irctl.clinic.drawing.icons import icon
from irctl.clinic.drawing.markup import facts, table, tag
from irctl.clinic.drawing.moments import minute
from irctl.clinic.duties.nightly import BACK_UP, last_runs
from irctl.clinic.office import drafts
from irctl.clinic.office.shipped import shipped
from irctl.clinic.pages.shelf import standing_of
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here, card, heading
from irctl.clinic.shelf.library import PROTOCOL, SCREENING, InForce
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.records.papers import Paper

TABS: tuple[tuple[str, str, str, tuple[Verb, ...]], ...] = (
    (
        "/settings/protocols",
        "Protocols",
        "Dose by visit, limits, missed visits, and when a course ends",
        (Verb.ORDER, Verb.SCREEN, Verb.READ_AUDIT),
    ),
    (
        "/settings/screening",
        "Screening",
        "What is asked before each treatment",
        (Verb.ORDER, Verb.SCREEN, Verb.READ_AUDIT),
    ),
    ("/settings/templates", "Note", "How the note of a session is printed", (Verb.EDIT_TEMPLATE, Verb.READ_AUDIT)),
    ("/settings/people", "People", "Who can sign in, and what each may do", (Verb.MANAGE_PEOPLE,)),
    ("/settings/stations", "Stations and language", "For this workstation, whoever is signed in", ()),
    ("/settings/me", "My password and PIN", "What only you know", ()),
    ("/settings/about", "About", "Versions, the database, back-ups, licences", ()),
)
"""Each with whom it is for: whoever may one of these; everybody, where there are none."""
BESIDE: tuple[tuple[str, str, str, tuple[Verb, ...]], ...] = (
    ("/inbox", "Inbox", "What other systems told of patients and appointments", (Verb.SEE_PATIENT,)),
    ("/outbox", "Outbox", "What waits to be sent to other systems, and what they would not have", (Verb.SEE_PATIENT,)),
    ("/billing/rvu", "Fees", "What Medicare’s fee schedule comes to, and the files for it", ()),
)
"""Found here, and no settings: pages of their own."""


def tabs(here: Here, current: str) -> None:
    """Only those that this person may see."""
    links = "".join(
        f'<a href="{path}"{" aria-current=page" if path == current else ""}>{escape(tr(title))}</a>'
        for path, title, _, verbs in TABS
        if allowed(here, verbs)
    )
    ui.html(f'<nav class="subpages" aria-label="{escape(tr("Settings"))}">{links}</nav>', sanitize=False)


def allowed(here: Here, verbs: tuple[Verb, ...]) -> bool:
    """Whether this person may one of them; everybody may none."""
    return not verbs or any(here.may(verb) for verb in verbs)


@screen.screen("/settings", "Settings", verb=None, icon="settings", order=8)
def settings(here: Here) -> None:
    """Where to go, and what waits for a second person."""
    heading(tr("Settings"))
    rows = "".join(
        f'<a class="item" href="{path}"><span class="grow"><span class="title">{escape(tr(title))}</span><br>'
        f'<span class="soft">{escape(tr(about))}</span></span>{icon("next")}</a>'
        for path, title, about, verbs in (*TABS, *BESIDE)
        if allowed(here, verbs)
    )
    with ui.element("div").classes("stack"):
        if here.may(Verb.ORDER):
            redraw(here, lambda: asyncio.to_thread(drafts.waiting, here.desk), _waiting)
        ui.html(f'<div class="list">{rows}</div>', sanitize=False)
        if here.may(Verb.ORDER):
            redraw(here, lambda: asyncio.to_thread(here.desk.library.now), _in_force)


def _waiting(found: list[Paper]) -> None:
    if not found:
        return
    with card(tr("Waiting for a second person")), ui.element("div").classes("list"):
        for paper in found:
            path = {PROTOCOL: f"/settings/protocols/{paper.id}", SCREENING: "/settings/screening"}.get(
                paper.kind, "/settings/templates"
            )
            said = tr("handed in by {by}", by=paper.version.by)
            ui.html(
                f'<a class="item" href="{path}"><span class="title">{escape(paper.id)}</span>'
                f'<span class="soft grow">{escape(said)}</span>{tag("warn", "warn", tr("waits for approval"))}</a>',
                sanitize=False,
            )


def _in_force(now: InForce) -> None:
    with card(tr("In force")):
        lists = [] if now.screening is None else [now.screening]
        rows = "".join(
            f"<tr><td>{escape(one.title)}</td><td>{escape(one.label)}</td><td>{escape(standing_of(one.approval))}</td></tr>"
            for one in [*now.protocols.values(), *lists]
        )
        ui.html(f'<table class="plain"><tbody>{rows}</tbody></table>', sanitize=False)
        for problem in now.broken:
            ui.label(f"{problem.field}: {problem.limit}. {problem.remedy}").classes("tag bad")


@screen.screen("/settings/about", "About", verb=None)
def about(here: Here) -> None:
    """Versions, the database, back-ups, and whose work is shipped along."""
    heading(tr("About"))
    tabs(here, "/settings/about")
    ui.html(
        f'<div class="example">{icon("warn")}{escape(tr("irctl is not a certified medical device."))}</div>',
        sanitize=False,
    )
    with ui.element("div").classes("columns"):
        with card(tr("This installation")):
            _facts(_installation(here))
        with card(tr("Back-ups")):
            keeping = here.desk.file.keeping
            _facts(
                (
                    (tr("Last"), _last_back_up(here.desk)),
                    (tr("Each day at"), f"{keeping.at:%H:%M}"),
                    (tr("Folder"), keeping.folder),
                    (tr("Kept"), tr("the newest {count}", count=keeping.daily)),
                    (tr("Records for review after"), tr("{years} years", years=f"{keeping.years:g}")),
                )
            )
    with card(tr("Shipped along")):
        ui.label(tr("irctl itself is under the Apache License 2.0. It stands on:")).classes("soft")
        rows = [[escape(one.name), escape(one.version), escape(one.licence)] for one in shipped()]
        ui.html(table((tr("Package"), tr("Version"), tr("Licence")), rows), sanitize=False)


def _last_back_up(desk: Desk) -> str:
    """When, and how it went."""
    found = last_runs(desk, BACK_UP, 1)
    if not found:
        return tr("none yet")
    at = found[0].version.made_at
    went = tr("went well") if found[0].index.state == "done" else tr("failed")
    return f"{minute(at, desk.zone)}, {went}"


def _installation(here: Here) -> tuple[tuple[str, str], ...]:
    desk = here.desk
    return (
        (tr("Clinic"), desk.file.clinic.name),
        ("irctl", metadata.version("irctl")),
        ("Python", f"{platform.python_version()}, {platform.system()}"),
        (tr("Database"), "SQLite" if desk.database.is_sqlite else "PostgreSQL"),
        (tr("Time zone"), str(desk.zone)),
        (tr("Stations"), ", ".join(station.title for station in desk.stations.values())),
    )


def _facts(told: tuple[tuple[str, str], ...]) -> None:
    ui.html(facts((name, escape(value)) for name, value in told), sanitize=False)
