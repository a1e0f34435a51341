"""What may leave in a support bundle: every field by name, every text by its form. Whatever is new stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from irctl.cli.health.finding import warning
from irctl.cli.support.cleaning import LEFT_OUT, figure, moment, number, recognised, version
from irctl.cli.support.health import told_findings
from irctl.cli.support.logs import cleaned_lines
from irctl.cli.support.names import Names
from irctl.cli.support.running import Running
from irctl.controller.config import load
from irctl.domain.chain import Event
from tests.records.worlds import a_day, events_of
from tests.unit.worlds import CONFIGS
from tests.virtual_time import run_virtual

MARK = "Wilhelmine Zwickelbauer"
CODE = "zwickelbauer"
"""As a key, a login or a reference is written."""


@pytest.fixture(scope="module")
def names() -> Names:
    return Names(load(CONFIGS / "demo.toml").file, None)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Of a real controller: calibrated, checked, three sessions, an emergency stop."""
    return events_of(run_virtual(a_day(tmp_path_factory.mktemp("day"))))


def marked(value: Any, mark: str) -> Any:
    """The same with the mark for every text, and beside every key."""
    if isinstance(value, dict):
        told = {key: marked(one, mark) for key, one in value.items()}
        return told | {f"{mark} {number}": one for number, one in enumerate(told.values())}
    if isinstance(value, list):
        return [marked(one, mark) for one in value]
    return mark if isinstance(value, str) else value


def test_whatever_text_stands_in_whatever_field_of_an_event_stays_here(day: list[Event], names: Names) -> None:
    for mark in (MARK, CODE, f"emergency stop: {MARK} fainted", "P-17", "1937-08-21"):
        spoilt = [marked(event, mark) | {"event": event["event"], "diagnosis": mark, mark: mark} for event in day]
        told = "\n".join(json.dumps(event) for event in Running(names).events(spoilt))
        assert mark not in told
        assert MARK not in told


def test_a_real_days_events_keep_their_names_their_times_and_their_figures(day: list[Event], names: Names) -> None:
    told = {event["seq"]: event for event in Running(names).events(day)}
    for event in day:
        assert {name: told[event["seq"]][name] for name in ("at", "mono_s", "event")} == {
            name: event[name] for name in ("at", "mono_s", "event")
        }
    ended = next(event for event in told.values() if event["event"] == "session.ended")
    assert (ended["lamp"], ended["outcome"], ended["reason"]) == ("lamp-1", "completed", LEFT_OUT)
    assert ended["delivered"].keys() >= {"min_j_cm2", "best_j_cm2", "max_j_cm2"}
    assert next(event for event in told.values() if event["event"] == "alarm")["hazard"] == "H15"


def test_no_event_keeps_its_hash_for_a_guess_of_a_patient_could_be_tried_against_it(
    day: list[Event], names: Names
) -> None:
    hashes = {str(event[name]) for event in day for name in ("hash", "prev")}
    told = "\n".join(json.dumps(event) for event in Running(names).events(day))
    assert not [one for one in hashes if one in told]


def test_an_event_that_is_not_known_leaves_with_its_number_and_its_time_alone(names: Names) -> None:
    event = {"seq": 7, "at": "2026-11-23T09:00:00.000Z", "event": "patient.noted", "lamp": "left", "level_pct": 4.0}
    assert list(Running(names).events([event])) == [{"seq": 7, "at": "2026-11-23T09:00:00.000Z", "left_out": 3}]


def test_a_new_field_of_a_known_event_is_counted_and_not_named(names: Names) -> None:
    event = {"seq": 7, "at": "2026-11-23T09:00:00.000Z", "event": "lamp.unverified", "lamp": "left", CODE: 1961}
    (told,) = Running(names).events([event])
    assert told == {"seq": 7, "at": "2026-11-23T09:00:00.000Z", "event": "lamp.unverified", "lamp": "lamp-1", "left_out": 1}  # fmt: skip


@pytest.mark.parametrize("kind", [figure, moment, number, version, recognised], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("text", [MARK, CODE, "1937-08-21", "21.08.1937", "MRN 0042-7", "+47 555 0177", "P-0001", ""])
def test_no_kind_lets_a_text_through_that_somebody_typed(kind: Any, text: str) -> None:
    assert kind(text) == LEFT_OUT


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"line {CODE}, unit 12: no answer to read coils within 0.1 s.", "unit 12 … no answer to … within 0.1 s"),
        (f"NoReply('line {CODE}')", "NoReply"),
        (f"{CODE}.jsonl: No space left on device", "No space left on device"),
        (f"[Errno 13] Permission denied: '/home/{CODE}/x'", "Permission denied"),
        ("exit code 1", "exit code 1"),
        (f"{CODE}Error: OkaforError", LEFT_OUT),
    ],
)
def test_of_a_text_the_kinds_of_errors_are_told_and_nothing_between_them(text: str, told: str) -> None:
    assert recognised(text) == told


def test_a_findings_own_words_leave_without_the_values_in_them(names: Names) -> None:
    finding = warning("clinic.back-up", "the newest in {folder} is {hours:.0f} h old", "chmod {path}", "left", folder=f"/home/{CODE}", path=MARK, hours=40.2)  # fmt: skip
    assert told_findings([finding], names) == [
        {
            "check": "clinic.back-up",
            "about": "lamp-1",
            "verdict": "warning",
            "text": f"the newest in {LEFT_OUT} is 40 h old",
            "remedy": f"chmod {LEFT_OUT}",
            "values": {"folder": LEFT_OUT, "path": LEFT_OUT, "hours": 40.2},
        }
    ]


def test_a_log_line_of_any_form_says_nothing_that_is_not_irctls() -> None:
    told = json.dumps(list(cleaned_lines(_lines())))
    assert MARK not in told
    assert CODE not in told.casefold()
    assert "1937" not in told


def _lines() -> Iterator[str]:
    yield MARK
    yield f'{{"event": "{MARK}", "at": "1937-08-21", "level": "{CODE}", "text": "{MARK}", "{MARK}": {{"text": "{MARK}"}}}}'
    yield f'["{MARK}"]'
    yield f'{{"event": "night.failed", "text": {{"{MARK}": "{MARK}"}}, "pid": "{MARK}"}}'
    yield f'File "/home/{CODE}/irctl/{CODE}.py", line 3, in {CODE}'
    yield f'File "/opt/{CODE}/irctl/../{CODE}/irctl/cli/app.py", line 3, in {CODE}'
    yield f"irctl.controller: {MARK} [builtins.ValueError] /home/{CODE}/irctl/cli/app.py:12 {CODE}"
    yield f"2026-11-26 {MARK}"
    yield "{" + MARK
