"""At the door of the clinic: forms of other sites, cookies that were put there beforehand, guessing, and who learns what from being refused."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from irctl.clinic.doors.knocking import TRIES_MAX, WITHIN_S, Knocks
from irctl.clinic.doors.visitor import Visitor
from irctl.clinic.screens.screen import COOKIE
from irctl.clinic.web import BODY_MAX
from irctl.domain.screen_lock import Lock
from irctl.records.audit import Audit
from tests.clinic.house import HOST, NOW, Browser, House, a_house
from tests.records.people import BETTER, GOOD, PIN, who

FORMS = (
    "/sign-in",
    "/locked",
    "/lock",
    "/sign-out",
    "/records/export",
    "/settings/language",
    "/settings/station",
    "/billing/rvu/files",
)
ELSEWHERE = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": f"http://{HOST}:81"},
    {"origin": f"http://{HOST}.evil.example"},
    {"origin": "http://[evil"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture(autouse=True)
def a_minute_later(house: House) -> None:
    house.clock_s += 61.0


def visitor_of(browser: Browser) -> Visitor:
    assert browser.visitor is not None
    return browser.visitor


def right_form(browser: Browser) -> dict[str, str]:
    """Everything that any of the forms wants, and it is theirs."""
    browser.get("/sign-in")
    return {
        "form": browser.http.cookies["irctl-form"], "csrf": visitor_of(browser).csrf, "login": "assistant", "password": GOOD,
        "pin": PIN, "reason": "for the insurer", "language": "de", "station": "here",
    }  # fmt: skip


# --- forms of other sites ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*FORMS, "/api/sign-in"])
def test_nothing_is_done_for_a_page_of_another_site(house: House, path: str) -> None:
    browser = house.signed_in("clinician")
    form, before = right_form(browser), house.everything()

    for headers in ELSEWHERE:
        assert browser.post(path, form, headers=headers).status_code == 403, headers
    assert house.everything() == before
    assert visitor_of(browser).lock is Lock.OPEN


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("word", [None, "", "of somebody else", "ä😀"])
def test_a_form_without_its_own_secret_changes_nothing(house: House, path: str, word: str | None) -> None:
    browser, other = house.signed_in("clinician"), house.signed_in("assistant")
    form, before = right_form(browser), house.everything()
    for field in ("form", "csrf"):
        form.pop(field)
        if word is not None:
            form[field] = visitor_of(other).csrf if word == "of somebody else" else word

    answer = browser.post(path, form)

    assert answer.status_code in (303, 403, 422)
    assert f"{COOKIE}=" not in answer.headers.get("set-cookie", "")
    assert house.everything() == before
    assert (visitor_of(browser).lock, browser.get("/settings/me").status_code) == (Lock.OPEN, 200)
    assert "irctl-language" not in browser.http.cookies


def test_a_body_longer_than_any_form_is_not_read(house: House) -> None:
    browser = house.browser()

    for path in (*FORMS, "/api/sign-in", "/nowhere"):
        assert browser.post(path, {"login": "x" * BODY_MAX}).status_code == 413
        assert browser.post(path, content=pieces()).status_code == 413, "nor where nobody says how long it will be"


async def pieces():  # type: ignore[no-untyped-def]
    for _ in range(100):
        yield b"x" * 1000


# --- cookies ------------------------------------------------------------------------------------------------------------------


def test_a_cookie_that_was_there_before_the_sign_in_is_worth_nothing_after_it(house: House) -> None:
    """Somebody else's, put into this browser so that they see what its next user does."""
    bait = house.signed_in("auditor")
    victim = house.browser()
    victim.http.cookies.set(COOKIE, bait.cookie)

    assert victim.sign_in("clinician").status_code == 303
    cookies = [cookie.value for cookie in victim.http.cookies.jar if cookie.name == COOKIE]
    assert bait.cookie not in cookies[-1:]
    assert bait.get("/settings/me").status_code == 307
    made_up = house.browser()
    made_up.http.cookies.set(COOKIE, "A" * 43)
    assert made_up.get("/settings/me").status_code == 307


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(house: House) -> None:
    plain, tls = house.browser(), house.browser(scheme="https", origin=f"https://{HOST}")

    for browser, secure in ((plain, False), (tls, True)):
        browser.get("/sign-in")
        answer = browser.sign_in("clinician")
        said = next(value for value in answer.headers.get_list("set-cookie") if value.startswith(f"{COOKIE}=") and "Max-Age=0" not in value)  # fmt: skip
        flags = {part.strip().lower() for part in said.split(";")[1:]}
        assert flags == {"httponly", "samesite=strict", "path=/"} | ({"secure"} if secure else set())
        assert not any(flag.startswith("domain") for flag in flags)


def test_signing_out_ends_it_here_not_only_in_the_browser(house: House) -> None:
    browser = house.signed_in("clinician")
    kept = browser.cookie

    assert browser.post("/sign-out", {"csrf": visitor_of(browser).csrf}).status_code == 303
    browser.http.cookies.set(COOKIE, kept)
    assert browser.get("/settings/me").status_code == 307


def test_the_pin_opens_the_same_screen_and_makes_no_new_cookie(house: House) -> None:
    browser = house.signed_in("assistant")
    browser.post("/lock", {"csrf": visitor_of(browser).csrf})
    assert browser.get("/settings/me").headers["location"].startswith("/locked")
    browser.get("/locked")

    opened = browser.post("/locked", {"pin": PIN, "form": browser.http.cookies["irctl-form"], "back": "/settings/me"})

    assert (opened.status_code, opened.headers["location"]) == (303, "/settings/me")
    assert f"{COOKIE}=" not in opened.headers.get("set-cookie", "")
    assert browser.get("/settings/me").status_code == 200


def test_a_new_password_signs_out_every_browser_of_before(house: House) -> None:
    browser = house.signed_in("second")
    person = who(house.desk.accounts, "second")
    house.desk.accounts.new_password("second", BETTER, person, NOW, house.clock_s, GOOD)
    visitor_of(browser).looked_up_s -= 10.0

    assert browser.get("/settings/me").headers["location"].startswith("/sign-in")


# --- guessing -----------------------------------------------------------------------------------------------------------------


def test_nobody_learns_from_a_refusal_who_has_an_account(house: House) -> None:
    administrator = who(house.desk.accounts, "administrator")
    version = next(one.version for one in house.desk.accounts.listed() if one.person.login == "other")
    house.desk.accounts.change("other", version, by=administrator, at=NOW, active=False)
    told: list[tuple[int, str, str, int]] = []

    for login, password in (("nobody.here", GOOD), ("auditor", "not the password"), ("other", GOOD), ("Ω?' --", GOOD)):
        browser, before = house.browser(), house.hasher.worked
        page = browser.sign_in(login, password)
        terminal = browser.post("/api/sign-in", json={"login": login, "password": password})
        said = page.text.replace(browser.http.cookies["irctl-form"], "")
        told.append((page.status_code, said, f"{terminal.status_code} {terminal.text}", house.hasher.worked - before))

    assert len(set(told)) == 1, "the same answers, after the same work"
    assert told[0][3] == 2
    # What is typed as a login is often a password: it is not in the audit.
    assert "nobody.here" not in f"{Audit(house.desk.database).listed()}"


def test_one_computer_may_try_so_often_in_a_minute_and_no_password_is_compared_after_that(house: House) -> None:
    guesser, colleague = house.browser("10.9.9.9"), house.browser("10.9.9.8")
    for number in range(TRIES_MAX):
        assert guesser.sign_in(f"guess-{number}", "not the password").status_code == 403
    before = house.hasher.worked

    for answer in (guesser.sign_in("assistant"), guesser.post("/api/sign-in", json={"login": "a", "password": "b"})):
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= WITHIN_S
    assert house.hasher.worked == before
    assert "Too many tries" in guesser.sign_in("assistant").text
    assert colleague.sign_in("assistant").status_code == 303
    house.clock_s += WITHIN_S
    assert guesser.sign_in("assistant").status_code == 303


def test_who_signs_in_rightly_is_not_counted(house: House) -> None:
    for _ in range(TRIES_MAX + 5):
        assert house.browser("127.0.0.1").sign_in("assistant").status_code == 303


def test_tries_are_counted_by_computer_in_bounded_memory() -> None:
    knocks = Knocks(tries_max=1, within_s=60.0, remembered_max=2)

    assert [knocks.wait_s("2001:db8::1", 0.0), knocks.wait_s("2001:db8::2", 0.5)] == [0, 60], "a network of IPv6 is one"
    assert [knocks.wait_s("::ffff:10.0.0.1", 0.0), knocks.wait_s("10.0.0.1", 59.5)] == [0, 1]
    assert knocks.wait_s("10.0.0.2", 59.5) == 0
    assert len(knocks._seen) == 2
    assert knocks.wait_s("10.0.0.1", 60.0) == 0


# --- where one is sent, and what every answer says ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "back",
    ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example", "/%2f%2fevil.example", "/\n/evil.example",
     "/\t/evil.example", "javascript:alert(1)", "\\\\evil.example", "///evil.example", "/x\r\nset-cookie: irctl=1", "", "@evil.example",
     "/patients?x=<script>", "/\u202egro.live//"],
)  # fmt: skip
def test_nobody_is_sent_to_another_site_after_signing_in(house: House, back: str) -> None:
    for sent in (back, unquote(back)):
        browser = house.browser()
        location = browser.sign_in("assistant", back=sent).headers["location"]
        assert location.startswith("/")
        assert not location.startswith(("//", "/\\"))
        assert "\n" not in location
        page = browser.get("/sign-in", params={"back": sent})
        assert "<script>" not in page.text
        assert not page.headers.get_list("set-cookie", split_commas=False)[0].startswith("irctl=1")
        redirected = browser.get("/locked", params={"back": sent}).headers["location"]
        assert redirected.startswith("/")
        assert not redirected.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    "referer", ["https://evil.example//evil.example", "http://[evil", "//evil.example/\\x", "javascript:x"]
)
def test_a_strange_referer_leads_nowhere_else(house: House, referer: str) -> None:
    browser = house.signed_in("clinician")
    answer = browser.post("/lock", {"csrf": visitor_of(browser).csrf}, headers={"referer": referer})

    assert answer.headers["location"] == "/locked?back=/" or "evil" not in answer.headers["location"]
    assert visitor_of(browser).lock is Lock.LOCKED


def test_every_answer_has_its_security_headers(house: House) -> None:
    browser, nobody = house.signed_in("clinician"), house.browser()
    patient = house.known["patient"]
    answers = [
        browser.get("/"), browser.get(f"/patients/{patient}"), browser.get(f"/patients/{patient}/card.pdf"), nobody.get("/sign-in"),
        nobody.get("/patients"), nobody.get("/nowhere"), nobody.get("/look/irctl.css"), nobody.post("/sign-in", {}),
        nobody.post("/sign-in", {}, headers={"origin": "https://evil.example"}), nobody.post("/lock", {"x": "x" * BODY_MAX}),
        nobody.get("/_nicegui_ws/socket.io/", params={"EIO": "4", "transport": "polling"}),
    ]  # fmt: skip

    for answer in answers:
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'self'"
        assert (policy["frame-ancestors"], policy["object-src"], policy["base-uri"]) == ("'none'",) * 3
        assert "*" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        drawing = answer.request.url.path.startswith("/look/")
        assert answer.headers.get("cache-control") == (None if drawing else "no-store")
        assert "server" not in answer.headers
