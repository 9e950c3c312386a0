"""GET /v1/deposits: an account's own deposits, and what opens them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.evidence.statement import receipt_number
from node.gateway.accounts.access import FORBIDDEN, Permit, exporting, recorded
from node.gateway.accounts.problems import AccountProblem
from node.gateway.deposits.answers import moment, result, state_words
from node.gateway.deposits.problems import DepositProblem
from node.gateway.deposits.reading import REFUSALS, CodeHeader, Reader, Right, admit
from node.gateway.deposits.schemas import (
    DepositAnswer,
    DepositSummary,
    ListAnswer,
    ListQuery,
    OpenedItem,
    OpeningsQuery,
)
from node.gateway.deposits.submissions import standing_of
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http.cursors import format_cursor, parse_cursor
from node.gateway.http.language import Language, language_of
from node.gateway.http.openapi import ALSO_ANONYMOUS, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import Moment
from node.gateway.lookups.finding import find_number
from node.gateway.lookups.marking import marks
from node.offchain.deposit_values import FINAL_WITHIN_MS, DepositRecord, Wanted
from node.vault.keepsake import opening_value, submitter_value
from node.words import ResultCode, State

OPENINGS_AT_ONCE = 100
"""Openings in one answer; each may have 16 KiB of details."""

router = APIRouter(tags=["deposits"])

Owning = Annotated[Account, Depends(Permit(Scope.READ))]

_RECEIPT, _STATEMENT_ID = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{64}")


@router.get(
    "/v1/deposits",
    summary="List and search the account's deposits",
    response_model=ListAnswer,
    responses=problems(
        *FORBIDDEN,
        Problem.FIELD_INVALID,
        Problem.FIELD_UNKNOWN,
        DepositProblem.CURSOR_INVALID,
    ),
)
async def list_deposits(
    http: Request, account: Owning, query: Annotated[ListQuery, Query()]
) -> Response:
    """One line a statement, the newest first. What became FINAL may say so a second later here.
    `flags` are absent where the members could not be asked what became of a deposit."""
    gateway, language = gateway_of(http), language_of(http)
    conditions = query.model_dump_json(exclude={"after", "limit"})
    before = None if query.after is None else parse_cursor(conditions, query.after)
    now = gateway.clock()
    wanted = _wanted(query, now)
    found = await gateway.deposits.listed(account.id, wanted, before, query.limit + 1)
    page, last = found[: query.limit], None
    if len(found) > query.limit:
        last = format_cursor(conditions, page[-1].received_ms, page[-1].statement_id)
    marked = await marks(gateway, page, language)
    summaries = [
        DepositSummary(**_summary(each, now, language), flags=flags)
        for each, flags in zip(page, marked, strict=True)
    ]
    return answer(http, ListAnswer(deposits=summaries, next=last))


@router.get(
    "/v1/deposits/{reference}",
    summary="A deposit with what opens it",
    response_model=DepositAnswer,
    responses=problems(
        *REFUSALS,
        DepositProblem.DEPOSIT_UNKNOWN,
        Problem.NUMBER_SPELLING,
        Problem.NUMBER_UNKNOWN,
        Problem.FIELD_INVALID,
        Problem.FIELD_UNKNOWN,
        Problem.CANNOT_CHECK,
    ),
    openapi_extra=ALSO_ANONYMOUS,
)
async def get_deposit(
    http: Request,
    reference: str,
    account: Reader,
    query: Annotated[OpeningsQuery, Query()],
    code: CodeHeader = None,
) -> Response:
    """By receipt number or statement id, for the depositor: all of it, a hundred openings at a
    time. By evidence number that item, also for a court that it is linked to, or with its code."""
    gateway, language = gateway_of(http), language_of(http)
    if reference.startswith("EV"):
        record, index, right = await _of_number(http, account, code, reference)
        first, count, for_court = index, 1, right is Right.COURT
    else:
        record = await _own(http, account, reference)
        first, count, for_court = query.first, OPENINGS_AT_ONCE, False
    value = await _opened(gateway, record, first, count, language, for_court=for_court)
    return answer(http, value)


async def _of_number(
    http: Request, account: Account | None, code: str | None, number: str
) -> tuple[DepositRecord, int, Right]:
    gateway = gateway_of(http)
    found, search = await find_number(gateway, number)
    if found is None:
        raise ProblemError(Problem.NUMBER_UNKNOWN, height=search.height)
    statement_id = found.placed.statement.statement_id
    right = await admit(http, account, code, statement_id, number, Action.DEPOSIT_READ)
    record = await gateway.deposits.by_id(statement_id)
    if record is None:  # It came through another gateway, which has what opens it.
        raise ProblemError(DepositProblem.DEPOSIT_UNKNOWN)
    if record.standing is None:  # The chain has just taken it, which is not noted here yet.
        standing = standing_of(found.placed)
        record = replace(record, state=State.COMMITTED, standing=standing)
    return record, found.item_index, right


async def _own(http: Request, account: Account | None, reference: str) -> DepositRecord:
    gateway = gateway_of(http)
    if account is None:
        raise ProblemError(AccountProblem.API_KEY_MISSING)
    if Scope.READ not in account.scopes:
        raise ProblemError(AccountProblem.SCOPE_MISSING, scope=Scope.READ.text)
    exporting(account)
    if not (_RECEIPT.fullmatch(reference) or _STATEMENT_ID.fullmatch(reference)):
        why = "neither an evidence number nor 32 or 64 lower-case hex digits"
        raise ProblemError(Problem.NUMBER_SPELLING, why=why)
    wanted = bytes.fromhex(reference)
    for record in await gateway.deposits.by_receipt(account.id, wanted[:16]):
        if record.statement_id.startswith(wanted):
            await recorded(http, account, Action.DEPOSIT_READ, reference)
            return record
    raise ProblemError(DepositProblem.DEPOSIT_UNKNOWN)


async def _opened(
    gateway: Gateway,
    record: DepositRecord,
    first: int,
    count: int,
    language: Language,
    *,
    for_court: bool,
) -> DepositAnswer:
    identity, store = record.statement_id, gateway.deposits
    keepsake = await store.keepsake(identity, record.account, first, count, for_court=for_court)
    declared = await store.declared(identity, for_court=for_court)
    openings = [
        OpenedItem(
            evidence_no=record.number(index),
            item_index=index,
            opening=opening_value(opening),
        )
        for index, opening in enumerate(keepsake.openings, first)
    ]
    end = first + len(openings)
    more = count > 1 and len(openings) == count and end < record.count
    (flags,) = await marks(gateway, [record], language)
    return DepositAnswer(
        **_summary(record, gateway.clock(), language),
        flags=flags,
        submitter=None if keepsake.submitter is None else submitter_value(keepsake.submitter),
        declared=None if declared is None else json.loads(declared),
        openings=openings,
        next_first=end if more else None,
        **result(_code(record, for_court=for_court), language),
    )


def _code(record: DepositRecord, *, for_court: bool) -> ResultCode | None:
    """Why nothing opens it, if so."""
    if record.erased_ms is not None:
        return ResultCode.V601
    return ResultCode.V602 if record.restricted_ms is not None and not for_court else None


def _moment(time_ms: int | None) -> Moment | None:
    return None if time_ms is None else moment(time_ms, "gateway")


def _wanted(query: ListQuery, now_ms: int) -> Wanted:
    return Wanted(
        state=None if query.state is None else State[query.state],
        client_ref=query.client_ref,
        matter_id=query.matter_id,
        series=None if query.series is None else bytes.fromhex(query.series),
        category=query.category,
        overdue_before_ms=now_ms - FINAL_WITHIN_MS if query.overdue else None,
        from_ms=query.received_from,
        to_ms=query.received_to,
    )


def _summary(record: DepositRecord, now_ms: int, language: Language) -> dict[str, Any]:
    filing, standing = record.filing, record.standing
    return {
        "receipt_no": receipt_number(record.statement_id),
        "statement_id": record.statement_id.hex(),
        **state_words(record.state, language),
        "overdue": record.is_overdue(now_ms),
        "reason": record.skipped,
        "client_ref": filing.client_ref,
        "matter_id": filing.matter_id,
        "phase": filing.phase,
        "series": filing.series and filing.series.hex(),
        "series_seq": filing.series_seq,
        "category": record.category,
        "mode": record.mode,
        "alg": record.alg,
        "count": record.count,
        "first_evidence_no": record.number(),
        "height": standing and standing.height,
        "entry_hash": standing and standing.entry_hash.hex(),
        "received_at": moment(record.received_ms, "gateway"),
        "block_time": standing and moment(standing.block_ms, "proposer"),
        "final_at": _moment(record.final_ms),
        "erased": record.erased_ms is not None,
        "restricted_at": _moment(record.restricted_ms),
        "review_at": _moment(record.review_ms),
    }
