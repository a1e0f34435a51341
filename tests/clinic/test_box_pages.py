"""What waits to be sent and what came in, as the pages show it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from irctl.clinic.exchange import incoming
from irctl.clinic.exchange.incoming import Event, News
from irctl.interop import outcome
from irctl.interop.outcome import Later, Outcome
from tests.clinic.house import NOW, Browser, House, a_house


class Receiver:
    def __init__(self, says: Outcome) -> None:
        self._says = says

    async def send(self, parcel: outcome.Parcel) -> Outcome:
        return self._says


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="module")
def clinician(house: House) -> Browser:
    return house.signed_in("clinician")


def drawn(house: House, browser: Browser, path: str) -> str:
    page = browser.open(path)
    house.wait(1.0)
    return page.shown()


def test_the_outbox_tells_what_waits_and_what_was_refused_and_why(house: House, clinician: Browser) -> None:
    outbox = house.desk.outbox
    for target in ("lab", "ehr"):
        outbox.put(target, "V-1 version 3", "V-1", "P-1", f"results for {target}", b"{}", NOW)
    told = {"lab": Receiver(Later("no route to it")), "ehr": Receiver(outcome.Refused("it knows no such code"))}
    house.run(outbox.step(told, NOW))
    shown = drawn(house, clinician, "/outbox")
    for words in ("results for lab", "no route to it", "results for ehr", "it knows no such code", "Send again"):
        assert words in shown


def test_the_inbox_tells_who_is_told_of_and_whoever_opens_it_is_in_the_audit(house: House, clinician: Browser) -> None:
    news = News(
        system="hospital", event=Event.MOVED, theirs="7", number="MRN 7", name="Bo Example", born=date(1970, 1, 2),
        at=NOW + timedelta(days=1), about="by telephone",
    )  # fmt: skip
    incoming.keep(house.desk, news, NOW)
    shown = drawn(house, clinician, "/inbox")
    for words in (
        "An appointment was moved",
        "Bo Example",
        "1970-01-02",
        "MRN 7",
        "by telephone",
        "hospital",
        "Take over",
    ):
        assert words in shown
    (entry,) = house.desk.accounts.audit.listed(what="look")
    assert (entry.by, entry.about, entry.told["rows"]) == ("clinician", "incoming", 1)
