"""Prometheus' own tool, where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

with_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None and os.environ.get("CI") != "true",
    reason="promtool is not installed (in CI it has to be)",
)


def promtool(*words: object, told: str | None = None) -> str:
    """What it says; `told` on its standard input. It has to be content."""
    whole = ["promtool", *map(str, words)]
    done = subprocess.run(whole, input=told, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
