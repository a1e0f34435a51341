"""An empty clinic and a patient in it, for tests that want no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from irctl.clinic.care import patients
from irctl.clinic.desk import Desk
from tests.clinic.treated import ADA, CLINICIAN, a_desk, by


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = a_desk(tmp_path)
    yield found
    found.database.close()


@pytest.fixture
def ada(desk: Desk) -> str:
    return patients.register(desk, by(CLINICIAN), ADA)
