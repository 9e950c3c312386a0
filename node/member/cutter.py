"""Cuts blocks out of what concurrent requests bring.

While a block is on its way the next requests gather, and the busier the chain, the more of them
share a block; an idle chain proposes at once. A request stays whole: its records stand in one block
and succeed or fail together in being agreed on (whether each is taken is decided by `chain`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from node.chain.apply import Outcome
from node.errors import BadRequest, Busy, NodeError, Unavailable, Unknown
from node.evidence.record import BLOCK_SIZE_MAX, TAG, format_block

IN_FLIGHT_MAX = 4
"""Full blocks on their way at once; only full ones do not wait for the one before."""
WAITING_BYTES_MAX = 16 * BLOCK_SIZE_MAX
"""Several seconds of work; who comes then is told to come later rather than made to wait."""

_POLICY = f"{TAG}\nkind policy\n".encode()

Propose = Callable[[bytes], Awaitable[Sequence[Outcome]]]


@dataclass(frozen=True, slots=True)
class _Request:
    data: bytes
    count: int
    alone: bool
    answer: asyncio.Future[Sequence[Outcome]]


class Cutter:
    """Owned by one event loop. `propose` has a block's data agreed on and applied, and returns one
    outcome per record."""

    def __init__(self, propose: Propose) -> None:
        self._propose = propose
        self._waiting: deque[_Request] = deque()
        self._waiting_bytes = 0
        self._in_flight = 0
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Cut until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                try:
                    await asyncio.Event().wait()
                finally:
                    self._group = None  # Blocks on their way end now, and cut no new ones.
        finally:
            while self._waiting:
                _fail(self._waiting.popleft(), Unavailable("the member stops"))

    @property
    def waiting_bytes(self) -> int:
        """Of requests that gather for the next block."""
        return self._waiting_bytes

    async def submit(self, records: Sequence[bytes]) -> Sequence[Outcome]:
        """Have these records agreed on, applied, and return one outcome for each."""
        data = format_block(records)
        if not records or not all(records):
            raise BadRequest("no records, or an empty one")
        if len(data) > BLOCK_SIZE_MAX:
            raise BadRequest(f"records of {len(data)} bytes; a block holds {BLOCK_SIZE_MAX}")
        if self._group is None:
            raise Unavailable("the member is not running")
        if self._waiting_bytes + len(data) > WAITING_BYTES_MAX:
            raise Busy(f"{self._waiting_bytes} bytes wait to be agreed on")
        answer: asyncio.Future[Sequence[Outcome]] = asyncio.get_running_loop().create_future()
        # A policy must be the only record of its block; two in one request are the caller's doing.
        alone = any(record.startswith(_POLICY) for record in records)
        self._waiting.append(_Request(data, len(records), alone, answer))
        self._waiting_bytes += len(data)
        self._cut()
        return await answer

    def _cut(self) -> None:
        while self._group is not None and self._waiting:
            full = self._waiting_bytes >= BLOCK_SIZE_MAX and self._in_flight < IN_FLIGHT_MAX
            if self._in_flight and not full:
                return
            self._in_flight += 1
            self._group.create_task(self._carry(self._take()))

    def _take(self) -> list[_Request]:
        taken, room = [self._waiting.popleft()], BLOCK_SIZE_MAX
        room -= len(taken[0].data)
        while self._waiting and not taken[0].alone:
            following = self._waiting[0]
            if following.alone or len(following.data) > room:
                break
            room -= len(following.data)
            taken.append(self._waiting.popleft())
        self._waiting_bytes -= BLOCK_SIZE_MAX - room
        return taken

    async def _carry(self, requests: list[_Request]) -> None:
        try:
            outcomes = await self._propose(b"".join(request.data for request in requests))
        except NodeError as error:
            for request in requests:
                _fail(request, error)
        except asyncio.CancelledError:
            for request in requests:
                _fail(request, Unknown("the member stopped while this was on its way"))
            raise
        else:
            _answer(requests, outcomes)
        finally:
            self._in_flight -= 1
            self._cut()


def _answer(requests: Sequence[_Request], outcomes: Sequence[Outcome]) -> None:
    start = 0
    for request in requests:
        if not request.answer.done():  # Its caller may have left.
            request.answer.set_result(outcomes[start : start + request.count])
        start += request.count


def _fail(request: _Request, error: NodeError) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)
