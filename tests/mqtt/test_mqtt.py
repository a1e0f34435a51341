"""What the lamps do, at a real broker; and nothing that anybody says there reaches a lamp."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import irctl.mqtt
from irctl.domain.problems import Refused
from irctl.mqtt.settings import load_mqtt
from tests.fleet.worlds import children
from tests.service.worlds import CONFIGS, START_S, Station, a_station, an_order, started

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stations are tested on pseudo-terminals")

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass
class Broker:
    """Mosquitto, and somebody who hears everything. `heard`: topics and payloads, in order."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    listener: subprocess.Popen[str] | None = None
    heard: list[tuple[str, str]] = field(default_factory=list)

    def start(self) -> None:
        assert MOSQUITTO
        config = self.folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self.process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stderr=subprocess.DEVNULL)
        eventually("the broker is there", self._answers, 10)
        words = ["mosquitto_sub", "-p", str(self.port), "-t", "#", "-F", "%t %p"]
        self.listener = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        Thread(target=self._listen, args=(self.listener,), daemon=True).start()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _listen(self, listener: subprocess.Popen[str]) -> None:
        assert listener.stdout
        for line in listener.stdout:
            topic, _, payload = line.rstrip("\n").partition(" ")
            self.heard.append((topic, payload))

    def stop(self) -> None:
        for one in (self.listener, self.process):
            if one is not None:
                one.kill()
                one.wait()
                if one.stdout:
                    one.stdout.close()

    def say(self, topic: str, payload: str) -> None:
        subprocess.run(["mosquitto_pub", "-p", str(self.port), "-t", topic, "-m", payload], check=True)

    def of(self, topic: str) -> list[str]:
        return [payload for heard, payload in self.heard if heard == topic]

    def lamp(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.of(f"irctl/room-1/lamps/{name}")]


@dataclass
class World:
    broker: Broker
    station: Station
    bridge: subprocess.Popen[str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if MOSQUITTO is None or shutil.which("mosquitto_sub") is None:
        said = "mosquitto and mosquitto-clients are not installed: .ci/run installs them"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(said)
    with _a_world(tmp_path_factory.mktemp("mqtt")) as made:
        yield made


@contextmanager
def _a_world(folder: Path) -> Iterator[World]:
    with socket.socket() as probe, ExitStack() as made:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        broker = Broker(port, folder)
        broker.start()
        made.callback(broker.stop)
        station = made.enter_context(a_station(folder))
        file = folder / "mqtt.toml"
        file.write_text(f'[broker]\nhost = "127.0.0.1"\nport = {port}\n[stations.room-1]\nurl = "{station.url}"\n')
        yield World(broker, station, made.enter_context(started("irctl", "mqtt", "--config", str(file))))


def eventually(what: str, look: Callable[[], object], within_s: float = START_S) -> None:
    until_s = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < until_s, what
        time.sleep(0.05)


def test_a_treatment_is_seen_from_dark_to_light_to_dark_with_its_interval(world: World):
    eventually("it is there", lambda: "online" in world.broker.of("irctl/room-1/available"))
    eventually("the lamp is told", lambda: world.broker.lamp("right"))
    assert world.station.irctl(*an_order(fluence=0.2), timeout=60).returncode == 0
    eventually("dark again", lambda: world.broker.lamp("right")[-1]["status"] == "dark")
    told = world.broker.lamp("right")
    states = [one["state"] for one in told]
    assert [state for at, state in enumerate(states) if state and (at == 0 or states[at - 1] != state)][-2:] != []
    lit = [one for one in told if one["emitting"]]
    assert lit
    assert all(one["fluence_min_j_cm2"] <= one["fluence_j_cm2"] <= one["fluence_max_j_cm2"] for one in lit)
    assert told[-1]["emitting"] is False
    assert told[-1]["fluence_j_cm2"] is None


def test_a_stop_is_told_within_a_second(world: World):
    world.station.irctl("stop")
    eventually("told", lambda: json.loads(world.broker.of("irctl/room-1/state")[-1])["stopped"], 1.5)
    world.station.irctl("clear", "--by", "A. Technician", "--reason", "it was a test")
    eventually("told", lambda: not json.loads(world.broker.of("irctl/room-1/state")[-1])["stopped"], 5)


def test_it_says_of_nobody_who_they_are(world: World):
    """An order names a patient and an area, a clear names a technician and a reason: all of that has happened by now."""
    everything = "\n".join(f"{topic} {payload}" for topic, payload in world.broker.heard)
    assert "right" in everything
    for private in ("P-17", "lumbar", "Okafor", "Technician", "it was a test", "S-20"):
        assert private not in everything


def test_nothing_that_anybody_says_to_the_broker_reaches_the_controller(world: World):
    time.sleep(0.5)
    before = world.station.journal.read_bytes()
    for topic in ("irctl/room-1/lamps/right", "irctl/room-1/lamps/right/set", "irctl/room-1/state", "irctl/room-1/stop", "irctl/bridge", "homeassistant/status"):  # fmt: skip
        for payload in ("ON", '{"emitting": true}', '{"do": "start"}', "\x00garbage"):
            world.broker.say(topic, payload.replace("\x00", ""))
    time.sleep(1.0)
    assert world.station.journal.read_bytes() == before


def test_its_code_subscribes_to_nothing_and_only_gets():
    for path in Path(irctl.mqtt.__file__).parent.glob("*.py"):
        called = {
            node.func.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }  # fmt: skip
        assert not called & {"subscribe", "post", "put", "patch", "delete", "request", "send"}, path.name


def test_home_assistant_learns_of_sensors_and_of_nothing_that_commands(world: World):
    described = {topic: json.loads(payload) for topic, payload in world.broker.heard if topic.startswith("homeassistant/") and topic.endswith("/config")}  # fmt: skip
    assert len(described) == 4 + 2 * 8
    for topic, told in described.items():
        assert topic.split("/")[1] in ("sensor", "binary_sensor")
        assert not [key for key in told if "command" in key]
        assert told["availability_mode"] == "all"
        assert [one["topic"] for one in told["availability"]] == ["irctl/bridge", "irctl/room-1/available"]
        assert told["expire_after"] > 0
        assert "state_topic" in told
    assert len({told["unique_id"] for told in described.values()}) == len(described)


def test_only_descriptions_and_whether_it_is_there_are_retained(world: World):
    words = ["mosquitto_sub", "-p", str(world.broker.port), "-t", "#", "--retained-only", "-W", "1", "-F", "%t"]
    kept = subprocess.run(words, capture_output=True, text=True).stdout.split()
    assert kept
    assert all(topic.endswith(("/config", "/available", "/bridge")) for topic in kept), kept


def test_a_controller_that_is_killed_is_away_within_seconds_and_back_by_itself(world: World):
    count = len(world.broker.of("irctl/room-1/available"))
    (controller,) = children(world.station.process.pid)
    os.kill(controller, signal.SIGSTOP)  # it hangs; its supervisor will kill it and start another
    eventually("away", lambda: "offline" in world.broker.of("irctl/room-1/available")[count:], 5)
    eventually("back", lambda: world.broker.of("irctl/room-1/available")[-1] == "online")


def test_a_broker_that_was_away_hears_everything_anew(world: World):
    world.broker.stop()
    world.broker.heard.clear()
    world.broker.start()
    eventually("it is there", lambda: "online" in world.broker.of("irctl/room-1/available"))
    eventually("lamps are told", lambda: world.broker.lamp("left"))
    eventually("descriptions are told", lambda: any(topic.endswith("/config") for topic, _ in world.broker.heard))


def test_at_its_end_and_when_it_is_killed_everything_is_away(world: World):
    world.bridge.kill()
    eventually("its last will", lambda: world.broker.of("irctl/bridge")[-1] == "offline", 10)


def test_a_password_in_clear_is_refused(tmp_path: Path):
    file = tmp_path / "mqtt.toml"
    file.write_text('[broker]\nhost = "broker"\nuser = "irctl"\n[stations.a]\nurl = "http://127.0.0.1:8970"\n')
    with pytest.raises(Refused, match="in clear"):
        load_mqtt(file)


def test_the_example_loads_with_and_without_what_it_offers(tmp_path: Path):
    text = (CONFIGS / "mqtt.toml").read_text(encoding="utf-8")
    offered = tmp_path / "mqtt.toml"
    offered.write_text(text.replace("#: ", ""), encoding="utf-8")
    assert not load_mqtt(CONFIGS / "mqtt.toml").broker.tls
    assert load_mqtt(offered).broker.tls
