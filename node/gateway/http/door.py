"""The outermost layer of the web application: what happens to every request, whatever it asks for.

It has an id, comes from somebody, is let in or told to wait, is answered with headers that keep
browsers from doing more than they should, and leaves one line in the log: id, method, route,
status, milliseconds, and the account if there was one. No line holds a body, a digest, a key or an
address; who looked at what is in the record of accesses, where it can be erased.

A bug ends here too: the client is told that it was one, the log says where.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.gateway.gateway import gateway_of
from node.gateway.http.documents import problem_response
from node.gateway.http.limits import Limits, rate_limited
from node.gateway.http.problems import Problem
from node.gateway.operating.metrics import GatewayMetrics
from node.operating.logs import told
from node.operating.request_id import HEADER, request_id, working_on

Network = IPv4Network | IPv6Network

HOPS_MAX = 16
"""Proxies between a client and this gateway; what a client wrote before them does not matter."""
NO_ROUTE = "none"
"""What is asked for and not there is one route in the log: paths may hold anything."""

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_NOTHING_RUNS = b"default-src 'none'; frame-ancestors 'none'"
_DOCS = "/docs"
_DOCS_RUN = (
    b"default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline';"
    b" script-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)
"""The page at /docs begins with a script of its own; all it loads comes with it."""
_ONLY_TLS = (b"strict-transport-security", b"max-age=31536000")

_log = logging.getLogger("node.gateway.requests")


class Door:
    """In front of all routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, begun_s, status = Headers(scope=scope), time.perf_counter(), 0
        gateway, identity = gateway_of(Request(scope)), request_id(headers.get(HEADER))
        scope["state"]["request_id"] = identity
        scope["client"] = came_from(
            scope.get("client"), headers.getlist("x-forwarded-for"), gateway.trusted_proxies
        )
        further = _further(scope, identity, gateway.only_tls)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *further]
            await send(message)

        with working_on(identity):
            try:
                await self._let_in(gateway.limits, scope, receive, answer)
            except Exception as error:
                _log.error("a bug", extra=told(error))
                if status:  # Half an answer is none: the server ends the connection.
                    raise
                problem = problem_response(Request(scope), Problem.INTERNAL)
                await problem(scope, receive, answer)
            finally:
                _leave(gateway.metrics, scope, status, time.perf_counter() - begun_s)

    async def _let_in(self, limits: Limits, scope: Scope, receive: Receive, send: Send) -> None:
        host = _host(scope)
        shown = "client_certificate" in scope["state"]
        has_credential = shown or "authorization" in Headers(scope=scope)
        wait_s = limits.borrow(host) if has_credential else limits.take_for_address(host)
        if wait_s:
            refusal = rate_limited(limits, "anonymous", wait_s)
            response = problem_response(Request(scope), refusal.problem, refusal.values)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _further(scope: Scope, identity: str, only_tls: bool) -> list[tuple[bytes, bytes]]:
    policy = _DOCS_RUN if scope["path"].startswith(_DOCS) else _NOTHING_RUNS
    return [
        (HEADER.encode(), identity.encode()),
        (b"content-security-policy", policy),
        *_HEADERS,
        *((_ONLY_TLS,) if only_tls else ()),
    ]


def _leave(metrics: GatewayMetrics, scope: Scope, status: int, seconds: float) -> None:
    """Status 0: nobody was there any more to be answered."""
    route = getattr(scope.get("route"), "path", NO_ROUTE)
    said = {
        "method": scope["method"],
        "route": route,
        "status": status,
        "ms": round(seconds * 1000, 1),
    }
    if account := scope["state"].get("account"):
        said["account"] = account
    _log.info("request", extra=said)
    metrics.request(scope["method"], route, status, seconds)


def came_from(
    peer: tuple[str, int] | None, forwarded: Sequence[str], trusted: Sequence[Network]
) -> tuple[str, int] | None:
    """Who sent a request: the nearest address that is no proxy of ours. What a stranger writes into
    X-Forwarded-For is nobody's word; the port is known only of who is connected to us."""
    if peer is None or not _is_in(peer[0], trusted):
        return peer
    found = peer
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    for hop in reversed(hops[-HOPS_MAX:]):
        try:
            found = str(ip_address(hop)), 0
        except ValueError:
            break
        if not _is_in(found[0], trusted):
            break
    return found


def _is_in(host: str, networks: Sequence[Network]) -> bool:
    if not networks:  # Most gateways have no proxy before them.
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in networks)


def _host(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""
