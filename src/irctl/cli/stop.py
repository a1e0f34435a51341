"""`irctl stop`: everything dark, now. Few imports, no sign-in, and never refused for its spelling."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from irctl.cli import exits
from irctl.cli.client import DEFAULT_URL, Controller, Failed, Unreachable
from irctl.domain.problems import Refused

NOT_STOPPED = "THE LAMPS MAY BE ON. Press the stop button at the lamp or pull its plug."
SEEN = {
    "emitter": "read back from the emitter",
    "cutoff": "read back from the cut-off",
    "broadcast": "one broadcast, read back from the emitter",
}


def stop_in_a_hurry(words: list[str]) -> int:
    """The stop without the command line's parser: what it does not know it ignores, for a stop is a stop."""
    known = {"--url": os.environ.get("IRCTL_URL") or DEFAULT_URL, "--by": "", "--reason": ""}
    as_json = "--json" in words
    rest = iter(word for word in words if word != "--json")
    for word in rest:
        name, equals, value = word.partition("=")
        if name in known:
            known[name] = value if equals else next(rest, known[name])
        else:
            print(f"irctl stop: ignoring {word!r}", file=sys.stderr)
    return stop(known["--url"], known["--by"], known["--reason"], as_json=as_json)


def stop(url: str, by: str = "", reason: str = "", *, as_json: bool = False) -> int:
    """Stop the station and print the evidence. OK only when every lamp is verified dark."""
    asked = {name: text[:200] for name, text in (("by", by), ("reason", reason)) if text}
    try:
        answer: dict[str, Any] = Controller(url).post("/v1/stop", asked)
    except (Unreachable, Refused, Failed) as error:
        if as_json:
            print(json.dumps({"error": str(error), "evidence": None}))
        print(f"{NOT_STOPPED}\n{error}", file=sys.stderr)
        return exits.UNREACHABLE if isinstance(error, Unreachable) else exits.FAILED
    evidence: dict[str, dict[str, Any]] = answer["evidence"]
    if as_json:
        print(json.dumps(answer))
    else:
        print("\n".join(evidence_lines(evidence)))
    return exits.OK if all_dark(evidence) else exits.FAILED


def all_dark(evidence: dict[str, dict[str, Any]]) -> bool:
    """Whether there is a read-back of dark for every lamp."""
    return all(found["verified_dark_s"] is not None for found in evidence.values())


def evidence_lines(evidence: dict[str, dict[str, Any]]) -> list[str]:
    """What is known of each lamp, and what to do about the ones that are not dark."""
    width = max((len(name) for name in evidence), default=0)
    lines = [f"  {name:<{width}}  {_lamp_line(found)}" for name, found in evidence.items()]
    if all_dark(evidence):
        return [
            "Stopped. Every lamp is verified dark.",
            *lines,
            "Latched: `irctl clear --by NAME --reason TEXT` lifts it.",
        ]
    return ["STOPPED, BUT NOT EVERY LAMP IS VERIFIED DARK.", *lines, NOT_STOPPED]


def _lamp_line(found: dict[str, Any]) -> str:
    verified = found["verified_dark_s"]
    if verified is not None:
        return f"dark after {_ms(verified)} ({SEEN.get(found['by'], 'read back')})"
    if found["acknowledged_s"] is not None:
        return f"NOT VERIFIED DARK: off acknowledged after {_ms(found['acknowledged_s'])}, but not seen to be off"
    return "NOT VERIFIED DARK: it does not answer; its lease ends the light where the hardware is sound"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"
