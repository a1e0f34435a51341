"""Where what must last is kept, unless somebody says otherwise."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

StateOption = Annotated[Path | None, Parameter(help="Where the journal, the keys and what else must last are kept.")]


def default_state() -> Path:
    """IRCTL_STATE, else the user's state folder: XDG on Linux and macOS, LOCALAPPDATA on Windows."""
    if named := os.environ.get("IRCTL_STATE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "irctl"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "irctl"
