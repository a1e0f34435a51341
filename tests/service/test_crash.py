"""Real processes struck down in the middle of treatments: dark in time, an honest record, nothing left behind. See benchmarks/crashes.py."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from benchmarks import crashes
from benchmarks.crashes import Blow, Struck

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL, no SIGSTOP, no pseudo-terminals"),
]

BLOWS = {Blow.KILL: 6, Blow.HANG: 1, Blow.ORPHAN: 1, Blow.TERM: 1}


@pytest.fixture(scope="module")
def struck() -> list[Struck]:
    """Nine blows at random moments, shared out among stations side by side. The seed is that of no particular luck."""
    return crashes.campaign(list(Counter(BLOWS).elements()), seed=3, stations=4, clinics=1)


@pytest.mark.parametrize("blow", list(Blow))
def test_light_processes_and_record_are_right_after(struck: list[Struck], blow: Blow):
    """Dark within lease and restart, never lit again by itself, one end per session with the truth inside, a journal that verifies, no orphan."""
    mine = [s for s in struck if s.blow is blow]
    assert len(mine) == BLOWS[blow]
    assert [s.wrong for s in mine if s.wrong] == []
    assert all(s.dark_s <= crashes.DARK_MAX_S for s in mine)


def test_some_of_the_blows_fell_while_there_was_light(struck: list[Struck]):
    assert sum(s.dark_s > 0 for s in struck) >= 3


def test_a_controller_that_is_asked_to_end_or_left_alone_does_not_wait_for_a_lease(struck: list[Struck]):
    assert all(s.dark_s < 1.0 for s in struck if s.blow in (Blow.ORPHAN, Blow.TERM))
