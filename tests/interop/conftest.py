"""What every test of other systems has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.interop import peer as peers

_NUMBERS = count(1)


@pytest.fixture(autouse=True)
def a_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no sentence is broken, wherever the tests run."""
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(scope="session")
def fhir_origin() -> Iterator[str]:
    with peers.running() as origin:
        yield origin


@pytest.fixture
def peer(fhir_origin: str) -> peers.Peer:
    """A FHIR server that takes everything, and holds nothing yet."""
    return peers.Peer(fhir_origin, f"ehr-{next(_NUMBERS)}").can()
