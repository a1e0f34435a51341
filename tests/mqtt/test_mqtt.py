"""What the lamps do, at a real broker; and nothing that anybody says there reaches a lamp."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import irctl.mqtt
from irctl.cli import exits
from irctl.domain.problems import Refused
from irctl.mqtt.settings import load_mqtt
from tests.fleet.worlds import children
from tests.mqtt.mosquitto import LISTENER, Broker, eventually, wanted
from tests.service.worlds import CONFIGS, Station, a_station, an_order, read_until, started, the_rest

HERE, STATE, LAMP = "irctl/room-1/available", "irctl/room-1/state", "irctl/room-1/lamps/right"


@dataclass
class World:
    broker: Broker
    station: Station
    file: Path

    def emitting(self, since: int = 0) -> list[bool | None]:
        """The lamp, from a message on."""
        return [json.loads(payload)["emitting"] for topic, payload in self.broker.heard[since:] if topic == LAMP]

    def wait_until_heard(self) -> None:
        eventually("the station is there", lambda: self.broker.of(HERE)[-1:] == ["online"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    wanted()
    folder = tmp_path_factory.mktemp("mqtt")
    broker = Broker(folder)
    broker.start()
    try:
        with a_station(folder) as station:
            file = folder / "mqtt.toml"
            file.write_text(
                f'[broker]\nhost = "127.0.0.1"\nport = {broker.port}\n[stations.room-1]\nurl = "{station.url}"\n'
            )
            yield World(broker, station, file)
    finally:
        broker.kill()


@pytest.fixture(scope="module")
def bridge(world: World) -> Iterator[subprocess.Popen[str]]:
    with started("irctl", "mqtt", "--config", str(world.file)) as process:
        world.wait_until_heard()
        yield process


def test_whoever_is_told_that_a_station_is_there_has_heard_what_its_lamps_do(world: World, bridge: object) -> None:
    topics = [topic for topic, payload in world.broker.heard if (topic, payload) != (HERE, "offline")]
    assert {STATE, LAMP} < set(topics[: topics.index(HERE)])


def test_a_treatment_is_seen_from_dark_to_light_to_dark_with_its_interval(world: World, bridge: object) -> None:
    since = len(world.broker.heard)
    assert world.station.irctl(*an_order(fluence=0.2), timeout=60).returncode == exits.OK
    eventually("dark again", lambda: world.broker.told(LAMP)[-1]["status"] == "dark")
    told = [json.loads(payload) for topic, payload in world.broker.heard[since:] if topic == LAMP]
    states = [one["state"] for one in told]
    seen = [state for before, state in zip([None, *states], states, strict=False) if state != before]
    assert seen[-1] is None
    in_order = ["ordered", "checking", "ready", "warming", "emitting", "ending"]
    assert [in_order.index(state) for state in seen[:-1]] == sorted(in_order.index(state) for state in seen[:-1])
    assert "emitting" in seen
    lit = [one for one in told if one["emitting"]]
    assert lit
    assert all(0 <= one["fluence_min_j_cm2"] <= one["fluence_j_cm2"] <= one["fluence_max_j_cm2"] for one in lit)
    assert max(one["irradiance_mw_cm2"] for one in lit) > 40
    assert told[-1]["emitting"] is False
    assert told[-1]["fluence_j_cm2"] is None


def test_a_stop_is_told_and_its_end(world: World, bridge: object) -> None:
    world.station.irctl("stop")
    eventually("stopped", lambda: world.broker.told(STATE)[-1]["stopped"])
    assert world.broker.told(STATE)[-1]["simulated"] is True
    world.station.irctl("clear", "--by", "A. Technician", "--reason", "it was a test")
    eventually("cleared", lambda: not world.broker.told(STATE)[-1]["stopped"])


def test_it_says_of_nobody_who_they_are(world: World, bridge: object) -> None:
    """An order named a patient and an area, a clear a technician and a reason."""
    record = world.station.journal.read_text(encoding="utf-8")
    told = "\n".join(f"{topic} {payload}" for topic, payload in world.broker.heard)
    for private in ("P-17", "lumbar", "Okafor", "Technician", "it was a test", "S-20"):
        assert private in record
        assert private not in told


def test_nothing_that_anybody_says_to_the_broker_reaches_the_controller(world: World, bridge: object) -> None:
    before = world.station.journal.read_bytes()
    topics = [STATE, LAMP, HERE, f"{LAMP}/set", f"{LAMP}/emitting/set", "irctl/room-1/stop", "homeassistant/status"]
    for topic in topics:
        for payload in ("ON", '{"emitting":true}', '{"do":"start","by":"Somebody"}', "\x01garbage", ""):
            world.broker.say(topic, payload)
    eventually("all of it was said", lambda: (topics[-1], "") in world.broker.heard)
    again = len(world.broker.of(STATE))
    eventually("it goes on", lambda: len(world.broker.of(STATE)) > again)
    assert world.station.journal.read_bytes() == before
    asked = re.findall(r"Received SUBSCRIBE from (\S+)", world.broker.log.read_text())
    assert set(asked) == {LISTENER}


def test_its_code_subscribes_to_nothing_and_only_gets() -> None:
    asked: list[str] = []
    for path in Path(irctl.mqtt.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                verb = node.func.attr
                assert verb not in ("subscribe", "post", "put", "patch", "delete", "request", "build_request", "send")
                if verb in ("get", "stream"):
                    asked.append(verb)
                if verb == "stream":
                    assert ast.literal_eval(node.args[0]) == "GET"
            assert not (isinstance(node, ast.Attribute) and node.attr in ("on_message", "message_callback_add"))
    assert sorted(asked) == ["get", "get", "stream"]


def test_home_assistant_learns_of_sensors_and_of_nothing_that_commands(world: World, bridge: object) -> None:
    described = {
        topic: json.loads(payload)
        for topic, payload in world.broker.kept().items()
        if topic.startswith("homeassistant/")
    }
    assert len(described) == 5 + 2 * 8
    for topic, said in described.items():
        assert topic.split("/")[1] in ("sensor", "binary_sensor")
        assert not [key for key in said if "command" in key]
        assert said["availability_topic"] == HERE
        assert said["expire_after"] > 0
        assert said["state_topic"] in {told for told, _ in world.broker.heard}
    assert len({said["unique_id"] for said in described.values()}) == len(described)


def test_the_broker_keeps_descriptions_and_whether_a_station_is_there_but_no_light(
    world: World, bridge: object
) -> None:
    kept = {topic for topic in world.broker.kept() if not topic.startswith("homeassistant/")}
    assert kept == {HERE}


def test_a_controller_killed_in_light_is_away_at_once_and_never_shown_as_it_was(world: World, bridge: object) -> None:
    since = len(world.broker.heard)
    with started("irctl", *an_order(fluence=50), url=world.station.url):
        eventually("light", lambda: any(world.emitting(since)))
        (controller,) = children(world.station.process.pid)
        os.kill(controller, signal.SIGKILL)
        eventually("away", lambda: (HERE, "offline") in world.broker.heard[since:])
    away = world.broker.heard.index((HERE, "offline"), since)
    eventually("back", lambda: (HERE, "online") in world.broker.heard[away:])
    eventually("dark", lambda: world.emitting(away)[-1:] == [False])
    assert True not in world.emitting(away)


def test_a_controller_that_only_falls_silent_is_away_too(world: World, bridge: object) -> None:
    since = len(world.broker.heard)
    (controller,) = children(world.station.process.pid)
    os.kill(controller, signal.SIGSTOP)
    eventually("away", lambda: (HERE, "offline") in world.broker.heard[since:])
    with suppress(ProcessLookupError):  # the supervisor may have put another in its place
        os.kill(controller, signal.SIGCONT)
    world.wait_until_heard()


def test_a_broker_that_was_away_hears_everything_anew(world: World, bridge: object) -> None:
    world.broker.kill()
    world.broker.heard.clear()
    world.broker.start()
    world.wait_until_heard()
    assert {STATE, LAMP} < {topic for topic, _ in world.broker.heard}
    assert any(topic.startswith("homeassistant/") for topic in world.broker.kept())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_when_it_ends_or_is_killed_the_station_is_away(world: World, tmp_path: Path, how: signal.Signals) -> None:
    file, here = tmp_path / "mqtt.toml", HERE.replace("room-1", f"room-{how}")
    file.write_text(world.file.read_text().replace("room-1", f"room-{how}"))
    with started("irctl", "mqtt", "--config", str(file)) as process:
        eventually("the station is there", lambda: world.broker.of(here)[-1:] == ["online"])
        process.send_signal(how)
        assert process.wait(10) == (exits.OK if how is signal.SIGTERM else -how)
        eventually("away", lambda: world.broker.of(here)[-1] == "offline")
    assert world.broker.of(HERE)[-1] == "online"


# --- TLS, and the file -----------------------------------------------------------------------------------------------------


def secured(folder: Path) -> Broker:
    """A broker that wants TLS, a user and a password."""
    certificate = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    certificate += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    certificate += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "broker.crt")]
    subprocess.run(certificate, check=True, capture_output=True)
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(folder / "users"), "irctl", "right word"], check=True)
    files = f"certfile {folder}/broker.crt\nkeyfile {folder}/key.pem\npassword_file {folder}/users"
    client = ("--cafile", str(folder / "broker.crt"), "-u", "irctl", "-P", "right word")
    return Broker(folder, f"{files}\nallow_anonymous false", client)


def test_over_tls_with_a_password_and_not_without(tmp_path: Path) -> None:
    wanted()
    broker, file, word = secured(tmp_path), tmp_path / "mqtt.toml", tmp_path / "word"
    about = f'[broker]\nhost = "127.0.0.1"\nport = {broker.port}\ntls = true\nuser = "irctl"\npassword_file = "word"\n'
    # Nobody is there: that a station is away is told, too.
    station = '[stations.room-1]\nurl = "http://127.0.0.1:9"\n'
    broker.start()
    try:
        for ca, secret, said in (
            ("", "right word", "CERTIFICATE_VERIFY_FAILED"),
            ('ca_file = "broker.crt"\n', "wrong word", "refuses us: Not authorized"),
            ('ca_file = "broker.crt"\n', "right word", "hears us"),
        ):
            assert broker.of(HERE) == []
            file.write_text(about + ca + station)
            word.write_text(secret + "\n")
            with started("irctl", "mqtt", "--config", str(file)) as process:
                read_until(process, said)
                if said == "hears us":
                    eventually("it is told", lambda: broker.of(HERE)[-1:] == ["offline"])
                elif secret == "wrong word":
                    time.sleep(2.5)  # it has tried again
                    process.terminate()
                    assert "the broker" not in the_rest(process), "it is said once"
    finally:
        broker.kill()


@pytest.mark.parametrize(
    ("broker", "said"),
    [
        ('host = "broker"\nuser = "irctl"', "in clear"),
        ('host = "broker"\npassword_file = "word"', "is of nobody"),
        ('host = "broker"\nca_file = "broker.crt"', "without TLS"),
        ('host = "broker"\nsubscribe = true', "not a known key"),
        ('host = "mqtt://broker"', "no name of a computer"),
        ('host = "broker..example"', "no name of a computer"),
    ],
)
def test_a_file_that_would_do_something_else_than_it_says_is_refused(tmp_path: Path, broker: str, said: str) -> None:
    file = tmp_path / "mqtt.toml"
    file.write_text(f'[broker]\n{broker}\n[stations.a]\nurl = "http://127.0.0.1:8970"\n')
    with pytest.raises(Refused, match=said):
        load_mqtt(file)


def test_the_example_loads_with_and_without_what_it_offers(tmp_path: Path) -> None:
    text = (CONFIGS / "mqtt.toml").read_text(encoding="utf-8")
    offered = tmp_path / "mqtt.toml"
    offered.write_text(text.replace("#: ", ""), encoding="utf-8")
    assert not load_mqtt(CONFIGS / "mqtt.toml").broker.tls
    assert load_mqtt(offered).broker.tls


@pytest.mark.parametrize("url", ["http://127.0.0.1:port", "http://10.0.0.7:8970", "http://127.0.0.1", "http://["])
def test_a_station_that_is_not_on_this_computer_is_refused(url: str, tmp_path: Path) -> None:
    file = tmp_path / "mqtt.toml"
    file.write_text(f'[broker]\nhost = "127.0.0.1"\n[stations.a]\nurl = "{url}"\n', encoding="utf-8")
    with pytest.raises(Refused, match=r"stations\.a\.url"):
        load_mqtt(file)
