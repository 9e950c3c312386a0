"""The files attached to a PDF, put back into it as they are.

Typst deflates what it attaches. Whoever has `grep` and no reader of PDF could then not see whether
a certificate holds the file that lies beside it; so those streams are written out, and the places
that the table at the end of the file gives are moved on.
"""

from __future__ import annotations

import re
import zlib

_ATTACHED = re.compile(
    rb"<</Length ([0-9]+)(/Type/EmbeddedFile)(/Filter/FlateDecode)?(/Subtype/[^\n]*)\nstream\n"
)
_TABLE = re.compile(rb"xref\n0 ([0-9]+)\n")
_START = re.compile(rb"startxref\n([0-9]+)\n%%EOF\n?\Z")
_ENTRY = re.compile(rb"([0-9]{10})( [0-9]{5} n)")


def written_out(pdf: bytes, count: int) -> bytes:
    """The PDF with its `count` attachments as they are; only for what typst has just made."""
    parts: list[bytes] = []
    moved: list[tuple[int, int]] = []
    at = 0
    for found in _ATTACHED.finditer(pdf):
        end = found.end() + int(found[1])
        data = pdf[found.end() : end]
        if found[3] is not None:  # Typst leaves it where it would make a file no shorter.
            data = zlib.decompress(data)
        head = b"<</Length %d%b%b\nstream\n" % (len(data), found[2], found[4])
        parts += [pdf[at : found.start()], head, data]
        moved.append((end, len(head) + len(data) - (end - found.start())))
        at = end
    assert len(moved) == count, "typst writes attachments in another way now"
    start = _START.search(pdf)
    assert start is not None
    table = int(start[1])
    assert at <= table
    parts += [pdf[at:table], _shifted(pdf[table : start.start()], moved)]
    return b"".join([*parts, b"startxref\n%d\n%%%%EOF\n" % _place(table, moved)])


def _shifted(table: bytes, moved: list[tuple[int, int]]) -> bytes:
    """The table of places, and the trailer behind it."""
    begin = _TABLE.match(table)
    assert begin is not None
    end = begin.end() + 20 * int(begin[1])  # Every line has 20 bytes.
    lines = _ENTRY.sub(
        lambda entry: b"%010d%b" % (_place(int(entry[1]), moved), entry[2]),
        table[begin.end() : end],
    )
    return begin[0] + lines + table[end:]


def _place(offset: int, moved: list[tuple[int, int]]) -> int:
    """Where something stands now; `moved` says from where on, and by how much."""
    return offset + sum(by for start, by in moved if offset >= start)
