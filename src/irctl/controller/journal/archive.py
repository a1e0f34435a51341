"""Closed journal files moved elsewhere: the copy is verified before the original goes, and a note of its hashes stays."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

from irctl.controller.journal import segments
from irctl.controller.journal.disk import sync_folder
from irctl.controller.journal.examining import examine
from irctl.domain import chain


def move(path: Path, into: Path, older_than: datetime) -> list[Path]:
    """The closed files of the journal at `path` whose last event is older, oldest first; where each is now.

    Raises ValueError for a file that does not hold (it is evidence, and stays), OSError.
    """
    moved: list[Path] = []
    for part in segments.closed(path):
        if part.moved:
            continue
        last = segments.last_event(part.path)
        if last is None or datetime.fromisoformat(last["at"]) >= older_than:
            break
        moved.append(_move(part, into))
    return moved


def _move(part: segments.Closed, into: Path) -> Path:
    there = into / part.path.name
    stretch = _stretch(part.path)
    if there.exists():
        if not _is(there, stretch):  # another station's, perhaps: every journal's first file has this name
            raise ValueError(f"{there} is there already, and another file. Give each journal a folder of its own")
    else:
        copying = there.with_suffix(".copying")
        shutil.copyfile(part.path, copying)
        with copying.open("rb+") as file:
            os.fsync(file.fileno())
        if not _is(copying, stretch):
            raise ValueError(f"{copying} is not what was copied: the disk it is on does not keep what it is given")
        copying.rename(there)
    sync_folder(into)
    segments.write_moved(part.path.with_suffix(segments.MOVED), stretch, into)
    part.path.unlink()
    return there


def _is(path: Path, stretch: chain.Elsewhere) -> bool:
    held = chain.verify(segments.lines_of(path))
    return (held.broken, held.last, held.head) == (None, stretch.last, stretch.head)


def _stretch(path: Path) -> chain.Elsewhere:
    held = examine(path)
    if held.broken is not None:
        raise ValueError(f"{path.name} does not hold at line {held.broken.line}: {held.broken.text}")
    first = next(segments.parse(segments.lines_of(path)))
    return chain.Elsewhere(first["seq"], held.last, first["prev"], held.head)
