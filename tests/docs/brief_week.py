"""`python -m tests.docs.brief_week FOLDER`: the demonstration's week, with one patient. For all nine one would wait several times as long; that whole week is tests/simulation/test_week.py's business."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from irctl.cli.demo_clinic import PASSWORD, PIN
from irctl.examples import examples
from irctl_campaign.week import make
from irctl_campaign.week_people import PATIENTS

COMES = "Adaeze Sample"

if __name__ == "__main__":
    now = datetime.now().astimezone()
    week = Path(sys.argv[1]) / f"week-{now:%Y-%m-%d}"
    week.mkdir(parents=True)
    make(week, examples(), now, PASSWORD, PIN, [one for one in PATIENTS if one.name == COMES])
