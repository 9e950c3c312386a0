"""The walk of a deposit through the gateway: store it, send it, wait as far as the client asked.

    prepared --store--> RECEIVED --propose--> PENDING --applied--> COMMITTED --sealed--> FINAL
                                                      \\--skipped by all members--> FAILED

Nothing is proposed before it is stored, and whatever happens to the client afterwards, the
statement goes on to the chain. Waiting ends with the time the client gave; what it gets then is
how far its deposit has come, which is no error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from node.accounts.account import Account
from node.evidence.proof import Proof
from node.gateway.deposits.statement import Prepared
from node.gateway.gateway import Gateway
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.schemas import WaitQuery
from node.gateway.members.answers import Outcome, Placed, Proven
from node.gateway.members.client import CannotCheck
from node.offchain.database import Rows
from node.offchain.deposit_values import Filing, NewDeposit
from node.offchain.requests import KeyTaken, StoredStatement
from node.vault.keepsake import Keepsake
from node.words import State

_Result = TypeVar("_Result")

_ORDER = (State.FAILED, State.RECEIVED, State.PENDING, State.COMMITTED, State.FINAL)
_WANTED = {"none": State.RECEIVED, "committed": State.COMMITTED, "final": State.FINAL}

NOT_FILED = Filing()
SEALED_AT_ONCE = 256
"""Openings that are sealed on the event loop: some milliseconds."""
OWN_KEY_WAIT_S = 1.0
"""How long a new gateway asks about its own key before it takes a deposit on trust."""


@dataclass(frozen=True, slots=True)
class Request:
    """What makes two requests the same: account, key, and everything that was asked."""

    account: Account
    idempotency_key: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """A statement that was taken in, now or before, and what only its depositor should have."""

    stored: StoredStatement
    keepsake: Keepsake


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one statement has come, and what is known of it there."""

    taken: Taken
    state: State
    placed: Placed | None = None
    proof: Proof | None = None
    skipped: str | None = None


class Waiting:
    """What a client is prepared to wait for, and until when."""

    def __init__(self, query: WaitQuery) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + query.wait_ms / 1000
        self._wanted = _ORDER.index(_WANTED[query.wait])

    def includes(self, state: State) -> bool:
        """Whether the client wants to wait until this state is reached."""
        return _ORDER.index(state) <= self._wanted

    def is_over(self, state: State) -> bool:
        """Whether nothing is left to come back for."""
        if state in (State.RECEIVED, State.PENDING):
            return False
        return state is State.FAILED or _ORDER.index(state) >= self._wanted

    @property
    def left_ms(self) -> int:
        """What is left of the time."""
        return max(0, int((self._end - self._loop.time()) * 1000))

    async def wait_for(self, work: Awaitable[_Result]) -> _Result | None:
        """The result, or None if the time is over first; then `work` is cancelled."""
        try:
            async with asyncio.timeout_at(self._end):
                return await work
        except TimeoutError:
            return None


async def known(gateway: Gateway, request: Request) -> list[Taken]:
    """What this very request deposited before; empty if its key is new."""
    account = request.account.id
    rows = await gateway.store.under_key(account, request.idempotency_key)
    if rows and rows[0].request_digest != request.digest:
        raise ProblemError(Problem.IDEMPOTENCY_MISMATCH)
    return [Taken(row, await gateway.deposits.keepsake(row.statement_id, account)) for row in rows]


async def take(
    gateway: Gateway,
    request: Request,
    prepared: Sequence[Prepared],
    filing: Filing = NOT_FILED,
) -> tuple[list[Taken], bool]:
    """Store what this request deposits, or find what it deposited before; True if it is new."""
    if before := await _before_enrolment(gateway, request):
        return before, False
    if not gateway.coalescer.has_room(sum(len(each.record) for each in prepared)):
        raise ProblemError(Problem.BUSY)
    now = gateway.clock()
    rows = [
        StoredStatement(
            account=request.account.id,
            idempotency_key=request.idempotency_key,
            part=part,
            request_digest=request.digest,
            statement_id=each.statement_id,
            record=each.record,
            stored_ms=now,
        )
        for part, each in enumerate(prepared)
    ]
    deposits = [_new_deposit(request, each, filing, now) for each in prepared]
    try:
        await gateway.store.add(rows, *await _sealed(gateway, deposits))
    except KeyTaken:
        return await known(gateway, request), False
    # If we stop here, the next start finds the rows unsettled and proposes them.
    keepsakes = [each.keepsake for each in prepared]
    return [Taken(row, keepsake) for row, keepsake in zip(rows, keepsakes, strict=True)], True


def _new_deposit(request: Request, prepared: Prepared, filing: Filing, now: int) -> NewDeposit:
    deposit, series = prepared.deposit, prepared.deposit.series
    filing = replace(
        filing,
        profile=deposit.profile,
        series=None if series is None else series.id,
        series_seq=None if series is None else series.seq,
    )
    return NewDeposit(
        statement_id=prepared.statement_id,
        account=request.account.id,
        category=deposit.category,
        mode=deposit.mode,
        alg=deposit.alg,
        count=deposit.count,
        received_ms=now,
        keepsake=prepared.keepsake,
        filing=filing,
    )


async def _sealed(gateway: Gateway, new: Sequence[NewDeposit]) -> tuple[Rows, ...]:
    """The rows of new deposits; sealing many openings is done where nobody waits for it."""
    if sum(len(each.keepsake.openings) for each in new) <= SEALED_AT_ONCE:
        return gateway.deposits.adding(new)
    return await asyncio.to_thread(gateway.deposits.adding, new)


async def _before_enrolment(gateway: Gateway, request: Request) -> list[Taken]:
    """Refuse what is new while this gateway's key is not enrolled; what was taken in stays so.

    Where nobody can say, the deposit is taken: without a quorum a depositor still gets a receipt.
    """
    if await may_take(gateway):
        return []
    if before := await known(gateway, request):
        return before
    raise ProblemError(Problem.GATEWAY_NOT_ENROLLED, key=gateway.own_key.public.text)


async def may_take(gateway: Gateway) -> bool:
    """Whether this gateway's key is enrolled, as far as anybody can say in the time."""
    try:
        async with asyncio.timeout(OWN_KEY_WAIT_S):
            return await gateway.own_key.check()
    except (CannotCheck, TimeoutError):
        return True


async def carry(gateway: Gateway, taken: Sequence[Taken], waiting: Waiting) -> list[Progress]:
    """Send all on their way, and tell how far each came in the time."""
    on_way = [
        gateway.submissions.submit(each.stored) if each.stored.settled_ms is None else None
        for each in taken
    ]
    carrying = zip(taken, on_way, strict=True)
    return list(
        await asyncio.gather(*(_carry_one(gateway, each, task, waiting) for each, task in carrying))
    )


async def _carry_one(
    gateway: Gateway,
    taken: Taken,
    task: asyncio.Task[Outcome] | None,
    waiting: Waiting,
) -> Progress:
    placed, row = None, taken.stored
    if row.skipped is not None:
        return Progress(taken, State.FAILED, skipped=row.skipped)
    if task is not None:
        if not waiting.includes(State.COMMITTED):
            return Progress(taken, State.RECEIVED)
        outcome = await waiting.wait_for(asyncio.shield(task))
        if outcome is None:
            return Progress(taken, State.PENDING)
        if outcome.placed is None:
            return Progress(taken, State.FAILED, skipped=outcome.skipped)
        placed = outcome.placed
        if not waiting.includes(State.FINAL):
            return Progress(taken, State.COMMITTED, placed)
    proven = await _prove(gateway, row.statement_id, waiting)
    if proven is None:
        return Progress(taken, State.COMMITTED, placed)
    state = State.COMMITTED if proven.proof is None else State.FINAL
    return Progress(taken, state, proven.placed or placed, proven.proof)


async def _prove(gateway: Gateway, statement_id: bytes, waiting: Waiting) -> Proven | None:
    """None if nobody could say anything in the time: the statement is committed all the same."""
    left_ms = waiting.left_ms if waiting.includes(State.FINAL) else 0
    proving = gateway.members.prove(statement_id, 0, left_ms, gateway.check_proof)
    try:
        # Without time left one round is still made, for an answer that is there already.
        return await (waiting.wait_for(proving) if left_ms else proving)
    except CannotCheck:
        return None


def least_far(progress: Sequence[Progress]) -> State:
    """The state of the statement that is least far."""
    return min((each.state for each in progress), key=_ORDER.index)
