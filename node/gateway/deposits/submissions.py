"""Carries stored statements to the chain, whoever waits for them.

A statement is submitted once it is stored and stays with this gateway until the chain has taken or
skipped it: a client that hangs up, a time-out or a restart of the gateway changes nothing. What was
stored but not settled when the process stopped is submitted again at start, with the same bytes;
and what another gateway of the database stored and has not settled for long, by whichever is there:
that the same bytes are proposed twice does no harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NoReturn

from node.evidence.merkle import leaf_hash
from node.gateway.clock import Clock
from node.gateway.members.answers import Outcome, Placed
from node.gateway.members.client import CannotCheck, Members, ProposalRefused
from node.gateway.members.coalesce import Coalescer
from node.offchain.deposit_values import Standing
from node.offchain.deposits import DepositStore
from node.offchain.engine import StoreFailed
from node.offchain.requests import RequestStore, StoredStatement

FORGET_EVERY_S = 600
"""Records outlive their 24 hours by at most this long."""
TAKE_OVER_MS = 30_000
"""What has not been settled for so long, its gateway may be gone: an election takes a second."""
TAKE_OVER_EVERY_S = 10.0
ASK_ELSEWHERE_EVERY_S = 1.0
"""While no second member can be asked, a skip stays unsettled and the question is repeated."""

_log = logging.getLogger(__name__)


class Submissions:
    """Statements on their way, by statement id. Owned by one event loop."""

    def __init__(
        self,
        store: RequestStore,
        deposits: DepositStore,
        coalescer: Coalescer,
        members: Members,
        clock: Clock,
        counted: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`counted` hears of every state a statement comes to here."""
        self._store = store
        self._deposits = deposits
        self._members = members
        self._coalescer = coalescer
        self._clock = clock
        self._counted = counted
        self._on_way: dict[bytes, asyncio.Task[Outcome]] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> NoReturn:
        """Bring in what an earlier run left over, then keep house, until cancelled."""
        async with asyncio.TaskGroup() as self._group:
            await self._recover()
            self._group.create_task(self._take_over())
            while True:
                try:
                    await self._store.forget(self._clock())
                except StoreFailed:
                    _log.exception("records that are due were not deleted; tried again later")
                await asyncio.sleep(FORGET_EVERY_S)

    @property
    def on_way(self) -> list[bytes]:
        """The ids of the statements whose fate is not known yet."""
        return list(self._on_way)

    def submit(self, stored: StoredStatement) -> asyncio.Task[Outcome]:
        """Send a stored statement on its way, or join it there. Shield the task when waiting."""
        task = self._on_way.get(stored.statement_id)
        if task is None:
            assert self._group is not None, "submit only while running"
            assert stored.record is not None, "an unsettled statement keeps its record"
            task = self._group.create_task(self._carry(stored.statement_id, stored.record))
            self._on_way[stored.statement_id] = task
            self._counted("RECEIVED")
        return task

    async def _carry(self, statement_id: bytes, record: bytes) -> Outcome:
        try:
            outcome = await self._decide(statement_id, record)
        finally:
            del self._on_way[statement_id]
        # If we stop here, the next start proposes it again and hears of its first position.
        assert self._group is not None
        self._counted("FAILED" if outcome.placed is None else "COMMITTED")
        self._group.create_task(self._settle(statement_id, outcome))
        return outcome

    async def _decide(self, statement_id: bytes, record: bytes) -> Outcome:
        """Where the chain has it; that it was skipped is believed of two members, never of one."""
        try:
            outcome = await self._coalescer.submit(record)
        except ProposalRefused as error:
            outcome = Outcome(None, str(error), error.told_by)
        while outcome.placed is None:
            try:
                placed = await self._members.find_elsewhere(statement_id, outcome.told_by)
            except CannotCheck:
                # Not proposed again meanwhile: if it is true, every try would be another block.
                await asyncio.sleep(ASK_ELSEWHERE_EVERY_S)
                continue
            if placed is None:
                break
            _log.error("member %s denied %s", outcome.told_by, statement_id.hex())
            return Outcome(placed)
        return outcome

    async def _settle(self, statement_id: bytes, outcome: Outcome) -> None:
        try:
            if outcome.placed is None:
                await self._deposits.fail(statement_id, outcome.skipped)
                # If we stop here, it is proposed and skipped again, and nobody is told twice.
                await self._store.settle(statement_id, self._clock(), outcome.skipped)
            elif (standing := standing_of(outcome.placed)) is None:
                await self._store.settle(statement_id, self._clock(), None)
            else:
                committed = self._deposits.committing(statement_id, standing)
                await self._store.settle(statement_id, self._clock(), None, committed)
        except StoreFailed:
            _log.error("not noted as settled, the next start asks again: %s", statement_id.hex())

    async def _recover(self, stored_before_ms: int | None = None) -> None:
        after = b""
        while rows := await self._store.unsettled(after, stored_before_ms):
            await asyncio.wait([self.submit(row) for row in rows])
            after = rows[-1].statement_id

    async def _take_over(self) -> NoReturn:
        while True:
            await asyncio.sleep(TAKE_OVER_EVERY_S)
            try:
                await self._recover(self._clock() - TAKE_OVER_MS)
            except StoreFailed:
                _log.exception("statements of other gateways were not read; tried again later")


def standing_of(placed: Placed) -> Standing | None:
    """Where a deposit stands; an event has no items and is kept by the chain alone."""
    first_item = placed.statement.first_item
    if first_item is None:
        return None
    return Standing(
        height=placed.entry.height,
        leaf_index=placed.leaf_index,
        entry_hash=leaf_hash(placed.entry_bytes),
        block_ms=placed.entry.time_ms,
        first_item=first_item,
    )
