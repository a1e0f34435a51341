"""What may leave of log lines: when, how urgent, and of the words those that are irctl's or the system's own. A line is never taken along as it is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import irctl
from irctl.cli.support.cleaning import LEFT_OUT, MOMENT, cleaned, figure, moment, recognised, words

LINES_MAX = 20_000
"""The newest; a log that repeats itself says nothing more."""
JOURNALCTL_S = 60.0
UNITS = "irctl*"
"""Controller and clinic, together or each on its own computer."""
EVENTS = words((
    "clinic.refused", "clinic.serving", "clinic.thread-ended", "clock.stepped", "controller.unanswered", "mail.unreachable", "message.not-taken",
    "message.sent", "message.unsure", "night.done", "night.failed", "night.waiting", "planned_sessions.no_store", "post.waiting", "records.waiting",
    "reminder.told", "schedule.started",
))  # fmt: skip
"""Of the clinic's log."""
JSON_LINE = {
    "at": moment, "event": EVENTS, "level": words(("debug", "info", "warning", "error", "critical", "exception")), "text": recognised, "error": recognised,
    **dict.fromkeys(("pid", "controller_pid", "planned", "late_s", "by_s", "rows", "attempts", "for_good", "events", "ok"), figure),
}  # fmt: skip
PLACE = re.compile(r"(irctl(?:_\w+)?(?:/\w+)*/\w+\.py)(?:\", line |:)(\d{1,5})")
"""Where in the code, in a traceback or in a line of the clinic's log."""


def from_systemd(hours: float) -> tuple[list[dict[str, Any]], str]:
    """The service's lines of the last hours as they may leave, and why there are none, if so."""
    program = shutil.which("journalctl")
    if program is None:
        return [], "there is no journalctl here: name a log file with --log"
    words = [
        program,
        "--unit",
        UNITS,
        "--since",
        f"-{hours:g}h",
        "--output",
        "json",
        "--no-pager",
        "--lines",
        str(LINES_MAX),
        "--quiet",
    ]
    try:
        done = subprocess.run(words, capture_output=True, timeout=JOURNALCTL_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return [], "journalctl did not answer"
    if done.returncode or not done.stdout:
        return [], "journalctl has no lines of irctl that this user may read"
    return [_from_journald(line) for line in done.stdout.decode("utf-8", "replace").splitlines()], ""


def from_file(path: Path) -> tuple[list[dict[str, Any]], str]:
    """The newest lines of a log file, likewise."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        return [], error.strerror or "it cannot be read"
    return list(cleaned_lines(lines[-LINES_MAX:])), ""


def cleaned_lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        yield {"at": _begins_at(line)} | told(line)


def told(line: str) -> dict[str, Any]:
    """What may be said of one line."""
    found = _object(line)
    if found is not None:
        return cleaned(JSON_LINE, found)
    places = [f"{path}:{number}" for path, number in PLACE.findall(line) if _is_ours(path)]
    says = recognised(line)
    return {
        **({} if says == LEFT_OUT else {"says": says}),
        **({"places": places} if places else {}),
        "characters": len(line),
    }


def _from_journald(line: str) -> dict[str, Any]:
    entry = _object(line) or {}
    at = entry.get("__REALTIME_TIMESTAMP")
    message = entry.get("MESSAGE")
    priority = str(entry.get("PRIORITY", ""))
    return {
        "at": datetime.fromtimestamp(int(at) / 1e6, UTC).isoformat()
        if isinstance(at, str) and at.isdecimal()
        else None,
        "priority": int(priority) if priority in "01234567" and priority else None,
    } | told(message if isinstance(message, str) else "")


def _begins_at(line: str) -> str | None:
    found = MOMENT.match(line.lstrip("["))
    return found[0] if found else None


def _object(line: str) -> dict[str, Any] | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        found: Any = json.loads(line)
    except ValueError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _is_ours(path: str) -> bool:
    """A file of the code that is installed here; another path may have a name in it."""
    return (Path(irctl.__file__).parents[1] / path).is_file()
