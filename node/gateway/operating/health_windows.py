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
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http.language import Language, language_of
from node.gateway.http.limit_problems import OperatingProblem
from node.gateway.http.openapi import problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery
from node.gateway.lookups.finding import find_number, prove
from node.gateway.members.client import CannotCheck
from node.gateway.operating.health_reports import Shown, Told, collect
from node.gateway.operating.schemas import (
    DepositWindowAnswer,
    ShownBreak,
    ShownGap,
    ShownRecord,
    WindowAnswer,
    WindowQuery,
)
from node.operating.window import INTERVAL_MS, OVERDUE_MS, in_good_order, judge
from node.words import State

WINDOW_MS_MAX = 24 * 3_600_000
"""Some hundred records for each member; who wants more asks again."""
AROUND_MS = 3_600_000
"""Before a deposit was accepted, and after it was final."""
BESIDE_MS = 2 * INTERVAL_MS
"""A record from this long before and after shows whether the first and the last of the window
follow and are followed."""

_GAP = {
    "stopped": {"zh": "已正常停止", "en": "stopped in good order"},
    "silent": {"zh": "无记录，原因不明", "en": "no record, for reasons unknown"},
    "missing": {"zh": "有记录未出示", "en": "there was a record that is not shown"},
}
_IMPACT = {
    "NONE": {
        "zh": "对本存证的影响：无（上链时正常运行的成员达到法定家数）",
        "en": "Impact on this deposit: none (a quorum of members was in good order at the time).",
    },
    "POSSIBLE": {
        "zh": "对本存证的影响：有待审查（上链时有记录证明正常运行的成员未达到法定家数）；"
        "联签的效力不受影响",
        "en": "Impact on this deposit: to be examined (records show fewer members in good order "
        "than a quorum at the time). The seals hold regardless.",
    },
    "NOT_YET_KNOWN": {
        "zh": "对本存证的影响：成员尚未提交涵盖该时间的运行记录，请稍后查询",
        "en": "Impact on this deposit: not known until the members' next records; ask again later.",
    },
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
    gateway, span = gateway_of(http), (query.start_ms, query.end_ms)
    told = await _collect(gateway, *span)
    return answer(http, WindowAnswer(**_values(gateway, told, *span, language_of(http))))


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
    block_ms = found.placed.entry.time_ms
    sealed_s = None if proof is None else proof.seal_time_s
    final_ms = block_ms if sealed_s is None else sealed_s * 1000
    accepted_ms = min(found.placed.statement.receipt.accepted_at, final_ms)
    start_ms = max(0, accepted_ms - AROUND_MS, final_ms - WINDOW_MS_MAX)
    end_ms = final_ms + AROUND_MS
    told = await _collect(gateway, start_ms, end_ms)
    good = in_good_order(told.reports, block_ms) & set(told.members)
    quorum = told.policy.policy.quorum
    impact = "NONE" if len(good) >= quorum else "POSSIBLE"
    if impact != "NONE" and gateway.clock() < block_ms + OVERDUE_MS:
        impact = "NOT_YET_KNOWN"
    value = DepositWindowAnswer(
        **_values(gateway, told, start_ms, end_ms, language),
        evidence_no=number,
        block_time=moment(block_ms, "proposer"),
        in_good_order=sorted(good),
        quorum=quorum,
        impact=impact,  # type: ignore[arg-type]
        impact_text=_IMPACT[impact][language],
    )
    return answer(http, value)


async def _collect(gateway: Gateway, from_ms: int, to_ms: int) -> Told:
    try:
        return await collect(
            gateway.members, gateway.log, max(0, from_ms - BESIDE_MS), to_ms + BESIDE_MS
        )
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error


def _values(
    gateway: Gateway, told: Told, from_ms: int, to_ms: int, language: Language
) -> dict[str, Any]:
    judged = judge(told.reports, told.members, from_ms, to_ms, gateway.clock())
    inside = [
        each
        for each in told.shown
        if each.reported.record.to_ms >= from_ms and each.reported.record.from_ms <= to_ms
    ]
    return {
        "from_ms": from_ms,
        "to_ms": to_ms,
        "members": told.members,
        "records": [_record(each, language) for each in inside],
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
