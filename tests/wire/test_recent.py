"""The last frames of a line, as a technician sees them: whole, numbered, bounded, and decoded without a guess."""

from irctl.bus.modbus import ReadHolding, WriteCoil, rtu_frame, tcp_frame
from irctl.bus.recent import ENDED_S, FRAME_MAX, RecentFrames, decoded

ASKED = rtu_frame(12, ReadHolding(12, 0, 1).pdu())
ANSWER = rtu_frame(12, bytes.fromhex("03020007"))
REFUSED = rtu_frame(12, bytes.fromhex("8302"))


def seen(*chunks: tuple[str, bytes], tcp: bool = False) -> list[dict[str, object]]:
    recent = RecentFrames()
    for number, (direction, data) in enumerate(chunks):
        recent.add(direction, data, float(number))
    return decoded(recent.after(0, 100.0), tcp=tcp)


def test_no_more_than_so_many_frames_are_kept_and_the_newest_of_them() -> None:
    recent = RecentFrames(kept=4)
    for number in range(1, 11):
        recent.add("tx", bytes([number]), float(number))
    assert [(f.number, f.data) for f in recent.after(0, 100.0)] == [(n, bytes([n])) for n in (7, 8, 9, 10)]


def test_who_looks_again_is_told_only_what_is_new() -> None:
    recent = RecentFrames()
    recent.add("tx", ASKED, 0.0)
    recent.add("rx", ANSWER, 0.01)
    assert [f.number for f in recent.after(1, 1.0)] == [2]
    assert recent.after(2, 1.0) == []


def test_an_answer_in_pieces_is_one_frame_and_is_not_shown_before_it_has_ended() -> None:
    recent = RecentFrames()
    recent.add("tx", ASKED, 0.0)
    recent.add("rx", ANSWER[:3], 0.01)
    recent.add("rx", ANSWER[3:], 0.02)
    assert [f.direction for f in recent.after(0, 0.03)] == ["tx"]
    assert [f.data for f in recent.after(0, 0.02 + ENDED_S)] == [ASKED, ANSWER]


def test_a_line_full_of_noise_grows_no_frame_for_ever() -> None:
    recent = RecentFrames()
    for at in range(1000):
        recent.add("rx", b"\xff" * 50, float(at))
    assert max(len(f.data) for f in recent.after(0, 2000.0)) == FRAME_MAX
    assert len(recent.after(0, 2000.0)) <= 200


def test_a_question_and_its_answer_in_plain_columns() -> None:
    asked, answer = seen(("tx", ASKED), ("rx", ANSWER))
    assert (asked["unit"], asked["function"], asked["name"], asked["ok"]) == (12, 3, "read holding registers", None)
    assert (answer["unit"], answer["ok"], answer["hex"]) == (12, True, ANSWER.hex(" "))


def test_a_refusal_a_damaged_answer_and_a_silence_are_told_apart() -> None:
    assert seen(("tx", ASKED), ("rx", REFUSED))[1]["note"] == "illegal data address"
    damaged = seen(("tx", ASKED), ("rx", ANSWER[:-1] + b"\x00"))[1]
    assert (damaged["ok"], damaged["note"]) == (False, "not intact: damaged, or cut off")
    assert seen(("tx", ASKED), ("tx", ASKED), ("rx", ANSWER))[0]["note"] == "no answer"


def test_nobody_answers_a_broadcast_and_that_is_right() -> None:
    off = rtu_frame(0, WriteCoil(0, 1, False).pdu())
    assert seen(("tx", off), ("tx", ASKED), ("rx", ANSWER))[0]["note"] == ""


def test_an_adapters_own_echo_is_taken_off() -> None:
    assert seen(("tx", ASKED), ("rx", ASKED + ANSWER))[1]["hex"] == ANSWER.hex(" ")


def test_a_network_frame_is_read_behind_its_header() -> None:
    asked, answer = seen(
        ("tx", tcp_frame(1, 5, b"\x03\x00\x00\x00\x01")), ("rx", tcp_frame(1, 5, b"\x83\x06")), tcp=True
    )
    assert (asked["unit"], asked["function"]) == (5, 3)
    assert (answer["unit"], answer["ok"], answer["note"]) == (5, False, "busy")
