"""What screens say, in the language of whoever looks: English in the code, others by what the English says.

A text without a translation is shown in English; a test lists them.
"""

from __future__ import annotations

import tomllib
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "de": "Deutsch"}
language: ContextVar[str] = ContextVar("language", default="en")


def tr(text: str, /, **given: object) -> str:
    """`text` in the language of this moment; `{name}` in it stands for what is given under that name."""
    found = _catalogue(language.get()).get(text, text)
    return found.format(**given) if given else found


@cache
def _catalogue(name: str) -> dict[str, str]:
    path = Path(__file__).parent / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
