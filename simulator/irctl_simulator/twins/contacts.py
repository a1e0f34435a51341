"""Moxa ioLogik E1210 and Advantech ADAM-6050: contacts over Modbus TCP.

Sources: ioLogik E1200 manual p. 90-98 (inputs by FC02, model at input register 5000); ADAM-6000 manual ed. 9 app. B.2 (inputs are coils from 00001, outputs
from 00017). What the model register reads exactly is assumed. Their watchdogs are set elsewhere and are not modelled: irctl uses the contacts only.
"""

from __future__ import annotations

from typing import ClassVar

from irctl_simulator.twins.base import Cell, RegisterTwin, constant, put


class ContactTwin(RegisterTwin):
    """Inputs that read 1 while their contact is closed."""

    inputs_count: ClassVar[int]

    def __init__(self, unit: int, now: float = 0.0) -> None:
        super().__init__(unit, broadcast=False)
        self.closed = [False] * self.inputs_count
        self.map()

    def map(self) -> None:
        """Place the registers."""

    def cells(self) -> list[Cell]:
        return [Cell(lambda _now, index=index: int(self.closed[index])) for index in range(self.inputs_count)]

    def set_input(self, channel: int, closed: bool) -> None:
        """A contact wired to input `channel` (1-based) closes or opens."""
        self.closed[channel - 1] = closed


class MoxaE1210(ContactTwin):
    kind: ClassVar[str] = "moxa-e1210"
    functions: ClassVar[frozenset[int]] = frozenset({2, 4})
    inputs_count: ClassVar[int] = 16

    def map(self) -> None:
        put(self.discretes, 0, self.cells())
        name = "E1210".ljust(20, "\0").encode()
        put(self.inputs, 5000, [constant(int.from_bytes(name[at : at + 2], "big")) for at in range(0, 20, 2)])


class Adam6050(ContactTwin):
    kind: ClassVar[str] = "adam-6050"
    functions: ClassVar[frozenset[int]] = frozenset({1, 5, 15})
    inputs_count: ClassVar[int] = 12

    def map(self) -> None:
        put(self.coils, 0, self.cells())
