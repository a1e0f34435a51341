"""Every shell line of the documentation does what its page says, run as it stands. How: tests/docs/shell.py."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.docs.pages import Page, pages
from tests.docs.shell import RUN, Ran, answers_shown, run, unlike

AT_ONCE = 4
"""Pages mostly wait."""
DEMONSTRATION = "demo"
"""Runs with the tutorial: tests/docs/test_tutorial.py."""
PAGES = [
    page
    for page in pages()
    if page.world != DEMONSTRATION and any(b.language in RUN and b.not_run is None for b in page.blocks)
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32" or not shutil.which("setsid"), reason="needs bash on a pseudo-terminal"),
]


@pytest.fixture(scope="module")
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Ran]]]:
    """The pages that this run of tests asks for, side by side."""
    asked = {item.callspec.params["page"] for item in request.session.items if item.path == request.path}  # type: ignore[attr-defined]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            page.name: pool.submit(run, page, tmp_path_factory.mktemp("page") / "here")
            for page in PAGES
            if page in asked
        }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_lines_of_a_page_run_as_they_stand(page: Page, running: Mapping[str, Future[Ran]]) -> None:
    ran = running[page.name].result()
    print(f"{page.name}: {ran.seconds:.1f} s\n{ran.said}")
    assert ran.code == 0, f"{page.name} ended with {ran.code}:\n{ran.said}"
    for block in page.blocks:
        if block.language == "console" and block.not_run is None:
            for shown, said in zip(answers_shown(block), ran.output(block), strict=True):
                assert not (missing := unlike(shown, said)), f"{block.where} shows {missing!r}; it said:\n{said}"
