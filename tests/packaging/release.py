"""`make dist`, in a copy of this tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_SOURCES = (
    ".git",
    ".venv",
    ".cache",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    "irctl-demo",
    "irctl-state",
    "dist",
    "build",
)
"""What git ignores, and git's own."""


def built(copy: Path, *, mtime: float, umask: int = 0o022) -> Path:
    """The release's folder. `copy` must not be there yet; everything in it seems to have been changed at `mtime`."""
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_SOURCES))
    for path in copy.rglob("*"):
        os.utime(path, (mtime, mtime))
        path.chmod(path.stat().st_mode & ~umask)
    # The developers' packages are those that run this test: make is told that they need not be installed.
    words = ["make", "--silent", "--old-file=.venv/.dev", f"BIN={Path(sys.executable).parent}", "dist"]
    made = subprocess.run(words, cwd=copy, umask=umask, capture_output=True, text=True, env=_plain())
    assert made.returncode == 0, made.stdout + made.stderr
    return copy / "dist"


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SOURCE_DATE_EPOCH")}
