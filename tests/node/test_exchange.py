"""Seals between members, where one of them lies."""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest

from consensus.peers import SERVER_OPTIONS, server_credentials
from node.exchange import PUSH, SEALS_MAX, Exchange, read_seals
from node.member_pb2 import Seal, SealsRequest
from node.sealing import SentSeal

pytestmark = pytest.mark.anyio


TOO_MANY = SealsRequest(seals=[Seal()] * (SEALS_MAX + 1)).SerializeToString()


@pytest.mark.parametrize("answer", [b"\xff\xff\xff", TOO_MANY], ids=["none", "too many"])
async def test_a_false_answer_ends_nothing(houses: Any, answer: bytes) -> None:
    """A member answers the question for its seals with bytes that are no answer: who asked goes on
    and still sends it its own."""
    liar, honest = houses.voters["notary"], houses.voters["court"]
    pushed: asyncio.Queue[bytes] = asyncio.Queue()

    async def pull(_: bytes, __: Any) -> bytes:
        return answer

    async def push(seals: bytes, _: Any) -> bytes:
        await pushed.put(seals)
        return b""

    async def receive(seals: Any) -> None:
        raise AssertionError(f"there were none: {seals}")

    server = grpc.aio.server(options=SERVER_OPTIONS)
    methods = {
        "PullSeals": grpc.unary_unary_rpc_method_handler(pull),
        "PushSeals": grpc.unary_unary_rpc_method_handler(push),
    }
    service = PUSH.split("/")[1]
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
    trusted = server_credentials(houses.identity("notary"), lambda: [honest.certificate])
    server.add_secure_port(liar.address, trusted)
    await server.start()
    exchange = Exchange(honest.id, houses.identity("court"), receive, lambda _: 0)
    running = asyncio.create_task(exchange.run(lambda: (honest, liar)))
    try:
        exchange.push([SentSeal(3, b"body", b"line")])
        seals = SealsRequest.FromString(await asyncio.wait_for(pushed.get(), 20))
        assert read_seals(seals.seals) == [(b"body", b"line")]
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.wait([running])
        await server.stop(None)
