"""The command line itself: which commands there are, how their failures are told. Each command's code is loaded when it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Group, Parameter

from irctl.cli import exits
from irctl.cli.client import DEFAULT_URL, Controller, Failed, Unreachable
from irctl.cli.signed_in import fill_in_by, token_for
from irctl.domain.problems import Problem, Refused

CODES = "\n".join(f"  {code}  {meaning}" for code, meaning in exits.EXPLAINED)
HELP = "Runs infrared treatment lamps: leased emission, measured dose, an honest record.\n\nNot a certified medical device."
EPILOGUE = f"Exit codes:\n{CODES}\n\nFirst steps:\n  irctl demo          a simulated treatment, start to finish\n  irctl stop          everything dark, now"


@Parameter(name="*")
@dataclass(frozen=True)
class To:
    """Which controller, and how to answer."""

    url: Annotated[str, Parameter(env_var="IRCTL_URL", help="Address of the controller.")] = DEFAULT_URL
    json: Annotated[bool, Parameter(negative=(), help="One JSON document on stdout, nothing else.")] = False

    @property
    def controller(self) -> Controller:
        return Controller(self.url, lambda: token_for(self.url))


Json = Annotated[bool, Parameter(negative=(), help="One JSON document on stdout, nothing else.")]

Folder = Annotated[
    Path | None,
    Parameter(env_var="IRCTL_PROTOCOLS", help="Folder of the clinic's protocols. Default: the examples of irctl."),
]

TREATING = Group("Treating", sort_key=1)
LOOKING = Group("Looking", sort_key=2)
TRUE = Group("Keeping lamps true", sort_key=3)
RECORD = Group("The record", sort_key=4)
LEAVES = Group("What leaves", sort_key=5)
PEOPLE = Group("People", sort_key=6)
RUNNING = Group("Running and checking a station", sort_key=7)

COMMANDS = (
    (TREATING, "treat", "treat:treat", "Give one treatment and follow it; Ctrl-C ends it."),
    (TREATING, "pause", "session:pause", "Pause a session: dark until somebody resumes it."),
    (TREATING, "resume", "session:resume", "Resume a paused session."),
    (TREATING, "end", "session:end", "End a session before its dose is reached."),
    (TREATING, "attend", "session:attend", "Say that you are there, and how the patient feels."),
    (TREATING, "protocols list", "protocols:list_all", "The treatment protocols."),
    (TREATING, "protocols show", "protocols:show", "One protocol: dose by visit, limits, sources."),
    (TREATING, "protocols check", "protocols:check", "Check protocol files and run the tests inside them."),
    (TREATING, "protocols import", "library:bring", "Take a file into the clinic's library and hand it in."),
    (TREATING, "protocols approve", "library:approve", "A second person approves what was handed in."),
    (TREATING, "screening check", "screening:check", "Check screening lists and run the tests inside them."),
    (TREATING, "sign-in", "sign_in:sign_in", "Sign in at the clinic: what follows is done in your name."),
    (TREATING, "sign-out", "sign_in:sign_out", "Forget who is signed in at this terminal."),
    (TREATING, "stop", "session:stop", "Emergency stop: everything dark, now. No sign-in."),
    (TREATING, "clear", "session:clear", "Lift the emergency stop, once its cause is gone."),
    (LOOKING, "status", "look:status", "The station at a glance."),
    (LOOKING, "alarms", "alarms:alarms", "Alarms that nobody has acknowledged."),
    (LOOKING, "acknowledge", "alarms:acknowledge", "Acknowledge an alarm, by name."),
    (LOOKING, "silence", "alarms:silence", "Pause the sound of the alarms for two minutes."),
    (LOOKING, "lamps", "look:lamps", "Each lamp: calibration, limits, instruments."),
    (LOOKING, "sessions", "look:sessions", "The sessions in the journal, newest first."),
    (TRUE, "calibrate", "calibrate:calibrate", "Calibrate a lamp with a reference meter, step by step."),
    (TRUE, "check", "check:check", "Check a lamp against its calibration, before the day's first session."),
    (TRUE, "calibrations list", "calibrations:list_all", "Every calibration, newest first."),
    (TRUE, "calibrations show", "calibrations:show", "One calibration: what was found, what it waits for."),
    (TRUE, "calibrations approve", "calibrations:approve", "A second person approves it: signed, and in force."),
    (TRUE, "calibrations reject", "calibrations:reject", "Turn down what was handed in."),
    (TRUE, "calibrations abandon", "calibrations:abandon", "Give it up; what was in force stays."),
    (TRUE, "calibrations redo", "calibrations:redo", "Do a step again."),
    (TRUE, "calibrations certificate", "certificate:issue", "Write its certificate: PDF, JSON or FHIR."),
    (TRUE, "calibrations trace", "calibrations:trace", "Each figure of a certificate, and the events behind it."),
    (TRUE, "calibrations history", "drift:history", "How the lamp drifts, in words and drawn, and its forecast."),
    (TRUE, "burn-in", "burn_in:burn_in", "Light a lamp for hours on a dummy load, where the station file allows it."),
    (TRUE, "calibrations due", "calibrations:due", "What is due: calibrations, checks, maintenance, meters."),
    (TRUE, "calibrations impact", "calibrations:impact", "The sessions that a failed as-found concerns."),
    (TRUE, "meters list", "check:meters", "The reference meters and their certificates."),
    (TRUE, "meters compare", "check:compare", "Do two meters agree?"),
    (TRUE, "maintenance", "check:maintenance", "What was done to a lamp, and what follows for its calibration."),
    (RECORD, "note", "record:note", "Write the note of a session, as PDF or JSON."),
    (LEAVES, "document kinds", "document:kinds", "The papers of a course, and what each must state."),
    (LEAVES, "document make", "document:make", "Make a paper of a course from its dossier. Needs no server."),
    (LEAVES, "document preview", "document:preview", "Look at a template, filled with a made-up course."),
    (LEAVES, "document check", "document:check", "Does a template still print everything it must?"),
    (RECORD, "journal verify", "record:verify", "Walk the hash chain and say how far it holds."),
    (
        RECORD,
        "journal set-aside",
        "record:set_aside",
        "Keep a journal that does not hold as evidence; begin a new one.",
    ),
    (RECORD, "journal archive", "record:archive", "Move closed journal files elsewhere."),
    (RECORD, "journal show", "record:show", "Show the journal's events."),
    (RECORD, "certificate verify", "certificate:verify", "Is a certificate genuine? Needs no server."),
    (RECORD, "certificate print", "certificate:print_anew", "A certificate file in another form. Needs no server."),
    (RECORD, "records sync", "records:sync", "Take over what is new in a journal into the database."),
    (RECORD, "records rebuild", "records:rebuild", "Project a whole journal anew."),
    (RECORD, "records sessions", "records:sessions", "Sessions of every controller, newest first."),
    (RECORD, "records status", "records:status", "What is in the database, and how far."),
    (RECORD, "records backup", "records:back_up", "Write every row into one file."),
    (RECORD, "records restore", "records:restore", "Fill an empty database from a back-up."),
    (RECORD, "records retention", "records:retention", "Whose records have been kept long enough. Nothing is deleted."),
    (RECORD, "records rotate-key", "records:rotate_key", "A new key, and everything encrypted with it."),
    (LEAVES, "dossier", "dossier:dossier", "A course with everything that is known of it, as JSON."),
    (LEAVES, "claim check", "claims:check", "Is a visit ready to be billed: bill, hold, needs notice."),
    (LEAVES, "rvu estimate", "rvu:estimate", "What the codes of a day come to, with the arithmetic."),
    (LEAVES, "rvu import", "rvu:bring", "Keep CMS's files of relative values and localities, without descriptions."),
    (LEAVES, "rvu files", "rvu:files", "What was imported, and the conversion factors."),
    (LEAVES, "rvu localities", "rvu:localities", "The localities of a year and their indices."),
    (LEAVES, "hl7 show", "hl7:show", "A course as HL7 v2.5.1 messages: results and charges."),
    (LEAVES, "hl7 send", "hl7:send", "Send them over MLLP, each until it is acknowledged."),
    (LEAVES, "fhir bundle", "fhir:make", "A course as FHIR R4 resources for an EHR. Needs no server."),
    (LEAVES, "fhir check", "fhir:check", "Is every element, code and unit of a bundle one of R4? Needs no server."),
    (LEAVES, "fhir push", "fhir:push", "Send a bundle to a FHIR server; twice is the same as once."),
    (LEAVES, "export", "exported:export", "One session's evidence in one file that anybody can verify."),
    (LEAVES, "verify", "exported:verify", "Does an exported session hold? Needs no server."),
    (LEAVES, "evidence", "exported:evidence", "What each statement of an exported session rests on."),
    (LEAVES, "payers check", "claims:check_payers", "Check files of payers' rules."),
    (RECORD, "audit", "audit:trail", "Who did what, and who looked at whom, newest first."),
    (RECORD, "appointments list", "appointments:list_all", "Who comes today, or in a week, by reference."),
    (RECORD, "appointments plan", "appointments:plan", "All visits of a course, or first what they would be."),
    (RECORD, "appointments book", "appointments:book", "One more visit of a course."),
    (RECORD, "appointments move", "appointments:move", "To another time; its history stays."),
    (RECORD, "appointments no-show", "appointments:no_show", "They did not come."),
    (RECORD, "appointments cancel", "appointments:cancel", "It will not be; says why."),
    (RECORD, "inbox list", "inbox:listed", "What other systems told of patients and appointments."),
    (RECORD, "inbox add", "inbox:add", "Put there what a file tells: HL7, FHIR, a table."),
    (RECORD, "inbox take", "inbox:take", "Register, book, move or cancel, as it says."),
    (RECORD, "inbox set-aside", "inbox:set_aside", "Nothing is done about it; says why."),
    (PEOPLE, "people add", "people:add", "A new account; the first is an administrator's."),
    (PEOPLE, "people list", "people:list_all", "Everybody who can sign in, and who no longer can."),
    (PEOPLE, "people change", "people:change", "Another name or other roles; no longer active."),
    (PEOPLE, "people password", "people:password", "Another password, one's own or as an administrator."),
    (PEOPLE, "people pin", "people:pin", "One's own PIN, which opens a locked screen."),
    (RECORD, "patients add", "patients:add", "A new patient, and the reference they are known by."),
    (RECORD, "patients find", "patients:find", "Search by name, birthday or record number."),
    (RECORD, "patients show", "patients:show", "One patient: courses, and what happened."),
    (RUNNING, "demo", "demo:demo", "A simulated station and one treatment on it."),
    (RUNNING, "serve", "serve:serve", "Run a station's controller."),
    (RUNNING, "clinic serve", "serve:serve_clinic", "Run a clinic that follows controllers elsewhere."),
    (RUNNING, "mqtt", "mqtt:mqtt", "Tell an MQTT broker what the lamps are doing; it hears nothing."),
    (RUNNING, "pair offer", "pair:offer", "At a controller: wait for its clinic, and print a code."),
    (RUNNING, "pair join", "pair:join", "At the clinic: pair with the controller that printed the code."),
    (RUNNING, "commission", "commission:commission", "Measure a lamp's fail-safes, with nobody under it."),
    (RUNNING, "config check", "station:check", "Check a station file: every problem at once."),
    (RUNNING, "drivers", "drivers:drivers", "The devices that can be used, with what each was tested against."),
    (RUNNING, "map check", "drivers:check", "Check a device map, with the line of every mistake."),
    (RUNNING, "map schema", "drivers:schema", "The JSON schema of device maps, for editors."),
    (RUNNING, "line scan", "line:scan", "Who is on a line, by reads that change nothing."),
    (RUNNING, "line watch", "line:watch", "A running line's frames as they go by, decoded."),
    (RUNNING, "device read", "bench:read", "What one device says and measures, while no controller runs."),
    (RUNNING, "device watch", "bench:watch", "The same again and again."),
    (RUNNING, "device write", "bench:write", "Set a point of a mapped device; never what lights or protects."),
    (RUNNING, "device new", "drivers:new", "Begin a new device: a map, or a driver with its test."),
    (RUNNING, "device act", "device:act", "What only a person may order of a device, such as clearing a trip."),
    (RUNNING, "clock accept", "device:accept_clock", "Vouch for a clock that was set back."),
    (RUNNING, "doctor", "doctor:doctor", "Is everything well, and what to do where it is not."),
    (
        RUNNING,
        "support-bundle",
        "support_bundle:support_bundle",
        "What a developer needs to help, without persons in it.",
    ),
)
GROUPS = {
    "calibrations": "Look at calibrations and decide over them; without a command, all are listed.",
    "meters": "The reference meters; without a command, all are listed.",
    "protocols": "Treatment protocols: without more words, all of them.",
    "screening": "Screening lists.",
    "document": "The papers of a course: notes, reports, letters, and their templates.",
    "journal": "Verify, show or archive the journal.",
    "records": "The clinic's database: fill, search, back up.",
    "people": "Who can sign in.",
    "patients": "Write down, find and show patients.",
    "appointments": "Plan and keep the calendar.",
    "inbox": "What other systems tell; without a command, all that waits.",
    "claim": "Before billing.",
    "payers": "Payers' rules.",
    "hl7": "HL7 v2.5.1.",
    "fhir": "A course for an EHR, as FHIR R4.",
    "rvu": "What Medicare's fee schedule comes to, from CMS's files: irctl rvu 97026.",
    "certificate": "Verify or print a certificate file.",
    "clinic": "A clinic on a computer of its own.",
    "config": "Check a station file.",
    "pair": "A controller and the clinic that follows it from another computer.",
    "device": "Single devices.",
    "map": "Device maps: a device from its manual, without Python.",
    "line": "Look for devices, and at what goes over a line.",
    "clock": "This computer's clock.",
}


LISTED = ("appointments", "calibrations", "inbox", "meters", "protocols")
"""Groups that list what they are about when nothing more is said."""
UNSAID = {"rvu": "estimate"}
"""Groups whose first command goes without its name: what follows is no command of theirs."""


def build(asked: Sequence[str] = ()) -> App:
    """Every command, none of them imported yet. The one that is asked for tells more of itself than its summary."""
    app = App(
        "irctl",
        help=HELP,
        help_epilogue=EPILOGUE,
        version=lambda: version("irctl"),
        help_format="plaintext",
        suppress_keyboard_interrupt=False,
        config=fill_in_by,
    )
    app["--help"].group = app["--version"].group = Group("Other", sort_key=9)
    for order, (group, words, where, summary) in enumerate(COMMANDS):
        first, _, second = words.partition(" ")
        parent = app
        if second:
            if first not in app:
                app.command(App(first, help=GROUPS[first], help_epilogue="", group=group, sort_key=order))
            parent = app[first]
        parent.command(
            f"irctl.cli.{where}",
            second or first,
            help=None if list(asked[: len(words.split())]) == words.split() else summary,
            help_epilogue="",
            sort_key=order,
            group=None if second else group,
        )
    if not asked or asked[0].startswith("-") or asked[0] not in app:
        # What other packages of this house or others bring (entry points): looked for only when it may be meant.
        for command in entry_points(group="irctl.commands"):
            app.command(command.load(), name=command.name, help_epilogue="", group=RUNNING)
    return app


def run(words: list[str]) -> int:
    """Run one command; every failure becomes a message for people or JSON for machines, and an exit code."""
    if words and words[0] in LISTED and all(word.startswith("-") for word in words[1:2]) and "--help" not in words:
        words = [words[0], "list", *words[1:]]
    if len(words) > 1 and (unsaid := UNSAID.get(words[0])) and words[1] != "--help" and not _is_command(words[:2]):
        words = [words[0], unsaid, *words[1:]]
    try:
        code = build(words)(words, exit_on_error=False, result_action="return_value")
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
        sys.stdout = None  # or the interpreter would try again at its end, and complain
        return exits.FAILED
    return code if isinstance(code, int) else exits.OK


def _is_command(words: list[str]) -> bool:
    return any(named == " ".join(words) for _, named, _, _ in COMMANDS)


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
