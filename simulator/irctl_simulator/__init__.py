"""A pure stand-in for the hardware irctl drives: device twins, physics, wire timing and faults, all from one seed."""

from irctl_simulator.config import StationConfig, load_config
from irctl_simulator.faults import FaultError
from irctl_simulator.lamps import SimLamp, calibration_points
from irctl_simulator.meters import MeterTruth
from irctl_simulator.physics.treatment import Truth
from irctl_simulator.station import SimStation, WiringError
from irctl_simulator.wire import Line, NetworkLine, SerialLine, WireEvent

__all__ = [
    "FaultError",
    "Line",
    "MeterTruth",
    "NetworkLine",
    "SerialLine",
    "SimLamp",
    "SimStation",
    "StationConfig",
    "Truth",
    "WireEvent",
    "WiringError",
    "calibration_points",
    "load_config",
]
