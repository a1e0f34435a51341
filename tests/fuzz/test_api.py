"""Whatever the API's own description allows, and what it forbids: no crash, and every answer is one that the description knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from irctl.controller.api.app import create_app
from tests.simulation.world import a_station
from tests.virtual_time import run_virtual

pytestmark = pytest.mark.slow

URL = "http://127.0.0.1:8970"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DESCRIPTION = create_app(cast("Any", None)).openapi()  # the same for every station
OPERATIONS = {
    f"{operation.method.upper()} {operation.path}": operation
    for operation in (found.ok() for found in openapi.from_dict(DESCRIPTION).get_all_operations())
    if operation.path != "/v1/stream"  # it has no end
}
KNOWN = {
    "session_id": ["S-20261123-0001", "S-20261123-0002"],
    "verb": ["start", "pause", "resume", "end"],
    "lamp": ["left", "right"],
    "line": ["lamp-line", "sensor-line"],
    "device": ["contactor2"],
    "action": ["clear-trip"],
    "alarm_id": ["A-1"],
    "calibration": ["C-20261123-0001"],
    "how": ["reject", "abandon"],
}
"""What the station really has: nobody finds that by chance."""
EXAMPLES = 40


@st.composite
def questions(draw: st.DrawFn, name: str) -> Case:
    mode = draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
    case = draw(OPERATIONS[name].as_strategy(generation_mode=mode))
    if draw(st.booleans()):
        case.path_parameters = {part: draw(st.sampled_from(KNOWN[part])) for part in case.path_parameters or {}}
    return case


def asked_of(name: str) -> list[Case]:
    """The same at every run."""
    cases: list[Case] = []

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        max_examples=EXAMPLES,
        suppress_health_check=list(HealthCheck),
    )
    @given(questions(name))
    def collect(case: Case) -> None:
        cases.append(case)

    collect()
    return cases


async def ask(state: Path, cases: list[Case]) -> set[int]:
    """One lamp gives light, the other waits to be started. The kinds of answers."""
    kinds: set[int] = set()
    async with a_station(state) as world:
        await world.ordered("right")
        await world.running("left")
        transport = httpx.ASGITransport(create_app(world.station))
        async with httpx.AsyncClient(transport=transport, base_url=URL) as api:
            for case in cases:
                words = case.as_transport_kwargs(base_url=URL)
                request = {key: words[key] for key in ("method", "url", "headers", "params", "json") if key in words}
                answer = await api.request(**request, content=words.get("data"))
                case.validate_response(answer, checks=CHECKS)
                kinds.add(answer.status_code // 100)
        assert world.station.journal.writable
    return kinds


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_one_that_the_description_knows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(read: Callable[..., Any], *words: Any, **more: Any) -> Any:
        return read(*words, **more)

    monkeypatch.setattr(asyncio, "to_thread", at_once)  # virtual time does not wait for a thread
    cases = asked_of(name)
    assert run_virtual(ask(tmp_path, cases)) <= {2, 4}
