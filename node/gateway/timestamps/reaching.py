"""Whether timestamps reach a deposit: the first stamped checkpoint at or after the deposit's.

A token says that the body of a checkpoint existed. The deposit's leaf is under another, smaller
one, which its proof names; the members' path from that to the stamped one is followed here, so no
member's word is taken for it. A path that held once holds for ever, and is remembered.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass

from node.errors import Absent
from node.evidence.checkpoint import Checkpoint, parse_checkpoint
from node.evidence.proof import Proof
from node.export.timestamps.verifying import is_own
from node.gateway.log.publishing import PublishedLog
from node.gateway.members.client import CannotCheck
from node.offchain.timestamps import KeptSignature, KeptTimestamp, TimestampStore

REMEMBERED = 4_096
"""Paths; all deposits of a block share one. With 30 hashes each, some 10 MB."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reached:
    """A token, and the path from the deposit's checkpoint to the one it is over."""

    deposited: Checkpoint
    stamped: Checkpoint
    path: tuple[bytes, ...]
    token: KeptTimestamp
    is_own: bool
    """Whether it is the platform's own, and no independent third party's."""


@dataclass(frozen=True, slots=True)
class Signed:
    """The platform's signatures of a checkpoint, and the path to it from the deposit's."""

    deposited: Checkpoint
    stamped: Checkpoint
    path: tuple[bytes, ...]
    signature: KeptSignature


class Reaching:
    """What was found out so far. Owned by one event loop."""

    def __init__(self, log: PublishedLog, store: TimestampStore) -> None:
        self._published = log
        self._store = store
        self._paths: OrderedDict[tuple[Checkpoint, Checkpoint], tuple[bytes, ...]] = OrderedDict()

    async def of(self, proof: Proof) -> tuple[Reached, ...]:
        """The first token of each authority that reaches this deposit: independent ones before our
        own, then the earliest. Raises `CannotCheck` if no member gives a path."""
        deposited = proof.sealed.checkpoint
        found = []
        for token in await self._store.covering(deposited.size):
            stamped = parse_checkpoint(token.body)
            path = await self._path(deposited, stamped)
            found.append(Reached(deposited, stamped, path, token, is_own(token.response)))
        return tuple(sorted(found, key=lambda each: (each.is_own, each.token.time_ms)))

    async def signed(self, proof: Proof) -> Signed | None:
        """The first signed checkpoint that reaches this deposit, stamped or not."""
        deposited = proof.sealed.checkpoint
        found = await self._store.signature_covering(deposited.size)
        if found is None:
            return None
        signed = parse_checkpoint(found.body)
        return Signed(deposited, signed, await self._path(deposited, signed), found)

    async def signature(self, size: int) -> KeptSignature | None:
        """The platform's signatures of the checkpoint of this size, if it was signed."""
        return await self._store.signature(size)

    async def _path(self, deposited: Checkpoint, stamped: Checkpoint) -> tuple[bytes, ...]:
        key = deposited, stamped
        if key not in self._paths:
            self._paths[key] = await self._follow(deposited, stamped)
            if len(self._paths) > REMEMBERED:
                self._paths.popitem(last=False)
        return self._paths[key]

    async def _follow(self, deposited: Checkpoint, stamped: Checkpoint) -> tuple[bytes, ...]:
        if stamped == deposited:
            return ()
        if stamped.size > deposited.size and stamped.origin == deposited.origin:
            try:
                told = await self._published.consistency(deposited.size, stamped.size)
            except Absent as error:
                raise CannotCheck(str(error)) from error
            if (told.old_root, told.new_root) == (deposited.root, stamped.root):
                return tuple(told.path)
        # A quorum sealed both of them: whoever did, contradicts itself.
        _log.error("the stamped tree of %d leaves is not that of the proofs", stamped.size)
        raise CannotCheck("another tree than was stamped")
