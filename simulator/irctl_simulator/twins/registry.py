"""Which twins there are: those that come with the simulator, and those of installed packages."""

from __future__ import annotations

from importlib.metadata import entry_points

from irctl_simulator.twins.base import RegisterTwin
from irctl_simulator.twins.beckhoff import Bk9000, Ek9000
from irctl_simulator.twins.calex import CalexPyroMiniBus
from irctl_simulator.twins.contacts import Adam6050, MoxaE1210
from irctl_simulator.twins.drr245 import Drr245
from irctl_simulator.twins.gentec import Gentec
from irctl_simulator.twins.jy_dam import JyDam
from irctl_simulator.twins.korad import Korad
from irctl_simulator.twins.mdm3 import Mdm3
from irctl_simulator.twins.mightex_slc import MightexSlc
from irctl_simulator.twins.ophir import Ophir
from irctl_simulator.twins.pm100 import Pm100
from irctl_simulator.twins.pyranometers import ApogeeSp, KippZonenSmp
from irctl_simulator.twins.r4dcb08 import R4dcb08
from irctl_simulator.twins.riden import Riden
from irctl_simulator.twins.scpi_supply import ScpiSupply
from irctl_simulator.twins.sr05 import HuksefluxSr05
from irctl_simulator.twins.text import TextTwin
from irctl_simulator.twins.tm_modules import TmDa1p1r1, TmR5
from irctl_simulator.twins.waveshare import WaveshareIo8, WaveshareRelay
from irctl_simulator.twins.wirenboard import Mao4, Mr6cV3

TWIN_GROUP = "irctl.twins"
"""Entry points by which other packages bring twins, each called like its kind."""


REGISTER_TWINS: tuple[type[RegisterTwin], ...] = (
    Mdm3,
    TmR5,
    WaveshareRelay,
    WaveshareIo8,
    HuksefluxSr05,
    CalexPyroMiniBus,
    TmDa1p1r1,
    Mr6cV3,
    Mao4,
    JyDam,
    Drr245,
    Riden,
    ApogeeSp,
    KippZonenSmp,
    R4dcb08,
    MoxaE1210,
    Adam6050,
    Ek9000,
    Bk9000,
)
TEXT_TWINS: tuple[type[TextTwin], ...] = (Ophir, Gentec, Pm100, ScpiSupply, Korad, MightexSlc)
TWINS: dict[str, type[RegisterTwin | TextTwin]] = {twin.kind: twin for twin in (*REGISTER_TWINS, *TEXT_TWINS)}


def twin_of(kind: str) -> type[RegisterTwin | TextTwin]:
    """Shipped, or of an installed package. Raises ValueError naming those there are."""
    if kind in TWINS:
        return TWINS[kind]
    brought = {entry.name: entry for entry in entry_points(group=TWIN_GROUP)}
    if kind not in brought:
        raise ValueError(f"there is no twin {kind!r}; known are {', '.join(sorted({*TWINS, *brought}))}")
    twin = brought[kind].load()
    if not (isinstance(twin, type) and issubclass(twin, RegisterTwin | TextTwin)):
        raise ValueError(f"twin {kind!r} ({brought[kind].value}) is no RegisterTwin and no TextTwin")
    return twin
