"""`make safety-case`: docs/explanation/safety.md from the hazards (docs/hazards.toml) and the figures of the last long campaign (docs/campaign.json)."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path("docs")
HAZARDS, FIGURES, PAGE = "hazards.toml", "campaign.json", "explanation/safety.md"

HEAD = """\
# What protects, and what does not

irctl is not a certified medical device, and this page is not a risk file. It says which mechanism stands against which hazard today, how that was shown, and what is left to the installer and the operator.
None of it has run on real hardware yet. The limits are project limits, chosen with the literature in view; they are not taken from a standard.

This page is generated (`make safety-case`) from `docs/hazards.toml` and the figures of a campaign; a hazard without a test fails the build.
"""

TAIL = """\
## What it does not protect against

- **A contact that welds, when it is the only one.** A relay's coil reads back as open; only a radiometer can see the light. Then irctl latches and alarms, and nothing else. Fit a second contact, or wire an
  auxiliary contact to an input.
- **The wrong patient, the wrong area, where people say what is not so.** The clinic makes somebody compare, and keeps who did; it knows no faces. An order in a terminal is for whatever reference was typed.
- **A lost key.** Without `records.key` nobody can read who the patients are, and no back-up has it.
- **A network between screen and controller.** The controller listens on its own machine alone. A screen on another computer reaches it by way of the clinic, over TLS, and so does its STOP: that needs the network and the clinic. Who stands at the lamp has the station's own screen, the stop button of the room, and the lamp's switch.
- **A patient who moves closer.** The distance is assumed, with the uncertainty that the calibration states; only a skin thermometer notices.
- **Eyes.** 50 to 100 mW/cm² is five to ten times the long-exposure limit for the eye: goggles or a covered face are a precondition, and irctl does not check them.
- **Residual heat.** A ceramic emitter radiates for minutes after it has no power. Nothing in software darkens it.
- **A wrong time constant.** The dose from a radiometer depends on the instrument's response time (`response_s`), which is an unverified default.
- **A radiometer that lies by less than 35 %.** It is the one instrument that measures.
- **Names where nobody signs in.** Without `[people] sign_in` a name is what somebody typed; with it, so is the name of who stops, pauses, ends or silences, for that needs nobody. A token acts for whoever holds it,
  an hour at most, and whoever can write into the state folder decides whose tokens count.
- **The journal's key.** Whoever holds it can write another history.
- **A suspended computer in simulation.** The campaign steps the clock and stalls the program; it does not suspend a machine.

## What the installer must provide

- A switch that cuts the lamp's power by hand, within reach, and a stop contact for `[stop] contacts`, wired so that a broken wire reads as pressed.
- An emitter with a watchdog or a timed output, or a cut-off that has one, best on its own line.
- Goggles, and a room whose door is an interlock.
- One calibration per lamp and distance, and a skin thermometer aimed at the treated skin.
- Commissioning on the real devices (`irctl commission`): the drivers' docstrings say what is assumed until then.
- An attendant who stays.
"""


@dataclass(frozen=True, slots=True)
class Hazard:
    """One row of the case."""

    id: str
    name: str
    harm: str
    cause: str
    mechanism: str
    rules: tuple[str, ...]
    tests: tuple[str, ...]


def hazards(docs: Path = DOCS) -> list[Hazard]:
    """Raises KeyError, TypeError for an entry that lacks something or says more."""
    found: dict[str, dict[str, Any]] = tomllib.loads((docs / HAZARDS).read_text(encoding="utf-8"))
    return [
        Hazard(**{"id": name, **fields, "rules": tuple(fields["rules"]), "tests": tuple(fields["tests"])})
        for name, fields in found.items()
    ]


def page(found: list[Hazard], figures: Mapping[str, Any]) -> str:
    """The whole page."""
    shown = [_section(hazard, figures) for hazard in found]
    return "\n".join([HEAD, _campaign(figures), "## The hazards\n", *shown, TAIL])


def _campaign(figures: Mapping[str, Any]) -> str:
    missed = ", ".join((*figures["hazards_missed"], *figures["state_changes_missed"])) or "none"
    exempt = "\n".join(f"- {one['times']} × {one['what']}: {one['why']}." for one in figures["exempt"] if one["times"])
    return f"""\
## How it was shown

`irctl campaign`: {figures["seeds"]} seeds, {figures["sessions"]} simulated treatments in virtual time ({figures["simulated_s"] / 3600:.0f} hours), the whole station with true wire timing, faults drawn from the
seed. **{len(figures["violations"])} violations.** Rules and state changes that were never reached: {missed}. Each figure below is the one that came nearest to its bound, beside that bound.
`make mutants` puts deliberate defects into copies of the sources, one by one; each must be caught.

Not counted as violations, because nothing on the simulated station could prevent or see them:

{exempt}
"""


def _section(hazard: Hazard, figures: Mapping[str, Any]) -> str:
    rules = ", ".join(f"`{rule}`" for rule in hazard.rules)
    tests = "; ".join(f"`{test}`" for test in hazard.tests)
    lines = [
        f"### {hazard.id} {hazard.name}\n",
        f"- **May lead to** {hazard.harm}. **Causes**: {hazard.cause}.",
        f"- **Against it**: {hazard.mechanism}." + (f" Rules: {rules}." if rules else ""),
        f"- **Shown by** {tests}.",
    ]
    faults = [fault for fault in figures["faults"] if hazard.id in fault["hazards"]]
    if faults:
        lines += ["", "| fault | injected | while lit | worst time to dark, ms | worst over-delivery, J/cm² |"]
        lines += ["|---|---|---|---|---|", *map(_fault, faults)]
    return "\n".join(lines) + "\n"


def _fault(fault: Mapping[str, Any]) -> str:
    dark, over = fault["worst_dark"], fault["worst_over"]
    told_dark = "need not end the light" if dark is None else f"{1000 * dark['value']:.0f} / {1000 * dark['bound']:.0f}"
    told_over = "–" if over is None else f"{over['value']:+.3f} / {over['bound']:.3f}"
    return f"| {fault['fault']} | {fault['injected']} | {fault['while_lit']} | {told_dark} | {told_over} |"


def generate(docs: Path = DOCS) -> str:
    figures: dict[str, Any] = json.loads((docs / FIGURES).read_text(encoding="utf-8"))
    return page(hazards(docs), figures)


def main() -> int:
    (DOCS / PAGE).write_text(generate(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
