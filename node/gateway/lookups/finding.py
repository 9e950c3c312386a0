"""What routes ask the members about deposits, with the problems that can be met.

What one member says it found is proven before it is told: where an entry stands in the tree would
otherwise be that member's word alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from node.evidence.entry import StatementEntry
from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.gateway.deposits.answers import summary
from node.gateway.events.history import History, read_history
from node.gateway.gateway import Gateway
from node.gateway.http.language import Language
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.schemas import EvidenceSummary
from node.gateway.members.answers import Found, Proven, Search
from node.gateway.members.client import CannotCheck
from node.gateway.timestamps.answers import timestamped
from node.words import State


async def find(gateway: Gateway, **by: Any) -> Search:
    """What members find; an empty result was confirmed by a quorum."""
    try:
        return await gateway.members.find(**by)
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error


async def find_number(gateway: Gateway, number: str) -> tuple[Found | None, Search]:
    """The deposit of exactly this number: its date must be the block's too."""
    try:
        _, ordinal = parse_number(number)
    except Malformed as error:
        raise ProblemError(Problem.NUMBER_SPELLING, why=error.why) from error
    search = await find(gateway, ordinal=ordinal)
    return of_number(search.found, number), search


def of_number(found: Iterable[Found], number: str) -> Found | None:
    """The one among these deposits that has this number."""
    for each in found:
        if each.placed.statement.number(each.item_index) == number:
            return each
    return None


async def prove(gateway: Gateway, found: Found, *, later: bool = False) -> Proven:
    """The proof of what one member said it found; could not check if it proves another entry."""
    try:
        proven = await gateway.members.prove(
            found.placed.statement.statement_id,
            found.item_index,
            0,
            gateway.check_proof,
            later=later,
        )
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    if proven.proof is not None and proven.proof.entry_bytes != found.placed.entry_bytes:
        raise ProblemError(Problem.CANNOT_CHECK)
    return proven


async def summarised(
    gateway: Gateway, found: Found, language: Language, item: bytes | None = None
) -> EvidenceSummary:
    """What is told of a deposit, which if it was searched for by its item is of this item."""
    proven, history = await asyncio.gather(
        prove(gateway, found), history_of(gateway, found.placed.statement)
    )
    proof = proven.proof
    if proof is not None and item not in (None, proof.item):
        raise ProblemError(Problem.CANNOT_CHECK)
    state = State.COMMITTED if proof is None else State.FINAL
    stamp = await timestamped(gateway.reaching, proof)
    return summary(found.placed, found.item_index, state, proof, language, history, stamp)


async def history_of(gateway: Gateway, deposit: StatementEntry) -> History:
    """What became of a deposit."""
    try:
        return await read_history(gateway.members, deposit)
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
