"""The exact bytes of each driver: from the makers' manuals where they print frames, else worked out by hand from their tables.

Frames are written whole, CRC included, so that nothing of ours has a hand in what is expected.
"""

import asyncio
import math

import pytest

from irctl.bus.bus import Priority, UnitTiming
from irctl.bus.line import Line
from irctl.bus.modbus import rtu_frame
from irctl.bus.port import MemoryPort
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit
from irctl.devices.registry import ConnectedDevice, load_driver
from irctl.devices.roles import DeviceFault, NotArmed
from tests.wire.wires import Answer, MemoryWire

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

FLASH = {"retrigger": "restart"}


class Dialogue:
    """A far side that knows one conversation: each question exactly as written, in order, and its answer."""

    def __init__(self, script: str) -> None:
        self.pairs: list[tuple[bytes, bytes]] = []
        for line in filter(None, (line.split("#")[0].strip() for line in script.splitlines())):
            question, answer = line.split("->")
            sent = bytes.fromhex(question)
            self.pairs.append((sent, sent if answer.strip() == "same" else bytes.fromhex(answer)))

    def answer(self, frame: bytes) -> Answer:
        if frame[0] == 247:  # the line's own echo test
            return ()
        assert self.pairs, f"sent {frame.hex(' ')} after the end of the conversation"
        question, answer = self.pairs.pop(0)
        assert frame == question, f"sent {frame.hex(' ')}, and {question.hex(' ')} was next"
        return ((0.003, answer),)


async def connected(
    driver_name: str, unit: int, script: str, **options: object
) -> tuple[ConnectedDevice, Dialogue, Line]:
    dialogue = Dialogue(script)
    line = Line("rs485", MemoryPort(MemoryWire(dialogue.answer).attach), LineTiming.serial(9600, "8N1"))
    driver = load_driver(driver_name)
    device = driver.connect(Unit(line, unit, UnitTiming()), "dut", driver.parse_options("dut", options))
    await line.start()
    return device, dialogue, line


def over(dialogue: Dialogue) -> bool:
    return not dialogue.pairs


async def test_mdm3_arms_lights_and_darkens() -> None:
    device, dialogue, line = await connected(
        "wirenboard-mdm3",
        1,
        """
        01 05 00 00 00 00 CD CA -> same                    # channel 1 off
        01 03 00 32 00 01 25 C5 -> 01 03 02 00 01 79 84    # curve: linear
        01 03 02 88 00 01 05 98 -> 01 03 02 00 00 B8 44    # safety action: none
        01 06 02 88 00 01 C9 98 -> same                    # manual: ch1 safety = off
        01 03 02 88 00 01 05 98 -> 01 03 02 00 01 79 84
        01 03 02 98 00 01 04 5D -> 01 03 02 00 00 B8 44    # power-up action: off already
        01 03 00 08 00 01 05 C8 -> 01 03 02 00 0A 38 43    # safety poll time-out: 10 s
        01 06 00 08 00 05 C8 0B -> same                    # manual: watchdog 5 s
        01 03 00 08 00 01 05 C8 -> 01 03 02 00 05 78 47
        01 03 00 96 00 01 64 26 -> 01 03 02 00 00 B8 44    # ramp down: none already
        01 03 00 8C 00 01 45 E1 -> 01 03 02 00 0A 38 43    # ramp up: 10 ms a per cent
        01 04 00 68 00 02 F0 17 -> 01 04 04 00 00 00 64 FA 6F  # uptime 100 s
        01 01 00 00 00 01 FD CA -> 01 01 01 00 51 88       # coil: off
        01 03 00 5A 00 01 A4 19 -> 01 03 02 00 00 B8 44    # duty: 0
        01 03 00 00 00 01 84 0A -> 01 03 02 00 00 B8 44    # level: 0
        01 04 00 68 00 02 F0 17 -> 01 04 04 00 00 00 64 FA 6F  # no restart since
        01 06 00 00 00 28 89 D4 -> same                    # manual: ch1 40 %
        01 05 00 00 FF 00 8C 3A -> same                    # channel 1 on
        01 06 00 00 00 28 89 D4 -> same                    # renewal
        01 01 00 00 00 01 FD CA -> 01 01 01 01 90 48       # coil: on
        01 03 00 5A 00 01 A4 19 -> 01 03 02 0D AC BC A9    # duty: 3500 us
        01 03 00 00 00 01 84 0A -> 01 03 02 00 28 B8 5A    # level: 40
        01 05 00 00 00 00 CD CA -> same                    # off
        """,
    )
    lamp = device.emitter(1)
    await lamp.arm(5)
    await lamp.emit(40, 5)
    await lamp.emit(40, 5)
    state = await lamp.observe()
    assert (state.on, state.level_pct, state.tripped) == (True, 40, False)
    await lamp.dark()
    assert over(dialogue)
    await line.close()


async def test_tm_r5_arms_and_closes() -> None:
    device, dialogue, line = await connected(
        "icpdas-tm-r5",
        1,
        """
        01 05 00 00 00 00 CD CA -> same                    # relay 1 off
        01 01 01 0D 00 01 6D F5 -> 01 01 01 00 51 88       # watchdog has not tripped
        01 01 00 80 00 01 FC 22 -> 01 01 01 00 51 88       # safe value: off
        01 01 00 A0 00 01 FD E8 -> 01 01 01 00 51 88       # power-on value: off
        01 01 01 03 00 01 0C 36 -> 01 01 01 00 51 88       # mode 0: the trip holds
        01 03 01 E8 00 01 05 C2 -> 01 03 02 00 00 B8 44    # watchdog time-out: 0
        01 06 01 E8 00 14 08 0D -> same                    # manual: 2.0 s
        01 03 01 E8 00 01 05 C2 -> 01 03 02 00 14 B8 4B
        01 01 01 04 00 01 BD F7 -> 01 01 01 00 51 88       # watchdog: disabled
        01 05 01 04 FF 00 CC 07 -> same                    # manual: enable
        01 01 01 04 00 01 BD F7 -> 01 01 01 01 90 48
        01 01 01 10 00 01 FD F3 -> 01 01 01 01 90 48       # reset status: first look since power-on
        01 01 00 00 00 01 FD CA -> 01 01 01 00 51 88       # relay: open
        01 01 01 0D 00 01 6D F5 -> 01 01 01 00 51 88
        01 01 01 10 00 01 FD F3 -> 01 01 01 00 51 88       # no restart since
        01 05 00 00 FF 00 8C 3A -> same                    # close
        01 05 00 00 FF 00 8C 3A -> same                    # renewal
        01 05 00 00 00 00 CD CA -> same                    # open
        """,
    )
    contact = device.cutoff(1)
    await contact.arm(2.0)
    await contact.close(2.0)
    await contact.close(2.0)
    await contact.open()
    assert over(dialogue)
    await line.close()


async def test_waveshare_relay_flashes() -> None:
    device, dialogue, line = await connected(
        "waveshare-relay",
        1,
        """
        01 05 00 00 00 00 CD CA -> same                    # relay 1 off
        01 03 80 00 00 01 AD CA -> 01 03 02 01 90 B9 B8    # V4.00
        01 01 00 00 00 01 FD CA -> 01 01 01 00 51 88       # open
        01 05 02 00 00 07 8D B0 -> same                    # published: flash-on, 0.7 s
        01 05 00 00 00 00 CD CA -> same
        01 03 80 00 00 01 AD CA -> 01 03 02 01 90 B9 B8
        01 01 00 00 00 01 FD CA -> 01 01 01 00 51 88
        01 05 02 00 00 14 CC 7D -> same                    # published: 2.0 s
        """,
        **FLASH,
    )
    contact = device.cutoff(1)
    await contact.arm(0.7)
    await contact.close(0.7)
    await contact.arm(2.0)
    await contact.close(2.0)
    assert over(dialogue)
    off = contact.broadcast_off()
    assert off is not None
    assert rtu_frame(off.unit, off.pdu()) == bytes.fromhex("00 05 00 FF 00 00 FC 2B")
    await line.close()


async def test_waveshare_io8_reads_its_inputs_in_one_frame_for_all_who_ask_at_once() -> None:
    device, dialogue, line = await connected(
        "waveshare-io8",
        1,
        """
        01 02 00 00 00 08 79 CC -> 01 02 01 05 61 8B       # inputs 1 and 3
        01 02 00 00 00 08 79 CC -> 01 02 01 05 61 8B
        """,
        **FLASH,
    )
    assert await asyncio.gather(device.contact(3).closed(), device.contact(2).closed()) == [True, False]
    await asyncio.sleep(0.02)
    assert await device.contact(1).closed()
    assert over(dialogue)
    await line.close()


async def test_sr05_reads_the_value_of_its_manual() -> None:
    """Hukseflux's worked example is `40 03 10 00 00 04` -> `40 03 08 00 40 00 05 00 01 7C 4F 79 DA`: 973.59 W/m² in words 2 and 3."""
    device, dialogue, line = await connected(
        "hukseflux-sr05",
        0x40,
        """
        40 03 10 02 00 02 6E 1A -> 40 03 04 00 01 7C 4F 9B C3
        40 03 10 02 00 02 6E 1A -> 40 03 04 FF FF FF 38 EB 31  # -2.00 W/m²: a dark dome at night
        """,
        pv=True,
    )
    assert math.isclose(await device.radiometer().irradiance_mw_cm2(), 97.359)
    assert math.isclose(await device.radiometer().irradiance_mw_cm2(), -0.2)
    assert over(dialogue)
    await line.close()


async def test_pyrominibus_reads_temperature_and_status_together() -> None:
    device, dialogue, line = await connected(
        "calex-pyrominibus",
        3,
        """
        03 03 00 0E 00 04 24 28 -> 03 03 08 01 57 01 58 01 09 00 00 88 84  # 34.3 °C
        03 03 00 0E 00 04 24 28 -> 03 03 08 01 57 01 58 01 09 00 01 49 44  # measurement error
        """,
    )
    assert math.isclose(await device.thermometer().temperature_c(), 34.3)
    with pytest.raises(DeviceFault, match="measurement error"):
        await device.thermometer().temperature_c()
    assert over(dialogue)
    await line.close()


async def test_an_armed_lamp_refuses_light_when_the_setting_reads_back_differently() -> None:
    device, dialogue, line = await connected(
        "wirenboard-mdm3",
        1,
        """
        01 05 00 00 00 00 CD CA -> same
        01 03 00 32 00 01 25 C5 -> 01 03 02 00 01 79 84
        01 03 02 88 00 01 05 98 -> 01 03 02 00 00 B8 44
        01 06 02 88 00 01 C9 98 -> same
        01 03 02 88 00 01 05 98 -> 01 03 02 00 00 B8 44    # acknowledged, not kept
        """,
    )
    with pytest.raises(NotArmed, match="safety action"):
        await device.emitter(1).arm(5)
    with pytest.raises(NotArmed):
        await device.emitter(1).emit(40, 5)
    assert over(dialogue)
    await line.close()


async def test_stop_frames_go_out_at_stop_priority() -> None:
    device, _, line = await connected("wirenboard-mdm3", 1, "01 05 00 00 00 00 CD CA -> same")
    asked: list[Priority] = []
    real = line.transact

    async def noted(request: object, priority: Priority = Priority.POLL, retries: int = 0) -> object:
        asked.append(priority)
        return await real(request, priority, retries)  # type: ignore[arg-type]

    line.transact = noted  # type: ignore[method-assign, assignment]
    await device.emitter(1).dark()
    assert asked == [Priority.STOP]
    await line.close()
