"""The conformance suite must be able to fail: drivers and devices that break one promise are caught by the check that names it."""

from collections.abc import Callable

import pytest

from irctl.devices import conformance
from irctl.devices.conformance import OutputBench, OutputCheck
from irctl.devices.leased import LeasedOutput
from irctl_drivers.wirenboard_mdm3 import Mdm3Channel
from tests.drivers.benches import RESTART, a_device

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

Sabotage = Callable[[Mdm3Channel, pytest.MonkeyPatch], None]


def no_safety_action(channel: Mdm3Channel, patch: pytest.MonkeyPatch) -> None:
    async def arm_nothing(lease_s: float) -> None:
        return None

    patch.setattr(channel, "_arm", arm_nothing)


def lights_unarmed(channel: Mdm3Channel, patch: pytest.MonkeyPatch) -> None:
    async def light(level_pct: float, lease_s: float) -> None:
        for request in channel._light(level_pct, lease_s, renew=False):
            await channel.unit.bus.transact(request)

    patch.setattr(channel, "_lease_light", light)


def off_does_nothing(channel: Mdm3Channel, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(channel, "off_requests", lambda: ())


def never_looks(channel: Mdm3Channel, patch: pytest.MonkeyPatch) -> None:
    async def remembered(self: LeasedOutput, priority: object) -> object:
        return conformance.OutputState(on=channel._lit)

    patch.setattr(Mdm3Channel, "observe", remembered)


def slow_to_give_up(channel: Mdm3Channel, patch: pytest.MonkeyPatch) -> None:
    channel.unit.bus.add_unit(12, type(channel.unit.timing)(timeout_s=3.0, reply_max_s=3.0))


@pytest.mark.parametrize(
    ("sabotage", "check"),
    [
        (no_safety_action, conformance.goes_dark_when_the_host_falls_silent),
        (no_safety_action, conformance.is_not_armed_when_the_device_does_not_keep_the_setting),
        (lights_unarmed, conformance.gives_no_light_before_it_is_armed),
        (lights_unarmed, conformance.lets_dark_win_over_light_ordered_at_the_same_time),
        (lights_unarmed, conformance.refuses_a_lease_other_than_the_armed_one),
        (lights_unarmed, conformance.needs_arming_again_after_a_lapse),
        (off_does_nothing, conformance.goes_dark_at_once_and_as_often_as_asked),
        (off_does_nothing, conformance.names_its_off_frames),
        (never_looks, conformance.needs_arming_again_after_a_lapse),
        (slow_to_give_up, conformance.says_so_when_the_device_is_silent),
    ],
)
async def test_a_sabotaged_driver(sabotage: Sabotage, check: OutputCheck, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_device("wirenboard-mdm3") as world:
        channel = world.device.emitter(1)
        assert isinstance(channel, Mdm3Channel)
        bench = OutputBench(
            channel,
            1.0,
            truth=lambda: world.output(1) > 0 or bool(world.twin.channels[0].on),
            silence=world.silence,
            sent=world.sent,
            stubborn=lambda: world.forget_writes("holdings", 648),
        )
        sabotage(channel, monkeypatch)
        with pytest.raises(AssertionError):
            await check(bench)


@pytest.mark.parametrize(
    ("retrigger", "check"),
    [
        ("ignore", conformance.stays_lit_while_renewed),
        ("extend", conformance.goes_dark_when_the_host_falls_silent),
        ("ignore", conformance.ends_one_lease_after_its_last_renewal),
        ("extend", conformance.ends_one_lease_after_its_last_renewal),
    ],
)
async def test_a_relay_that_was_measured_wrongly(retrigger: str, check: OutputCheck) -> None:
    async with a_device("waveshare-relay", RESTART, {"retrigger": retrigger}) as world:
        cutoff = world.device.cutoff(1)
        bench = OutputBench(cutoff, 0.6, lambda: world.output(1) > 0, world.silence, world.sent)
        await cutoff.arm(0.6)
        for _ in range(3):
            await cutoff.close(0.6)
        with pytest.raises(AssertionError):
            await _from_lit(bench, check)


async def _from_lit(bench: OutputBench, check: OutputCheck) -> None:
    """Run the check with three renewals before it, without the OFF that arming sends."""
    real_arm = bench.output.arm

    async def already_armed(lease_s: float) -> None:
        if not bench.truth():
            await real_arm(lease_s)

    bench.output.arm = already_armed  # type: ignore[method-assign]
    await check(bench)
