"""The network between the processes of a devnet, as bad as somebody wants it: cut and slowed down.

    network = Network(addresses)        # the name behind every address that is connected to
    async with network:
        environment = network.environment("court")     # of a process that is to be started
        network.cut("court", "notary")                 # court is not heard by notary any more
        network.slow("notary", "court", 0.1)
        network.heal()

gRPC obeys the variable `grpc_proxy`: it opens its connections by asking an HTTP proxy there to
CONNECT. So every process is given a proxy of its own, and for every connection it is known who made
it and to whom; nobody's settings change, and TLS passes untouched. All proxies are in this process.

What is cut is lost as packets are: nothing arrives, nobody is told, and what TCP would send again
comes through when the cut is healed. A connection has two directions whoever made it, and either
can be cut alone; then a new one cannot be made, and gRPC gives up the old one by its keepalive
after some seconds, as between real machines.

Owned by one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from types import TracebackType

CHUNK_BYTES = 1 << 16
CHUNKS_MAX = 16
"""What may be on its way in one direction: enough for the delays, little enough to push back."""

PROXY_VARIABLES = (
    "grpc_proxy",
    "https_proxy",
    "http_proxy",
    "all_proxy",
    "no_grpc_proxy",
    "no_proxy",
)
"""What gRPC looks at, and in either case what asks for timestamps; the proxy a machine has for the
world outside is not for this network."""


class Network:
    """The directions between processes, each known by the names of both ends."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        """`addresses` are HOST:PORT by name."""
        self._names = {address: name for name, address in addresses.items()}
        self._ways: defaultdict[tuple[str, str], _Way] = defaultdict(_Way)
        self._servers: dict[str, asyncio.Server] = {}
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, names: Iterable[str]) -> None:
        """A proxy for each of these processes."""
        for name in names:
            self._servers[name] = await asyncio.start_server(
                partial(self._accept, name), "127.0.0.1", 0
            )

    async def stop(self) -> None:
        """End all connections at once."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def __aenter__(self) -> Network:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def environment(self, name: str) -> dict[str, str]:
        """What sends the connections of this process through its proxy."""
        host, port = self._servers[name].sockets[0].getsockname()[:2]
        return {"grpc_proxy": f"http://{host}:{port}"}

    # What can happen to it.

    def cut(self, source: str, target: str) -> None:
        """Nothing that `source` sends reaches `target`; the other direction stays as it is."""
        self._ways[source, target].passes.clear()

    def part(self, some: Iterable[str], others: Iterable[str]) -> None:
        """A partition: nothing passes between the two groups."""
        for one in some:
            for other in others:
                self.cut(one, other)
                self.cut(other, one)

    def slow(self, source: str, target: str, delay_s: float) -> None:
        """What `source` sends arrives at `target` so much later."""
        self._ways[source, target].delay_s = delay_s

    def heal(self) -> None:
        """All is well again."""
        for way in self._ways.values():
            way.passes.set()
            way.delay_s = 0.0

    # Connections.

    async def _accept(
        self, source: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._connect(source, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # One end went away, or is not there.
        finally:
            self._connections.discard(task)
            writer.close()

    async def _connect(
        self, source: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        _, address, _ = head.split(" ", 2)
        target = self._names[address]
        there, back = self._ways[source, target], self._ways[target, source]
        await there.passes.wait()
        await back.passes.wait()
        host, _, port = address.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with asyncio.TaskGroup() as group:
                group.create_task(there.carry(reader, far_writer))
                group.create_task(back.carry(far_reader, writer))
        finally:
            far_writer.close()


class _Way:
    """One direction between two processes, for all their connections."""

    def __init__(self) -> None:
        self.passes = asyncio.Event()
        self.passes.set()
        self.delay_s = 0.0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes, and at last that no more comes."""
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_MAX)
        arriving = asyncio.create_task(_read(reader, chunks))
        loop = asyncio.get_running_loop()
        try:
            while True:
                came, chunk = await chunks.get()
                await asyncio.sleep(max(0.0, came + self.delay_s - loop.time()))
                await self.passes.wait()
                if not chunk:
                    return
                writer.write(chunk)
                await writer.drain()
        except OSError:
            return  # Its other end has gone; that is told on the way back.
        finally:
            arriving.cancel()
            writer.close()


async def _read(reader: asyncio.StreamReader, chunks: asyncio.Queue[tuple[float, bytes]]) -> None:
    """Everything with the time when it came; empty at the end, also where that was no clean one."""
    chunk = b"-"
    while chunk:
        chunk = b""
        with contextlib.suppress(OSError):
            chunk = await reader.read(CHUNK_BYTES)
        await chunks.put((asyncio.get_running_loop().time(), chunk))
