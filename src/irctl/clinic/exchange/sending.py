"""Telling other systems of what was signed: each visit, as FHIR, as results, as charges, by way of the outbox.

What should have been told is compared with what was, so nothing depends on having seen a signature being given.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from irctl.clinic.acting import Acting
from irctl.clinic.care.courses import VISIT
from irctl.clinic.desk import Desk
from irctl.clinic.handover import dossiers, leaving
from irctl.clinic.office.notices import ITSELF, settle, tell
from irctl.clinic.settings import SendSection, SignInSection
from irctl.documents import claims
from irctl.documents.claims import Claim, Verdict
from irctl.documents.course import render_pdf
from irctl.documents.dossier import Dossier
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.examples import examples
from irctl.interop.fhir import Codes, bundle, load_codes
from irctl.interop.fhir.client import FhirServer
from irctl.interop.fhir.smart import Credentials, SmartAuth, read_key
from irctl.interop.hl7 import Mllp, Naming, charges, load_naming, results
from irctl.interop.outbox import Parcel, Sender, State
from irctl.records.papers import Paper, Wanted

EVERY_S = 15.0
BACK = timedelta(days=90)
"""So long after a visit its signature, or another version, is still told."""
AGAIN = timedelta(minutes=30)
"""Until a visit is looked at again whose journal was away, or whose claim is held."""
SIGNED = ("signed",)
ABOUT = "outbox"


@dataclass(frozen=True, slots=True)
class Target:
    """One system, ready to be told."""

    section: SendSection
    sender: Sender
    names: Codes | Naming


class Sending:
    """Of one clinic. Raises Refused where a section of its file cannot be followed."""

    def __init__(self, desk: Desk, state: Path) -> None:
        self._desk = desk
        self.targets: Mapping[str, Target] = {
            name: _target(name, section, state) for name, section in desk.file.send.items()
        }
        self._settled: dict[tuple[str, str], int] = {}
        """Version of a visit that needs nothing more, by target and visit."""
        self._not_before: dict[tuple[str, str], datetime] = {}
        """When to look again at what could not be put there."""

    async def keep(self) -> None:
        """As long as the clinic runs. What cannot be done now is tried again."""
        while True:
            now = self._desk.now()
            try:
                await self.round(now)
            except Refused as refused:
                tell(self._desk, ABOUT, f"could not be kept: {refused}", "Look at the records' disk", "medium", now)
            await asyncio.sleep(EVERY_S)

    async def round(self, now: datetime) -> None:
        """Put there what is missing, send what can be sent, and say what was refused. Raises Refused."""
        await self.plan(now)
        await self._desk.outbox.step({name: target.sender for name, target in self.targets.items()}, now)
        await self._desk.run(self._say, now)

    async def plan(self, now: datetime) -> None:
        """Put into the outbox what is signed and not there yet. A visit whose journal is out of reach, or whose claim is held, comes later."""
        if not self.targets:
            return
        signed = await self._desk.run(
            self._desk.papers.find, VISIT, Wanted(since=now - BACK, states=SIGNED, limit=10_000)
        )
        for visit in signed:
            wanting = [name for name in self.targets if self._settled.get((name, visit.id)) != visit.number]
            wanting = [name for name in wanting if self._not_before.get((name, visit.id), now) <= now]
            wanting = [name for name in wanting if not self._told(name, visit)]
            if wanting and visit.index.parent:
                await self._put(visit, wanting, now)

    def _told(self, target: str, visit: Paper) -> bool:
        if self._desk.outbox.known(target, _name(visit)):
            self._settled[target, visit.id] = visit.number
            return True
        return False

    async def _put(self, visit: Paper, targets: list[str], now: datetime) -> None:
        desk = self._desk
        gathered = await dossiers.gather_for(
            desk, ITSELF.login, now, visit.index.parent or "", f"told to {', '.join(targets)}"
        )
        self._not_before |= {(name, visit.id): now + AGAIN for name in targets}
        if (visit.index.session or "") in gathered.away:
            return
        others = await leaving.others_of(desk, ITSELF.login, now, gathered.dossier)
        rules = leaving.rules_of(desk, gathered.dossier.coverage.payer)
        judged = {claim.visit: claim for claim in claims.check(gathered.dossier, rules, others)}
        for name in targets:
            try:
                body = await desk.run(_body, self.targets[name], gathered.dossier, judged[visit.id], now)
            except Refused as refused:
                if self.targets[name].section.what != "charges":
                    tell(desk, f"{ABOUT} {name}", f"{name}: {refused}", "Look at the visit", "low", now)
                continue  # of charges the course's page says why; once that is put right they go
            about = f"{self.targets[name].section.what} of visit {visit.id}, version {visit.number}"
            await desk.run(
                self._desk.outbox.put, name, _name(visit), visit.id, visit.index.patient or "", about, body, now
            )

    def _say(self, now: datetime) -> None:
        """What was refused stands on the day board until a person has decided."""
        refused = self._desk.outbox.listed([State.REFUSED])
        if refused:
            text = f"{len(refused)} not taken by their receiver; the newest: {refused[0].about}"
            tell(self._desk, ABOUT, text, "Decide, under Settings → Outbox", "medium", now)
        else:
            settle(self._desk, ABOUT, "everything was taken", now)


def _body(target: Target, dossier: Dossier, claim: Claim, now: datetime) -> bytes:
    """As it is sent. Raises Refused, for charges that are kept back, too."""
    match target.names:
        case Codes() as codes:
            notes = {claim.visit: render_pdf(dossier, claim.visit)}
            ready = [claim] if claim.verdict is Verdict.BILL else []
            whole = target.section.full_patient
            made = bundle(dossier, codes, notes=notes, claims=ready, visits=[claim.visit], full_patient=whole)
            return json.dumps(made).encode()
        case Naming() as naming if target.section.what == "charges":
            return charges(dossier, claim, naming, now).text.encode()
        case Naming() as naming:
            return results(dossier, dossier.visit(claim.visit), naming, now).text.encode()


def waiting(desk: Desk, acting: Acting) -> list[Parcel]:
    """What waits and what was refused, newest first. Raises Refused."""
    acting.require(Verb.SEE_PATIENT)
    return desk.outbox.listed()


def retry(desk: Desk, acting: Acting, parcel: str) -> None:
    """Send again what was refused. Raises Refused."""
    desk.outbox.retry(parcel, acting.require(Verb.SIGN), acting.at)


def give_up(desk: Desk, acting: Acting, parcel: str, reason: str) -> None:
    """Never send it; the reason stays. Raises Refused."""
    desk.outbox.give_up(parcel, acting.require(Verb.SIGN), reason, acting.at)


def _name(visit: Paper) -> str:
    return f"{visit.id} version {visit.number}"


def _target(name: str, section: SendSection, state: Path) -> Target:
    if section.what == "fhir":
        codes = load_codes(state / section.names if section.names else None)
        auth = auth_of(f"send.{name}", section.to, section, state)
        return Target(section, FhirServer(section.to, auth=auth), codes)
    naming = load_naming(state / section.names if section.names else examples() / "interop" / "hl7.toml")
    parts = urlsplit(section.to)
    if parts.scheme != "mllp" or not parts.hostname or not parts.port:
        raise Refused([Problem(f"send.{name}.to", section.to, "is no address", "Such as mllp://127.0.0.1:2575")])
    return Target(section, Mllp(parts.hostname, parts.port), naming)


def auth_of(field: str, url: str, section: SignInSection, state: Path) -> SmartAuth | None:
    """None where the server asks for none. Raises Refused."""
    if section.client_id is None:
        return None
    if section.key is None:
        raise Refused([Problem(f"{field}.key", None, "is missing", "Name the file of the private key")])
    return SmartAuth(url, Credentials(section.client_id, section.key_id, read_key(state / section.key)))
