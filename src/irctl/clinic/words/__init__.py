"""What screens say, in the language of whoever looks: English in the code, others by what the English says.

A text without a translation is shown in English; a test lists them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "de": "Deutsch"}
language: ContextVar[str] = ContextVar("language", default="en")
"""Of the request that is answered."""
_of_screen: list[Callable[[], str | None]] = []


def screens_say(which: Callable[[], str | None]) -> None:
    """What is pressed on a page is answered in its language, long after its request: `which` tells it, None where no page is at work."""
    _of_screen[:] = [which]


def spoken() -> str:
    """The language of this moment."""
    return next((told for which in _of_screen if (told := which())), None) or language.get()


def tr(text: str, /, **given: object) -> str:
    """`text` in the language of this moment; `{name}` in it stands for what is given under that name."""
    found = _catalogue(spoken()).get(text, text)
    return found.format(**given) if given else found


@cache
def _catalogue(name: str) -> dict[str, str]:
    path = Path(__file__).parent / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
