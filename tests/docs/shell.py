"""A page's shell lines, run as they stand: one bash for the page, in its world, block after block in the order of the page."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.docs.bench import a_bench
from tests.docs.pages import Block, Page
from tests.docs.terminal import Terminal
from tests.docs.worlds import ANSWERS, World, a_world

PAGE_MAX_S = 180.0
RUN = ("sh", "console")
BENCH = "bench"
AFTER = "\x1eended "
"""Between what one command says and what the next one does."""

BEGINNING = r"""
set -eEuo pipefail
beside=()
trap 'echo "IN VAIN, with exit code $?: $BASH_COMMAND"' ERR
trap 'for one in "${beside[@]}"; do kill -TERM "$one" && wait "$one" || true; done 2>/dev/null' EXIT
stays() {
    local sign=$1 log
    shift
    log=$(mktemp)
    "$@" </dev/null >"$log" 2>&1 &
    beside+=($!)
    for _ in $(seq 600); do
        if grep -qF -- "$sign" "$log"; then cat "$log"; return; fi
        kill -0 $! 2>/dev/null || break
        sleep 0.1
    done
    cat "$log"
    return 1
}
offered() {
    cat "$TMPDIR"/* | sed -nE 's/.*pair join NAME (\S+) (\S+) .*/\1 \2/p'
}
first_alarm() {
    irctl alarms --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["alarms"][0]["id"])'
}
refused() {
    local code=$1
    shift
    local found=0
    "$@" || found=$?
    ((found == code))
}
"""


@dataclass(frozen=True)
class Ran:
    """How a page went. `seconds`: with its world."""

    code: int
    said: str
    seconds: float

    def output(self, block: Block) -> Sequence[str]:
        """What each command of a block said."""
        begin = self.said.index(_begins(block)) + len(_begins(block))
        return self.said[begin:].split("\x1ebegins ")[0].split(AFTER)[:-1]


def run(page: Page, folder: Path) -> Ran:
    """Raises AssertionError where its world cannot be made, or it does not end."""
    began = time.monotonic()
    with a_world(page.world, folder, typed_text(page)) as world:
        ran = run_in(page, world)
    return replace(ran, seconds=time.monotonic() - began)


def run_in(page: Page, world: World, blocks: Sequence[Block] | None = None) -> Ran:
    """All of it, or these blocks."""
    began = time.monotonic()
    wanted = page.blocks if blocks is None else blocks
    for block in wanted:
        if "file" in block.marks:
            world.write(block)
    script = world.folder / "page.sh"
    script.write_text("".join(_script(wanted, world)), encoding="utf-8")
    with _bench(page, world) as environment:
        terminal = Terminal.open(script, world.folder, environment, ANSWERS)
        try:
            code = terminal.to_its_end(PAGE_MAX_S)
        finally:
            terminal.close()
    return Ran(code, terminal.said, time.monotonic() - began)


@contextmanager
def _bench(page: Page, world: World) -> Iterator[dict[str, str]]:
    """The shell's environment, with a station for blocks that want one in virtual time."""
    if any(block.marks.get("world") == BENCH for block in page.blocks):
        with a_bench(world.folder / "bench", world.folder / "station.toml") as url:
            yield world.environment | {"AT_THE_BENCH": url}
    else:
        yield world.environment


def _script(blocks: Sequence[Block], world: World) -> Iterator[str]:
    yield BEGINNING
    for block in blocks:
        if block.language in RUN and block.not_run is None:
            yield f"printf %s {shlex.quote(_begins(block))}\n"
            *before, last = typed(block)
            for line in [*before, _as_marked(block, last)]:
                yield f"{world.rewritten(line)}\nprintf %s {shlex.quote(AFTER)}\n"


def _begins(block: Block) -> str:
    return f"\x1ebegins {block.where}\n"


def _as_marked(block: Block, line: str) -> str:
    if sign := block.marks.get("stays"):
        return f"stays {shlex.quote(sign)} {line}"
    if code := block.marks.get("exit code"):
        return f"refused {code} {line}"
    if block.marks.get("world") == BENCH:
        return f'IRCTL_URL="$AT_THE_BENCH" {line}'
    return line


def typed_text(page: Page) -> str:
    """Everything that is typed on a page."""
    return "\n".join(line for block in page.blocks if block.language in RUN for line in typed(block))


def typed(block: Block) -> list[str]:
    """What is typed: in a console each command behind its prompt; else everything, the last line apart."""
    if block.language == "console":
        return re.findall(r"^\$ (.*(?:\\\n.*)*)", block.text, re.M)
    before, _, last = block.text.rstrip().rpartition("\n")
    return [before, last] if before else [last]


def answers_shown(block: Block) -> Iterator[list[str]]:
    """In a console: the lines that the page shows after each command."""
    for part in re.split(r"^\$ .*(?:\\\n.*)*\n?", block.text, flags=re.M)[1:]:
        yield [line for line in part.splitlines() if line.strip()]


def unlike(shown: Sequence[str], said: str) -> str:
    """The first line that the page shows and the command did not say, in this order; spaces aside, and … is anything."""
    rest = [" ".join(line.split()) for line in said.splitlines()]
    for line in shown:
        pattern = re.escape(" ".join(line.split())).replace("…", ".*")
        found = next((n for n, one in enumerate(rest) if re.search(pattern, one)), None)
        if found is None:
            return line
        rest = rest[found + 1 :]
    return ""
