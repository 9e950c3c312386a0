"""Connections: what a client may send before anybody knows who it is.

uvicorn and its parser bound neither the head of a request nor the time a client takes to send it,
so one connection could fill the memory and a few thousand could hold the process for ever. Here a
request has a bounded head, arrives at a least rate, and shares a bounded number of connections. A
connection that breaks one of these is cut: its client speaks no HTTP that deserves an answer.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from node.gateway.http.tls import shown_certificate

FRAMING_SIZE_MAX = 65_536
"""Everything of a request that is not its body: the longest statement takes 6 kB of head. A body in
small chunks has more around it: as much as the body itself is allowed besides."""
GRACE_S = 20.0
"""A request is here within this time, and a second more for every `RATE_MIN` bytes that came."""
RATE_MIN = 8_192
"""Bytes a second: the slowest line on which 8 MiB of packed items still arrive, in 17 minutes."""
HEADERS_MAX = 128
"""Each costs far more memory than its bytes; browsers and proxies together send a few dozen."""
CONNECTIONS_MAX = 2_048
"""Connections open at once; with heads as large as one read they stay within half a gigabyte."""


class Connection(HttpToolsProtocol):
    """One client's connection, which also counts and keeps the time, and says to every request
    which certificate the client has shown, if any (`request.state.client_certificate`)."""

    _framing = 0
    _body_here = 0
    _received = 0
    _begun_s = 0.0
    _whole = False
    _patience: asyncio.TimerHandle | None = None
    _certificate: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._certificate = shown_certificate(transport.get_extra_info("ssl_object"))
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
            return
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._patience is None:  # The first byte after a whole request.
            self._begin()
        self._body_here = 0
        super().data_received(data)
        self._framing += len(data) - self._body_here
        self._received += len(data)
        if self._framing > FRAMING_SIZE_MAX + self._received // 2:
            self.transport.abort()

    def on_message_begin(self) -> None:
        self._whole = False
        self._framing = self._received = 0
        super().on_message_begin()
        if self._certificate is not None:
            self.scope["state"]["client_certificate"] = self._certificate

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) < HEADERS_MAX:
            super().on_header(name, value)
        else:
            self.transport.abort()

    def on_body(self, body: bytes) -> None:
        self._body_here += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._whole = True
        self._end()
        super().on_message_complete()

    def _begin(self) -> None:
        self._begun_s = self.loop.time()
        self._patience = self.loop.call_later(GRACE_S, self._judge)

    def _end(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _judge(self) -> None:
        """Cut the connection unless the request came fast enough to be given more time."""
        self._patience = None
        if self._whole and not self.cycle.response_complete:
            return  # Only bytes between requests; the request itself is being answered.
        left_s = self._begun_s + GRACE_S + self._received / RATE_MIN - self.loop.time()
        if left_s > 0:
            self._patience = self.loop.call_later(left_s, self._judge)
        else:
            self.transport.abort()
