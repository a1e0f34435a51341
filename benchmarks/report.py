"""What a benchmark hands back, and how it is shown. Timings inform, they never gate: nothing here fails a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median as middle

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Target:
    """A figure somebody counts on. `at_least`: higher is better."""

    what: str
    value: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        verdict = "[green]met[/]" if self.met else "[bold red]missed[/]"
        sign = "≥" if self.at_least else "≤"
        return (
            f"{verdict}  {self.what}: {figure(self.value)} {self.unit} (target {sign} {figure(self.limit)} {self.unit})"
        )


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark's table, the targets it speaks to, and what a reader must know to judge it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()

    def show(self, console: Console) -> None:
        table = Table(title=self.title, title_justify="left", title_style="bold")
        for index, column in enumerate(self.columns):
            table.add_column(column, justify="right" if index else "left")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)
        for target in self.targets:
            console.print(f"  {target}", highlight=False)
        for note in self.notes:
            console.print(f"  [dim]{note}[/]", highlight=False)
        console.print()


def median(values: Sequence[float]) -> float:
    return middle(values)


def p99(values: Sequence[float]) -> float:
    """Nearest rank; the largest of fewer than a hundred."""
    return sorted(values)[ceil(0.99 * len(values)) - 1]


def figure(value: float) -> str:
    """Three significant digits, no exponent."""
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def ms(seconds: float) -> str:
    return f"{figure(1000 * seconds)} ms"


def times(ratio: float) -> str:
    return f"{figure(ratio)}×"
