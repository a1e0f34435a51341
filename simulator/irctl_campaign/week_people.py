"""The week that the demonstration shows: who works in its clinic, who comes, and how each visit goes. Every name is invented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from typing import Literal

from irctl.domain.people import Person, Role
from irctl.domain.screening import Answer

TODAY = 5
"""The days of the week are counted from 0; the sixth is the day on which somebody opens the demonstration, and has not been yet."""

ADMINISTRATOR = Person("admin", "Ari Admin", frozenset({Role.ADMINISTRATOR}))
CLINICIAN = Person("demo", "Robin Demo", frozenset({Role.CLINICIAN}))
SECOND = Person("second", "Sam Second", frozenset({Role.CLINICIAN}))
ASSISTANT = Person("helper", "Alex Assistant", frozenset({Role.ASSISTANT}))
TECHNICIAN = Person("tech", "Toni Tech", frozenset({Role.TECHNICIAN}))
AUDITOR = Person("auditor", "Ode Auditor", frozenset({Role.AUDITOR}))
STAFF = (CLINICIAN, SECOND, ASSISTANT, TECHNICIAN, AUDITOR)
"""Besides the administrator, who makes their accounts."""

How = Literal["treated", "stopped", "no-show", "refused", "planned"]


@dataclass(frozen=True, slots=True)
class Coming:
    """One appointment. `pain`: before and after, 0 to 10."""

    day: int
    at: time
    how: How = "planned"
    pain: tuple[int, int] = (0, 0)
    function: int | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """Somebody, and the course that they come for. `lamp` empty: any."""

    name: str
    born: date
    number: str
    contact: str
    area: str
    diagnosis: str
    goal: str
    lamp: str
    pain: int
    comes: tuple[Coming, ...]
    protocol: str = "brief-ir"
    codes: tuple[str, ...] = ()
    """Of the diagnosis, ICD-10-CM."""
    necessity: str = ""
    payer: str = ""
    """Empty: nobody has asked who pays."""
    function: tuple[str, int] | None = None
    """What is rated beside pain, and how it was before the course."""
    history: str = ""
    messages: bool = True
    answers: tuple[tuple[str, Answer], ...] = ()
    """To the screening, where they are not the harmless ones."""
    ends: bool = False
    """The stop rule is reached, and the course is ended."""

    @property
    def first_day(self) -> int:
        return min(one.day for one in self.comes)


PATIENTS = (
    Patient(
        "Adaeze Sample", date(1961, 5, 4), "MRN 1001", "adaeze@example.org", "left knee", "osteoarthritis of the knee",
        "stairs without holding on", "left", 7,
        (
            Coming(0, time(8, 30), "treated", (7, 6), 4),
            Coming(2, time(8, 30), "treated", (6, 6), 5),
            Coming(4, time(8, 30), "treated", (6, 6), 5),
            Coming(TODAY, time(9, 0)),
            Coming(TODAY + 2, time(9, 0)),
        ),
        codes=("M17.12",),
        necessity="Pain and stiffness keep her from stairs; heat eases both before exercise.",
        payer="medicare-part-b",
        function=("walking stairs", 3),
        history="Worse since the winter; nothing broken in the picture.",
    ),
    Patient(
        "Bruno Exemplar", date(1975, 2, 1), "MRN 1002", "+49 555 0101, bruno@example.org", "lumbar", "low back pain", "a working day without tablets", "left", 6,
        (
            Coming(0, time(9, 15), "treated", (6, 5)),
            Coming(1, time(9, 15), "treated", (5, 5)),
            Coming(3, time(9, 15), "treated", (5, 4)),
        ),
        codes=("M54.50",),
        necessity="Guarding keeps him from bending; heat eases it before exercise.",
        payer="example-commercial",
        ends=True,
    ),
    Patient(
        "Clara Beispiel", date(1988, 11, 30), "MRN 1003", "clara@example.org", "right shoulder", "frozen shoulder", "combing the hair", "right", 5,
        (
            Coming(0, time(15, 0), "treated", (5, 5), 3),
            Coming(2, time(15, 0), "treated", (5, 4), 4),
            Coming(4, time(15, 0), "treated", (5, 4), 4),
            Coming(TODAY, time(15, 0)),
            Coming(TODAY + 1, time(15, 0)),
        ),
        function=("reaching overhead", 3),
    ),
    Patient(
        "Dmitri Fictum", date(1953, 8, 19), "MRN 1004", "dmitri@example.org", "neck", "neck pain, no radiation", "reversing the car", "left", 8,
        (
            Coming(1, time(10, 30), "treated", (8, 8)),
            Coming(2, time(10, 30), "treated", (8, 7)),
            Coming(3, time(10, 30), "no-show"),
            Coming(4, time(10, 30), "treated", (7, 7)),
            Coming(TODAY, time(10, 30)),
            Coming(TODAY + 1, time(10, 30)),
        ),
        answers=(("metal", Answer.YES),),
    ),
    Patient(
        "Elif Muster", date(1996, 1, 12), "MRN 1005", "elif@example.org", "right thigh", "strained muscle, four weeks old", "running again", "left", 4,
        (
            Coming(1, time(14, 0), "treated", (4, 4)),
            Coming(3, time(14, 0), "stopped", (4, 4)),
            Coming(TODAY + 2, time(14, 0)),
        ),
    ),
    Patient(
        "Finn Placeholder", date(1970, 7, 7), "MRN 1006", "finn@example.org", "left elbow", "tennis elbow", "a whole match", "left", 6,
        (
            Coming(2, time(11, 30), "treated", (6, 6)),
            Coming(3, time(11, 30), "treated", (6, 5)),
            Coming(TODAY, time(11, 30)),
            Coming(TODAY + 1, time(11, 30)),
        ),
    ),
    Patient(
        "Greta Noname", date(1945, 3, 28), "MRN 1007", "555 0177", "right knee", "osteoarthritis of the knee", "the way to the shops", "right", 7,
        (
            Coming(2, time(16, 0), "treated", (7, 6)),
            Coming(4, time(16, 0), "treated", (6, 6)),
            Coming(TODAY + 1, time(16, 0)),
        ),
        messages=False,
        answers=(("age", Answer.YES),),
    ),
    Patient(
        "Hugo Nobody", date(2001, 9, 15), "MRN 1008", "hugo@example.org", "left ankle", "sprain", "jumping", "left", 5,
        (
            Coming(4, time(13, 0), "refused", (5, 5)),
            Coming(TODAY + 3, time(13, 0)),
        ),
        answers=(("acute-injury", Answer.YES),),
    ),
    Patient(
        "Ines Invented", date(1982, 12, 2), "MRN 1009", "ines@example.org", "upper back", "tension of the upper back", "a day at the desk", "left", 5,
        (
            Coming(TODAY, time(13, 0)),
            Coming(TODAY + 2, time(13, 0)),
        ),
        protocol="luminous-ir",
    ),
)  # fmt: skip
