"""POST /v1/verify and /v1/verify:batch: whether files are those that were deposited.

Of files only digests come in. With a number the digest is compared with what stands under it: with
the item itself where that is a plain digest, with the opening kept here where it is salted, once
the opening was found to be that of the item on the chain. So anybody with number and file is
answered. Without a number only those deposits count that the asker can find (`searching`). A proof
file or a bundle is verified by itself (`uploads`).

    V000 V001  consistent, without and with open points    V100  not sealed yet
    V101       nothing found                               V105  found under the other algorithm
    V102       other bytes than under this number          V106  the two digests disagree
    V103       deposited, but under another number         V601  erased, cannot be opened
    V502       could not check: what opens it is not here  V602  restricted, to be erased
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from node import member_pb2 as pb
from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.evidence.digests import ALGS
from node.evidence.statement import Deposit
from node.gateway.accounts.access import FORBIDDEN, Permit, recorded
from node.gateway.accounts.routes import BODY_PROBLEMS
from node.gateway.deposits.answers import lookup_notices, result, summary
from node.gateway.deposits.reading import Reader
from node.gateway.events.history import History
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.language import Language, language_of
from node.gateway.http.openapi import ALSO_ANONYMOUS, json_body, problems, verified_body
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import EvidenceSummary, NoQuery, Searched
from node.gateway.lookups.finding import find, find_number, history_of, prove
from node.gateway.lookups.problems import VerifyProblem
from node.gateway.lookups.schemas import (
    VERIFY_BODY_MAX,
    OpenPointValue,
    UploadAnswer,
    UploadQuery,
    VerifyAnswer,
    VerifyBatchAnswer,
    VerifyBatchRequest,
    VerifyRequest,
    VerifyResult,
)
from node.gateway.lookups.searching import in_order, plain, salted
from node.gateway.lookups.uploads import verify_bundle, verify_proof
from node.gateway.members.answers import Found, Search
from node.gateway.timestamps.answers import timestamped
from node.words import Answer, Flag, Notice, OpenPoint, ResultCode, State

AT_ONCE = 16
"""Items of a batch that are asked about at once: members serve others too."""

router = APIRouter(tags=["look up"])

Verifying = Annotated[Account, Depends(Permit(Scope.VERIFY))]
Nothing = Annotated[NoQuery, Query()]

_BODY = (
    *BODY_PROBLEMS,
    Problem.DIGEST_SPELLING,
    Problem.DIGEST_ALGORITHM,
    Problem.CANNOT_CHECK,
)
_MARKS = {Flag.SUPERSEDED: OpenPoint.O10, Flag.INVALIDATED: OpenPoint.O11}


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is said of one item."""

    code: ResultCode
    search: Search
    deposits: Sequence[EvidenceSummary] = ()
    open_points: Sequence[OpenPoint] = field(default=())


@router.post(
    "/v1/verify",
    summary="Whether a file is one that was deposited",
    response_model=VerifyAnswer | UploadAnswer,
    responses=problems(*FORBIDDEN, *_BODY, *VerifyProblem, Problem.BUSY),
    openapi_extra=verified_body(VerifyRequest) | ALSO_ANONYMOUS,
)
async def post_verify(
    http: Request, account: Reader, query: Annotated[UploadQuery, Query()]
) -> Response:
    """A digest, a proof file (text/plain) or an evidence bundle (application/zip); a bundle only
    with the scope `verify`. Nothing personal is told. Different bytes are an answer, not an error,
    and so is an upload that is damaged or forged. No policy inside an upload is trusted."""
    gateway, language = gateway_of(http), language_of(http)
    kind = bodies.expect_media_type(http, bodies.JSON, bodies.TEXT, bodies.ZIP)
    if kind == bodies.TEXT:
        return answer(http, await verify_proof(http, query))
    if kind == bodies.ZIP:
        return answer(http, await verify_bundle(http, account, query))
    if not query.is_empty:
        raise ProblemError(Problem.FIELD_UNKNOWN, field="query")
    asked = bodies.parse_json(VerifyRequest, await bodies.read_body(http, VERIFY_BODY_MAX))
    judged = await _Verifier(http, gateway, account, language).judge(asked)
    value = VerifyAnswer(
        **_value(judged, language).model_dump(),
        searched=_searched([judged]),
        notices=_notices([judged], language, gateway.network),
    )
    return answer(http, value)


@router.post(
    "/v1/verify:batch",
    summary="Whether all files of a filing are those that were deposited",
    response_model=VerifyBatchAnswer,
    responses=problems(*FORBIDDEN, *_BODY, Problem.BATCH_EMPTY, Problem.BATCH_TOO_LARGE),
    openapi_extra=json_body(VerifyBatchRequest),
)
async def post_verify_batch(http: Request, account: Verifying, _: Nothing) -> Response:
    """At most 1,000 items, a result each, in their order. If any item is misspelled nothing is
    verified, and every such item is named. A court's search among all deposits is recorded."""
    gateway, language = gateway_of(http), language_of(http)
    bodies.expect_media_type(http, bodies.JSON)
    asked = bodies.parse_json(VerifyBatchRequest, await bodies.read_body(http, VERIFY_BODY_MAX))
    await recorded(http, account, Action.DEPOSITS_VERIFIED, f"{len(asked.items)} items")
    verifier, room = _Verifier(http, gateway, account, language), asyncio.Semaphore(AT_ONCE)

    async def judge(item: VerifyRequest) -> _Judged:
        async with room:
            return await verifier.judge(item)

    # What is asked twice is looked up once: a thousand copies cost no more than one of them.
    distinct = dict.fromkeys(asked.items)
    found = await asyncio.gather(*(judge(item) for item in distinct))
    judged_by_item = dict(zip(distinct, found, strict=True))
    judged = [judged_by_item[item] for item in asked.items]
    results = [_value(each, language) for each in judged]
    value = VerifyBatchAnswer(
        results=results,
        consistent=sum(each.consistent for each in results),
        searched=_searched(judged),
        notices=_notices(judged, language, gateway.network),
    )
    return answer(http, value)


class _Verifier:
    """Judges the items of one request."""

    def __init__(
        self, http: Request, gateway: Gateway, account: Account | None, language: Language
    ) -> None:
        self._http = http
        self._gateway = gateway
        self._account = account
        self._language = language

    async def judge(self, asked: VerifyRequest) -> _Judged:
        """One item."""
        wanted: dict[str, bytes] = {asked.alg: bytes.fromhex(asked.digest)}
        if asked.other_digest is not None:
            (other,) = (alg for alg in ALGS if alg != asked.alg)
            wanted[other] = bytes.fromhex(asked.other_digest)
        if asked.evidence_no is None:
            return await self._found(asked, wanted)
        found, search = await find_number(self._gateway, asked.evidence_no)
        if found is None:
            return await self._elsewhere(asked, search, ResultCode.V101)
        return await self._under_number(asked, wanted, found, search)

    async def _under_number(
        self, asked: VerifyRequest, wanted: dict[str, bytes], found: Found, search: Search
    ) -> _Judged:
        kept = await self._digests(found)
        if isinstance(kept, ResultCode):
            return _Judged(kept, search)
        same = {alg: digest == kept[alg] for alg, digest in wanted.items() if alg in kept}
        if same and all(same.values()):
            return await self._consistent([found], search)
        if any(same.values()):
            return _Judged(ResultCode.V106, search)
        if bytes.fromhex(asked.digest) in kept.values():
            return _Judged(ResultCode.V105, search)
        if not same:  # What was deposited has no digest of this algorithm.
            return _Judged(ResultCode.V502, search)
        return await self._elsewhere(asked, search, ResultCode.V102)

    async def _digests(self, found: Found) -> dict[str, bytes] | ResultCode:
        """The digests of the file that stands under a number, or why they are not known."""
        deposit = found.placed.statement.statement
        assert isinstance(deposit, Deposit)
        proof = (await prove(self._gateway, found)).proof
        if proof is None:
            return ResultCode.V100
        if deposit.mode == "digest":
            return {deposit.alg: proof.item}
        store, statement_id = self._gateway.deposits, found.placed.statement.statement_id
        record = await store.by_id(statement_id)
        if record is None:  # It came through a gateway with another database.
            history = await history_of(self._gateway, found.placed.statement)
            return ResultCode.V601 if Flag.ERASED in dict(history.flags) else ResultCode.V502
        if record.erased_ms is not None:
            return ResultCode.V601
        if record.restricted_ms is not None:
            return ResultCode.V602
        keepsake = await store.keepsake(statement_id, record.account, found.item_index, 1)
        # An opening that does not open the item on the chain says nothing about it.
        if not keepsake.openings or keepsake.openings[0].item() != proof.item:
            return ResultCode.V502
        return dict(keepsake.openings[0].digests)

    async def _found(self, asked: VerifyRequest, wanted: dict[str, bytes]) -> _Judged:
        """Without a number: all deposits of this file that the asker can find."""
        founds, search = await self._search(asked)
        if not founds:
            code = ResultCode.V105 if search.other_algorithm else ResultCode.V101
            return _Judged(code, search)
        agreeing = []
        for each in founds:
            kept = await self._digests(each)
            if kept is ResultCode.V100:
                return _Judged(ResultCode.V100, search)
            if isinstance(kept, dict) and all(
                kept.get(alg, digest) == digest for alg, digest in wanted.items()
            ):
                agreeing.append(each)
        if not agreeing:
            return _Judged(ResultCode.V106, search)
        return await self._consistent(agreeing, search)

    async def _elsewhere(self, asked: VerifyRequest, search: Search, else_: ResultCode) -> _Judged:
        """The file is not under its number: perhaps under another."""
        founds, _ = await self._search(asked)
        if not founds:
            return _Judged(else_, search)
        told = [await self._summary(each) for each in founds]
        return _Judged(ResultCode.V103, search, [each for each, _ in told])

    async def _consistent(self, founds: Iterable[Found], search: Search) -> _Judged:
        told = [await self._summary(each) for each in founds]
        points = {point for _, points in told for point in points}
        ordered = [point for point in OpenPoint if point in points]
        code = ResultCode.V001 if ordered else ResultCode.V000
        return _Judged(code, search, [each for each, _ in told], ordered)

    async def _search(self, asked: VerifyRequest) -> tuple[list[Found], Search]:
        digest = bytes.fromhex(asked.digest)
        search = await find(self._gateway, digest=pb.Digest(alg=asked.alg, value=digest))
        own = await salted(self._http, self._gateway, self._account, asked.alg, digest)
        matches = in_order([*plain(search, asked.alg, digest), *own])
        return [each.found for each in matches], search

    async def _summary(self, found: Found) -> tuple[EvidenceSummary, list[OpenPoint]]:
        """What a number tells, and what stays open about its deposit."""
        entry = found.placed.statement
        proven, history = await asyncio.gather(
            prove(self._gateway, found), history_of(self._gateway, entry)
        )
        state = State.COMMITTED if proven.proof is None else State.FINAL
        stamp = await timestamped(self._gateway.reaching, proven.proof)
        told = summary(
            found.placed, found.item_index, state, proven.proof, self._language, history, stamp
        )
        attested = entry.statement.key == entry.receipt.gateway
        return told, self._open_points(attested, history)

    def _open_points(self, attested: bool, history: History) -> list[OpenPoint]:
        points = [_MARKS[flag] for flag, _ in history.flags if flag in _MARKS]
        if attested:
            points.append(OpenPoint.O01)
        if self._gateway.network == "test":
            points.append(OpenPoint.O05)
        return points


def _value(judged: _Judged, language: Language) -> VerifyResult:
    return VerifyResult(
        **result(judged.code, language),
        consistent=judged.code in (ResultCode.V000, ResultCode.V001),
        open_points=[
            OpenPointValue(code=each.name, text=getattr(each, language))
            for each in judged.open_points
        ],
        deposits=list(judged.deposits),
    )


def _searched(judged: Sequence[_Judged]) -> Searched:
    least = min((each.search for each in judged), key=lambda search: search.height)
    return Searched(height=least.height, size=least.size, algorithms=list(ALGS))


def _notices(judged: Sequence[_Judged], language: Language, network: str) -> list[str]:
    answers = {each.code.answer for each in judged}
    said = []
    if Answer.NOT_DEPOSITED_BYTES in answers:
        said.append(getattr(Notice.RESAVING, language))
    told = [deposit for each in judged for deposit in each.deposits]
    return said + lookup_notices(Answer.NOT_FOUND not in answers, language, network, told)
