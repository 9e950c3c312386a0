"""What every HTTP process here does alike: where it listens, and how it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from node.errors import Misconfigured


class Server(uvicorn.Server):
    """uvicorn without signals of its own: it would end the process before its owner has ended."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Take no new requests, answer those under way, return from `serve`."""
        self.should_exit = True

    def stop_at_signals(self) -> None:
        """SIGINT and SIGTERM mean `stop`."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)


def listen(address: str) -> socket.socket:
    """A socket that listens on HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        return socket.create_server((host.strip("[]"), int(port)), family=family)
    except OSError as error:
        raise Misconfigured(f"cannot listen on {address}: {error.strerror}") from error
