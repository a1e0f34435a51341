"""What every test of documents has."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def a_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no sentence is broken, wherever the tests run."""
    monkeypatch.setenv("COLUMNS", "200")
