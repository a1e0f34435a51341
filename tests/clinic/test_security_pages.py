"""Every address of the clinic's service for everybody who may ask: one table, and whatever is not in it fails."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pytest
from fastapi.routing import APIRoute
from nicegui import core
from starlette.routing import BaseRoute, Mount

from irctl.clinic.screens import screen
from tests.clinic.house import ADA, KNEE, NOW, Browser, House, a_house

WHO = ("clinician", "assistant", "technician", "administrator", "auditor", "emergency")
"""The last is a technician in an emergency. Nobody, and a locked screen, come to the door from every page."""
PAGE, NOT_FOR_YOU, ASKED_WHY = "P", "-", "E"
"""`ASKED_WHY`: emergency access is offered, nobody is named."""

PAGES = {
    "/":                                  "PPPPPP",
    "/audit":                             "---PP-",
    "/billing/rvu":                       "PPPPPP",
    "/calendar":                          "PP--PP",
    "/calibrate":                         "PPP--P",
    "/calibrate/{lamp}/check":            "PPP--P",
    "/calibrate/{lamp}/drift":            "PPP--P",
    "/calibrations/{calibration}":        "PPP--P",
    "/courses/{course}":                  "PPEEPP",
    "/courses/{course}/documents":        "PPEEPP",
    "/devices":                           "PPP--P",
    "/inbox":                            "PP--PP",
    "/messages":                          "PP----",
    "/messages/new":                      "PP----",
    "/messages/new/{patient}":            "PP----",
    "/outbox":                            "PP--PP",
    "/patients":                          "PPEEPP",
    "/patients/new":                      "PP----",
    "/patients/{patient}":                "PPEEPP",
    "/patients/{patient}/course/new":     "P-----",
    "/patients/{patient}/record":         "PPEEPP",
    "/records":                           "PP--PP",
    "/records/{controller}/{session}":    "PP--PP",
    "/records/{what}":                    "PPPPPP",
    "/settings":                          "PPPPPP",
    "/settings/about":                    "PPPPPP",
    "/settings/me":                       "PPPPPP",
    "/settings/people":                   "---P--",
    "/settings/people/new":               "---P--",
    "/settings/people/{login}":           "---P--",
    "/settings/protocols":                "PP-PP-",
    "/settings/protocols/{name}":         "PP-PP-",
    "/settings/screening":                "PP-PP-",
    "/settings/stations":                 "PPPPPP",
    "/settings/templates":                "P--PP-",
    "/treat":                             "PP----",
    "/treat/{course}":                    "PP----",
    "/visits/{visit}":                    "PP----",
}  # fmt: skip

EVERYBODY = 8
PLAIN: dict[tuple[str, str], tuple[int, ...]] = {
    # nobody, locked, then as WHO; without any form's secret, so that nothing is done by it.
    # No station answers here: a conflict, for those who may ask.
    ("GET", "/calibrations/{calibration}/{station}/certificate.pdf"): (401, 403, 409, 409, 409, 403, 403, 409),
    ("GET", "/feeds/{token}.ics"):                          (404,) * EVERYBODY,
    ("GET", "/locked"):                                     (303, 200, 303, 303, 303, 303, 303, 303),
    ("GET", "/look/{name}"):                                (200,) * EVERYBODY,
    ("GET", "/metrics"):                                    (403,) * EVERYBODY,  # from other computers, without a token
    ("GET", "/patients/{patient}/appointments.ics"):        (401, 403, 200, 200, 403, 403, 200, 200),
    ("GET", "/patients/{patient}/card.pdf"):                (401, 403, 200, 200, 403, 403, 200, 200),
    ("GET", "/courses/{course}/{kind}.pdf"):                (401, 403, 200, 200, 403, 403, 200, 200),
    ("GET", "/courses/{course}/visits/{visit}/note.pdf"):   (401, 403, 200, 200, 403, 403, 200, 200),
    # Its journal is where no station answers here: a conflict, for those who may ask.
    ("GET", "/records/{controller}/{session}/note.pdf"):    (401, 403, 409, 409, 403, 403, 409, 409),
    # The station does not answer.
    ("GET", "/relay/{station}/{path:path}"):                (403, *(502,) * 7),
    ("GET", "/sign-in"):                                    (200,) * EVERYBODY,
    ("POST", "/api/sign-in"):                               (422,) * EVERYBODY,
    ("POST", "/billing/rvu/files"):                         (401, 403, 403, 403, 422, 422, 403, 422),
    ("POST", "/lock"):                                      (303,) * EVERYBODY,
    ("POST", "/locked"):                                    (303, *(403,) * 7),
    ("POST", "/records/{controller}/{session}/export"):     (401, 403, 422, 422, 403, 403, 422, 422),
    ("POST", "/records/export"):                            (401, 403, 422, 422, 403, 403, 422, 422),
    ("POST", "/relay/{station}/{path:path}"):               (403, 403, *(502,) * 6),
    ("POST", "/settings/language"):                         (403,) * EVERYBODY,
    ("POST", "/settings/station"):                          (403,) * EVERYBODY,
    ("POST", "/sign-in"):                                   (403,) * EVERYBODY,
    ("POST", "/sign-out"):                                  (303,) * EVERYBODY,
}  # fmt: skip
OF_NICEGUI = ("/_nicegui/", "/_nicegui_ws", "/favicon.ico")
"""Scripts, styles and the pages' socket (test_security_sockets.py): the same for everybody, and nobody's data."""
GIVEN = {"token": "no-such-token", "name": "irctl.css", "kind": "plan-of-care", "path": "v1/station"}
PRIVATE = (ADA.name, "Adaeze", ADA.number, ADA.contact, "1968-03", "1968</", str(KNEE.diagnosis), KNEE.goal, "dance again", "fell at nine")  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture(scope="module")
def browsers(house: House) -> dict[str, Browser]:
    found = {login: house.signed_in(login) for login in WHO if login != "emergency"}
    found["emergency"] = house.signed_in("technician")
    assert found["emergency"].visitor is not None
    house.doors.emergency(found["emergency"].visitor, "somebody has collapsed", NOW)
    found["locked"] = house.signed_in("assistant")
    assert found["locked"].visitor is not None
    house.doors.lock(found["locked"].visitor)
    return {"nobody": house.browser(), **found}


def every_route(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield from ((method, route.path) for method in route.methods)
        elif isinstance(route, Mount):
            if route.app is core.app:
                yield from every_route(core.app.routes)
            else:
                yield "MOUNT", route.path
        elif (router := getattr(route, "original_router", None)) is not None:
            yield from every_route(router.routes)
        else:
            yield "GET", getattr(route, "path", repr(route))


def drawn(browser: Browser, path: str) -> str:
    """What is to be seen: a page, `Not for you`, or the way in an emergency."""
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    if "Not for you" in answer.text:
        return NOT_FOR_YOU
    return ASKED_WHY if "Open patients in this emergency" in answer.text else PAGE


def test_every_address_of_the_service_is_in_one_of_the_tables(house: House) -> None:
    there = {one for one in every_route(house.app.routes) if not one[1].startswith(OF_NICEGUI)}

    assert there == {("GET", path) for path in PAGES} | set(PLAIN)
    assert {one.path for one in screen.SCREENS} == set(PAGES)


@pytest.mark.parametrize("path", PAGES)
def test_who_sees_a_page(house: House, browsers: dict[str, Browser], path: str) -> None:
    address = path.format(**house.known)

    assert "".join(drawn(browsers[who], address) for who in WHO) == PAGES[path]
    for who, door in (("nobody", "/sign-in"), ("locked", "/locked")):
        answer = browsers[who].get(address)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (307, door)


@pytest.mark.parametrize(("method", "path"), PLAIN)
def test_what_a_plain_route_answers_to_whom(house: House, browsers: dict[str, Browser], method: str, path: str) -> None:
    address = path.replace(":path", "").format(**{**house.known, **GIVEN})
    before = house.everything()

    def ask(who: str) -> int:
        browser = browsers[who]
        # The form's own word, too, is somebody else's here.
        browser.http.cookies.delete("irctl-form") if "irctl-form" in browser.http.cookies else None
        return (browser.get(address) if method == "GET" else browser.post(address, {"csrf": "guessed"})).status_code

    assert tuple(ask(who) for who in ("nobody", "locked", *WHO)) == PLAIN[method, path]
    after = house.everything()
    for table in ("views", "audit"):  # looks at a patient, told as they should be
        before.pop(table), after.pop(table)
    assert after == before
    assert all(browsers[who].visitor in house.doors._inside.values() for who in ("locked", *WHO))


def test_whoever_may_not_see_patients_is_sent_nothing_of_them_on_any_page(
    house: House, browsers: dict[str, Browser]
) -> None:
    looked = len(house.everything()["views"])
    opened = [browsers[who].open(path.format(**house.known)) for who in ("technician", "administrator") for path in PAGES]  # fmt: skip
    house.wait(1.2)

    assert len(house.everything()["views"]) == looked, "nobody was looked at, either"
    for page in opened:
        told = page.answer.text + page.shown()
        assert not [word for word in PRIVATE if word in told], page.answer.url


def test_the_same_pages_do_name_the_patient_to_who_may(house: House, browsers: dict[str, Browser]) -> None:
    """Else the test before would prove nothing."""
    wanted = (
        "/",
        "/patients",
        "/patients/{patient}",
        "/courses/{course}",
        "/courses/{course}/documents",
        "/visits/{visit}",
    )
    opened = [browsers["clinician"].open(path.format(**house.known)) for path in wanted]
    house.wait(1.2)

    assert all(ADA.name in page.shown() for page in opened)


def test_what_does_not_exist_looks_to_them_like_what_they_may_not_see(
    house: House, browsers: dict[str, Browser]
) -> None:
    """So that references cannot be tried out."""
    asked = ("/patients/{patient}", "/patients/{patient}/record", "/courses/{course}", "/courses/{course}/documents", "/treat/{course}", "/visits/{visit}",
             "/records/{controller}/{session}", "/patients/{patient}/card.pdf", "/patients/{patient}/appointments.ics",
             "/records/{controller}/{session}/note.pdf", "/courses/{course}/visits/{visit}/note.pdf", "/messages/new/{patient}")  # fmt: skip
    nowhere = dict.fromkeys(house.known, "X-NOWHERE")

    for who in ("nobody", "locked", "technician", "administrator"):
        for path in asked:
            there, not_there = (browsers[who].get(path.format(**given)) for given in (house.known, nowhere))
            assert there.status_code == not_there.status_code
            if there.headers.get("content-type", "").startswith("application/problem+json"):
                assert there.text == not_there.text
            elif there.status_code == 200:
                texts = [Texts(one.text) for one in (there, not_there)]
                assert texts[0] == texts[1]


class Texts(list[str]):
    """The words of a delivered page, without its numbers."""

    def __init__(self, page: str) -> None:
        super().__init__(re.findall(r'"(?:text|label|aria-label)":"([^"]*)"', page))
        assert self


def test_nicegui_s_own_addresses_hand_out_nothing_of_a_page(house: House) -> None:
    nobody = house.browser()
    for route in core.app.routes:
        path = getattr(route, "path", "")
        if not path.startswith("/_nicegui/"):
            continue
        for tried in ("..%2f..%2f..%2frecords.key", "../../../../etc/passwd", "client", "upload/1"):
            address = path.replace("{key:path}", tried).replace("{path:path}", tried).replace("{name}", tried)
            answer = nobody.get(address.replace("{key}", "x") + ("" if "{" in path else f"/{tried}"))
            assert answer.status_code in (403, 404), answer.url
    assert not [path for method, path in every_route(core.app.routes) if method != "GET" and method != "MOUNT"]
