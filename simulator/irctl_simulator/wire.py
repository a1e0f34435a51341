"""Lines and their pace: a half-duplex serial line where frames collide, and a network where they do not.

Only this module and the servers use the running event loop; they schedule with `call_at` and never start threads, so a
virtual-time loop runs them as fast as it can and byte for byte the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any, Literal, NamedTuple, Protocol

from irctl_simulator import modbus
from irctl_simulator.device import Device
from irctl_simulator.faults import LineFaults, flipped, garbled
from irctl_simulator.twins.base import NEVER, RegisterTwin

Receive = Callable[[bytes], None]
Send = Callable[[bytes], None]
Lost = Callable[[], None]
WhileBusy = Literal["ignore", "queue"]

GATEWAY_NO_ANSWER = 0x0B

PACE_BYTES = 8
"""Chunk in which a paced reply is handed over, about what a UART's interrupt delivers at once."""


class WireEvent(NamedTuple):
    """A whole frame on the wire; `at` is when its last byte arrived. Not `ok`: spoiled on the way, nobody understands it."""

    at: float
    direction: Literal["host", "device"]
    data: bytes
    ok: bool
    device: str | None = None


class World(Protocol):
    """What lines need of the station."""

    def sync(self, now: float) -> None:
        """Run every device timer due before `now`."""
        ...

    def acted(self, device: Device, now: float) -> None:
        """`device` may have changed its outputs."""
        ...


@dataclass(frozen=True)
class SerialFormat:
    """Speed and framing of a serial line, e.g. 9600 and "8N2"."""

    baud: int
    format: str = "8N1"

    @cached_property
    def char_s(self) -> float:
        """One start bit, data, parity if any, stop bits."""
        parity = 0 if self.format[1].upper() == "N" else 1
        return (1 + int(self.format[0]) + parity + int(self.format[2])) / self.baud

    @cached_property
    def t35_s(self) -> float:
        """Silence that ends a frame: 3.5 characters, but a fixed 1.75 ms above 19200 baud (Modbus over serial line, p.13)."""
        return 3.5 * self.char_s if self.baud <= 19200 else 1.75e-3


@dataclass(frozen=True, slots=True)
class Host:
    receive: Receive
    lost: Lost | None
    paced: bool


class Line:
    """What serial and network lines share: hosts that come and go, devices, faults, observers."""

    def __init__(self, name: str, world: World, random: Random) -> None:
        self.name = name
        self.devices: list[Device] = []
        self.observers: list[Callable[[WireEvent], None]] = []
        self.faults = LineFaults()
        self.plugged = True
        self.on_plug: Callable[[bool], None] | None = None
        """Told when the line is unplugged (False) and replugged (True); servers close and reopen their endpoint."""
        self._world = world
        self._random = random
        self._hosts: list[Host] = []
        self._generation = 0

    def attach(self, receive: Receive, lost: Lost | None = None, *, paced: bool = False) -> Send:
        """Connect a host: give its receive callback, get its send function. Every host hears every reply.

        A whole reply comes in one call when its last byte has arrived, or in chunks at the line's pace if `paced`.
        `lost` is called when the line is unplugged. Raises ConnectionError while it is.
        """
        if not self.plugged:
            raise ConnectionError(f"{self.name} is unplugged")
        host = Host(receive, lost, paced)
        self._hosts.append(host)
        return self._sender(host)

    def detach(self, receive: Receive) -> None:
        """Disconnect the host with this receive callback; unknown ones are ignored."""
        self._hosts = [host for host in self._hosts if host.receive != receive]

    def unplug(self) -> None:
        """Cable out: hosts are told and forgotten, bytes under way are gone, devices go on by themselves."""
        if not self.plugged:
            return
        self.plugged = False
        self._generation += 1
        self._forget()
        hosts, self._hosts = self._hosts, []
        for host in hosts:
            if host.lost:
                host.lost()
        if self.on_plug:
            self.on_plug(False)

    def replug(self) -> None:
        """Cable back in; hosts have to attach again."""
        if self.plugged:
            return
        self.plugged = True
        if self.on_plug:
            self.on_plug(True)

    def _sender(self, host: Host) -> Send:
        raise NotImplementedError

    def _forget(self) -> None:
        raise NotImplementedError

    def _at(self, when: float, act: Callable[..., None], *about: Any) -> None:
        """Do `act` at `when`, unless the line is unplugged before."""
        asyncio.get_running_loop().call_at(when, self._unless_unplugged, self._generation, act, about)

    def _unless_unplugged(self, generation: int, act: Callable[..., None], about: tuple[Any, ...]) -> None:
        if generation == self._generation:
            act(*about)

    def _observe(self, event: WireEvent) -> None:
        for observer in self.observers:
            observer(event)


@dataclass(slots=True)
class Transmission:
    """Bytes occupying the line from `start` to `end`, seconds."""

    data: bytes
    start: float
    end: float
    device: Device | None
    spoiled: bool = False

    def overlaps(self, other: Transmission) -> bool:
        return self.start < other.end and other.start < self.end


class SerialLine(Line):
    """Half-duplex RS-485: one pair of wires, everybody hears everything, two talkers spoil each other.

    A device acts when it has seen t3.5 of silence after a frame and answers `latency` later, without listening first.
    While it owes that reply it obeys nothing (`while_busy="queue"`: it obeys the latest frame for it right after the reply).
    Frames that start less than `gap_chars_min` characters after the byte before are not understood (assumption: 1.5).
    """

    def __init__(
        self,
        name: str,
        world: World,
        random: Random,
        serial: SerialFormat,
        *,
        gap_chars_min: float = 1.5,
        while_busy: WhileBusy = "ignore",
    ) -> None:
        super().__init__(name, world, random)
        self.serial = serial
        self.while_busy = while_busy
        self._gap_min_s = gap_chars_min * serial.char_s
        self._air: list[Transmission] = []
        self._frame: Transmission | None = None
        self._host_until = -1.0
        self._quiet_from = -1.0
        self._reporting: set[str] = set()
        """Devices whose next unasked report is already due some time."""

    def _forget(self) -> None:
        self._air.clear()
        self._frame = None
        self._reporting.clear()

    def _sender(self, host: Host) -> Send:
        def send(data: bytes) -> None:
            if data and host in self._hosts:
                self._host_sends(bytes(data))

        for device in self.devices:
            self._await_report(device)
        return send

    # Host to device

    def _host_sends(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        start = max(now, self._host_until)
        end = self._host_until = start + len(data) * self.serial.char_s
        self._clear_air(start)
        if self.faults.echo or self.faults.echo_only:
            self._deliver(Transmission(data, start, end, None))
        if self.faults.echo_only:
            return
        frame = self._frame
        if frame is not None and start - frame.end < self._gap_min_s:
            frame.data += data
            frame.end = end
            self._collide(frame)
            return
        # 1 ns of grace: a host that waits exactly long enough must not fail by rounding
        spoiled = start - self._quiet_from < self._gap_min_s - 1e-9
        self._frame = frame = Transmission(data, start, end, None, spoiled)
        self._collide(frame)
        self._air.append(frame)
        self._await_silence(frame)

    def _clear_air(self, start: float) -> None:
        """Forget what ended before `start`, but remember when the line fell quiet."""
        for one in self._air:
            if one.end <= start and one is not self._frame:
                self._quiet_from = max(self._quiet_from, one.end)
        self._air = [one for one in self._air if one.end > start or one is self._frame]

    def _collide(self, new: Transmission) -> None:
        for one in self._air:
            if one is not new and one.overlaps(new):
                one.spoiled = new.spoiled = True

    def _await_silence(self, frame: Transmission) -> None:
        self._at(frame.end + self.serial.t35_s, self._silence_after, frame)

    def _silence_after(self, frame: Transmission) -> None:
        now = asyncio.get_running_loop().time()
        if now + 1e-9 < frame.end + self.serial.t35_s:  # bytes were added to the frame meanwhile
            self._await_silence(frame)
            return
        if self._frame is frame:
            self._frame = None
        if self.faults.corrupt.strikes(self._random):
            frame.spoiled = True
        parsed = None if frame.spoiled else modbus.parse_rtu(frame.data)
        self._world.sync(now)
        self._observe(WireEvent(frame.end, "host", frame.data, parsed is not None))
        if parsed is not None:
            unit, pdu = parsed
            for device in self.devices:
                self._offer(device, unit, pdu, now)

    def _offer(self, device: Device, unit: int, pdu: bytes, now: float) -> None:
        if not device.hears(now):
            return
        if now < device.busy_until:
            if self.while_busy == "queue":
                self._at(device.busy_until + self.serial.t35_s, self._offer_later, device, unit, pdu)
            return
        twin = device.twin
        if unit == modbus.BROADCAST:
            if twin.obeys_broadcast():
                twin.handle(pdu, now)
                self._world.acted(device, now)
        elif twin.answers_to(unit):
            reply = device.reply_to(pdu, now)
            self._world.acted(device, now)
            if reply is not None:
                self._say(device, unit, reply, now)
            self._await_report(device)  # a write may have asked for reports
        else:
            twin.overheard(now)

    def _offer_later(self, device: Device, unit: int, pdu: bytes) -> None:
        now = asyncio.get_running_loop().time()
        self._world.sync(now)
        self._offer(device, unit, pdu, now)

    # Device to host

    def _say(self, device: Device, unit: int, pdu: bytes, now: float) -> None:
        frame = device.garbled(modbus.rtu_frame(*device.told(unit, pdu)))  # the checksum, too
        self._reply(device, frame * 2 if device.faults.twice else frame, now)

    def _await_report(self, device: Device) -> None:
        twin = device.twin
        if not isinstance(twin, RegisterTwin) or twin.report_every_s() == NEVER or device.name in self._reporting:
            return
        self._reporting.add(device.name)
        due = asyncio.get_running_loop().time() + twin.report_every_s()
        self._at(due, self._report, device, twin)

    def _report(self, device: Device, twin: RegisterTwin) -> None:
        """What a device sends unasked: it listens to nobody first, and spoils what is under way."""
        self._reporting.discard(device.name)
        if not self._hosts or twin.report_every_s() == NEVER:
            return
        now = asyncio.get_running_loop().time()
        self._world.sync(now)
        if device.hears(now) and not device.faults.silent and now >= device.busy_until:
            self._say(device, twin.unit, twin.report(now), now)
        self._await_report(device)

    def _reply(self, device: Device, frame: bytes, now: float) -> None:
        frame = device.spoilt(frame)
        if self.faults.corrupt.strikes(self._random):
            frame = flipped(frame, self._random)
        start = now + device.next_latency_s()
        reply = Transmission(frame, start, start + len(frame) * self.serial.char_s, device)
        device.busy_until = reply.end
        self._collide(reply)
        self._air.append(reply)
        self._deliver(reply)

    def _deliver(self, sent: Transmission) -> None:
        """Hand bytes to the hosts as they arrive; what collided arrives as rubbish."""
        if any(host.paced for host in self._hosts):
            char_s = self.serial.char_s
            for first in range(0, len(sent.data), PACE_BYTES):
                last = min(first + PACE_BYTES, len(sent.data))
                self._at(sent.start + last * char_s, self._chunk, sent, first, last)
        self._at(sent.end, self._arrived, sent)

    def _chunk(self, sent: Transmission, first: int, last: int) -> None:
        data = sent.data[first:last]
        data = garbled(data, self._random) if sent.spoiled else data
        for host in list(self._hosts):
            if host.paced:
                host.receive(data)

    def _arrived(self, sent: Transmission) -> None:
        data = garbled(sent.data, self._random) if sent.spoiled else sent.data
        if sent.device is not None:
            self._observe(WireEvent(sent.end, "device", data, not sent.spoiled, sent.device.name))
        for host in list(self._hosts):
            if not host.paced:
                host.receive(data)


class NetworkLine(Line):
    """Modbus TCP: each device answers in its own time, replies carry the transaction they belong to.

    A unit nobody has answers exception 0B, as gateways do. A device works on one request at a time; others are not held up.
    """

    def __init__(self, name: str, world: World, random: Random, *, transit_s: float = 0.0002) -> None:
        super().__init__(name, world, random)
        self.transit_s = transit_s

    def _forget(self) -> None:
        """Nothing is kept between requests."""

    def _sender(self, host: Host) -> Send:
        splitter = modbus.MbapSplitter()

        def send(data: bytes) -> None:
            if host not in self._hosts:
                return
            arrives = asyncio.get_running_loop().time() + self.transit_s
            for request in splitter.feed(data):
                self._at(arrives, self._request, host, request)
            if splitter.broken:
                self.detach(host.receive)
                if host.lost:
                    host.lost()

        return send

    def _request(self, host: Host, request: modbus.TcpRequest) -> None:
        now = asyncio.get_running_loop().time()
        self._observe(WireEvent(now, "host", modbus.tcp_frame(request.transaction, request.unit, request.pdu), ok=True))
        reached = False
        for device in self.devices:
            if device.twin.answers_to(request.unit):
                reached = True
                self._at(max(now, device.busy_until), self._act, host, device, request)
            elif device.hears(now):
                device.twin.overheard(now)
        if not reached:
            refusal = modbus.exception_pdu(request.pdu[0], GATEWAY_NO_ANSWER)
            self._answer(host, None, request, refusal, now)

    def _act(self, host: Host, device: Device, request: modbus.TcpRequest) -> None:
        now = asyncio.get_running_loop().time()
        if now < device.busy_until:  # another request of this instant came first
            self._at(device.busy_until, self._act, host, device, request)
            return
        if not device.hears(now):
            return
        self._world.sync(now)
        reply = device.reply_to(request.pdu, now)
        self._world.acted(device, now)
        if reply is None:
            return
        device.busy_until = now + device.next_latency_s()
        for _ in range(2 if device.faults.twice else 1):
            self._answer(host, device, request, reply, device.busy_until)

    def _answer(self, host: Host, device: Device | None, request: modbus.TcpRequest, reply: bytes, at: float) -> None:
        unit, told = device.told(request.unit, reply) if device else (request.unit, reply)
        if device:
            told = device.garbled(told)
        frame = modbus.tcp_frame(request.transaction, unit, told)
        arrives = at + self.transit_s

        def arrive() -> None:
            if host not in self._hosts:
                return
            self._observe(WireEvent(arrives, "device", frame, ok=True, device=device.name if device else None))
            host.receive(frame)

        self._at(arrives, arrive)
