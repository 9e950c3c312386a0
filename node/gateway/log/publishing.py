"""What this gateway publishes: a checkpoint that never goes back, and the log under it.

Everything comes from the members, who prove what they give up to a sealed root, and whoever reads
it checks it again (docs/published-log.md). One member may lie, so a gateway too passes on only what
it has checked: that a quorum of the policy that governs it sealed the checkpoint it shows, and that
tiles, entries and policies are in its tree (`proven_tiles`). A body is passed on unchecked: only
the entries say what it is.
Members may have published different sizes: the largest seen is shown, and what is under that one is
asked for until a member has come so far.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

from google.protobuf.message import Message

from node import member_pb2 as pb
from node.errors import Absent
from node.evidence.checkpoint import Checkpoint
from node.evidence.doubts import Doubts
from node.evidence.entry import PolicyEntry, format_entry
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.merkle import HASH_SIZE, BadPath, leaf_hash, verify_consistency
from node.evidence.note import parse_note
from node.evidence.policy import parse_policy
from node.evidence.policy_note import PolicyNote
from node.evidence.sealed import SealedCheckpoint
from node.evidence.steps import Anchor
from node.evidence.tiles import HEIGHT, WIDTH, Tile
from node.gateway.log.proven_tiles import ProvenTiles
from node.gateway.members.client import READ_TIMEOUT_S, STATUS_TIMEOUT_S, CannotCheck, Members
from node.published.blocks import Block
from node.published.contradictions import Exposed, expose, place_of
from node.published.layout import PolicyLeaf, format_policy_leaf, split_bundle
from node.published.trust import PolicyChain, check_sealed, read_checkpoint

FRESH_S = 1.0
"""How long a checkpoint, or what contradicts it, is shown before members are asked again: however
many clients watch, they cost each member one question a second."""
HURRY_S = 0.1
"""How soon they are asked again for a part that is beyond the checkpoint shown."""
READS_MAX = 16
"""Parts of the log read at once, by clients nobody knows: the others wait. A part takes a member
some milliseconds, and with the largest bundles these take 256 MiB here."""

PART_TIMEOUT_S = 10.0
"""For one part from one member: the largest bundle over a line of 16 Mbit/s."""
JUDGED = 64
"""Contradiction files whose signatures are not verified again: as many as a member keeps."""

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Shown:
    """The checkpoint that is shown: as it is read, its bytes, and the policy that governs it."""

    sealed: SealedCheckpoint
    note: bytes
    serial: int

    @property
    def size(self) -> int:
        """How many leaves are published."""
        return self.sealed.checkpoint.size

    @property
    def root(self) -> bytes:
        """What they come to."""
        return self.sealed.checkpoint.root

    @property
    def worth(self) -> tuple[int, int, int, int]:
        """Newer policies first, for whom one left out may go on sealing any size; then larger
        trees, then more signatures (of witnesses, too), then newer seals."""
        newest_s = max(seal.time_s for seal in self.sealed.seals)
        return self.serial, self.size, len(parse_note(self.note).signatures), newest_s


class PublishedLog:
    """One gateway's view of the log. Owned by its event loop."""

    def __init__(self, members: Members, first: PolicyNote) -> None:
        """`first` is the policy this gateway was given; later ones must follow from it."""
        self._members = members
        self._policies: tuple[PolicyLeaf, ...] = (_first_leaf(first),)
        self._shown: Shown | None = None
        self._asking: asyncio.Task[None] | None = None
        self._tiles: ProvenTiles | None = None
        self._asked_s = self._fresh_until_s = 0.0
        self._heard = False  # Whether all that was answered last is true, if only "none yet".
        self._reads = asyncio.Semaphore(READS_MAX)
        self._told: dict[str, Exposed] = {}
        self._told_until_s = 0.0
        self._telling = asyncio.Lock()

    async def checkpoint(self) -> bytes:
        """The newest published note; empty if the members have none yet."""
        loop = asyncio.get_running_loop()
        if self._asking is None and loop.time() >= self._fresh_until_s:
            self._asking = asyncio.create_task(self._refresh())
        if self._asking is not None:
            await asyncio.shield(self._asking)  # Others wait for the same answer.
        if self._shown is not None:
            return self._shown.note
        if not self._heard:
            raise CannotCheck("no member answered")
        return b""

    async def size(self) -> int:
        """How many leaves a quorum has sealed, by the newest published note; 0 without one."""
        await self.checkpoint()
        return 0 if self._shown is None else self._shown.size

    @property
    def shown_size(self) -> int:
        """Leaves under the checkpoint that is shown; 0 if there is none."""
        return 0 if self._shown is None else self._shown.size

    async def shown_policies(self) -> list[PolicyNote]:
        """Those of the chain up to the checkpoint that is shown, the first one first."""
        await self.checkpoint()
        return [leaf.note for leaf in self._policies]

    async def tile(self, tile: Tile) -> bytes:
        """The hashes of a tile."""
        async with self._reads:
            tiles = await self._tiles_of(_leaves(tile))
            return (await tiles.tile(tile.level, tile.index))[: tile.width * HASH_SIZE]

    async def entries(self, tile: Tile) -> bytes:
        """The entries under a tile of level 0, as a bundle."""
        hashes = await self.tile(tile)

        def read(answer: pb.EntriesResponse) -> bytes:
            if b"".join(map(leaf_hash, split_bundle(answer.bundle))) != hashes:
                raise Malformed("Entries", "other entries than were sealed")
            return answer.bundle

        request = pb.EntriesRequest(index=tile.index, width=tile.width)
        return await self._read("Entries", request, read, sure=True)

    async def body(self, height: int) -> bytes:
        """The data of a block."""

        def read(answer: pb.BodyResponse) -> bytes:
            return answer.data

        return await self._read("Body", pb.BodyRequest(height=height), read)

    async def block(self, height: int) -> Block:
        """A block of the tree that is shown, from the first member that gives one which this tree
        says it is."""
        request, absent = pb.BlockRequest(height=height), False
        async with self._reads:
            for link in self._members.followers_first():
                try:
                    told = await self._members.read(
                        "Block", request, _told_block, [link], 0.0, sure=False
                    )
                    return await self._proven_block(told, height)
                except Absent:
                    absent = True
                except CannotCheck as error:
                    _log.debug("no block %d of member %s: %s", height, link.name, error)
                except Malformed as error:
                    _log.error("member %s gave another block %d: %s", link.name, height, error)
        raise Absent(f"no block {height}") if absent else CannotCheck("no member answered")

    async def policy(self, serial: int) -> bytes:
        """The file of a policy of the tree that is shown."""
        async with self._reads:
            return format_policy_leaf(await self._policy_in(await self._tiles_of(1), serial))

    async def policies(self) -> list[PolicyNote]:
        """All policies of the tree that members publish now: of one member's word neither what they
        are nor how many."""
        self._fresh_until_s = 0.0
        await self.checkpoint()
        policies = PolicyChain(self._policies)
        if self._shown is not None:
            async with self._reads:
                tiles = await self._tiles_of(self._shown.size)
                try:
                    while True:
                        serial = policies.leaves[-1].note.serial + 1
                        policies = policies.extended([await self._policy_in(tiles, serial)])
                except Absent:
                    pass
        return [leaf.note for leaf in policies.leaves]

    async def consistency(self, old: int, new: int) -> pb.ConsistencyResponse:
        """A path from one size to another, which holds, and both roots."""

        def read(answer: pb.ConsistencyResponse) -> pb.ConsistencyResponse:
            try:
                verify_consistency(old, answer.old_root, new, answer.new_root, answer.path)
            except BadPath as error:
                raise Malformed("Consistency", str(error)) from error
            return answer

        request = pb.ConsistencyRequest(old_size=old, new_size=new)
        return await self._read("Consistency", request, read, sure=await self._covers(new))

    async def contradictions(self) -> dict[str, bytes]:
        """The contradiction files of all members that hold, by name, as far as they say different
        things (`contradictions`). Each member makes its own. What was told once stays."""
        async with self._telling:
            loop = asyncio.get_running_loop()
            if self._told_until_s <= loop.time():
                await self._ask_contradictions()
                self._told_until_s = loop.time() + FRESH_S
        return {name: each.data for name, each in self._told.items()}

    async def doubts(self) -> Doubts:
        """What these files say about members, for whoever verifies a proof."""
        await self.contradictions()
        return Doubts(contradictions=tuple(each.accused for each in self._told.values()))

    # Inside.

    async def _read(
        self, method: str, request: Message, read: Callable[[Any], _Answer], *, sure: bool = False
    ) -> _Answer:
        """What a member gives. What is under the checkpoint that is shown is sure to be published
        by some member; of the rest, `Absent` is raised once a member says so."""
        async with self._reads:
            links = self._members.followers_first()
            return await self._members.read(
                method, request, read, links, sure=sure, timeout_s=PART_TIMEOUT_S
            )

    async def _covers(self, size: int) -> bool:
        """Whether the checkpoint that is shown has so many leaves. If not, members may have more
        by now: another gateway may show it already."""
        if self._shown is None or self._shown.size < size:
            self._fresh_until_s = min(self._fresh_until_s, self._asked_s + HURRY_S)
            await self.checkpoint()
        return self._shown is not None and self._shown.size >= size

    async def _tiles_of(self, size: int) -> ProvenTiles:
        """The tree that is shown; raises `Absent` if it has not so many leaves."""
        if not await self._covers(size):
            raise Absent(f"no tree of {size} leaves is published")
        assert self._shown is not None
        if self._tiles is None or self._tiles.checkpoint != self._shown.sealed.checkpoint:
            self._tiles = ProvenTiles(self._shown.sealed.checkpoint, self._members)
        return self._tiles

    async def _proven_block(self, told: pb.BlockResponse, height: int) -> Block:
        """What a member told, if it stands in the tree that is shown."""
        tiles = await self._tiles_of(told.size + bool(told.next))
        head = tiles.checkpoint
        block = Block(
            told.leaf_index, told.entry, Checkpoint(head.origin, told.size, told.root), told.next
        )
        if not block.following and head.size > told.size:  # More has been published meanwhile.
            raise CannotCheck("the member has not come as far as is shown")
        block.check(height, head)
        for leaf, entry in ((told.leaf_index, told.entry), (told.size, told.next)):
            if entry and await tiles.leaf(leaf) != leaf_hash(entry):
                raise Malformed("Block", f"leaf {leaf} is another entry")
        return block

    async def _ask_contradictions(self) -> None:
        request = pb.ContradictionsRequest()
        answers = await self._members.ask_all("Contradictions", request, READ_TIMEOUT_S)
        if not answers:
            raise CannotCheck("no member answered")
        policies = tuple(leaf.note for leaf in self._policies)
        for answer in answers.values():
            for each in answer.contradictions:
                found = await asyncio.to_thread(_exposed, each.text, policies)
                name = None if found is None else place_of(self._told, each.name, found)
                if found is not None and name is not None:
                    self._told[name] = found

    async def _refresh(self) -> None:
        """Ask all: the one that answers first may be the one that is behind. What is sealed under
        the newest policy is taken first: then whom it left out seals no larger tree any more."""
        try:
            told = await self._members.ask_all(
                "Checkpoint", pb.CheckpointRequest(), STATUS_TIMEOUT_S
            )
            self._heard = bool(told)
            for name, response in sorted(told.items(), key=_newest_policy_first):
                try:
                    if response.note:
                        await self._take(response)
                except (Absent, BadSignature, CannotCheck, Malformed) as error:
                    self._heard = False
                    _log.error("the checkpoint of member %s is not shown: %s", name, error)
        finally:
            self._asked_s = asyncio.get_running_loop().time()
            self._fresh_until_s = self._asked_s + FRESH_S
            self._asking = None

    async def _take(self, told: pb.CheckpointResponse) -> None:
        """Show this checkpoint from now on, if it is sealed and better than the one shown."""
        sealed, shown = read_checkpoint(told.note, self._policies[0].note.origin), self._shown
        found = Shown(sealed, told.note, parse_policy(told.policy_text).serial)
        if shown is not None and found.worth <= shown.worth:
            return
        policies = await self._policies_of(sealed.checkpoint, found.serial)
        governing = policies.governing(found.size)
        # Nobody learns a policy from a checkpoint that is not sealed under it.
        check_sealed(sealed, governing)
        found = replace(found, serial=governing.serial)
        if shown is not None and found.worth <= shown.worth:
            return
        if shown and shown.worth[:2] == found.worth[:2] and shown.root != found.root:
            raise Malformed("checkpoint", f"of size {found.size} and another root than shown")
        self._policies, self._shown = policies.leaves, found

    async def _policies_of(self, checkpoint: Checkpoint, serial: int) -> PolicyChain:
        """The policies up to this one, each signed by a quorum of the one before; those that are
        new here are in the tree of this checkpoint, where they say."""
        policies, tiles = PolicyChain(self._policies), ProvenTiles(checkpoint, self._members)
        while (wanted := policies.leaves[-1].note.serial + 1) <= serial:
            policies = policies.extended([await self._policy_in(tiles, wanted)])
        return policies

    async def _policy_in(self, tiles: ProvenTiles, serial: int) -> PolicyLeaf:
        """The policy of this serial from the first member that names the place where it stands in
        this tree: others may have been signed, and were never agreed on."""

        def read(answer: pb.PolicyResponse) -> PolicyLeaf:
            return _policy_leaf(answer, serial)

        request, absent = pb.PolicyRequest(serial=serial), False
        for link in self._members.followers_first():
            try:
                leaf = await self._members.read("Policy", request, read, [link], 0.0, sure=False)
                found = await tiles.leaf(leaf.index)
            except Absent:
                absent = True
            except CannotCheck as error:
                _log.debug("no policy %d of member %s: %s", serial, link.name, error)
            else:
                if found == leaf_hash(leaf.entry):
                    return leaf
                _log.error("member %s named a leaf that policy %d is not", link.name, serial)
        raise Absent(f"no policy {serial}") if absent else CannotCheck("no member answered")


@lru_cache(JUDGED)
def _exposed(data: bytes, policies: tuple[PolicyNote, ...]) -> Exposed | None:
    """What a contradiction file says; None if it does not hold."""
    found = expose(data, Anchor(policy_text=policies[0].policy_text), policies)
    if isinstance(found, Exposed):
        return found
    _log.error("a contradiction file does not hold: %s", found)
    return None


def _first_leaf(note: PolicyNote) -> PolicyLeaf:
    """The first policy in its place; when it was founded is not known here, nor of any use."""
    return PolicyLeaf(1, format_entry(PolicyEntry(0, 0, note)))


def _newest_policy_first(told: tuple[str, pb.CheckpointResponse]) -> int:
    try:
        return -parse_policy(told[1].policy_text).serial
    except Malformed:
        return 0  # Which is said when it is read.


def _leaves(tile: Tile) -> int:
    """How many leaves a tree has at least that has this tile."""
    return (tile.index * WIDTH + tile.width) << tile.level * HEIGHT


def _told_block(answer: pb.BlockResponse) -> pb.BlockResponse:
    if len(answer.root) != HASH_SIZE:
        raise Malformed("Block", "a root that is none")
    return answer


def _policy_leaf(answer: pb.PolicyResponse, serial: int) -> PolicyLeaf:
    leaf = PolicyLeaf(answer.leaf_index, answer.entry)
    if leaf.note.serial != serial:
        raise Malformed("Policy", "another serial than was asked for")
    return leaf
