"""How a configuration finds its drivers, and what it is told when it asks for what is not there."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from irctl.devices import registry
from irctl.devices.registry import BadOptions, Devices, NotOffered, UnknownDriver, load_driver, load_drivers
from irctl.devices.roles import Contact, Cutoff, Emitter, Radiometer, Thermometer
from tests.drivers.benches import a_device

SHIPPED = {
    "wirenboard-mdm3",
    "icpdas-tm-r5",
    "waveshare-relay",
    "waveshare-io8",
    "hukseflux-sr05",
    "calex-pyrominibus",
}


@pytest.fixture(autouse=True)
def _looked_up_anew() -> Iterator[None]:
    registry.installed_drivers.cache_clear()
    yield
    registry.installed_drivers.cache_clear()


def test_the_shipped_drivers_are_found_as_anybody_elses_would_be() -> None:
    assert set(load_drivers()) >= SHIPPED


def test_an_unknown_driver_is_answered_with_the_installed_ones() -> None:
    with pytest.raises(UnknownDriver, match=r"no driver 'acme'.*wirenboard-mdm3"):
        load_driver("acme")


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("no_such_package:DRIVER", "cannot be loaded"),
        ("irctl_drivers.wirenboard_mdm3:MISSING", "cannot be loaded"),
        ("irctl_drivers.wirenboard_mdm3:CHANNELS", "is not a Driver"),
        ("irctl_drivers.wirenboard_mdm3:DRIVER", "calls itself 'wirenboard-mdm3'"),
    ],
)
def test_a_broken_third_party_driver_is_named(target: str, complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint(name="acme", value=target, group=registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [broken])
    with pytest.raises(UnknownDriver, match=complaint):
        load_driver("acme")


def test_two_packages_may_not_claim_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [EntryPoint(name="acme", value=value, group=registry.GROUP) for value in ("one:DRIVER", "two:DRIVER")]
    monkeypatch.setattr(registry, "entry_points", lambda group: both)
    with pytest.raises(UnknownDriver, match="two installed packages"):
        load_driver("acme")


@pytest.mark.parametrize(
    ("driver", "options", "complaint"),
    [
        ("hukseflux-sr05", {"respnse_s": 5}, "unknown option 'respnse_s'.*Its options: response_s"),
        ("hukseflux-sr05", {"response_s": "6"}, "response_s: .*number"),
        ("hukseflux-sr05", {"pv": 1}, "pv: .*boolean"),
        ("calex-pyrominibus", {"emissivity": 0.98}, "unknown option 'emissivity'.*Its options: none"),
        ("waveshare-relay", {}, "'retrigger' is missing"),
        ("waveshare-relay", {"retrigger": "ignore"}, "would end in the middle"),
        ("waveshare-io8", {"retrigger": "extend"}, "grow without bound"),
        ("waveshare-relay", {"retrigger": "restart", "channels": 12}, "channels"),
        ("wirenboard-mdm3", {"ramp_down_ms_per_pct": 10}, "less than or equal to 5"),
    ],
)
def test_options_are_checked_at_load(driver: str, options: dict[str, object], complaint: str) -> None:
    with pytest.raises(BadOptions, match=f"device dut.*{complaint}"):
        load_driver(driver).parse_options("dut", options)


@pytest.mark.anyio
@pytest.mark.virtual
async def test_channels_are_found_as_the_configuration_writes_them() -> None:
    async with a_device("waveshare-io8", {"retrigger": "restart"}) as io, a_device("hukseflux-sr05") as sun:
        devices = Devices([_named(io.device, "io"), _named(sun.device, "radiometer")])
        assert isinstance(devices.emitter("io.1"), Emitter)
        assert isinstance(devices.cutoff("io.8"), Cutoff)
        assert isinstance(devices.contact("io.3"), Contact)
        assert isinstance(devices.radiometer("radiometer"), Radiometer)
        assert devices.radiometer("radiometer.1") is devices.radiometer("radiometer")


@pytest.mark.anyio
@pytest.mark.virtual
async def test_a_thermometer_is_one() -> None:
    async with a_device("calex-pyrominibus") as world:
        assert isinstance(world.device.thermometer(), Thermometer)


@pytest.mark.anyio
@pytest.mark.virtual
@pytest.mark.parametrize(
    ("role", "ref", "complaint"),
    [
        ("emitter", "dut.9", r"'dut.9' is no emitter: dut \(wirenboard-mdm3\) offers emitter dut.1, dut.2, dut.3"),
        ("emitter", "dut", "'dut' does not say which emitter"),
        ("radiometer", "dut.1", "'dut.1' is no radiometer"),
        ("radiometer", "dut", "'dut' is no radiometer"),
        ("emitter", "dimer.1", r"there is no device 'dimer'. Configured devices: dut"),
        ("emitter", "dut.one", "names no channel"),
        ("emitter", "dut.", "names no channel"),
        ("emitter", ".1", "names no channel"),
        ("emitter", "", "names no channel"),
    ],
)
async def test_what_a_device_does_not_offer_is_said_plainly(role: str, ref: str, complaint: str) -> None:
    async with a_device("wirenboard-mdm3") as world:
        with pytest.raises(NotOffered, match=complaint):
            getattr(Devices([world.device]), role)(ref)


def _named(device: registry.ConnectedDevice, name: str) -> registry.ConnectedDevice:
    from dataclasses import replace

    return replace(device, name=name)
