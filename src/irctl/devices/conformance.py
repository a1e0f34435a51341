"""What every driver is held to, shipped or third party: run these checks from your own tests against a twin or a bench device.

    from irctl.devices import conformance

    @pytest.mark.anyio
    @pytest.mark.parametrize("check", conformance.OUTPUT_CHECKS, ids=conformance.check_name)
    async def test_my_dimmer(check):
        async with my_bench() as bench:  # an OutputBench, freshly powered for every check
            await check(bench)

or all of them at once: `await conformance.check_emitter(my_bench)`. A check raises AssertionError saying which promise broke;
checks that need a hook the bench lacks are passed over. Time is the running loop's, so a virtual clock makes them quick.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from math import nan

from irctl.bus.bus import Priority
from irctl.bus.errors import BusError
from irctl.devices.roles import (
    Contact,
    Cutoff,
    Device,
    DeviceFault,
    Emitter,
    FailSafe,
    NotArmed,
    OutputState,
    Radiometer,
    Thermometer,
)

PATIENCE_S = 1.0
"""A silent device must be given up within this: a stop waits behind nothing longer."""
LAPSE_MARGIN_S = 0.2
"""Past lease + step: the far end of a serial line, and the device's own loop."""

OVERTAKING_DELAYS_S = (0.0, 0.004, 0.008, 0.012, 0.016, 0.02, 0.024, 0.028, 0.032, 0.04, 0.05, 0.06)
"""Moments within an order for light, at 9600 baud."""


@dataclass
class OutputBench:
    """An emitter or cut-off with its hardware in view. One bench for each check: output off, settings as from the factory.

    `truth()` is whether the output is physically on, seen past the driver (a twin's output, a lamp, a meter).
    `silence(True)` makes the device stop answering (unplug it), `silence(False)` lets it answer again.
    `sent` holds every request PDU so far, as sent.
    `stubborn()`, where the bench can: the device acknowledges settings and does not keep them.
    """

    output: Emitter | Cutoff
    lease_s: float
    truth: Callable[[], bool]
    silence: Callable[[bool], None]
    sent: Sequence[bytes] = ()
    stubborn: Callable[[], None] | None = None

    async def on(self, lease_s: float | None = None) -> None:
        """Full light, or contact closed, for one lease."""
        lease_s = self.lease_s if lease_s is None else lease_s
        if isinstance(self.output, Emitter):
            await self.output.emit(100, lease_s)
        else:
            await self.output.close(lease_s)

    async def off(self) -> None:
        if isinstance(self.output, Emitter):
            await self.output.dark()
        else:
            await self.output.open()

    async def seen(self) -> OutputState:
        return await self.output.observe(Priority.POLL)


@dataclass
class SensorBench:
    """A sensor at a known condition. `fault()`, where the bench can: the sensor reports an error of its own."""

    sensor: Radiometer | Thermometer | Contact
    expected: float | bool
    """What it ought to read now: mW/cm², °C, or closed."""
    tolerance: float
    silence: Callable[[bool], None]
    fault: Callable[[], None] | None = None

    async def read(self) -> float | bool:
        match self.sensor:
            case Radiometer():
                return await self.sensor.irradiance_mw_cm2()
            case Thermometer():
                return await self.sensor.temperature_c()
            case Contact():
                return await self.sensor.closed()


OutputCheck = Callable[[OutputBench], Awaitable[None]]
SensorCheck = Callable[[SensorBench], Awaitable[None]]


def check_name(check: object) -> str:
    """The promise, for a test's id."""
    return str(getattr(check, "__name__", check))


async def check_emitter(bench: Callable[[], AbstractAsyncContextManager[OutputBench]]) -> None:
    """Every promise of an emitter, each on a fresh bench."""
    for check in (*OUTPUT_CHECKS, *EMITTER_CHECKS):
        async with bench() as fresh:
            await check(fresh)


async def check_cutoff(bench: Callable[[], AbstractAsyncContextManager[OutputBench]]) -> None:
    """Every promise of a cut-off, each on a fresh bench."""
    for check in OUTPUT_CHECKS:
        async with bench() as fresh:
            await check(fresh)


async def check_sensor(bench: Callable[[], AbstractAsyncContextManager[SensorBench]]) -> None:
    """Every promise of a radiometer, thermometer or contact, each on a fresh bench."""
    for check in SENSOR_CHECKS:
        async with bench() as fresh:
            await check(fresh)


# --- outputs ---------------------------------------------------------------------------------------------------------


async def identifies_itself(bench: OutputBench) -> None:
    await _identifies(bench.output)


async def arms_dark(bench: OutputBench) -> None:
    await bench.output.arm(bench.lease_s)
    _expect(not bench.truth(), "arming switched the output on")
    _expect(not (await bench.seen()).on, "observe reports an armed, dark output as on")


async def gives_no_light_before_it_is_armed(bench: OutputBench) -> None:
    await _raises(NotArmed, bench.on(), "light before arming")
    _expect(not bench.truth(), "the output is on although it was never armed")


async def gives_light_and_reads_it_back(bench: OutputBench) -> None:
    await _light(bench)
    state = await bench.seen()
    _expect(state.on, "observe does not see an output that is on")
    _expect(not state.tripped and not state.rebooted, f"observe reports {state} on a healthy output")


async def goes_dark_when_the_host_falls_silent(bench: OutputBench) -> None:
    """The promise everything rests on. Nobody sends a frame; the hardware acts. An emitter that cannot must say so: then a cut-off has to."""
    if _leaves_it_to_a_cutoff(bench):
        return
    await _light(bench)
    await asyncio.sleep(bench.lease_s / 2)
    _expect(bench.truth(), "the output went dark before half its lease was over")
    await asyncio.sleep(bench.lease_s / 2 + bench.output.lease.step_s + LAPSE_MARGIN_S)
    _expect(not bench.truth(), f"the output is still on {bench.lease_s} s after the last renewal")


async def stays_lit_while_renewed(bench: OutputBench) -> None:
    await _light(bench)
    for _ in range(12):
        await asyncio.sleep(bench.lease_s / 3)
        _expect(bench.truth(), "the output went dark although its lease was renewed in time")
        await bench.on()


async def ends_one_lease_after_its_last_renewal(bench: OutputBench) -> None:
    """Renewing starts the time anew: what is left of it is neither kept nor added. What this board does, commissioning measures again."""
    if _leaves_it_to_a_cutoff(bench):
        return
    await _light(bench)
    await asyncio.sleep(0.6 * bench.lease_s)
    await bench.on()
    await asyncio.sleep(0.6 * bench.lease_s)
    _expect(bench.truth(), "a renewal was ignored: the output went dark one lease after the first")
    await asyncio.sleep(0.4 * bench.lease_s + bench.output.lease.step_s + LAPSE_MARGIN_S)
    _expect(not bench.truth(), "a renewal was added: the output outlasts one lease after the last")


async def needs_arming_again_after_a_lapse(bench: OutputBench) -> None:
    if _leaves_it_to_a_cutoff(bench):
        return
    await _light(bench)
    await asyncio.sleep(bench.lease_s + bench.output.lease.step_s + LAPSE_MARGIN_S)
    state = await bench.seen()
    _expect(not state.on, "observe reports a lapsed output as on")
    _expect(state.tripped is not False, "observe does not report that the fail-safe acted")
    await _raises(NotArmed, bench.on(), "light after a lapse, without arming again")
    _expect(not bench.truth(), "the output is on again after a lapse")


async def goes_dark_at_once_and_as_often_as_asked(bench: OutputBench) -> None:
    await bench.off()
    await _light(bench)
    for _ in range(2):
        await bench.off()
        _expect(not bench.truth(), "the output is on after OFF was acknowledged")
        _expect(not (await bench.seen()).on, "observe reports a dark output as on")
    await bench.on()
    _expect(bench.truth(), "an ordinary OFF needs no new arming, but light did not come back")


async def lets_dark_win_over_light_ordered_at_the_same_time(bench: OutputBench) -> None:
    """Whatever frame of the order is on the wire when OFF comes, and whatever its answer."""
    for delay_s in OVERTAKING_DELAYS_S:
        await bench.output.arm(bench.lease_s)
        light = asyncio.ensure_future(bench.on())
        await asyncio.sleep(delay_s)
        await bench.off()
        await asyncio.gather(light, return_exceptions=True)
        _expect(not bench.truth(), f"an OFF given {delay_s} s after light was ordered lost the race")


async def refuses_a_lease_other_than_the_armed_one(bench: OutputBench) -> None:
    await bench.output.arm(bench.lease_s)
    await _raises(NotArmed, bench.on(bench.lease_s + bench.output.lease.step_s), "light for another lease than armed")
    _expect(not bench.truth(), "the output is on for a lease it was not armed for")


async def refuses_leases_it_cannot_keep(bench: OutputBench) -> None:
    spec = bench.output.lease
    for lease_s in (0.0, -1.0, spec.min_s / 2, spec.min_s + spec.step_s / 2, spec.max_s + spec.step_s, nan):
        await _raises((ValueError, NotArmed), bench.output.arm(lease_s), f"arming for {lease_s} s")
        await _raises((ValueError, NotArmed), bench.on(lease_s), f"light for {lease_s} s")
    _expect(not bench.truth(), "a refused lease switched the output on")


async def is_not_armed_when_the_device_does_not_keep_the_setting(bench: OutputBench) -> None:
    if bench.stubborn is None:
        return
    bench.stubborn()
    await _raises(NotArmed, bench.output.arm(bench.lease_s), "arming a device that does not keep its settings")
    await _raises(NotArmed, bench.on(), "light after a failed arming")
    _expect(not bench.truth(), "the output is on although arming failed")


async def says_so_when_the_device_is_silent(bench: OutputBench) -> None:
    await bench.output.arm(bench.lease_s)
    bench.silence(True)
    for what, call in (
        ("OFF", bench.off),
        ("observe", bench.seen),
        ("light", bench.on),
        ("arming", lambda: bench.output.arm(bench.lease_s)),
    ):
        await _gives_up_in_time(call(), what)


async def sends_only_frames_that_may_be_repeated(bench: OutputBench) -> None:
    """Toggle (FC05 with 5500) ends on or off depending on what was; no lamp may hang on that."""
    await _light(bench)
    await bench.on()
    await bench.off()
    toggles = [pdu.hex(" ") for pdu in bench.sent if pdu[0] == 0x05 and pdu[3:5] == b"\x55\x00"]
    _expect(not toggles, f"toggle commands were sent: {toggles}")


async def names_its_off_frames(bench: OutputBench) -> None:
    """The line computes its worst-case time-to-dark from them."""
    await bench.output.arm(bench.lease_s)
    before = len(bench.sent)
    await bench.off()
    named = [request.pdu() for request in bench.output.off_requests()]
    _expect(bool(named), "off_requests is empty: the line cannot compute its time to dark")
    if bench.sent:
        sent = list(bench.sent[before:])
        _expect(sent == named, f"OFF sent {_hex(sent)}, but off_requests names {_hex(named)}")
    broadcast = bench.output.broadcast_off()
    _expect(broadcast is None or broadcast.is_broadcast, "broadcast_off is addressed to one unit")


async def refuses_levels_out_of_range(bench: OutputBench) -> None:
    emitter = bench.output
    if not isinstance(emitter, Emitter):
        raise AssertionError("this check is for emitters")
    await emitter.arm(bench.lease_s)
    for level_pct in (-1.0, 0.0, emitter.level_min_pct - 0.5, 100.5, 1000.0, nan):
        await _raises(ValueError, emitter.emit(level_pct, bench.lease_s), f"a level of {level_pct} %")
    _expect(not bench.truth(), "a refused level switched the output on")


async def holds_its_lowest_level(bench: OutputBench) -> None:
    emitter = bench.output
    if not isinstance(emitter, Emitter):
        raise AssertionError("this check is for emitters")
    await emitter.arm(bench.lease_s)
    await emitter.emit(emitter.level_min_pct, bench.lease_s)
    state = await bench.seen()
    _expect(state.on, "the lowest level is dark")
    _expect(
        state.level_pct is None or abs(state.level_pct - emitter.level_min_pct) < 1,
        f"observe reports {state.level_pct} % at the lowest level, {emitter.level_min_pct} %",
    )


OUTPUT_CHECKS: tuple[OutputCheck, ...] = (
    identifies_itself,
    arms_dark,
    gives_no_light_before_it_is_armed,
    gives_light_and_reads_it_back,
    goes_dark_when_the_host_falls_silent,
    stays_lit_while_renewed,
    ends_one_lease_after_its_last_renewal,
    needs_arming_again_after_a_lapse,
    goes_dark_at_once_and_as_often_as_asked,
    lets_dark_win_over_light_ordered_at_the_same_time,
    refuses_a_lease_other_than_the_armed_one,
    refuses_leases_it_cannot_keep,
    is_not_armed_when_the_device_does_not_keep_the_setting,
    says_so_when_the_device_is_silent,
    sends_only_frames_that_may_be_repeated,
    names_its_off_frames,
)
"""For emitters and cut-offs alike."""

EMITTER_CHECKS: tuple[OutputCheck, ...] = (refuses_levels_out_of_range, holds_its_lowest_level)
"""For emitters, besides `OUTPUT_CHECKS`."""


# --- sensors ---------------------------------------------------------------------------------------------------------


async def sensor_identifies_itself(bench: SensorBench) -> None:
    await _identifies(bench.sensor)


async def reads_what_is_there(bench: SensorBench) -> None:
    value = await bench.read()
    _expect(
        abs(value - bench.expected) <= bench.tolerance,
        f"it reads {value}, and {bench.expected} is what it ought to read",
    )


async def reports_its_own_error(bench: SensorBench) -> None:
    """An error status must never come out as a number."""
    if bench.fault is None:
        return
    bench.fault()
    await _raises(DeviceFault, bench.read(), "a reading while the sensor reports an error")


async def sensor_says_so_when_silent(bench: SensorBench) -> None:
    bench.silence(True)
    await _gives_up_in_time(bench.read(), "a reading")
    bench.silence(False)
    await asyncio.sleep(PATIENCE_S)
    await bench.read()


SENSOR_CHECKS: tuple[SensorCheck, ...] = (
    sensor_identifies_itself,
    reads_what_is_there,
    reports_its_own_error,
    sensor_says_so_when_silent,
)
"""For radiometers, thermometers and contacts. That a reading has frozen is for the controller's rules to see."""


# --- means -----------------------------------------------------------------------------------------------------------


def _expect(kept: bool, broken: str) -> None:
    """`assert` that `python -O` cannot remove."""
    if not kept:
        raise AssertionError(broken)


async def _raises(kinds: type[Exception] | tuple[type[Exception], ...], call: Awaitable[object], what: str) -> None:
    names = " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
    try:
        await call
    except kinds:
        return
    except Exception as error:
        raise AssertionError(f"{what} raised {type(error).__name__} ({error}), not {names}") from error
    raise AssertionError(f"{what} was accepted; it must raise {names}")


async def _gives_up_in_time(call: Awaitable[object], what: str) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await _raises(BusError, call, f"{what} to a silent device")
    took = loop.time() - began
    _expect(took <= PATIENCE_S, f"{what} took {took:.2f} s to give up on a silent device")


def _leaves_it_to_a_cutoff(bench: OutputBench) -> bool:
    """Whether it is an emitter that declares no fail-safe: a station file must put a cut-off with one behind it."""
    none = bench.output.lease.fail_safe is FailSafe.NONE
    _expect(not (none and isinstance(bench.output, Cutoff)), "a cut-off without a fail-safe protects nobody")
    return none


async def _identifies(device: Device) -> None:
    identity = await device.identify()
    _expect(bool(identity.model), "identify returned no model")


async def _light(bench: OutputBench) -> None:
    await bench.output.arm(bench.lease_s)
    await bench.on()
    _expect(bench.truth(), "the output is dark although light was acknowledged")


def _hex(pdus: Sequence[bytes]) -> str:
    return ", ".join(pdu.hex(" ") for pdu in pdus) or "nothing"
