"""The process: follows each controller's stream, and tells the broker. Whoever is not heard is said to be away, never what was heard last."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import httpx
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from irctl.mqtt.settings import MqttFile
from irctl.mqtt.telling import OFFLINE, ONLINE, Told, available, discovery, told

SILENCE_MAX_S = 2.0
"""The stream says something four times a second."""
FIGURES_EVERY_S = 1.0
AGAIN_EVERY_S = 5.0
"""Everything is told again, for who has just come: nothing of it is retained."""
RETRY_S = 1.0
RECONNECT_MAX_S = 30
LAST_WORDS_S = 2.0


class Bridge:
    """`password`: the broker's. `log`: told what a person should hear of."""

    def __init__(self, file: MqttFile, password: str | None, ca_file: str | None, log: Callable[[str], None]) -> None:
        self._file, self._log = file, log
        self._topic = f"{file.topics.prefix}/bridge"
        self._anew: dict[str, bool] = dict.fromkeys(file.stations, True)
        """Stations that must be told whole: the broker is new, or has forgotten."""
        self._there: dict[str, bool] = dict.fromkeys(file.stations, False)
        self._lock = threading.Lock()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="")
        self._client.will_set(self._topic, OFFLINE, qos=1, retain=True)
        self._client.reconnect_delay_set(1, RECONNECT_MAX_S)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        if file.broker.user is not None:
            self._client.username_pw_set(file.broker.user, password)
        if file.broker.tls:
            self._client.tls_set_context(ssl.create_default_context(cafile=ca_file))  # pyright: ignore[reportUnknownMemberType]

    async def run(self, ending: asyncio.Event) -> None:
        """Until `ending`; then everything is said to be away."""
        self._client.connect_async(self._file.broker.host, self._file.broker.port)
        self._client.loop_start()
        following = [asyncio.create_task(self._follow(name, one.url)) for name, one in self._file.stations.items()]
        try:
            await asyncio.wait({asyncio.create_task(ending.wait()), *following}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in following:
                task.cancel()
            for name in self._file.stations:
                self._say(name, heard=False)
            with suppress(ValueError, RuntimeError):
                last = self._client.publish(self._topic, OFFLINE, qos=1, retain=True)
                await asyncio.to_thread(last.wait_for_publish, LAST_WORDS_S)
            self._client.disconnect()
            self._client.loop_stop()

    def _connected(self, client: Client, *_about: Any) -> None:
        """In paho's thread, at each connection."""
        self._log("connected to the broker")
        client.publish(self._topic, ONLINE, qos=1, retain=True)
        with self._lock:
            self._anew = dict.fromkeys(self._anew, True)
        for name, there in self._there.items():
            client.publish(available(self._file.topics.prefix, name), ONLINE if there else OFFLINE, qos=1, retain=True)

    def _disconnected(self, *_about: Any) -> None:
        self._log("the broker is away; it is tried again")

    async def _follow(self, name: str, url: str) -> None:
        """For ever."""
        # No proxy of this computer's user stands between two of its processes.
        async with httpx.AsyncClient(base_url=url, timeout=SILENCE_MAX_S, trust_env=False) as http:
            while True:
                teller = _Teller(self._client)
                try:
                    async with asyncio.timeout(SILENCE_MAX_S):
                        station = (await http.get("/v1/station")).raise_for_status().json()
                    async for live in _live(http):
                        view = {**station, **live}
                        self._say(name, heard=True)
                        if self._is_new(name):
                            self._describe(name, view)
                            teller = _Teller(self._client)
                        for message in told(self._file.topics.prefix, name, view):
                            teller.tell(message)
                except (httpx.HTTPError, TimeoutError, ValueError, KeyError) as error:
                    if self._there[name]:
                        self._log(f"{name} is not heard any more ({error or type(error).__name__})")
                self._say(name, heard=False)
                await asyncio.sleep(RETRY_S)

    def _is_new(self, name: str) -> bool:
        with self._lock:
            found, self._anew[name] = self._anew[name], False
        return found

    def _say(self, name: str, *, heard: bool) -> None:
        if self._there[name] != heard:
            self._there[name] = heard
            topic = available(self._file.topics.prefix, name)
            self._client.publish(topic, ONLINE if heard else OFFLINE, qos=1, retain=True)

    def _describe(self, name: str, view: dict[str, Any]) -> None:
        topics = self._file.topics
        if topics.discovery:
            for topic, payload in discovery(topics.prefix, topics.discovery, name, self._topic, view):
                self._client.publish(topic, payload, qos=1, retain=True)


class _Teller:
    """Tells what changed at once, figures once a second, and everything now and then."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._last: dict[str, tuple[Told, float]] = {}

    def tell(self, message: Told) -> None:
        now_s = asyncio.get_running_loop().time()
        before, at_s = self._last.get(message.topic, (None, float("-inf")))
        if before is not None and before.plain == message.plain:
            every_s = AGAIN_EVERY_S if before.figures == message.figures else FIGURES_EVERY_S
            if now_s - at_s < every_s:
                return
        self._last[message.topic] = message, now_s
        self._client.publish(message.topic, message.payload, qos=0, retain=False)


async def _live(http: httpx.AsyncClient) -> AsyncIterator[dict[str, Any]]:
    """What the stream says of the moment. Raises httpx.HTTPError, TimeoutError when it is silent."""
    async with http.stream("GET", "/v1/stream") as answer:
        answer.raise_for_status()
        lines, kind = answer.aiter_lines(), ""
        while True:
            async with asyncio.timeout(SILENCE_MAX_S):
                line = await anext(lines, None)
            if line is None:
                return
            if line.startswith("event:"):
                kind = line.removeprefix("event:").strip()
            elif line.startswith("data:") and kind == "live":
                yield json.loads(line.removeprefix("data:"))
