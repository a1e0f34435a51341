"""The clinic's own file: its name, its database, the stations it follows, how it sends messages, what it keeps and for how long."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from irctl.domain.problems import Problem, Refused
from irctl.listening import LOOPBACK
from irctl.toml_file import Name, Positive, Strict, parse, read

PORT = 8971


Npi = Annotated[str, Field(pattern=r"^([0-9]{10})?$")]


class AboutSection(Strict):
    """`zone`: an IANA name; the computer's own where not given. `npi`, `tax_id`: the US provider's numbers, for documents and claims."""

    name: Annotated[str, Field(min_length=1, max_length=120)] = "Clinic"
    address: Annotated[str, Field(max_length=200)] = ""
    phone: Annotated[str, Field(max_length=60)] = ""
    npi: Npi = ""
    tax_id: Annotated[str, Field(max_length=20)] = ""
    zone: str | None = None
    language: Literal["en", "de"] = "en"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = PORT
    certificate: str | None = None
    key: str | None = None
    """Of the pages, PEM, in the state folder: for browsers on other computers."""
    day_begins: time = time(7)
    opens: time = time(8)
    closes: time = time(18)
    closed: tuple[int, ...] = Field(default=(5, 6), strict=False)
    """Weekdays without appointments; Monday is 0."""


class StaffSection(Strict):
    """What documents and claims say of somebody beside the name. `credentials` as printed after it; `npi`: the US provider number."""

    credentials: Annotated[str, Field(max_length=40)] = ""
    npi: Npi = ""


class RecordsSection(Strict):
    """`database`: as for `irctl records`; `key`: the key file, kept elsewhere than the database in earnest. Both relative to the state folder."""

    database: str | None = None
    key: str = "records.key"


class StationSection(Strict):
    """One controller that this clinic follows. `url`: as this process reaches it; `own_url`: as a browser on the controller's own computer does.

    `browser_url`: as every browser does, where there is such an address; otherwise those elsewhere reach it by way of the clinic.
    """

    url: Annotated[str, Field(min_length=1)]
    own_url: str | None = None
    browser_url: str | None = None


class MailSection(Strict):
    """Where messages are handed in. Without this section none is sent: they wait."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    sender: str
    user: str | None = None
    password_file: str | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    remind_hours_before: Positive = 24.0
    after_care_hours: Positive = 24.0


class SignInSection(Strict):
    """How this clinic signs in at a FHIR server that asks for it (SMART backend services). `key`: the private key, PEM, in the state folder."""

    client_id: str | None = None
    key_id: str = ""
    key: str | None = None


class SendSection(SignInSection):
    """One system that is told of every signed visit. `to`: an address (https://… for fhir, mllp://HOST:PORT for results and charges); the files are in the state folder."""

    what: Literal["fhir", "results", "charges"]
    to: Annotated[str, Field(min_length=1)]
    names: str | None = None
    """Codes (fhir) or names (HL7) of this site; irctl's examples where not given."""
    full_patient: bool = False
    """Name and birthday go along; otherwise the clinic's number only."""


class ReceiveSection(SignInSection):
    """One system that tells of patients and appointments. `at`: where HL7 is listened for (mllp://127.0.0.1:PORT), or the FHIR server that is asked every `every_min`."""

    what: Literal["hl7", "fhir"]
    at: Annotated[str, Field(min_length=1)]
    every_min: Positive = 15.0
    number_system: str = ""
    """Of a FHIR server's identifiers, the one that is this clinic's record number; the first there is where not given."""


class KeepingSection(Strict):
    """Back-ups at `at` of each day into `folder`; the newest `daily` of them are kept. Records older than `years` are listed for review, never deleted by themselves."""

    folder: str = "backups"
    at: time = time(2)
    daily: Annotated[int, Field(ge=1, le=3660)] = 30
    years: Annotated[float, Field(ge=1, le=100)] = 10.0
    verify_at: time = time(3)


class MetricsSection(Strict):
    """Who may read the figures for Prometheus: programs of this computer; with a `token_file`, in the state folder, whoever has the token and nobody else."""

    token_file: str | None = None


class ClinicFile(Strict):
    clinic: AboutSection = AboutSection()
    records: RecordsSection = RecordsSection()
    stations: dict[Name, StationSection] = Field(default={})
    mail: MailSection | None = None
    keeping: KeepingSection = KeepingSection()
    metrics: MetricsSection = MetricsSection()
    send: dict[Name, SendSection] = Field(default={})
    receive: dict[Name, ReceiveSection] = Field(default={})
    staff: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")], StaffSection] = Field(default={})
    """By login."""
    protocols: str | None = None
    """A folder of protocol files; the examples of irctl where not given."""
    screening: str | None = None
    """A screening list's file; the example of irctl where not given."""
    payers: str | None = None
    """A folder of payers' rules; the examples of irctl where not given."""
    templates: str | None = None
    """A folder of the clinic's own templates of papers; what is not in it is set by irctl's."""
    demonstration: bool = False
    """Signs in by itself as the demonstration's clinician, and lets faults be put into the simulator. Refused unless every station is simulated."""
    simulator: str | None = None
    """Its control socket, as "127.0.0.1:40000"; without it a demonstration has no simulated faults."""


def load_clinic(path: Path) -> ClinicFile:
    """Read a clinic file. Raises Refused with everything that is wrong."""
    file = parse(read(path, "clinic"), ClinicFile, path.name)
    about = file.clinic
    if about.opens >= about.closes:
        raise Refused([Problem("clinic.closes", str(about.closes), "is not after it opens", "Correct the hours")])
    if problems := _encryption_problems(about) + [
        Problem(
            f"stations.{name}.url",
            section.url,
            "is on another computer, and not encrypted",
            "Pair with it: `irctl pair offer` there",
        )
        for name, section in file.stations.items()
        if not section.url.startswith("https://") and urlsplit(section.url).hostname not in LOOPBACK
    ]:
        raise Refused(problems)
    return file


def _encryption_problems(about: AboutSection) -> list[Problem]:
    """What people type and see does not cross a network in clear."""
    if (about.certificate is None) != (about.key is None):
        missing = "certificate" if about.certificate is None else "key"
        return [Problem(f"clinic.{missing}", None, "is missing", "Give both, PEM files in the state folder")]
    if about.certificate is None and about.host not in LOOPBACK:
        remedy = 'Give certificate and key, PEM files in the state folder; or use "127.0.0.1"'
        return [
            Problem(
                "clinic.host", about.host, "is not this machine's loopback address, and nothing is encrypted", remedy
            )
        ]
    return []
