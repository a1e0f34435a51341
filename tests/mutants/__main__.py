"""`python -m tests.mutants`: put in each defect, run its tests, and say which defects nobody noticed.

The working tree is never changed: every defect lives in a copy of its own. The tests must pass without any defect, or their failing would prove nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.mutants.catalogue import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
COPIED = ("src", "drivers", "simulator", "benchmarks", "configs", "tests", "pyproject.toml")
SOURCES = ("src", "drivers", "simulator")
TIMEOUT_S = 300.0
"""A defect that hangs its tests has been noticed."""
SAID_MAX = 3000
TESTS_FAILED = 1
"""pytest's exit code; any other (no tests, a usage error) proves nothing."""


class Result(NamedTuple):
    mutant: Mutant
    caught: bool
    why: str
    took_s: float


def main() -> int:
    options = _options()
    chosen = [m for m in MUTANTS if not options.only or any(word in m.name for word in options.only)]
    with TemporaryDirectory(prefix="irctl-mutants-") as folder:
        began_s = time.monotonic()
        checks = sorted({check for mutant in chosen for check in mutant.caught_by})
        whole = _run(_copy(Path(folder) / "whole"), checks, 3 * TIMEOUT_S)
        if whole.code != 0:
            print(f"The tests fail without any defect (pytest: {whole.code}); mend that first.\n{whole.said}")
            return 2
        with ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(lambda one: _examine(one[1], Path(folder) / str(one[0])), enumerate(chosen)))
    caught = sum(result.caught for result in results)
    print(
        f"\n{caught} of {len(results)} defects caught ({caught / len(results):.0%}) in {time.monotonic() - began_s:.0f} s"
    )
    for result in results:
        if not result.caught:
            print(f"  NOT CAUGHT: {result.mutant.name} ({result.mutant.breaks}; {result.mutant.file}): {result.why}")
    return 0 if caught == len(results) else 1


def mutated(mutant: Mutant, root: Path) -> str:
    """The file's text with the defect in it. Raises ValueError when the catalogue does not fit the sources any more."""
    text = (root / mutant.file).read_text(encoding="utf-8")
    if (count := text.count(mutant.old)) != 1:
        raise ValueError(f"{mutant.name}: its text occurs {count} times in {mutant.file}")
    return text.replace(mutant.old, mutant.new)


def _examine(mutant: Mutant, folder: Path) -> Result:
    began_s = time.monotonic()
    root = _copy(folder)
    (root / mutant.file).write_text(mutated(mutant, root), encoding="utf-8")
    code = _run(root, [*mutant.caught_by, "-x"], TIMEOUT_S).code
    shutil.rmtree(root)
    took_s = time.monotonic() - began_s
    caught, why = code in (TESTS_FAILED, None), "its tests pass" if code == 0 else f"pytest ended with {code}"
    print(
        f"{'caught    ' if caught else 'NOT CAUGHT'}  {took_s:5.1f} s  {mutant.breaks:<14}  {mutant.name}", flush=True
    )
    return Result(mutant, caught, why, took_s)


def _copy(folder: Path) -> Path:
    folder.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


class Run(NamedTuple):
    code: int | None
    """pytest's exit code; None when it had to be ended."""
    said: str


def _run(root: Path, arguments: Sequence[str], timeout_s: float) -> Run:
    paths = os.pathsep.join(str(root / name) for name in SOURCES)
    env = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "CI": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    try:
        ended = subprocess.run(
            command, cwd=root, env=env, timeout=timeout_s, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        return Run(None, "out of time")
    return Run(ended.returncode, ended.stdout[-SAID_MAX:])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="*", help="words of a defect's name")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
