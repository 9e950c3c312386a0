"""Somebody who is told: an HTTP server on loopback that answers as a test says."""

import asyncio
from dataclasses import dataclass, field

COME_S = 60.0
"""pytest's own time-out may be raised in a task of the sender's, and would end that alone."""


@dataclass
class Receiver:
    """What came, as header fields and body; `status` is what is answered, or nothing at all."""

    status: int | None = 200
    extra: str = ""
    port: int = 0
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    something: asyncio.Event = field(default_factory=asyncio.Event)
    server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None

    async def wait(self, count: int) -> None:
        """Until so many messages have come."""
        async with asyncio.timeout(COME_S):
            while len(self.came) < count:
                self.something.clear()
                await self.something.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(fields["content-length"]))
            self.came.append((fields | {"line": head[0]}, body))
            self.something.set()
            if self.status is None:
                await reader.read()
                return
            answer = f"HTTP/1.1 {self.status} x\r\n{self.extra}content-length: 0\r\n\r\n"
            writer.write(answer.encode())
            await writer.drain()
        finally:
            writer.close()
