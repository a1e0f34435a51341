"""Breaking the simulated station as a strike says, and mending exactly that again."""

from __future__ import annotations

from random import Random
from typing import Any

from irctl_campaign.catalogue import SIMULATOR_NAMES
from irctl_campaign.plan import Strike
from irctl_campaign.process import Process
from irctl_campaign.scene import Scene
from irctl_simulator.faults import Corruption
from irctl_simulator.station import SimStation

FEVER_STEP_C = 1.5
FEVER_BELOW_C = 0.2
"""Below the limit of the skin's temperature."""
DISK_FAULTS = {"disk full": "full", "disk short": "short", "disk broken": "broken"}


class Breakage:
    """Everything that can be broken without ending the process; it outlives the process."""

    def __init__(self, hardware: SimStation, scene: Scene) -> None:
        self.hardware = hardware
        self.scene = scene
        self.clock_offset_s = 0.0
        self.disk_fault: str | None = None
        self.mixed_up: set[str] = set()
        """Lines where replies come back swapped."""

    def into(self, process: Process) -> None:
        """A new process meets the same disk and the same wires."""
        process.disk.fault = self.disk_fault
        for name, cable in process.cables.items():
            cable.mix_up = name in self.mixed_up

    def strike(self, strike: Strike) -> None:
        name, target = strike.kind.name, strike.target
        match name:
            case "clock step":
                self.clock_offset_s += float(strike.params["seconds"])
            case "disk full" | "disk short" | "disk broken":
                self.disk_fault = DISK_FAULTS[name]
            case "replies swapped":
                self.mixed_up.add(target)
            case "wrong device":
                self._swap(*target.split())
            case _:
                self.hardware.set_fault(target, SIMULATOR_NAMES.get(name, name), **strike.params)

    def warm_up(self, target: str) -> bool:
        """The skin sensor shows a little more, up to where the skin's limit is not reached yet; False when it is there, and stays."""
        twin: Any = self.hardware.devices[target].twin
        limit_c = min(self.scene.sections[lamp].limits.skin_c_max for lamp in self.scene.devices[target])
        fever_c, shown_c = limit_c - FEVER_BELOW_C, twin.object_c(self.hardware.now)
        twin.frozen, twin._shown_c = True, min(shown_c + FEVER_STEP_C, fever_c)
        return shown_c < fever_c

    def mend(self, strike: Strike) -> None:
        name, target = strike.kind.name, strike.target
        match name:
            case "clock step":
                self.clock_offset_s -= float(strike.params["seconds"])
            case "disk full" | "disk short" | "disk broken":
                self.disk_fault = None
            case "replies swapped":
                self.mixed_up.discard(target)
            case "wrong device":
                self._swap(*target.split())
            case "interlock open":
                self.hardware.set_fault(target, "close_contact")
            case "unplug":
                self.hardware.set_fault(target, "replug")
            case "mains":
                self.hardware.set_fault(target, "mains", factor=1.0)
            case "ageing":
                self.hardware.set_fault(target, "ageing", factor=self.hardware.config.lamps[target].ageing)
            case "distance":
                self.hardware.set_fault(target, "distance", cm=self.hardware.config.lamps[target].distance_cm)
            case "echo" | "echo_only":
                setattr(self.hardware.lines[target].faults, name, False)
            case "line corrupt":
                self.hardware.lines[target].faults.corrupt = Corruption()
            case "line silent":
                for device in self.hardware.lines[target].devices:
                    device.faults.silent = False
            case _:
                self._mend_device(name, target)

    def _mend_device(self, name: str, target: str) -> None:
        device_name, _, channel = target.partition(".")
        device = self.hardware.devices[device_name]
        now_s = self.hardware.now
        self.hardware.sync(now_s)
        match name:
            case "unpowered":
                device.faults.unpowered = False
                device.reboot(now_s)
            case "late":
                device.faults.late_s = 0.0
            case "corrupt":
                device.faults.corrupt = Corruption()
            case "wrong_echo":
                device.faults.wrong_echo = ""
            case "stuck_output":
                device.faults.stuck.pop(int(channel), None)
            case "welded":
                device.faults.welded.discard(int(channel))
            case "gain" | "overheat":
                device.twin.fault_gain = 1.0  # type: ignore[attr-defined]
            case "frozen" | "fever":
                device.twin.frozen = False  # type: ignore[attr-defined]
            case _:
                setattr(device.faults, name, False)
        self.hardware.acted(device, now_s)

    def _swap(self, one: str, other: str) -> None:
        """Each answers at the other's address."""
        first, second = self.hardware.devices[one].twin, self.hardware.devices[other].twin
        first.unit, second.unit = second.unit, first.unit  # type: ignore[attr-defined]


def lose_power(process: Process, random: Random) -> int:
    """The computer's power goes: the journal loses what was not yet on the disk."""
    return process.disk.power_cut(process.station.journal.path, random)
