"""What people type is text wherever it is shown: no markup, no script, no address, no formula, no SQL. Or it is refused."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from io import StringIO
from typing import Any, cast

import pytest
from pydantic import ValidationError

from irctl.clinic.care import courses, patients, sessions, visits
from irctl.clinic.care.consent import set_consent
from irctl.clinic.handover.auditing import trail
from irctl.clinic.lamps.stations import Station
from irctl.clinic.mailing import messages
from irctl.clinic.office import drafts
from irctl.clinic.session_filter import wanted_of
from irctl.clinic.shelf.library import PROTOCOL
from irctl.domain.problems import Refused
from irctl.records.people import Person
from irctl.records.tables import sessions as sessions_table
from tests.clinic.house import CONTROLLER, KNEE, NOW, AtTheLamp, House, Page, a_house

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)' x='",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}`",
    "</template></script><svg onload=alert(1)>",
    "javascript:alert(1)",
    '<a href="javascript:alert(1)">Ada</a>',
    "&lt;b&gt; &amp; \\u003cscript\\u003e",
)
ALL = " ".join(NASTY)
UNSEEN = ("Ada\u202egpj", "Ada\u200bB", "Ada\x00", "Ada\x1b[31m", "Ada\nBcc: x@example.org", "A" * 10_000)
"""Signs that turn text around, or that nobody sees; and more than a name is."""
NO_NAMES = (
    "' OR 1=1 --",
    "x'; DROP TABLE patients; --",
    '" OR ""="',
    "%",
    "_",
    "*",
    "\\",
    "a' UNION SELECT 1 --",
    "\x00",
    "((((",
)
FORMULA = '=HYPERLINK("https://evil.example";"Ada")'
SAFE_LINKS = ("/", "#", "http://127.0.0.1:9/", "https://")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture(scope="module")
def known(house: House) -> dict[str, str]:
    """Somebody of whom everything that can be typed is nasty."""
    desk, acting = house.desk, house.acting("clinician")
    somebody = Person(ALL[:200], date(1961, 5, 4), NASTY[1], f"{NASTY[0]} <x@example.org>")
    patient = patients.register(desk, acting, somebody)
    patients.write_background(desk, acting, patient, 0, patients.BackgroundBody(goals=ALL, history=ALL))
    patients.amend(desk, acting, patient, 1, replace(somebody, contact="y@example.org"), ALL)
    body = KNEE.model_copy(update={"diagnosis": ALL[:200], "goal": ALL[:200], "function_scale": NASTY[0], "referred_by": NASTY[1]})  # fmt: skip
    course = courses.plan(desk, acting, patient, type(KNEE).model_validate(body.model_dump()))
    ended = courses.plan(desk, acting, patient, KNEE)
    courses.close(desk, acting, ended.id, "stopped", ALL)
    set_consent(desk, acting, patient, True)
    messages.write(desk, acting, patient, ALL)
    visit = visits.begin(desk, acting, course, cast("Station", AtTheLamp(simulated=True)), "left")
    draft = drafts.begin(desk, acting, PROTOCOL, "luminous-ir")
    text = "".join(f"title = {toml(NASTY[0])}\n" if line.startswith("title") else line for line in str(draft.body["text"]).splitlines(keepends=True))  # fmt: skip
    drafts.save(desk, acting, PROTOCOL, "luminous-ir", draft.number, text)
    row: dict[str, Any] = {
        "controller": CONTROLLER, "session": "S-9", "lamp": NASTY[0], "lamp_serial": NASTY[1], "simulated": True, "patient": patient,
        "area": NASTY[2], "protocol": FORMULA, "ordered_at": NOW, "ordered_by": "clinician", "reason": NASTY[0], "outcome": "completed",
        "prescribed_j_cm2": 24.0, "irradiance_mw_cm2": 40.0, "delivered_j_cm2": 24.0, "delivered_min_j_cm2": 23.0,
        "delivered_max_j_cm2": 25.0, "started_at": NOW, "ended_at": NOW,
    }  # fmt: skip
    with desk.database.writing() as connection:
        connection.execute(sessions_table.insert().values(**row))
    return {**house.known, "patient": patient, "course": course.id, "visit": visit.id, "session": "S-9"}


def toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Markup(HTMLParser):
    """What a browser would make of a piece of HTML: its elements, with what runs or leads elsewhere."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.bad += [tag] if tag in ("script", "img", "iframe", "object", "embed", "template", "base", "meta") else []
        for name, value in attrs:
            if name.startswith("on") or name in ("srcdoc", "formaction"):
                self.bad.append(f"{tag} {name}")
            if name in ("href", "src", "action", "xlink:href") and not (value or "").startswith(SAFE_LINKS):
                self.bad.append(f"{tag} {name}={value}")


def looked_through(page: Page) -> int:
    """Every piece of markup that the page hands to the browser; returns how many there were."""
    assert page.client is not None
    found = 0
    for element in page.client.elements.values():
        for name in ("innerHTML", "content"):
            markup = Markup()
            written = element.props.get(name) if name == "innerHTML" else getattr(element, name, "")
            if (
                element.tag != "nicegui-html"
                and element.props.get("innerHTML") is None
                and not isinstance(written, str)
            ):
                continue
            markup.feed(str(written or ""))
            assert not markup.bad, (page.answer.url, written)
            found += 1
        for name, value in element.props.items():
            told = str(value).strip().lower()
            assert not (name in ("href", "src", "to") and told.startswith(("javascript:", "data:", "//"))), (
                name,
                value,
            )
            assert not name.lower().startswith("on"), f"{element.tag} has {name}"
        assert element.tag != "script"
    return found


PAGES = (
    "/", "/calendar", "/patients", "/patients/{patient}", "/patients/{patient}/record", "/courses/{course}", "/treat/{course}",
    "/visits/{visit}", "/messages", "/messages/new/{patient}", "/records", "/records/{controller}/{session}", "/settings/protocols",
    "/settings/protocols/{name}", "/patients/{patient}/course/new", "/treat",
)  # fmt: skip


def test_what_was_typed_is_never_markup_on_any_page(house: House, known: dict[str, str]) -> None:
    browser = house.signed_in("clinician")
    opened = [browser.open(path.format(**known)) for path in PAGES]
    house.wait(1.5)
    for page in opened:
        assert page.client is not None, page.answer.url
        assert looked_through(page), "nothing was looked at"
        # The page carries its elements inside a script of its own: nothing may end that, or stand in its template as code.
        for nasty in (*NASTY[:2], NASTY[5], NASTY[7]):
            assert nasty not in page.answer.text
        assert "${alert" not in page.answer.text.replace("&#36;{alert", "")
    told = "\n".join(page.shown() for page in opened)
    assert NASTY[0] in told or "&lt;script&gt;alert(1)&lt;/script&gt;" in told, "it is shown, as text"


def test_what_was_typed_is_kept_as_it_was_typed(house: House, known: dict[str, str]) -> None:
    opened = patients.open_patient(house.desk, house.acting("clinician"), known["patient"])

    assert (opened.person.name, opened.background.goals) == (" ".join(ALL[:200].split()), ALL)
    assert courses.body_of(house.desk.papers.get(courses.KIND, known["course"])).diagnosis == ALL[:200]


@pytest.mark.parametrize("name", UNSEEN)
def test_names_with_signs_that_nobody_sees_are_refused(house: House, name: str) -> None:
    acting = house.acting("clinician")
    for person in (
        Person(name, date(1961, 5, 4)),
        Person("Ada", date(1961, 5, 4), name),
        Person("Ada", date(1961, 5, 4), "", name),
    ):
        if "\n" in name:  # what is pasted with a line's end is one line
            assert "\n" not in f"{patients._tidy(person)}"
            continue
        with pytest.raises(Refused):
            patients.register(house.desk, acting, person)


def test_long_texts_are_refused_wherever_they_are_typed() -> None:
    long = "A" * 10_000
    for make in (
        lambda: patients.BackgroundBody(goals=long),
        lambda: type(KNEE).model_validate({**KNEE.model_dump(), "diagnosis": long}),
        lambda: type(KNEE).model_validate({**KNEE.model_dump(), "goal": long}),
    ):
        with pytest.raises(ValidationError):
            make()


@pytest.mark.parametrize("asked", NO_NAMES)
def test_signs_of_sql_in_a_search_find_nobody_and_break_nothing(
    house: House, known: dict[str, str], asked: str
) -> None:
    desk, acting = house.desk, house.acting("clinician")
    before = {name: rows for name, rows in house.everything().items() if name != "views"}

    wanted = wanted_of({"lamp": asked, "area": asked, "patient": asked}, desk.zone)
    for search in (
        lambda: patients.search(desk, acting, asked),
        lambda: messages.found(desk, acting, asked),
        lambda: sessions.references(desk, acting, asked),
        lambda: trail(desk, house.acting("auditor"), {"what": asked, "by": asked, "about": asked}).entries,
        lambda: sessions.find(desk, acting, wanted).rows,
    ):
        with suppress(Refused):  # says nothing to search by
            assert not [*search()]

    browser = house.signed_in("auditor")
    fields = ("patient", "lamp", "what", "by", "about", "area", "outcome")
    for path, asks in (("/records", dict.fromkeys(fields, asked)), ("/audit", dict.fromkeys(fields, asked)),
                       ("/records", {"after": asked}), ("/audit", {"after": asked}), ("/records", {"from": asked, "to": asked})):  # fmt: skip
        assert browser.get(path, params=asks).status_code == 200
    assert {name: rows for name, rows in house.everything().items() if name != "views"} == before


def test_what_a_spreadsheet_would_take_for_a_formula_is_text_in_the_export(house: House, known: dict[str, str]) -> None:
    acting = house.acting("clinician")
    patient = patients.register(house.desk, acting, Person(FORMULA, date(1980, 1, 2)))
    row = {
        "controller": CONTROLLER, "session": "@S-10", "lamp": "+1", "patient": patient, "area": " -1+2", "protocol": FORMULA,
        "ordered_at": NOW - timedelta(hours=1), "ordered_by": "clinician", "prescribed_j_cm2": 1.0, "irradiance_mw_cm2": 1.0,
    }  # fmt: skip
    with house.desk.database.writing() as connection:
        connection.execute(sessions_table.insert().values(**row))
    browser = house.signed_in("clinician")
    assert browser.visitor is not None

    form = {"csrf": browser.visitor.csrf, "reason": "for the insurer", "names": "yes", "to": "2027-01-01"}
    answer = browser.post("/records/export", form)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"].startswith("attachment")
    cells = [cell for line in csv.reader(StringIO(answer.text.removeprefix("\ufeff"))) for cell in line]
    assert f"'{FORMULA}" in cells
    assert not [cell for cell in cells if cell.lstrip(" ").startswith(("=", "+", "-", "@"))]


def test_an_address_with_a_script_in_it_is_not_repeated_as_one(house: House) -> None:
    browser = house.signed_in("clinician")
    for path in ("/patients/", "/courses/", "/visits/", "/records/", "/settings/protocols/", "/nowhere/"):
        for nasty in NASTY:
            answer = browser.get(path + nasty.replace("/", "%2f").replace("#", "%23"))
            assert nasty not in answer.text or "<" not in nasty
