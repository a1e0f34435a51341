"""The reference, from the code: each function returns MyST that `docs/conf.py` puts behind the page of this name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

PAGES: Mapping[str, Callable[[], str]] = {}
