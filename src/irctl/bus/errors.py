"""What can go wrong on a line, in words a person can act on: which line, which unit, what happened, what to check."""

from __future__ import annotations

from typing import ClassVar


class PortLost(OSError):
    """A port could not be opened, or went away. Raised by ports; callers of a line see `LineDown`."""


class BusError(Exception):
    """A transaction failed. `line` and `unit` say where (`unit` None: the whole line), `remedy` what to check."""

    default_remedy: ClassVar[str] = ""

    def __init__(self, line: str, unit: int | None, text: str, remedy: str | None = None) -> None:
        self.line = line
        self.unit = unit
        self.text = text
        self.remedy = self.default_remedy if remedy is None else remedy
        where = f"line {line or '?'}" + (f", unit {unit}" if unit is not None else "")
        super().__init__(f"{where}: {text}." + (f" {self.remedy}" if self.remedy else ""))


class NoReply(BusError):
    """The unit said nothing within its time-out."""

    default_remedy = "Check the device's power, its unit address, A/B wiring, baud rate and format."


class WrongReply(BusError):
    """Something answered, but not this unit to this question. The value was not used."""

    default_remedy = "Check for two devices with one address, termination and bias, baud rate and format."


class ExceptionReply(BusError):
    """The unit refused the request. `code`: the number of the Modbus exception, None on a line of text; `name`: its meaning, or what was answered."""

    def __init__(self, line: str, unit: int, code: int | None, name: str, asked: str) -> None:
        self.code = code
        self.name = name
        super().__init__(
            line,
            unit,
            f"refused {asked} with " + (name if code is None else f"exception {code:02X} ({name})"),
            "Check that the configured driver fits the device's model and firmware.",
        )


class LineDown(BusError):
    """The port is closed or lost; the line is reconnecting in the background."""

    default_remedy = "Check the adapter, its cable and the configured port; the line reconnects by itself."


class LineEchoes(BusError):
    """The line returns our own bytes, so an echoed write would look like an acknowledged one."""

    default_remedy = "Set `local_echo = true` for this line, or switch the adapter's echo off."


class LineSaturated(BusError):
    """More requests are waiting than the line may hold."""

    default_remedy = "Poll less often, or move devices to another line."


class Preempted(BusError):
    """Given up so that a stop could go first. Nothing is known about whether the unit obeyed."""
