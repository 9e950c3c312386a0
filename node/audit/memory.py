"""What earlier visits came to: a LevelDB that only a visit which found nothing wrong changes.

    "v"              the size and root seen last, and the note with the seals on it
    "c"              how far entries were checked, how deeply, and the state there
    "P" serial       a policy: its leaf, and its entry
    "K" key          the state of a key after the records about it
    "s" id           the leaf of a statement

All but "s" is written in one synced batch at the end. Statements are written while the visit goes,
because there may be more of them than fit into memory; one that an interrupted or failed visit left
behind is recognised by the entry that stands at its leaf, and not believed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from consensus.disk import REAL_DISK, Disk
from node import leveldb
from node.chain.apply import Chain, KeyState
from node.evidence.keys import PublicKey
from node.evidence.merkle import HASH_SIZE
from node.evidence.tiles import Frontier
from node.leveldb import NUMBER, key_of, number_of
from node.published.layout import PolicyLeaf, format_policy_leaf, parse_policy_leaf
from node.published.trust import PolicyChain

PENDING_MAX = 4_096
"""Statements written down together."""
DEPTHS = ("entries", "signatures", "bodies")
"""How deeply entries were checked, each including the ones before it."""

_SEEN = struct.Struct(">Q32s")
_CHECKED = struct.Struct(">BQQ32sQQ")


@dataclass(frozen=True, slots=True)
class Seen:
    """The tree a quorum had sealed at the last visit, all that is needed to see it grow, and the
    note."""

    frontier: Frontier
    root: bytes
    note: bytes

    @property
    def size(self) -> int:
        return self.frontier.size


class Memory:
    """The open database. `seen` is None before the first visit."""

    def __init__(self, directory: Path, disk: Disk = REAL_DISK) -> None:
        """Open what earlier visits left in this directory, making it where there is nothing."""
        self.directory = directory
        self._disk = disk
        if not disk.names(directory):
            leveldb.create(directory, disk)
        self._database = leveldb.open_checked(directory, disk)
        self._pending: dict[bytes, int] = {}
        self._keys: dict[PublicKey, KeyState] = {}
        self._from_nothing = False
        self._statement_at: Callable[[int], bytes | None] = lambda _: None

    def close(self) -> None:
        self._database.close()

    def begin_anew(self) -> None:
        """Entries are checked from the first on: what is known of keys is found out again."""
        self._from_nothing = True

    def confirm_with(self, statement_at: Callable[[int], bytes | None]) -> None:
        """How to learn the id of the statement at a leaf, None if there is none."""
        self._statement_at = statement_at

    # What was seen.

    def seen(self) -> Seen | None:
        """The tree of the last visit."""
        with leveldb.reading(self.directory):
            row = self._database.get(b"v")
            if row is None:
                return None
            size, root = _SEEN.unpack_from(row)
            middle = _SEEN.size + size.bit_count() * HASH_SIZE
            hashes = _hashes(row[_SEEN.size : middle])
            return Seen(Frontier(size, hashes), root, row[middle:])

    def policies(self) -> tuple[PolicyLeaf, ...]:
        """Those of the last visit, from the first on."""
        with leveldb.reading(self.directory):
            rows = leveldb.scan(self._database, b"P")
            return tuple(parse_policy_leaf(value) for _, value in rows)

    def checked(self, policies: PolicyChain, depth: str) -> Chain | None:
        """Where the entries were checked up to, at least so deeply; None if they were not."""
        with leveldb.reading(self.directory):
            row = self._database.get(b"c")
            if row is None or row[0] < DEPTHS.index(depth):
                return None
            _, height, time_ms, block_hash, size, ordinal = _CHECKED.unpack_from(row)
            return Chain(
                height=height,
                time_ms=time_ms,
                block_hash=block_hash,
                frontier=Frontier(size, _hashes(row[_CHECKED.size :])),
                next_ordinal=ordinal,
                note=policies.governing(size + 1),
            )

    # What `walk.Known` promises.

    def place_of(self, identity: bytes, before: int) -> int | None:
        place = self._pending.get(identity)
        if place is None:
            row = self._database.get(b"s" + identity)
            # Nearly never there; and if it is, its leaf says whether it is to be believed.
            if row is not None and self._statement_at(number_of(row)) == identity:
                place = number_of(row)
        return place if place is not None and place < before else None

    def add(self, identity: bytes, leaf: int) -> None:
        self._pending[identity] = leaf
        if len(self._pending) >= PENDING_MAX:
            self._flush()

    def key_state(self, key: PublicKey) -> KeyState | None:
        if key not in self._keys:
            if self._from_nothing:
                return None
            row = self._database.get(b"K" + key.index_key)
            if row is None:
                return None
            standing, role, serial = row.decode().split(" ")
            return KeyState(standing, role, int(serial))
        return self._keys[key]

    def change_keys(self, states: Mapping[PublicKey, KeyState]) -> None:
        self._keys |= states

    # At the end.

    def keep(
        self, seen: Seen, policies: PolicyChain, chain: Chain | None, depth: str | None
    ) -> None:
        """Nothing was wrong: from now on this is what was seen."""
        self._flush()
        batch = self._database.write_batch(sync=True)
        row = _SEEN.pack(seen.size, seen.root) + b"".join(seen.frontier.hashes) + seen.note
        batch.put(b"v", row)
        for leaf in policies.leaves:
            batch.put(key_of(b"P", leaf.note.serial), format_policy_leaf(leaf))
        if chain is not None and depth is not None:
            head = _CHECKED.pack(
                DEPTHS.index(depth),
                chain.height,
                chain.time_ms,
                chain.block_hash,
                chain.size,
                chain.next_ordinal,
            )
            batch.put(b"c", head + b"".join(chain.frontier.hashes))
        for key, state in self._keys.items():
            text = f"{state.standing} {state.role} {state.serial}"
            batch.put(b"K" + key.index_key, text.encode())
        with leveldb.reading(self.directory):
            batch.write()

    def set_aside(self, name: str, data: bytes) -> Path:
        """Keep this beside the memory, under a name of its own; returns where."""
        path = self.directory.with_name(f"{self.directory.name}.{name}")
        with leveldb.reading(path), suppress(FileExistsError):
            self._disk.write_file(path, data)  # The first one is enough.
            self._disk.sync(path.parent)
        return path

    def _flush(self) -> None:
        batch = self._database.write_batch()
        for identity, leaf in self._pending.items():
            batch.put(b"s" + identity, NUMBER.pack(leaf))
        with leveldb.reading(self.directory):
            batch.write()
        self._pending.clear()


def _hashes(packed: bytes) -> tuple[bytes, ...]:
    return tuple(packed[at : at + HASH_SIZE] for at in range(0, len(packed), HASH_SIZE))
