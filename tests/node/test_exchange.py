"""Seals between members, where one of them lies."""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest

from consensus.messages import Configuration
from consensus.peers import SERVER_OPTIONS, server_credentials
from node.exchange import PUSH, Exchange, read_seals
from node.member_pb2 import SealsRequest
from node.sealing import SentSeal

pytestmark = pytest.mark.anyio


async def test_an_answer_that_is_none_ends_nothing(houses: Any) -> None:
    """A member answers the question for its seals with bytes that are no answer: who asked goes on
    and still sends it its own."""
    liar, honest = houses.voters["notary"], houses.voters["court"]
    pushed: asyncio.Queue[bytes] = asyncio.Queue()

    async def pull(_: bytes, __: Any) -> bytes:
        return b"\xff\xff\xff"

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
    running = asyncio.create_task(exchange.run(lambda: Configuration((honest, liar))))
    try:
        exchange.push([SentSeal(3, b"body", b"line")])
        seals = SealsRequest.FromString(await asyncio.wait_for(pushed.get(), 20))
        assert read_seals(seals) == [(b"body", b"line")]
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.wait([running])
        await server.stop(None)
