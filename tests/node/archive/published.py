"""A log as a gateway publishes it, in a dictionary, made the plainest way from a chain."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from node.evidence.checkpoint import cosign, format_checkpoint
from node.evidence.entry import PolicyEntry, parse_entry
from node.evidence.merkle import leaf_hash
from node.evidence.note import sign_ed25519
from node.evidence.sealed import SealedCheckpoint, format_sealed, parse_seal
from node.evidence.tiles import Frontier, Tile, format_bundle_path, format_tile_path, tiles
from node.published.layout import (
    PolicyLeaf,
    body_path,
    format_policy_leaf,
    join_bundle,
    policy_path,
)

NAMES = ("court", "forensic", "notary")


@dataclass
class Log:
    """The chain, what is published of it, and which parts were asked for."""

    world: Any
    memory: Any = None
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fails_after: int | None = None

    def __post_init__(self) -> None:
        self.memory = self.world.memory()
        self.files[body_path(0)] = self.world.genesis().data()

    def grow(self, *blocks: tuple[bytes, ...]) -> None:
        """Apply these blocks and publish."""
        for records in blocks:
            block = self.world.block(self.memory.chain.height + 1, *records)
            self.memory.apply(block)
            self.files[body_path(block.index)] = block.data
        self.publish()

    def publish(self) -> None:
        leaves = self.memory.leaves
        frontier, grown = Frontier().append(map(leaf_hash, leaves))
        nodes = dict(grown)
        for tile in tiles(0, frontier.size):
            for width in {tile.width, *range(1, tile.width, 17)}:
                narrow = Tile(tile.level, tile.index, width)
                hashes = b"".join(nodes[each] for each in narrow.nodes())
                self.files[format_tile_path(narrow)] = hashes
                if tile.level == 0:
                    first = tile.index * 256
                    bundle = join_bundle(leaves[first : first + width])
                    self.files[format_bundle_path(narrow)] = bundle
        for index, leaf in enumerate(leaves):
            if isinstance(entry := parse_entry(leaf), PolicyEntry):
                policy = format_policy_leaf(PolicyLeaf(index, leaf))
                self.files[policy_path(entry.note.serial)] = policy
        self.files["checkpoint"] = self.note(self.memory.chain.checkpoint)

    def note(self, checkpoint: Any, names: tuple[str, ...] = NAMES) -> bytes:
        origin, body = self.world.origin, format_checkpoint(checkpoint)
        lines = (cosign(body, 1, f"{origin}/{name}", self.world.witness(name)) for name in names)
        seals = tuple(parse_seal(line, origin) for line in lines)
        log_line = sign_ed25519(body, origin, self.world.log("court"))
        return format_sealed(SealedCheckpoint(checkpoint, log_line, seals))

    def fetch(self, path: str) -> bytes | None:
        """As a mirror asks."""
        if len(self.asked) == self.fails_after:
            raise ConnectionError("the line broke")
        self.asked.append(path)
        return self.files.get(path)

    def parts(self, size: int, *, copies: bool) -> Iterator[str]:
        """What an archive of this size holds, but the bodies."""
        yield "checkpoint"
        for tile in tiles(0, size):
            yield format_tile_path(tile)
            if copies and tile.level == 0:
                yield format_bundle_path(tile)
        yield from (path for path in self.files if path.startswith("policies/"))
