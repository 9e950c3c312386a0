"""A running member answers for its published log: gateways and members, and nobody else."""

from typing import Any

import grpc
import pytest

from node import member_pb2 as pb
from node.evidence.digests import sha256
from node.evidence.entry import BlockEntry, parse_entry
from node.evidence.merkle import leaf_hash, verify_consistency
from node.evidence.sealed import parse_sealed
from node.evidence.tiles import WIDTH, tiles
from node.gateway.members.links import Endpoint, Identity, Link
from node.member.publishing import Publisher
from node.published.layout import BUNDLE_SIZE_MAX, split_bundle

pytestmark = pytest.mark.anyio


async def test_what_is_published_leads_to_the_checkpoint(house: Any) -> None:
    """From the note alone: its tiles give its root, its bundles their leaves, its bodies too."""
    house.start()
    for number in range(3):
        (outcome,) = await house.propose(house.world.deposited(number, 2))
        await house.proof("court", outcome.position.statement_id)
    note = (await house.call("court", "Checkpoint", pb.CheckpointRequest())).note
    head = parse_sealed(note).checkpoint
    assert 0 < head.size < WIDTH
    (tile,) = tiles(0, head.size)
    asked = pb.TileRequest(level=0, index=0, width=tile.width)
    hashes = (await house.call("court", "Tile", asked)).hashes
    request = pb.EntriesRequest(index=0, width=head.size)
    entries = split_bundle((await house.call("court", "Entries", request)).bundle)
    assert hashes == b"".join(map(leaf_hash, entries))
    for entry in map(parse_entry, entries):
        if isinstance(entry, BlockEntry):
            response = await house.call("court", "Body", pb.BodyRequest(height=entry.height))
            assert sha256(response.data) == entry.body
            block = await house.call("court", "Block", pb.BlockRequest(height=entry.height))
            assert parse_entry(entries[block.leaf_index]) == entry
            assert [block.next] == (entries[block.size : block.size + 1] or [b""])
    policy = await house.call("court", "Policy", pb.PolicyRequest(serial=1))
    assert (policy.leaf_index, policy.entry) == (1, entries[1])
    request = pb.ConsistencyRequest(old_size=2, new_size=head.size)
    answer = await house.call("court", "Consistency", request)
    assert answer.new_root == head.root
    verify_consistency(2, answer.old_root, head.size, head.root, list(answer.path))


async def test_what_is_not_published_is_absent_and_what_cannot_be_is_malformed(house: Any) -> None:
    house.start()
    (outcome,) = await house.propose(house.world.deposited(1))
    await house.proof("court", outcome.position.statement_id)
    absent: Any = (
        ("Tile", pb.TileRequest(level=1, index=0, width=1)),
        ("Tile", pb.TileRequest(level=4_000_000_000, index=2**64 - 1, width=1)),
        ("Entries", pb.EntriesRequest(index=1, width=1)),
        ("Body", pb.BodyRequest(height=10_000)),
        ("Block", pb.BlockRequest(height=10_000)),
        ("Policy", pb.PolicyRequest(serial=2)),
        ("Consistency", pb.ConsistencyRequest(old_size=1, new_size=10_000)),
    )
    member = house.identity("court")
    for method, request in absent:
        for identity in (None, member):
            with pytest.raises(Exception, match="absent") as caught:
                await house.call("court", method, request, identity)
            assert caught.value.status is grpc.StatusCode.NOT_FOUND  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="malformed"):
        await house.call("court", "Consistency", pb.ConsistencyRequest(new_size=1))


async def test_the_largest_bundle_reaches_a_gateway(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = bytes(BUNDLE_SIZE_MAX)
    monkeypatch.setattr(Publisher, "entries", lambda *_: bundle)
    house.start()
    (outcome,) = await house.propose(house.world.deposited(1))
    await house.proof("court", outcome.position.statement_id)
    config, own = house.configs["court"], house.gateway
    member = Endpoint("court", config.listen, config.certificate.read_bytes())
    link = Link(member, Identity(own.certificate, own.private_key))
    try:
        answer = await link.call("Entries", pb.EntriesRequest(width=256), timeout_s=20)
        assert answer.bundle == bundle
    finally:
        await link.channel.close()
