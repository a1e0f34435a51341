"""What must not be found where it does not belong: secrets in logs, in the text of objects, in errors; patients in any file but under the key."""

from __future__ import annotations

import gc
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
import structlog

from irctl.clinic.quiet_log import Quiet
from irctl.clinic.screens.screen import Here
from irctl.clinic.settings import ClinicFile, MailSection, RecordsSection
from tests.clinic.house import ADA, Browser, House, a_house
from tests.records.people import GOOD, PIN

WRONG = "a wrong password of somebody"
NAME = "Zubeneschamali Quux"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("house")) as made:
        yield made


# --- logs -----------------------------------------------------------------------------------------------------------------------


class Heard(logging.Handler):
    """Every line of every logger, as the clinic's process would write it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(Quiet())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "httpx":  # the browsers of these tests, who say where they go
            self.lines.append(self.format(record))


@pytest.fixture
def heard() -> Iterator[Heard]:
    handler, root = Heard(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    with structlog.testing.capture_logs() as told:
        yield handler
        handler.lines += [f"{one}" for one in told]
    root.removeHandler(handler)
    root.setLevel(before)


def test_a_sign_in_right_and_wrong_leaves_no_secret_in_any_log(
    house: House, heard: Heard, capfd: pytest.CaptureFixture[str]
) -> None:
    browser = house.browser()
    browser.sign_in("assistant", WRONG)
    browser.sign_in(NAME, WRONG)
    browser.sign_in("assistant")
    token = browser.post("/api/sign-in", json={"login": "assistant", "password": GOOD}).json()["token"]
    browser.post("/api/sign-in", json={"login": "assistant", "password": 7, "PASSWORD": GOOD})
    visitor = house.doors.find(browser.cookie)
    assert visitor is not None
    browser.post("/lock", {"csrf": visitor.csrf})
    browser.get("/locked")
    word = browser.http.cookies["irctl-form"]
    browser.post("/locked", {"pin": "802417", "form": word})
    browser.post("/locked", {"pin": PIN, "form": word})
    browser.open("/settings/me")
    browser.get(f"/patients/{NAME}")
    browser.get("/records", params={"patient": NAME})

    told = "\n".join(heard.lines) + "".join(capfd.readouterr())
    for secret in (GOOD, WRONG, PIN, "802417", token, browser.cookie, word, visitor.csrf, NAME, "Zubeneschamali"):
        assert secret not in told
    kept = json.dumps(house.everything()["audit"], default=str)
    for secret in (GOOD, WRONG, PIN, "802417", token, browser.cookie, NAME):
        assert secret not in kept


def test_an_error_that_quotes_a_patient_is_told_to_nobody(
    house: House, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a page while it is made, in a plain route, at a button, in a task that nobody waits for."""
    browser = house.signed_in("clinician")

    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError(f"cannot be: {NAME}")

    pages: list[str] = []
    monkeypatch.setattr("irctl.clinic.care.patients.open_patient", broken)
    monkeypatch.setattr("irctl.clinic.handover.patient_card.card_pdf", broken)
    monkeypatch.setattr("irctl.clinic.care.patients.search", broken)
    for path in ("/patients/{patient}", "/patients/{patient}/card.pdf", "/patients"):
        pages.append(browser.get(path.format(**house.known)).text)
    opened = browser.open("/patients/{patient}/course/new".format(**house.known))
    house.wait(0.3)
    house.run(unheard())
    gc.collect()
    house.wait(0.1)
    pages.append(opened.answer.text + browser.hear())

    assert NAME not in "\n".join(heard.lines)
    assert NAME not in "\n".join(pages)
    assert any("ValueError" in line and "test_security_secrets.py" in line for line in heard.lines), (
        "but where it was is told"
    )


async def unheard() -> None:
    import asyncio

    async def fails() -> None:
        raise ValueError(f"nobody waits for {NAME}")

    task = asyncio.ensure_future(fails())
    await asyncio.sleep(0.01)
    del task


def test_the_log_quotes_no_exception_and_keeps_to_its_line() -> None:
    def line(message: object, *args: object, exception: BaseException | None = None) -> str:
        info = None if exception is None else (type(exception), exception, exception.__traceback__)
        return Quiet().format(logging.LogRecord("nicegui", logging.ERROR, "f.py", 1, message, args, info))

    try:
        raise KeyError(NAME)
    except KeyError as error:
        caught = error
    for said in (line(caught, exception=caught), line("Task\nfuture: %r", caught, exception=caught),
                 line(f"first\nfuture: <Task exception={caught!r}>", exception=caught)):  # fmt: skip
        assert NAME not in said
        assert "[builtins.KeyError]" in said
        assert "test_security_secrets.py:" in said
    assert line("one\ntwo\r\nthree") == "nicegui: one two  three"


def test_the_process_of_the_clinic_logs_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from irctl.clinic import __main__ as process

    made: list[logging.Handler] = []
    monkeypatch.setattr(logging, "basicConfig", lambda **told: made.extend(told["handlers"]))
    monkeypatch.setattr(structlog, "configure", lambda **_: None)
    process._log()

    assert [type(handler.formatter) for handler in made] == [Quiet]
    assert made[0].stream is sys.stderr  # type: ignore[attr-defined]


# --- the text of objects ----------------------------------------------------------------------------------------------------------


def test_no_object_tells_its_secrets_when_it_is_printed(house: House) -> None:
    browser: Browser = house.signed_in("clinician")
    visitor, desk = browser.visitor, house.desk
    assert visitor is not None
    secret_file = ClinicFile(
        records=RecordsSection(database="postgresql://irctl:hunter2-of-the-database@db/irctl"),
        mail=MailSection(
            host="mail.example.org", sender="clinic@example.org", user="clinic", password_file="mail.password"
        ),
    )
    desk = replace(desk, file=secret_file)
    key = desk.ring.current
    request = cast("Any", None)
    here = Here(desk, house.doors, visitor, desk.stations["here"], request)
    station = desk.stations["here"]
    token = station.token(desk.acting(visitor.person))
    assert token is not None
    standing = desk.accounts.standing("clinician")

    told = f"{desk} {desk.ring} {key} {visitor} {house.doors} {here} {station} {standing} {desk.accounts} {desk.patients} {desk.papers}"
    for secret in (
        "hunter2",
        browser.cookie,
        visitor.csrf,
        token,
        key.secret.hex(),
        f"{key.secret}",
        "argon2",
        ADA.name,
    ):
        assert secret not in told
