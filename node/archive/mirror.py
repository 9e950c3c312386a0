"""Mirrors a published log into a directory, proving every file before it is written.

The order is such that at any moment the directory is a whole log, that of its checkpoint:

    1. the new checkpoint, sealed under the policies that lead to the one known from elsewhere
    2. it extends the one that is here: the old root comes out of the new tree
    3. policies and hash tiles, each proven to be in the new tree
    4. for auditors: bundles whose entries are the leaves, bodies that their block entries name
    5. the checkpoint; only then are the partial tiles removed that wider ones took the place of

Stopped anywhere, the next run goes on: full tiles, policies, bundles and bodies never change, and
what is here and holds is not fetched again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from node.archive.encryption import encrypt
from node.archive.files import PROGRESS, Files, encrypted
from node.evidence.digests import sha256
from node.evidence.entry import TAG as ENTRY_TAG
from node.evidence.entry import BlockEntry, parse_entry
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.merkle import leaf_hash
from node.evidence.sealed import SealedCheckpoint
from node.evidence.spelling import Lines
from node.evidence.steps import Anchor
from node.evidence.tiles import WIDTH, Tile, format_bundle_path, format_tile_path, tiles
from node.published.contradictions import Exposed, expose, place_of
from node.published.layout import (
    CHECKPOINT,
    NAMES,
    PolicyLeaf,
    body_path,
    contradiction_path,
    format_names,
    format_policy_leaf,
    join_bundle,
    parse_names,
    parse_policy_leaf,
    policy_path,
    split_bundle,
)
from node.published.reading import Damaged, Fetch, TileReader, partial_tiles
from node.published.trust import POLICIES_SIZE_MAX, PolicyChain

POLICIES_MAX = 10_000
"""More changes of policy than any chain will see; a server that never ends does."""
FETCHERS, AHEAD = 4, 32
"""Bodies asked for at once, and fetched before they are written: the most parts by far, each small,
and most of their time is the way there and back."""
PROGRESS_EVERY = 64
"""Bundles between two notes of how far it has come: what an interruption costs again."""

_BLOCK = f"{ENTRY_TAG}\nkind block\n".encode()
_PROGRESS_TAG = "cunzheng/archive-progress/v1"


class Behind(Exception):
    """The source shows a smaller tree than the archive has, or than it has policies for: nothing
    was changed."""


class Untrusted(Exception):
    """The policy known from elsewhere is none of this chain's."""


@dataclass(frozen=True, slots=True)
class Copies:
    """What is mirrored for auditors beside the public part, and for whom it is encrypted."""

    recipients: tuple[X25519PublicKey, ...]
    bodies: bool


@dataclass(slots=True)
class Report:
    """What one run found and wrote; of contradictions, how many there are."""

    size: int = 0
    policies: int = 0
    tiles: int = 0
    bundles: int = 0
    bodies: int = 0
    contradictions: int = 0


@dataclass(frozen=True, slots=True)
class _Progress:
    """Leaves whose entries are here, and those of whose blocks the bodies are."""

    entries: int = 0
    bodies: int = 0


class Mirror:
    """One run. `fetch` gives what the source publishes; `tell` hears of each part that is done."""

    def __init__(
        self, fetch: Fetch, files: Files, anchor: Anchor, tell: Callable[[int], None]
    ) -> None:
        self._fetch = fetch
        self._files = files
        self._anchor = anchor
        self._tell = tell
        self.report = Report()

    def run(self, copies: Copies | None, begin: Callable[[int], None]) -> Report:
        """Bring the directory up to what the source shows; `begin` hears how many parts it has.
        Raises `Damaged`, `Behind` or `Untrusted`, and whatever `fetch` does."""
        note = self._must(CHECKPOINT)
        chain, new_policies = self._policies()
        sealed, old = self._checkpoints(chain, note)
        reader = TileReader(sealed.checkpoint, [self._files.read, self._fetch])
        old_size = 0 if old is None else old.checkpoint.size
        if old is not None and reader.root(old_size) != old.checkpoint.root:
            raise Damaged(CHECKPOINT, "it does not extend the one that is here: a contradiction")
        # From the top down: a tile is proven by the one above it.
        missing = sorted(tiles(old_size, reader.size), key=lambda tile: (-tile.level, tile.index))
        progress = self._progress()
        bundles = self._bundles(reader.size, progress, copies) if copies else range(0)
        begin(len(missing) + len(bundles))
        for leaf in new_policies:
            self._write_policy(reader, leaf)
        for tile in missing:
            self._write_tile(reader, tile)
        if copies:
            self._copy(reader, progress, copies)
        self._write_contradictions(chain)
        self._files.write(CHECKPOINT, note)
        for tile in set(partial_tiles(old_size)) - set(partial_tiles(reader.size)):
            self._files.remove(format_tile_path(tile))
            if tile.level == 0 and copies:
                self._files.remove(encrypted(format_bundle_path(tile)))
        self.report.size = reader.size
        return self.report

    # What is trusted.

    def _policies(self) -> tuple[PolicyChain, list[PolicyLeaf]]:
        """All policies, and those of them that are not here yet."""
        leaves: list[PolicyLeaf] = []
        new: list[PolicyLeaf] = []
        size = 0
        for serial in range(1, POLICIES_MAX):
            path = policy_path(serial)
            here = self._files.read(path)
            data = self._fetch(path) if here is None else here
            if data is None:
                break
            size += len(data)
            if size > POLICIES_SIZE_MAX:
                raise Damaged(path, f"more than {POLICIES_SIZE_MAX} bytes of policies")
            try:
                leaves.append(parse_policy_leaf(data))
            except Malformed as error:
                raise _damaged(path, error) from error
            if here is None:
                new.append(leaves[-1])
        try:
            chain = PolicyChain(tuple(leaves))
        except Malformed as error:
            raise _damaged(policy_path(len(leaves) or 1), error) from error
        except BadSignature as error:
            raise Damaged(policy_path(len(leaves)), str(error)) from error
        if not chain.anchored(self._anchor):
            raise Untrusted
        return chain, new

    def _checkpoints(
        self, chain: PolicyChain, note: bytes
    ) -> tuple[SealedCheckpoint, SealedCheckpoint | None]:
        """The new one and the one that is here, both sealed by a quorum."""
        here = self._files.read(CHECKPOINT)
        try:
            sealed = chain.read_sealed(note)
            old = None if here is None else chain.read_sealed(here)
        except Malformed as error:
            raise _damaged(CHECKPOINT, error) from error
        size = sealed.checkpoint.size
        if old is not None and size < old.checkpoint.size:
            raise Behind
        if chain.leaves[-1].index >= size:
            raise Behind  # Brought in this very moment; or its place is a lie, to be found later.
        return sealed, old

    # What is public.

    def _write_policy(self, reader: TileReader, leaf: PolicyLeaf) -> None:
        path = policy_path(leaf.note.serial)
        if reader.hashes([(0, leaf.index)]) != [leaf_hash(leaf.entry)]:
            raise Damaged(path, f"it is not leaf {leaf.index} of the tree")
        self._files.write(path, format_policy_leaf(leaf))
        self.report.policies += 1

    def _write_tile(self, reader: TileReader, tile: Tile) -> None:
        path, data = format_tile_path(tile), reader.tile(tile.level, tile.index)
        if self._files.read(path) != data:
            self._files.write(path, data)
            self.report.tiles += 1
        self._tell(1)

    def _write_contradictions(self, chain: PolicyChain) -> None:
        """Those that hold, as far as they say different things: who signed two things of which one
        is false, for everybody to see. What was shown once stays here."""
        try:
            known = parse_names(self._files.read(NAMES) or b"")
            shown = parse_names(self._fetch(NAMES) or b"")
        except Malformed as error:
            raise Damaged(NAMES, str(error)) from error
        policies, here = [leaf.note for leaf in chain.leaves], dict[str, Exposed]()
        for name in known:
            text = self._files.read(contradiction_path(name)) or b""
            kept = expose(text, self._anchor, policies)
            if isinstance(kept, Exposed):  # A damaged copy is fetched again, if there is another.
                here[name] = kept
        for name in shown:
            path = contradiction_path(name)
            found = expose(self._must(path), self._anchor, policies)
            if isinstance(found, str):
                raise Damaged(path, found)
            if found.side(name) is None:
                raise Damaged(path, "it is about another checkpoint than its name")
            place = place_of(here, name, found)
            if place is not None:
                self._files.write(contradiction_path(place), found.data)
                here[place] = found
        self._files.write(NAMES, format_names(here))
        self.report.contradictions = len(here)

    # What is for auditors.

    def _bundles(self, size: int, progress: _Progress, copies: Copies) -> range:
        """Those to be fetched: the first that is incomplete here and all after it."""
        done = min(progress.entries, progress.bodies) if copies.bodies else progress.entries
        return range(done // WIDTH, -(-size // WIDTH)) if done < size else range(0)

    def _copy(self, reader: TileReader, progress: _Progress, copies: Copies) -> None:
        pool = ThreadPoolExecutor(FETCHERS)
        try:
            for index in self._bundles(reader.size, progress, copies):
                tile = reader.widest(0, index)
                end = index * WIDTH + tile.width
                entries = self._bundle(reader, tile)
                if copies.bodies:
                    self._write_bodies(entries, copies.recipients, pool)
                if end > progress.entries:
                    path = format_bundle_path(tile)
                    data = encrypt(path, join_bundle(entries), copies.recipients)
                    self._files.write(encrypted(path), data)
                    self.report.bundles += 1
                if end == reader.size or (index + 1) % PROGRESS_EVERY == 0:
                    self._note(progress, end, copies)
                self._tell(1)
        finally:
            pool.shutdown(cancel_futures=True)

    def _bundle(self, reader: TileReader, tile: Tile) -> list[bytes]:
        """The entries under a tile, which are its leaves."""
        path = format_bundle_path(tile)
        try:
            entries = split_bundle(self._must(path))
        except Malformed as error:
            raise Damaged(path, str(error)) from error
        if b"".join(map(leaf_hash, entries)) != reader.tile(0, tile.index):
            raise Damaged(path, "its entries are not the leaves of the tree")
        return entries

    def _write_bodies(
        self,
        entries: Sequence[bytes],
        recipients: Sequence[X25519PublicKey],
        pool: ThreadPoolExecutor,
    ) -> None:
        """The bodies of these blocks that are not here yet."""
        bodies = {body_path(block.height): block.body for block in _blocks(entries)}
        missing = [path for path in bodies if not self._files.has(encrypted(path))]
        for start in range(0, len(missing), AHEAD):
            paths = missing[start : start + AHEAD]
            for path, data in zip(paths, pool.map(self._must, paths), strict=True):
                if sha256(data) != bodies[path]:
                    raise Damaged(path, "it is not the one that its block entry names")
                self._files.write(encrypted(path), encrypt(path, data, recipients))
                self.report.bodies += 1

    def _progress(self) -> _Progress:
        data = self._files.read(PROGRESS)
        if data is None:
            return _Progress()
        lines = Lines("progress", data)
        lines.expect(_PROGRESS_TAG)
        return _Progress(lines.integer("entries"), lines.integer("bodies"))

    def _note(self, before: _Progress, end: int, copies: Copies) -> None:
        entries = max(before.entries, end)
        bodies = max(before.bodies, end) if copies.bodies else before.bodies
        text = f"{_PROGRESS_TAG}\nentries {entries}\nbodies {bodies}\n"
        self._files.write(PROGRESS, text.encode())

    def _must(self, path: str) -> bytes:
        data = self._fetch(path)
        if data is None:
            raise Damaged(path, "it is not published")
        return data


def _damaged(path: str, error: Malformed) -> Damaged | Malformed:
    """What is newer than this program is not damaged: it says that itself."""
    return error if error.newer else Damaged(path, str(error))


def _blocks(entries: Sequence[bytes]) -> Iterator[BlockEntry]:
    for data in entries:
        if data.startswith(_BLOCK):
            entry = parse_entry(data)
            assert isinstance(entry, BlockEntry)
            yield entry
