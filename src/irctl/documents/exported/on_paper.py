"""A visit as its paper has it (the clinic's record, which is what people sign), beside the same visit as documents show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from irctl.documents.dossier import Visit


def differences(visit: Visit, body: Mapping[str, Any]) -> Iterator[str]:
    """What is shown otherwise than it is written. `body`: of the version that is shown."""
    for place, shown in _as_written(visit).items():
        written = _at(body, place)
        if _plain(written) != _plain(shown):
            yield f"{place} is {_told(written)} on paper, and {_told(shown)} is shown"


def _as_written(visit: Visit) -> dict[str, Any]:
    """Under the names that the paper has for it."""
    told: dict[str, Any] = {
        name: getattr(visit, name)
        for name in ("station", "lamp", "lamp_serial", "fluence_j_cm2", "irradiance_mw_cm2", "distance_cm", "calibration")
    }  # fmt: skip
    told |= {"dropped": visit.refused_because, "identified.by": visit.identified_by and visit.identified_by.login}
    told |= {"identified.at": visit.identified_at, "started_by": visit.started_by and visit.started_by.login}
    screening, position, override, response = visit.screening, visit.position, visit.override, visit.response
    told |= {
        "screening.screening": screening and screening.label,
        "screening.by": screening and screening.by.login,
        "screening.at": screening and screening.at,
        "screening.answers": screening and {one.key: one.answer for one in screening.asked},
        "screening.trials": screening and screening.touches,
        "override.what": override and override.what,
        "override.by": override and override.by.login,
        "override.second": override and override.second.login,
        "override.reason": override and override.reason,
        "after.skin": response and response.skin,
        "after.reaction": response and response.reaction,
        "after.adverse_event": response and response.adverse_event,
        "after.plan": response and response.plan,
        "after.minutes": visit.treatment_minutes,
        "after.supervised_by": visit.supervised_by and visit.supervised_by.login,
        "after.assistant": visit.given_by_assistant,
        "after.services": [one.model_dump() for one in visit.services],
    }
    for name in ("distance_cm", "angle_deg", "eyes_protected", "at"):
        told[f"position.{name}"] = position and getattr(position, name)
    for when, rated in (("before", visit.before), ("after", visit.after)):
        told |= {f"{when}.{name}": rated and getattr(rated, name) for name in ("nprs", "function", "at")}
        told[f"{when}.by"] = rated and rated.by.login
    return told


def _at(body: Mapping[str, Any], place: str) -> Any:
    found: Any = body
    for name in place.split("."):
        found = cast("Mapping[str, Any]", found).get(name) if isinstance(found, Mapping) else None
    return found


def _plain(value: Any) -> Any:
    """Comparable: moments as such, whatever their offset; what is empty is as good as unsaid."""
    match value:
        case datetime():
            return value.timestamp()
        case str() if value[:4].isdecimal() and "T" in value:
            return _moment(value)
        case list() | tuple():
            return [_plain(one) for one in cast("list[Any]", value)] or None
        case Mapping():
            told = cast("Mapping[str, Any]", value)
            return {key: _plain(one) for key, one in told.items()} or None
        case False | "":
            return None
        case _:
            return value


def _moment(text: str) -> Any:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return text


def _told(value: Any) -> str:
    return "nothing" if value is None else str(value)
