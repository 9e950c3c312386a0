"""The clients that make a devnet's load."""

import asyncio

import pytest

from devnet.load import Client

pytestmark = pytest.mark.anyio


async def test_a_connection_that_has_ended_meanwhile_is_opened_again() -> None:
    """A gateway ends those that are not used for some seconds, and a busy machine makes pauses."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        host, port = server.sockets[0].getsockname()
        client = Client(f"http://{host}:{port}", "a key")
        for _ in range(3):
            assert (await client.ask("GET", "/")).value == {}
            await ended.wait()
            ended.clear()
        client.close()
