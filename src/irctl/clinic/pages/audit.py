"""The audit: who looked at whom, who signed in, emergency access, exports, changes of accounts. Read by auditors and administrators; changed by nobody."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

from nicegui import ui

from irctl.clinic.drawing.markup import tag
from irctl.clinic.drawing.moments import moment
from irctl.clinic.handover import auditing
from irctl.clinic.screens import screen
from irctl.clinic.screens.screen import Here, heading, show_empty
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.records.audit import LOOKED, Entry

PATH = "/audit"
ALOUD = frozenset({"emergency-access", "sign-in-failed", "sign-in-refused", "pin-wrong"})


@screen.screen(PATH, "Audit", verb=Verb.READ_AUDIT)
async def audit(here: Here) -> None:
    """Newest first."""
    asked = dict(here.request.query_params)
    with heading(tr("Audit"), tr("Nothing here can be changed or taken away.")):
        if here.may(Verb.SEE_PATIENT):
            ui.button(tr("Records"), color=None, on_click=lambda: ui.navigate.to("/records"))
    _filters(asked)
    found = await asyncio.to_thread(auditing.trail, here.desk, here.acting(), asked)
    if not found.entries:
        show_empty(tr("Nothing fits"), tr("Ask for less."))
        return
    rows = "".join(_row(here, list(group)) for _, group in groupby(found.entries, _together))
    head = "".join(f"<th>{escape(text)}</th>" for text in (tr("When"), tr("Who"), tr("What"), tr("Whom or what"), tr("More")))  # fmt: skip
    ui.html(
        f'<div class="card"><table class="plain audit"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>',
        sanitize=False,
    )
    first = f'<a class="button" href="{escape(auditing.address(PATH, asked))}">{escape(tr("Newest"))}</a>'
    older = f'<a class="button" href="{escape(auditing.address(PATH, asked, found.next))}">{escape(tr("Older"))}</a>'
    links = (first if asked.get("after") else "") + (older if found.next else "")
    ui.html(f'<nav class="pager" aria-label="{escape(tr("Pages"))}">{links}</nav>', sanitize=False)


def _filters(asked: Mapping[str, str]) -> None:
    """A plain form: its address says what is asked for."""
    kinds = {
        "": tr("Everything"),
        "patient-found": tr("Patients found or listed"),
        "patient-history": tr("Patients opened"),
        "signed-in": tr("Sign-ins"),
        "sign-in-failed": tr("Failed sign-ins"),
        "emergency-access": tr("Emergency access"),
        "export": tr("Exports"),
        "account-changed": tr("Changes of accounts"),
    }
    options = "".join(
        f'<option value="{key}"{" selected" if asked.get("what", "") == key else ""}>{escape(text)}</option>'
        for key, text in kinds.items()
    )

    def field(name: str, label: str, kind: str = "text") -> str:
        value = escape(asked.get(name, ""))
        return f'<label>{escape(label)}<input type="{kind}" name="{name}" value="{value}" maxlength="100" autocomplete="off"></label>'

    ui.html(
        f'<form class="card filters plain-form" method="get" action="{PATH}">'
        f'<label>{escape(tr("What"))}<select name="what">{options}</select></label>'
        f"{field('by', tr('Login'))}{field('about', tr('Patient or login'))}"
        f"{field('from', tr('From'), 'date')}{field('to', tr('To'), 'date')}"
        f'<button class="primary">{escape(tr("Search"))}</button></form>',
        sanitize=False,
    )


def _words() -> dict[str, str]:
    """What is told often, in this language; everything else by the name that the audit has for it."""
    return {
        "patient-found": tr("Patient listed"),
        "patient-history": tr("Patient opened"),
        "signed-in": tr("Signed in"),
        "signed-out": tr("Signed out"),
        "sign-in-failed": tr("Sign-in failed"),
        "sign-in-refused": tr("Sign-in refused"),
        "pin-wrong": tr("Wrong PIN"),
        "reauthenticated": tr("Password typed again"),
        "emergency-access": tr("Emergency access"),
        "export": tr("Export"),
        "account-created": tr("Account made"),
        "account-changed": tr("Account changed"),
        "password-changed": tr("Password changed"),
        "pin-changed": tr("PIN changed"),
    }


def _together(entry: Entry) -> tuple[object, ...]:
    """Patients that were shown in one list are one line."""
    why = entry.told.get("why") if entry.what.startswith(LOOKED) else entry.id
    return entry.at, entry.by, entry.what, why


def _row(here: Here, group: Sequence[Entry]) -> str:
    entry = group[0]
    about = ", ".join(escape(one.about) for one in group)
    if len(group) > 1:
        told = escape(tr("{number} patients", number=len(group)))
        about = f"<details><summary>{told}</summary>{about}</details>"
    word = _words().get(entry.what, entry.what)
    what = tag("bad", "warn", word) if entry.what in ALOUD else f"<b>{escape(word)}</b>"
    more = "; ".join(f"{escape(key)}: {escape(str(value))}" for key, value in entry.told.items())
    return (
        f'<tr><td class="when">{moment(entry.at, here.desk.zone)}</td><td>{escape(entry.by or "–")}</td>'
        f"<td>{what}</td><td>{about or '–'}</td><td>{more}</td></tr>"
    )
