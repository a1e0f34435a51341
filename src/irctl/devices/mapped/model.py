"""What a map says: points (registers and bits, with how they are read and written), and the roles that are made of them.

Every model refuses what it does not know. A number that would be dangerous to guess has no default: how a point is written, whether
that wears out a memory, which lease a fail-safe can count.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Area = Literal["coil", "discrete", "input", "holding"]
Kind = Literal["bit", "u16", "s16", "u32", "s32", "f32", "text"]
Write = Literal["05", "05-value", "06", "10"]
Order = Literal["high-first", "low-first"]
Address = Annotated[int, Field(ge=0, le=65536)]
PointName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Channel = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,2}$")]
Raw = Annotated[int, Field(ge=-0x8000_0000, le=0xFFFF_FFFF)]

T = TypeVar("T")
Many = Annotated[tuple[T, ...], Field(strict=False)]
"""A TOML array; what is in it stays strict."""

BITS: tuple[Area, ...] = ("coil", "discrete")
READ_ONLY: tuple[Area, ...] = ("discrete", "input")
WORDS: dict[Kind, int] = {"u16": 1, "s16": 1, "u32": 2, "s32": 2, "f32": 2}
BLOCK_MAX = 125
"""Registers that one answer can hold."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Line(Strict):
    """How the device speaks from the factory, for whoever wires it; the station file decides."""

    baud: Annotated[int, Field(ge=300, le=1_000_000)] | None = None
    format: Annotated[str, Field(pattern=r"^[78][NEO][12]$")] | None = None


class Point(Strict):
    """One value. `at` counts from the map's `base`; `bit` picks one of a register (0 is the lowest)."""

    area: Area
    at: Address
    type: Kind | None = None
    """A coil or discrete input is a bit; a register is u16 where nothing else is said."""
    words: Annotated[int, Field(ge=1, le=60)] | None = None
    """Registers of a text, two characters each."""
    bit: Annotated[int, Field(ge=0, le=15)] | None = None
    order: Order | None = None
    scale: float | None = None
    """The value is raw times this."""
    scale_by: PointName | None = None
    """The value is raw divided by ten to the power of this point."""
    unit: str = ""
    absent: Many[Raw] = ()
    """Raw values that mean: there is no value."""
    low: float | None = None
    high: float | None = None
    """What lies beyond, scaled, is refused when read and when written."""
    write: Write | None = None
    """Modbus function to write it with; without it, it is never written."""
    before: Many[Annotated[int, Field(ge=0, le=0xFFFF)]] = ()
    """Words that go before the value in the same frame (function 10), such as a command."""
    storage: Literal["ram", "eeprom"] | None = None
    """Where a written value is kept; must be said of what is written. Nothing cyclic may go into an EEPROM."""
    min_write_s: Annotated[float, Field(gt=0)] | None = None
    """Of an EEPROM: at least so long between two writes, seconds."""
    readable: bool = True
    """False for a command that can only be written."""
    commit: bool = False
    """Takes effect only after the map's `commit`."""


class Assignment(Strict):
    """A point and what it is to read. A value such as "$volts" is an option that the station file must give."""

    point: PointName
    value: float | Annotated[str, Field(pattern=r"^\$[a-z][a-z0-9_]*$")]


class Probe(Strict):
    """How the device is recognised: safe reads only. At least one of `expect`, `own_address` and, where the manual has neither, `answers`."""

    expect: dict[PointName, Many[float | str]] = {}
    """What these points may read, one of the values each; a text must contain one."""
    own_address: PointName | None = None
    """A point that must read the address the device answers at."""
    answers: PointName | None = None
    """A point that must be readable: then it is only known that something with such a register answers there."""
    serial: PointName | None = None
    firmware: PointName | None = None


class Model(Strict):
    """One of several models behind one map, told by what `model_by` reads: their scales differ."""

    title: str
    ids: Many[int]
    scale: dict[PointName, float]


class Sensor(Strict):
    """`value`: the point. `ready`: what these points must read for the value to count; `busy`: while they read this, it is asked again."""

    value: PointName
    response_s: Annotated[float, Field(gt=0)] | None = None
    """First-order time constant, seconds; needed of a radiometer."""
    ready: dict[PointName, float] = {}
    busy: dict[PointName, float] = {}


class ContactRole(Strict):
    """`closed`: the point that reads `closed_is` when the circuit is closed."""

    closed: PointName
    closed_is: Literal[0, 1] = 1


class Output(Strict):
    """A relay, a dimmer, a supply. `switch`: 1 lets power through, 0 is off; of a timed output that is how it is ended early.

    `timed`: what is written to light for so many seconds. `level`: what sets how much, with its unit: "%" or, with the `full`
    option of the station file, what 100 % is. `state`: what is read to know whether it is on; the switch where not given.
    """

    switch: PointName | None = None
    state: PointName | None = None
    level: PointName | None = None
    level_read: PointName | None = None
    timed: PointName | None = None
    level_min_pct: Annotated[float, Field(gt=0, le=100)] = 100.0
    level_step_pct: Annotated[float, Field(gt=0, le=100)] = 100.0
    set: Many[Assignment] = ()
    """Settings of this channel that must read so before there is light; written only where they do not."""


class FailSafe(Strict):
    """What ends the light when nobody renews it. `none`: nothing does; such an emitter only works behind a cut-off of another class."""

    kind: Annotated[Literal["comm-watchdog", "timed-output", "none"], Field(alias="class")]
    time: PointName | None = None
    """Of a watchdog: the point that holds its time, scaled to seconds."""
    min_s: Annotated[float, Field(gt=0)] | None = None
    max_s: Annotated[float, Field(gt=0)] | None = None
    step_s: Annotated[float, Field(gt=0)] | None = None
    set: Many[Assignment] = ()
    """Settings of the whole device that must read so before there is light."""
    trip: PointName | None = None
    """Reads 1 once the watchdog has acted."""
    trips: PointName | None = None
    """Counts how often the watchdog has acted: another count than when it was armed is a trip. One that heals itself needs no `clear`."""
    clear: Many[Assignment] = ()
    """What a person may order to clear a trip. Every output is off, and is made so first."""
    release: Many[Assignment] = ()
    """Written once no output is armed, where an idle watchdog would trip for nothing."""
    restarted: PointName | None = None
    """Reads 1 once after power-on."""
    retrigger: Literal["restart", "ignore", "extend"] | None = None
    """Of a timed output: what renewing does. Left out where the manual does not say: then the station file must (option `retrigger`)."""


class DeviceMap(Strict):
    """A whole map. `source`: the manual, with pages; `base`: 0 for addresses as on the wire, 1 where the manual counts from 1."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
    title: str
    source: str
    tested: Many[str] = ()
    """Against what: "golden frames", "twin", "hardware"."""
    base: Literal[0, 1] = 0
    order: Order = "high-first"
    line: Line = Line()
    reply_max_ms: Annotated[float, Field(ge=10, le=2000)] = 300.0
    """The longest the device may take to answer."""
    gap_ms: Annotated[float, Field(ge=0, le=500)] = 0.0
    """Quiet that it needs after an answer before it hears another question, beyond the line's own."""
    block: Annotated[int, Field(ge=1, le=BLOCK_MAX)] = 32
    """Registers that one question may ask for."""
    broadcast: Literal["none", 0, 255] = "none"
    """The unit at which every device obeys; 255 is answered, and never used."""
    forbidden: Many[Address | Annotated[tuple[Address, Address], Field(strict=False)]] = ()
    """Holding registers that must never be written nor read along; [first, last] for a range."""
    points: dict[PointName, Point]
    probe: Probe
    model_by: PointName | None = None
    models: Many[Model] = ()
    commit: Assignment | None = None
    radiometers: dict[Channel, Sensor] = {}
    thermometers: dict[Channel, Sensor] = {}
    contacts: dict[Channel, ContactRole] = {}
    cutoffs: dict[Channel, Output] = {}
    emitters: dict[Channel, Output] = {}
    failsafe: FailSafe | None = None

    def place(self, name: str) -> tuple[Area, int, int]:
        """Area, address on the wire, and how many registers or bits."""
        point = self.points[name]
        return point.area, point.at - self.base, self.size(name)

    def size(self, name: str) -> int:
        point = self.points[name]
        return point.words or 1 if point.type == "text" else WORDS.get(self.kind(name), 1)

    def kind(self, name: str) -> Kind:
        point = self.points[name]
        if point.type is not None:
            return point.type
        return "bit" if point.area in BITS or point.bit is not None else "u16"
