"""The published log over gRPC (proto/node/member.proto): what is asked for, as it is proven.

For gateways, which publish it to everybody, and for members, which check and repair by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from node import member_pb2 as pb
from node.errors import Absent
from node.evidence.tiles import Tile
from node.member.participant import Participant
from node.member.publishing import Publisher
from node.seals.sealing import Note

FILES_SIZE_MAX = 3 << 20
"""Contradiction files in one answer: gRPC takes 4 MiB. Before hundreds of policy changes, hundreds
of files fit."""

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class TileLog:
    """The handlers of one member."""

    def __init__(self, participant: Participant, publisher: Publisher) -> None:
        self._participant = participant
        self._publisher = publisher

    async def tile(self, request: pb.TileRequest) -> pb.TileResponse:
        wanted = Tile(request.level, request.index, request.width)
        return pb.TileResponse(hashes=await self._read(self._publisher.tile, wanted))

    async def entries(self, request: pb.EntriesRequest) -> pb.EntriesResponse:
        publisher = self._publisher
        bundle = await self._read(publisher.entries, request.index, request.width)
        return pb.EntriesResponse(bundle=bundle)

    async def body(self, request: pb.BodyRequest) -> pb.BodyResponse:
        return pb.BodyResponse(data=await self._read(self._publisher.body, request.height))

    async def block(self, request: pb.BlockRequest) -> pb.BlockResponse:
        block = await self._read(self._publisher.block, request.height)
        return pb.BlockResponse(
            leaf_index=block.leaf_index,
            entry=block.entry_bytes,
            size=block.after.size,
            root=block.after.root,
            next=block.following,
        )

    async def policy(self, request: pb.PolicyRequest) -> pb.PolicyResponse:
        leaf, entry = await self._read(self._publisher.policy, request.serial)
        return pb.PolicyResponse(leaf_index=leaf, entry=entry)

    async def consistency(self, request: pb.ConsistencyRequest) -> pb.ConsistencyResponse:
        path, old_root, new_root = await self._read(
            self._publisher.consistency, request.old_size, request.new_size
        )
        return pb.ConsistencyResponse(path=path, old_root=old_root, new_root=new_root)

    async def contradictions(self, _: pb.ContradictionsRequest) -> pb.ContradictionsResponse:
        """Also from a member that stopped serving because of them."""
        answer, size = pb.ContradictionsResponse(), 0
        for name, each in self._participant.ledger.exposure.files.items():
            size += len(each.data)
            if size <= FILES_SIZE_MAX:
                answer.contradictions.add(name=name, text=each.data)
        return answer

    async def _read(
        self, publish: Callable[[*_Arguments, Note], _Result], *wanted: *_Arguments
    ) -> _Result:
        """What is asked for, out of the tree under the newest published note."""
        note = self._participant.note
        self._participant.check_serving()
        if note is None:
            raise Absent("no checkpoint has a quorum of seals yet")
        return await self._participant.read(publish, *wanted, note)
