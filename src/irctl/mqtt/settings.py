"""The file of `irctl mqtt`: which broker, which stations, under which topics."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from irctl.domain.problems import Problem, Refused
from irctl.listening import LOOPBACK
from irctl.toml_file import Name, Strict, parse, read

TOPIC = "[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*"


class BrokerSection(Strict):
    """Whom to tell. Files are relative to this one."""

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    """Brokers use 8883 for TLS."""
    tls: bool = False
    ca_file: str | None = None
    """The certificates that the broker's is judged by, PEM; the system's where not given."""
    user: str | None = None
    password_file: str | None = None

    def problems(self) -> list[Problem]:
        found: list[Problem] = []
        if not _is_a_name(self.host):
            found.append(Problem("broker.host", self.host, "is no name of a computer", "Write a name, or an address"))
        if self.password_file is not None and self.user is None:
            found.append(Problem("broker.password_file", self.password_file, "is of nobody", "Set user, too"))
        if self.ca_file is not None and not self.tls:
            found.append(Problem("broker.ca_file", self.ca_file, "judges nothing without TLS", "Set tls = true"))
        if self.user is not None and not self.tls and self.host not in LOOPBACK:
            remedy = "Set tls = true, or use a broker on this computer"
            found.append(Problem("broker.tls", False, "the password would cross the network in clear", remedy))
        return found


class TopicsSection(Strict):
    """Where it is told."""

    prefix: Annotated[str, Field(pattern=f"^{TOPIC}$", max_length=100)] = "irctl"
    """Stands before every topic."""
    discovery: Annotated[str, Field(pattern=f"^({TOPIC})?$", max_length=100)] = "homeassistant"
    """Where Home Assistant looks for devices; "" for no descriptions."""


class StationSection(Strict):
    """One controller, under its name in the topics."""

    url: Annotated[str, Field(pattern=r"^http://")]
    """As this process reaches it: http://127.0.0.1:8970, on the controller's own computer."""


class MqttFile(Strict):
    broker: BrokerSection
    topics: TopicsSection = TopicsSection()
    stations: dict[Name, StationSection] = Field(min_length=1)


def load_mqtt(path: Path) -> MqttFile:
    """Raises Refused with everything that is wrong."""
    file = parse(read(path, "config"), MqttFile, path.name)
    if problems := [*file.broker.problems(), *_elsewhere(file)]:
        raise Refused(problems)
    return file


def _elsewhere(file: MqttFile) -> list[Problem]:
    """A controller listens on its own computer only."""
    remedy = "Write http://127.0.0.1:8970, and run this on the controller's own computer"
    return [
        Problem(f"stations.{name}.url", one.url, "is no address on this computer", remedy)
        for name, one in file.stations.items()
        if not _is_here(one.url)
    ]


def _is_a_name(host: str) -> bool:
    """Whether anybody could be asked for its address."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return not any(letter.isspace() or letter in "/@" for letter in host)


def _is_here(url: str) -> bool:
    try:
        address = urlsplit(url)
        return address.hostname in LOOPBACK and address.port is not None
    except ValueError:
        return False


def password(path: Path, file: MqttFile) -> str | None:
    """What the password's file holds, without the end of its line. Raises Refused."""
    if file.broker.password_file is None:
        return None
    text = read(path.parent / file.broker.password_file, "broker.password_file")
    try:
        return text.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        limit = "is not UTF-8"
        raise Refused([Problem("broker.password_file", file.broker.password_file, limit, "Save it as UTF-8")]) from None


def trusted(path: Path, file: MqttFile) -> ssl.SSLContext | None:
    """Which certificates the broker may show; None for no TLS. Raises Refused."""
    broker = file.broker
    if not broker.tls:
        return None
    ca_file = None if broker.ca_file is None else path.parent / broker.ca_file
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError among it
        why = error.strerror or str(error)
        raise Refused([Problem("broker.ca_file", broker.ca_file, why, "Name a file of certificates, PEM")]) from None
