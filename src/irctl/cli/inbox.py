"""`irctl inbox …`: patients and appointments from other systems, from files, and what waits to be taken over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.at_the_desk import Where, at_the_desk
from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused

_WHERE = Where()


def add(
    file: Annotated[Path, Parameter(help="HL7 messages, a FHIR Bundle, or a table (CSV or JSON).")],
    /,
    *,
    system: Annotated[str, Parameter(help="Who tells it, such as the name of the old program.")] = "file",
    where: Where = _WHERE,
) -> None:
    """Put what a file tells of patients and appointments where people look. Nothing is booked or registered by it.

    irctl inbox add patients.csv --as moreau --system old-calendar

    A table has a line for each, with these columns: number, name, born (1961-05-04), contact, at (2026-12-01T10:00), about, theirs, event. What is
    there already changes nothing, so the same file may come again.
    """
    from irctl.clinic.exchange import incoming
    from irctl.clinic.exchange.incoming_forms import news_in

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused([Problem("file", str(file), f"cannot be read: {error}", "Name a text file, UTF-8")]) from None
    with at_the_desk(where, Verb.SCHEDULE) as (desk, acting):
        told = news_in(text, system, desk.zone)
        for news in told:
            incoming.keep(desk, news, acting.at)
    if where.json:
        say.as_json({"told": len(told)})
    else:
        say.console().print(f"{len(told)} told; they wait in the inbox.")


def listed(*, where: Where = _WHERE) -> None:
    """What waits, oldest first. It names patients: a look, on record.

    irctl inbox list --as moreau
    """
    from irctl.clinic.exchange import incoming

    with at_the_desk(where, Verb.SEE_PATIENT) as (desk, acting):
        incoming.looked(desk, acting)
        found = incoming.waiting(desk, acting)
        zone = desk.zone
    if where.json:
        say.as_json([{"id": one.id, **one.news.model_dump(mode="json")} for one in found])
        return
    rows = [
        (
            one.id,
            one.news.event,
            say.escape(" ".join(filter(None, (one.news.name, one.news.number)))),
            f"{one.news.at.astimezone(zone):%Y-%m-%d %H:%M}" if one.news.at else "–",
            say.escape(one.news.system),
        )
        for one in found
    ]
    say.console().print(say.table(("id", "what", "who", "when", "from"), rows) if rows else "Nothing waits.")


def take(item: str, /, *, where: Where = _WHERE) -> None:
    """Do what it says: register the patient, book, move or cancel.

    irctl inbox take I-0a1b2c3d4e5f6a7b8c9d --as moreau
    """
    from irctl.clinic.exchange import incoming

    with at_the_desk(where, Verb.SCHEDULE) as (desk, acting):
        patient = incoming.take(desk, acting, item, _version(desk, acting, item))
    if where.json:
        say.as_json({"item": item, "patient": patient})
    else:
        say.console().print(f"Taken over: [bold]{say.escape(patient)}[/]")


def set_aside(
    item: str, /, *, reason: Annotated[str, Parameter(help="Why nothing is done about it.")], where: Where = _WHERE
) -> None:
    """Nothing is done about it; the reason stays.

    irctl inbox set-aside I-0a1b2c3d4e5f6a7b8c9d --as moreau --reason "another clinic's patient"
    """
    from irctl.clinic.exchange import incoming

    with at_the_desk(where, Verb.SCHEDULE) as (desk, acting):
        incoming.set_aside(desk, acting, item, _version(desk, acting, item), reason)
    if where.json:
        say.as_json({"item": item})
    else:
        say.console().print("Set aside.")


def _version(desk: Desk, acting: Acting, item: str) -> int:
    from irctl.clinic.exchange import incoming

    for one in incoming.waiting(desk, acting):
        if one.id == item:
            return one.version
    raise Refused([Problem("item", item, "does not wait", "irctl inbox list")])
