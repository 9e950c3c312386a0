"""The published log of a member that is faked: the plainest way from leaves to every answer."""

from typing import Any

import grpc

from node import member_pb2 as pb
from node.evidence import merkle
from node.evidence.entry import PolicyEntry, parse_entry


async def _absent(context: Any) -> None:
    status = grpc.StatusCode.NOT_FOUND
    await context.abort(status, "absent", (("cunzheng-error", "absent"),))


class FakeLog:
    """The answers of a member about its log; `cluster` is the chain all members share."""

    cluster: Any
    published: int | None
    contradictions: dict[str, bytes]

    def log_methods(self) -> dict[str, tuple[Any, Any]]:
        return {
            "Tile": (pb.TileRequest, self._tile),
            "Entries": (pb.EntriesRequest, self._entries),
            "Body": (pb.BodyRequest, self._body),
            "Block": (pb.BlockRequest, self._block),
            "Policy": (pb.PolicyRequest, self._policy),
            "Consistency": (pb.ConsistencyRequest, self._consistency),
            "Health": (pb.HealthRequest, self._health),
            "Contradictions": (pb.ContradictionsRequest, self._contradictions),
        }

    def _leaves(self) -> list[bytes]:
        """The leaves under the newest checkpoint it has published."""
        height = self._height()
        leaves: list[bytes] = self.cluster.memory.leaves[: self.cluster.heads[height].size]
        return leaves

    def _height(self) -> int:
        height: int = self.cluster.memory.chain.height
        return height if self.published is None else self.published

    async def _tile(self, request: pb.TileRequest, context: Any) -> pb.TileResponse:
        level, nodes = [*map(merkle.leaf_hash, self._leaves())], 8 * request.level
        for _ in range(nodes):
            pairs = zip(level[::2], level[1::2], strict=False)
            level = [merkle.node_hash(left, right) for left, right in pairs]
        first = 256 * request.index
        hashes = level[first : first + request.width]
        if len(hashes) < request.width:
            await _absent(context)
        return pb.TileResponse(hashes=b"".join(hashes))

    async def _entries(self, request: pb.EntriesRequest, context: Any) -> pb.EntriesResponse:
        first = 256 * request.index
        entries = self._leaves()[first : first + request.width]
        if len(entries) < request.width:
            await _absent(context)
        bundle = b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
        return pb.EntriesResponse(bundle=bundle)

    async def _body(self, request: pb.BodyRequest, context: Any) -> pb.BodyResponse:
        if request.height > self._height():
            await _absent(context)
        return pb.BodyResponse(data=self.cluster.bodies[request.height])

    async def _block(self, request: pb.BlockRequest, context: Any) -> pb.BlockResponse:
        if request.height > self._height():
            await _absent(context)
        heads, leaves = self.cluster.heads, self._leaves()
        first = heads[request.height - 1].size if request.height else 0
        after = heads[request.height]
        return pb.BlockResponse(
            leaf_index=first,
            entry=leaves[first],
            size=after.size,
            root=after.root,
            next=leaves[after.size] if after.size < len(leaves) else b"",
        )

    async def _policy(self, request: pb.PolicyRequest, context: Any) -> pb.PolicyResponse:
        for index, leaf in enumerate(self._leaves()):
            entry = parse_entry(leaf) if b"\nkind policy\n" in leaf else None
            if isinstance(entry, PolicyEntry) and entry.note.serial == request.serial:
                return pb.PolicyResponse(leaf_index=index, entry=leaf)
        await _absent(context)
        raise AssertionError("abort raises")

    async def _consistency(
        self, request: pb.ConsistencyRequest, context: Any
    ) -> pb.ConsistencyResponse:
        hashes = [*map(merkle.leaf_hash, self._leaves())]
        old, new = request.old_size, request.new_size
        if new > len(hashes):
            await _absent(context)
        return pb.ConsistencyResponse(
            path=merkle.consistency_path(old, new, hashes),
            old_root=merkle.root(hashes[:old]),
            new_root=merkle.root(hashes[:new]),
        )

    async def _contradictions(
        self, _: pb.ContradictionsRequest, __: Any
    ) -> pb.ContradictionsResponse:
        found = self.contradictions.items()
        return pb.ContradictionsResponse(
            contradictions=[pb.Contradiction(name=name, text=text) for name, text in found]
        )

    async def _health(self, request: pb.HealthRequest, _: Any) -> pb.HealthResponse:
        """What the test has this member tell (`lies`); else that there is nothing."""
        del request
        return pb.HealthResponse()
