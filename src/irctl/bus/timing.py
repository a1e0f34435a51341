"""How long bytes take on the wire. Seconds; serial line characters include start, parity and stop bits."""

from __future__ import annotations

from dataclasses import dataclass

# Above 19200 baud the gaps are fixed (Modbus over serial line V1.02, 2.5.1.1).
FAST_BAUD = 19200
FAST_T15_S = 750e-6
FAST_T35_S = 1.75e-3


@dataclass(frozen=True, slots=True)
class LineFormat:
    """Data bits, parity and stop bits, written as in the manuals: "8N1", "8E1", "8N2"."""

    data_bits: int
    parity: str
    stop_bits: int

    @classmethod
    def of(cls, text: str) -> LineFormat:
        """Parse "8N1". Raises ValueError."""
        if len(text) != 3 or text[0] not in "78" or text[1] not in "NEO" or text[2] not in "12":
            raise ValueError(f"line format {text!r}: expected data bits, parity, stop bits, such as 8N1, 8E1 or 8N2")
        return cls(int(text[0]), text[1], int(text[2]))

    @property
    def bits_per_char(self) -> int:
        """Bits a character takes on the wire, start bit included."""
        return 1 + self.data_bits + (self.parity != "N") + self.stop_bits


@dataclass(frozen=True, slots=True)
class LineTiming:
    """Character and gap times of one line. Build with `serial` or `instant`."""

    char_s: float
    t15_s: float
    t35_s: float

    @classmethod
    def serial(cls, baud: int, format: str = "8N1") -> LineTiming:
        """The times of a serial line. Raises ValueError."""
        if baud <= 0:
            raise ValueError(f"baud {baud}: must be positive")
        char_s = LineFormat.of(format).bits_per_char / baud
        if baud > FAST_BAUD:
            return cls(char_s, FAST_T15_S, FAST_T35_S)
        return cls(char_s, 1.5 * char_s, 3.5 * char_s)

    @classmethod
    def instant(cls) -> LineTiming:
        """A network: bytes take no time worth counting and frames need no gap."""
        return cls(0.0, 0.0, 0.0)

    def frame_s(self, byte_count: int) -> float:
        """Seconds `byte_count` bytes take on the wire."""
        return byte_count * self.char_s
