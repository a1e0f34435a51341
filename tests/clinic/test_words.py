"""What screens say: every English text has its German, and nothing else is in the file."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from string import Formatter
from typing import get_args

import httpx
import pytest
from fastapi import FastAPI

import irctl.clinic
from irctl.clinic import pages
from irctl.clinic.calendar.appointments import State as AppointmentState
from irctl.clinic.care import outlook
from irctl.clinic.care.visits import AfterPart
from irctl.clinic.doors.doors import Doors
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.drawing import body_map
from irctl.clinic.lamps.stations import Station
from irctl.clinic.pages import (
    messages,
    protocol_form,
    screening_form,
    settings,
    settings_people,
    settings_screening,
    settings_templates,
    visit,
)
from irctl.clinic.screens import screen
from irctl.clinic.screens.entrance import entrance
from irctl.clinic.shelf.library import APPROVED, DRAFT, HANDED_IN, RETIRED
from irctl.clinic.words import dates, language, tr
from irctl.controller.light.session import Outcome
from irctl.documents.printed import NOT_CERTIFIED
from irctl.documents.rvu import NOTICE
from irctl.documents.rvu.payment import SAID, TERMS
from irctl.domain.electronic_signature import Meaning
from irctl.domain.people import Role
from tests.clinic.shelves import a_desk

CLINIC = Path(irctl.clinic.__file__).parent
CONFIGS = Path(__file__).parents[2] / "configs"
GERMAN: dict[str, str] = tomllib.loads((CLINIC / "words" / "de.toml").read_text(encoding="utf-8"))
ALIKE = {
    "Alarm", "April", "August", "Drift", "Hand", "Live", "Name", "November", "PIN", "Patient", "Plan", "September", "Station", "U (k=2)", "u (k=1)", "warm",
    "{dose} J/cm², {area}", "{minutes} min",
}  # fmt: skip
"""The same word in both languages."""

for _module in iter_modules(pages.__path__):
    import_module(f"irctl.clinic.pages.{_module.name}")

_SKIN: tuple[str, ...] = get_args(AfterPart.model_fields["skin"].annotation)
_OUTCOMES = [*Outcome, "running", "refused", "being prepared", outlook.WAITING]
_EXAMPLE = tomllib.loads((CONFIGS / "screening" / "infrared.toml").read_text(encoding="utf-8"))
_STANDING = ["EXAMPLE, to be approved by your clinic"]
_ADVICE: list[str] = [*(item["advice"] for item in _EXAMPLE["items"]), _EXAMPLE["sensation"]["advice"]]
_COURSE_STATES = ["ended", "stopped"]
_ROLES = [role.value.capitalize() for role in Role]
_TITLES = [one.title for one in screen.SCREENS]
_FORM = [
    "Visits a week", "Weeks", "Course, J/cm²", "Nearest, cm", "Farthest, cm", "From visit", "mW/cm²", "J/cm²", "Time",
    "After days", "Visits back", "Visit",
]  # fmt: skip
SAID_BY_NAME: dict[str, list[str]] = {
    "body_map.py: AREAS[area]": list(body_map.AREAS.values()),
    "body_map.py: name": list(body_map.AREAS.values())[:6],
    "body_map.py: said[0]": [name.partition(" ")[2].capitalize() for name in body_map.AREAS if name.startswith("left ")],
    "devices.py: kind.capitalize()": ["Interlock", "Lamp", "Device", "Line"],
    "devices.py: line['status']": ["up", "down", "echoing"],
    "messages.py: SORTS[one.sort]": list(messages.SORTS.values()),
    "messages.py: word": [word for _, word in messages.TAGS.values()],
    "protocol_form.py: label": [*_FORM, *(label for label, _ in protocol_form.LIMITS.values())],
    "protocol_form.py: title": _FORM,
    "rvu.py: NOTICE": [NOTICE],
    "rvu.py: one.text": list(SAID),
    "rvu.py: term.name": list(TERMS),
    "rvu.py: found.release": ["January", "April", "July", "October"],
    "rvu.py: one.release": ["January", "April", "July", "October"],
    "records.py: outcome.capitalize()": [outcome.capitalize() for outcome in Outcome],
    "screening_form.py: word": [word for _, _, word in screening_form.TAGS.values()],
    "settings.py: title": [title for _, title, _, _ in (*settings.TABS, *settings.BESIDE)],
    "settings.py: about": [about for _, _, about, _ in (*settings.TABS, *settings.BESIDE)],
    "settings.py: word": ["Package", "Version", "Licence"],
    "settings_people.py: role.value.capitalize()": _ROLES,
    "settings_people.py: about": list(settings_people.ROLES.values()),
    "settings_protocols.py: name": [label for label, _ in protocol_form.LIMITS.values()],
    "settings_screening.py: word": list(settings_screening.ANSWERS.values()),
    "settings_templates.py: label": list(settings_templates.SECTIONS.values()),
    "shelf.py: edition.state": [DRAFT, HANDED_IN, APPROVED, RETIRED],
    "visit.py: step.title": [step.title for step in visit.STEPS],
    "visit_before.py: listed.title": [_EXAMPLE["title"]],
    "visit_before.py: listed.standing": _STANDING,
    "visit_before.py: item.asks": [item["asks"] for item in _EXAMPLE["items"]],
    "visit_before.py: item.advice": _ADVICE,
    "visit_before.py: problem.remedy": _ADVICE,
    "visit_light.py: after.skin.capitalize()": [skin.capitalize() for skin in _SKIN],
    "visit_light.py: row.outcome": list(Outcome),
    "visit_light.py: one.meaning": list(Meaning),
    "patient_card.py: NOT_CERTIFIED": [NOT_CERTIFIED],
    "patient_pieces.py: found.course.index.state": _COURSE_STATES,
    "patient_pieces.py: row.skin": list(_SKIN),
    "patient_pieces.py: row.outcome": _OUTCOMES,
    "screen.py: one.title": _TITLES,
    "screen.py: role.value.capitalize()": _ROLES,
    "timeline.py: session.outcome": list(Outcome),
    "timeline.py: after['skin']": list(_SKIN),
    "timeline.py: paper.index.state": [*_COURSE_STATES, *(state.value for state in messages.State)],
    "timeline.py: state": list(AppointmentState),
    "dates.py: (_SHORT if short else _DAYS)[day.weekday()]": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Monday",
        "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "dates.py: _MONTHS[day.month - 1]": ["January", "February", "March", "April", "May", "June", "July", "August",
        "September", "October", "November", "December"],
}  # fmt: skip
for _page in ("treat.py", "patient_pieces.py", "course_new.py", "appointment_dialogs.py"):
    for _name in ("protocol.title", "plan.protocol.title", "found.protocol.title"):
        SAID_BY_NAME[f"{_page}: {_name}"] = [
            tomllib.loads(path.read_text(encoding="utf-8"))["title"] for path in (CONFIGS / "protocols").glob("*.toml")
        ]
    SAID_BY_NAME[f"{_page}: protocol.standing"] = _STANDING
"""Where `tr` is given something else than a literal: what that may be."""


def _said(node: ast.expr) -> Iterator[str | None]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp():
            yield from _said(node.body)
            yield from _said(node.orelse)
        case _:
            yield None


def _calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in sorted(CLINIC.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr":
                yield path, node


LITERALS = {text for _, call in _calls() for text in _said(call.args[0]) if text is not None}
NAMED = {f"{path.name}: {ast.unparse(call.args[0])}" for path, call in _calls() if None in _said(call.args[0])}
UNITS = {"mW/cm²", "J/cm²"}
SPOKEN = (LITERALS | {str(text) for name in NAMED for text in SAID_BY_NAME.get(name, ())}) - UNITS


def _names(text: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def test_it_is_known_what_every_call_may_say() -> None:
    assert sorted(NAMED - set(SAID_BY_NAME)) == [], "list in SAID_BY_NAME what these say"


def test_everything_that_screens_say_has_its_german() -> None:
    assert sorted(SPOKEN - set(GERMAN)) == []


def test_nothing_is_translated_that_no_screen_says() -> None:
    assert sorted(set(GERMAN) - SPOKEN) == []


def test_nothing_is_left_empty_or_in_english() -> None:
    assert {english for english, german in GERMAN.items() if german == english} == ALIKE
    assert [english for english, german in GERMAN.items() if not german.strip()] == []


def test_both_languages_are_given_the_same_values() -> None:
    assert [english for english, german in GERMAN.items() if _names(english) != _names(german)] == []


def test_stop_is_called_stop() -> None:
    assert [english for english, german in GERMAN.items() if "STOP" in english and "STOP" not in german] == []


def test_days_are_said_as_in_each_language() -> None:
    day = date(2026, 3, 4)
    assert [dates.full(day), dates.compact(day), dates.short(day)] == [
        "Wednesday, 4 March 2026",
        "4 Mar 2026",
        "Wed 4 Mar",
    ]
    token = language.set("de")
    try:
        assert [dates.full(day), dates.compact(day), dates.short(day)] == [
            "Mittwoch, 4. März 2026",
            "04.03.2026",
            "Mi 4.3.",
        ]
        assert tr("{minutes} min left", minutes="2.5") == "noch 2.5 min"
    finally:
        language.reset(token)


@pytest.mark.anyio
async def test_the_door_speaks_the_language_that_was_chosen_at_this_workstation(tmp_path: Path) -> None:
    desk = a_desk(tmp_path)
    desk.stations = {"room": Station("room", "http://lamps", Issuer(tmp_path))}
    app = FastAPI()
    app.include_router(entrance(desk, Doors(desk.accounts), lambda: 0.0))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://clinic") as client:
        english = (await client.get("/sign-in")).text
        client.cookies.set(screen.LANGUAGE_COOKIE, "de")
        german = (await client.get("/sign-in")).text
    assert 'lang="en"' in english
    assert "<h1>Sign in</h1>" in english
    assert 'lang="de"' in german
    assert "<h1>Anmelden</h1>" in german
