"""GET /v1/lookup and /v1/evidence: deposits by whatever somebody holds of them.

Anybody finds numbers, entry hashes and plain digests. Salted deposits are on the chain as random
numbers; this gateway finds those it salted itself by keyed digests, and tells them to the account
they are of, and to a court, which is recorded. Whoever else has number and file asks `verifying`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from node import member_pb2 as pb
from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.evidence.digests import ALGS
from node.evidence.events import names
from node.evidence.statement import Event
from node.gateway.accounts.access import UNAUTHENTICATED, authenticated, recorded
from node.gateway.deposits.answers import lookup_notices, result
from node.gateway.deposits.reading import Reader
from node.gateway.deposits.schemas import LookedUp, LookupAnswer, LookupQuery, Mark
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http.language import Language, language_of
from node.gateway.http.openapi import ALSO_ANONYMOUS, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import DigestQuery, SearchAnswer, Searched
from node.gateway.lookups.finding import find, find_number, summarised
from node.gateway.members.answers import Found, Search
from node.words import ResultCode

LIST_MAX = 100
"""What a member lists at most (proto/node/member.proto)."""

router = APIRouter(tags=["look up"])

Asking = Annotated[Account, Depends(authenticated)]

_ALGS: tuple[Mark, ...] = ("sha256", "sm3")
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Match:
    """A deposit, what of it was asked for, and its item if that was a plain digest."""

    found: Found
    by: Mark
    item: bytes | None = None

    @property
    def order(self) -> int:
        """Where it stands among all items of the chain."""
        return (self.found.placed.statement.first_item or 0) + self.found.item_index


@router.get(
    "/v1/lookup",
    summary="Find deposits by number, digest or entry hash",
    response_model=LookupAnswer,
    responses=problems(
        *UNAUTHENTICATED,
        Problem.NUMBER_SPELLING,
        Problem.FIELD_INVALID,
        Problem.FIELD_MISSING,
        Problem.FIELD_UNKNOWN,
        Problem.CANNOT_CHECK,
    ),
    openapi_extra=ALSO_ANONYMOUS,
)
async def look_up(
    http: Request, account: Reader, query: Annotated[LookupQuery, Query()]
) -> Response:
    """One field (存证编号、摘要或交易哈希); spaces and the size of letters do not matter. 64 digits
    are looked for as SHA-256, as SM3 and as an entry hash. With the credential of a depositor also
    among its own salted deposits; with a court's, among all."""
    gateway, language = gateway_of(http), language_of(http)
    asked = "".join(query.q.split())
    if _HEX.fullmatch(asked.lower()):
        matches, searches = await _by_digest(http, gateway, account, bytes.fromhex(asked))
    elif asked[:2].upper() == "EV":
        found, search = await find_number(gateway, asked.upper())
        matches = [] if found is None else [Match(found, "evidence_no")]
        searches = [search]
    else:
        why = "neither an evidence number nor 64 hex digits"
        raise ProblemError(Problem.FIELD_INVALID, field="q", why=why)
    told = await asyncio.gather(*(_told(gateway, each, language) for each in matches))
    value = LookupAnswer(
        q=asked,
        found=bool(matches),
        **result(None if matches else ResultCode.V101, language),
        deposits=told,
        complete=all(len(search.found) < LIST_MAX for search in searches),
        searched=_searched(searches),
        notices=lookup_notices(False, language, gateway.network, told),
    )
    return answer(http, value)


@router.get(
    "/v1/evidence",
    summary="Find deposits by digest",
    response_model=SearchAnswer,
    responses=problems(
        *UNAUTHENTICATED,
        Problem.DIGEST_SPELLING,
        Problem.DIGEST_ALGORITHM,
        Problem.FIELD_MISSING,
        Problem.FIELD_UNKNOWN,
        Problem.CANNOT_CHECK,
    ),
)
async def search_digest(
    http: Request, account: Asking, query: Annotated[DigestQuery, Query()]
) -> Response:
    """All plain deposits of this digest and the account's own salted ones, oldest first; of other
    accounts' salted deposits only courts are told."""
    gateway, language = gateway_of(http), language_of(http)
    digest = bytes.fromhex(query.digest)
    search = await find(gateway, digest=pb.Digest(alg=query.alg, value=digest))
    own = await salted(http, gateway, account, query.alg, digest)
    matches = in_order([*plain(search, query.alg, digest), *own])
    code = None
    if not matches:
        code = ResultCode.V105 if search.other_algorithm else ResultCode.V101
    told = await asyncio.gather(
        *(summarised(gateway, each.found, language, each.item) for each in matches)
    )
    value = SearchAnswer(
        found=bool(matches),
        **result(code, language),
        digest=query.digest,
        alg=query.alg,
        other_algorithm=(search.other_algorithm or None) if not matches else None,
        deposits=told,
        complete=len(search.found) < LIST_MAX and len(own) < LIST_MAX,
        searched=Searched(height=search.height, size=search.size, algorithms=list(ALGS)),
        # Also beside something found: it is never all that may exist.
        notices=lookup_notices(False, language, gateway.network, told),
    )
    return answer(http, value)


async def _by_digest(
    http: Request, gateway: Gateway, account: Account | None, value: bytes
) -> tuple[list[Match], list[Search]]:
    """64 digits as everything they may be."""
    searches = await asyncio.gather(
        find(gateway, entry_hash=value),
        *(find(gateway, digest=pb.Digest(alg=alg, value=value)) for alg in _ALGS),
    )
    entries = [
        Match(each, "entry_hash")
        for entry in searches[0].found
        for each in await _deposits_of(gateway, entry)
    ]
    for alg, search in zip(_ALGS, searches[1:], strict=True):
        entries += plain(search, alg, value)
        entries += await salted(http, gateway, account, alg, value)
    return in_order(entries), list(searches)


async def _deposits_of(gateway: Gateway, found: Found) -> list[Found]:
    """The deposit of an entry: its own or, for an event, which has no number, the one it names."""
    event = found.placed.statement.statement
    if not isinstance(event, Event):
        return [found]
    if event.subject is None:
        return []
    search = await find(gateway, statement_id=event.subject.statement)
    return [
        Found(each.placed, event.subject.item_index(each.placed.statement.first_item or 0))
        for each in search.found
        if names(event, each.placed.statement)
    ]


def plain(search: Search, alg: Mark, digest: bytes) -> list[Match]:
    """What members found of a plain digest."""
    return [Match(each, alg, digest) for each in search.found]


async def salted(
    http: Request, gateway: Gateway, account: Account | None, alg: Mark, digest: bytes
) -> list[Match]:
    """Salted deposits of a file, as far as this account may know of them."""
    if account is None:
        return []
    whose: str | None = account.id
    if Scope.CASES in account.scopes and account.holder.courts:
        await recorded(http, account, Action.DIGEST_SEARCHED)
        whose = None
    elif Scope.READ not in account.scopes:
        return []
    items = await gateway.deposits.by_digest(alg, digest, whose)
    placed = await asyncio.gather(
        *(find(gateway, statement_id=each.deposit.statement_id) for each in items)
    )
    return [
        Match(Found(search.found[0].placed, each.item_index), alg)
        for each, search in zip(items, placed, strict=True)
        if search.found
    ]


def in_order(matches: Iterable[Match]) -> list[Match]:
    """The oldest first."""
    return sorted(matches, key=lambda match: match.order)


async def _told(gateway: Gateway, match: Match, language: Language) -> LookedUp:
    told = await summarised(gateway, match.found, language, match.item)
    return LookedUp(**told.model_dump(), matched=match.by)


def _searched(searches: list[Search]) -> Searched:
    """To where all of it was searched."""
    least = min(searches, key=lambda search: search.height)
    return Searched(height=least.height, size=least.size, algorithms=list(ALGS))
