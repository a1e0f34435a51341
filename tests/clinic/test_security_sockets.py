"""The socket of an open page: whose browser may attach to it, and what can be pressed on a page that was left open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from nicegui import Client, core
from starlette.types import Message

from irctl.clinic.screens.screen import COOKIE
from irctl.clinic.screens.sockets import PATH
from irctl.clinic.web import SOCKET_MESSAGE_MAX
from irctl.domain.screen_lock import Lock
from tests.clinic.house import ADA, HOST, SOCKET, Browser, House, Page, a_house

REFUSED = '44{"message":"Implicit handshake failed"}'
"""NiceGUI's page loads itself anew on hearing it, and comes to the sign-in."""
PRESSABLE = (
    "/", "/messages", "/patients", "/patients/new", "/patients/{patient}", "/patients/{patient}/course/new", "/patients/{patient}/record",
    "/courses/{course}", "/records", "/records/{controller}/{session}", "/settings/me", "/settings/protocols",
    "/settings/protocols/{name}", "/settings/screening", "/settings/templates", "/treat", "/treat/{course}", "/visits/{visit}", "/calendar",
)  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("house")) as made:
        yield made


def client_of(page: Page) -> Client:
    assert page.client is not None
    return page.client


def a_page(browser: Browser, path: str = "/patients/new") -> Client:
    return client_of(Page(browser, browser.get(path)))


def pressed(browser: Browser, client: Client, event: str = "click") -> None:
    """Everything on the page that hears this event, by the socket that the browser has attached."""
    for element in list(client.elements.values()):
        for listener in list(element._event_listeners.values()):
            if listener.type.partition(".")[0] == event or event == "*":
                message = {"id": element.id, "client_id": client.id, "listener_id": listener.id, "args": ["{}"]}
                assert browser.say("42" + json.dumps(["event", message])) == 200


# --- who may attach -----------------------------------------------------------------------------------------------------------


def test_the_browser_that_a_page_was_made_for_may_attach_to_it(house: House) -> None:
    browser = house.signed_in("clinician")

    assert browser.attach(a_page(browser).id).startswith("40{")


@pytest.mark.parametrize("who", ["nobody", "another person", "the same person at another browser", "a made-up cookie"])
def test_a_page_s_number_alone_opens_nothing(house: House, who: str) -> None:
    victim = house.signed_in("clinician")
    client = a_page(victim)
    thief = {
        "nobody": house.browser(),
        "another person": house.signed_in("technician"),
        "the same person at another browser": house.signed_in("clinician"),
        "a made-up cookie": house.browser(cookie=f"{COOKIE}=guessed"),
    }[who]

    assert thief.attach(client.id) == REFUSED
    assert not client.has_socket_connection
    assert victim.attach(client.id).startswith("40{"), "and whose it is has it still"


def test_nothing_is_pressed_by_the_socket_of_another_page(house: House) -> None:
    victim, thief = house.signed_in("clinician"), house.signed_in("technician")
    client = a_page(victim, "/patients/new")
    victim.attach(client.id)
    thief.attach(a_page(thief, "/settings/me").id)
    before = on_it(client)

    pressed(thief, client, "*")
    house.wait(0.3)

    assert on_it(client) == before
    thief.say("42" + json.dumps(["handshake", {"client_id": client.id, "tab_id": "tab", "document_id": "d"}]))
    assert client.id not in rooms_of(thief.sid)


def on_it(client: Client) -> set[int]:
    return set(client.elements)


def rooms_of(sid: str) -> list[str]:
    return [room for room in core.sio.manager.rooms.get("/", {}) if room and sid in core.sio.manager.rooms["/"][room]]


@pytest.mark.parametrize("state", ["locked", "signed out", "signed in anew"])
def test_nobody_attaches_to_a_page_of_before(house: House, state: str) -> None:
    browser = house.signed_in("assistant")
    client, kept = a_page(browser), browser.cookie
    end(house, browser, state)

    assert browser.attach(client.id) == REFUSED
    browser.http.cookies.set(COOKIE, kept)
    assert house.browser(cookie=f"{COOKIE}={kept}").attach(client.id) == REFUSED


def end(house: House, browser: Browser, how: str) -> None:
    visitor = browser.visitor
    assert visitor is not None
    match how:
        case "locked":
            house.doors.lock(visitor)
        case "signed out":
            assert browser.post("/sign-out", {"csrf": visitor.csrf}).status_code == 303
        case _:
            assert browser.sign_in("assistant").status_code == 303


# --- a page that was left open --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["locked", "signed out"])
def test_on_a_page_that_was_left_open_every_button_is_dead(house: House, how: str) -> None:
    """Whatever its handler does: what comes in by the socket of a closed screen is not heard."""
    paths = ("/", "/patients/new", "/patients/{patient}", "/visits/{visit}", "/settings/me")
    opened: list[tuple[Browser, Client]] = []
    for path in paths:
        browser = house.signed_in("clinician")
        opened.append((browser, client_of(browser.open(path.format(**house.known)))))
    house.wait(0.7)
    house.settle()
    for browser, _ in opened:
        end(house, browser, how)
    before, shown = house.everything(), [on_it(client) for _, client in opened]

    for browser, client in opened:
        pressed(browser, client, "*")
    house.wait(0.2)

    assert house.everything() == before
    assert all(on_it(client) <= was for (_, client), was in zip(opened, shown, strict=True)), "nothing new is shown"


@pytest.mark.parametrize("how", ["locked", "signed out"])
@pytest.mark.parametrize("path", PRESSABLE)
def test_the_handlers_themselves_do_nothing_for_a_closed_screen(house: House, path: str, how: str) -> None:
    """Without the socket's own guard, each button on each page: its service is asked in the name of whoever is there now."""
    browser = house.signed_in("clinician")
    page = browser.open(path.format(**house.known))
    house.wait(0.15)
    house.settle()
    client = client_of(page)
    end(house, browser, how)
    before = house.everything()

    house.run(press_all(client))
    house.wait(0.1)

    after = house.everything()
    assert after == before


async def press_all(client: Client) -> None:
    for element in list(client.elements.values()):
        for listener in list(element._event_listeners.values()):
            client.handle_event({"id": element.id, "client_id": client.id, "listener_id": listener.id, "args": ["{}"]})
    await asyncio.sleep(0.05)


def test_the_same_buttons_do_something_on_an_open_screen(house: House) -> None:
    """Else the tests before would prove nothing."""
    browser = house.signed_in("clinician")
    client = client_of(browser.open("/patients/new"))
    shown = on_it(client)

    pressed(browser, client, "click")
    house.wait(0.3)

    assert len(on_it(client)) > len(shown), "what is missing is said in a dialog"


def test_a_page_that_was_left_open_shows_no_more_of_a_patient_once_the_screen_is_locked(house: House) -> None:
    browser = house.signed_in("clinician")
    page = browser.open("/patients/{patient}".format(**house.known))
    house.wait(0.7)
    end(house, browser, "locked")
    looked = len(house.everything()["views"])
    browser.hear()
    house.desk.changed()
    house.wait(0.7)

    assert len(house.everything()["views"]) == looked
    heard = browser.hear()
    assert ADA.name not in heard
    assert '"open"' in heard, "it is sent away, and the door is what it comes to"
    assert page.answer.status_code == 200


# --- other sites, and long messages ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_another_site_s_page_does_not_reach_the_socket_by_polling(
    house: House, headers: dict[str, str], method: str
) -> None:
    browser = house.signed_in("clinician")
    asked = browser.http.request(method, SOCKET, params={"EIO": "4", "transport": "polling"}, headers=headers)

    answer = house.run(asked)

    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("origin", "opens"), [("https://evil.example", False), ("null", False), (f"http://{HOST}", True)]
)
def test_another_site_s_page_does_not_reach_it_by_a_websocket(house: House, origin: str, opens: bool) -> None:
    browser = house.signed_in("clinician")
    client = a_page(browser)
    query = f"EIO=4&transport=websocket&client_id={client.id}&tab_id=t&document_id=d&implicit_handshake=true&next_message_id=0"
    headers = [
        (b"upgrade", b"websocket"),
        (b"connection", b"upgrade"),
        (b"host", HOST.encode()),
        (b"origin", origin.encode()),
        (b"cookie", f"{COOKIE}={browser.cookie}".encode()),
    ]
    scope: dict[str, Any] = {
        "type": "websocket", "path": SOCKET, "raw_path": SOCKET.encode(), "query_string": query.encode(), "headers": headers,
        "scheme": "ws", "subprotocols": [], "client": ("10.0.0.1", 1), "server": (HOST, 80), "root_path": "", "asgi": {"version": "3.0"},
    }  # fmt: skip

    assert house.run(handshake(house, scope)) == ("websocket.accept" if opens else "websocket.close")


async def handshake(house: House, scope: dict[str, Any]) -> str:
    """The first word of the answer; then the browser is gone."""
    told: asyncio.Queue[Message] = asyncio.Queue()
    heard: asyncio.Queue[Message] = asyncio.Queue()
    heard.put_nowait({"type": "websocket.connect"})
    serving = asyncio.create_task(house.app(scope, heard.get, told.put))
    first = await asyncio.wait_for(told.get(), 5.0)
    heard.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await asyncio.wait_for(serving, 5.0)
    return str(first["type"])


def test_the_socket_is_where_these_tests_look_for_it() -> None:
    assert SOCKET.startswith(PATH)


def test_a_message_that_is_too_long_is_not_read(house: House) -> None:
    browser = house.signed_in("clinician")
    browser.attach(a_page(browser).id)

    assert browser.say("4" * (SOCKET_MESSAGE_MAX + 1)) == 413
    assert browser.visitor is not None
    assert browser.visitor.lock is Lock.OPEN
