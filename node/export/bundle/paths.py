"""Paths of trees as people with stock tools walk them (docs/bundle-format.md, section 5).

One line a step: the sibling's hash, and whether it stands left or right. A consistency file begins
with the hash it starts from; all its lines lead to the later root, its `L` lines alone to the
earlier one, because what lies to the right of the start is only in the later tree.

    >>> from node.evidence.merkle import leaf_hash, node_hash, root
    >>> a, b, c = (leaf_hash(each) for each in (b"a", b"b", b"c"))
    >>> format_path(1, 3, [a, c]) == f"L {a.hex()}\\nR {c.hex()}\\n".encode()
    True
    >>> text = format_consistency(2, root([a, b]), 3, [c])
    >>> text.decode().split()[::2]
    ['=', 'R']
    >>> parse_consistency(text, 2, root([a, b]), 3) == (c,)
    True
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from node.evidence.malformed import Malformed

PATH_MAX = 63
"""Steps of a tree of 2^63 leaves, which a proof has no more than either."""

_LINE = re.compile(rb"([=LR]) ([0-9a-f]{64})\n")


def format_path(index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The way of leaf `index` to the root of a tree of `size` leaves (RFC 9162, 2.1.3.2)."""
    return _lines(_sides(index, size - 1, len(path)), path)


def format_consistency(old_size: int, old_root: bytes, size: int, path: Sequence[bytes]) -> bytes:
    """From the tree of `old_size` leaves to that of `size` (RFC 9162, 2.1.4.2)."""
    position, last = old_size - 1, size - 1
    while position > 0 and position & 1:
        position, last = position >> 1, last >> 1
    # A complete old tree is itself where the walk starts, and the path leaves it out.
    start, *siblings = [*path] if position > 0 and path else [old_root, *path]
    sides = _sides(position, last, len(siblings))
    return _lines("=", [start]) + _lines(sides, siblings)


def parse_consistency(data: bytes, old_size: int, old_root: bytes, size: int) -> tuple[bytes, ...]:
    """The path in such a file; it has still to be verified."""
    found = [match.groups() for match in _LINE.finditer(data)]
    hashes = tuple(bytes.fromhex(text.decode()) for _, text in found)
    if not 0 < len(found) <= PATH_MAX + 1 or old_size < 1 or size < old_size:
        raise Malformed("consistency", "not a start and up to 63 steps")
    complete = old_size & (old_size - 1) == 0
    path = hashes[1:] if complete or old_size == size else hashes
    if format_consistency(old_size, old_root, size, path) != data:
        raise Malformed("consistency", "not the steps between trees of these sizes")
    return path


def _sides(position: int, last: int, count: int) -> str:
    """On which side the siblings of these many steps stand."""
    sides = ""
    for _ in range(count):
        if position & 1 or position == last:
            sides += "L"
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            sides += "R"
        position, last = position >> 1, last >> 1
    return sides


def _lines(sides: str, hashes: Sequence[bytes]) -> bytes:
    pairs = zip(sides, hashes, strict=True)
    return "".join(f"{side} {each.hex()}\n" for side, each in pairs).encode()
