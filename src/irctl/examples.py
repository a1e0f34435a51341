"""Where the example stations, protocols and screening lists are."""

from __future__ import annotations

from pathlib import Path

import irctl


def examples() -> Path:
    """The folder `configs`: inside an installed package, or beside the sources in a checkout."""
    package = Path(irctl.__file__).parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parents[1] / "configs"
