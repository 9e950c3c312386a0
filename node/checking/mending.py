"""A journal with holes is made whole again, if it can be proven that it is.

A journal that does not check ends its replica, as a rule: nobody may vote from it again, and the
member comes back as a new one that is sent everything. But mostly it is one block of one file that
was damaged, and others have what was in it. It may go on as the same replica, under three
conditions, each of which is checked:

 1. What it wrote last can be read, and is no older than what its disk was told to remember: so its
    newest promises (term, vote, last entry) are known. What they are worth is asked of a quorum
    afterwards, as after every start.
 2. Everything behind the newest note that its views reach is there, one batch continuing the other:
    of that nobody could prove what it was.
 3. Every block before is the one that is in the tree which a quorum sealed, body and term. Those
    that are not there, or not the same, are fetched from other members, and each body is the one
    whose SHA-256 stands in its block entry.

Then a new journal is written beside the old one, read again as a whole, and put into its place
(`directory.place_journal`). Otherwise `NotProven` says why not.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TypeVar, TypeVarTuple

import grpc.aio
from google.protobuf.message import DecodeError

from consensus.disk import REAL_DISK
from consensus.journal import Journal, JournalError, StorageCorrupt
from consensus.messages import Entry, EntryKind, HardState, Voter
from consensus.peers import Identity, secure_channel
from consensus.prefix import read
from consensus.salvage import Salvage
from node import member_pb2 as pb
from node.chain.apply import CARRIES
from node.chain.store import Store
from node.config import MemberConfig
from node.errors import Corrupt
from node.evidence.digests import sha256
from node.evidence.entry import BlockEntry, parse_entry
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.merkle import leaf_hash
from node.evidence.policy import parse_policy
from node.evidence.record import Genesis
from node.evidence.sealed import parse_sealed, verify_seals
from node.evidence.tiles import Frontier
from node.member.directory import (
    JOURNAL,
    MENDED,
    SEALS,
    VIEWS,
    journal_errors,
    place_journal,
    replica_id_of,
)
from node.membership.asking import CALL_S, contacts_of, member_of
from node.seals.sealing import Note
from node.seals.store import Seals

FETCHED_BYTES_MAX = 256 << 20
"""Held in memory; who lacks more is sent everything faster as a new replica."""
APPEND_BYTES = 4 << 20
"""Of data in one batch of the new journal."""
PAUSE_S = 1.0
"""Before all are asked again."""

_KINDS = {carries: kind for kind, carries in CARRIES.items()}
_BLOCK = b"cunzheng/entry/v1\nkind block\n"
_BODY = "/cunzheng.node.Member/Body"
_NEVER = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.INVALID_ARGUMENT)
"""By now whoever answers so has what was sealed, or will not have it soon."""

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")

_log = logging.getLogger(__name__)


class NotProven(Exception):
    """It cannot be proven that nothing acknowledged is missing; says why."""


@dataclass(slots=True)
class _Plan:
    """Of the journal to be: what it ends with, and the blocks that the old one has not."""

    last_index: int
    hard_state: HardState
    holes: dict[int, BlockEntry] = field(default_factory=dict)


async def mend(config: MemberConfig, genesis: Genesis, identity: Identity) -> list[int]:
    """Make the journal whole; returns the heights that were fetched or found to be wrong. Raises
    `NotProven`."""
    scratch = config.data.with_name(f"{config.data.name}.mending")
    try:
        plan = await _to_its_end(_survey, config, genesis, scratch)
        _log.warning("of the journal %d blocks are fetched again", len(plan.holes))
        bodies = await _fetch(plan.holes, contacts_of(config), identity)
        await _to_its_end(_build, config, plan, bodies, scratch)
        await _to_its_end(place_journal, config.data, genesis)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return sorted(plan.holes)


async def _to_its_end(
    function: Callable[[*_Arguments], _Result], *arguments: *_Arguments
) -> _Result:
    """In a thread; nobody else finds it half done, also if we are not wanted any more."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(work)
    finally:
        await asyncio.wait((work,))


# What there is.


def _survey(config: MemberConfig, genesis: Genesis, scratch: Path) -> _Plan:
    shutil.rmtree(scratch, ignore_errors=True)  # Of an attempt that stopped half-way.
    if _is_whole(config.data / JOURNAL):
        _not_proven("nothing is wrong with the journal itself, so nothing can be mended")
    with _salvaged(config, scratch) as salvage:
        if salvage.replica_id != replica_id_of(config) or salvage.first is None:
            _not_proven("it does not say whose it is")
        try:
            newest = salvage.newest()
        except ValueError as error:
            _not_proven(str(error))
        plan = _Plan(newest.last_index, newest.hard_state)
        proven, before = 0, None
        for block in _sealed_blocks(config, genesis):
            if block.height > plan.last_index:
                _not_proven(f"it ends at {plan.last_index}, and block {block.height} was sealed")
            entry = salvage.entry(block.height)
            if entry is None or not _is_of(block, entry):
                plan.holes[block.height] = block
                entry = _entry(block, b"")
            proven, before = block.height, entry
        if proven < plan.last_index or proven == 0:
            try:
                salvage.check_rest(proven + 1, before)
            except ValueError as error:
                _not_proven(f"behind height {proven}, which was sealed: {error}")
    return plan


def _is_whole(path: Path) -> bool:
    """Then it is something else that does not fit, and mending it would never end."""
    try:
        with closing(Journal(path)) as journal:
            _read_all(journal)
    except (StorageCorrupt, ValueError):
        return False
    except JournalError as error:
        raise NotProven(str(error)) from error
    return True


def _read_all(journal: Journal) -> int:
    """By reading everything once; ValueError or StorageCorrupt at the first doubt. How many
    entries there are."""
    prefix = journal.prefix()
    for _ in read(journal.rows(1, journal.last_index + 2), prefix):
        pass
    journal.check_beside(prefix)
    return 0 if prefix.last is None else prefix.last.index


def _salvaged(config: MemberConfig, scratch: Path) -> Salvage:
    try:
        return Salvage(config.data / JOURNAL, scratch)
    except JournalError as error:
        raise NotProven(str(error)) from error


def _sealed_blocks(config: MemberConfig, genesis: Genesis) -> Iterator[BlockEntry]:
    """The block entries under the newest note that the views reach, from height 1 on: their leaves
    give the root that a quorum sealed. Nothing if there is none."""
    try:
        with closing(Store(config.data / VIEWS, genesis)) as store:
            with closing(Seals(config.data / SEALS, genesis)) as seals:
                note = seals.note_up_to(store.chain.size)
            if note is not None:
                _check_tree(store, note)
                for leaf in range(2, note.size):
                    if (entry := store.entry(leaf)).startswith(_BLOCK):
                        block = parse_entry(entry)
                        assert isinstance(block, BlockEntry)
                        yield block
    except (BadSignature, Malformed, Corrupt) as error:
        raise NotProven(str(error)) from error


def _check_tree(store: Store, note: Note) -> None:
    sealed = parse_sealed(note.data)
    policy = parse_policy(store.policies(note.size)[-1][1].policy_text)
    verify_seals(sealed, policy)
    frontier = Frontier()
    for leaf in range(note.size):
        frontier, _ = frontier.append((leaf_hash(store.entry(leaf)),))
    if frontier.root() != sealed.checkpoint.root:
        _not_proven(f"the views do not have the tree of size {note.size} that was sealed")


def _is_of(block: BlockEntry, entry: Entry) -> bool:
    told = entry.term, CARRIES[entry.kind], sha256(entry.data)
    return told == (block.term, block.carries, block.body)


def _entry(block: BlockEntry, data: bytes) -> Entry:
    """As every member would apply it: what a proposer did not spell rightly stands corrected."""
    kind: EntryKind = _KINDS[block.carries]
    named = block.proposer, block.version
    return Entry(block.height, block.term, kind, block.time_ms, *named, data)


# What others have.


async def _fetch(
    holes: Mapping[int, BlockEntry], contacts: Sequence[Voter], identity: Identity
) -> dict[int, bytes]:
    """The bodies of these blocks, each checked; those that are there but empty are known."""
    bodies: dict[int, bytes] = {}
    size = 0
    async with AsyncExitStack() as stack:
        asked = [
            (member_of(each), await stack.enter_async_context(secure_channel(each, identity)))
            for each in contacts
        ]
        for height, block in holes.items():
            bodies[height] = b""
            if block.body != sha256(b""):
                bodies[height] = await _fetch_one(block, asked)
            size += len(bodies[height])
            if size > FETCHED_BYTES_MAX:
                _not_proven(f"more than {FETCHED_BYTES_MAX >> 20} MiB of it are missing")
    return bodies


async def _fetch_one(block: BlockEntry, asked: Sequence[tuple[str, grpc.aio.Channel]]) -> bytes:
    """From whoever has it; asked again until all have said that they have not."""
    while True:
        refused = 0
        for name, channel in asked:
            # Bytes, and read here: gRPC gives None for an answer it cannot read.
            call: grpc.aio.UnaryUnaryMultiCallable[pb.BodyRequest, bytes] = channel.unary_unary(
                _BODY, pb.BodyRequest.SerializeToString
            )
            try:
                request = pb.BodyRequest(height=block.height)
                data = pb.BodyResponse.FromString(await call(request, timeout=CALL_S)).data
            except grpc.aio.AioRpcError as error:
                _log.info("%s: block %d: %s", name, block.height, error.details())
                refused += error.code() in _NEVER
                continue
            except DecodeError:
                data = b""
            if sha256(data) == block.body:
                return data
            _log.error("%s: block %d is not the one that was sealed", name, block.height)
            refused += 1
        if refused == len(asked):
            _not_proven(f"nobody has block {block.height}")
        await asyncio.sleep(PAUSE_S)


# What is made of it.


def _build(config: MemberConfig, plan: _Plan, bodies: Mapping[int, bytes], scratch: Path) -> None:
    """If we stop before the rename, nothing has happened."""
    making = config.data / f"{JOURNAL}.making"
    REAL_DISK.remove_tree(making)  # An earlier attempt that stopped half-way.
    shutil.rmtree(scratch, ignore_errors=True)
    with _salvaged(config, scratch) as salvage, journal_errors():
        assert salvage.replica_id is not None
        assert salvage.first is not None
        Journal.bootstrap(making, salvage.replica_id, salvage.first)
        with closing(Journal(making)) as journal:
            _copy(journal, plan, lambda index: _choose(salvage, plan, bodies, index))
            journal.append(plan.hard_state, ())
    with journal_errors(), closing(Journal(making)) as journal:
        if _read_all(journal) != plan.last_index or journal.hard_state != plan.hard_state:
            _not_proven("what was written is not what is read")
    REAL_DISK.rename(making, config.data / MENDED)
    REAL_DISK.sync(config.data)


def _choose(salvage: Salvage, plan: _Plan, bodies: Mapping[int, bytes], index: int) -> Entry:
    if index in plan.holes:
        return _entry(plan.holes[index], bodies[index])
    entry = salvage.entry(index)
    if entry is None:
        _not_proven(f"entry {index} cannot be read any more")
    return entry


def _copy(journal: Journal, plan: _Plan, entry_at: Callable[[int], Entry]) -> None:
    batch: list[Entry] = []
    size = 0
    for index in range(1, plan.last_index + 1):
        entry = entry_at(index)
        batch.append(entry)
        size += len(entry.data)
        if size >= APPEND_BYTES or index == plan.last_index:
            journal.append(HardState(entry.term), batch)
            batch, size = [], 0


def _not_proven(why: str) -> NoReturn:
    raise NotProven(why)
