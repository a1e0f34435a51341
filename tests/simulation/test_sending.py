"""A course of twelve sessions is told to a FHIR server and over HL7 while the network comes and goes: nothing is lost, nothing doubled."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from irctl.clinic.sending import Sending, Target
from irctl.clinic.settings import SendSection
from irctl.examples import examples
from irctl.interop import outcome
from irctl.interop.fhir import load_codes
from irctl.interop.hl7 import load_naming
from irctl.interop.hl7.reading import header_of
from irctl.interop.outbox import State
from irctl.interop.outcome import Later, Outcome, Sent
from irctl.records.papers import Paper
from irctl_campaign.week_clinic import Clinic
from tests import twelve


class Receiver:
    """Of FHIR or HL7; `away` while its network is cut."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.away = True

    async def send(self, parcel: outcome.Parcel) -> Outcome:
        if self.away:
            return Later("no route")
        self.got.append(parcel.body)
        return Sent("taken")


def test_an_hour_without_a_network_loses_and_doubles_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    ehr, lab, billing = Receiver(), Receiver(), Receiver()

    async def told(clinic: Clinic, _course: Paper) -> list[str]:
        sending = Sending(clinic.desk, Path())
        naming = load_naming(examples() / "interop" / "hl7.toml")
        sending.targets = {
            "ehr": Target(SendSection(what="fhir", to="https://ehr.example.org"), ehr, load_codes()),
            "lab": Target(SendSection(what="results", to="mllp://127.0.0.1:1"), lab, naming),
            "billing": Target(SendSection(what="charges", to="mllp://127.0.0.1:1"), billing, naming),
        }
        now = clinic.desk.now()
        for _ in range(60):
            await sending.round(now)
            now += timedelta(minutes=1)
        waiting = clinic.desk.outbox.listed([State.WAITING])
        for receiver in (ehr, lab, billing):
            receiver.away = False
        for _ in range(20):
            await sending.round(now)
            now += timedelta(minutes=1)
        return [one.told for one in waiting]

    waited = twelve.give(tmp_path_factory.mktemp("sending"), told)
    assert len(waited) == 2 * twelve.VISITS
    assert set(waited) <= {"", "no route"}
    assert len(ehr.got) == len(lab.got) == twelve.VISITS
    assert billing.got == [], "what was simulated is never billed"
    procedures = [entry["resource"] for body in ehr.got for entry in json.loads(body)["entry"]
                  if entry["resource"]["resourceType"] == "Procedure"]  # fmt: skip
    begun = [one["performedPeriod"]["start"] for one in procedures]
    assert len(begun) == twelve.VISITS
    assert begun == sorted(set(begun)), "in their order, each once"
    assert len({header_of(body.decode()).id for body in lab.got}) == twelve.VISITS
