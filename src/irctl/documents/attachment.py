"""The file inside a PDF: how to get the JSON that pages were made from out of them again.

The PDFs are our own, and Typst writes an attachment as one plain object with a deflated stream, so this needs no PDF library. A PDF that another
program saved anew may hold it otherwise: then nothing is found, and that is said.
"""

from __future__ import annotations

import re
import zlib

EMBEDDED = re.compile(rb"<<(?P<told>[^\x00]{0,400}?/Type/EmbeddedFile[^\x00]{0,400}?)>>\s*stream\r?\n")
LENGTH = re.compile(rb"/Length (\d+)")
BYTES_MAX = 32 * 2**20
"""Far above any document of ours: what unpacks to more was made to fill a disk."""


class AttachmentError(ValueError):
    """There is no attachment that can be read; the text says why."""


def is_pdf(data: bytes) -> bool:
    return data.startswith(b"%PDF-")


def attached(pdf: bytes) -> bytes:
    """The one attachment. Raises AttachmentError."""
    if not pdf.rstrip().endswith(b"%%EOF"):
        raise AttachmentError("the PDF is cut off: its end is missing")
    found = list(EMBEDDED.finditer(pdf))
    if len(found) != 1:
        what = f"{len(found)} attachments where one belongs" if found else "no attachment that can be read"
        raise AttachmentError(f"the PDF holds {what}: was it saved anew by another program?")
    told, start = found[0]["told"], found[0].end()
    length = LENGTH.search(told)
    if length is None or b"/FlateDecode" not in told:
        raise AttachmentError("the PDF's attachment is not written as irctl writes it")
    unpack = zlib.decompressobj()
    try:
        data = unpack.decompress(pdf[start : start + int(length[1])], BYTES_MAX)
    except zlib.error as error:
        raise AttachmentError(f"the PDF's attachment is damaged: {error}") from None
    if not unpack.eof:
        raise AttachmentError("the PDF's attachment is damaged: it does not end where it should")
    return data
