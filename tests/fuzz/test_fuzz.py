"""Whatever arrives (on a wire, in a journal, in a station file): no crash, and nothing wrong is taken for right."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irctl.bus.errors import BusError
from irctl.bus.modbus import (
    ReadCoils,
    ReadHolding,
    ReadInput,
    RtuDecoder,
    TcpDecoder,
    WriteCoil,
    WriteRegister,
    crc_ok,
    rtu_frame,
)
from irctl.controller.config import load
from irctl.domain import chain
from irctl.domain.problems import Refused
from tests.unit.worlds import StationFolder
from tests.wire.wires import with_crc

calm = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), max_examples=300)

REQUESTS = (
    ReadHolding(12, 104, 2),
    ReadInput(1, 2, 4),
    ReadCoils(3, 0, 8),
    WriteCoil(1, 0, False),
    WriteRegister(12, 0, 47),
)
requests = st.sampled_from(REQUESTS)


def answer_to(request: Any, data: bytes) -> bytes:
    """A well-formed answer with this content."""
    if request.is_write:
        return rtu_frame(request.unit, request.pdu())
    body = (data * 16)[: request.reply_pdu_length - 2]
    return with_crc(bytes((request.unit, request.function, len(body))) + body)


@calm
@given(requests, st.lists(st.binary(max_size=40), max_size=6))
def test_bytes_from_nowhere_are_an_answer_only_if_they_are_one(request: Any, chunks: list[bytes]) -> None:
    decoder, received = RtuDecoder(request), b""
    for chunk in chunks:
        received += chunk
        try:
            pdu = decoder.feed(chunk)
        except BusError:
            return
        if pdu is not None:
            frame = with_crc(bytes((request.unit,)) + pdu)
            assert frame in received
            assert pdu[0] & 0x7F == request.function
            return


@calm
@given(requests, st.binary(min_size=2, max_size=16), st.data())
def test_a_true_answer_with_any_byte_changed_is_no_answer(request: Any, content: bytes, data: st.DataObject) -> None:
    frame = bytearray(answer_to(request, content))
    at = data.draw(st.integers(0, len(frame) - 1))
    frame[at] ^= data.draw(st.integers(1, 255))
    try:
        pdu = RtuDecoder(request).feed(bytes(frame))
    except BusError:
        return
    assert pdu is None or crc_ok(bytes((request.unit,)) + pdu + bytes(frame[-2:]))
    assert pdu is None or with_crc(bytes((request.unit,)) + pdu) in bytes(frame)


@calm
@given(requests, st.binary(min_size=2, max_size=16), st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_a_true_answer_is_found_however_it_is_cut_or_refused_where_a_piece_of_it_is_a_frame(
    request: Any, content: bytes, cuts: list[int]
) -> None:
    frame, decoder, at = answer_to(request, content), RtuDecoder(request), 0
    for length in (*cuts, 256):
        try:
            pdu = decoder.feed(frame[at : at + length])
        except BusError:
            assert crc_ok(frame[: at + length])
            return
        at += length
        if pdu is not None:
            assert bytes((request.unit,)) + pdu == frame[:-2]
            return
    raise AssertionError("it was not found")


@calm
@given(st.lists(st.binary(max_size=60), max_size=6))
def test_a_network_stream_is_cut_into_frames_or_given_up(chunks: list[bytes]) -> None:
    decoder = TcpDecoder()
    for chunk in chunks:
        try:
            for reply in decoder.feed(chunk):
                assert 1 <= len(reply.pdu) <= 253
        except ValueError:
            return


# --- the journal ---------------------------------------------------------------------------------------------------------


def a_journal(count: int = 12) -> bytes:
    prev, lines = chain.GENESIS, list[str]()
    for seq in range(1, count + 1):
        event: dict[str, Any] = {
            "seq": seq,
            "at": "2026-11-23T10:00:00.000Z",
            "event": "told",
            "text": "µ" * seq,
            "prev": prev,
        }
        prev = event["hash"] = chain.link(event)
        lines.append(chain.line(event))
    return "".join(lines).encode()


WHOLE = a_journal()
HEAD = (12, chain.verify(chain.lines(WHOLE)).head)


@calm
@given(st.binary(max_size=400))
def test_any_bytes_can_be_walked(data: bytes) -> None:
    assert chain.verify(chain.lines(data)).events <= data.count(b"\n")


@calm
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_every_changed_byte_of_a_journal_is_found(at: int, change: int) -> None:
    data = bytearray(WHOLE)
    data[at] ^= change
    assert chain.verify(chain.lines(bytes(data)), anchored=HEAD).broken is not None


@calm
@given(st.permutations(range(12)), st.integers(0, 12), st.integers(0, 12))
def test_lines_that_are_moved_repeated_or_gone_are_found(order: list[int], first: int, last: int) -> None:
    lines = chain.lines(WHOLE)
    changed = [lines[n] for n in order][min(first, last) : max(first, last)]
    whole = changed == lines
    assert (chain.verify(changed, anchored=HEAD).broken is None) == whole


# --- the station file ----------------------------------------------------------------------------------------------------

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z")), max_size=20),
    st.lists(st.integers(0, 9), max_size=3),
    st.dictionaries(st.sampled_from(["unit", "driver", "x"]), st.integers(0, 9), max_size=2),
)


def places(table: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(table, dict):
        return [path]
    return [path, *(place for key, value in table.items() for place in places(value, (*path, key)))]


@pytest.mark.slow
@settings(calm, max_examples=150)
@given(st.data())
def test_a_station_file_is_accepted_within_its_limits_or_refused_with_a_remedy(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = StationFolder(tmp_path_factory.mktemp("station"))
    station = copy.deepcopy(folder.station)
    for _ in range(data.draw(st.integers(1, 3))):
        *above, key = data.draw(st.sampled_from([place for place in places(station) if place]))
        table = station
        for name in above:
            table = table.get(name, {})
        if not isinstance(table, dict):
            continue
        value = data.draw(values)
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
    folder.station = json.loads(json.dumps(station))
    problems, config = (), None
    try:
        config = load(folder.write())
    except Refused as refused:
        problems = refused.problems
    if config is None:
        assert problems
        assert all(problem.field and problem.limit and problem.remedy for problem in problems)
        return
    for lamp in config.file.lamps.values():
        limits = lamp.limits
        assert 0 < limits.irradiance_mw_cm2_max <= (100.0 if lamp.skin is None else 150.0)
        assert limits.skin_c_max <= 43.0
        assert limits.duration_s_max <= 1800.0
        assert math.isfinite(lamp.lease_s)
        assert lamp.lease_s > 0


def test_a_file_of_any_bytes_is_refused(tmp_path: Path) -> None:
    for data in (b"\x00\xff", b"[[[", b"a = 1\n" * 1000, "[station]\nname = '\u2028'".encode()):
        path = tmp_path / "station.toml"
        path.write_bytes(data)
        with pytest.raises(Refused):
            load(path)
