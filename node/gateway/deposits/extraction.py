"""/v1/evidence/{number}/codes: extraction codes (提取码), made and revoked by the depositor.

Whoever has a code of a number, and knows the number, fetches its proof and what opens it, without
an account. A code is told when it is made, and again to the request that made it. Whoever makes one
lets others export, so it takes what exporting takes; to list and revoke codes takes reading.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.gateway.accounts.access import FORBIDDEN, Permit, exporting, recorded
from node.gateway.accounts.problems import AccountProblem
from node.gateway.accounts.routes import BODY_PROBLEMS
from node.gateway.deposits.answers import moment
from node.gateway.deposits.problems import DepositProblem
from node.gateway.deposits.schemas import (
    CODE_BODY_MAX,
    CodeRequest,
    CodesAnswer,
    CodeSummary,
    NewCodeAnswer,
)
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.once import KEY_PROBLEMS, Key
from node.gateway.http.openapi import json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery
from node.gateway.lookups.finding import find_number
from node.offchain.readers import LIVE_CODES_MAX, ExtractionCode, TooManyCodes
from node.vault.codes import parse_code

DAY_MS = 86_400_000

router = APIRouter(tags=["deposits"])

Owning = Annotated[Account, Depends(Permit(Scope.READ))]
Nothing = Annotated[NoQuery, Query()]
CodeId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="As the list tells it.")]

_OF_NUMBER = (
    *FORBIDDEN,
    Problem.NUMBER_SPELLING,
    Problem.NUMBER_UNKNOWN,
    Problem.CANNOT_CHECK,
    Problem.FIELD_UNKNOWN,
    DepositProblem.READING_REFUSED,
)


@router.post(
    "/v1/evidence/{number}/codes",
    summary="Make an extraction code",
    response_model=NewCodeAnswer,
    status_code=201,
    responses={
        200: {"model": NewCodeAnswer},
        **problems(
            *_OF_NUMBER,
            AccountProblem.REAL_NAME_REQUIRED,
            AccountProblem.CONSENT_REQUIRED,
            *BODY_PROBLEMS,
            *KEY_PROBLEMS,
            DepositProblem.CODES_MAX,
        ),
    },
    openapi_extra=json_body(CodeRequest),
)
async def make_code(http: Request, number: str, account: Owning, key: Key, _: Nothing) -> Response:
    """201 with the code, 200 with the same for a retry."""
    gateway = gateway_of(http)
    bodies.expect_media_type(http, bodies.JSON)
    asked = bodies.parse_json(CodeRequest, await bodies.read_body(http, CODE_BODY_MAX))
    await _check_own(http, gateway, account, number)
    exporting(account)
    code_id, code = gateway.codes.new(account.id, number, key)
    now, days = gateway.clock(), asked.expires_in_days
    expires_ms = None if days is None else now + days * DAY_MS
    wanted = ExtractionCode(code_id, number, account.id, now, expires_ms, None)
    await recorded(http, account, Action.EXTRACTION_CODE_MADE, f"{number} code {code_id}")
    try:
        kept = await gateway.readers.make(wanted, gateway.codes.stored(number, code))
    except TooManyCodes as error:
        raise ProblemError(DepositProblem.CODES_MAX, limit=LIVE_CODES_MAX) from error
    if _lasts(kept) != _lasts(wanted):
        raise ProblemError(Problem.IDEMPOTENCY_MISMATCH)
    assert parse_code(code) == code, "what is told is what can be typed"
    value = NewCodeAnswer(**_summary(gateway, kept).model_dump(), code=code)
    return answer(http, value, 201 if kept is wanted else 200)


@router.get(
    "/v1/evidence/{number}/codes",
    summary="The extraction codes of a number",
    response_model=CodesAnswer,
    responses=problems(*_OF_NUMBER),
)
async def list_codes(http: Request, number: str, account: Owning, _: Nothing) -> Response:
    """All that were ever made by this account; none of them is told again."""
    gateway = gateway_of(http)
    await _check_own(http, gateway, account, number)
    codes = await gateway.readers.codes(account.id, number)
    return answer(http, CodesAnswer(codes=[_summary(gateway, each) for each in codes]))


@router.delete(
    "/v1/evidence/{number}/codes/{code_id}",
    summary="Revoke an extraction code",
    status_code=204,
    responses=problems(*_OF_NUMBER, Problem.FIELD_INVALID, DepositProblem.EXTRACTION_CODE_UNKNOWN),
)
async def revoke_code(
    http: Request, number: str, code_id: CodeId, account: Owning, _: Nothing
) -> Response:
    """At once, at every gateway. Revoking twice is revoking once."""
    gateway = gateway_of(http)
    await _check_own(http, gateway, account, number)
    if not await gateway.readers.revoke(account.id, number, code_id, gateway.clock()):
        raise ProblemError(DepositProblem.EXTRACTION_CODE_UNKNOWN)
    await recorded(http, account, Action.EXTRACTION_CODE_REVOKED, f"{number} code {code_id}")
    return Response(status_code=204)


async def _check_own(http: Request, gateway: Gateway, account: Account, number: str) -> None:
    """Codes are its depositor's to give; that it is somebody else's is recorded."""
    found, search = await find_number(gateway, number)
    if found is None:
        raise ProblemError(Problem.NUMBER_UNKNOWN, height=search.height)
    record = await gateway.deposits.by_id(found.placed.statement.statement_id)
    if record is None or record.account != account.id:
        await recorded(http, account, Action.EXTRACTION_CODE_MADE, number, allowed=False)
        raise ProblemError(DepositProblem.READING_REFUSED)


def _lasts(code: ExtractionCode) -> int | None:
    return None if code.expires_ms is None else code.expires_ms - code.created_ms


def _summary(gateway: Gateway, code: ExtractionCode) -> CodeSummary:
    now, ends = gateway.clock(), (code.expires_ms, code.revoked_ms)
    return CodeSummary(
        id=code.id,
        evidence_no=code.evidence_no,
        live=all(end is None or now < end for end in ends),
        created_at=moment(code.created_ms, "gateway"),
        expires_at=None if code.expires_ms is None else moment(code.expires_ms, "gateway"),
        revoked_at=None if code.revoked_ms is None else moment(code.revoked_ms, "gateway"),
    )
