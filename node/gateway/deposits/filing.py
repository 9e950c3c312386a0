"""What a deposit is filed under: source profile, series, matter, phase; and what is not taken.

A statement names profile and series itself; matter and phase are between depositor and gateway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fastapi import Request

from node.accounts.account import Account
from node.accounts.action import Action
from node.casework.declared import SIGNATURE_EFFECT
from node.evidence.item import ITEMS_MAX, DetailValue
from node.evidence.statement import Series
from node.gateway.accounts.access import recorded
from node.gateway.deposits.declared_problems import DeclaredProblem
from node.gateway.gateway import Gateway
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.schemas import AnchorRequest, BatchQuery, BatchRequest, SeriesPlace
from node.offchain.deposit_values import Filing

Asked = AnchorRequest | BatchRequest | BatchQuery

FILED = ("client_ref", "matter_id", "phase")
"""What no statement says: it may stand beside one that the depositor brings."""
PROBLEMS = (
    DeclaredProblem.COPY_DIFFERS,
    DeclaredProblem.DETAIL_TAKEN,
    DeclaredProblem.NOT_DECLARED,
    DeclaredProblem.PLAIN_REFUSED,
    DeclaredProblem.PROFILE_MISSING,
    DeclaredProblem.PROFILE_UNKNOWN,
    DeclaredProblem.SERIES_PREV_MISSING,
    DeclaredProblem.STATE_SECRET,
)
"""What a deposit may be answered because of what is declared of it."""


async def refuse_state_secret(http: Request, account: Account, declared: bool | None) -> None:
    """Nothing of it is kept; that somebody tried is recorded, without what it was."""
    if declared:
        await recorded(http, account, Action.STATE_SECRET_REFUSED, allowed=False)
        raise ProblemError(DeclaredProblem.STATE_SECRET)


def filed(asked: Asked, bound: Iterable[Mapping[str, DetailValue]] = ()) -> Filing:
    """What the gateway keeps beside the statement; `bound` are the items' details."""
    if asked.phase is not None and asked.matter_id is None:
        raise ProblemError(Problem.FIELD_MISSING, field="matter_id")
    effects = {details[SIGNATURE_EFFECT] for details in bound if SIGNATURE_EFFECT in details}
    return Filing(
        client_ref=asked.client_ref,
        matter_id=asked.matter_id,
        phase=asked.phase,
        signature_effect=str(min(effects)) if effects else None,
    )


async def profile_of(gateway: Gateway, account: Account, profile: str | None) -> bytes | None:
    """The profile as a statement names it, which is registered and was not withdrawn."""
    if profile is None:
        return None
    digest = bytes.fromhex(profile)
    if not await gateway.profiles.is_registered(account.id, digest):
        raise ProblemError(DeclaredProblem.PROFILE_UNKNOWN)
    return digest


async def series_of(
    gateway: Gateway, account: Account, place: SeriesPlace | None, count: int
) -> Series | None:
    """The place in a series as a statement names it, of `count` items."""
    if place is None:
        return None
    if count > ITEMS_MAX:
        limit = f"{ITEMS_MAX:,}"
        raise ProblemError(DeclaredProblem.SERIES_ONE_STATEMENT, limit=limit)
    series = bytes.fromhex(place.id)
    if place.seq == 0:
        if place.prev is not None:
            raise ProblemError(Problem.FIELD_INVALID, field="series.prev", why="seq is 0")
        return Series(series, 0, None)
    if place.prev is not None:
        return Series(series, place.seq, bytes.fromhex(place.prev))
    prev = await gateway.courses.before(account.id, series, place.seq)
    if prev is None:
        raise ProblemError(DeclaredProblem.SERIES_PREV_MISSING)
    return Series(series, place.seq, prev)


def series_asked(query: BatchQuery) -> SeriesPlace | None:
    """The place in a series that a query names."""
    given = (query.series_id, query.series_seq, query.series_prev)
    if given == (None, None, None):
        return None
    if query.series_id is None or query.series_seq is None:
        missing = "series_id" if query.series_id is None else "series_seq"
        raise ProblemError(Problem.FIELD_MISSING, field=missing)
    return SeriesPlace(id=query.series_id, seq=query.series_seq, prev=query.series_prev)
