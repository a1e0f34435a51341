"""The devices that can be named in a station file, as `irctl drivers` lists them, with the options of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docs.generate.configuration import sayings
from docs.generate.markdown import table
from docs.generate.schema import bounds, kind, usual
from irctl.devices.finding import every_driver, installed_maps


def page() -> str:
    found = every_driver()
    rows = [
        (f"[{one.name}](#{one.name})", one.about.title, ", ".join(one.about.roles), one.about.fail_safe or "–")
        for one in found
        if one.about
    ]
    told = ["\n".join(_device(one)) for one in found]
    return "\n".join([table(("driver", "device", "roles", "fail-safe"), rows), *told])


def _device(driver: Any) -> Iterator[str]:
    about = driver.about
    yield f"## {driver.name}\n"
    yield f"{about.title}. {'A map' if driver.name in installed_maps() else 'A driver'}.\n"
    yield f"- **Roles**: {', '.join(about.roles)}"
    yield f"- **Fail-safe**: {about.fail_safe or 'none needed: it gives no light'}"
    yield f"- **Line**: {about.line or 'as the station file says'}"
    yield f"- **From**: {about.source}"
    yield f"- **Tested against**: {'; '.join(about.tested) or 'nothing yet'}\n"
    schema = driver.options.model_json_schema()
    known, docs = schema.get("$defs", {}), sayings(driver.options)
    rows = [
        (f"`{key}`", kind(told, known), usual(told, needed=key in schema.get("required", ())), bounds(told, known), docs.get(key, ""))
        for key, told in schema.get("properties", {}).items()
    ]  # fmt: skip
    yield table(("option", "", "usual", "limits", ""), rows)
