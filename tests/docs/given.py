"""Files that a page takes for given: whatever it names is there before its first line is run."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from irctl.documents.exported import render_pdf
from irctl_campaign.virtual import run_virtual
from tests.documents import cms
from tests.documents.calibrations import public
from tests.documents.dossiers import a_dossier
from tests.documents.exports import CLINIC_KEY, an_export, sign
from tests.simulation.world import a_station

CONFIGS = Path(__file__).parents[2] / "configs"

PATIENTS = """number,name,born,contact,at,about,theirs,event
MRN 2001,Bo Sample,1975-02-01,bo@example.org,,,,patient
"""
ADT = (
    "MSH|^~\\&|REG|HOSP|IRCTL|CLINIC|20261126||ADT^A08^ADT_A01|M-2|P|2.5.1\r"
    "PID|1||MRN 2002||Somebody^Ann||19750201\r"
)  # fmt: skip
ULTRASOUND = cms.Row("76881", "0.90", "0.31", "0.04", modifier="26", status="A", in_facility="0.31")


@cache
def _course() -> bytes:
    return a_dossier(12).model_dump_json(indent=1).encode()


def _exported() -> bytes:
    return an_export(sign=sign).as_json()


def _values_2025() -> bytes:
    return cms.values_csv(2025, "32.3465", cms.HEAT_2025, cms.EXERCISE_2025, ULTRASOUND, release="October")


def _exercise(expense: str) -> cms.Row:
    return cms.Row("97110", "0.45", expense, "0.02", status="A")


def _our_knee() -> bytes:
    """An example as a clinic would make its own of it: another name, and nobody's approval yet."""
    text = (CONFIGS / "protocols" / "luminous-ir.toml").read_text(encoding="utf-8")
    return text.replace('name = "luminous-ir"', 'name = "our-knee"', 1).encode()


async def _journal(folder: Path) -> None:
    """With its keys, signed and anchored, as a controller leaves it that has given no light."""
    async with a_station(folder, config=CONFIGS / "demo.toml") as world:
        await asyncio.sleep(60.0)
        await world.process.switch_off()


GIVEN: Mapping[str, Callable[[], bytes]] = {
    "course.json": _course,
    "patients.csv": PATIENTS.encode,
    "patients.hl7": ADT.encode,
    "S-20261123-0001.irctl.json": _exported,
    "note.pdf": lambda: render_pdf(an_export(sign=sign)),
    "journal.pub": lambda: public().hex().encode(),
    "people.pub": lambda: public(CLINIC_KEY).hex().encode(),
    "PPRRVU2025_Oct.csv": _values_2025,
    "GPCI2025.csv": lambda: cms.localities_csv(2025, cms.ALABAMA, cms.ALASKA),
    "PPRRVU24.txt": lambda: cms.values_txt("32.7442", cms.HEAT_2024, _exercise("0.41")),
    "PPRRVU2026.csv": lambda: cms.values_csv(2026, "33.4009", cms.HEAT_2026, _exercise("0.42")),
    "our-knee.toml": _our_knee,
    "clinic.toml": (CONFIGS / "clinic.toml").read_bytes,
}


def give(folder: Path, text: str) -> None:
    """Write what `text` names; what is there already stays as it is."""
    if "journal.jsonl" in text:
        run_virtual(_journal(folder))
    if "station.toml" in text and not (folder / "station.toml").exists():
        shutil.copy(folder / "configs" / "demo.toml", folder / "station.toml")
    for name, made in GIVEN.items():
        path = folder / name
        if name in text and not path.exists():
            path.write_bytes(made())
