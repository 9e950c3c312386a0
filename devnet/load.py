"""Clients of a devnet's gateways: who deposits, again and again, and remembers every answer.

A load generator shares the machine with what it loads, and a full HTTP client costs more per
request than the gateway does; so this one knows only what it needs: HTTP/1.1, one connection that
is kept, one request at a time, bodies with a length.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from node.evidence.digests import sha256

HEAD_BYTES_MAX = 1 << 16
REPEAT_S = 0.02
"""How long a client waits before it repeats a request that nobody answered."""
WAIT_MS = 2_000

DONE, AGAIN = (200, 201), (202, 503)
"""What a deposit is answered with that is as far as was asked, and what is to be asked again."""

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    @property
    def value(self) -> dict[str, Any]:
        """The body, which is a JSON object."""
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


class Client:
    """One connection to one gateway; opened when needed, and again after it broke."""

    def __init__(self, url: str, api_key: str) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname, address.port
        self._common = f"host: {address.netloc}\r\nauthorization: Bearer {api_key}\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def close(self) -> None:
        """Hang up, also in the middle of a request."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def ask(
        self, method: str, target: str, body: bytes = b"", headers: Sequence[Header] = ()
    ) -> Answer:
        """One request; `OSError` if the gateway is away or goes away before it has answered."""
        try:
            await asyncio.sleep(0)  # What has come meanwhile is read: perhaps that it has ended.
            if self._streams is not None and self._streams[0].at_eof():
                self.close()  # A gateway hangs up on who has been silent for some seconds.
            if self._streams is None:
                self._streams = await asyncio.open_connection(
                    self._host, self._port, limit=HEAD_BYTES_MAX
                )
            reader, writer = self._streams
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
            head = f"{method} {target} HTTP/1.1\r\n{self._common}{lines}"
            writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
            return await _read(reader)
        except BaseException as error:
            self.close()
            if isinstance(error, asyncio.IncompleteReadError):
                raise ConnectionResetError("closed before the answer was whole") from error
            raise

    async def anchor(self, name: str, wait: str = "final", wait_ms: int = WAIT_MS) -> Answer:
        """Deposit the content `name` under the Idempotency-Key `name`."""
        target = f"/v1/anchors?wait={wait}&wait_ms={wait_ms}"
        headers = (("content-type", "application/json"), ("idempotency-key", name))
        return await self.ask("POST", target, deposit_body(name), headers)


def deposit_body(name: str) -> bytes:
    """The deposit of a file whose content is its name."""
    digest = sha256(name.encode()).hex()
    return json.dumps({"digests": {"sha256": digest}, "size": len(name)}).encode()


async def _read(reader: asyncio.StreamReader) -> Answer:
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    body = await reader.readexactly(int(headers["content-length"]))
    return Answer(int(status.split(" ")[1]), body)


class Refused(Exception):
    """A gateway answered with an error that repeating does not mend."""


async def until_answered(
    request: Callable[[], Awaitable[Answer]], repeat_s: float = REPEAT_S
) -> Answer:
    """Repeat a deposit, the same bytes under the same key, until it is answered with 200 or 201."""
    while True:
        try:
            answer = await request()
        except OSError:
            await asyncio.sleep(repeat_s)
            continue
        if answer.status in DONE:
            return answer
        if answer.status not in AGAIN:
            raise Refused(f"{answer.status} {answer.body.decode()}")


@dataclass(frozen=True, slots=True)
class Deposited:
    """A deposit that was answered as far as its client asked: when it was first sent, when it was
    answered, and how."""

    name: str
    sent_s: float
    answered_s: float
    body: bytes

    @property
    def value(self) -> dict[str, Any]:
        return Answer(200, self.body).value

    @property
    def number(self) -> str:
        return str(self.value["evidence_no"])


class Load:
    """Clients that deposit one file after the other while the block runs.

    Each repeats its request, with the same bytes under the same key, until it is answered with 200
    or 201. At the end of the block no more are begun, and those under way are carried to their
    answers; so `answers` then has every deposit that was ever sent.
    """

    def __init__(
        self, urls: Sequence[str], api_key: str, clients: int, name: str, wait: str = "final"
    ) -> None:
        self.answers: list[Deposited] = []
        self._clients = [Client(urls[each % len(urls)], api_key) for each in range(clients)]
        self._name = name
        self._wait = wait
        self._stopping = False
        self._more = asyncio.Condition()
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Load:
        await self._group.__aenter__()
        for number, client in enumerate(self._clients):
            self._group.create_task(self._deposit(client, f"{self._name}-{number}"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        try:
            await self._group.__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            for client in self._clients:
                client.close()

    async def more(self, count: int) -> None:
        """Wait for so many further answers."""
        wanted = len(self.answers) + count
        async with self._more:
            await self._more.wait_for(lambda: len(self.answers) >= wanted)

    async def _deposit(self, client: Client, name: str) -> None:
        number = 0
        while not self._stopping:
            number += 1
            deposited = await self._carry(client, f"{name}-{number}")
            async with self._more:
                self.answers.append(deposited)
                self._more.notify_all()

    async def _carry(self, client: Client, name: str) -> Deposited:
        sent_s = time.monotonic()
        answer = await until_answered(lambda: client.anchor(name, self._wait))
        return Deposited(name, sent_s, time.monotonic(), answer.body)
