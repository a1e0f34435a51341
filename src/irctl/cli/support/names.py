"""What stands for the names in a station file: "lamp-1" is its first lamp. People chose those names, so they stay here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from irctl.cli.support.cleaning import LEFT_OUT

if TYPE_CHECKING:
    from irctl.clinic.settings import ClinicFile
    from irctl.controller.config import StationFile


class Names:
    """Of one station, and of the clinic that it belongs to. Each method is a kind (see cleaning.py)."""

    def __init__(self, station: StationFile | None, clinic: ClinicFile | None) -> None:
        self._lamps = _numbered("lamp", station.lamps if station else ())
        self._lines = _numbered("line", station.lines if station else ())
        self._devices = _numbered("device", station.devices if station else ())
        self._interlocks = _numbered("interlock", station.interlocks if station else ())
        self._meters = _numbered("meter", station.meters if station else ())
        self._stations = _numbered("station", clinic.stations if clinic else ())
        self._systems = _numbered("system", (*clinic.send, *clinic.receive) if clinic else ())
        self._all = {
            **self._systems,
            **self._stations,
            **self._interlocks,
            **self._meters,
            **self._devices,
            **self._lines,
            **self._lamps,
        }

    def lamp(self, name: Any) -> Any:
        return _of(self._lamps, name)

    def line(self, name: Any) -> Any:
        return _of(self._lines, name)

    def device(self, name: Any) -> Any:
        return _of(self._devices, name)

    def interlock(self, name: Any) -> Any:
        return _of(self._interlocks, name)

    def meter(self, name: Any) -> Any:
        return _of(self._meters, name)

    def station(self, name: Any) -> Any:
        return _of(self._stations, name)

    def system(self, name: Any) -> Any:
        return _of(self._systems, name)

    def any(self, name: Any) -> Any:
        """Where it is not said of what it is the name."""
        return _of(self._all, name)

    def channel(self, ref: Any) -> Any:
        """ "dimmer.1" is "device-1.1"."""
        if not isinstance(ref, str):
            return None if ref is None else LEFT_OUT
        name, dot, channel = ref.partition(".")
        told = self.device(name)
        return LEFT_OUT if told == LEFT_OUT or (dot and not channel.isdecimal()) else f"{told}{dot}{channel}"

    def leased(self, ref: Any) -> Any:
        """ "left.emitter" is "lamp-1.emitter"."""
        name, _, role = str(ref).partition(".")
        told = self.lamp(name)
        return f"{told}.{role}" if told != LEFT_OUT and role in ("emitter", "cutoff") else LEFT_OUT


def _numbered(kind: str, names: Iterable[str]) -> Mapping[str, str]:
    return {name: f"{kind}-{number}" for number, name in enumerate(names, start=1)}


def _of(known: Mapping[str, str], name: Any) -> Any:
    if name is None:
        return None
    return known.get(name, LEFT_OUT) if isinstance(name, str) else LEFT_OUT
