"""The file of `irctl mqtt`: which broker, which stations, under which topics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from irctl.domain.problems import Problem, Refused
from irctl.listening import LOOPBACK
from irctl.toml_file import Name, Strict, parse, read

Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", max_length=100)]


class BrokerSection(Strict):
    """`password_file`: relative to this file, as is `ca_file`, the certificates that the broker's is judged by (the system's where not given)."""

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    tls: bool = False
    ca_file: str | None = None
    user: str | None = None
    password_file: str | None = None


class TopicsSection(Strict):
    """`prefix` stands before everything; `discovery` is where Home Assistant looks for devices, "" for none."""

    prefix: Topic = "irctl"
    discovery: Topic | str = "homeassistant"


class StationSection(Strict):
    """One controller, as this process reaches it."""

    url: Annotated[str, Field(pattern=r"^http://")]


class MqttFile(Strict):
    broker: BrokerSection
    topics: TopicsSection = TopicsSection()
    stations: dict[Name, StationSection] = Field(min_length=1)


def load_mqtt(path: Path) -> MqttFile:
    """Raises Refused with everything that is wrong."""
    file = parse(read(path, "config"), MqttFile, path.name)
    broker = file.broker
    if broker.user is not None and not broker.tls and broker.host not in LOOPBACK:
        remedy = "Set tls = true, or use a broker on this computer"
        raise Refused([Problem("broker.tls", False, "the password would cross the network in clear", remedy)])
    return file


def password(path: Path, file: MqttFile) -> str | None:
    """What the password's file holds, without the end of its line. Raises Refused."""
    if file.broker.password_file is None:
        return None
    return read(path.parent / file.broker.password_file, "broker.password_file").decode().strip()
