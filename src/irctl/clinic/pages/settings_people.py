"""Who can sign in: for administrators; and everybody's own password and PIN."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import time
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.drawing.markup import tag
from irctl.clinic.office import staff
from irctl.clinic.pages.settings import tabs
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here, card, heading
from irctl.clinic.words import tr
from irctl.domain.passwords import LENGTH_MIN
from irctl.domain.people import Role, Verb
from irctl.records.accounts import Account

ROLES = {
    Role.CLINICIAN: "Prescribes and answers for the treatment.",
    Role.ASSISTANT: "Gives what was prescribed.",
    Role.TECHNICIAN: "Keeps the lamps true.",
    Role.ADMINISTRATOR: "People, settings, back-ups: no patients, no light.",
    Role.AUDITOR: "Looks at everything and changes nothing.",
}


@screen.screen("/settings/people", "People", verb=Verb.MANAGE_PEOPLE)
def people(here: Here) -> None:
    """The accounts, and a place for another."""
    buttons = heading(tr("People"), tr("Who can sign in, and what each may do"))
    with buttons:
        ui.button(tr("New account"), on_click=lambda: ui.navigate.to("/settings/people/new")).classes("primary")
    tabs(here, "/settings/people")

    async def look() -> list[Account]:
        return await asyncio.to_thread(staff.listed, here.desk, here.acting())

    redraw(here, look, lambda found: _accounts(here, found), verb=Verb.MANAGE_PEOPLE)


def _accounts(here: Here, found: list[Account]) -> None:
    with ui.element("div").classes("list"):
        for account in found:
            person = account.person
            state = "" if person.active else tag("bad", "no", tr("may not sign in"))
            failed = (
                tag("warn", "warn", tr("{count} wrong passwords", count=account.failures)) if account.failures else ""
            )
            own = tag("live", "check", tr("you")) if person.login == here.visitor.login else ""
            roles = ", ".join(tr(role.value.capitalize()) for role in sorted(person.roles))
            ui.html(
                f'<a class="item" href="/settings/people/{escape(person.login)}"><span class="grow"><span class="title">{escape(person.name)}</span>'
                f' <span class="soft">{escape(person.login)}</span><br><span class="soft">{escape(roles)}</span></span>{own}{failed}{state}</a>',
                sanitize=False,
            )


@screen.screen("/settings/people/new", "New account", verb=Verb.MANAGE_PEOPLE)
def new(here: Here) -> None:
    """Login, name, roles, and a first password that is told by hand."""
    heading(tr("New account"))
    tabs(here, "/settings/people")
    with card().classes("stack fill"):
        login = _text(tr("Login: small letters, such as o.mensah"))
        name = _text(tr("Name, as it is printed under a signature"))
        roles = _roles(frozenset())
        password = _secret(tr("First password, at least {count} characters", count=LENGTH_MIN))
        ui.label(
            tr("Tell it by hand. Its owner changes it under “My password and PIN” and chooses a PIN there.")
        ).classes("soft")

        async def add() -> None:
            chosen = _chosen(roles)
            told = (login.value or "", name.value or "", chosen, password.value or "")
            if await here.do(
                lambda acting: here.desk.run(staff.add, here.desk, acting, *told), said=tr("Account made")
            ):
                ui.navigate.to("/settings/people")

        with ui.element("div").classes("buttons"):
            ui.button(tr("Make the account"), on_click=add).classes("primary")
            ui.button(tr("Back"), on_click=lambda: ui.navigate.to("/settings/people")).classes("quiet")


@screen.screen("/settings/people/{login}", "Account", verb=Verb.MANAGE_PEOPLE)
def one(here: Here, login: str) -> None:
    """Change somebody else's account; one's own is for another administrator."""
    account = staff.found(here.desk, here.acting(), login)
    heading(account.person.name, account.person.login)
    tabs(here, "/settings/people")
    if login == here.visitor.login:
        screen.show_empty(
            tr("This is your own account"),
            tr(
                "Nobody gives himself a role: another administrator changes it. Your password is under “My password and PIN”."
            ),
        )
        return
    with ui.element("div").classes("columns"):
        _change(here, account)
        _new_password(here, account)


def _change(here: Here, account: Account) -> None:
    person, version = account.person, account.version
    with card(tr("Name and roles")).classes("stack fill"):
        name = _text(tr("Name, as it is printed under a signature"), person.name)
        roles = _roles(person.roles)
        active = ui.switch(tr("May sign in"), value=person.active)

        async def change() -> None:
            nonlocal version
            told: dict[str, Any] = {"name": name.value or "", "roles": _chosen(roles), "active": bool(active.value)}

            async def work(acting: Any) -> None:
                nonlocal version
                done = await here.desk.run(staff.change, here.desk, acting, person.login, version, **told)
                version = done.version

            await here.do(work, said=tr("Saved"))

        with ui.element("div").classes("buttons"):
            ui.button(tr("Save"), on_click=change).classes("primary")
            ui.button(tr("Back"), on_click=lambda: ui.navigate.to("/settings/people")).classes("quiet")


def _new_password(here: Here, account: Account) -> None:
    with card(tr("New password")).classes("stack fill"):
        ui.label(
            tr(
                "For somebody who has forgotten theirs. Whoever is signed in with this account is signed out; its PIN is forgotten."
            )
        ).classes("soft")
        password = _secret(tr("New password, at least {count} characters", count=LENGTH_MIN))

        async def give() -> None:
            told = (account.person.login, password.value or "", time.monotonic())
            if await here.do(
                lambda acting: here.desk.run(staff.new_password, here.desk, acting, *told), said=tr("Saved")
            ):
                password.value = ""

        ui.button(tr("Give the new password"), on_click=give)


@screen.screen("/settings/me", "My password and PIN", verb=None)
def me(here: Here) -> None:
    """For everybody."""
    heading(tr("My password and PIN"), here.visitor.standing.person.name)
    tabs(here, "/settings/me")
    with ui.element("div").classes("columns"):
        _own_password(here)
        _own_pin(here)


def _own_password(here: Here) -> None:
    with card(tr("Password")).classes("stack fill"):
        old = _secret(tr("Password until now"), "current-password")
        new = _secret(tr("New password, at least {count} characters", count=LENGTH_MIN))
        again = _secret(tr("New password, again"))
        ui.label(tr("A long sentence of your own is better than signs that nobody remembers.")).classes("soft")

        async def change() -> None:
            told = (old.value or "", new.value or "", again.value or "", time.monotonic())
            if await here.do(
                lambda acting: here.desk.run(staff.own_password, here.desk, acting, *told),
                said=tr("Saved. Sign in with it now."),
            ):
                ui.navigate.to("/sign-in?back=/settings/me")

        ui.button(tr("Change the password"), on_click=change).classes("primary")


def _own_pin(here: Here) -> None:
    with card(tr("PIN")).classes("stack fill"):
        ui.label(tr("Opens your locked screen. Without one, the password is asked for.")).classes("soft")
        password = _secret(tr("Password"), "current-password")
        pin = _secret(tr("New PIN")).props("inputmode=numeric")
        again = _secret(tr("New PIN, again")).props("inputmode=numeric")

        async def change() -> None:
            told = (password.value or "", pin.value or "", again.value or "", time.monotonic())
            if await here.do(lambda acting: here.desk.run(staff.own_pin, here.desk, acting, *told), said=tr("Saved")):
                for field in (password, pin, again):
                    field.value = ""

        ui.button(tr("Choose this PIN"), on_click=change).classes("primary")


# --- fields ----------------------------------------------------------------------------------------------------------------


def _text(label: str, value: str = "") -> ui.input:
    return ui.input(label, value=value).props("outlined maxlength=100 autocomplete=off")


def _secret(label: str, autocomplete: str = "new-password") -> ui.input:
    return ui.input(label, password=True).props(f"outlined maxlength=256 autocomplete={autocomplete}")


def _roles(given: frozenset[Role]) -> dict[Role, ui.checkbox]:
    with ui.element("fieldset").classes("roles"):
        ui.html(f"<legend>{escape(tr('Roles'))}</legend>", sanitize=False)
        return {
            role: ui.checkbox(f"{tr(role.value.capitalize())}: {tr(about)}", value=role in given)
            for role, about in ROLES.items()
        }


def _chosen(roles: dict[Role, ui.checkbox]) -> list[Role]:
    return [role for role, box in roles.items() if box.value]
