"""MLLP over TCP: a message between two marks, and its acknowledgement the same way. HL7 v2.5.1 appendix C; enhanced mode is not used.

The acknowledgement is judged, not only awaited: MSA-2 must be our MSH-10. One of another message, come late, is passed over.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, tzinfo

from irctl.interop import outcome
from irctl.interop.hl7.reading import Appointment, Header, HlError, PatientNews, header_of, read_message
from irctl.interop.hl7.syntax import Row, message, segment, stamp, unescaped
from irctl.interop.outcome import Later, Outcome, Sent

BEGIN, END = b"\x0b", b"\x1c\r"
BYTES_MAX = 4 * 2**20
ANSWER_MAX_S = 30.0
ACK_MSH: tuple[Row, ...] = (
    ("MSH-3", "=IRCTL"), ("MSH-5", "told.sender.app"), ("MSH-6", "told.sender.facility"), ("MSH-7", "at", stamp), ("MSH-9.1", "=ACK"),
    ("MSH-9.2", "told.trigger"), ("MSH-9.3", "=ACK"), ("MSH-10", "told.own"), ("MSH-11", "told.processing"), ("MSH-12", "=2.5.1"),
    ("MSH-18", "=UNICODE UTF-8"),
)  # fmt: skip
ACK_MSA: tuple[Row, ...] = (("MSA-1", "told.code"), ("MSA-2", "told.id"))
ACK_ERR: tuple[Row, ...] = (
    ("ERR-2.1", "told.segment"), ("ERR-2.3", "told.field"), ("ERR-3.1", "told.error"), ("ERR-3.3", "=HL70357"), ("ERR-4", "=E"),
    ("ERR-8", "told.why"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mllp:
    """A receiver of ours, at its address. One connection for each message: nothing of another is ever on it."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    answer_max_s: float = ANSWER_MAX_S

    async def send(self, parcel: outcome.Parcel) -> Outcome:
        """A message in UTF-8. Refused: it was read, and not taken."""
        try:
            ours = header_of(parcel.body.decode()).id
        except (HlError, UnicodeDecodeError) as error:
            return outcome.Refused(f"this is no message that irctl can send: {error}")
        try:
            async with asyncio.timeout(self.answer_max_s):
                return await self._exchanged(parcel.body, ours)
        except TimeoutError:
            return Later(f"{self.host}:{self.port} gave no acknowledgement within {self.answer_max_s:g} s")
        except (OSError, asyncio.IncompleteReadError) as error:
            return Later(f"{self.host}:{self.port}: {error or 'the connection ended'}")

    async def _exchanged(self, body: bytes, ours: str) -> Outcome:
        reader, writer = await asyncio.open_connection(self.host, self.port, ssl=self.tls, limit=BYTES_MAX)
        try:
            writer.write(BEGIN + body + END)
            await writer.drain()
            while True:
                answer = await _framed(reader)
                if answer is None:
                    return Later(f"{self.host}:{self.port} ended the connection without an acknowledgement")
                if (judged := _judged(answer, ours)) is not None:
                    return judged
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def _judged(answer: bytes, ours: str) -> Outcome | None:
    """None for one of another message."""
    lines = [line.split("|") for line in re.split(r"[\r\n]+", answer.decode("utf-8", "replace")) if line]
    msa = next((line + [""] * 4 for line in lines if line[0] == "MSA"), None)
    if msa is None or msa[2] != ours:
        return None
    if msa[1] in ("AA", "CA"):
        return Sent(ours)
    said = [unescaped(field) for line in lines if line[0] == "ERR" for field in line[1:] if field]
    why = " ".join([unescaped(msa[3]), *said]).strip() or "no reason was given"
    return outcome.Refused(f"{msa[1]}: {why}")


async def _framed(reader: asyncio.StreamReader) -> bytes | None:
    """The next message; what stands before its mark is no part of it. None at the end. Raises ValueError for one that is too long."""
    try:
        await reader.readuntil(BEGIN)
        return (await reader.readuntil(END))[: -len(END)]
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise ValueError(f"a message of more than {BYTES_MAX} bytes") from None


# --- the other direction ---------------------------------------------------------------------------------------------------

Receiver = Callable[[Appointment | PatientNews], Awaitable[None]]
"""Takes it for good, on the disk, before it returns. Raises HlError for what it will not take."""


async def serve(
    host: str, port: int, take: Receiver, wall: Callable[[], datetime], zone: tzinfo, tls: ssl.SSLContext | None = None
) -> asyncio.Server:
    """Listen for SIU and ADT. A message is acknowledged once `take` has it; whatever comes, the next one is read."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (framed := await _framed(reader)) is not None:
                writer.write(BEGIN + (await _answer(framed, take, wall(), zone)).encode() + END)
                await writer.drain()
        except (OSError, ValueError, asyncio.CancelledError):
            pass  # it is gone, it floods, or the service ends: so does the connection, and it may come again
        finally:
            writer.close()

    return await asyncio.start_server(connected, host, port, ssl=tls, limit=BYTES_MAX)


async def _answer(framed: bytes, take: Receiver, at: datetime, zone: tzinfo) -> str:
    text = framed.decode("utf-8", "replace")
    header = Header("", "", "", ("", ""), "P", "2.5.1")
    try:
        header = header_of(text)
        await take(read_message(text, zone))
        return _ack(header, at, "AA")
    except HlError as error:
        return _ack(header, at, "AR" if error.code in ("200", "201") else "AE", error)
    except Exception as error:  # whatever it was, the sender must know that it was not taken
        return _ack(header, at, "AE", HlError("MSH-10", f"could not be kept: {type(error).__name__}", "207"))


def _ack(header: Header, at: datetime, code: str, error: HlError | None = None) -> str:
    told = {
        "sender": {"app": header.sender[0], "facility": header.sender[1]}, "trigger": header.trigger, "own": f"A{header.id}"[:20],
        "processing": header.processing, "code": code, "id": header.id,
    }  # fmt: skip
    segments = [segment(ACK_MSH, {"told": told, "at": at}), segment(ACK_MSA, {"told": told})]
    if error is not None:
        name, _, field = error.place.partition("-")
        segments.append(
            segment(ACK_ERR, {"told": {"segment": name, "field": field, "error": error.code, "why": error.why}})
        )
    return message(segments)
