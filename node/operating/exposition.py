"""Metrics for Prometheus on a listener of their own, which is never the one for everybody.

    GET /metrics    all of them, as text; anything else is 404

HTTP/1.1 as far as a scraper needs it: one request a connection, 8 KiB of it, within five seconds.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from node.errors import Misconfigured, zh_reason

REQUEST_SIZE_MAX = 8_192
PATIENCE_S = 5.0

_log = logging.getLogger(__name__)


async def expose(address: str, registry: CollectorRegistry) -> NoReturn:
    """Serve them on HOST:PORT until cancelled. Runs where what is measured runs, in its loop."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                line = await _request_line(reader)
                if line.startswith((b"GET /metrics ", b"GET /metrics?")):
                    writer.write(_answer(b"200 OK", generate_latest(registry)))
                else:
                    writer.write(_answer(b"404 Not Found", b""))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        except Exception:
            _log.exception("metrics could not be told")  # What is measured goes on.
        finally:
            writer.close()

    host, _, port = address.rpartition(":")
    try:
        server = await asyncio.start_server(
            serve, host.strip("[]"), int(port), limit=REQUEST_SIZE_MAX
        )
    except OSError as error:
        raise Misconfigured(
            f"metrics: cannot listen on {address}: {error.strerror}",
            f"metrics：无法在 {address} 上监听：{zh_reason(error)}",
        ) from error
    async with server:
        await server.serve_forever()
    raise AssertionError("it ends only by cancellation")


async def _request_line(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head.partition(b"\r\n")[0]


def _answer(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (
        status,
        CONTENT_TYPE_LATEST.encode(),
        len(body),
    )
    return head + body
