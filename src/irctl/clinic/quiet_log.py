"""The log of the clinic's process: where something went wrong, never with what. The text of an exception often quotes the value that it did not like, and that may be a patient's name."""

from __future__ import annotations

import logging
import traceback
from types import TracebackType

FRAMES_MAX = 30


class Quiet(logging.Formatter):
    """One line: who complains, about what kind of exception, and the places in the code it came through."""

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.msg, BaseException):
            said = type(record.msg).__name__
        elif record.exc_info:
            # Only what the program itself says: asyncio puts the exception's own words on further lines.
            said = str(record.msg).partition("\n")[0] if not record.args else ""
        else:
            said = record.getMessage()
        kind, _, trace = record.exc_info or (None, None, None)
        told = f"{record.name}: {said}"
        if kind is not None:
            told += f" [{kind.__module__}.{kind.__qualname__}] {_places(trace)}"
        return told.replace("\r", " ").replace("\n", " ")


def _places(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)[-FRAMES_MAX:]
    return " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
