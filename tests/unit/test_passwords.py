"""Passwords by NIST SP 800-63B-4: long, on no list, and nothing else asked of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.passwords import FAILURES_MAX, LENGTH_MAX, Attempts, normal, problems_with_password

STOLEN = {"correct horse battery staple"}


def limits(password: str, **more: object) -> list[str]:
    found = problems_with_password(password, known_bad=STOLEN.__contains__, **more)  # type: ignore[arg-type]
    assert all(problem.value is None and password not in str(problem) for problem in found)
    return [problem.limit for problem in found]


@pytest.mark.parametrize(
    "password", ["wellen im hafen", "ALLCAPITALSONLY", "824917305562110", "κύματα στο λιμάνι", "a" * 14 + "b"]
)
def test_no_composition_is_asked_for(password: str) -> None:
    assert limits(password) == []


def test_length_is_counted_in_characters_after_normalisation() -> None:
    assert "15 characters" in limits("fourteen chars")[0]
    assert limits("e\u0301" * 14 + "x") == []
    assert "15 characters" in limits("e\u0301" * 14)[0]
    assert limits("eight ch", second_factor=True) == []
    assert "8 characters" in limits("seven c", second_factor=True)[0]
    assert limits("ab cdefgh" * 8) == []
    assert "longer" in limits("ab" + "c" * LENGTH_MAX)[0]


def test_what_is_tried_first_is_refused_in_any_case() -> None:
    for password in ("Correct Horse Battery Staple", "aaaaaaaaaaaaaaaa", "abcdabcdabcdabcd"):
        assert "tried first" in limits(password)[0]


def test_a_name_with_figures_is_refused_and_a_sentence_with_a_name_is_not() -> None:
    about = ("okafor", "M. Okafor", "Harbour Clinic")
    assert "made of your name" in limits("Okafor-Harbour-2026", about=about)[0]
    assert limits("okafor hates grapefruit", about=about) == []


@given(st.text(min_size=15, max_size=64))
def test_nothing_is_cut_off_and_one_form_is_as_good_as_the_other(password: str) -> None:
    assert normal(normal(password)) == normal(password)
    assert normal(password + "x") != normal(password)


def test_guessing_gets_slower_and_ends_and_the_wait_is_kept() -> None:
    attempts = Attempts()
    assert attempts.problem(0.0) is None
    waits: list[float] = []
    now_s = 0.0
    while (problem := attempts.problem(now_s)) is None:
        attempts = attempts.failed(now_s)
        waits.append(attempts.wait_s)
        if attempts.wait_s and attempts.failures < FAILURES_MAX:
            assert attempts.problem(now_s + attempts.wait_s - 0.1) is not None
        now_s += attempts.wait_s
    assert attempts.failures == FAILURES_MAX
    assert "administrator" in problem.remedy
    assert waits == sorted(waits)
    assert waits[0] == 0.0
    assert sum(waits) > 12 * 3600
    assert attempts.problem(now_s + 1e9) is not None


def test_a_clock_that_went_backwards_does_not_shorten_the_wait() -> None:
    attempts = Attempts(failures=10, last_s=1000.0)
    assert attempts.problem(0.0) is not None
