"""What counts as the answer to a line of text, whatever pieces it comes in, and what never does."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.bus.errors import ExceptionReply, WrongReply
from irctl.bus.text import NUMBER, AnyText, Dialect, Ended, TextDecoder, Unended, number

SCPI = Dialect(end=b"\n")
SLC = Dialect(end=b"\n\r", acknowledged="## ?", refused=r"#[!?].*", may_echo=True)
KORAD = Dialect(end=b"", gap_s=0.08)

POWER = SCPI.ask("MEAS:POW?", NUMBER, number)
STATUS = KORAD.ask("STATUS?", "(.)", lambda match: ord(match[1]), Unended(1, 1))
VSET = KORAD.ask("VSET1?", r"([0-9]{2}\.[0-9]{2})", number, Unended(5, 5))


def fed(request: AnyText, *chunks: bytes, own_echo: bool = False) -> tuple[TextDecoder, bytes | None]:
    decoder = TextDecoder(request, "wire", own_echo)
    answer = None
    for chunk in chunks:
        answer = decoder.feed(chunk)
        if answer is not None:
            break
    return decoder, answer


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(places)]


CUTS = st.lists(st.integers(0, 20))


@given(cuts=CUTS, value=st.floats(0, 1e3), end=st.sampled_from([b"\n", b"\r\n"]), noise=st.binary(max_size=2))
def test_an_answer_in_any_pieces_is_one_answer(cuts: list[int], value: float, end: bytes, noise: bytes) -> None:
    noise = bytes(byte for byte in noise if not 32 <= byte < 127 and byte != 0x0A)
    decoder, answer = fed(POWER, *pieces(noise + f"{value:.6E}".encode() + end, cuts))
    assert answer is not None
    assert POWER.parse(answer) == pytest.approx(value, rel=1e-6)
    assert not decoder.echoed


@given(garbage=st.binary(min_size=1, max_size=120), cuts=CUTS)
def test_whatever_bytes_come_either_the_whole_of_them_fits_or_nothing_is_taken(garbage: bytes, cuts: list[int]) -> None:
    for request in (POWER, STATUS, VSET, SLC.tell("MODE 1 0")):
        decoder = TextDecoder(request, "wire")
        try:
            answer = None
            for piece in pieces(garbage, cuts):
                answer = decoder.feed(piece)
                if answer is not None or decoder.echoed:
                    break
            value = request.parse(decoder.at_quiet() if answer is None else answer)
        except (WrongReply, ExceptionReply):
            continue
        inner = garbage[:].strip(b"".join(bytes([b]) for b in range(256) if not 32 <= b < 127))
        if request is POWER:
            assert float(inner.split(b"\n")[0]) == value
        elif request is VSET:
            assert f"{value:05.2f}".encode() == garbage
        elif request is STATUS:
            assert garbage == bytes([value])
        else:
            assert b"##" in garbage


@given(cuts=CUTS)
def test_our_own_command_is_never_an_answer(cuts: list[int]) -> None:
    for request in (POWER, STATUS, VSET):
        decoder = TextDecoder(request, "wire")
        for piece in pieces(request.pdu(), cuts):
            assert decoder.feed(piece) is None
        if not decoder.echoed:
            with pytest.raises(WrongReply):
                request.parse(decoder.at_quiet())


def test_an_answer_that_might_be_the_beginning_of_an_echo_is_taken_once_it_is_not() -> None:
    decoder, answer = fed(STATUS, b"S")
    assert answer is None
    assert decoder.held
    assert STATUS.parse(decoder.at_quiet()) == 0x53


def test_an_adapters_own_echo_is_taken_off_and_must_be_there() -> None:
    assert fed(POWER, b"MEAS:POW?\n", b"1.5\n", own_echo=True)[1] == b"1.5"
    with pytest.raises(WrongReply, match="local_echo"):
        fed(POWER, b"1.5\n", own_echo=True)


def test_a_device_that_may_echo_must_still_answer() -> None:
    off = SLC.tell("MODE 1 0")
    assert fed(off, b"MODE 1 0\n\r## \r\n")[1] == b"## "
    decoder, answer = fed(off, b"MODE 1 0\n\r")
    assert answer is None
    with pytest.raises(WrongReply):
        decoder.at_quiet()


@pytest.mark.parametrize("twice", [b"1.5\n2.5\n", b"1.5\r\n1.5\r\n", b"1.5\n2"])
def test_two_answers_at_once_are_none(twice: bytes) -> None:
    with pytest.raises(WrongReply, match="more than one"):
        fed(POWER, twice)


def test_line_ends_after_an_answer_are_no_second_one() -> None:
    assert fed(POWER, b"1.5\r\n\r\n")[1] == b"1.5"


def test_an_answer_without_end_is_given_up_at_its_longest() -> None:
    with pytest.raises(WrongReply, match="does not end within 80"):
        fed(POWER, b"1" * 81)


def test_an_answer_of_fixed_length_with_one_byte_more_is_refused() -> None:
    with pytest.raises(WrongReply, match="instead of 5"):
        fed(VSET, b"12.00", b"1")


@pytest.mark.parametrize("cut", [b"1", b"12.0", b""])
def test_an_answer_cut_off_is_refused(cut: bytes) -> None:
    with pytest.raises(WrongReply, match="cut off"):
        fed(VSET, cut)[0].at_quiet()


def test_a_refusal_is_told_from_an_answer() -> None:
    with pytest.raises(ExceptionReply, match=r"refused 'MODE 1 9' with '#\?"):
        SLC.tell("MODE 1 9").parse(b"#? ", "wire")


@pytest.mark.parametrize("text", ["1.5x", "x1.5", "1.5 ", "", "1,5", "nan", "inf", "1e999", "٣"])
def test_only_a_whole_number_is_a_number(text: str) -> None:
    with pytest.raises(WrongReply):
        POWER.parse(text.encode("utf-8"), "wire")


@pytest.mark.parametrize("text", ["*RCL 1", "RCL1", "*sav 0", "SAV5", "STORE", "OUTP:TOGG", ""])
def test_what_recalls_stores_or_toggles_cannot_even_be_written(text: str) -> None:
    with pytest.raises(ValueError, match="command"):
        SCPI.tell(text)


@pytest.mark.parametrize("text", ["VOLT 1\nOUTP ON", "VOLT\t1", "µ", "V" * 64])
def test_a_command_is_one_short_printable_line(text: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        SCPI.tell(text)


def test_how_an_answer_ends_belongs_to_the_device() -> None:
    by_both = Dialect(end=b"\r", answer=Ended(b"\n\r")).ask("?X", NUMBER, number)
    assert fed(by_both, b"2.5\n")[1] is None
    assert fed(by_both, b"2.5\n", b"\r")[1] == b"2.5"
