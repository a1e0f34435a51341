"""The reference, from the code: each function returns the Markdown that `docs/conf.py` puts behind what the page of this name says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from docs.generate import api, cli, configuration, drivers, events, metrics

PAGES: Mapping[str, Callable[[], str]] = {
    "reference/api": api.page,
    "reference/cli": cli.page,
    "reference/configuration": configuration.page,
    "reference/drivers": drivers.page,
    "reference/events": events.page,
    "reference/metrics": metrics.page,
}
