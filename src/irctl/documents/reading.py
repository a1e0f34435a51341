"""Reading one session out of the journal: which events are its own, whether they are intact, and what they tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, ValidationError

from irctl.documents.record import (
    CalibrationInForce,
    Ending,
    Happening,
    Identity,
    Kind,
    LampInfo,
    Limits,
    NoteError,
    Off,
    Order,
    Part,
    Pause,
    Sample,
    SessionNote,
    Source,
)
from irctl.domain.chain import link

Raw = Mapping[str, Any]
PartT = TypeVar("PartT", bound=Part)

KINDS: Mapping[str, Kind] = {
    "session.armed": Kind.ARMED,
    "session.dark_reading": Kind.DARK_READING,
    "session.starting": Kind.STARTED,
    "session.first_light": Kind.FIRST_LIGHT,
    "session.attended": Kind.ATTENDED,
    "session.warning": Kind.WARNING,
    "alarm": Kind.ALARM,
    "session.paused": Kind.PAUSED,
    "session.resumed": Kind.RESUMED,
    "session.stopping": Kind.STOPPING,
    "stop.latched": Kind.STOP_LATCHED,
    "stop.evidence": Kind.STOP_EVIDENCE,
    "stop.cleared": Kind.STOP_CLEARED,
    "session.off": Kind.OFF,
    "controller.started": Kind.RESTARTED,
    "lamp.dark_verified": Kind.DARK_VERIFIED,
    "lamp.unverified": Kind.UNVERIFIED,
    "session.ended": Kind.ENDED,
}

SAME_CHANGE_S = 1.0
"""A state and the event that explains it are written in the same turn of the lamp's task, well within a second."""


class _Event(Part):
    """The frame around every event; `raw` is the whole of it."""

    seq: int
    at: AwareDatetime
    mono_s: float
    event: str
    hash: str
    prev: str
    session: str | None = None
    lamp: str | None = None
    raw: Raw


class _Ordered(Part):
    order: Order
    lamp: str
    limits: Limits
    lamp_info: LampInfo
    calibration: CalibrationInForce
    station: str | None = None
    simulated: bool | None = None


class _Started(Part):
    station: str
    simulated: bool
    version: str


class _Armed(Part):
    fail_safe: str
    lease_s: float
    identity: Identity | None = None


class _DarkReading(Part):
    radiometer_offset_mw_cm2: float | None = None
    readings: int | None = None


class _FirstLight(Part):
    level_pct: float


class _Attended(Part):
    by: str
    comfort: str


class _Told(Part):
    """The fields that warnings, alarms, pauses and stops share, by whichever of two names the words go."""

    text: str | None = None
    reason: str | None = None
    hazard: str | None = None
    priority: str | None = None
    remedy: str | None = None
    by: str | None = None


def read_session(events: Sequence[Raw], session: str, *, timezone: str = "UTC") -> SessionNote:
    """The note of one session from journal events (the whole journal or a stretch of it, in order of `seq`).

    `timezone` is an IANA name: the times in the note are told in it, with their offset from UTC.
    Raises NoteError when the session is unknown or has not ended, a field is missing, or an event was changed.
    """
    zone = _zone(timezone)
    story = _Story(events, session, zone)
    ordered = _parse(_Ordered, story.ordered)
    station, simulated = story.place(ordered)
    armed = [_parse(_Armed, e) for e in story.of("session.armed")]
    return SessionNote(
        session=session,
        lamp=ordered.lamp,
        station=station,
        simulated=simulated,
        timezone=timezone,
        ordered_at=story.ordered.at,
        order=ordered.order,
        limits=ordered.limits,
        lamp_info=ordered.lamp_info,
        calibration=_in_zone(ordered.calibration, zone),
        identity=armed[-1].identity if armed else None,
        ending=_in_zone(_parse(Ending, story.ended), zone),
        happenings=tuple(story.happenings()),
        pauses=tuple(story.pauses()),
        samples=tuple(_parse(Sample, e) for e in story.of("session.sample")),
        source=story.source(),
    )


class _Story:
    """The events from a session's order to its end, and what later ones add to it."""

    def __init__(self, events: Sequence[Raw], session: str, zone: ZoneInfo) -> None:
        own = [e for e in events if e.get("session") == session]
        ordered, ended = _only(own, "session.ordered", session), _only(own, "session.ended", session)
        self.session, self.lamp = session, ordered.get("lamp")
        first, end = _seq(ordered), _seq(ended)
        late = _late_evidence(events, first, end)
        chosen = [e for e in events if _seq(e) >= first and self._belongs(e, end, late)]
        self.events = [_event(e, zone) for e in chosen]
        self.ordered, self.ended = self.of("session.ordered")[0], self.of("session.ended")[0]
        self.first_light = next(iter(self.of("session.first_light")), None)
        starts = [e for e in events if e.get("event") == "controller.started" and _seq(e) < first]
        self.started = [_event(e, zone) for e in starts[-1:]]
        self.unbroken = _follow_on([e for e in events if first <= _seq(e) <= self.events[-1].seq])

    def _belongs(self, event: Raw, end: int, late: int | None) -> bool:
        """This session's own events whenever they were written; those of its lamp and station until it ended."""
        if "session" in event:
            return event["session"] == self.session
        concerns = event.get("lamp") in (None, self.lamp)
        return event.get("event") in KINDS and concerns and (_seq(event) <= end or _seq(event) == late)

    def of(self, name: str) -> list[_Event]:
        return [e for e in self.events if e.event == name]

    def t_s(self, event: _Event) -> float | None:
        """Seconds since first light; by the monotonic clock unless the controller was started anew in between."""
        light = self.first_light
        if light is None or event.seq < light.seq:
            return None
        anew = any(light.seq < e.seq <= event.seq for e in self.of("controller.started"))
        elapsed_s = (event.at - light.at).total_seconds() if anew else event.mono_s - light.mono_s
        return max(0.0, elapsed_s)

    def place(self, ordered: _Ordered) -> tuple[str, bool]:
        """The station and whether it was simulated: said with the order, else when the controller was started before it."""
        if ordered.station is not None and ordered.simulated is not None:
            return ordered.station, ordered.simulated
        if not self.started:
            raise NoteError(
                f"session {self.session}: nothing says at which station it was and whether that was simulated; "
                "give the journal from the controller.started before it"
            )
        started = _parse(_Started, self.started[0])
        return started.station, started.simulated

    def source(self) -> Source:
        starts = [*self.started, *self.of("controller.started")]
        versions = dict.fromkeys(_parse(_Started, e).version for e in starts)
        last = self.events[-1]
        return Source(
            first_seq=self.ordered.seq,
            last_seq=last.seq,
            head=last.hash,
            software=tuple(versions),
            unbroken=self.unbroken,
        )

    def pauses(self) -> Iterator[Pause]:
        """From the first word of a pause (a state or an event) to the first word of its end, or the session's."""
        began_s: float | None = None
        for event in self.events:
            says, t_s = _pauses(event), self.t_s(event)
            if says and began_s is None:
                began_s = t_s
            elif says is False and began_s is not None and t_s is not None:
                yield Pause(from_s=began_s, to_s=t_s)
                began_s = None

    def happenings(self) -> Iterator[Happening]:
        paused = False
        for event in self.events:
            says = _pauses(event)
            if event.event == "session.state":
                if says and not paused and not self._explained(event):
                    yield self._happening(event, Kind.PAUSED)
            elif (kind := KINDS.get(event.event)) and (kind is not Kind.STOP_EVIDENCE or self._evidence(event)):
                yield self._happening(event, kind)
            paused = paused if says is None else says

    def _explained(self, state: _Event) -> bool:
        """Whether a pause seen as a state is also written, right after it, as an event that says by whom."""
        return any(
            e.seq > state.seq and 0 <= e.mono_s - state.mono_s <= SAME_CHANGE_S for e in self.of("session.paused")
        )

    def _happening(self, event: _Event, kind: Kind) -> Happening:
        told = _parse(_Told, event)
        fields: dict[str, Any] = told.model_dump(include={"hazard", "priority", "remedy"})
        fields |= {"seq": event.seq, "at": event.at, "t_s": self.t_s(event), "kind": kind}
        match kind:
            case Kind.ARMED:
                armed = _parse(_Armed, event)
                fields |= {"text": f"{armed.fail_safe}, lease {armed.lease_s:g} s"}
            case Kind.DARK_READING:
                dark = _parse(_DarkReading, event)
                offset = dark.radiometer_offset_mw_cm2
                fields |= {"text": "" if offset is None else f"{offset:.2f} mW/cm² from {dark.readings or 0} readings"}
            case Kind.FIRST_LIGHT:
                fields |= {"text": f"level {_parse(_FirstLight, event).level_pct:g} %"}
            case Kind.ATTENDED:
                attended = _parse(_Attended, event)
                fields |= {"text": attended.comfort, "by": attended.by}
            case Kind.OFF | Kind.DARK_VERIFIED:
                fields |= {"off": _parse(Off, event), "text": told.reason or ""}
            case Kind.STOP_EVIDENCE:
                fields |= {"off": self._evidence(event)}
            case Kind.RESTARTED:
                fields |= {"text": f"version {_parse(_Started, event).version}"}
            case _:
                fields |= {"text": told.text or told.reason or "", "by": told.by}
        return _build(Happening, event, fields)

    def _evidence(self, event: _Event) -> Off | None:
        """What a stop's evidence says of this lamp; None when it says nothing."""
        lamps: Any = event.raw.get("lamps")
        if not isinstance(lamps, Mapping) or self.lamp not in lamps:
            return None
        return _build(Off, event, lamps[self.lamp])


def _pauses(event: _Event) -> bool | None:
    """True where a pause begins or goes on, False where there is none, None where the event does not say."""
    match event.event:
        case "session.paused":
            return True
        case "session.resumed" | "session.ended":
            return False
        case "session.state":
            return event.raw.get("state") == "paused"
        case _:
            return None


def _late_evidence(events: Sequence[Raw], first: int, end: int) -> int | None:
    """The evidence of this session's stop where it is written after the session's end: stop acts first and is written next."""
    awaited = False
    for event in events:
        match event.get("event"):
            case "stop.latched":
                awaited = first < _seq(event) <= end
            case "stop.evidence" if awaited and _seq(event) > end:
                return _seq(event)
            case "stop.evidence" | "stop.cleared":
                awaited = False
            case _:
                pass
    return None


def _follow_on(stretch: Sequence[Raw]) -> bool:
    """Whether the stretch has no gaps. Raises NoteError where a neighbour does not follow from the one before it."""
    unbroken = True
    for before, after in pairwise(stretch):
        if _seq(after) != _seq(before) + 1:
            unbroken = False
        elif after.get("prev") != before.get("hash"):
            raise NoteError(f"event {_seq(after)} does not follow from event {_seq(before)}: the record was changed")
    return unbroken


def _event(raw: Raw, zone: ZoneInfo) -> _Event:
    event = _build_raw(raw)
    try:
        intact = link(raw) == event.hash
    except (TypeError, ValueError):
        intact = False
    if not intact:
        raise NoteError(f"event {event.seq} ({event.event}) does not match its hash: the record was changed")
    return _in_zone(event, zone)


def _build_raw(raw: Raw) -> _Event:
    try:
        return _Event.model_validate({**raw, "raw": raw})
    except ValidationError as error:
        raise NoteError(f"event {raw.get('seq', '?')} ({raw.get('event', '?')}): {_why(error)}") from None


def _only(own: Sequence[Raw], name: str, session: str) -> Raw:
    if not own:
        raise NoteError(f"session {session}: the journal given holds no event of it")
    found = [e for e in own if e.get("event") == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise NoteError(f"session {session}: {len(found)} {name} events where one belongs")
    last = f"event {own[-1].get('seq')}, {own[-1].get('event')}"
    what = "has not ended" if name == "session.ended" else "has no order"
    raise NoteError(f"session {session} {what}: the journal given holds no {name} for it (its last is {last})")


def _seq(event: Raw) -> int:
    seq = event.get("seq")
    if not isinstance(seq, int):
        raise NoteError(f"an event without its number: {event.get('event', 'no name either')}")
    return seq


def _parse(model: type[PartT], event: _Event) -> PartT:
    return _build(model, event, event.raw)


def _build(model: type[PartT], event: _Event, fields: Any) -> PartT:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise NoteError(f"event {event.seq} ({event.event}): {_why(error)}") from None


def _why(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'it'}: {e['msg']}" for e in error.errors())


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NoteError(f"no time zone {name!r}: use an IANA name such as Europe/Berlin, or UTC") from None


def _in_zone(part: PartT, zone: ZoneInfo) -> PartT:
    times = {name: value.astimezone(zone) for name, value in part if isinstance(value, datetime)}
    return part.model_copy(update=times)
