"""Joins the records of concurrent requests into one proposal, and so into one block.

Nothing is delayed in order to be joined: when no proposal is on its way, whatever is there goes at
once. While one is on its way, records gather; a whole block's worth does not wait for it. So a lone
client sees the chain's latency, and a thousand clients share one signature of the members.

A record that is handed in again while it waits or is on its way is not sent twice: what anybody may
hand in, anybody could have fill blocks. Each caller's future is resolved once, with the outcome of
its record. A caller that goes away leaves its record in: it may be on its way already, and the
store knows it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from node.evidence.record import BLOCK_SIZE_MAX, LENGTH_SIZE
from node.gateway.members.answers import Outcome
from node.gateway.members.client import ProposalRefused

IN_FLIGHT_MAX = 4
"""Blocks on their way at once: enough to keep the members' disks busy while answers travel."""
WAITING_SIZE_MAX = 64 << 20
"""Records waiting in memory; what comes beyond is refused as busy before anything is stored."""

Propose = Callable[[Sequence[bytes]], Awaitable[list[Outcome]]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    record: bytes
    outcome: asyncio.Future[Outcome]


class Coalescer:
    """The queue before the members. Owned by one event loop; `run` carries it out."""

    def __init__(self, propose: Propose) -> None:
        self._propose = propose
        self._waiting: deque[_Waiting] = deque()
        self._under_way: dict[bytes, asyncio.Future[Outcome]] = {}
        self._waiting_size = 0
        self._in_flight = 0
        self._changed = asyncio.Event()

    def has_room(self, size: int) -> bool:
        """Whether records of this size can be taken in now."""
        return self._waiting_size + size <= WAITING_SIZE_MAX

    @property
    def waiting_size(self) -> int:
        """Bytes of the records that wait."""
        return self._waiting_size

    @property
    def in_flight(self) -> int:
        """Proposals on their way."""
        return self._in_flight

    def submit(self, record: bytes) -> asyncio.Future[Outcome]:
        """Take a record in; the future gives its outcome, or `ProposalRefused`."""
        assert len(record) + LENGTH_SIZE <= BLOCK_SIZE_MAX, "a record fits into a block"
        outcome = self._under_way.get(record)
        if outcome is None:
            outcome = self._under_way[record] = asyncio.get_running_loop().create_future()
            outcome.add_done_callback(lambda _: self._under_way.pop(record))
            self._waiting.append(_Waiting(record, outcome))
            self._waiting_size += len(record)
            self._changed.set()
        return asyncio.shield(outcome)

    async def run(self) -> NoReturn:
        """Cut and propose, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._changed.wait()
                self._changed.clear()
                while self._may_cut():
                    self._in_flight += 1
                    group.create_task(self._carry(self._cut()))

    def _may_cut(self) -> bool:
        if not self._waiting or self._in_flight >= IN_FLIGHT_MAX:
            return False
        return self._in_flight == 0 or self._waiting_size >= BLOCK_SIZE_MAX

    def _cut(self) -> list[_Waiting]:
        """As many as fit into a block, in the order of their arrival."""
        taken, room = [], BLOCK_SIZE_MAX
        while self._waiting:
            size = len(self._waiting[0].record) + LENGTH_SIZE
            if size > room:
                break
            room -= size
            taken.append(self._waiting.popleft())
            self._waiting_size -= len(taken[-1].record)
        return taken

    async def _carry(self, taken: Sequence[_Waiting]) -> None:
        try:
            await self._deliver(taken)
        finally:
            self._in_flight -= 1
            self._changed.set()

    async def _deliver(self, taken: Sequence[_Waiting]) -> None:
        try:
            outcomes = await self._propose([each.record for each in taken])
        except ProposalRefused as error:
            if len(taken) > 1:  # One of them spoils the others: each by itself.
                for each in taken:
                    await self._deliver([each])
            elif not taken[0].outcome.done():
                taken[0].outcome.set_exception(error)
            return
        for each, outcome in zip(taken, outcomes, strict=True):
            if not each.outcome.done():
                each.outcome.set_result(outcome)
