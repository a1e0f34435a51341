"""Dashboard and alert rules ask for what irctl tells, by the names and labels that it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from irctl.clinic.metrics import METRICS as OF_CLINIC
from irctl.controller.api.metrics import METRICS as OF_CONTROLLER
from irctl.controller.api.metrics import STATION
from irctl.exposition import PROCESS, Metric
from tests.ops.promtool import promtool, with_promtool

OPS = Path(__file__).parents[2] / "ops"
DASHBOARD: dict[str, Any] = json.loads((OPS / "grafana" / "irctl.json").read_text(encoding="utf-8"))
SERIES = re.compile(r"\b(irctl_\w+|process_\w+|up)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
PARTS = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count"), "counter": ("",), "gauge": ("",)}
OF_PROMETHEUS = {"job", "instance"}


def told(metrics: tuple[Metric, ...], *more: str) -> dict[str, set[str]]:
    """Each series with its labels."""
    found: dict[str, set[str]] = {}
    for metric in metrics:
        for part in PARTS[metric.kind]:
            le = {"le"} if part == "_bucket" else set[str]()
            found[metric.name + part] = {*metric.labels, *more, *le, *OF_PROMETHEUS}
    return found


KNOWN = told(OF_CONTROLLER, STATION) | told(OF_CLINIC) | told(PROCESS) | {"up": OF_PROMETHEUS}


def of_dashboard() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def of_alerts() -> Iterator[tuple[str, str]]:
    for group in yaml.safe_load((OPS / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


ASKED = [*of_dashboard(), *of_alerts()]


@pytest.mark.parametrize(("where", "expr"), ASKED, ids=[f"{n} {where}" for n, (where, _) in enumerate(ASKED)])
def test_what_is_asked_for_is_told_with_those_labels(where: str, expr: str) -> None:
    found = SERIES.findall(expr)
    assert found, where
    for name, selector in found:
        assert name in KNOWN, name
        assert set(LABEL.findall(selector)) <= KNOWN[name], name
    grouped = [
        label for group in re.findall(r"\b(?:by|on|ignoring|without) \(([^)]*)\)", expr) for label in group.split(", ")
    ]
    assert set(grouped) <= set.union(*(KNOWN[name] for name, _ in found)), where


def test_what_a_panel_s_legend_names_is_there() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            names = {name for name, _ in SERIES.findall(target["expr"])}
            shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            grouped = re.search(r"\bby \(([^)]*)\)", target["expr"])
            left = set(grouped[1].split(", ")) if grouped else set.union(*(KNOWN[name] for name in names))
            assert shown <= left, (panel["title"], target["expr"])


@with_promtool
def test_prometheus_understands_every_question_of_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{n}", "expr": expr.replace("$__rate_interval", "5m").replace("$station", ".*")}
        for n, (_, expr) in enumerate(of_dashboard())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", path)


def test_no_two_panels_lie_on_each_other_and_none_has_another_s_number() -> None:
    panels = DASHBOARD["panels"]
    places = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24, "Grafana's grid is that wide"
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_names_units_and_words_are_as_prometheus_has_them() -> None:
    for metric in (*OF_CONTROLLER, *OF_CLINIC):
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert not metric.unit or metric.name.removesuffix("_total").endswith(f"_{metric.unit}"), metric.name
        assert metric.help.endswith("."), metric.name
    names = [metric.name for metric in (*OF_CONTROLLER, *OF_CLINIC, *PROCESS)]
    assert len(names) == len(set(names))
