"""One station at the broker. When its controller is not heard it is said to be away, never what was heard last."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import aclosing

import httpx

from irctl.mqtt.broker import Broker
from irctl.mqtt.home_assistant import descriptions
from irctl.mqtt.settings import MqttFile
from irctl.mqtt.shown import Station, look
from irctl.mqtt.telling import Pace, available, told

RETRY_S = 1.0


class Bridge:
    """`name`: of the station in the topics. A connection of its own, so that its last will is about it alone. `log`: told what a person should hear of."""

    def __init__(
        self, file: MqttFile, name: str, password: str | None, tls: ssl.SSLContext | None, log: Callable[[str], None]
    ) -> None:
        self._topics, self._name, self._url = file.topics, name, file.stations[name].url
        self._log = log
        there = available(self._topics.prefix, name)
        self._broker = Broker(file.broker, password, tls, there, self._greet, self._say)
        self._heard: bool | None = None
        """None: it was not looked for yet."""
        self._pace: Pace | None = None
        """None: whoever listens knows nothing."""

    async def run(self) -> None:
        """Until it is cancelled; then the station is said to be away."""
        self._broker.open()
        try:
            while True:
                await self._follow()
                if self._heard:
                    self._broker.say_whether_there(there=False)
                self._heard = False
                await asyncio.sleep(RETRY_S)
        finally:
            await self._broker.close()

    async def _follow(self) -> None:
        """As long as the controller is heard."""
        why = "its stream ended"
        self._pace = None
        try:
            async with aclosing(look(self._url)) as views:
                async for station in views:
                    self._tell(station)
        except (httpx.HTTPError, ValueError) as error:
            why = str(error) or type(error).__name__
        if self._heard is not False:
            self._say(f"the controller is not heard ({why})")

    def _greet(self) -> None:
        self._pace = None
        if not self._heard:
            self._broker.say_whether_there(there=False)

    def _tell(self, station: Station) -> None:
        if not self._heard:
            self._say("the controller is heard")
        self._heard = True
        new, self._pace = self._pace is None, self._pace or Pace()
        if new and self._topics.discovery:
            for topic, payload in descriptions(self._topics.prefix, self._topics.discovery, self._name, station):
                self._broker.tell(topic, payload, keep=True)
        now_s = asyncio.get_running_loop().time()
        for message in told(self._topics.prefix, self._name, station):
            if self._pace.due(message, now_s):
                self._broker.tell(message.topic, message.payload)
        if new:  # last: whoever takes us for there again must not find what we said before
            self._broker.say_whether_there(there=True)

    def _say(self, what: str) -> None:
        self._log(f"{self._name}: {what}")
