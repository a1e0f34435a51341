"""Real disks that fail in the middle of a treatment, and journals that a kill or a power cut left incomplete: dark, said, and an honest record."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TypeVar

import pytest

if sys.platform != "linux":
    pytest.skip("needs prlimit, pseudo-terminals and Linux's mounts", allow_module_level=True)

from benchmarks import crashes
from benchmarks.crashes import Rig, View, a_rig
from irctl.cli import exits
from irctl.domain.problems import Refused
from tests.service import disks
from tests.service.disks import Disk
from tests.service.worlds import irctl

pytestmark = pytest.mark.slow

LAMPS = ("left", "right")
PATIENCE_S = 60.0
T = TypeVar("T")


def until(look: Callable[[], T | None], what: str) -> T:
    give_up_s = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < give_up_s, f"not after {PATIENCE_S:g} s: {what}"
        time.sleep(0.05)
    return found


def lit(rig: Rig, lamps: Sequence[str] = LAMPS) -> dict[str, str]:
    """A session on each lamp, that has been on record with its light for a while."""
    sessions = crashes.order(rig, lamps, crashes.LONG_J_CM2)

    def shining() -> bool:
        crashes.treat(rig, sessions, 0.1)
        views = [rig.controller.get(rig.controller.session(session)) for session in sessions.values()]
        assert not any(view["outcome"] for view in views), views
        return all(view["fluence_j_cm2"] > 0.05 for view in views)

    until(shining, "light")
    return sessions


def dark(rig: Rig) -> bool:
    return not any(lamp["powered"] for lamp in rig.truth().values())


def end(rig: Rig) -> None:
    rig.serving.terminate()
    rig.serving.wait(PATIENCE_S)


def killed(rig: Rig) -> None:
    """Supervisor and controller at once: nobody tidies up."""
    pid = rig.controller_pid
    rig.serving.kill()
    os.kill(pid, signal.SIGKILL)
    rig.serving.wait(PATIENCE_S)
    until(lambda: dark(rig), "the leases have run out")


def events(rig: Rig, name: str) -> list[View]:
    found = [json.loads(line) for line in rig.journal().splitlines()]
    return [event for event in found if event["event"] == name]


def refusal(rig: Rig, lamp: str) -> View:
    body = {"lamp": lamp, "fluence_j_cm2": 1.0, "irradiance_mw_cm2": 50.0, "patient": "P-2", "area": "back", "by": "X"}
    with pytest.raises(Refused) as refused:
        rig.controller.post("/v1/sessions", body)
    (problem,) = (p for p in refused.value.problems if p.field == "journal")
    return problem.as_dict()


# --- a disk that fails in the middle of a treatment ----------------------------------------------------------------------


@pytest.mark.parametrize("a_disk", [disks.a_disk_that_fills, disks.a_disk_that_turns_read_only])
def test_light_ends_the_api_says_why_and_the_record_is_honest_once_the_disk_is_mended(
    tmp_path: Path, a_disk: Callable[[Path], AbstractContextManager[Disk]]
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with a_disk(state) as disk, a_rig(tmp_path, clinic=False) as rig:
        before, sessions = rig.truth(), lit(rig)
        disk.fail(rig)
        until(lambda: dark(rig), "dark")

        def told() -> View | None:
            station = rig.controller.get("/v1/station")
            return station if len(LAMPS) == sum(alarm["hazard"] == "H14" for alarm in station["alarms"]) else None

        station = until(told, "an alarm for each lamp")
        assert any(words in station["journal"]["failure"] for words in disk.says)
        for session in sessions.values():
            reason = until(lambda session=session: why_ended(rig, session), "the sessions end")
            assert "journal" in reason
        problem = refusal(rig, "right")
        assert any(words in problem["value"] for words in disk.says)
        assert problem["remedy"] == "Free disk space or restore access, then restart"

        end(rig)
        disk.mend(rig)
        rig.serve()
        time.sleep(crashes.SETTLE_S)
        rig.clear_trip()
        assert crashes.record_problems(rig, sessions, before, rig.truth()) == []
        assert irctl("journal", "verify", "--file", str(state / "journal.jsonl")).returncode == exits.OK
        lit(rig, ["right"])


def why_ended(rig: Rig, session: str) -> str | None:
    return rig.controller.get(rig.controller.session(session))["reason"]


# --- a start on a folder that cannot be written --------------------------------------------------------------------------


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder that can be made read-only."""
    state = tmp_path / "state"
    state.mkdir()
    own_disk = disks.mountable(state)
    if os.geteuid() == 0 and not own_disk:
        assert not os.environ.get("CI"), "root writes everywhere, and may not mount here"
        pytest.skip("root writes everywhere, and may not mount here")
    with disks.mounted(state) if own_disk else nullcontext():
        yield state


def test_a_start_on_a_folder_that_has_become_read_only_is_dark_and_says_why(tmp_path: Path, state: Path) -> None:
    with ExitStack() as later, a_rig(tmp_path, clinic=False) as rig:
        lit(rig, ["right"])
        killed(rig)
        reason = later.enter_context(disks.read_only(state))
        rig.serve()
        station = rig.controller.get("/v1/station")
        assert station["journal"]["failure"] == f"journal.jsonl: {reason}"
        assert [lamp["status"] for lamp in station["lamps"]] == ["dark", "dark"]
        assert dark(rig)
        assert reason in refusal(rig, "right")["value"]
        assert rig.controller.post("/v1/stop")["latched"]
        end(rig)


def test_a_first_start_on_a_folder_that_is_read_only_names_it_and_the_remedy(state: Path) -> None:
    with disks.read_only(state) as reason:
        words = ("--config", str(crashes.CONFIGS / "demo.toml"), "--state", str(state))
        tried = irctl("serve", *words, "--json", "--port", "0")
    assert tried.returncode == exits.REFUSED
    assert f"state = '{state}': {reason}" in tried.stdout + tried.stderr
    assert "--state" in tried.stdout + tried.stderr


# --- a journal that a kill or a power cut left incomplete ----------------------------------------------------------------


def test_a_line_that_was_cut_while_it_was_written_is_set_aside_and_the_record_is_honest(tmp_path: Path) -> None:
    with a_rig(tmp_path, clinic=False) as rig:
        before, sessions = rig.truth(), lit(rig)
        killed(rig)
        path = tmp_path / "state" / "journal.jsonl"
        whole = path.read_bytes()
        last = whole.rstrip(b"\n").rpartition(b"\n")[2]
        path.write_bytes(whole[: -len(last) // 2])
        rig.serve()
        time.sleep(crashes.SETTLE_S)
        rig.clear_trip()
        assert len(events(rig, "journal.tail_set_aside")) == 1
        assert last.startswith((tmp_path / "state" / "journal.torn").read_bytes())
        assert crashes.record_problems(rig, sessions, before, rig.truth()) == []
        lit(rig, ["right"])


def test_a_journal_whose_signed_end_is_gone_gives_no_light_until_somebody_has_looked(tmp_path: Path) -> None:
    with a_rig(tmp_path, clinic=False) as rig:
        rig.controller.post("/v1/stop")
        until(lambda: cleared(rig), "the stop is cleared")  # which is signed, and anchored
        killed(rig)
        path = tmp_path / "state" / "journal.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        cleared_at = next(n for n, line in enumerate(lines) if b'"stop.cleared"' in line)
        path.write_bytes(b"".join(lines[:cleared_at]))
        rig.serve()
        failure = rig.controller.get("/v1/station")["journal"]["failure"]
        assert "irctl journal set-aside" in failure
        assert refusal(rig, "right")["value"] == failure
        assert path.read_bytes() == b"".join(lines[:cleared_at])
        end(rig)
        words = ("--state", str(tmp_path / "state"), "--by", "M. Okafor", "--reason", "a copy was restored")
        assert irctl("journal", "set-aside", *words).returncode == exits.OK
        rig.serve()
        until(lambda: cleared(rig), "the stop that nobody had cleared is cleared")
        lit(rig, ["right"])


def cleared(rig: Rig) -> bool:
    try:
        rig.controller.post("/v1/clear", {"by": "M. Okafor", "reason": "looked into it"})
    except Refused:
        return False
    return True
