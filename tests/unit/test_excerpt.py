"""Which events an excerpt takes, and where it ends."""

from __future__ import annotations

from typing import Any

import pytest

from irctl.domain.chain import CHECKPOINT
from irctl.domain.excerpt import shows, through

MINE, OTHERS = "S-1", "S-2"


def told(*names: str) -> list[dict[str, Any]]:
    """Events a second apart; those of a session are mine, but for names that end with an asterisk."""
    events: list[dict[str, Any]] = []
    for second, name in enumerate(names):
        event: dict[str, Any] = {"seq": second + 1, "mono_s": float(second), "event": name.rstrip("*")}
        if name.startswith("session."):
            event |= {"session": OTHERS if name.endswith("*") else MINE}
        events.append(event)
    return events


def taken(*names: str) -> int | None:
    return through(told(*names), MINE)


def test_it_ends_with_the_first_checkpoint_after_the_end() -> None:
    assert taken("session.ordered", CHECKPOINT, "session.ended", CHECKPOINT, CHECKPOINT) == 4


def test_the_end_of_another_session_ends_nothing() -> None:
    assert taken("session.ordered", "session.ended*", CHECKPOINT) is None


def test_without_a_checkpoint_it_goes_on() -> None:
    assert taken("session.ordered", "session.ended", "alarm") is None


def test_a_stop_whose_evidence_comes_late_is_waited_for() -> None:
    late = ("session.ordered", "stop.latched", "session.ended", CHECKPOINT, "stop.evidence")
    assert taken(*late) is None
    assert taken(*late, CHECKPOINT) == 6


@pytest.mark.parametrize("over", ["stop.cleared", "stop.latched", "controller.started"])
def test_evidence_that_can_come_no_more_is_not_waited_for(over: str) -> None:
    assert taken("session.ordered", "stop.latched", "session.ended", CHECKPOINT, over, CHECKPOINT) == 6


def test_evidence_is_not_waited_for_longer_than_it_takes() -> None:
    assert taken("session.ordered", "stop.latched", "session.ended", *[CHECKPOINT] * 8) == 9


def test_a_stop_before_the_order_is_no_affair_of_this_session() -> None:
    assert taken("stop.latched", "session.ordered", "session.ended", CHECKPOINT) == 4


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        ({"event": "session.sample", "session": MINE}, True),
        ({"event": "session.sample", "session": OTHERS}, False),
        ({"event": "alarm", "session": OTHERS, "lamp": "left"}, False),
        ({"event": "alarm", "lamp": "left"}, True),
        ({"event": "alarm", "lamp": "right"}, False),
        ({"event": "stop.latched"}, True),
        ({"event": "journal.set_aside", "given": []}, False),
        ({"event": "something.new"}, False),
    ],
)
def test_what_is_shown_is_the_sessions_or_about_nobody(event: dict[str, Any], shown: bool) -> None:
    assert shows(event, MINE, "left") == shown
