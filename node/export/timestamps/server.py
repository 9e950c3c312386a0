"""Our own timestamp service as a process: settings in, HTTP out, until a signal ends it.

    POST /          application/timestamp-query -> application/timestamp-reply (RFC 3161)
    GET  /healthz   200

A request that is not stamped is answered all the same, with a rejection that says why: 200, as the
RFC has it. Only what is no request at all gets another status.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from node.errors import Misconfigured
from node.evidence.malformed import Malformed
from node.export.timestamps.authority import TimestampService
from node.export.timestamps.request import QUERY_TYPE, REQUEST_SIZE_MAX
from node.export.timestamps.response import REPLY_TYPE
from node.export.timestamps.settings import TimestampServiceConfig, load_credential
from node.gateway.http.serving import Server, listen
from node.words import OpenPoint

SHUTDOWN_S = 5
BACKLOG = 128
"""Connections that may wait to be accepted: a gateway asks once a minute."""
SERIAL_BITS = 63
"""Drawn at random, so that nothing needs to be kept; positive in every tool."""

_log = logging.getLogger(__name__)


async def run_timestamp_service(config: TimestampServiceConfig) -> None:
    """Serve until SIGINT or SIGTERM."""
    credential = load_credential(config.key, config.certificate)
    try:
        service = TimestampService(credential, config.accuracy_ms)
    except Malformed as error:
        raise Misconfigured(f"{config.certificate}: {error}") from error
    listener = listen(config.listen)
    try:
        _log.info("timestamps of %s on %s: %s", service.name, config.listen, OpenPoint.O03.en)
        server = Server(create_app(service), backlog=BACKLOG, shutdown_s=SHUTDOWN_S)
        server.stop_at_signals()
        await server.serve(sockets=[listener])
    finally:
        listener.close()


def create_app(
    service: TimestampService,
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> Starlette:
    """The HTTP side of the service."""

    async def stamp(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != QUERY_TYPE:
            return PlainTextResponse(f"only {QUERY_TYPE}\n", 415)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > REQUEST_SIZE_MAX:
                return PlainTextResponse(f"more than {REQUEST_SIZE_MAX} bytes\n", 413)
        answer = service.answer(bytes(body), clock_ms(), secrets.randbits(SERIAL_BITS))
        return Response(answer, media_type=REPLY_TYPE, headers={"cache-control": "no-store"})

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(
        routes=[
            Route("/", stamp, methods=["POST"]),
            Route("/healthz", healthz, methods=["GET"]),
        ]
    )
