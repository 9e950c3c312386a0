"""What is hashed along a path, byte for byte, for people who repeat it with `sha256sum`.

    leaf    00 || data              node    01 || left || right

The walk is that of RFC 9162 sections 2.1.3.2 and 2.1.4.2, as in `merkle`, but keeps every input
instead of judging the result: a path that does not hold gives inputs that lead elsewhere.

    >>> for each in inclusion_inputs(b"b", 1, 2, [sha256(b"\\0a")]):
    ...     print(each[:1], sha256(each).hex()[:16])
    b'\\x00' 57eb35615d47f34e
    b'\\x01' b137985ff484fb60
    >>> consistency_inputs(1, sha256(b"\\0a"), 2, [sha256(b"\\0b")])[1][0] == each
    True
"""

from __future__ import annotations

from collections.abc import Sequence

from node.evidence.digests import sha256


def inclusion_inputs(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> list[bytes]:
    """The leaf and every node on its way to the root: the hash of each is part of the next."""
    inputs = [b"\x00" + leaf]
    position, last = index, size - 1
    for sibling in path:
        below = sha256(inputs[-1])
        if position & 1 or position == last:
            inputs.append(b"\x01" + sibling + below)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            inputs.append(b"\x01" + below + sibling)
        position, last = position >> 1, last >> 1
    return inputs


def consistency_inputs(
    old_size: int, old_root: bytes, new_size: int, path: Sequence[bytes]
) -> tuple[list[bytes], list[bytes]]:
    """The nodes that lead to the old root, and those that lead to the new one."""
    if old_size == 0:  # Nothing is consistent with an empty tree: it says nothing.
        return [], []
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    # A complete old tree (position 0) is itself the first subtree, and the path leaves it out.
    hashes = list(path) if position > 0 else [old_root, *path]
    old: list[bytes] = []
    new: list[bytes] = []
    below_old = below_new = hashes[0] if hashes else old_root
    for sibling in hashes[1:]:
        if position & 1 or position == last:
            old.append(b"\x01" + sibling + below_old)
            new.append(b"\x01" + sibling + below_new)
            below_old, below_new = sha256(old[-1]), sha256(new[-1])
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            new.append(b"\x01" + below_new + sibling)
            below_new = sha256(new[-1])
        position, last = position >> 1, last >> 1
    return old, new
