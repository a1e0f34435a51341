"""Figures as Prometheus reads them: what each is called and means, and the text that tells them.

prometheus-client writes the text. It takes a tenth of a second to load: a controller loads it once its lamps are dark.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from prometheus_client import metrics_core as core
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from irctl.tally import Tally

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One figure. `name` as it is told, a counter's with `_total`; `unit`: what one of it is, empty where it only counts or is 0 or 1."""

    name: str
    kind: Literal["counter", "gauge", "histogram", "summary"]
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """Of a summary: how many, and their sum."""

    count: int
    total: float


Reading = tuple[tuple[str, ...], float | Tally | Counted]
"""The values of a metric's labels, in their order, and what it reads with them."""
Told = Mapping[Metric, Iterable[Reading]]

PROCESS = (
    Metric("process_start_time_seconds", "gauge", "When this process started, since the epoch.", unit="seconds"),
    Metric("process_cpu_seconds_total", "counter", "Processor time that it has used.", unit="seconds"),
    Metric("process_resident_memory_bytes", "gauge", "Memory that it holds.", unit="bytes"),
    Metric("process_virtual_memory_bytes", "gauge", "Address space that it holds.", unit="bytes"),
    Metric("process_open_fds", "gauge", "Files and sockets that it has open."),
    Metric("process_max_fds", "gauge", "As many it may have open."),
)
"""Of the process that answers, on Linux; elsewhere they are not told."""


async def exposed(told: Told, **always: str) -> bytes:
    """The text. `always`: labels that every reading gets.

    Each metric is read and written at a piece, and between two of them whoever shares the loop has a turn.
    """
    pieces = [generate_latest(_Read(ProcessCollector(registry=None).collect()))]
    for metric, readings in told.items():
        family = _family(metric, (*always, *metric.labels))
        for labels, value in readings:
            _add(family, (*always.values(), *labels), value)
        pieces.append(generate_latest(_Read([family])))
        await asyncio.sleep(0)
    return b"".join(pieces)


class _Read(Collector):
    """What was collected already."""

    def __init__(self, families: Iterable[core.Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[core.Metric]:
        return self._families


def _family(metric: Metric, labels: Sequence[str]) -> core.Metric:
    match metric.kind:
        case "counter":
            return core.CounterMetricFamily(metric.name, metric.help, labels=labels)
        case "gauge":
            return core.GaugeMetricFamily(metric.name, metric.help, labels=labels)
        case "histogram":
            return core.HistogramMetricFamily(metric.name, metric.help, labels=labels)
        case "summary":
            return core.SummaryMetricFamily(metric.name, metric.help, labels=labels)


def _add(family: core.Metric, labels: Sequence[str], value: float | Tally | Counted) -> None:
    match family, value:
        case core.HistogramMetricFamily(), Tally():
            bounds = [*map(str, value.bounds), "+Inf"]
            family.add_metric(labels, list(zip(bounds, accumulate(value.counts), strict=True)), value.total)
        case core.SummaryMetricFamily(), Counted():
            family.add_metric(labels, value.count, value.total)
        case core.CounterMetricFamily() | core.GaugeMetricFamily(), int() | float():
            family.add_metric(labels, value)
        case _:
            raise TypeError(f"{family.name} is a {family.type}: {value!r} is none")


class Exposition:
    """The last text, for whoever asks: made at most once in `every_s`, by one at a time, so that no number of them keeps anybody from work."""

    def __init__(self, make: Callable[[], Awaitable[bytes]], every_s: float) -> None:
        self._make, self._every_s = make, every_s
        self._one_at_a_time = asyncio.Lock()
        self._made, self._made_at_s = b"", float("-inf")

    async def text(self) -> bytes:
        loop = asyncio.get_running_loop()
        async with self._one_at_a_time:
            if loop.time() - self._made_at_s >= self._every_s:
                self._made, self._made_at_s = await self._make(), loop.time()
            return self._made
