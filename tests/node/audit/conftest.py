"""A chain of blocks as its members would publish it, in a directory."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node.archive.files import Files
from node.audit.memory import Memory as AuditMemory
from node.audit.visit import Report, Wanted, visit
from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint
from node.evidence.entry import PolicyEntry, parse_entry
from node.evidence.merkle import leaf_hash, root
from node.evidence.note import Note, format_note, sign_ed25519
from node.evidence.policy import parse_policy
from node.evidence.steps import Anchor
from node.evidence.tiles import (
    Frontier,
    format_bundle_path,
    format_tile_path,
    tiles,
)
from node.published.layout import (
    PolicyLeaf,
    body_path,
    format_policy_leaf,
    join_bundle,
    policy_path,
)

TIME_S = 1_790_000_100


@dataclass
class Published:
    """A chain in memory, and the directory in which it is published."""

    world: Any
    directory: Path
    chain: Any = None
    bodies: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chain = self.chain or self.world.memory()

    def block(self, *records: bytes) -> None:
        """Agree on one more block."""
        block = self.world.block(self.chain.chain.height + 1, *records)
        self.bodies[block.index] = block.data
        self.chain.apply(block)

    def publish(
        self, *, leaves: Sequence[bytes] | None = None, seal: Sequence[str] = ("court", "notary")
    ) -> None:
        """Write all parts anew, of the chain or of other leaves."""
        leaves = self.chain.leaves if leaves is None else leaves
        size, origin = len(leaves), self.world.origin
        _, grown = Frontier().append([leaf_hash(leaf) for leaf in leaves])
        nodes = dict(grown)
        for tile in tiles(0, size):
            self.write(format_tile_path(tile), b"".join(nodes[node] for node in tile.nodes()))
            if tile.level == 0:
                first = tile.index * 256
                bundle = join_bundle(leaves[first : first + tile.width])
                self.write(format_bundle_path(tile), bundle)
        for index, leaf in enumerate(leaves):
            entry = parse_entry(leaf) if b"\nkind policy\n" in leaf else None
            if isinstance(entry, PolicyEntry):
                path = policy_path(entry.note.serial)
                self.write(path, format_policy_leaf(PolicyLeaf(index, leaf)))
        for height, data in self.bodies.items():
            self.write(body_path(height), data)
        hashes = [leaf_hash(leaf) for leaf in leaves]
        body = format_checkpoint(Checkpoint(origin, size, root(hashes)))
        policy = self._policy(size, leaves)
        lines = [sign_ed25519(body, origin, self.world.log(seal[0]))]
        for sealer in policy.sealers:
            if sealer.member in seal:
                name, key = f"{origin}/{sealer.member}", self.world.witness(sealer.member)
                lines.append(cosign(body, TIME_S, name, key))
        self.write("checkpoint", format_note(Note(body, tuple(lines))))

    def write(self, path: str, data: bytes) -> None:
        (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
        (self.directory / path).write_bytes(data)

    def flip(self, path: str, at: int = 0) -> None:
        """One bit of a part is another."""
        data = bytearray((self.directory / path).read_bytes())
        data[at] ^= 1
        self.write(path, bytes(data))

    def audit(self, depth: str | None = "entries", state: str = "state") -> Report:
        """Visit it, remembering what was seen in a directory beside."""
        memory = AuditMemory(self.directory.with_name(state))
        try:
            anchor = Anchor(policy_text=self.world.note().policy_text)
            return visit(Files(self.directory).read, anchor, memory, Wanted(depth))
        finally:
            memory.close()

    def _policy(self, size: int, leaves: Sequence[bytes]) -> Any:
        governing = self.world.note().policy_text
        for index, leaf in enumerate(leaves):
            entry = parse_entry(leaf) if b"\nkind policy\n" in leaf else None
            if isinstance(entry, PolicyEntry) and index + 1 < size:
                governing = entry.note.policy_text
        return parse_policy(governing)


@pytest.fixture(scope="session")
def history(world: Any) -> Published:
    """Some deposits, events and key records, more than a tile of them; not published."""
    log = Published(world, Path("nowhere"))
    log.block()
    log.block(world.key("enrol", world.depositor.public))
    for first in range(0, 300, 20):
        numbers = range(first, first + 20)
        records = [world.deposited(number, count=1 + number % 3) for number in numbers]
        log.block(*records, world.record(world.event(first)), b"nonsense")
    log.block(world.key("revoke", world.depositor.public, serial=2))
    return log


@pytest.fixture
def published(tmp_path: Path, world: Any, history: Published) -> Published:
    """The same, published, to go on from."""
    directory = tmp_path / "log"
    directory.mkdir()
    log = Published(world, directory, deepcopy(history.chain), dict(history.bodies))
    log.publish()
    return log
