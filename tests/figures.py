"""A text for Prometheus, read back by a parser that is not ours."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families


class Figures:
    """Asked by name and as many labels as make it one: `figures("irctl_line_up", line="bus")`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._families = list(text_string_to_metric_families(text))

    def __call__(self, name: str, **labels: str) -> float:
        found = list(self._found(name, labels))
        assert len(found) == 1, (name, labels, found)
        return found[0]

    def has(self, name: str, **labels: str) -> bool:
        return any(True for _ in self._found(name, labels))

    def between(self, name: str, low: float, high: float, **labels: str) -> float:
        """How many values of a histogram are above `low` and not above `high`, which both are bounds of it."""
        bucket = f"{name}_bucket"
        return self(bucket, le=str(high), **labels) - self(bucket, le=str(low), **labels)

    @property
    def names(self) -> set[str]:
        """Of metrics, as they are declared."""
        return {f.name + ("_total" if f.type == "counter" else "") for f in self._families}

    def _found(self, name: str, labels: dict[str, str]) -> Iterator[float]:
        for family in self._families:
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    yield sample.value
