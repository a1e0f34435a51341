"""The command line itself: which commands there are, how their failures are told. Each command's code is loaded when it is called."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated

from cyclopts import App, CycloptsError, Group, Parameter

from irctl.cli import exits
from irctl.cli.client import DEFAULT_URL, Controller, Failed, Unreachable
from irctl.domain.problems import Problem, Refused

CODES = "\n".join(f"  {code}  {meaning}" for code, meaning in exits.EXPLAINED)
HELP = "Runs therapeutic infrared lamps: leased emission, measured dose, an honest record.\n\nNot a certified medical device."
EPILOGUE = f"Exit codes:\n{CODES}\n\nFirst steps:\n  irctl demo          a simulated treatment, start to finish\n  irctl stop          everything dark, now"


@Parameter(name="*")
@dataclass(frozen=True)
class To:
    """Which controller, and how to answer."""

    url: Annotated[str, Parameter(env_var="IRCTL_URL", help="Address of the controller.")] = DEFAULT_URL
    json: Annotated[bool, Parameter(negative=(), help="One JSON document on stdout, nothing else.")] = False

    @property
    def controller(self) -> Controller:
        return Controller(self.url)


Json = Annotated[bool, Parameter(negative=(), help="One JSON document on stdout, nothing else.")]

TREATING = Group("Treating", sort_key=1)
LOOKING = Group("Looking", sort_key=2)
RECORD = Group("The record", sort_key=3)
RUNNING = Group("Running and checking a station", sort_key=4)

COMMANDS = (
    ("treat", "treat:treat", TREATING),
    ("pause", "session:pause", TREATING),
    ("resume", "session:resume", TREATING),
    ("end", "session:end", TREATING),
    ("stop", "session:stop", TREATING),
    ("clear", "session:clear", TREATING),
    ("status", "look:status", LOOKING),
    ("lamps", "look:lamps", LOOKING),
    ("sessions", "look:sessions", LOOKING),
    ("note", "record:note", RECORD),
    ("demo", "demo:demo", RUNNING),
    ("serve", "station:serve", RUNNING),
    ("doctor", "station:doctor", RUNNING),
)


def build() -> App:
    """Every command, none of them imported yet."""
    app = App("irctl", help=HELP, help_epilogue=EPILOGUE, version=lambda: version("irctl"), help_format="plaintext")
    app["--help"].group = app["--version"].group = Group("Other", sort_key=9)
    for name, where, group in COMMANDS:
        app.command(f"irctl.cli.{where}", name, group=group)
    journal = App("journal", help="Verify or show the journal.", help_format="plaintext", group=RECORD)
    journal.command("irctl.cli.record:verify", "verify")
    journal.command("irctl.cli.record:show", "show")
    config = App("config", help="Check a station file.", help_format="plaintext", group=RUNNING)
    config.command("irctl.cli.station:check", "check")
    app.command(journal)
    app.command(config)
    return app


def run(words: list[str]) -> int:
    """Run one command; every failure becomes a message for people or JSON for machines, and an exit code."""
    try:
        code = build()(words, exit_on_error=False, result_action="return_value")
    except CycloptsError:
        return exits.USAGE  # it has printed what it did not understand
    except Refused as refused:
        _tell_refused(refused, "--json" in words)
        return exits.REFUSED
    except (Unreachable, Failed) as error:
        _tell(str(error), "--json" in words)
        return exits.UNREACHABLE if isinstance(error, Unreachable) else exits.FAILED
    except KeyboardInterrupt:
        return exits.FAILED
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        sys.stderr.close()
        return exits.OK
    return code if isinstance(code, int) else exits.OK


def _tell_refused(refused: Refused, as_json: bool) -> None:
    from irctl.cli import say

    if as_json:
        say.as_json({"error": str(refused), "problems": say.problems_json(refused.problems)})
        return
    out = say.console(stderr=True)
    out.print(f"[bold red]Refused.[/] {_count(refused.problems)}")
    out.print(say.problems_table(refused.problems))


def _count(problems: tuple[Problem, ...]) -> str:
    return "Nothing was done:" if len(problems) == 1 else f"Nothing was done, for {len(problems)} reasons:"


def _tell(text: str, as_json: bool) -> None:
    from irctl.cli import say

    if as_json:
        say.as_json({"error": text, "problems": []})
    else:
        say.console(stderr=True).print(f"[bold red]Failed:[/] {say.escape(text)}", soft_wrap=True)
