"""`python -m docs.generate.pictures`: the drawings of docs/pictures. Light and dark, and told in words to who cannot see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path

from irctl.controller.light.session import LIT, NEXT, Outcome, State

PICTURES = Path(__file__).parents[1] / "pictures"
WIDTH = 560
"""Narrow, so that a telephone shows the words at a size that can be read."""
LINE_PX = 19
STYLE = """
  svg { font: 15px system-ui, sans-serif; --paper: #fbfbf9; --ink: #1d2126; --faint: #5a6470; --box: #ffffff; --edge: #8a949e;
        --lit: #fff0c9; --lit-edge: #b77900; --stop: #b3261e; --power: #c26a00; }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #1a1e23; --ink: #eceff2; --faint: #a9b4bf; --box: #262c33; --edge: #6d7883;
          --lit: #4a3a10; --lit-edge: #e0a93c; --stop: #ff8a80; --power: #f0a24a; }
  }
  .paper { fill: var(--paper); } text { fill: var(--ink); } .faint { fill: var(--faint); font-size: 13px; } .name { font-weight: 600; }
  .box { fill: var(--box); stroke: var(--edge); stroke-width: 1.5; } .lit { fill: var(--lit); stroke: var(--lit-edge); stroke-width: 2; }
  .way { fill: none; stroke: var(--faint); stroke-width: 1.8; } .power { fill: none; stroke: var(--power); stroke-width: 4; }
  .stop { fill: none; stroke: var(--stop); stroke-width: 2.2; } .tip { fill: var(--faint); } .power-tip { fill: var(--power); }
  .stop-tip { fill: var(--stop); }
"""
Point = tuple[float, float]


@dataclass
class Drawing:
    """Boxes and ways between them. `says`: the whole of it in words."""

    title: str
    says: str
    height: int
    _parts: list[str] = field(default_factory=list[str])

    def box(self, x: float, y: float, w: float, h: float, name: str, *lines: str, look: str = "box") -> None:
        self._parts.append(f'<rect class="{look}" x="{x}" y="{y}" width="{w}" height="{h}" rx="8"/>')
        top = y + (h - LINE_PX * (1 + len(lines))) / 2 + 15
        self.text(x + w / 2, top, name, look="name")
        for count, line in enumerate(lines, start=1):
            self.text(x + w / 2, top + count * LINE_PX, line, look="faint")

    def text(self, x: float, y: float, words: str, look: str = "faint", anchor: str = "middle") -> None:
        self._parts.append(f'<text class="{look}" x="{x}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>')

    def way(self, *points: Point, look: str = "way", both: bool = False, tip: bool = True) -> None:
        """An arrow along these points; `both`: with a tip at either end."""
        path = " L ".join(f"{x:g} {y:g}" for x, y in points)
        ends = (f' marker-end="url(#{look})"' if tip else "") + (f' marker-start="url(#{look})"' if both else "")
        self._parts.append(f'<path class="{look}" d="M {path}"{ends}/>')

    def svg(self) -> str:
        tips = "".join(_tip(look, which) for look, which in TIPS.items())
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}" height="{self.height}"'
                ' role="img" aria-labelledby="title desc">',
                f'<title id="title">{escape(self.title)}</title>',
                f'<desc id="desc">{escape(self.says)}</desc>',
                f"<style>{STYLE}</style>",
                f"<defs>{tips}</defs>",
                f'<rect class="paper" width="{WIDTH}" height="{self.height}" rx="10"/>',
                *self._parts,
                "</svg>\n",
            ]
        )


TIPS = {"way": ("tip", 9), "power": ("power-tip", 16), "stop": ("stop-tip", 9)}


def _tip(look: str, which: tuple[str, int]) -> str:
    name, size = which
    return (
        f'<marker id="{look}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="{size}" markerHeight="{size}" markerUnits="userSpaceOnUse"'
        f' orient="auto-start-reverse"><path class="{name}" d="M 0 0 L 10 5 L 0 10 z"/></marker>'
    )


def wiring() -> Drawing:
    """One lamp as in configs/demo.toml: the left one."""
    drawing = Drawing(
        "The wiring of one lamp",
        "A workstation has three USB to RS485 adapters. The lamp line has the dimmer alone. The safety line has the input module with stop button and door,"
        " the skin thermometer and the contactor. The sensor line has the radiometer. The mains pass a switch for the hand, then the contactor, then the"
        " dimmer, and so reach the lamp, which shines on the treated skin.",
        620,
    )
    for x, name in ((20, "lamp line"), (200, "safety line"), (380, "sensor line")):
        drawing.box(x, 110, 160, 52, "USB–RS485", name)
        drawing.way((x + 80, 74), (x + 80, 110), tip=False)
    drawing.box(20, 16, 520, 58, "workstation", "irctl serve: supervisor, controller, clinic")
    drawing.way((100, 162), (100, 410), both=True)
    drawing.way((190, 136), (190, 446), tip=False)
    drawing.way((200, 136), (190, 136), tip=False)
    for y in (220, 320, 446):
        drawing.way((190, y), (200, y))
    drawing.way((460, 162), (460, 186), both=True)
    drawing.box(200, 186, 160, 70, "inputs", "stop button, door", "broken wire: pressed")
    drawing.box(200, 286, 160, 70, "thermometer", "aimed at the", "treated skin")
    drawing.box(380, 186, 160, 70, "radiometer", "measures the", "irradiance")
    drawing.box(20, 410, 160, 72, "dimmer", "how much; off after", "its lease of silence")
    drawing.box(200, 410, 160, 72, "contactor", "whether at all;", "opens by its own timer")
    drawing.box(380, 410, 160, 72, "hand switch", "cuts the power", "without a computer")
    drawing.text(460, 388, "mains")
    drawing.way((460, 394), (460, 410), look="power", tip=False)
    drawing.way((380, 460), (362, 460), look="power")
    drawing.way((200, 460), (182, 460), look="power")
    drawing.way((100, 482), (100, 528), look="power")
    drawing.box(20, 530, 160, 58, "lamp", look="lit")
    drawing.way((180, 559), (238, 559), look="power")
    drawing.text(209, 549, "light")
    drawing.box(240, 530, 300, 58, "the treated skin", "at a known distance; eyes covered")
    return drawing


def session() -> Drawing:
    """Raises ValueError where the states are not those of the code."""
    drawing = Drawing(
        "The life of a session",
        "A session is ordered, then checking, then ready. A named person starts it: warming, then emitting. Warming and emitting may be paused; a pause is"
        " resumed into warming. From checking on everything may end: ending waits for dark and the afterglow, then the session is ended as "
        + ", ".join(Outcome)
        + ".",
        700,
    )
    drawn: set[tuple[State, State]] = set()

    def go(start: State, end: State, *points: Point, look: str = "way") -> None:
        drawn.add((start, end))
        drawing.way(*points, look=look)

    says = {
        State.ORDERED: "order, limits, calibration are on the disk",
        State.CHECKING: "dark, armed and read back, sensors alive",
        State.READY: "dark; waits up to 5 minutes",
        State.WARMING: "lit, not yet at 90 %; counted",
        State.EMITTING: "lit; each tick renews the lease, or not",
    }
    for count, (state, words) in enumerate(says.items()):
        drawing.box(50, 20 + 96 * count, 310, 58, state, words, look="lit" if state in LIT else "box")
    drawing.box(400, 356, 140, 78, State.PAUSED, "dark; up to", "10 minutes")
    drawing.box(50, 520, 310, 58, State.ENDING, "dark first, then verified; afterglow counted")
    drawing.box(50, 616, 310, 58, State.ENDED, ", ".join(Outcome))
    order = (*says, State.ENDING, State.ENDED)
    for above, below in pairwise(order):
        y = 78 + 96 * order.index(above) if above is not State.ENDING else 578
        go(above, below, (205, y), (205, y + (38 if above is not State.EMITTING else 58)))
    drawing.text(215, 292, "start: a named person", anchor="start")
    for state in (State.CHECKING, State.READY, State.WARMING):
        y = 49 + 96 * order.index(state)
        go(state, State.ENDING, (50, y), (26, y), (26, 549), (50, 549), look="stop")
    drawing.text(215, 492, "dose reached, ended, a rule, a stop", anchor="start")
    go(State.WARMING, State.PAUSED, (360, 345), (430, 345), (430, 356))
    go(State.PAUSED, State.WARMING, (500, 356), (500, 325), (360, 325))
    drawing.text(510, 318, "resume", anchor="end")
    go(State.EMITTING, State.PAUSED, (360, 420), (400, 420))
    go(State.PAUSED, State.ENDING, (470, 434), (470, 549), (360, 549), look="stop")
    if drawn != {(start, end) for start, ends in NEXT.items() for end in ends}:
        raise ValueError(
            "the picture of a session does not show the changes that irctl.controller.light.session.NEXT allows"
        )
    return drawing


def processes() -> Drawing:
    drawing = Drawing(
        "The processes of a station",
        "The service manager watches the supervisor. The supervisor keeps two children by pipes, the controller and the clinic. The controller owns the lines to"
        " the devices and writes the journal. The clinic reads the controller's stream and asks for light over its API with a token; it writes the database. A"
        " browser gets its pages from the clinic, and live figures, alarms and STOP straight from the controller.",
        560,
    )
    drawing.box(150, 16, 260, 50, "systemd, or another", "service manager")
    drawing.box(150, 108, 260, 50, "supervisor", "starts, watches, kills; standard library")
    drawing.way((280, 66), (280, 108), both=True)
    drawing.text(290, 92, "signs of life, every few seconds", anchor="start")
    drawing.box(20, 220, 220, 90, "controller", "owns every port;", "API and live panel,", "port 8970", look="lit")
    drawing.box(340, 220, 200, 90, "clinic", "patients, visits, pages,", "messages; port 8971")
    drawing.way((215, 158), (130, 220), both=True)
    drawing.way((345, 158), (440, 220), both=True)
    drawing.text(280, 196, "two pipes each")
    drawing.way((340, 250), (240, 250))
    drawing.text(290, 243, "API, token")
    drawing.way((240, 285), (340, 285))
    drawing.text(290, 302, "stream")
    drawing.box(20, 372, 105, 60, "lines", "and devices")
    drawing.box(140, 372, 100, 60, "journal", "signed")
    drawing.box(340, 372, 200, 60, "database", "SQLite or PostgreSQL")
    drawing.way((72, 310), (72, 372), both=True)
    drawing.way((190, 310), (190, 372))
    drawing.way((440, 310), (440, 372), both=True)
    drawing.box(150, 490, 260, 50, "browser", "at the lamp, in the office")
    drawing.way((380, 490), (380, 455), (325, 455), (325, 265), (340, 265), both=False)
    drawing.text(390, 470, "pages", anchor="start")
    drawing.way((255, 490), (255, 300), (240, 300), look="stop")
    drawing.text(247, 470, "STOP, live figures, alarms", anchor="end")
    return drawing


DRAWINGS: Mapping[str, Callable[[], Drawing]] = {"wiring": wiring, "session": session, "processes": processes}


def files() -> Iterable[tuple[Path, str]]:
    """Each drawing's file, and what belongs into it."""
    for name, draw in DRAWINGS.items():
        yield PICTURES / f"{name}.svg", draw().svg()


if __name__ == "__main__":
    for path, svg in files():
        path.write_text(svg, "utf-8")
