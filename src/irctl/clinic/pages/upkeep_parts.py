"""What the pages that keep lamps true have in common: at which station a lamp is, how a check and a deviation are said."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from irctl.clinic.drawing.markup import tag
from irctl.clinic.lamps.stations import Station
from irctl.clinic.screens.screen import Here
from irctl.clinic.words import tr
from irctl.domain.problems import Problem, Refused

View = Mapping[str, Any]
TONES = {"pass": ("good", "check"), "warn": ("warn", "warn"), "fail": ("bad", "no")}


def asked_station(here: Here) -> Station:
    """The one that the address names, else the one that this workstation stands at. Raises Refused."""
    name = here.request.query_params.get("station", "")
    if not name:
        return here.station
    if name not in here.desk.stations:
        raise Refused([Problem("station", name, "is not one of the clinic's", "Begin at Calibrate")])
    return here.desk.stations[name]


def address(here: Here, station: Station, *parts: str) -> str:
    """Of a page about something at a station."""
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    return path if station is here.station else f"{path}?station={quote(station.name, safe='')}"


def verdict_word(verdict: str) -> str:
    words = {"pass": tr("Passed"), "warn": tr("Passed, with a warning"), "fail": tr("Failed")}
    return words.get(verdict, verdict)


def verdict_tag(verdict: str) -> str:
    """As markup: sign and word."""
    return tag(*TONES.get(verdict, ("warn", "warn")), verdict_word(verdict))


def deviated(error_pct: float, expanded_pct: float) -> str:
    """ "+1.2 % ± 7.7 %"."""
    return f"{error_pct:+z.1f} % ± {expanded_pct:.1f} %"
