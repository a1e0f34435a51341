"""A certificate's pages, with the JSON they were made from attached."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from irctl.documents.certificate.chart import Plotted, chart_svg
from irctl.documents.certificate.sealed import ATTACHMENT, DAMAGED, CertificateError, Sealed
from irctl.documents.certificate.wording import final, view
from irctl.documents.typesetting import TEMPLATES, TypesettingError, typeset
from irctl.domain.calibration import Calibration
from irctl.domain.findings import stated_curve

TEMPLATE = TEMPLATES / "certificate.typ"
DATA, CHART = "view.json", "chart.svg"


def render_pdf(sealed: Sealed, *, template: Path | None = None, fonts: Sequence[Path] = ()) -> bytes:
    """PDF/A-3a and PDF/UA-1, the same bytes for the same certificate: to be kept for years, read aloud, and checked.

    `template` is a Typst file in place of our own; it reads `view.json` and `chart.svg` beside itself, and must attach `certificate.json`. `fonts` are
    folders with further fonts. Pages set with either are not those that `verify` sets for comparison. Raises CertificateError for a payload that is damaged.
    """
    source = template or TEMPLATE
    try:
        told, chart = view(sealed), _chart(sealed.payload)
    except DAMAGED as error:
        raise CertificateError(f"the payload is damaged: {type(error).__name__}: {error}") from None
    files = {
        DATA: json.dumps(told, ensure_ascii=False).encode(),
        CHART: chart.encode(),
        ATTACHMENT: sealed.as_json(),
    }
    try:
        return typeset(source, files, standards=("a-3a", "ua-1"), fonts=fonts)
    except TypesettingError as error:
        raise CertificateError(
            f"certificate {sealed.seal.number}: it cannot be printed with {source.name}: {error}"
        ) from error


def _chart(p: Mapping[str, Any]) -> str:
    found, left, before = p["stages"]["as-found"], p["stages"]["as-left"], p["compared_with"]
    points = Calibration.of(p["record"]).points
    curve = stated_curve([(point.level_pct, point.irradiance_mw_cm2) for point in points])
    return chart_svg(
        _plotted(found),
        _plotted(left) if left else [],
        curve,
        stated_curve([(level, value) for level, value in before["points"]]) if before else None,
        [Plotted(e["level_pct"], e["error_pct"], e["expanded_pct"]) for e in found["findings"]["errors"]],
        final(p)["fitness"]["tolerance_pct"],
    )


def _plotted(stage: Mapping[str, Any]) -> list[Plotted]:
    points: list[Mapping[str, Any]] = stage["findings"]["points"]
    return [
        Plotted(q["level_pct"], q["irradiance_mw_cm2"], q["irradiance_mw_cm2"] * q["expanded_pct"] / 100.0)
        for q in points
    ]
