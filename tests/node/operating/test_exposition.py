"""Metrics are told where they are asked for, and nothing else is."""

import asyncio
import socket
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from node.errors import Misconfigured
from node.operating.exposition import REQUEST_SIZE_MAX, expose

pytestmark = pytest.mark.anyio


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_a_scraper_is_answered_and_nobody_else(caplog: Any) -> None:
    registry, broken = CollectorRegistry(), CollectorRegistry()
    Gauge("cunzheng_example", "An example.", registry=registry).set(7)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    task = asyncio.create_task(expose(f"127.0.0.1:{port}", registry))
    while True:
        try:
            answer = await ask(port, b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n")
            break
        except ConnectionRefusedError:
            await asyncio.sleep(0)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain")
    assert b"\r\n\r\n# HELP cunzheng_example An example." in answer
    assert b"cunzheng_example 7.0\n" in answer
    for other in (b"GET / HTTP/1.1\r\n\r\n", b"POST /metrics HTTP/1.1\r\n\r\n"):
        assert (await ask(port, other)).startswith(b"HTTP/1.1 404")
    assert await ask(port, b"GET /metrics HTTP/1.1\r\n" + b"x" * 3 * REQUEST_SIZE_MAX) == b""
    with pytest.raises(Misconfigured, match="cannot listen"):
        await expose(f"127.0.0.1:{port}", broken)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not caplog.records
