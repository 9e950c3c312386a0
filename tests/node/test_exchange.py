"""Seals between members, where one of them lies or refuses."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from consensus.peers import SERVER_OPTIONS, server_credentials
from node.member import exchange
from node.member.exchange import (
    PAUSE_S,
    PAUSE_S_MAX,
    PUSH,
    SEALS_MAX,
    Exchange,
    next_pause_s,
    read_seals,
)
from node.member_pb2 import Seal, SealsRequest
from node.seals.sealing import SentSeal

pytestmark = pytest.mark.anyio


TOO_MANY = SealsRequest(seals=[Seal()] * (SEALS_MAX + 1)).SerializeToString()


Answers = Callable[[bytes, Any], Any]


@asynccontextmanager
async def between(houses: Any, pull: Answers, push: Answers) -> AsyncIterator[Exchange]:
    """What court exchanges with notary, which answers so."""
    notary, court = houses.voters["notary"], houses.voters["court"]

    async def receive(seals: Any) -> None:
        raise AssertionError(f"there were none: {seals}")

    server = grpc.aio.server(options=SERVER_OPTIONS)
    methods = {
        "PullSeals": grpc.unary_unary_rpc_method_handler(pull),
        "PushSeals": grpc.unary_unary_rpc_method_handler(push),
    }
    service = PUSH.split("/")[1]
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
    trusted = server_credentials(houses.identity("notary"), lambda: [court.certificate])
    server.add_secure_port(notary.address, trusted)
    await server.start()
    exchanging = Exchange(court.id, houses.identity("court"), receive, lambda _: 0, receive)
    running = asyncio.create_task(exchanging.run(lambda: (court, notary)))
    try:
        yield exchanging
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.wait([running])
        await server.stop(None)


@pytest.mark.parametrize("answer", [b"\xff\xff\xff", TOO_MANY], ids=["none", "too many"])
async def test_a_false_answer_ends_nothing(houses: Any, answer: bytes) -> None:
    """A member answers the question for its seals with bytes that are no answer: who asked goes on
    and still sends it its own."""
    pushed: asyncio.Queue[bytes] = asyncio.Queue()

    async def pull(_: bytes, __: Any) -> bytes:
        return answer

    async def push(seals: bytes, _: Any) -> bytes:
        await pushed.put(seals)
        return b""

    async with between(houses, pull, push) as exchanging:
        exchanging.push([SentSeal(3, b"body", b"line")])
        seals = SealsRequest.FromString(await asyncio.wait_for(pushed.get(), 20))
        assert read_seals(seals.seals) == [(b"body", b"line")]


async def test_a_refusal_is_logged_once(
    houses: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words of who refuses; it is asked again and again."""
    monkeypatch.setattr(exchange, "PAUSE_S_MAX", PAUSE_S)
    caplog.set_level(logging.INFO)
    asked: asyncio.Queue[None] = asyncio.Queue()

    async def refuse(_: bytes, context: Any) -> None:
        await asked.put(None)
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "who is that")

    async with between(houses, refuse, refuse):
        for _ in range(3):
            await asyncio.wait_for(asked.get(), 20)
    notary = houses.voters["notary"].id
    assert [line for line in caplog.messages if "seals" in line] == [
        f"seals to {notary}: who is that"
    ]


async def test_who_is_refused_asks_ever_more_rarely() -> None:
    pauses_s = [0.0]
    for _ in range(10):
        pauses_s.append(next_pause_s(pauses_s[-1], grpc.StatusCode.PERMISSION_DENIED))
    assert pauses_s[1:4] == [PAUSE_S, 2 * PAUSE_S, 4 * PAUSE_S]
    assert pauses_s[-1] == PAUSE_S_MAX
    assert next_pause_s(PAUSE_S_MAX, grpc.StatusCode.UNAVAILABLE) == PAUSE_S
