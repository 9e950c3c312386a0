"""GET /v1/blocks/{height}: what the published tree says, and no member's word."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from node import member_pb2 as pb
from node.evidence.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint
from node.evidence.merkle import root

pytestmark = pytest.mark.anyio

HEIGHTS = 5


@pytest.fixture
async def log(client: Any, cluster: Any) -> Any:
    """Of a gateway over some blocks, one of them with a deposit; nobody has a key."""
    await client.anchor({"digests": {"sha256": "ab" * 32}, "size": 23})
    while cluster.memory.chain.height < HEIGHTS:
        cluster.apply([])
    del client.http.headers["authorization"]
    return client


async def test_blocks_are_for_everybody_and_follow_each_other(log: Any, cluster: Any) -> None:
    before = bytes(32).hex()
    for height in range(cluster.memory.chain.height + 1):
        told = (await log.get(f"/v1/blocks/{height}")).json()
        entry, checkpoint = told["entry"].encode(), told["checkpoint"].encode()
        assert entry == cluster.memory.leaves[told["leaf_index"]]
        assert parse_checkpoint(checkpoint) == cluster.heads[height]
        assert told["block_hash"] == sha256(entry + checkpoint).hexdigest()
        assert told["entry_hash"] == sha256(b"\0" + entry).hexdigest()
        assert (told["height"], told["previous"]) == (height, before)
        assert told["size"] == told["leaf_index"] + 1 + told["taken"]
        assert told["root"] == cluster.heads[height].root.hex()
        assert told["body"] == sha256(cluster.bodies[height]).hexdigest()
        before = told["block_hash"]
    assert before == cluster.memory.chain.block_hash.hex()


async def test_what_no_quorum_has_sealed_is_not_there(log: Any, cluster: Any) -> None:
    height = cluster.memory.chain.height
    for member in cluster.members.values():
        member.published = height - 1
    last = await log.get(f"/v1/blocks/{height - 1}")
    assert last.json()["size"] == cluster.heads[height - 1].size
    for beyond in (height, 999_999_999_999_999):
        response = await log.get(f"/v1/blocks/{beyond}")
        assert (response.status_code, response.json()["code"]) == (404, "NOT_PUBLISHED")


@pytest.mark.parametrize("height", ["-1", "01", "+1", "1.0", "x", "%31%20", "1" * 16])
async def test_a_height_has_one_spelling(log: Any, height: str) -> None:
    response = await log.get(f"/v1/blocks/{height}")
    assert (response.status_code, response.json()["code"]) == (422, "FIELD_INVALID")


def lying(cluster: Any, change: Callable[[pb.BlockResponse], None], height: int) -> Any:
    """The true answer, but for this."""
    heads, leaves = cluster.heads, cluster.memory.leaves
    first, after = heads[height - 1].size, heads[height]
    answer = pb.BlockResponse(
        leaf_index=first, entry=leaves[first], size=after.size, root=after.root
    )
    if after.size < len(leaves):
        answer.next = leaves[after.size]
    change(answer)
    return answer


def other_root(answer: pb.BlockResponse) -> None:
    answer.root = bytes(32)


def no_root(answer: pb.BlockResponse) -> None:
    answer.root = b""


def other_leaf(answer: pb.BlockResponse) -> None:
    answer.leaf_index += 1


def other_entry(answer: pb.BlockResponse) -> None:
    answer.entry = answer.entry.replace(b"\nproposer court\n", b"\nproposer notary\n")


def other_following(answer: pb.BlockResponse) -> None:
    """A block that nobody agreed on, and one more that names it."""
    other_entry(answer)
    body = format_checkpoint(Checkpoint("cunzheng.test/devnet", answer.size, answer.root))
    old = answer.next.partition(b"\nprevious ")[2][:64]
    answer.next = answer.next.replace(old, sha256(answer.entry + body).hexdigest().encode())


def nothing_after(answer: pb.BlockResponse) -> None:
    answer.next = b""


def no_block(answer: pb.BlockResponse) -> None:
    answer.entry = b"nothing"


def beyond(answer: pb.BlockResponse) -> None:
    answer.size = 2**64 - 1


LIES = (
    *(other_root, no_root, other_leaf, other_entry),
    *(other_following, nothing_after, no_block, beyond),
)


@pytest.mark.parametrize("lie", LIES, ids=[lie.__name__ for lie in LIES])
async def test_what_does_not_stand_in_the_tree_is_passed_over(
    lie: Callable[[pb.BlockResponse], None], log: Any, cluster: Any
) -> None:
    told = (await log.get("/v1/blocks/2")).json()
    honest, *liars = cluster.members.values()
    for each in liars:
        each.lies = {"Block": lying(cluster, lie, 2)}
    assert (await log.get("/v1/blocks/2")).json() == told
    honest.lies = liars[0].lies
    refused = await log.get("/v1/blocks/2")
    assert refused.status_code in (404, 503), refused.text
    assert "block_hash" not in refused.json()


async def test_the_last_block_ends_with_the_tree(log: Any, cluster: Any) -> None:
    height = cluster.memory.chain.height
    hashes = [sha256(b"\0" + leaf).digest() for leaf in cluster.memory.leaves]
    told = (await log.get(f"/v1/blocks/{height}")).json()
    assert told["root"] == root(hashes).hex()
    for each in cluster.members.values():
        each.lies = {"Block": lying(cluster, other_root, height)}
    assert (await log.get(f"/v1/blocks/{height}")).json()["code"] == "CANNOT_CHECK"
