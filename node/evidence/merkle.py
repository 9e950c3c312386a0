"""The RFC 6962 tree (= RFC 9162 section 2.1) over SHA-256, its roots and its paths.

    leaf hash = SHA-256(00 || entry)            node hash = SHA-256(01 || left || right)
    root of no leaves = SHA-256("")             a tree of n leaves splits at the largest 2^k < n

A path is a list of 32-byte subtree hashes, the leaf's sibling first:

    >>> leaves = [leaf_hash(entry) for entry in (b"a", b"b", b"c")]
    >>> root(leaves).hex()
    '36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1'
    >>> path = inclusion_path(2, leaves)
    >>> path == [node_hash(leaves[0], leaves[1])]
    True
    >>> verify_inclusion(leaves[2], 2, 3, path, root(leaves))

Every subtree is a run of leaves. `inclusion_ranges` and `consistency_ranges` are the RFC's
definitions of a path said in runs; making a path is no more than hashing each run, here from the
leaves, in `tiles.py` from what a store keeps.
"""

import hashlib
from collections.abc import Iterator, Sequence

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256().digest()

# A run of leaves: (first, end), the end not included.
Range = tuple[int, int]


class BadPath(Exception):
    """This path does not lead from what it should prove to that root."""


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root, level by level: an odd last hash moves up unchanged, which gives the RFC's tree."""
    level = list(leaf_hashes)
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else EMPTY_ROOT


def inclusion_paths(leaf_hashes: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    """The paths of all leaves, in order: each hash is made once, not once for every leaf."""
    levels = [list(leaf_hashes)]
    while len(levels[-1]) > 1:
        levels.append(_above(levels[-1]))
    for index in range(len(leaf_hashes)):
        places = [(level, index >> height ^ 1) for height, level in enumerate(levels)]
        # What has no sibling on its level moved up unchanged, or is the root.
        yield tuple(level[place] for level, place in places if place < len(level))


def _above(level: list[bytes]) -> list[bytes]:
    pairs = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + level[len(pairs) * 2 :]


def inclusion_path(index: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    ranges = inclusion_ranges(index, len(leaf_hashes))
    return [root(leaf_hashes[first:end]) for first, end in ranges]


def consistency_path(old: int, new: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """The path that shows that the first `old` leaves are the start of the first `new` ones."""
    return [root(leaf_hashes[first:end]) for first, end in consistency_ranges(old, new)]


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root this path leads to (RFC 9162 section 2.1.3.2), for the caller to compare."""
    if not 0 <= index < size:
        raise BadPath(f"leaf {index} is not in a tree of size {size}")
    _check_hashes(leaf, *path)
    position, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise BadPath("the path is too long")
        if position & 1 or position == last:
            result = node_hash(sibling, result)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise BadPath("the path is too short")
    return result


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], expected_root: bytes
) -> None:
    if root_from_path(leaf, index, size, path) != expected_root:
        raise BadPath("the path leads to another root")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """RFC 9162 section 2.1.4.2. Nothing is consistent with an empty tree: it says nothing."""
    if not 0 < old_size <= new_size:
        raise BadPath(f"no path leads from size {old_size} to size {new_size}")
    _check_hashes(old_root, new_root, *path)
    if old_size == new_size:
        if path or old_root != new_root:
            raise BadPath("one size has one root and needs no path")
        return
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    # A complete old tree (position 0) is itself the first subtree, and the path leaves it out.
    hashes = iter(path if position else (old_root, *path))
    old = new = next(hashes, None)
    if old is None or new is None:
        raise BadPath("the path is too short")
    for sibling in hashes:
        if last == 0:
            raise BadPath("the path is too long")
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise BadPath("the path is too short")
    if old != old_root or new != new_root:
        raise BadPath("the path leads to another root")


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """PATH(index, D[size]) of RFC 6962 section 2.1.1 as runs of leaves."""
    assert 0 <= index < size
    ranges: list[Range] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """PROOF(old, D[new]) of RFC 6962 section 2.1.2 as runs of leaves."""
    assert 0 < old <= new
    ranges: list[Range] = []
    first, end = 0, new
    while end != old:
        middle = first + _split(end - first)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first = middle
    if first:  # Otherwise this subtree is the whole old tree, whose root the verifier has.
        ranges.append((first, end))
    return ranges[::-1]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _check_hashes(*hashes: bytes) -> None:
    if any(len(each) != HASH_SIZE for each in hashes):
        raise BadPath(f"a hash is not {HASH_SIZE} bytes long")
