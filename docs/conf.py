"""`make docs`: the site, from the pages of this folder and from the code itself. A warning is an error there."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import version as version_of
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT))

from docs.generate import PAGES  # noqa: E402

project = "irctl"
author = "the irctl project"
copyright = "the irctl project, Apache-2.0"
version = release = version_of("irctl")

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
"""Headings can be linked to as a code host does it, so the pages are read there, too."""
myst_links_external_new_tab = False
highlight_language = "text"

html_theme = "furo"
html_title = f"irctl {version}"
html_static_path = ["look"]
html_css_files = ["irctl.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "announcement": "irctl is not a certified medical device, and has never run on real hardware. Do not treat anybody with it.",
}


def append_generated(_app: Sphinx, page: str, source: list[str]) -> None:
    """What the code says of itself comes behind what the page says."""
    if page in PAGES:
        source[0] += "\n" + PAGES[page]()


def leave_folders(app: Sphinx, page: nodes.document) -> None:
    """A link to a folder of the sources is a link on a code host. Here it is its words: a site has no such folder."""
    here = Path(app.env.doc2path(app.env.docname)).parent
    for link in list(page.findall(addnodes.pending_xref)):
        if (here / link["reftarget"]).is_dir():
            link.replace_self(link.children)


def quiet(_app: Sphinx) -> None:
    """The theme's colours of code (accessible-pygments) make the root logger tell everything when they are imported."""
    logging.getLogger().setLevel(logging.WARNING)


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", quiet)
    app.connect("source-read", append_generated)
    app.connect("doctree-read", leave_folders)
