"""What can be printed: the characters of a font, and every other character spelled out.

A name is never lost and never a box. Characters that the fonts at hand lack, and those that draw
nothing, reorder, stack on others or break lines, are printed as their code points:

    >>> spelled("龘\\u202e𠮷", frozenset("龘"))
    '龘[U+202E][U+20BB7]'

The engine would otherwise refuse the document (a glyph that is missing) or obey the character.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterator
from pathlib import Path

_NO_GLYPH = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Me", "Mc"})
"""Controls, joiners, surrogates, private use, unassigned, separators, and marks: a hundred of those
on one letter would be drawn over the lines above."""
_FILLERS = frozenset({0x115F, 0x1160, 0x3164, 0xFFA0})
"""Letters by their category that show nothing."""


def spelled(text: str, drawn: frozenset[str]) -> str:
    """The text with `[U+...]` for each character that is not in `drawn`."""
    if drawn.issuperset(text):
        return text
    return "".join(each if each in drawn else f"[U+{ord(each):04X}]" for each in text)


def missing(text: str, drawn: frozenset[str]) -> bool:
    """Whether a further font could show a character of this text."""
    return any(_is_visible(each) for each in set(text) - drawn)


def drawable(*coverages: frozenset[int]) -> frozenset[str]:
    """The characters that fonts of these coverages show by themselves."""
    every = frozenset[int]().union(*coverages)
    return frozenset(char for char in map(chr, every) if _is_visible(char))


def coverage(font: Path) -> frozenset[int]:
    """The code points for which every face of this OpenType file or collection has a glyph."""
    data = font.read_bytes()
    faces = [0]
    if data[:4] == b"ttcf":
        (count,) = struct.unpack_from(">I", data, 8)
        faces = list(struct.unpack_from(f">{count}I", data, 12))
    # The faces of a collection share their tables: each is read once.
    tables = {_table(data, face, b"cmap") for face in faces}
    return frozenset.intersection(*(frozenset(_mapped(data, at)) for at in tables))


def _is_visible(char: str) -> bool:
    return unicodedata.category(char) not in _NO_GLYPH and ord(char) not in _FILLERS


def _table(data: bytes, face: int, tag: bytes) -> int:
    (count,) = struct.unpack_from(">H", data, face + 4)
    for at in range(face + 12, face + 12 + 16 * count, 16):
        if data[at : at + 4] == tag:
            (offset,) = struct.unpack_from(">I", data, at + 8)
            return int(offset)
    raise ValueError(f"a font without {tag.decode()}")


def _mapped(data: bytes, cmap: int) -> Iterator[int]:
    """The code points of its table of format 12, which every font with rare ideographs has."""
    (count,) = struct.unpack_from(">H", data, cmap + 2)
    for at in range(cmap + 4, cmap + 4 + 8 * count, 8):
        table = cmap + struct.unpack_from(">I", data, at + 4)[0]
        if struct.unpack_from(">H", data, table)[0] == 12:
            (groups,) = struct.unpack_from(">I", data, table + 12)
            for first, last, glyph in struct.iter_unpack(
                ">3I", data[table + 16 : table + 16 + 12 * groups]
            ):
                # Glyph 0 is the box that stands for what is missing.
                yield from range(first if glyph else first + 1, last + 1)
            return
    raise ValueError("a font without a table of format 12")
