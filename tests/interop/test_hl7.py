"""HL7 v2.5.1: what irctl sends, judged by somebody else's parser and through somebody else's listener; what it takes, through somebody else's client."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import hl7
import pytest
from hl7.mllp import open_hl7_connection, start_hl7_server
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import given
from hypothesis import strategies as st

from irctl.cli import main
from irctl.documents.claims import check
from irctl.documents.dossier import Dossier
from irctl.domain.problems import Refused
from irctl.examples import examples
from irctl.interop import outcome
from irctl.interop.hl7 import (
    Appointment,
    Event,
    HlError,
    Mllp,
    PatientNews,
    charges,
    load_naming,
    read_message,
    results,
    serve,
)
from irctl.interop.hl7.syntax import escaped, unescaped
from irctl.interop.outcome import Later, Sent
from tests.documents.dossiers import a_dossier, a_visit
from tests.documents.test_claims import rules

pytestmark = pytest.mark.anyio
AT = datetime(2026, 11, 26, 15, 0, tzinfo=ZoneInfo("America/Chicago"))
NAMING = load_naming(examples() / "interop" / "hl7.toml")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def dft(dossier: Dossier, place: int = 0) -> str:
    return charges(dossier, check(dossier, rules())[place], NAMING, AT).text


def oru(dossier: Dossier, place: int = 0) -> str:
    return results(dossier, dossier.visits[place], NAMING, AT).text


def fields(text: str, name: str) -> list[list[str]]:
    return [line.split("|") for line in text.split("\r") if line.startswith(name)]


# --- what is sent ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "structure"), [(dft, "DFT_P03"), (oru, "ORU_R01")])
def test_another_parser_takes_it_for_what_it_is(make: Callable[[Dossier], str], structure: str) -> None:
    text = make(a_dossier(visits=1))
    parsed = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=True)
    assert parsed.name == structure
    assert parsed.validate()
    assert parsed.msh.msh_10.value


def test_charges_are_the_lines_of_the_claim() -> None:
    text = dft(a_dossier(visits=1))
    heat, exercise = fields(text, "FT1")
    assert heat[4] == "20261102"
    assert heat[6] == "CG"
    assert heat[7] == "97026^^C4"
    assert (heat[10], exercise[10]) == ("1", "2")
    assert heat[19] == "M54.50"
    assert heat[20] == "1234567893^Claire Moreau"
    assert (heat[25], heat[26]) == ("97026^^C4", "GP")
    assert exercise[25].startswith("97110")
    [pid] = fields(text, "PID")
    assert pid[3] == "P-104882^^^IRCTL^PI"
    assert pid[5] == "Example^Ada"
    assert pid[7] == "19610504"


def test_only_a_claim_that_is_ready_leaves() -> None:
    with pytest.raises(Refused, match="is not signed"):
        dft(a_dossier(visits=1).model_copy(update={"visits": (a_visit(1, signatures=()),)}))
    with pytest.raises(Refused, match="SIMULATED"):
        dft(a_dossier(visits=1, simulated=True))


def test_results_have_the_dose_with_its_interval_in_ucum() -> None:
    told = {f[3].split("^")[0] + f[3].split("^")[1][-6:]: (f[5], f[6]) for f in fields(oru(a_dossier(visits=1)), "OBX")}
    note = a_visit(1).note
    assert note is not None
    values = [value for value, unit in told.values() if unit == "J/cm2^^UCUM"]
    dose = note.ending.delivered
    assert [float(value) for value in values] == pytest.approx(
        [6.0, dose.best_j_cm2, dose.min_j_cm2, dose.max_j_cm2], rel=1e-5
    )
    assert ("8", "{score}^^UCUM") in told.values()


def test_what_was_simulated_says_so_and_an_unsigned_visit_is_preliminary() -> None:
    text = oru(a_dossier(visits=1, simulated=True))
    assert fields(text, "MSH")[0][10] == "T"
    assert "SIMULATED" in fields(text, "NTE")[0][3]
    unsigned = oru(a_dossier(visits=1).model_copy(update={"visits": (a_visit(1, signatures=()),)}))
    assert {f[11] for f in fields(unsigned, "OBX")} == {"P"}
    assert {f[11] for f in fields(oru(a_dossier(visits=1)), "OBX")} == {"F"}


def test_the_same_version_of_a_visit_is_the_same_message_and_another_is_another() -> None:
    visit = a_visit(1)
    dossier = a_dossier(visits=1)
    later = results(dossier, visit, NAMING, datetime(2027, 1, 1, tzinfo=UTC))
    assert results(dossier, visit, NAMING, AT).id == later.id
    assert results(dossier, visit.model_copy(update={"version": 10}), NAMING, AT).id != later.id


@given(st.text(max_size=60))
def test_no_text_leaves_its_field(words: str) -> None:
    dossier = a_dossier(visits=1)
    odd = dossier.model_copy(update={"patient": dossier.patient.model_copy(update={"name": f"A {words}x"})})
    parsed = hl7.parse(oru(odd).replace("\r\r", "\r"))
    assert len(parsed["PID"]) == 1
    assert "\n" not in oru(odd)
    assert oru(odd).count("\r") == oru(dossier).count("\r")


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=60))
def test_what_is_escaped_is_read_as_it_was(words: str) -> None:
    printable = "".join(sign if sign.isprintable() else " " for sign in words)
    assert unescaped(escaped(words)) == printable


# --- through a wire --------------------------------------------------------------------------------------------------------


@dataclass
class Parcel:
    body: bytes


@asynccontextmanager
async def a_listener(answer: Callable[[Any, Any], Awaitable[None]]) -> AsyncIterator[Mllp]:
    """Of python-hl7."""

    async def connected(reader: Any, writer: Any) -> None:
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                await answer(message, writer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await start_hl7_server(connected, host="127.0.0.1", port=0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield Mllp("127.0.0.1", port, answer_max_s=2.0)


async def sent(answer: Callable[[Any, Any], Awaitable[None]]) -> outcome.Outcome:
    async with a_listener(answer) as there:
        return await there.send(Parcel(oru(a_dossier(visits=1)).encode()))


async def test_an_acknowledged_message_has_arrived() -> None:
    got: list[str] = []

    async def take(message: Any, writer: Any) -> None:
        got.append(str(message))
        writer.writemessage(message.create_ack())
        await writer.drain()

    assert isinstance(await sent(take), Sent)
    assert fields(got[0], "PID")[0][5] == "Example^Ada"


async def test_a_refusal_says_why_and_silence_or_a_lost_line_is_tried_later() -> None:
    async def refuse(message: Any, writer: Any) -> None:
        ack = message.create_ack("AE")
        ack.append(hl7.parse("MSH|^~\\&|\rERR||PID^1^5|101^Required field missing^HL70357|E||||no such patient\r")[1])
        writer.writemessage(ack)

    async def stay_silent(message: Any, writer: Any) -> None:
        await asyncio.sleep(0)

    async def hang_up(message: Any, writer: Any) -> None:
        writer.close()

    refused = await sent(refuse)
    assert isinstance(refused, outcome.Refused)
    assert "AE" in refused.reason
    assert "no such patient" in refused.reason
    assert isinstance(await sent(stay_silent), Later)
    assert isinstance(await sent(hang_up), Later)
    assert isinstance(
        await Mllp("127.0.0.1", 9, answer_max_s=2.0).send(Parcel(oru(a_dossier(visits=1)).encode())), Later
    )


async def test_a_late_acknowledgement_of_another_message_is_not_taken_for_this_one() -> None:
    async def late_then_right(message: Any, writer: Any) -> None:
        other = hl7.parse(str(message).replace(str(message["MSH"][0][10]), "ANOTHER"))
        writer.writemessage(other.create_ack("AE"))
        await asyncio.sleep(0.1)
        writer.writemessage(message.create_ack())

    async def late_only(message: Any, writer: Any) -> None:
        writer.writemessage(hl7.parse(str(message).replace(str(message["MSH"][0][10]), "ANOTHER")).create_ack())

    assert isinstance(await sent(late_then_right), Sent)
    assert isinstance(await sent(late_only), Later)


# --- what is taken ---------------------------------------------------------------------------------------------------------

SIU = (
    "MSH|^~\\&|SCHED|HOSP|IRCTL|CLINIC|20261126||SIU^S12^SIU_S12|M-1|P|2.5.1\r"
    "SCH|A-77|E-77|||||PT^infrared|ROUTINE|30|min|^^30^20261201093000-0600\r"
    "PID|1||MRN 2001^^^HOSP^MR||Sample^Bo||19750201\r"
)
ADT = (
    "MSH|^~\\&|REG|HOSP|IRCTL|CLINIC|20261126||ADT^A08^ADT_A01|M-2|P|2.5.1\rPID|1||MRN 2001||Sam\\T\\ple^Bo||19750201\r"
)


def test_an_appointment_and_a_patient_are_read() -> None:
    booked = read_message(SIU, UTC)
    assert isinstance(booked, Appointment)
    assert (booked.event, booked.id, booked.minutes) == (Event.BOOKED, "E-77", 30.0)
    assert booked.at is not None
    assert booked.at.isoformat() == "2026-12-01T09:30:00-06:00"
    assert booked.patient == PatientNews("MRN 2001", "Bo Sample", date(1975, 2, 1))
    assert read_message(ADT, UTC) == PatientNews("MRN 2001", "Bo Sam&ple", date(1975, 2, 1))
    cancelled = read_message(SIU.replace("S12", "S15"), UTC)
    assert isinstance(cancelled, Appointment)
    assert cancelled.event is Event.CANCELLED


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (SIU.replace("E-77", "").replace("A-77", ""), "SCH-1"),
        (SIU.replace("MRN 2001^^^HOSP^MR", ""), "PID-3"),
        (SIU.replace("20261201093000-0600", "tomorrow"), "SCH-11"),
        (SIU.replace("20261201093000-0600", ""), "SCH-11"),
        (SIU.replace("|30|min", "|soon|min"), "SCH-9"),
        (SIU.replace("19750201", "19759999"), "PID-7"),
        (SIU.replace("S12", "S99"), "MSH-9"),
        (SIU.replace("SIU^S12^SIU_S12", "ORU^R01"), "MSH-9"),
        ("PID|1\r", "MSH-2"),
        ("", "MSH-2"),
    ],
)
def test_what_is_wrong_is_named_by_segment_and_field(text: str, place: str) -> None:
    with pytest.raises(HlError) as error:
        read_message(text, UTC)
    assert error.value.place == place


@given(
    st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda b: b.decode("latin-1"))),
    st.integers(0, len(SIU)),
)
def test_garbage_is_an_error_and_nothing_else(garbage: str, place: int) -> None:
    for text in (garbage, SIU[:place] + garbage + SIU[place:]):
        try:
            read_message(text, UTC)
        except HlError as error:
            assert re.fullmatch(r"[A-Z0-9]{3}-\d+", error.place)  # noqa: PT017


@asynccontextmanager
async def a_clinic(take: Callable[[Any], Awaitable[None]]) -> AsyncIterator[int]:
    server = await serve("127.0.0.1", 0, take, lambda: AT, UTC)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_another_client_is_acknowledged_once_its_message_is_kept() -> None:
    kept: list[Any] = []

    async def take(told: Any) -> None:
        kept.append(told)
        if len(kept) > 1:
            raise OSError("the disk is full")

    async with a_clinic(take) as port:
        reader, writer = await open_hl7_connection("127.0.0.1", port)
        answers = []
        for text in (SIU, ADT, SIU.replace("S12", "S99"), SIU.replace("|30|min", "|soon|min")):
            writer.writemessage(hl7.parse(text))
            await writer.drain()
            answers.append(await asyncio.wait_for(reader.readmessage(), 5))
        writer.close()
    assert [str(answer["MSA"][0][1]) for answer in answers] == ["AA", "AE", "AR", "AE"]
    assert [str(answer["MSA"][0][2]) for answer in answers] == ["M-1", "M-2", "M-1", "M-1"]
    assert str(answers[3]["ERR"][0][2]) == "SCH^^9"
    assert "OSError" in str(answers[1]["ERR"][0][8])


async def test_garbage_and_floods_on_the_line_hurt_nobody_else() -> None:
    kept: list[Any] = []

    async def take(told: Any) -> None:
        kept.append(told)

    async with a_clinic(take) as port:
        _, flood = await asyncio.open_connection("127.0.0.1", port)
        flood.write(b"\x0b" + b"x" * 5_000_000)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n\x0bnonsense\x1c\r\x0b" + SIU.encode() + b"\x1c\r")
        await writer.drain()
        first = await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 5)
        second = await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 5)
        writer.close()
        flood.close()
    assert b"MSA|AE\r" in first
    assert b"MSA|AA|M-1" in second
    assert len(kept) == 1


class TestCommand:
    async def test_a_course_is_shown_and_sent_until_somebody_says_no(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        course = tmp_path / "course.json"
        course.write_text(a_dossier(visits=2).model_dump_json(), "utf-8")
        assert main(["hl7", "show", str(course)]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert shown.count("ORU^R01^ORU_R01") == 2
        assert "no charges of visit 1: is kept back: the rules of Medicare Part B" in shown
        got: list[str] = []

        async def take(message: Any, writer: Any) -> None:
            got.append(str(message))
            writer.writemessage(message.create_ack("AA" if len(got) == 1 else "AE"))

        async with a_listener(take) as there:
            words = ["hl7", "send", str(course), "--to", f"mllp://{there.host}:{there.port}", "--json"]
            assert await asyncio.to_thread(main, words) == 3
        told = json.loads(capsys.readouterr().out)
        assert [one["outcome"] for one in told["messages"]] == ["sent", "refused"]
        assert len(got) == 2

    def test_where_nobody_listens_it_says_so(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        course = tmp_path / "course.json"
        course.write_text(a_dossier(visits=1).model_dump_json(), "utf-8")
        assert main(["hl7", "send", str(course), "--to", "mllp://127.0.0.1:9"]) == 4
        assert main(["hl7", "send", str(course), "--to", "http://127.0.0.1"]) == 3
