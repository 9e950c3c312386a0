"""What a client without a key can do to the process: nothing that fills its memory or stays."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn

from node.gateway.http import connections
from node.gateway.http.connections import Connection
from tests.node.gateway.unhurried import EVENTUALLY_S

pytestmark = pytest.mark.anyio

Open = Callable[[], Any]
GET = b"GET / HTTP/1.1\r\nhost: x\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\n"


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body, once it is there."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d bytes" % size})


@pytest.fixture
async def connect() -> AsyncIterator[Open]:
    """Opens connections to a server whose connections are ours."""
    server = uvicorn.Server(
        uvicorn.Config(_echo, port=0, http=Connection, lifespan="off", log_config=None)
    )
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield lambda: asyncio.open_connection("127.0.0.1", port)
    await server.shutdown()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """All until the connection ends, which it does within the test's patience."""
    async with asyncio.timeout(EVENTUALLY_S):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def _flood(connect: Open, start: bytes, part: bytes) -> int:
    """Send `part` until the connection is cut; says how many bytes that took."""
    reader, writer = await connect()
    writer.write(start)
    sent = 0
    async with asyncio.timeout(EVENTUALLY_S):
        try:
            while not reader.at_eof() and sent < 64 << 20:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
                sent += len(part)
        except ConnectionError:
            pass
    writer.close()
    return sent


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"GET /", b"a" * 65_536),
        (GET + b"x: ", b"a" * 65_536),
        (GET, b"x: a\r\n" * 1_000),
        (POST + b"transfer-encoding: chunked\r\n\r\n1;x=", b"a" * 65_536),
        (POST + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: ", b"a" * 65_536),
    ],
    ids=["url", "one header", "many headers", "chunk extension", "trailer"],
)
async def test_a_head_without_end_is_cut(connect: Open, start: bytes, part: bytes) -> None:
    # What the sockets' buffers take in besides is not the gateway's memory.
    assert await _flood(connect, start, part) < 16 << 20


async def test_a_body_in_small_chunks_is_read(connect: Open) -> None:
    reader, writer = await connect()
    writer.write(POST + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n")
    writer.write(b"8\r\n12345678\r\n" * 50_000 + b"0\r\n\r\n")
    assert b"400000 bytes" in await _answer(reader)
    writer.close()


@pytest.mark.parametrize(
    "start",
    [b"", b"\r\n", b"GET / HT", POST + b"content-length: 8\r\n\r\n1234"],
    ids=["silence", "an empty line", "half a head", "half a body"],
)
async def test_who_sends_too_slowly_is_cut(
    connect: Open, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "GRACE_S", 0.05)
    reader, writer = await connect()
    writer.write(start)
    assert await _answer(reader) == b""
    writer.close()


async def test_who_sends_fast_enough_has_time(
    connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "GRACE_S", 0.05)
    monkeypatch.setattr(connections, "RATE_MIN", 100)
    reader, writer = await connect()
    writer.write(POST + b"connection: close\r\ncontent-length: 2048\r\n\r\n" + b"a" * 1_024)
    await asyncio.sleep(0.2)  # Longer than the grace; what has come gives ten seconds.
    writer.write(b"a" * 1_024)
    assert b"2048 bytes" in await _answer(reader)
    writer.close()


async def test_a_connection_too_many_is_cut(connect: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 1)
    first, one = await connect()
    one.write(GET + b"\r\n")
    assert await first.readuntil(b"0 bytes")
    second, two = await connect()
    assert await _answer(second) == b""
    one.write(GET + b"\r\n")
    assert await first.readuntil(b"0 bytes")
    one.close()
    two.close()
