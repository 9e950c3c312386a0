"""/v1/cases/{case_no}/receipts: what a court gives for the exhibits it took in.

民事证据规定 Art. 19: each exhibit's name, copies and pages, the time, and who took it in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as PathParameter
from fastapi import Request as HttpRequest
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.action import Action
from node.casework.case_number import CaseNumber
from node.casework.exhibit import (
    CourtReceipt,
    Exhibit,
)
from node.evidence.digests import ALGS
from node.evidence.digests import new as new_digest
from node.gateway.accounts.access import recorded
from node.gateway.cases.access import BODY, CASE, CaseNo, Clerk, CourtOfCase, admitted, court_of
from node.gateway.cases.problems import CaseProblem
from node.gateway.cases.schemas import (
    CourtReceiptAnswer,
    CourtReceiptRequest,
    ReceivedExhibit,
)
from node.gateway.deposits.answers import moment
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.once import KEY_PROBLEMS, Key
from node.gateway.http.openapi import json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer, text
from node.gateway.http.schemas import NoQuery
from node.offchain.cases import (
    ReceiptExists,
    StoredReceipt,
)

RECEIPT_BODY_MAX = 16_384

router = APIRouter(tags=["cases"])

Nothing = Annotated[NoQuery, Query()]


@router.post(
    "/v1/cases/{case_no}/receipts",
    summary="Give the court's receipt for exhibits",
    response_model=CourtReceiptAnswer,
    status_code=201,
    responses={
        200: {"model": CourtReceiptAnswer},
        **problems(
            *CASE,
            *BODY,
            *KEY_PROBLEMS,
            CaseProblem.EXHIBIT_UNKNOWN,
            CaseProblem.EXHIBITS_NONE,
        ),
    },
    openapi_extra=json_body(CourtReceiptRequest),
)
async def issue_receipt(
    http: HttpRequest, account: Clerk, case_no: CaseNo, key: Key, _: Nothing
) -> Response:
    """Lists name, copies, pages, time and handler; kept byte for byte."""
    gateway = gateway_of(http)
    bodies.expect_media_type(http, bodies.JSON)
    body = await bodies.read_body(http, RECEIPT_BODY_MAX)
    asked = bodies.parse_json(CourtReceiptRequest, body)
    case = await admitted(http, account, case_no)
    receipt_id = _receipt_id(account, case, key)
    exhibits = await _chosen(gateway, case, asked.exhibits)
    court, now = await court_of(gateway, case), gateway.clock()
    receipt = CourtReceipt(receipt_id, case.text, court.name, exhibits, now, asked.handler)
    await recorded(http, account, Action.COURT_RECEIPT_ISSUED, case.text)
    given = StoredReceipt(asked.model_dump(), _given(receipt, court).model_dump())
    try:
        stored, new = await gateway.cases.issue(case.text, account.id, receipt_id, given, now)
    except ReceiptExists as error:
        raise ProblemError(Problem.IDEMPOTENCY_MISMATCH) from error
    return answer(http, CourtReceiptAnswer(**stored.said), 201 if new else 200)


@router.get(
    "/v1/cases/{case_no}/receipts/{receipt_id}",
    summary="A court receipt as it was given",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {}}, "description": "The receipt, byte for byte."},
        **problems(*CASE, CaseProblem.COURT_RECEIPT_UNKNOWN),
    },
)
async def get_receipt(
    http: HttpRequest,
    account: Clerk,
    case_no: CaseNo,
    receipt_id: Annotated[str, PathParameter(pattern=r"^[0-9a-f]{32}$")],
    _: Nothing,
) -> Response:
    """Verbatim text: its digests are those that were told when it was given."""
    case = await admitted(http, account, case_no)
    await recorded(http, account, Action.COURT_RECEIPT_READ, case.text)
    stored = await gateway_of(http).cases.receipt(case.text, receipt_id)
    if stored is None:
        raise ProblemError(CaseProblem.COURT_RECEIPT_UNKNOWN)
    return text(stored.text.encode(), f"{receipt_id}.receipt.txt")


async def _chosen(
    gateway: Gateway, case: CaseNumber, numbers: Sequence[int] | None
) -> tuple[Exhibit, ...]:
    """The exhibits of these numbers, or all, as they stand on the list."""
    standing = {each.exhibit_no: each for each in await gateway.cases.exhibits(case.text)}
    for number in numbers or ():
        if number not in standing:
            raise ProblemError(CaseProblem.EXHIBIT_UNKNOWN, number=number)
    if not standing:
        raise ProblemError(CaseProblem.EXHIBITS_NONE)
    wanted = standing if numbers is None else set(numbers)
    return tuple(each for number, each in standing.items() if number in wanted)


def _receipt_id(account: Account, case: CaseNumber, key: str) -> str:
    """32 hex digits that only a retry arrives at again."""
    parts = ("cunzheng court receipt", account.id, case.text, key)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _given(receipt: CourtReceipt, court: CourtOfCase) -> CourtReceiptAnswer:
    printed = receipt.text()
    data = printed.encode()
    return CourtReceiptAnswer(
        receipt_id=receipt.id,
        case_no=receipt.case_no,
        court=court.value,
        exhibits=[
            ReceivedExhibit(
                exhibit_no=each.exhibit_no,
                name=each.words.name,
                copies=each.words.copies,
                pages=each.words.pages,
                evidence_no=each.words.evidence_no,
            )
            for each in receipt.exhibits
        ],
        copies=receipt.copies,
        pages=receipt.pages,
        received_at=moment(receipt.received_ms, "gateway"),
        handler=receipt.handler,
        text=printed,
        digests={alg: _digest(alg, data) for alg in ALGS},
        size=len(data),
    )


def _digest(alg: str, data: bytes) -> str:
    digest = new_digest(alg)
    digest.update(data)
    return digest.digest().hex()
