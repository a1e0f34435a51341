"""What may leave of the station's and the clinic's file: every key by name. No name, address, number, path, host or secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from irctl.cli.support.cleaning import LEFT_OUT, Kind, Named, cleaned, count, figure, given, listed, words
from irctl.cli.support.names import Names
from irctl.domain.upkeep import Kind as Work

if TYPE_CHECKING:
    from irctl.clinic.settings import ClinicFile
    from irctl.controller.config import DeviceSection, StationConfig

LOOPBACK = ("127.0.0.1", "::1", "localhost")
OWN_MAP = "(a map of its own)"
LAMP_TYPES = ("halogen", "ceramic", "wira", "led")
SCHEMES = ("http", "https", "mllp", "tcp", "socket", "rfc2217", "sim", "sqlite", "postgresql", "postgresql+psycopg")
LIMITS = ("irradiance_mw_cm2_max", "fluence_j_cm2_max", "duration_s_max", "skin_c_max", "day_fluence_j_cm2_max", "interval_s_min")  # fmt: skip
UPKEEP = (
    "tolerance_pct", "positioning_cm", "drift_allowance_pct", "interval_days", "interval_hours", "check_every_hours", "levels_pct",
    "check_levels_pct", "distances_cm", "repeats", "samples",
)  # fmt: skip


def told_station(config: StationConfig, names: Names) -> Any:
    """The station file, as it was understood: with what is usual where it says nothing."""
    file = config.file
    told = file.model_dump(mode="json")
    lamp = {
        **dict.fromkeys(("lease_s", "cutoff_lease_s", "distance_cm", "tick_s", "idle_s", "housing_c_max"), figure),
        "title": given, "serial": given, "calibration": given, "emitter": names.channel, "cutoff": names.channel, "radiometer": names.channel,
        "skin": names.channel, "housing": names.channel, "interlocks": listed(names.interlock), "limits": dict.fromkeys(LIMITS, figure),
        "attendance": dict.fromkeys(("every_s", "answer_within_s", "dimmed_s"), figure),
        "upkeep": {
            **dict.fromkeys(UPKEEP, figure), "lamp_type": words(LAMP_TYPES), "response": listed(dict.fromkeys(("fraction", "tau_s"), figure)),
            "maintenance": listed({"kind": words([*Work]), "every_days": figure, "every_hours": figure}),
        },
    }  # fmt: skip
    line = {
        **dict.fromkeys(("baud", "local_echo", "broadcast_turnaround_s"), figure),
        "port": port, "protocol": words(("modbus", "text")), "format": words(("8N1", "8N2", "8E1", "8O1", "8E2", "8O2")),
    }  # fmt: skip
    shape = {
        "station": {
            "mode": words(("simulation", "clinical")),
            "name": given,
            "laboratory": given,
            "address": given,
            "owner": given,
        },
        "api": {"host": host, "port": figure},
        "journal": {"anchor": place, "file_mb_max": figure},
        "clinic": {"enabled": figure, "day_begins": hour, "port": figure, "origins": count},
        "people": {"sign_in": figure},
        "bench": {"burn_in": figure},
        "fleet": {"host": host, "port": figure},
        "lines": Named(names.line, line),
        "interlocks": Named(names.interlock, names.channel),
        "stop": {"contacts": listed(names.interlock), "may_clear": count},
        "meters": Named(names.meter, {"device": names.device, "certificate": given}),
        "lamps": Named(names.lamp, lamp),
    }
    devices = {names.device(name): _device(section, config, names) for name, section in file.devices.items()}
    return cleaned(shape, {name: one for name, one in told.items() if name != "devices"}) | {"devices": devices}


def told_clinic(file: ClinicFile, names: Names) -> Any:
    """The clinic's file. Of its staff how many there are."""
    sign_in = {"client_id": given, "key_id": given, "key": place}
    shape = {
        "clinic": {
            "language": words(("en", "de")), "zone": words(available_timezones()), "host": host, "port": figure, "day_begins": hour, "opens": hour,
            "closes": hour, "closed": figure, "name": given, "address": given, "phone": given, "npi": given, "tax_id": given, "certificate": place, "key": place,
        },
        "records": {"database": scheme, "key": place},
        "stations": Named(names.station, {"url": url, "own_url": url, "browser_url": url}),
        "mail": {
            "host": host, "port": figure, "sender": given, "user": given, "password_file": place, "security": words(("starttls", "tls", "none")),
            "remind_hours_before": figure, "after_care_hours": figure,
        },
        "keeping": {"folder": place, "at": hour, "daily": figure, "years": figure, "verify_at": hour},
        "send": Named(names.system, {**sign_in, "what": words(("fhir", "results", "charges")), "to": url, "names": place, "full_patient": figure}),
        "receive": Named(names.system, {**sign_in, "what": words(("hl7", "fhir")), "at": url, "every_min": figure, "number_system": given}),
        "staff": count, "protocols": place, "screening": place, "payers": place, "templates": place, "demonstration": figure, "simulator": given,
    }  # fmt: skip
    return cleaned(shape, file.model_dump(mode="json"))


def _device(section: DeviceSection, config: StationConfig, names: Names) -> Mapping[str, Any]:
    """With the options that its driver knows: figures, and words of those that the driver offers to choose from."""
    from irctl.devices.finding import find_driver

    driver = find_driver(section.driver, config.path.parent)
    own = section.driver.endswith(".toml")
    known = {} if own else {name: _option(field.annotation) for name, field in driver.options.model_fields.items()}
    return {
        "driver": OWN_MAP if own else driver.name,
        "line": names.line(section.line),
        "unit": section.unit,
        "options": cleaned(known, section.options),
    }


def _option(annotation: Any) -> Kind:
    choice = words([one for one in _within(annotation) if isinstance(one, str)])
    return lambda value: choice(value) if isinstance(value, str) else figure(value)


def _within(annotation: Any) -> list[Any]:
    inside = get_args(annotation)
    return [annotation] if not inside else [one for part in inside for one in _within(part)]


# --- kinds -----------------------------------------------------------------------------------------------------------------


def port(value: Any) -> Any:
    """What sort of port it is: /dev/ttyUSB, /dev/serial/by-id, tcp://, a COM port."""
    text = str(value)
    for begins in (
        "/dev/serial/by-id/",
        "/dev/serial/by-path/",
        "/dev/ttyUSB",
        "/dev/ttyACM",
        "/dev/ttyS",
        "/dev/ttyAMA",
        "/dev/",
        "COM",
    ):
        if text.startswith(begins):
            return f"{begins}…"
    return scheme(value)


def scheme(value: Any) -> Any:
    if value is None:
        return None
    found = str(value).partition(":")[0]
    return f"{found}://…" if found in SCHEMES else LEFT_OUT


def url(value: Any) -> Any:
    """How it is spoken to, whether on this computer, and at which port."""
    if value is None:
        return None
    try:
        parts = urlsplit(str(value))
        return {"scheme": scheme(value), "host": host(parts.hostname), "port": parts.port}
    except ValueError:
        return LEFT_OUT


def host(value: Any) -> Any:
    if value is None:
        return None
    return "this computer" if value in LOOPBACK else "another computer, or all addresses"


def place(value: Any) -> Any:
    """Of a path, whether it leads elsewhere than the folder that such names are in."""
    if value in (None, ""):
        return None
    return "(a path from the root)" if PurePath(str(value)).is_absolute() else "(in its folder)"


def hour(value: Any) -> Any:
    from datetime import time

    try:
        return time.fromisoformat(str(value)).isoformat()
    except ValueError:
        return LEFT_OUT
