"""A small PDF with something attached as it is, and a signature over the whole of it, as the
certificate of a bundle has: for tests that cannot wait for typst and pyHanko.

    pdf = signed_pages(b"{}", credential, at_s)
"""

from __future__ import annotations

from node.export.signing import cms
from node.export.signing.credential import Credential

GAP_SIZE = 8_192
"""Room for the signature in hex, as pyHanko leaves it too."""


def pages(attached: bytes) -> bytes:
    """Without a signature."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/AF[4 0 R]/Names<</EmbeddedFiles<</Names[(f)4 0 R]>>>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
        b"<</Type/Filespec/UF(certificate.json)/F(certificate.json)/EF<</F 5 0 R>>>>",
        b"<</Length %d/Type/EmbeddedFile>>\nstream\n%b\nendstream" % (len(attached), attached),
    ]
    return _written(b"%PDF-1.7\n", 1, objects, b"/Root 1 0 R")


def signed_pages(attached: bytes, credential: Credential, at_s: int) -> bytes:
    """With one."""
    before = pages(attached)
    trailer = b"/Root 1 0 R/Prev " + before.rpartition(b"startxref\n")[2].partition(b"\n")[0]
    field = b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter /ETSI.CAdES.detached\n%b\n/Contents <%b>>>"
    byte_range, gap = b"/ByteRange [0 %d %d %d]", b"0" * GAP_SIZE
    ranges = byte_range % (0, 0, 0)
    for _ in range(4):  # Until the numbers' own digits change nothing any more.
        objects = [field % (ranges, gap)]
        whole = _written(before, 6, objects, trailer)
        start = whole.index(b"/Contents <") + len(b"/Contents ")
        end = start + GAP_SIZE + 2
        ranges = byte_range % (start, end, len(whole) - end)
    signature = cms.sign(credential, whole[:start] + whole[end:], at_s, detached=True)
    held = signature.hex().encode().ljust(GAP_SIZE, b"0")
    return whole[:start] + b"<" + held + b">" + whole[end:]


def _written(before: bytes, first: int, objects: list[bytes], trailer: bytes) -> bytes:
    """These bytes, objects behind them, and the table of their places."""
    places = []
    for number, each in enumerate(objects, first):
        places.append(len(before))
        before += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    lines = b"".join(b"%010d 00000 n\r\n" % place for place in places)
    head = b"0 1\n0000000000 65535 f\r\n%d %d\n" % (first, len(objects))
    start = len(before)
    size = first + len(objects)
    tail = b"trailer\n<</Size %d%b>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)
    return before + b"xref\n" + head + lines + tail
