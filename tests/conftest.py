"""Fixtures every test may use. `virtual` tests run on a loop whose clock jumps; the rest on the ordinary one."""

import pytest

from tests.virtual_time import VirtualLoop

collect_ignore = ["third_party"]
"""A package of its own, with tests of its own: tests/devices/test_scaffold.py installs it and runs them."""


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest):
    """The asyncio loop of a test: virtual time where the test is marked `virtual`."""
    if request.node.get_closest_marker("virtual"):
        return ("asyncio", {"loop_factory": VirtualLoop})
    return "asyncio"
