"""Emitters on lines of text, against their twins: every promise of the suite, and the traps of their protocols."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from irctl.bus.bus import Priority
from irctl.bus.errors import BusError
from irctl.devices import conformance
from irctl.devices.conformance import OutputCheck
from irctl.devices.registry import BadOptions
from irctl.devices.roles import DeviceFault, FailSafe, NotArmed
from irctl_drivers import korad, mightex_slc, scpi_supply
from tests.drivers.text_benches import (
    KORAD_OPTIONS,
    LAMP,
    SLC_OPTIONS,
    SUPPLIES,
    TEXT_EMITTERS,
    TextWorld,
    a_text_device,
)

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


@pytest.mark.parametrize("emitter", TEXT_EMITTERS)
@pytest.mark.parametrize("check", [*conformance.OUTPUT_CHECKS, *conformance.EMITTER_CHECKS], ids=conformance.check_name)
async def test_it_keeps_every_promise_of_an_emitter(emitter: str, check: OutputCheck) -> None:
    async with TEXT_EMITTERS[emitter].bench() as bench:
        await check(bench)


# --- SCPI supplies ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def a_supply(profile: str, **twin: object) -> AsyncIterator[TextWorld]:
    options, _, _ = SUPPLIES[profile]
    async with a_text_device(
        scpi_supply.DRIVER, {**options, "profile": profile}, twin_options={"profile": profile, **twin}
    ) as world:
        yield world


GOLDEN = {
    "tdk-genesys-plus": """
        OUTP OFF / OUTP? / STAT:QUES:COND? / VOLT 28.0000 / VOLT?
        SYST:COMM:WATCH:TIM 5 / SYST:COMM:WATCH:STAT ON / SYST:COMM:WATCH:TIM? / SYST:COMM:WATCH:STAT?
        SYST:COMM:WATCH:STAT? / OUTP? / STAT:QUES:COND? / MEAS:CURR?
        SYST:COMM:WATCH:STAT? / CURR 0.8000 / CURR? / OUTP ON / OUTP?""",
    "keysight-n67xx": """
        OUTP OFF / OUTP? / STAT:QUES:COND? / VOLT 28.0000 / VOLT?
        OUTP:PROT:WDOG:DEL 5 / OUTP:PROT:WDOG ON / OUTP:PROT:WDOG:DEL? / OUTP:PROT:WDOG?
        OUTP:PROT:WDOG? / OUTP? / STAT:QUES:COND? / MEAS:CURR?
        OUTP:PROT:WDOG? / CURR 0.8000 / CURR? / OUTP ON / OUTP?""",
    "delta-sm15k": """
        OUTP OFF / OUTP? / SYST:COM:WAT? / SOUR:VOL 28.0000 / SOUR:VOL?
        SYST:COM:WAT set,5000 / SYST:COM:WAT?
        SYST:COM:WAT? / OUTP? / SYST:COM:WAT? / MEAS:CUR?
        SYST:COM:WAT? / SOUR:CUR 0.8000 / SOUR:CUR? / OUTP ON / OUTP?""",
}


@pytest.mark.parametrize("profile", SUPPLIES)
async def test_a_supply_is_armed_and_lit_in_these_words(profile: str) -> None:
    async with a_supply(profile) as world:
        lamp = world.device.emitter(1)
        await lamp.arm(5.0)
        await lamp.emit(40, 5.0)
        assert world.said() == GOLDEN[profile].replace("\n", " / ").replace("        ", "").strip(" /").split(" / ")
        assert world.output() == pytest.approx(0.16), "0.8 A of 2 A"
        assert all(command.endswith(b"\n") and b"\r" not in command for command in world.sent)


@pytest.mark.parametrize("profile", SUPPLIES)
async def test_a_renewal_sets_the_level_and_does_not_switch(profile: str) -> None:
    async with a_supply(profile) as world:
        lamp = world.device.emitter(1)
        await lamp.arm(5.0)
        await lamp.emit(40, 5.0)
        before = len(world.sent)
        await lamp.emit(50, 5.0)
        assert len(world.sent) == before + 2
        assert not any("OUTP" in said for said in world.said()[before:])
        await asyncio.sleep(1.1)
        assert (await lamp.observe()).level_pct == pytest.approx(50, abs=0.1)


@pytest.mark.parametrize("profile", SUPPLIES)
async def test_a_tripped_supply_is_not_armed(profile: str) -> None:
    async with a_supply(profile) as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        await asyncio.sleep(2.3)
        with pytest.raises(NotArmed, match="person must clear"):
            await lamp.arm(2.0)


@pytest.mark.parametrize("profile", SUPPLIES)
async def test_clearing_a_trip_gives_no_light_until_it_is_armed_again(profile: str) -> None:
    async with a_supply(profile) as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        await lamp.emit(100, 2.0)
        await asyncio.sleep(2.3)
        assert world.output() == 0
        state = await lamp.observe()
        assert (state.on, state.tripped) == (False, True)
        lit: list[float] = []
        watching = asyncio.ensure_future(_watch(world, lit))
        await world.device.actions["clear-trip"].run()
        await asyncio.sleep(0.5)
        watching.cancel()
        assert max(lit) == 0, "not for a moment"
        await lamp.arm(2.0)
        await lamp.emit(100, 2.0)
        assert world.output() > 0.9


async def _watch(world: TextWorld, lit: list[float]) -> None:
    while True:
        lit.append(world.output())
        await asyncio.sleep(0.001)


async def test_clearing_a_keysight_in_the_wrong_order_would_have_lit_it() -> None:
    """The twin does what the manual says, so that the test before this one means something."""
    async with a_supply("keysight-n67xx") as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        await lamp.emit(100, 2.0)
        await asyncio.sleep(2.3)
        assert world.output() == 0
        world.twin.command("OUTP:PROT:CLE", world.station.now)
        assert world.output() > 0.9


@pytest.mark.parametrize("profile", ["keysight-n67xx", "delta-sm15k"])
async def test_a_supply_that_lost_its_power_is_armed_again_before_light(profile: str) -> None:
    async with a_supply(profile) as world:
        lamp = world.device.emitter(1)
        await lamp.arm(5.0)
        world.station.set_fault("dut", "reboot", seconds=0.1)
        await asyncio.sleep(1.0)
        with pytest.raises(NotArmed, match="restarted"):
            await lamp.emit(50, 5.0)
        assert world.output() == 0


@pytest.mark.parametrize("profile", SUPPLIES)
async def test_the_watchdog_rests_between_sessions(profile: str) -> None:
    async with a_supply(profile) as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        await lamp.emit(50, 2.0)
        await lamp.dark()
        await lamp.release()
        await asyncio.sleep(60)
        await lamp.arm(2.0)


@pytest.mark.parametrize("what", ["VOLT", "CURR", "OUTPut[:STATe]"])
async def test_a_supply_that_does_not_keep_a_setting_gives_no_light(what: str) -> None:
    async with a_supply("tdk-genesys-plus") as world:
        lamp = world.device.emitter(1)
        spec = {"VOLT": "[SOURce]:VOLTage", "CURR": "[SOURce]:CURRent"}.get(what, what)
        assert spec in world.twin._commands
        world.twin.deaf_to.add(spec)
        with suppress(BusError, NotArmed):
            await lamp.arm(5.0)
            await lamp.emit(50, 5.0)
            pytest.fail("light was acknowledged")
        assert world.output() == 0


async def test_current_that_flows_counts_as_light_whatever_the_switch_says() -> None:
    async with a_supply("tdk-genesys-plus") as world:
        lamp = world.device.emitter(1)
        await lamp.arm(5.0)
        await lamp.emit(50, 5.0)
        world.twin._commands["OUTPut?"] = lambda _text, _now: "0"
        assert (await lamp.observe()).on


async def test_another_makers_supply_is_refused() -> None:
    async with a_text_device(
        scpi_supply.DRIVER, {**LAMP, "profile": "tdk-genesys-plus"}, twin_options={"profile": "delta-sm15k"}
    ) as world:
        with pytest.raises(DeviceFault, match="DELTA ELEKTRONIKA"):
            await world.device.identify()


@pytest.mark.parametrize("missing", ["profile", "regulate", "full", "limit"])
def test_what_a_lamp_is_rated_for_has_no_default(missing: str) -> None:
    options = {**LAMP, "profile": "tdk-genesys-plus"}
    del options[missing]
    with pytest.raises(BadOptions, match=f"'{missing}' is missing"):
        scpi_supply.DRIVER.parse_options("supply", options)


def test_how_a_keysight_shows_its_trip_must_be_told_and_of_the_others_not() -> None:
    with pytest.raises(BadOptions, match="trip_bit"):
        scpi_supply.DRIVER.parse_options("supply", {**LAMP, "profile": "keysight-n67xx"})
    with pytest.raises(BadOptions, match="trip_bit"):
        scpi_supply.DRIVER.parse_options("supply", {**LAMP, "profile": "delta-sm15k", "trip_bit": 3})


# --- Korad -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def a_korad(**twin: object) -> AsyncIterator[TextWorld]:
    async with a_text_device(korad.DRIVER, KORAD_OPTIONS, twin_options=twin) as world:
        yield world


async def test_a_korad_is_set_read_back_and_switched_in_these_words() -> None:
    async with a_korad() as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        await lamp.emit(40, 2.0)
        assert b" ".join(world.sent) == (
            b"OUT0 STATUS? VSET1:28.00 VSET1? STATUS? IOUT1? ISET1:0.800 ISET1? OUT1 STATUS?"
        )
        assert world.output() == pytest.approx(0.16)
        assert world.twin.lost == 0, "its pauses are kept"


@pytest.mark.parametrize("tail", [0x00, 0x01, 0xBC])
async def test_a_korad_says_what_it_is_whatever_its_last_byte(tail: int) -> None:
    async with a_korad(idn_tail=tail, model="TENMA72-2540V2.0") as world:
        assert (await world.device.identify()).model == "TENMA72-2540V2.0"


async def test_something_else_is_no_korad() -> None:
    async with a_korad(model="OWON,SPE3103,1") as world:
        with pytest.raises(DeviceFault, match="SPE3103"):
            await world.device.identify()


async def test_a_velleman_gets_its_longer_pause() -> None:
    options = {**KORAD_OPTIONS, "pause_s": 0.54}
    async with a_text_device(korad.DRIVER, options, twin_options={"pause_s": 0.53}) as world:
        await world.device.emitter(1).arm(2.0)
        await world.device.emitter(1).emit(50, 2.0)
        assert world.twin.lost == 0
        assert world.output() == pytest.approx(0.25)


async def test_a_set_that_was_not_obeyed_gives_no_light() -> None:
    async with a_korad() as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        world.twin.deaf_to.add("ISET1:")
        with pytest.raises(BusError, match=r"it was set to 1"):
            await lamp.emit(50, 2.0)
        assert world.output() == 0


async def test_an_off_that_was_not_obeyed_is_no_off() -> None:
    async with a_korad() as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        await lamp.emit(50, 2.0)
        world.twin.deaf_to.add("OUT0")
        with pytest.raises(BusError, match="switched off"):
            await lamp.dark()


async def test_current_that_flows_counts_as_light_whatever_a_korads_status_says() -> None:
    async with a_korad() as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        await lamp.emit(50, 2.0)
        world.twin.status_mask = 0xBF
        assert (await lamp.observe()).on


async def test_a_silent_host_leaves_it_burning_which_is_why_it_declares_no_fail_safe() -> None:
    async with a_korad() as world:
        lamp = world.device.emitter(1)
        assert lamp.lease.fail_safe is FailSafe.NONE
        await lamp.arm(2.0)
        await lamp.emit(100, 2.0)
        await asyncio.sleep(600)
        assert world.output() > 0.9


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"full": 5.2}, "full = 5.2"),
        ({"limit": 31.5}, "limit = 31.5"),
        ({"range": "61V-3.1A", "full": 4.0}, "full = 4"),
    ],
)
def test_more_than_a_korad_gives_is_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(BadOptions, match=told):
        korad.DRIVER.parse_options("supply", {**KORAD_OPTIONS, **options})


# --- Mightex SLC -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def an_slc(**twin: object) -> AsyncIterator[TextWorld]:
    async with a_text_device(mightex_slc.DRIVER, SLC_OPTIONS, twin_options=twin) as world:
        yield world


async def test_an_slc_is_lit_by_a_pulse_of_one_lease_and_renewed_by_one_command() -> None:
    async with an_slc() as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        before = len(world.sent)
        await lamp.emit(40.1, 2.0)
        await lamp.emit(40.1, 2.0)
        assert world.said()[before:] == [
            "MODE 1 0",
            "STROBE 1 800 0",
            "?STROBE 1",
            "STRP 1 0 320 2000000",
            "STRP 1 1 0 0",
            "?STRP 1",
            "MODE 1 2",
            "MODE 1 2",
        ]
        assert all(command.endswith(b"\n\r") for command in world.sent)
        assert world.output() == pytest.approx(0.32)


async def test_an_slc_dips_when_its_level_changes_and_comes_back_at_the_new_one() -> None:
    async with an_slc() as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        await lamp.emit(40, 2.0)
        changed = asyncio.ensure_future(lamp.emit(50, 2.0))
        dark_s = 0.0
        while not changed.done():
            dark_s += 0.001 * (world.output() == 0)
            await asyncio.sleep(0.001)
        assert 0.05 < dark_s < 0.25
        assert world.output() == pytest.approx(0.4)
        state = await lamp.observe()
        assert (state.on, state.tripped) == (True, False)


async def test_a_change_of_level_that_failed_half_way_is_made_anew() -> None:
    async with an_slc() as world:
        lamp = world.device.emitter(1)
        await lamp.arm(2.0)
        await lamp.emit(40, 2.0)
        world.twin.deaf_to.add("STRP")
        with pytest.raises(BusError):
            await lamp.emit(90, 2.0)
        world.twin.deaf_to.clear()
        await asyncio.sleep(0.5)
        await lamp.emit(90, 2.0)
        assert world.output() == pytest.approx(0.72)


@pytest.mark.parametrize("module", ["SLC-SA04-U/S", "SLC-FV04-U/S", "SLC-CA04-MU"])
async def test_an_slc_that_cannot_show_its_light_or_counts_otherwise_gives_none(module: str) -> None:
    async with an_slc(module=module) as world:
        with pytest.raises(DeviceFault, match=module):
            await world.device.identify()
        with pytest.raises(NotArmed, match=module):
            await world.device.emitter(1).arm(2.0)


async def test_light_that_nobody_switched_on_counts_as_light() -> None:
    async with an_slc() as world:
        lamp = world.device.emitter(3)
        await lamp.arm(2.0)
        world.twin.command("NORMAL 3 100 100", world.station.now)
        world.twin.command("MODE 3 1", world.station.now)
        assert (await lamp.observe()).on


async def test_a_board_that_lost_its_power_is_dark_and_told_from_a_renewal() -> None:
    async with an_slc() as world:
        lamp = world.device.emitter(1)
        await lamp.arm(5.0)
        await lamp.emit(50, 5.0)
        world.station.set_fault("dut", "reboot", seconds=0.1)
        await asyncio.sleep(0.5)
        state = await lamp.observe()
        assert (state.on, state.tripped) == (False, True)
        with pytest.raises(NotArmed):
            await lamp.emit(50, 5.0)


# --- a hostile wire --------------------------------------------------------------------------------------------------


FAULTS = ("corrupt", "junk", "twice", "silent", "echo", "echo_only", "late")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("emitter", TEXT_EMITTERS)
async def test_no_hostile_wire_makes_an_emitter_report_dark_while_it_is_lit(emitter: str, fault: str) -> None:
    kind = TEXT_EMITTERS[emitter]
    async with kind.world() as world:
        lamp = world.device.emitter(kind.channel)
        await lamp.arm(kind.lease_s)
        await lamp.emit(100, kind.lease_s)
        spoilt = "wire" if fault.startswith("echo") else "dut"
        world.station.set_fault(spoilt, fault, **({"seconds": 0.2} if fault == "late" else {}))
        for _ in range(20):
            lit_before = world.output(kind.channel) > 0
            with suppress(BusError):
                seen = await lamp.observe(Priority.STOP)
                assert seen.on or not (lit_before and world.output(kind.channel) > 0)
            await asyncio.gather(lamp.emit(100, kind.lease_s), return_exceptions=True)
        await asyncio.sleep(kind.lease_s)
        world.station.clear_faults()
        await asyncio.sleep(3.0)
        await lamp.dark()
        assert world.output(kind.channel) == 0
