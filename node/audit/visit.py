"""One visit to a published log, from its checkpoint to the verdict.

 1. The policies follow from each other, one of them is the one known from elsewhere, and those of
    the last visit are the first of them.
 2. The checkpoint is sealed by a quorum of the policy that governs its size.
 3. It is not smaller than the one of the last visit, and at the same size has the same root.
 4. Every hash tile is under its root (`published.reading`), and the leaves that are new continue
    the tree of the last visit to it.
 5. Where entries are wanted, each is its leaf, and block by block they are what `walk` wants.
 6. Each policy is the leaf it says it is.

Whatever fails first is `Different`; then nothing is remembered of the visit. Where the checkpoint
contradicts the one of the last visit, a contradiction file is written that names who sealed both
(`evidence.contradiction`). What is not there or does not come is `Unavailable`
and says nothing about the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.audit.growth import Growth
from node.audit.memory import Memory, Seen
from node.audit.walk import Different, Walk, read_block
from node.chain.apply import Chain
from node.errors import Misconfigured, Unavailable
from node.evidence.contradiction import Side, format_contradiction, ordered
from node.evidence.entry import StatementEntry, parse_entry
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.merkle import HASH_SIZE, leaf_hash
from node.evidence.record import BLOCK_SIZE_MAX
from node.evidence.sealed import SealedCheckpoint
from node.evidence.sm2 import Sm2Missing
from node.evidence.steps import Anchor
from node.evidence.tiles import (
    HEIGHT,
    WIDTH,
    Frontier,
    Tile,
    consistency_nodes,
    consistency_path_from,
    format_bundle_path,
)
from node.published.layout import (
    CHECKPOINT,
    PolicyLeaf,
    body_path,
    parse_policy_leaf,
    policy_path,
    split_bundle,
)
from node.published.reading import Damaged, Fetch, TileReader
from node.published.trust import POLICIES_SIZE_MAX, PolicyChain, read_checkpoint

POLICIES_MAX = 4_096
"""A chain that changes its members every week has fewer in a lifetime."""
TAKEN_MAX = BLOCK_SIZE_MAX // 4
"""Records in a block at most: the length before each takes four bytes."""
CONTRADICTION = "contradiction"
"""The ending of the file beside the memory that shows two histories."""


class NotThere(Unavailable):
    """A part that the source does not have."""

    zh = (
        "归档仅在以 --entries 或 --bodies 建立时才有这些部分，且已加密：请用 --identity 给出私钥，"
        "或降低核对深度；来源为网关时，请稍后重试。"
    )
    en = (
        "An archive has entries or bodies only if it was made with --entries or --bodies, and "
        "encrypted: give --identity, or look less deep. Of a gateway, ask again later."
    )


class Older(Unavailable):
    """A source that has not come as far as another one was, or it itself."""

    zh = "该来源比上次查看时旧，并不因此有误；请稍后重试，或换一个较新的来源。"
    en = "It is older than what was seen, which is no difference; ask later, or a newer source."


class OtherChain(Different):
    """None of the policies is the one known from elsewhere: so may a typing mistake be."""


class TwoHistories(Different):
    """Another history than at the last visit, and the file that names who sealed both."""

    def __init__(self, size: int, both: Sequence[str], file: Path) -> None:
        names = ", ".join(both) or "nobody"
        super().__init__(
            f"the first {size} leaves are not those of the last visit; {names} sealed both"
        )
        self.size, self.both, self.file = size, tuple(both), file


@dataclass(frozen=True, slots=True)
class Wanted:
    """How deep to look: `depth` is one of `memory.DEPTHS`, or None for the tree alone. `progress`
    is told how many leaves there are to pass, and each time how many were."""

    depth: str | None
    progress: Callable[[int, int], None] = lambda _, __: None


@dataclass(frozen=True, slots=True)
class Report:
    """What a visit that found nothing wrong came to; `height` is None without entries."""

    sealed: SealedCheckpoint
    quorum: int
    serial: int
    size_before: int
    height: int | None
    depth: str | None
    entries: int
    statements: int
    seconds: float

    @property
    def size(self) -> int:
        return self.sealed.checkpoint.size

    @property
    def root(self) -> bytes:
        return self.sealed.checkpoint.root


def visit(fetch: Fetch, anchor: Anchor, memory: Memory, wanted: Wanted) -> Report:
    """Follow the log from where the last visit left it; `Different` names the first thing wrong."""
    began, seen = time.monotonic(), memory.seen()
    parts = _Parts(fetch)
    try:
        policies = _policies(fetch, anchor, memory.policies())  # 1
        note = parts.read(CHECKPOINT)
        sealed = policies.read_sealed(note)  # 2
        _check_continues(seen, sealed, policies, memory)  # 3
        tree = _Tree(parts, sealed, policies, wanted)
        growth = tree.follow(seen)  # 4
        if growth.root() != sealed.checkpoint.root:
            assert seen is not None, "the tiles give the root"
            root, path = tree.way_from(seen.size)
            raise _two_histories(seen, sealed, policies, memory, root, path)
        walk = _walked(parts, tree, memory, policies, wanted)  # 5
        tree.check_policies(memory.policies())  # 6
    except Sm2Missing as error:
        raise Unavailable(str(error)) from error
    except Damaged as error:
        raise Different(str(error)) from error
    except Malformed as error:
        if error.newer:
            raise Unavailable(str(error)) from error
        raise Different(str(error)) from error
    chain = walk.chain if walk else None
    memory.keep(Seen(growth.frontier, sealed.checkpoint.root, note), policies, chain, wanted.depth)
    return Report(
        sealed=sealed,
        quorum=policies.governing(sealed.checkpoint.size).policy.quorum,
        serial=policies.leaves[-1].note.serial,
        size_before=seen.size if seen else 0,
        height=chain.height if chain else None,
        depth=wanted.depth,
        entries=parts.entries,
        statements=walk.statements if walk else 0,
        seconds=time.monotonic() - began,
    )


def _policies(fetch: Fetch, anchor: Anchor, before: Sequence[PolicyLeaf]) -> PolicyChain:
    leaves: list[PolicyLeaf] = []
    size = 0
    while (data := fetch(policy_path(len(leaves) + 1))) is not None:
        size += len(data)
        if size > POLICIES_SIZE_MAX:
            raise Different(f"more than {POLICIES_SIZE_MAX} bytes of policies")
        leaves.append(parse_policy_leaf(data))
        if len(leaves) > POLICIES_MAX:
            raise Different(f"more than {POLICIES_MAX} policies")
    try:
        policies = PolicyChain(tuple(leaves))
    except BadSignature as error:
        raise Different(f"a policy does not follow from the one before it: {error}") from error
    if not policies.anchored(anchor):
        raise OtherChain("none of the policies is the one known from elsewhere")
    if before and policies.origin != before[0].note.origin:
        raise Misconfigured(f"what is remembered is of {before[0].note.origin}")
    if tuple(leaves[: len(before)]) != tuple(before):
        raise Different("the policies are not those of the last visit")
    return policies


def _check_continues(
    seen: Seen | None, sealed: SealedCheckpoint, policies: PolicyChain, memory: Memory
) -> None:
    if seen is None:
        return
    checkpoint = sealed.checkpoint
    if checkpoint.size < seen.size:
        raise Older(f"it shows {checkpoint.size} entries, and showed {seen.size} at the last visit")
    if checkpoint.size == seen.size and checkpoint.root != seen.root:
        raise _two_histories(seen, sealed, policies, memory, checkpoint.root, ())


def _two_histories(
    seen: Seen,
    sealed: SealedCheckpoint,
    policies: PolicyChain,
    memory: Memory,
    root: bytes,
    path: Sequence[bytes],
) -> Different:
    """Write down who sealed both; `root` is what the new tree has at the size of the old one, and
    `path` leads from there to its own."""
    before = read_checkpoint(seen.note, policies.origin)
    notes = tuple(leaf.note for leaf in policies.leaves)
    found = ordered(notes, _side(before), _side(sealed), root, path)
    file = memory.set_aside(CONTRADICTION, format_contradiction(found))
    return TwoHistories(seen.size, found.both, file)


def _side(sealed: SealedCheckpoint) -> Side:
    return Side(sealed.checkpoint, tuple(sorted(sealed.seals, key=lambda seal: seal.member)))


def _walked(
    parts: _Parts, tree: _Tree, memory: Memory, policies: PolicyChain, wanted: Wanted
) -> Walk | None:
    """The entries, from where they were checked before to so deep."""
    if wanted.depth is None:
        return None
    chain = memory.checked(policies, wanted.depth)
    if chain is None:
        memory.begin_anew()
        chain = Chain(-1, 0, bytes(32), Frontier(), 0, policies.leaves[0].note)
    memory.confirm_with(lambda leaf: _statement_at(parts, tree, leaf))
    walk = Walk(
        chain,
        policies,
        memory,
        signatures=wanted.depth == "signatures",  # To apply a body again is to verify them.
        body_of=parts.body if wanted.depth == "bodies" else None,
    )
    for entries, hashes in _blocks(parts, tree, chain.size):
        walk.take(entries, hashes)
        wanted.progress(tree.size - chain.size, len(entries))
    return walk


def _statement_at(parts: _Parts, tree: _Tree, leaf: int) -> bytes | None:
    """The id of the statement at a leaf, None if there is none."""
    if leaf >= tree.size:
        return None
    data = parts.entry(leaf, tree.size)
    if leaf_hash(data) != tree.leaf(leaf):
        raise Different("the entry is not the leaf that is sealed", leaf=leaf)
    entry = parse_entry(data)
    return entry.statement_id if isinstance(entry, StatementEntry) else None


def _blocks(parts: _Parts, tree: _Tree, start: int) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """The entries from a leaf on, block by block, with their leaf hashes."""
    entries: list[bytes] = []
    hashes: list[bytes] = []
    missing, first = 0, start
    for leaf, published in tree.leaves(start):
        bundle = parts.bundle(leaf, len(published))
        for at, (entry, expected) in enumerate(zip(bundle, published, strict=True), leaf):
            if not missing:
                if entries:
                    yield entries, hashes
                entries, hashes, first = [], [], at
                missing = read_block(entry, first).taken + 1
                if missing > TAKEN_MAX:
                    raise Different("the block entry took more than a block holds", leaf=first)
            if leaf_hash(entry) != expected:
                raise Different("the entry is not the leaf that is sealed", leaf=at)
            entries.append(entry)
            hashes.append(expected)
            missing -= 1
    if missing:
        raise Different(f"{missing} entries of the last block are missing", leaf=first)
    if entries:
        yield entries, hashes


class _Parts:
    """What is published, and must be there."""

    def __init__(self, fetch: Fetch) -> None:
        self.entries = 0
        self._fetch = fetch

    def read(self, path: str) -> bytes:
        """A part."""
        data = self._fetch(path)
        if data is None:
            raise NotThere(f"there is no {path}")
        return data

    def body(self, height: int) -> bytes:
        """The data of a block."""
        return self.read(body_path(height))

    def bundle(self, first: int, length: int) -> list[bytes]:
        """So many entries from a leaf on, up to the end of a tile."""
        entries = self._bundle(first, first % WIDTH + length)[first % WIDTH :]
        self.entries += length
        return entries

    def entry(self, leaf: int, size: int) -> bytes:
        """The entry of one leaf."""
        return self._bundle(leaf, min(WIDTH, size - (leaf & -WIDTH)))[leaf % WIDTH]

    def _bundle(self, leaf: int, width: int) -> list[bytes]:
        path = format_bundle_path(Tile(0, leaf >> HEIGHT, width))
        entries = split_bundle(self.read(path))
        if len(entries) != width:
            raise Different(f"{path} has {len(entries)} entries", leaf=leaf & -WIDTH)
        return entries


class _Tree:
    """The leaves that are sealed."""

    def __init__(
        self, parts: _Parts, sealed: SealedCheckpoint, policies: PolicyChain, wanted: Wanted
    ) -> None:
        self.size = sealed.checkpoint.size
        self._sealed = sealed
        self._policies = policies
        self._wanted = wanted
        self._reader = TileReader(sealed.checkpoint, [parts.read])

    def follow(self, seen: Seen | None) -> Growth:
        """From the tree of the last visit to the sealed one."""
        growth = Growth(seen.frontier if seen else Frontier())
        start = growth.size
        for _, hashes in self.leaves(start):
            growth.push(hashes)
            if self._wanted.depth is None:
                self._wanted.progress(self.size - start, len(hashes))
        return growth

    def leaves(self, start: int) -> Iterator[tuple[int, list[bytes]]]:
        """The leaf hashes from a leaf on, tile by tile, each with its first leaf."""
        for index in range(start >> HEIGHT, -(-self.size >> HEIGHT)):
            packed, first = self._reader.tile(0, index), index << HEIGHT
            skip = max(0, start - first)
            hashes = [packed[at : at + HASH_SIZE] for at in range(0, len(packed), HASH_SIZE)]
            yield first + skip, hashes[skip:]

    def leaf(self, index: int) -> bytes:
        """The hash of one leaf."""
        (found,) = self._reader.hashes([(0, index)])
        return found

    def way_from(self, size: int) -> tuple[bytes, list[bytes]]:
        """The root that this tree has at a smaller size, and the path from there to its own."""
        hashes = self._reader.hashes(consistency_nodes(size, self.size))
        return self._reader.root(size), consistency_path_from(size, self.size, hashes)

    def check_policies(self, before: Sequence[PolicyLeaf]) -> None:
        """Each is the leaf it says."""
        for leaf in self._policies.leaves:
            if leaf in before:
                continue
            if leaf.index >= self.size:
                raise Different("a policy is published before its block is", leaf=leaf.index)
            if self.leaf(leaf.index) != leaf_hash(leaf.entry):
                raise Different("the policy published is not this leaf", leaf=leaf.index)
