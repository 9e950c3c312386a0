"""Large bodies share a bounded room: further ones wait a little, then are refused as busy."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.evidence.digests import sha256
from node.gateway.http.room import BODIES_MAX

pytestmark = pytest.mark.anyio

ITEMS = b"".join(sha256(b"%d" % number) for number in range(100))
QUERY = {"alg": "sha256"}
FILE = {"digests": {"sha256": "01" * 32}, "size": 1}


async def test_without_room_a_batch_is_refused_as_busy(
    client: Any, cluster: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("node.gateway.http.room.WAIT_S", 0)
    async with client.gateway.room.hold() as held:
        await held.grow(BODIES_MAX - len(ITEMS) + 1)
        for body, query in ((ITEMS, QUERY), ({"items": [FILE] * 100}, {})):
            response = await client.batch(body, params=query)
            assert (response.status_code, response.json()["code"]) == (503, "BUSY")
            assert response.headers["retry-after"] == "1"
        assert client.left_nothing()
        assert (await client.batch(ITEMS[:32], params=QUERY)).status_code == 201
        assert (await client.anchor(FILE)).status_code == 201
    assert (await client.batch(ITEMS, params=QUERY)).status_code == 201


async def test_batches_wait_for_one_another(client: Any) -> None:
    """There is room for one at a time, held until it is stored."""
    room = client.gateway.room
    async with room.hold() as held:
        await held.grow(BODIES_MAX - len(ITEMS))
        answers = await asyncio.gather(
            *(client.batch(ITEMS, params=QUERY) for _ in range(5)),
        )
    assert {answer.status_code for answer in answers} == {201}
    assert room.free == BODIES_MAX


async def test_room_is_given_back_however_a_request_ends(client: Any) -> None:
    room = client.gateway.room
    for body, query in ((ITEMS[:-1], QUERY), (b"{", {}), (bytes(32 * 262_144 + 32), QUERY)):
        assert (await client.batch(body, params=query)).status_code >= 400
        assert room.free == BODIES_MAX


async def test_nothing_is_held_while_a_client_waits_for_the_chain(
    client: Any, cluster: Any, eventually: Any
) -> None:
    async def stored() -> bool:
        return bool(client.rows() == 1 and client.gateway.room.free == BODIES_MAX)

    cluster.applying.clear()
    waiting = asyncio.create_task(client.batch(ITEMS, params=QUERY))
    await eventually(stored)
    cluster.applying.set()
    assert (await waiting).status_code == 201


async def test_a_body_holds_what_has_arrived_of_it(client: Any) -> None:
    """A client that announces much and sends little takes little from the others."""
    left = []

    async def in_parts() -> AsyncIterator[bytes]:
        for at in range(0, 96, 32):
            yield ITEMS[at : at + 32]
            left.append(BODIES_MAX - client.gateway.room.free)

    headers = {
        "content-type": "application/octet-stream",
        "content-length": str(len(ITEMS)),
        "idempotency-key": "parts",
    }
    options = {"params": QUERY, "headers": headers, "content": in_parts()}
    await client.http.post("/v1/anchors:batch", **options)
    assert left == [32, 64, 96]
    assert client.gateway.room.free == BODIES_MAX
