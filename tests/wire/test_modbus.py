"""Requests and answers as bytes, against frames printed in manuals."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.bus.errors import ExceptionReply, WrongReply
from irctl.bus.modbus import (
    AnyRequest,
    ReadCoils,
    ReadDiscreteInputs,
    ReadHolding,
    ReadInput,
    RtuDecoder,
    TcpDecoder,
    TcpReply,
    WriteCoil,
    WriteCoilValue,
    WriteRegister,
    WriteRegisters,
    crc_ok,
    rtu_frame,
    tcp_frame,
)
from tests.wire.wires import with_crc

GOLDEN: list[tuple[AnyRequest, str]] = [
    (WriteCoilValue(1, 0x0200, 7), "01 05 02 00 00 07 8D B0"),  # Waveshare: channel 1 on for 0.7 s
    (WriteCoilValue(1, 0x0200, 20), "01 05 02 00 00 14 CC 7D"),
    (WriteCoil(0, 0x00FF, False), "00 05 00 FF 00 00 FC 2B"),  # every Waveshare relay on the line off
    (WriteRegister(1, 0, 1000), "01 06 00 00 03 E8 89 74"),
    (ReadHolding(1, 0, 2), "01 03 00 00 00 02 C4 0B"),
    (ReadHolding(1, 0, 1), "01 03 00 00 00 01 84 0A"),
    (ReadHolding(0x40, 0x1000, 4), "40 03 10 00 00 04 4F D8"),
    (WriteRegisters(1, 0x1A, (0x3F80, 0)), "01 10 00 1A 00 02 04 3F 80 00 00 7F 20"),
    (WriteRegisters(0xFE, 3, (4, 10)), "FE 10 00 03 00 02 04 00 04 00 0A 41 6B"),  # JY-DAM: on for 1.0 s
    (WriteRegister(1, 8, 5), "01 06 00 08 00 05 C8 0B"),
    (WriteRegister(1, 0x288, 1), "01 06 02 88 00 01 C9 98"),
    (WriteRegister(1, 0, 0x28), "01 06 00 00 00 28 89 D4"),
    (WriteRegister(1, 0x12, 0), "01 06 00 12 00 00 29 CF"),
    (WriteRegister(1, 0x1E8, 20), "01 06 01 E8 00 14 08 0D"),
    (WriteCoil(1, 0x104, True), "01 05 01 04 FF 00 CC 07"),
    (ReadHolding(0xFF, 0xFE, 1), "FF 03 00 FE 00 01 F0 24"),
]


@pytest.mark.parametrize(("request_", "frame"), GOLDEN, ids=[frame for _, frame in GOLDEN])
def test_requests_are_the_bytes_in_the_manuals(request_: AnyRequest, frame: str) -> None:
    assert rtu_frame(request_.unit, request_.pdu()) == bytes.fromhex(frame)


def answered(request: AnyRequest, frame: bytes) -> object:
    pdu = RtuDecoder(request).feed(frame)
    assert pdu is not None
    return request.parse(pdu)


def test_answers_mean_what_the_manuals_say() -> None:
    sr05 = answered(ReadHolding(0x40, 0x1000, 4), bytes.fromhex("40 03 08 00 40 00 05 00 01 7C 4F 79 DA"))
    assert sr05 == (0x40, 5, 1, 0x7C4F)
    assert (1 << 16 | 0x7C4F) / 100 == 973.59  # W/m², as printed
    assert answered(ReadHolding(1, 0, 1), bytes.fromhex("01 03 02 00 DB F8 1F")) == (219,)
    assert answered(ReadHolding(1, 0, 1), bytes.fromhex("01 03 02 FF 90 F9 D8")) == (0xFF90,)
    # Modbus Application Protocol V1.1b3, 6.1 and 6.2
    coils = answered(ReadCoils(1, 0x13, 19), with_crc("01 01 03 CD 6B 05"))
    assert coils == tuple(bit == "1" for bit in "1011001111010110101")
    assert answered(ReadDiscreteInputs(1, 0, 3), with_crc("01 02 01 05")) == (True, False, True)
    assert answered(ReadInput(1, 8, 1), with_crc("01 04 02 00 0A")) == (10,)
    assert answered(WriteCoil(1, 4, True), with_crc("01 05 00 04 FF 00")) is None
    assert answered(WriteRegisters(1, 0x1A, (1, 2)), with_crc("01 10 00 1A 00 02")) is None


@pytest.mark.parametrize(
    ("request_", "frame"),
    [
        (ReadHolding(1, 0, 4), "01 03 02 00 01"),  # one register instead of four
        (ReadHolding(1, 0, 1), "01 03 04 00 01 00 02"),  # two instead of one
        (ReadHolding(1, 0, 1), "01 06 00 00 00 01"),  # another function
        (ReadHolding(1, 0, 1), "02 03 02 00 01"),  # another unit
        (ReadHolding(1, 0, 1), "01 03 01 00 01"),  # byte count lies
        (ReadHolding(1, 0, 1), "01 84 02"),  # exception to another function
        (WriteRegister(1, 5, 7), "01 06 00 09 00 63"),  # another address and value
        (WriteRegister(1, 5, 7), "01 06 00 05 00 08"),  # another value
        (WriteCoil(1, 5, False), "01 05 00 05 FF 00"),
        (WriteCoilValue(1, 0x200, 7), "01 05 02 00 FF 00"),
        (WriteRegisters(1, 0, (1, 2)), "01 10 00 00 00 01"),  # another count
    ],
)
def test_an_answer_that_does_not_fit_is_refused(request_: AnyRequest, frame: str) -> None:
    with pytest.raises(WrongReply):
        answered(request_, with_crc(frame))


def test_an_exception_is_named() -> None:
    with pytest.raises(ExceptionReply, match=r"unit 1.*illegal data address") as caught:
        answered(ReadHolding(1, 9000, 1), with_crc("01 83 02"))
    assert (caught.value.code, caught.value.unit) == (2, 1)


def test_what_must_not_be_asked_cannot_be_built() -> None:
    for wrong in (
        lambda: WriteCoilValue(1, 0, 0x5500),  # toggle
        lambda: WriteCoilValue(1, 0, 0x10000),
        lambda: WriteRegister(1, 0, -1),
        lambda: WriteRegisters(1, 0, ()),
        lambda: WriteRegisters(1, 0, (0,) * 124),
        lambda: ReadHolding(1, 0, 126),
        lambda: ReadHolding(1, 65536, 1),
        lambda: ReadCoils(1, 0, 0),
        lambda: ReadHolding(0, 0, 1),  # nobody answers a broadcast
        lambda: ReadHolding(256, 0, 1),
    ):
        with pytest.raises(ValueError):
            wrong()


@given(
    count=st.integers(1, 20),
    noise=st.binary(max_size=RtuDecoder.NOISE_MAX),
    cuts=st.lists(st.integers(1, 60)),
    d=st.data(),
)
def test_an_answer_in_any_pieces_after_a_little_noise_is_found(
    count: int, noise: bytes, cuts: list[int], d: st.DataObject
):
    values = d.draw(st.lists(st.integers(0, 65535), min_size=count, max_size=count))
    request = ReadHolding(7, 0, count)
    frame = with_crc(bytes((7, 3, 2 * count)) + b"".join(value.to_bytes(2) for value in values))
    stream, decoder, got = noise + frame, RtuDecoder(request), None
    edges = sorted({cut for cut in cuts if cut < len(stream)} | {len(stream)})
    for begin, end in zip([0, *edges], edges, strict=False):
        assert got is None
        got = decoder.feed(stream[begin:end])
    assert got is not None
    assert request.parse(got) == tuple(values)


@given(st.data())
def test_one_wrong_bit_is_never_accepted(data: st.DataObject) -> None:
    request = ReadHolding(7, 0, 3)
    frame = bytearray(with_crc("07 03 06 00 01 00 02 00 03"))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    decoder = RtuDecoder(request)
    with suppress(WrongReply):
        assert decoder.feed(bytes(frame)) is None


def test_endless_babble_is_given_up() -> None:
    decoder = RtuDecoder(ReadHolding(1, 0, 1))
    assert decoder.feed(b"\x55" * 250) is None
    with pytest.raises(WrongReply):
        decoder.feed(b"\x55" * 10)


def test_a_stop_finds_its_answer_behind_a_late_one_of_the_same_unit() -> None:
    late, own = with_crc("01 05 00 00 FF 00"), with_crc("01 05 00 00 00 00")
    off = WriteCoil(1, 0, False)
    for pieces in ((late + own,), (late, own), (late[:3], late[3:] + own[:2], own[2:])):
        decoder = RtuDecoder(off, skip_foreign=True)
        answers = [decoder.feed(piece) for piece in pieces]
        assert answers[-1] == own[1:-2]
        assert all(answer is None for answer in answers[:-1])


def test_tcp_frames_are_cut_from_a_stream() -> None:
    frame = tcp_frame(0x1501, 0xFF, ReadHolding(255, 4, 1).pdu())
    assert frame == bytes.fromhex("15 01 00 00 00 06 FF 03 00 04 00 01")
    answer = bytes.fromhex("15 01 00 00 00 05 FF 03 02 00 05")
    decoder = TcpDecoder()
    assert decoder.feed(answer + answer[:4]) == [TcpReply(0x1501, 255, b"\x03\x02\x00\x05")]
    assert decoder.feed(answer[4:]) == [TcpReply(0x1501, 255, b"\x03\x02\x00\x05")]
    with pytest.raises(ValueError, match="not Modbus TCP"):
        decoder.feed(b"HTTP/1.1 400")


def test_a_checksum_that_fits_the_beginning_of_an_answer_is_chance() -> None:
    values = (65535, 735, 9052, 119, 6404, 748, 25011, 57, 1756, 256, 4368, 176, 254)
    answer = with_crc(bytes((7, 3, 26)) + b"".join(value.to_bytes(2) for value in values))
    decoder = RtuDecoder(ReadHolding(7, 0, 13))
    assert crc_ok(answer[:30])
    assert decoder.feed(answer[:30]) is None
    assert decoder.feed(answer[30:]) is not None
