"""Prometheus at real processes: a controller that treats, and the clinic beside it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from irctl.clinic.metrics import METRICS as OF_CLINIC
from irctl.controller.api.metrics import METRICS as OF_CONTROLLER
from irctl.exposition import PROCESS, Metric
from tests.figures import Figures
from tests.ops.promtool import promtool, with_promtool
from tests.service.worlds import ANSWER_S, START_S, Station, a_station, an_order, read_until, started, the_rest

T = TypeVar("T")
OPS = Path(__file__).parents[2] / "ops" / "prometheus"
DEMONSTRATION = {"station": "Demonstration"}


def free_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture(scope="module")
def clinic_url() -> str:
    return f"http://{free_address()}"


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, clinic_url: str) -> Iterator[Station]:
    port = clinic_url.rpartition(":")[2]
    with a_station(tmp_path_factory.mktemp("watched"), "--clinic-port", port, clinic=True) as running:
        yield running


def scraped(url: str) -> Figures:
    with urlopen(f"{url}/metrics", timeout=ANSWER_S) as answer:
        return Figures(answer.read().decode())


def names(metrics: tuple[Metric, ...]) -> set[str]:
    return {metric.name for metric in (*metrics, *PROCESS)}


def test_a_treatment_is_none_the_worse_for_being_watched_without_a_pause(station: Station) -> None:
    """Whoever asks all the time mostly hears what was told a moment ago."""
    with started("irctl", *an_order(fluence=0.1), url=station.url) as treating:
        asked = 0
        while treating.poll() is None:
            scraped(station.url)
            asked += 1
        assert treating.returncode == 0, the_rest(treating)
    assert asked > 20
    assert station.events("session.ended")[-1]["outcome"] == "completed"


def test_a_treatment_and_a_stop_as_whoever_watches_sees_them(station: Station) -> None:
    with started("irctl", *an_order(), url=station.url) as treating:
        read_until(treating, "emitting")
        before, began_s = scraped(station.url), time.monotonic()
        time.sleep(3.0)
        lit, took_s = scraped(station.url), time.monotonic() - began_s
        assert station.irctl("stop", "--by", "a nurse").returncode == 0
        the_rest(treating)
    time.sleep(1.0)
    stopped = scraped(station.url)

    assert lit("irctl_simulated", **DEMONSTRATION) == 1
    assert lit("irctl_lamp_status", lamp="right", status="busy", **DEMONSTRATION) == 1
    renewals = lit("irctl_lease_margin_seconds_count", lamp="right") - before("irctl_lease_margin_seconds_count", lamp="right")  # fmt: skip
    assert 0 < renewals <= took_s / 0.25 + 2, "one each tick"
    assert 0 < lit("irctl_lease_margin_lowest_seconds", lamp="right") < lit("irctl_lamp_lease_seconds", lamp="right", kind="emitter")  # fmt: skip
    assert lit("irctl_tick_lateness_seconds_count", lamp="right") > 0
    asked = "irctl_line_requests_total"
    assert lit(asked, line="lamp-line") - before(asked, line="lamp-line") > 2 * renewals, "renewed and read back"
    busy = "irctl_line_busy_seconds_total"
    assert 0 < lit(busy, line="lamp-line") - before(busy, line="lamp-line") <= took_s
    assert lit("irctl_line_up", line="lamp-line") == 1
    assert lit("irctl_loop_stall_seconds_count") > before("irctl_loop_stall_seconds_count")
    assert lit("irctl_journal_sync_seconds_count") > 10
    assert lit("irctl_stop_latched") == 0

    assert stopped("irctl_stop_latched") == 1
    dark = "irctl_time_to_dark_seconds_count"
    assert stopped(dark, lamp="right") == lit(dark, lamp="right") + 1
    assert stopped("irctl_sessions_ended_total", lamp="right", outcome="completed") == 1
    assert stopped("irctl_sessions_ended_total", lamp="right", outcome="stopped") == 1
    assert stopped.between("irctl_dose_delivered_ratio", 0.9, 1.1, outcome="completed") == 1
    assert stopped("irctl_dose_delivered_ratio_bucket", outcome="stopped", le="0.8") == 1, "a few of a hundred seconds"
    assert stopped.names == names(OF_CONTROLLER)


def test_the_clinic_tells_that_it_has_heard_everything(station: Station, clinic_url: str) -> None:
    def heard() -> Figures | None:
        found = scraped(clinic_url)
        return found if found.has("irctl_clinic_journal_behind_events") else None

    told = until(heard)

    assert told("irctl_clinic_database_up") == 1
    assert told("irctl_clinic_station_contact_age_seconds") < 5
    assert told("irctl_clinic_journal_behind_seconds") < 10
    assert told.names == names(OF_CLINIC)


@with_promtool
def test_prometheus_finds_nothing_wrong_with_what_either_tells(station: Station, clinic_url: str) -> None:
    for url in (station.url, clinic_url):
        promtool("check", "metrics", told=scraped(url).text)


@with_promtool
def test_a_real_prometheus_scrapes_both_by_the_example_and_evaluates_the_rules(
    station: Station, clinic_url: str, tmp_path: Path
) -> None:
    config = (OPS / "prometheus.yml").read_text(encoding="utf-8").replace("15s", "1s")
    for example, real in (("127.0.0.1:8970", station.url), ("127.0.0.1:8971", clinic_url)):
        assert example in config
        config = config.replace(example, real.removeprefix("http://"))
    (tmp_path / "prometheus.yml").write_text(config, encoding="utf-8")
    (tmp_path / "alerts.yml").write_bytes((OPS / "alerts.yml").read_bytes())
    at = free_address()
    words = [f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address={at}"]  # fmt: skip
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(["prometheus", *words], stderr=log) as prometheus:
        try:
            until(lambda: asked(at, 'up{job="irctl-controller"} == 1'))
            until(lambda: asked(at, 'up{job="irctl-clinic"} == 1'))
            assert until(lambda: asked(at, 'irctl_stop_latched{station="Demonstration"}')) == "1", "as it was left"
            assert until(lambda: asked(at, 'ALERTS{alertname="IrctlStopLatched", alertstate="pending"}')) == "1"
        finally:
            prometheus.kill()


def asked(at: str, question: str) -> str | None:
    """The one value; None while there is none."""
    with urlopen(f"http://{at}/api/v1/query?{urlencode({'query': question})}", timeout=ANSWER_S) as answer:
        found = json.load(answer)["data"]["result"]
    return found[0]["value"][1] if found else None


def until(look: Callable[[], T | None]) -> T:
    give_up_s = time.monotonic() + START_S
    while time.monotonic() < give_up_s:
        with suppress(OSError):
            if (found := look()) is not None:
                return found
        time.sleep(0.2)
    raise AssertionError("it does not come")
