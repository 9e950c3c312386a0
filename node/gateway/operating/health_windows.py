"""GET: how the members were doing around a time, or around a deposit (民事证据规定 Art. 93 (二)).

The answer says what the members signed at the time, and where nobody said anything. What follows
from it for a deposit is said carefully: a proof holds by its seals, whatever the members were doing
else; a court asks about the rest.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from node.accounts.account import Account
from node.evidence.keys import format_signature
from node.evidence.merkle import leaf_hash
from node.evidence.record import StatementRecord, parse_record
from node.gateway.accounts.access import UNAUTHENTICATED, authenticated
from node.gateway.deposits.answers import moment, state_words
from node.gateway.gateway import gateway_of
from node.gateway.http.language import Language, language_of
from node.gateway.http.limit_problems import OperatingProblem
from node.gateway.http.openapi import problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery
from node.gateway.lookups.finding import find_number, prove
from node.gateway.members.client import CannotCheck
from node.gateway.operating.around import WINDOW_MS_MAX, Span, around, span
from node.gateway.operating.health_reports import Shown
from node.gateway.operating.schemas import (
    DepositWindowAnswer,
    ShownBreak,
    ShownGap,
    ShownRecord,
    WindowAnswer,
    WindowQuery,
)
from node.words import State

_GAP = {
    "stopped": {"zh": "已正常停止", "en": "stopped in good order"},
    "silent": {"zh": "无记录，原因不明", "en": "no record, for reasons unknown"},
    "missing": {"zh": "有记录未出示", "en": "there was a record that is not shown"},
}
_NOTICE = {
    "zh": "运行记录由各成员在当时自行签署，摘要已上链；"
    "记录中的时间为该成员的时钟，上链时间为主节点的时钟。",
    "en": "Each member signed its records itself, at the time, and their digests are on the chain. "
    "Times in a record are by that member's clock, block times by the leader's.",
}

router = APIRouter(tags=["health"])

Asking = Annotated[Account, Depends(authenticated)]


@router.get(
    "/v1/health/window",
    summary="Health records of all members in a span of time",
    response_model=WindowAnswer,
    responses=problems(*UNAUTHENTICATED, OperatingProblem.WINDOW_INVALID, Problem.CANNOT_CHECK),
)
async def window(http: Request, _: Asking, query: Annotated[WindowQuery, Query()]) -> Response:
    """Each record checked against the chain; where a member said nothing is a gap."""
    if not 0 <= query.end_ms - query.start_ms <= WINDOW_MS_MAX:
        raise ProblemError(OperatingProblem.WINDOW_INVALID, limit=WINDOW_MS_MAX)
    gateway = gateway_of(http)
    try:
        found = await span(gateway, query.start_ms, query.end_ms)
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    return answer(http, WindowAnswer(**_values(found, language_of(http))))


@router.get(
    "/v1/evidence/{number}/health-window",
    summary="Health records of all members around a deposit",
    response_model=DepositWindowAnswer,
    responses=problems(
        *UNAUTHENTICATED, Problem.NUMBER_SPELLING, Problem.NUMBER_UNKNOWN, Problem.CANNOT_CHECK
    ),
)
async def deposit_window(
    http: Request, number: str, _: Asking, nothing: Annotated[NoQuery, Query()]
) -> Response:
    """From an hour before it was accepted to an hour after it was final."""
    del nothing
    gateway, language = gateway_of(http), language_of(http)
    found, search = await find_number(gateway, number)
    if found is None:
        raise ProblemError(Problem.NUMBER_UNKNOWN, height=search.height)
    proof = (await prove(gateway, found)).proof
    try:
        told = await around(gateway, found.placed.statement, proof)
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    value = DepositWindowAnswer(
        **_values(told.span, language),
        evidence_no=number,
        block_time=moment(told.block_ms, "proposer"),
        in_good_order=list(told.good),
        quorum=told.quorum,
        impact=told.impact.name,  # type: ignore[arg-type]
        impact_text=getattr(told.impact, language),
    )
    return answer(http, value)


def _values(found: Span, language: Language) -> dict[str, Any]:
    told, judged = found.told, found.window
    return {
        "from_ms": found.from_ms,
        "to_ms": found.to_ms,
        "members": told.members,
        "records": [_record(each, language) for each in found.inside],
        "gaps": [
            ShownGap(
                member=each.member,
                kind=each.kind,
                kind_text=_GAP[each.kind][language],
                from_ms=each.from_ms,
                to_ms=each.to_ms,
            )
            for each in judged.gaps
        ],
        "breaks": [
            ShownBreak(member=each.member, at_ms=each.at_ms, why=each.why) for each in judged.breaks
        ],
        "unreachable": list(told.silent),
        "complete": told.complete,
        "notices": [_NOTICE[language]],
    }


def _record(shown: Shown, language: Language) -> ShownRecord:
    reported, record = shown.reported, shown.reported.record
    sent = parse_record(reported.submission)
    assert isinstance(sent, StatementRecord), "it was checked"
    entry = shown.entry
    return ShownRecord(
        member=record.member,
        kind=record.kind,  # type: ignore[arg-type]
        serial=record.serial,
        from_ms=record.from_ms,
        to_ms=record.to_ms,
        record=reported.record_bytes.decode("ascii"),
        statement=sent.statement_bytes.decode("ascii"),
        signature=format_signature(sent.signature),
        statement_id=reported.statement_id.hex(),
        **state_words(State.PENDING if entry is None else State.FINAL, language),
        height=None if entry is None else entry.height,
        block_time=None if entry is None else moment(entry.time_ms, "proposer"),
        entry_hash=None if entry is None else leaf_hash(shown.entry_bytes).hex(),
    )
