"""A release, built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.release import built


@pytest.fixture(scope="package")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make dist` makes."""
    return built(tmp_path_factory.mktemp("release") / "irctl", mtime=1_700_000_000)
