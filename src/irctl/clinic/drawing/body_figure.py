"""The figure of a person, front and back, as a table of cross-sections: each area is a run of them, so that neighbours share their edge exactly.

Drawn here, in a box of 260 × 566. One arm and one leg are written down; the others are their mirror images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Side = Literal["front", "back"]
Point = tuple[float, float]
Section = tuple[Point, Point]
"""From one edge to the other."""

WIDTH, HEIGHT = 260, 566
MIDDLE = 130.0
HEAD = "M130 7C147 7 157 20 156 39C155 58 145 77 130 79C115 77 105 58 104 39C103 20 113 7 130 7Z"
EYES = "M108 33H152V45C152 50 136 51 132 45H128C124 51 108 50 108 45Z"
"""Goggles rather than eyes: what is never treated is also always covered."""

_TORSO_HALF_WIDTHS: Sequence[tuple[float, float]] = (
    (74, 13), (87, 13.5), (97, 19), (103, 31), (109, 41), (119, 47), (140, 48), (160, 46), (178, 43), (200, 40.5),
    (222, 42), (242, 47), (262, 52), (282, 54),
)  # fmt: skip
_TORSO: Sequence[Section] = [((MIDDLE - half, y), (MIDDLE + half, y)) for y, half in _TORSO_HALF_WIDTHS]
_ARM: Sequence[Section] = (
    ((168, 107.5), (168, 120)), ((187, 115), (175, 132)), ((197, 134), (177, 148)), ((202, 156), (180, 162)),
    ((207, 180), (186, 186)), ((212, 203), (193, 208)), ((217, 217), (198, 221)), ((221, 231), (201, 236)),
    ((228, 252), (206, 258)), ((232, 277), (215, 281)), ((235, 292), (220, 295)), ((242, 305), (222, 310)),
    ((246, 325), (227, 329)), ((243, 343), (233, 345)),
)  # fmt: skip
_THUMB = ((230, 300), (220, 300), (213, 310), (210, 323), (214, 329), (219, 323), (230, 322))
_LEG: Sequence[Section] = (
    ((184, 282), (130, 282)), ((185.5, 306), (132.5, 304)), ((182, 340), (138, 340)), ((175, 374), (144, 374)),
    ((172, 396), (146.5, 396)), ((170, 418), (148, 418)), ((174, 444), (147, 442)), ((170.5, 476), (150, 476)),
    ((164, 505), (152, 505)), ((163, 516), (151.5, 516)), ((164, 528), (151, 528)), ((172, 541), (149, 542)),
    ((176, 552), (151, 553)),
)  # fmt: skip
_ARM_AREAS = {
    "shoulder": (0, 3),
    "upper arm": (3, 5),
    "elbow": (5, 7),
    "forearm": (7, 9),
    "wrist": (9, 10),
    "hand": (10, 13),
}
_LEG_AREAS = {"thigh": (0, 3), "knee": (3, 5), "calf": (5, 8), "ankle": (8, 10), "foot": (10, 12)}
_TRUNK_AREAS: dict[Side, dict[str, tuple[int, int]]] = {
    "front": {"neck": (0, 2), "chest": (2, 8), "abdomen": (8, 11)},
    "back": {"neck": (0, 2), "upper back": (2, 7), "middle back": (7, 9), "lumbar": (9, 11)},
}
_PELVIS = (11, 13)
_HIP_FROM = 0.42
"""Of the half width: what is between the hips in front is never treated."""


@dataclass(frozen=True, slots=True)
class Piece:
    """An area as it is seen from one side. `path`: SVG path data; `middle`: where a finger aims at; `behind`: of a hand, its thumb."""

    area: str
    path: str
    middle: Point
    behind: str = ""


def pieces(side: Side) -> list[Piece]:
    """Everything that can be chosen from this side, the trunk first, then the limbs over it."""
    found = [
        _piece(name, _TORSO[first : last + 1], _TORSO, first) for name, (first, last) in _TRUNK_AREAS[side].items()
    ]
    first, last = _PELVIS
    inner, name = (_HIP_FROM, "hip") if side == "front" else (0.0, "buttock")
    for hand, sign in _hands(side):
        half = [
            ((MIDDLE + inner * sign * (b[0] - MIDDLE), b[1]), (MIDDLE + sign * (b[0] - MIDDLE), b[1]))
            for _, b in _TORSO
        ]
        found.append(_piece(f"{hand} {name}", half[first : last + 1], half, first))
    for hand, sign in _hands(side):
        for limb, areas in ((_LEG, _LEG_AREAS), (_ARM, _ARM_AREAS)):
            whole = [(_mirrored(a, sign), _mirrored(b, sign)) for a, b in limb]
            for part, (first, last) in areas.items():
                name = "shin" if part == "calf" and side == "front" else part
                piece = _piece(f"{hand} {name}", whole[first : last + 1], whole, first, tip=last == len(limb) - 1)
                if part == "hand":
                    thumb = [_mirrored(point, sign) for point in _THUMB]
                    piece = replace(piece, behind=_closed(thumb))
                found.append(piece)
    return found


def between_the_hips() -> str:
    """Seen from the front; never treated."""
    first, last = _PELVIS
    part = [
        ((MIDDLE - _HIP_FROM * (b[0] - MIDDLE), b[1]), (MIDDLE + _HIP_FROM * (b[0] - MIDDLE), b[1])) for _, b in _TORSO
    ]
    return _piece("", part[first : last + 1], part, first).path


def _hands(side: Side) -> Iterator[tuple[str, float]]:
    """The patient's right and left, and on which side of the picture: from the front as in a mirror's opposite."""
    yield "right", -1.0 if side == "front" else 1.0
    yield "left", 1.0 if side == "front" else -1.0


def _mirrored(point: Point, sign: float) -> Point:
    return MIDDLE + sign * (point[0] - MIDDLE), point[1]


def _piece(name: str, part: Sequence[Section], whole: Sequence[Section], first: int, *, tip: bool = False) -> Piece:
    one, other = [a for a, _ in whole], [b for _, b in whole]
    last = first + len(part) - 1
    there = _curve(one, range(first, last))
    back = _curve(other[::-1], range(len(whole) - 1 - last, len(whole) - 1 - first))
    end = other[last]
    over = f"L{_xy(end)}" if not tip else _rounded(one[last], end)
    path = f"M{_xy(one[first])}{there}{over}{back}Z"
    points = [point for section in part for point in section]
    middle = (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))
    return Piece(name, path, middle)


def _curve(edge: Sequence[Point], steps: range) -> str:
    """Through these points without a corner (Catmull and Rom), from the first of `steps` on."""
    told: list[str] = []
    for i in steps:
        before, here, there, after = edge[max(0, i - 1)], edge[i], edge[i + 1], edge[min(len(edge) - 1, i + 2)]
        out = (here[0] + (there[0] - before[0]) / 6, here[1] + (there[1] - before[1]) / 6)
        into = (there[0] - (after[0] - here[0]) / 6, there[1] - (after[1] - here[1]) / 6)
        told.append(f"C{_xy(out)} {_xy(into)} {_xy(there)}")
    return "".join(told)


def _closed(points: Sequence[Point]) -> str:
    round_it = [*points, *points[:3]]
    return f"M{_xy(points[1])}{_curve(round_it, range(1, len(points) + 1))}Z"


def _rounded(here: Point, there: Point) -> str:
    """The end of a limb."""
    drop = abs(there[0] - here[0]) * 0.45
    return f"C{here[0]:.1f} {here[1] + drop:.1f} {there[0]:.1f} {there[1] + drop:.1f} {_xy(there)}"


def _xy(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"
