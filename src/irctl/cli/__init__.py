"""irctl in a terminal: the verbs of the control API, a checker, a doctor and a demonstration.

`main` loads nothing that the command at hand does not need: a stop is on its way in a twentieth of a second.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code that `irctl --help` explains."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["stop"] and not {"-h", "--help"} & set(words):
        from irctl.cli.stop import stop_in_a_hurry

        return stop_in_a_hurry(words[1:])
    from irctl.cli.app import run

    return run(words)
