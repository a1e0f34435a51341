"""What is particular to one device: the traps its manual sets, each met by its driver."""

import asyncio

import pytest

from irctl.bus.bus import Priority
from irctl.devices.roles import DeviceFault, NotArmed
from irctl_simulator.twins.base import constant
from tests.drivers.benches import RESTART, World, a_device

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

WRITES = {5, 6, 15, 16}


def writes(sent: list[bytes]) -> list[str]:
    return [pdu.hex(" ") for pdu in sent if pdu[0] in WRITES]


# --- Wiren Board MDM3 ------------------------------------------------------------------------------------------------


async def test_another_module_of_the_same_maker_is_refused() -> None:
    async with a_device("wirenboard-mdm3") as world:
        world.twin.inputs[202] = constant(ord("X"))  # WBXDM3
        with pytest.raises(DeviceFault, match="not a WB-MDM3"):
            await world.device.identify()


async def test_a_renewal_is_one_frame_that_writes_the_level() -> None:
    async with a_device("wirenboard-mdm3") as world:
        lamp = world.device.emitter(1)
        await lamp.arm(1.0)
        await lamp.emit(40, 1.0)
        before = len(world.sent)
        await lamp.emit(40.9, 1.0)
        assert [pdu.hex(" ") for pdu in world.sent[before:]] == ["06 00 00 00 28"], "a fraction is rounded down"


async def test_arming_twice_does_not_wear_the_eeprom() -> None:
    async with a_device("wirenboard-mdm3") as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        first = len(world.sent)
        await lamp.arm(2.0)
        assert writes(world.sent[first:]) == ["05 00 00 00 00"], "only the OFF"


async def test_the_level_is_set_before_the_output_goes_on() -> None:
    async with a_device("wirenboard-mdm3") as world:
        lamp = world.device.emitter(3)
        await lamp.arm(1.0)
        armed = len(world.sent)
        await lamp.emit(10, 1.0)
        assert writes(world.sent[armed:]) == ["06 00 02 00 0a", "05 00 02 ff 00"]


async def test_channels_of_one_module_must_share_their_lease() -> None:
    async with a_device("wirenboard-mdm3") as world:
        await world.device.emitter(1).arm(1.0)
        with pytest.raises(NotArmed, match="share one watchdog"):
            await world.device.emitter(2).arm(3.0)
        await world.device.emitter(2).arm(1.0)


async def test_a_switch_curve_is_refused_because_any_level_is_full_power() -> None:
    async with a_device("wirenboard-mdm3", twin_options={"curve": 2}) as world:
        with pytest.raises(NotArmed, match="switch"):
            await world.device.emitter(1).arm(1.0)


async def test_off_is_dark_at_once_although_the_factory_ramp_takes_a_second() -> None:
    async with a_device("wirenboard-mdm3") as world:
        lamp = world.device.emitter(1)
        await lamp.arm(1.0)
        for _ in range(5):
            await lamp.emit(100, 1.0)
            await asyncio.sleep(0.3)
        assert world.output() > 0.9
        await lamp.dark()
        assert world.output() == 0
        assert not (await lamp.observe(Priority.STOP)).on


async def test_arming_waits_out_the_ramp_of_a_lamp_found_burning() -> None:
    async with a_device("wirenboard-mdm3") as world:
        await world.unit.write_register(0, 100)
        await world.unit.write_coil(0, True)
        await asyncio.sleep(1.5)
        lamp = world.device.emitter(1)
        assert (await lamp.observe()).on
        await lamp.arm(1.0)
        assert world.output() == 0


async def test_an_output_that_does_not_obey_off_cannot_be_armed() -> None:
    async with a_device("wirenboard-mdm3") as world:
        await world.unit.write_register(0, 100)
        await world.unit.write_coil(0, True)
        world.forget_writes("coils", 0)
        with pytest.raises(NotArmed, match="reads on after OFF"):
            await world.device.emitter(1).arm(1.0)


@pytest.mark.parametrize("delay_s", [0.001 * step for step in range(0, 60, 4)])
async def test_no_light_is_sent_after_an_off_that_overtook_its_order(delay_s: float) -> None:
    """Not even for the moment until a second OFF: frames not yet handed to the line are dropped."""
    async with a_device("wirenboard-mdm3") as world:
        lamp = world.device.emitter(1)
        await lamp.arm(1.0)
        light = asyncio.ensure_future(lamp.emit(50, 1.0))
        await asyncio.sleep(delay_s)
        before = len(world.sent)
        await lamp.dark()
        overtaking = world.sent[before:]
        await asyncio.gather(light, return_exceptions=True)
        off_at = before + overtaking.index(bytes.fromhex("05 00 00 00 00"))
        lights = [pdu for pdu in world.sent[off_at:] if pdu == bytes.fromhex("05 00 00 ff 00")]
        assert not lights
        assert world.output() == 0


async def test_an_output_with_duty_but_no_coil_counts_as_on() -> None:
    async with a_device("wirenboard-mdm3") as world:
        lamp = world.device.emitter(1)
        await lamp.arm(1.0)
        world.twin.holdings[90] = constant(4000)
        assert (await lamp.observe()).on


async def test_a_coil_without_duty_is_neither_dark_nor_lit() -> None:
    async with a_device("wirenboard-mdm3") as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        await lamp.emit(50, 2.0)
        await asyncio.sleep(1.1)
        await lamp.emit(50, 2.0)
        world.twin.holdings[90] = constant(0)
        state = await lamp.observe()
        assert state.on
        assert state.tripped


async def test_a_restart_while_lit_is_told_from_a_trip() -> None:
    async with a_device("wirenboard-mdm3") as world:
        lamp = world.device.emitter(1)
        await asyncio.sleep(60)
        await lamp.arm(5.0)
        await lamp.emit(50, 5.0)
        world.station.set_fault("dut", "reboot", seconds=0.2)
        await asyncio.sleep(0.5)
        state = await lamp.observe()
        assert (state.on, state.rebooted) == (False, True)
        with pytest.raises(NotArmed):
            await lamp.emit(50, 5.0)


async def test_a_restart_while_dark_is_noticed_before_the_next_light() -> None:
    async with a_device("wirenboard-mdm3") as world:
        lamp = world.device.emitter(1)
        await asyncio.sleep(5)
        await lamp.arm(2.0)
        world.station.set_fault("dut", "reboot", seconds=0.2)
        await asyncio.sleep(60)  # by now its uptime is greater than it was
        with pytest.raises(NotArmed, match="restarted"):
            await lamp.emit(50, 2.0)
        assert world.output() == 0


async def test_hours_of_looking_do_not_make_a_restart_of_clock_drift() -> None:
    async with a_device("wirenboard-mdm3") as world:
        lamp = world.device.emitter(1)
        await lamp.arm(1.0)
        for _ in range(100):
            await asyncio.sleep(30)
            assert (await lamp.observe()).rebooted is False
        await lamp.emit(50, 1.0)


# --- ICP DAS tM-R5 ---------------------------------------------------------------------------------------------------


async def tripped_module(world: World) -> None:
    await world.device.cutoff(1).arm(1.0)
    await world.device.cutoff(1).close(1.0)
    await asyncio.sleep(1.2)


async def test_a_trip_stays_until_a_person_clears_it() -> None:
    async with a_device("icpdas-tm-r5", format="8N1") as world:
        cutoff = world.device.cutoff(1)
        await tripped_module(world)
        assert world.output() == 0
        state = await cutoff.observe()
        assert (state.on, state.tripped) == (False, True)
        with pytest.raises(NotArmed, match="person must clear"):
            await cutoff.arm(1.0)
        await world.device.actions["clear-trip"].run()
        await cutoff.arm(1.0)
        await cutoff.close(1.0)
        assert world.output() == 1


async def test_every_renewal_writes_because_reads_may_not_feed_the_watchdog() -> None:
    async with a_device("icpdas-tm-r5", twin_options={"fed_by": "writes"}) as world:
        cutoff = world.device.cutoff(1)
        await cutoff.arm(1.0)
        for _ in range(10):
            await cutoff.close(1.0)
            await asyncio.sleep(0.5)
            assert world.output() == 1


async def test_a_restart_read_once_is_seen_by_every_relay_of_the_module() -> None:
    async with a_device("icpdas-tm-r5") as world:
        first, second = world.device.cutoff(1), world.device.cutoff(2)
        for cutoff in (first, second):
            await cutoff.arm(5.0)
            await cutoff.close(5.0)
        world.station.set_fault("dut", "reboot", seconds=0.2)
        await asyncio.sleep(0.5)
        assert (await first.observe()).rebooted
        assert (await second.observe()).rebooted


async def test_a_watchdog_mode_that_clears_itself_is_put_right() -> None:
    async with a_device("icpdas-tm-r5") as world:
        world.twin.mode[0] = 1
        await world.device.cutoff(1).arm(1.0)
        assert world.twin.mode[0] == 0


# --- Waveshare -------------------------------------------------------------------------------------------------------


async def test_an_old_board_with_the_other_protocol_is_refused() -> None:
    async with a_device("waveshare-relay", RESTART, {"firmware": 120}) as world:
        with pytest.raises(DeviceFault, match="older than V2"):
            await world.device.identify()
        with pytest.raises(NotArmed, match="older than V2"):
            await world.device.cutoff(1).arm(1.0)


async def test_a_board_with_fewer_relays_than_configured_is_refused() -> None:
    async with a_device("waveshare-relay", {**RESTART, "channels": 16}) as world:
        with pytest.raises(DeviceFault, match="16 relays"):
            await world.device.identify()


async def test_an_output_linked_to_an_input_is_refused() -> None:
    async with a_device("waveshare-io8", RESTART) as world:
        world.twin.control_mode[2] = 1
        with pytest.raises(NotArmed, match=r"dut\.3.*linked to an input"):
            await world.device.emitter(3).arm(1.0)
        await world.device.emitter(4).arm(1.0)


async def test_one_broadcast_darkens_every_relay() -> None:
    async with a_device("waveshare-relay", RESTART) as world:
        for channel in (1, 5, 8):
            await world.device.cutoff(channel).arm(3.0)
            await world.device.cutoff(channel).close(3.0)
        off = world.device.cutoff(1).broadcast_off()
        assert off is not None
        await world.unit.broadcast(off)
        await asyncio.sleep(0.05)  # nobody acknowledges: give the frame time to arrive
        assert not any(world.output(channel) for channel in range(1, 9))


async def test_a_board_that_ignores_broadcast_offers_none() -> None:
    async with a_device("waveshare-relay", {**RESTART, "broadcast": False}) as world:
        assert world.device.cutoff(1).broadcast_off() is None


# --- sensors ---------------------------------------------------------------------------------------------------------


async def test_the_thermometer_is_never_written_to() -> None:
    async with a_device("calex-pyrominibus") as world:
        await world.device.identify()
        for _ in range(5):
            await world.device.thermometer().temperature_c()
        assert writes(world.sent) == []


@pytest.mark.parametrize("celsius", [-15.0, 0.0, 43.0])
async def test_temperatures_below_zero_are_read_as_such(celsius: float) -> None:
    async with a_device("calex-pyrominibus", twin_options={"noise_c": 0.0}) as world:
        world.twin.source = lambda _now: celsius
        assert await world.device.thermometer().temperature_c() == pytest.approx(celsius)


async def test_a_dark_radiometer_may_read_a_little_below_zero() -> None:
    async with a_device("hukseflux-sr05", twin_options={"noise_w_m2": 0.0, "offset_w_m2": -3.0}) as world:
        assert await world.device.radiometer().irradiance_mw_cm2() == pytest.approx(-0.3)


async def test_the_pv_radiometer_has_its_registers_elsewhere() -> None:
    async with a_device("hukseflux-sr05", {"pv": True}, {"register_base": 0x1000, "noise_w_m2": 0.0}) as world:
        world.twin.source = lambda _now: 973.59
        assert await world.device.radiometer().irradiance_mw_cm2() == pytest.approx(97.359)
        assert (await world.device.identify()).serial == "2741"


# --- the wrong device ------------------------------------------------------------------------------------------------

OPTIONS = {
    "wirenboard-mdm3": {},
    "icpdas-tm-r5": {},
    "waveshare-io8": RESTART,
    "waveshare-relay": RESTART,
    "hukseflux-sr05": {},
    "calex-pyrominibus": {},
}
INDISTINGUISHABLE = {("waveshare-relay", "waveshare-io8")}
"""To the relay's driver an IO 8CH is a relay board: it obeys the same commands."""


@pytest.mark.parametrize("twin", OPTIONS)
@pytest.mark.parametrize("driver", OPTIONS)
async def test_a_driver_knows_its_device_from_every_other(driver: str, twin: str) -> None:
    async with a_device(driver, OPTIONS[driver], twin=twin) as world:
        if driver == twin or (driver, twin) in INDISTINGUISHABLE:
            assert (await world.device.identify()).model
        else:
            with pytest.raises(DeviceFault, match="dut"):
                await world.device.identify()
