"""The walk of an event statement through the gateway, as that of a deposit (`depositing`).

An event has no items, so there is nothing to prove of it but its entry: it is FINAL once a
published checkpoint covers that.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from node.gateway.deposits.depositing import Request, Waiting, may_take
from node.gateway.events.statement import PreparedEvent
from node.gateway.gateway import Gateway
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.members.answers import Placed
from node.gateway.members.client import CannotCheck
from node.offchain.database import Work
from node.offchain.erasures import let_stand
from node.offchain.events import EventOpening, NewEvent
from node.offchain.requests import KeyTaken, StoredStatement
from node.words import State

LOOK_EVERY_S = 0.02
"""How often is asked whether the seals are there, while a client waits for them."""
SIGNED_EVERY_S = 0.1
"""How often is asked whether another gateway has signed, while a client waits for that."""


@dataclass(frozen=True, slots=True)
class TakenEvent:
    """An event that was taken in, now or before, and what opens it, for who brought it."""

    stored: StoredStatement
    opening: EventOpening | None


@dataclass(frozen=True, slots=True)
class EventProgress:
    """How far an event has come."""

    taken: TakenEvent
    state: State
    placed: Placed | None = None
    skipped: str | None = None


async def known_event(gateway: Gateway, request: Request) -> TakenEvent | None:
    """What this very request brought before."""
    rows = await gateway.store.under_key(request.account.id, request.idempotency_key)
    if not rows:
        return None
    if rows[0].request_digest != request.digest:
        raise ProblemError(Problem.IDEMPOTENCY_MISMATCH)
    opened = (await gateway.events.opened([rows[0].statement_id])).get(rows[0].statement_id)
    mine = opened is not None and opened.account == request.account.id
    return TakenEvent(rows[0], opened.opening if opened is not None and mine else None)


async def take_event(
    gateway: Gateway, request: Request, prepared: PreparedEvent, work: Work[None] | None = None
) -> tuple[TakenEvent, bool]:
    """Store what this request brings, or find what it brought before; True if it is new. `work` is
    done with it; without one nobody erases the deposit between this and what is said of it."""
    if not await may_take(gateway):
        raise ProblemError(Problem.GATEWAY_NOT_ENROLLED, key=gateway.own_key.public.text)
    if not gateway.coalescer.has_room(len(prepared.record)):
        raise ProblemError(Problem.BUSY)
    now, subject = gateway.clock(), prepared.event.subject
    assert subject is not None
    row = StoredStatement(
        account=request.account.id,
        idempotency_key=request.idempotency_key,
        part=0,
        request_digest=request.digest,
        statement_id=prepared.statement_id,
        record=prepared.record,
        stored_ms=now,
        awaits=None if prepared.awaits is None else prepared.awaits.text,
    )
    new = NewEvent(
        statement_id=prepared.statement_id,
        subject_no=subject.evidence_no,
        subject_id=subject.statement,
        account=request.account.id,
        type=prepared.event.type,
        received_ms=now,
        opening=prepared.opening,
    )

    try:
        await gateway.store.add(
            [row], gateway.events.adding(new), work=work or let_stand(new.subject_id)
        )
    except KeyTaken:
        taken = await known_event(gateway, request)
        assert taken is not None, "its key was taken by this request"
        return taken, False
    # If we stop here, the next start finds the row unsettled and proposes it.
    return TakenEvent(row, prepared.opening), True


async def carry_event(gateway: Gateway, taken: TakenEvent, waiting: Waiting) -> EventProgress:
    """Send it on its way, and tell how far it came in the time."""
    taken = await _signed(gateway, taken, waiting)
    row = taken.stored
    if row.skipped is not None:
        return EventProgress(taken, State.FAILED, skipped=row.skipped)
    if row.awaits is not None:
        return EventProgress(taken, State.RECEIVED)
    if row.settled_ms is not None:
        placed = await _find(gateway, row.statement_id)
    else:
        task = gateway.submissions.submit(row)
        if not waiting.includes(State.COMMITTED):
            return EventProgress(taken, State.RECEIVED)
        outcome = await waiting.wait_for(asyncio.shield(task))
        if outcome is None:
            return EventProgress(taken, State.PENDING)
        if outcome.placed is None:
            return EventProgress(taken, State.FAILED, skipped=outcome.skipped)
        placed = outcome.placed
    if waiting.includes(State.FINAL) and await _sealed(gateway, placed, waiting):
        return EventProgress(taken, State.FINAL, placed)
    return EventProgress(taken, State.COMMITTED, placed)


async def _signed(gateway: Gateway, taken: TakenEvent, waiting: Waiting) -> TakenEvent:
    """The same once the gateway whose key it names has signed it, if that is in the time."""
    row = taken.stored
    while row.awaits is not None and row.settled_ms is None:
        rows = await gateway.store.under_key(row.account, row.idempotency_key)
        row = rows[0]
        if row.awaits is None or not (waiting.includes(State.COMMITTED) and waiting.left_ms):
            break
        await asyncio.sleep(SIGNED_EVERY_S)
    return replace(taken, stored=row)


async def sealed_size(gateway: Gateway) -> int:
    """How far the seals are, as far as anybody says."""
    try:
        return await gateway.log.size()
    except CannotCheck:
        return 0


async def _find(gateway: Gateway, statement_id: bytes) -> Placed:
    try:
        search = await gateway.members.find(statement_id=statement_id)
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    if not search.found:
        raise ProblemError(Problem.CANNOT_CHECK)
    return search.found[0].placed


async def _sealed(gateway: Gateway, placed: Placed, waiting: Waiting) -> bool:
    """Asked once at least: it may be sealed already."""
    while await sealed_size(gateway) <= placed.leaf_index:
        if not waiting.left_ms:
            return False
        await asyncio.sleep(LOOK_EVERY_S)
    return True
