"""What this machine does at this moment, without anything of ours: the measures of the bench.

A number of anchors per second says nothing without the machine and whatever else it was doing. Each
yardstick is one plain operation that our figures are made of, measured for a short time in the same
run, in this one process.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
import nacl.signing

WRITE_BYTES = 4_096
PAGE_BYTES = 1 + 16 * 32
"""A page of 16 items as a leaf of an item tree."""
ECHO_BYTES = 1_024
ECHOES_AT_ONCE = 32

Clock = Callable[[], float]
"""In seconds: that of the wall, or of what this process has had of the processor."""


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """All of them, by name as in the report; times in milliseconds are medians."""

    fdatasync_ms: float
    echo_ms: float
    echoes_per_s: float
    verifies_per_s: float
    pages_per_s: float


async def measure(directory: Path, seconds: float) -> Yardsticks:
    """Take all of them, each for this long, writing in `directory`."""
    async with _Echo() as echo:
        echo_ms = await _echo_ms(echo.call, seconds)
        echoes_per_s = await _echoes_per_s(echo.call, seconds)
    return Yardsticks(
        fdatasync_ms=_fdatasync_ms(directory / "yardstick", seconds),
        echo_ms=echo_ms,
        echoes_per_s=echoes_per_s,
        verifies_per_s=verifies_per_s(seconds),
        pages_per_s=pages_per_s(seconds),
    )


def per_second(operation: Callable[[], object], seconds: float, clock: Clock) -> float:
    """How often this can be done in a second of this clock, tried for so long."""
    count, start = 0, clock()
    while (elapsed := clock() - start) < seconds:
        operation()
        count += 1
    return count / elapsed


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of them lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _fdatasync_ms(path: Path, seconds: float) -> float:
    """Appending 4 KiB to a file until they are on the disk."""
    times: list[float] = []
    data = bytes(WRITE_BYTES)
    with path.open("wb", buffering=0) as file:
        start = time.perf_counter()
        while (before := time.perf_counter()) - start < seconds:
            file.write(data)
            os.fdatasync(file.fileno())
            times.append(1000 * (time.perf_counter() - before))
    path.unlink()
    return percentile(times, 0.5)


def verifies_per_s(seconds: float, clock: Clock = time.perf_counter) -> float:
    """Ed25519 over 300 bytes, about a statement."""
    key = nacl.signing.SigningKey.generate()
    signed, public = key.sign(bytes(300)), key.verify_key
    return per_second(lambda: public.verify(signed), seconds, clock)


def pages_per_s(seconds: float, clock: Clock = time.perf_counter) -> float:
    """SHA-256 over a page of 16 items."""
    page = bytes(PAGE_BYTES)
    return per_second(lambda: hashlib.sha256(page).digest(), seconds, clock)


async def _echo_ms(call: Callable[[], Awaitable[object]], seconds: float) -> float:
    """One echo after the other."""
    times: list[float] = []
    start = time.perf_counter()
    while (before := time.perf_counter()) - start < seconds:
        await call()
        times.append(1000 * (time.perf_counter() - before))
    return percentile(times, 0.5)


async def _echoes_per_s(call: Callable[[], Awaitable[object]], seconds: float) -> float:
    """Many echoes at once."""
    count, start = 0, time.perf_counter()

    async def keep_calling() -> None:
        nonlocal count
        while time.perf_counter() - start < seconds:
            await call()
            count += 1

    await asyncio.gather(*(keep_calling() for _ in range(ECHOES_AT_ONCE)))
    return count / (time.perf_counter() - start)


class _Echo:
    """gRPC, unary, 1 KiB, without TLS; client and server share this process."""

    async def __aenter__(self) -> _Echo:
        async def answer(request: bytes, _: object) -> bytes:
            return request

        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("bench", {"Echo": handler}),)
        )
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            "/bench/Echo"
        )
        self._call = call
        self._data = bytes(ECHO_BYTES)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()
        await self._server.stop(None)

    async def call(self) -> object:
        """One echo."""
        return await self._call(self._data)
