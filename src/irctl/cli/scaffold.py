"""What `irctl device new` writes: texts that work as they are, to be changed into the device that a manual describes."""

from __future__ import annotations

from importlib.resources import files


def map_files(name: str) -> dict[str, str]:
    """By path."""
    return {f"{name}.toml": _filled("map.toml", name)}


def driver_files(name: str) -> dict[str, str]:
    """A package of its own: a driver, its twin, and their tests."""
    module = _module(name)
    return {
        f"{name}/pyproject.toml": _filled("pyproject.toml", name),
        f"{name}/{module}/__init__.py": _filled("driver.py", name),
        f"{name}/{module}/twin.py": _filled("twin.py", name),
        f"{name}/tests/test_{module}.py": _filled("test.py", name),
    }


def _filled(template: str, name: str) -> str:
    words = name.split("-")
    text = (files("irctl.cli") / "scaffolds" / f"{template}.txt").read_text("utf-8")
    for key, value in (
        ("@name@", name),
        ("@module@", _module(name)),
        ("@class@", "".join(word.capitalize() for word in words)),
        ("@title@", " ".join(word.capitalize() for word in words)),
    ):
        text = text.replace(key, value)
    return text


def _module(name: str) -> str:
    return name.replace("-", "_")
