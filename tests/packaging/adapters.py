"""USB serial adapters that are not there, as umockdev describes devices to udev."""

from __future__ import annotations

from dataclasses import dataclass

HUB = "/devices/pci0000:00/0000:00:14.0/usb1"


@dataclass(frozen=True)
class Adapter:
    name: str
    vendor: str
    serial: str | None
    link: str
    """The name that it shall get."""
    interface: str = "00"

    @property
    def usb(self) -> str:
        return f"{HUB}/1-2"

    @property
    def port(self) -> str:
        return f"{self.usb}/1-2:1.{int(self.interface)}/ttyUSB0"

    @property
    def tty(self) -> str:
        return f"{self.port}/tty/ttyUSB0"


def described(adapter: Adapter) -> str:
    """What it is before any rule: asleep when it likes, and slow to pass on what it hears."""
    serial = [] if adapter.serial is None else [f"A: serial={adapter.serial}"]
    devices = [
        (f"{HUB.rpartition('/')[0]}", ["E: SUBSYSTEM=pci", "A: vendor=0x8086", "A: device=0x1e31"]),
        (HUB, ["E: SUBSYSTEM=usb", "E: DEVTYPE=usb_device", "A: idVendor=1d6b", "A: idProduct=0002"]),
        (
            adapter.usb,
            [
                "E: SUBSYSTEM=usb",
                "E: DEVTYPE=usb_device",
                f"A: idVendor={adapter.vendor}",
                "A: idProduct=6001",
                *serial,
                "A: power/control=  ",
            ],
        ),
        (
            adapter.port.rpartition("/")[0],
            [
                "E: SUBSYSTEM=usb",
                "E: DEVTYPE=usb_interface",
                f"A: bInterfaceNumber={adapter.interface}",
                "A: bInterfaceClass=ff",
            ],
        ),
        (adapter.port, ["E: SUBSYSTEM=usb-serial", "A: port_number=0", "A: latency_timer=9"]),
        (
            adapter.tty,
            [
                "N: ttyUSB0",
                "E: DEVNAME=/dev/ttyUSB0",
                "E: SUBSYSTEM=tty",
                "E: MAJOR=188",
                "E: MINOR=0",
                "L: device=../../../ttyUSB0",
            ],
        ),
    ]
    return "\n".join("\n".join([f"P: {path}", *lines, ""]) for path, lines in devices)
