"""A connection to the broker that only tells. It is made again whenever it breaks, and nothing of before is said in it."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from irctl.mqtt.settings import BrokerSection

KEEPALIVE_S = 5
"""After one and a half of these without a word from here the broker gives the last will."""
RETRY_MIN_S, RETRY_MAX_S = 1, 30
ONLINE, OFFLINE = "online", "offline"


class Broker:
    """`there`: the topic that says whether this is there, by last will too. `greet`: called in the loop at each connection. `log`: told what a person should hear of."""

    def __init__(
        self,
        section: BrokerSection,
        password: str | None,
        tls: ssl.SSLContext | None,
        there: str,
        greet: Callable[[], None],
        log: Callable[[str], None],
    ) -> None:
        self._section, self._there, self._greet, self._log = section, there, greet, log
        self._said = ""
        self._hears = False
        # Always the same: the broker then ends a former connection, and gives its last will, before this one says anything.
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="irctl-" + there.replace("/", "-"))
        self._client.will_set(there, OFFLINE, qos=1, retain=True)
        self._client.reconnect_delay_set(RETRY_MIN_S, RETRY_MAX_S)
        self._client.on_connect = self._connected
        self._client.on_connect_fail = self._failed
        self._client.on_disconnect = self._disconnected
        if section.user is not None:
            self._client.username_pw_set(section.user, password)
        if tls is not None:
            self._client.tls_set_context(tls)  # pyright: ignore[reportUnknownMemberType]

    def open(self) -> None:
        """To be called in the loop. Whether the broker is there is found out in time."""
        self._loop = asyncio.get_running_loop()
        self._client.connect_async(self._section.host, self._section.port, KEEPALIVE_S)
        self._client.loop_start()

    def tell(self, topic: str, payload: str, *, keep: bool = False) -> None:
        """At most once (QoS 0), which TCP makes exactly once while the connection lasts; lost while there is none, for later it would be old. `keep`: give it to whoever comes later, too."""
        self._client.publish(topic, payload, retain=keep)

    def say_whether_there(self, *, there: bool) -> None:
        self.tell(self._there, ONLINE if there else OFFLINE, keep=True)

    async def close(self) -> None:
        self.say_whether_there(there=False)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    # What follows is called in paho's thread, and hardly does anything there.

    def _connected(self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        self._hears = not reason.is_failure
        self._loop.call_soon_threadsafe(self._say, "hears us" if self._hears else f"refuses us: {reason}")
        if self._hears:
            self._loop.call_soon_threadsafe(self._greet)

    def _failed(self, _client: Client, _data: Any) -> None:
        # paho does not hand on why, but it is being handled.
        self._loop.call_soon_threadsafe(self._say, f"cannot be reached ({sys.exception()})")

    def _disconnected(self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if self._hears and reason.is_failure:
            self._loop.call_soon_threadsafe(self._say, f"is away ({reason})")
        self._hears = False

    def _say(self, what: str) -> None:
        """Once, however often it is tried again."""
        if what != self._said:
            self._said = what
            self._log(f"the broker {what}")
