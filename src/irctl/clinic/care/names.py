"""Patients' names on an open screen: each is looked up, and its look written down, once for as long as the screen is open, however often it is drawn anew."""

from __future__ import annotations

from collections.abc import Iterable

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.domain.people import Verb


class Names:
    """Of one screen. `why`: what the record of looks says of it."""

    def __init__(self, desk: Desk, why: str) -> None:
        self._desk, self._why = desk, why
        self._known: dict[str, str] = {}

    def of(self, acting: Acting, patients: Iterable[str]) -> dict[str, str]:
        """By reference. Raises Refused for those who may not see patients."""
        person = acting.require(Verb.SEE_PATIENT)
        wanted = set(patients)
        if unknown := sorted(wanted - self._known.keys()):
            found = self._desk.patients.several(unknown, person.login, self._why, acting.at)
            # Where nobody has written down who it is, the board goes on with the reference.
            self._known |= {one: found[one].person.name if one in found else one for one in unknown}
        return {patient: self._known[patient] for patient in wanted}
