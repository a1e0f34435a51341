"""The lines of docs/how-to/install-on-a-workstation.md, as they stand there."""

from __future__ import annotations

import re

from tests.packaging.release import ROOT

PAGE = ROOT / "docs" / "how-to" / "install-on-a-workstation.md"


def lines(section: str) -> list[str]:
    """Those in the shell blocks under a heading, such as "## 2. The programs"."""
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(f"\n{section}\n") == 1, section
    _, _, after = text.partition(f"\n{section}\n")
    body = re.split(r"^## ", after, maxsplit=1, flags=re.M)[0]
    return [line for block in re.findall(r"^```sh\n(.*?)^```", body, re.S | re.M) for line in block.splitlines()]
