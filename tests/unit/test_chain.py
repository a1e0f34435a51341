"""The record's chain: whatever is done to a line is found, and where."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from irctl.domain.chain import GENESIS, canonical, line, lines, link, verify

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.one_of(
    texts, st.integers(-1000, 1000), st.floats(-1e6, 1e6), st.booleans(), st.none(), st.lists(texts, max_size=3)
)
payloads = st.dictionaries(st.sampled_from(["reason", "area", "dose", "lamp"]), values, max_size=3)
stories = st.lists(payloads, min_size=2, max_size=8)


def written(story: list[dict[str, Any]]) -> list[str]:
    """The story as a journal's lines."""
    out: list[str] = []
    prev = GENESIS
    for seq, payload in enumerate(story, start=1):
        record = {"seq": seq, "event": "told", **payload, "prev": prev}
        prev = link(record)
        out.append(line(record | {"hash": prev}))
    return out


def broken_at(journal: list[str]) -> int | None:
    """The line where `verify` finds the chain broken."""
    found = verify(journal)
    return found.broken.line if found.broken else None


@given(stories)
def test_what_was_written_verifies_to_its_last_event(story: list[dict[str, Any]]) -> None:
    journal = written(story)
    found = verify(journal)
    assert (found.events, found.broken) == (len(story), None)
    assert found.head == json.loads(journal[-1])["hash"]


@given(stories)
def test_a_journal_survives_the_way_through_a_file_whatever_its_texts_hold(story: list[dict[str, Any]]) -> None:
    journal = written(story)
    assert lines("".join(journal).encode()) == journal


def test_an_empty_journal_holds() -> None:
    assert verify([]).head == GENESIS
    assert verify([]).broken is None


@given(stories, st.data())
def test_a_changed_value_is_found_in_its_line(story: list[dict[str, Any]], data: st.DataObject) -> None:
    journal = written(story)
    i = data.draw(st.integers(0, len(journal) - 1))
    event = json.loads(journal[i])
    key = data.draw(st.sampled_from(sorted(event)))
    before, event[key] = event[key], data.draw(values)
    assume(canonical({key: before}) != canonical({key: event[key]}))
    journal[i] = canonical(event).decode()[:-1] + f',"hash":{json.dumps(event["hash"])}}}\n'
    assert broken_at(journal) == i + 1


@given(stories, st.data())
def test_any_byte_changed_is_found_in_its_line(story: list[dict[str, Any]], data: st.DataObject) -> None:
    journal = written(story)
    i = data.draw(st.integers(0, len(journal) - 1))
    raw = bytearray(journal[i].encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    file = b"".join(
        [*(text.encode() for text in journal[:i]), bytes(raw), *(text.encode() for text in journal[i + 1 :])]
    )
    found = verify(lines(file))
    assert found.broken is not None
    assert found.broken.line == i + 1
    assert found.events == i


@given(stories, st.data())
def test_a_line_taken_out_is_missed_at_its_place(story: list[dict[str, Any]], data: st.DataObject) -> None:
    journal = written(story)
    i = data.draw(st.integers(0, len(journal) - 2))
    del journal[i]
    assert broken_at(journal) == i + 1


@given(stories, st.data())
def test_a_line_put_in_is_found_at_its_place(story: list[dict[str, Any]], data: st.DataObject) -> None:
    journal = written(story)
    i = data.draw(st.integers(0, len(journal)))
    prev = json.loads(journal[i - 1])["hash"] if i else GENESIS
    forged: dict[str, Any] = {"seq": i + 1, "event": "forged", "prev": prev}
    journal.insert(i, line(forged | {"hash": link(forged)}))
    # A well-made forgery fits its place, so the first line that no longer fits is the one after it.
    assert broken_at(journal) == (i + 2 if i < len(story) else None)


@given(stories, st.data())
def test_a_line_told_twice_is_found(story: list[dict[str, Any]], data: st.DataObject) -> None:
    journal = written(story)
    i = data.draw(st.integers(0, len(journal) - 1))
    journal.insert(i, journal[i])
    assert broken_at(journal) == i + 2


@given(stories, st.data())
def test_two_lines_exchanged_are_found_at_the_first(story: list[dict[str, Any]], data: st.DataObject) -> None:
    journal = written(story)
    i, j = sorted(data.draw(st.lists(st.integers(0, len(journal) - 1), min_size=2, max_size=2, unique=True)))
    journal[i], journal[j] = journal[j], journal[i]
    assert broken_at(journal) == i + 1


@given(stories, st.data())
def test_a_line_cut_off_is_found(story: list[dict[str, Any]], data: st.DataObject) -> None:
    journal = written(story)
    journal[-1] = journal[-1][: data.draw(st.integers(1, len(journal[-1]) - 1))]
    found = verify(journal)
    assert found.broken is not None
    assert found.broken.line == len(journal)
    assert "not finished" in found.broken.text


@given(stories, st.integers(1, 8))
def test_a_cut_tail_does_not_show_which_is_why_the_head_is_kept_elsewhere(
    story: list[dict[str, Any]], keep: int
) -> None:
    """Stated, so that nobody trusts the chain with more than it can do."""
    journal = written(story)
    kept = verify(journal[:keep])
    assert kept.broken is None
    assert (kept.head == verify(journal).head) == (keep >= len(journal))


@pytest.mark.parametrize(
    "damage",
    [
        "\n",
        "not json\n",
        "[]\n",
        "3\n",
        "null\n",
        "{}\n",
        "[" * 100_000 + "\n",
        "9" * 5000 + "\n",
        '{"seq":1,"prev":"' + GENESIS + '"}\n',
        '{"seq":1,"prev":"' + GENESIS + '","dose":NaN,"hash":"x"}\n',
        '{"seq":1,"prev":"' + GENESIS + '","reason":"\\ud800","hash":"x"}\n',
        "\udcff\n",
    ],
    ids=lambda damage: damage[:30].strip() or "empty",
)
def test_no_damage_makes_verify_raise_and_all_of_it_is_a_finding(damage: str) -> None:
    journal = written([{}, {}])
    assert broken_at([damage, *journal[1:]]) == 1
    assert broken_at([journal[0], damage]) == 2


def test_the_same_key_twice_is_found_although_the_last_one_matches_the_hash() -> None:
    """A reader that takes the first would see 60 J/cm² where the hash vouches for 6."""
    journal = written([{"dose": 6}])
    journal[0] = journal[0].replace('{"dose":6', '{"dose":60,"dose":6', 1)
    assert json.loads(journal[0])["dose"] == 6
    assert broken_at(journal) == 1


def test_the_order_of_keys_does_not_change_the_hash_and_nan_has_none() -> None:
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1}) == b'{"a":2,"b":1}'
    assert canonical({"a": 1, "hash": "x"}) == canonical({"a": 1})
    with pytest.raises(ValueError):
        canonical({"a": float("nan")})
