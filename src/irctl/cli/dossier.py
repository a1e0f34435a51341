"""`irctl dossier`: a course as one file, which papers, claims and health records are made from."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.at_the_desk import Where, at_the_desk
from irctl.domain.people import Verb

_WHERE = Where()


def dossier(
    course: str,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why it leaves the clinic; in the audit.")],
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], help="Default: COURSE.json here.")] = None,
    where: Where = _WHERE,
) -> None:
    """Write a course down with everything that is known of it: patient, plan, every visit, the journal's figures, signatures.

    irctl dossier C-0a1b2c3d --as moreau --reason "claim of November" -o course.json

    The stations whose journals tell of it must be on. The file names the patient: keep it as you keep the record.
    """
    from irctl.clinic.handover.exporting import course_json

    path = output or Path(f"{course}.json")
    with at_the_desk(where, Verb.SEE_PATIENT) as (desk, acting):
        path.write_text(asyncio.run(course_json(desk, acting, course, reason)), encoding="utf-8")
    if where.json:
        say.as_json({"course": course, "path": str(path)})
    else:
        say.console().print(f"Written  [cyan]{say.escape(str(path))}[/]", soft_wrap=True)
