"""Listening to other systems, and asking them: HL7 messages as they come, FHIR servers every so often. What is understood waits in the inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from irctl.clinic.desk import Desk
from irctl.clinic.exchange import incoming
from irctl.clinic.exchange.incoming_forms import MEANING, of_fhir, of_hl7
from irctl.clinic.exchange.sending import auth_of
from irctl.clinic.office.notices import settle, tell
from irctl.clinic.settings import ReceiveSection
from irctl.domain.problems import Problem, Refused
from irctl.interop.fhir.client import FhirServer
from irctl.interop.fhir.imported import PatientFound, search_appointments, search_patients
from irctl.interop.hl7.mllp import serve
from irctl.interop.hl7.reading import Appointment, HlError, PatientNews
from irctl.listening import LOOPBACK
from irctl.records.papers import Wanted

AHEAD = timedelta(days=60)
"""How far a FHIR server is asked for appointments."""
LOOK_EVERY_S = 15.0


class Receiving:
    """Of one clinic. Raises Refused where a section of its file cannot be followed."""

    def __init__(self, desk: Desk, state: Path) -> None:
        self._desk = desk
        self._listens: dict[str, tuple[str, int]] = {}
        self._asks: dict[str, tuple[ReceiveSection, FhirServer]] = {}
        for name, section in desk.file.receive.items():
            if section.what == "hl7":
                self._listens[name] = _listening_at(name, section.at)
            else:
                server = FhirServer(section.at, auth=auth_of(f"receive.{name}", section.at, section, state))
                self._asks[name] = (section, server)

    async def keep(self) -> None:
        """As long as the clinic runs."""
        async with asyncio.TaskGroup() as tasks:
            for name, (host, port) in self._listens.items():
                tasks.create_task(self._listen(name, host, port))
            for name, (section, server) in self._asks.items():
                tasks.create_task(self._ask(name, section, server))
            tasks.create_task(self._say())

    # --- HL7 -----------------------------------------------------------------------------------------------------------------

    async def _listen(self, name: str, host: str, port: int) -> None:
        try:
            server = await self.listen(name, host, port)
        except OSError as error:
            why = f"cannot listen at {host}:{port} for {name}: {error.strerror or error}"
            tell(
                self._desk,
                _about(name),
                why,
                "End what uses the port, and start irctl again",
                "medium",
                self._desk.now(),
            )
            return
        settle(self._desk, _about(name), "listens", self._desk.now())
        async with server:
            await server.serve_forever()

    async def listen(self, name: str, host: str, port: int) -> asyncio.Server:
        """Acknowledges what is in the inbox, and only that. Raises OSError."""
        desk = self._desk

        async def take(told: Appointment | PatientNews) -> None:
            try:
                await desk.run(incoming.keep, desk, of_hl7(name, told), desk.now())
            except ValueError as error:  # longer than a record takes
                raise HlError("PID-5", str(error).splitlines()[0]) from None

        return await serve(host, port, take, desk.now, desk.zone)

    # --- FHIR ----------------------------------------------------------------------------------------------------------------

    async def _ask(self, name: str, section: ReceiveSection, server: FhirServer) -> None:
        desk = self._desk
        while True:
            now = desk.now()
            try:
                await self.ask(name, section, server, now)
                settle(desk, _about(name), "answers", now)
            except (httpx.HTTPError, Refused, ValueError, LookupError, TypeError) as error:
                told = str(error) or type(error).__name__
                tell(
                    desk, _about(name), f"{name} cannot be asked: {told}", "Look at its address and its log", "low", now
                )
            await asyncio.sleep(section.every_min * 60)

    async def ask(self, name: str, section: ReceiveSection, server: FhirServer, now: datetime) -> None:
        """Appointments from today on, and who they are for. Raises httpx.HTTPError, Refused."""
        day = now.date()
        found = await search_appointments(server, date=f"ge{day.isoformat()}")
        ahead = [one for one in found.values if one.start <= now + AHEAD and one.status in MEANING]
        known = await _who(server, section.number_system, {one.patient for one in ahead if one.patient})
        for one in ahead:
            if (news := of_fhir(name, one, known.get(one.patient))) is not None:
                await self._desk.run(incoming.keep, self._desk, news, now)

    # --- told ----------------------------------------------------------------------------------------------------------------

    async def _say(self) -> None:
        """That something waits stands on the day board."""
        desk, about = self._desk, "inbox"
        while True:
            now = desk.now()
            waiting = await desk.run(desk.papers.find, incoming.KIND, Wanted(states=(incoming.State.WAITING,)))
            if waiting:
                tell(
                    desk,
                    about,
                    f"In the inbox: {len(waiting)}, told by other systems",
                    "Take over or set aside, under Settings → Inbox",
                    "low",
                    now,
                )
            else:
                settle(desk, about, "nothing waits", now)
            await asyncio.sleep(LOOK_EVERY_S)


def _about(name: str) -> str:
    return f"inbox {name}"


def _listening_at(name: str, at: str) -> tuple[str, int]:
    parts = urlsplit(at)
    if parts.scheme != "mllp" or not parts.hostname or not parts.port:
        raise Refused([Problem(f"receive.{name}.at", at, "is no address", "Such as mllp://127.0.0.1:2575")])
    if parts.hostname not in LOOPBACK:
        limit = "would take patients' data from anybody, unencrypted"
        raise Refused([Problem(f"receive.{name}.at", at, limit, "Use 127.0.0.1, and put a TLS tunnel before it")])
    return parts.hostname, parts.port


async def _who(server: FhirServer, number_system: str, places: set[str]) -> Mapping[str, PatientFound]:
    """By place, such as "Patient/17". Raises httpx.HTTPError."""
    wanted = sorted(place.rpartition("/")[2] for place in places)
    found: dict[str, PatientFound] = {}
    for begin in range(0, len(wanted), 20):
        told = await search_patients(server, number_system, _id=",".join(wanted[begin : begin + 20]))
        found |= {one.place: one for one in told.values}
    return {place: found[key] for place in places if (key := f"Patient/{place.rpartition('/')[2]}") in found}
