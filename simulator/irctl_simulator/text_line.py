"""A line of text with one device at its end: bytes at the line's pace in both directions, and what can go wrong with them.

Full duplex, as RS-232, USB and sockets are: an answer under way is not spoiled by what the host sends. A device works on one command
at a time and keeps what comes meanwhile.
"""

from __future__ import annotations

import asyncio
from random import Random

from irctl_simulator.device import Device
from irctl_simulator.faults import garbled
from irctl_simulator.twins.text import TextTwin
from irctl_simulator.wire import PACE_BYTES, Host, Line, Send, SerialFormat, WireEvent, World

BURST_ENDS_S = 0.005
"""A device whose commands have no end takes what comes within this for one (assumption)."""
JUNK = (0x00, 0xFF, 0xFE, 0xF8, 0x80)
"""What a line driver leaves on the wire when it is switched."""


class TextLine(Line):
    """One device; whoever is attached hears everything it says."""

    def __init__(self, name: str, world: World, random: Random, serial: SerialFormat) -> None:
        super().__init__(name, world, random)
        self.serial = serial
        self._host_until = -1.0
        self._heard_at = -1.0
        self._heard = bytearray()

    def _forget(self) -> None:
        self._heard.clear()

    def _sender(self, host: Host) -> Send:
        def send(data: bytes) -> None:
            if data and host in self._hosts:
                self._host_sends(bytes(data))

        return send

    def _host_sends(self, data: bytes) -> None:
        start = max(asyncio.get_running_loop().time(), self._host_until)
        self._host_until = end = start + len(data) * self.serial.char_s
        if self.faults.echo or self.faults.echo_only:
            self._say(data, start, None)
        if not self.faults.echo_only:
            self._at(end, self._arrived, data)

    def _arrived(self, data: bytes) -> None:
        now = self._heard_at = asyncio.get_running_loop().time()
        self._observe(WireEvent(now, "host", data, ok=True))
        self._heard += data
        for device in self.devices:
            twin = device.twin
            assert isinstance(twin, TextTwin)
            if not twin.end:
                self._at(now + BURST_ENDS_S, self._burst, device)
            while twin.end and twin.end in self._heard:
                command, _, rest = self._heard.partition(twin.end)
                self._heard = bytearray(rest)
                self._command(device, bytes(command))

    def _burst(self, device: Device) -> None:
        if asyncio.get_running_loop().time() + 1e-9 >= self._heard_at + BURST_ENDS_S and self._heard:
            command, self._heard = bytes(self._heard), bytearray()
            self._command(device, command)

    def _command(self, device: Device, command: bytes) -> None:
        now = asyncio.get_running_loop().time()
        if not device.hears(now):
            return
        if now < device.busy_until:
            self._at(device.busy_until, self._command, device, command)
            return
        self._world.sync(now)
        reply = device.reply_to(command, now)
        self._world.acted(device, now)
        if reply:
            start = now + device.next_latency_s()
            device.busy_until = self._say(self._as_said(device, reply), start, device)

    def _as_said(self, device: Device, reply: bytes) -> bytes:
        faults = device.faults
        if faults.corrupt.strikes(self._random) or self.faults.corrupt.strikes(self._random):
            reply = garbled(reply, self._random)
        if faults.twice:
            reply += reply
        if faults.junk:
            reply = bytes(self._random.choices(JUNK, k=self._random.randint(1, 3))) + reply
        return reply

    def _say(self, data: bytes, start: float, device: Device | None) -> float:
        """Hand bytes to the hosts as they arrive; when the last one is out."""
        char_s = self.serial.char_s
        end = start + len(data) * char_s
        for first in range(0, len(data), PACE_BYTES):
            chunk = data[first : first + PACE_BYTES]
            self._at(start + (first + len(chunk)) * char_s, self._deliver, chunk, True)
        self._at(end, self._deliver, data, False)
        if device is not None:
            self._at(end, self._observe, WireEvent(end, "device", data, ok=True, device=device.name))
        return end

    def _deliver(self, data: bytes, paced: bool) -> None:
        for host in list(self._hosts):
            if host.paced is paced:
                host.receive(data)
