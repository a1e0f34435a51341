"""What really went over the wires, frame by frame: JSON lines, for measuring from outside.

    {"at": 8123.40417, "line": "rs485", "direction": "host", "data": "000500ff0000fc2b", "ok": true, "device": null}

`at`: when the last byte arrived, seconds of the system's monotonic clock, which every process of this machine shares.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from irctl_simulator.wire import Line, WireEvent


class WireLog:
    """Writes every frame of `lines` to a file until closed; each line is whole as soon as it is there."""

    def __init__(self, path: Path, lines: Mapping[str, Line]) -> None:
        self._file: TextIO | None = path.open("w", encoding="utf-8", buffering=1)
        for name, line in lines.items():
            line.observers.append(lambda event, name=name: self._write(name, event))

    def _write(self, line: str, event: WireEvent) -> None:
        if self._file is not None:
            self._file.write(json.dumps(event._asdict() | {"line": line, "data": event.data.hex()}) + "\n")

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
