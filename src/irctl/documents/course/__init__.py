"""The papers of a course, made from its dossier: treatment note, progress report, plan of care, discharge summary, letter to the referrer.

`render_pdf` sets one, `evidence` tells what each of its statements rests on, `check` finds out whether a clinic's template leaves something out.
"""

from irctl.documents.course.checking import Checked, allowed, check
from irctl.documents.course.kinds import PAPERS, Kind, template_of
from irctl.documents.course.pdf import evidence, evidence_of_course, render_pdf, render_png
from irctl.documents.course.statements import Evidence

__all__ = [
    "PAPERS",
    "Checked",
    "Evidence",
    "Kind",
    "allowed",
    "check",
    "evidence",
    "evidence_of_course",
    "render_pdf",
    "render_png",
    "template_of",
]
