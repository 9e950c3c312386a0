"""What every HTTP process here does alike: settings, where it listens, how it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from node.errors import Misconfigured, zh_reason
from node.gateway.http.connections import Connection


class Server(uvicorn.Server):
    """uvicorn without signals of its own: it would end the process before its owner has ended."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        backlog: int,
        shutdown_s: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`backlog` connections wait to be accepted; requests have `shutdown_s` to end."""
        # It warns of every connection that speaks no HTTP: anybody could fill the disk with that.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                ws="none",
                lifespan="off",
                backlog=backlog,
                # Applications write their own lines, which know more (`gateway.door`).
                access_log=False,
                log_config=None,
                server_header=False,
                # It would believe X-Forwarded-For of whoever is on this machine.
                proxy_headers=False,
                timeout_graceful_shutdown=shutdown_s,
                ssl_context_factory=None if tls is None else lambda *_: tls,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Take no new requests, answer those under way, return from `serve`."""
        self.should_exit = True

    def stop_at_signals(self, stop: Callable[[], None] | None = None) -> None:
        """SIGINT and SIGTERM mean `stop`, or what is given in its place."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop or self.stop)


def listen(address: str) -> socket.socket:
    """A socket that listens on HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        return socket.create_server((host.strip("[]"), int(port)), family=family)
    except OSError as error:
        raise Misconfigured(
            f"cannot listen on {address}: {error.strerror}",
            f"无法在 {address} 上监听：{zh_reason(error)}",
        ) from error
