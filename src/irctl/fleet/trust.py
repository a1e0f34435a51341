"""TLS between two that know each other: 1.3 only, both show their certificate, and each accepts exactly one."""

from __future__ import annotations

import ssl
from pathlib import Path

from irctl.domain.problems import Problem, Refused
from irctl.fleet.identity import CERTIFICATE, FOLDER, KEY

CLINIC = "clinic.crt"
"""At a controller: whom the door lets in."""


def station_file(state: Path, name: str) -> Path:
    """At a clinic: the certificate of one station."""
    return state / FOLDER / f"station-{name}.crt"


def of_the_door(state: Path) -> ssl.SSLContext:
    """A controller's side. Raises OSError, ssl.SSLError while it is not paired."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    return _between(context, state, state / FOLDER / CLINIC)


def of_the_clinic(state: Path, name: str) -> ssl.SSLContext:
    """A clinic's side, towards one station. Raises Refused while it is not paired."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # exactly one certificate is accepted: a name in it would add nothing
    try:
        return _between(context, state, station_file(state, name))
    except (OSError, ssl.SSLError) as error:
        why = f"is not paired ({error.strerror or error})"
        remedy = f"`irctl pair offer` at the station, then `irctl pair join {name} …` here"
        raise Refused([Problem(f"stations.{name}", name, why, remedy)]) from None


def _between(context: ssl.SSLContext, state: Path, other: Path) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(state / FOLDER / CERTIFICATE, state / FOLDER / KEY)
    context.load_verify_locations(other)
    return context
