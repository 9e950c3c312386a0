"""The tree while it grows: its root at any time.

The same as `evidence.tiles.Frontier`, but changed in place, for millions of leaves in one go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from node.evidence.tiles import Frontier, root_from


class Growth:
    """A tree of `size` leaves."""

    def __init__(self, frontier: Frontier) -> None:
        self.size = frontier.size
        self._stack = list(frontier.hashes)

    def push(self, leaves: Iterable[bytes]) -> None:
        """More leaves, by their hashes."""
        stack, size, sha256 = self._stack, self.size, hashlib.sha256
        for leaf in leaves:
            index = size
            while index & 1:
                leaf = sha256(b"\x01" + stack.pop() + leaf).digest()
                index >>= 1
            stack.append(leaf)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return root_from(self._stack)

    @property
    def frontier(self) -> Frontier:
        """All that must be remembered to go on later."""
        return Frontier(self.size, tuple(self._stack))
