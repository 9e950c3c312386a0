"""Who is told by webhooks: an HTTP server on loopback that believes a message by its signature.

Now and then it turns a message away, as a platform does whose own database is busy: such a one must
come again. Owned by one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from dataclasses import dataclass
from types import TracebackType

from node.webhooks.signature import HEADER, is_signed

TURNED_AWAY = 0.02
"""Of the messages that come for the first time."""
HEAD_BYTES_MAX = 1 << 16


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery that was taken; its id is the same whenever it comes again."""

    id: str
    event: str
    statement_id: str
    number: str | None


class Receiver:
    """Messages that were taken, by their ids, and how often each came."""

    def __init__(self, seed: int) -> None:
        self.taken: dict[str, Message] = {}
        self.came: Counter[str] = Counter()
        self.turned_away = 0
        self.wrong: list[str] = []
        self.secret = ""
        self._bodies: dict[str, bytes] = {}
        self._chance = random.Random(seed)  # noqa: S311 (repeats, hides nothing)
        self._server: asyncio.Server | None = None
        self._more = asyncio.Condition()

    @property
    def url(self) -> str:
        assert self._server is not None, "ask while it runs"
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/told"

    async def __aenter__(self) -> Receiver:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, limit=HEAD_BYTES_MAX, backlog=256
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def told(self, statement_ids: set[str]) -> None:
        """Wait until a message about each of these was taken."""
        async with self._more:
            await self._more.wait_for(lambda: statement_ids <= self.statement_ids)

    @property
    def statement_ids(self) -> set[str]:
        """Of the deposits that messages were about."""
        return {each.statement_id for each in self.taken.values()}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A gateway that is killed in the middle of a message sends it again.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines[1:] if line)
            headers = {name.lower(): value for name, value in fields.items()}
            body = await reader.readexactly(int(headers["content-length"]))
            status = await self._take(headers, body)
            writer.write(f"HTTP/1.1 {status} .\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    async def _take(self, headers: dict[str, str], body: bytes) -> int:
        """The status to answer with."""
        signature = headers.get(HEADER.lower(), "")
        if not is_signed(signature, self.secret, body, int(time.time())):
            self.wrong.append(f"not signed: {body[:80]!r}")
            return 403
        value = json.loads(body)
        identity, deposit = value["id"], value["deposit"]
        self.came[identity] += 1
        if self.came[identity] == 1 and self._chance.random() < TURNED_AWAY:
            self.turned_away += 1
            return 503
        if self._bodies.setdefault(identity, body) != body:
            self.wrong.append(f"message {identity} came again with another body")
        number = deposit.get("first_evidence_no")
        message = Message(identity, value["event"], deposit["statement_id"], number)
        async with self._more:
            self.taken[identity] = message
            self._more.notify_all()
        return 200
