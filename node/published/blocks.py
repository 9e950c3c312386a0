"""A block as it stands in the published tree, and what ties it to the tree after it. PURE.

The hash of a block is SHA-256 of its block entry and of the checkpoint body after it. The next
block entry names it as `previous`; so whoever finds both entries in a sealed tree, at the leaves
where they say, knows size and root after the block by nobody's word. The last block that is
published ends where the sealed tree does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from node.evidence.checkpoint import Checkpoint, format_checkpoint
from node.evidence.digests import sha256
from node.evidence.entry import BlockEntry, parse_entry
from node.evidence.malformed import Malformed


@dataclass(frozen=True)
class Block:
    """The block entry at leaf `leaf_index`, the tree after the block, and the block entry that
    follows it, which is empty for the last one. Nothing of it is checked until `check`."""

    leaf_index: int
    entry_bytes: bytes
    after: Checkpoint
    following: bytes

    @cached_property
    def entry(self) -> BlockEntry:
        """The block entry, read from its bytes."""
        return parse_block_entry(self.entry_bytes)

    @cached_property
    def hash(self) -> bytes:
        """What the next block calls `previous`."""
        return sha256(self.entry_bytes + format_checkpoint(self.after))

    def check(self, height: int, head: Checkpoint) -> None:
        """Raise `Malformed` unless this can be the block of that height under this sealed tree.
        Whether its entries stand at `leaf_index` and at `after.size` is for the caller to see."""
        if self.entry.height != height:
            raise Malformed("block", f"of height {self.entry.height}, not {height}")
        if self.after.size - self.leaf_index != 1 + self.entry.taken:
            raise Malformed("block", f"took {self.entry.taken} records, and has others")
        if not self.following:
            if self.after != head:
                raise Malformed("block", "is not the last one, and none follows it")
            return
        following = parse_block_entry(self.following)
        if (following.height, following.previous) != (height + 1, self.hash):
            raise Malformed("block", "is not the one that the next one follows")


def parse_block_entry(data: bytes) -> BlockEntry:
    """The block entry these bytes are, or `Malformed`."""
    entry = parse_entry(data)
    if not isinstance(entry, BlockEntry):
        raise Malformed("block", "an entry of another kind")
    return entry
