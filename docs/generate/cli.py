"""The command line: every command as its own `--help` tells it."""

from __future__ import annotations

import re
from importlib.metadata import entry_points

from docs.generate.markdown import code, table
from irctl.cli import exits
from irctl.cli.app import COMMANDS, GROUPS, LISTED, RUNNING, UNSAID, build
from irctl_simulator.cli import _parser as simulator

NOISE = (" *[default: False]*", " *[default: ()]*", ' *[default: ""]*')
"""What goes without saying."""
BARE = re.compile(r"^\* (`[^`]+`):$", re.M)
EXAMPLES = re.compile(r"(?:^irctl [^\n]*\n\n?)+", re.M)


def page() -> str:
    told = ["## Exit codes\n", table(("code", ""), [(f"`{number}`", why) for number, why in exits.EXPLAINED])]
    for group in sorted({group for group, *_ in COMMANDS}, key=lambda group: group.sort_key):
        told.append(f"## {group.name}\n")
        met = set[str]()
        for _, words, _, _ in (row for row in COMMANDS if row[0] is group):
            first, _, second = words.partition(" ")
            if second and first not in met:
                met.add(first)
                told.append(f"**`irctl {first}`**: {GROUPS[first]}{_unsaid(first)}\n")
            told.append(_command(words))
        if group is RUNNING:
            told += [_command(one.name) for one in sorted(entry_points(group="irctl.commands"), key=lambda e: e.name)]
    return "\n".join([*told, "## The simulator\n", "### `irctl-sim`\n", code(simulator().format_help())])


def _unsaid(first: str) -> str:
    if first in LISTED:
        return f" Without more words it is `irctl {first} list`."
    return f" Without more words it is `irctl {first} {UNSAID[first]}`." if first in UNSAID else ""


def _command(words: str) -> str:
    named = words.split()
    app = build(named if any(words == row[1] for row in COMMANDS) else ())
    for word in named:
        app = app[word]
    _, usage, text = app.generate_docs().split("```", 2)
    for noise in NOISE:
        text = text.replace(noise, "")
    text = EXAMPLES.sub(
        lambda found: code(found[0].replace("\n\n", "\n").rstrip(), "sh") + "\n", BARE.sub(r"* \1", text)
    )
    usage = usage.removeprefix("console\n").removeprefix(named[-1]).strip()
    return f"### `irctl {words}`\n\n`irctl {words} {usage}`\n{text}"
