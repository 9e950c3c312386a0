"""/v1/bundles and /v1/cases/{case_no}/bundles: one bundle of several deposits, with one evidence
list.

By number, for whoever may export each of them: their depositor, or a court that each is linked to.
Of a case, for a clerk or judge of its court: all that stands on its evidence list, in its words.
Only who asked for a bundle can fetch it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.casework.case_number import CaseNumber
from node.export.bundle.layout import DEPOSITS_MAX
from node.gateway.accounts.access import Permit, exporting, recorded
from node.gateway.accounts.routes import BODY_PROBLEMS
from node.gateway.bundles import asking
from node.gateway.bundles.problems import BundleProblem
from node.gateway.bundles.routes import BundleId
from node.gateway.bundles.schemas import (
    BUNDLE_BODY_MAX,
    BundleAnswer,
    BundleRequest,
    SeveralRequest,
)
from node.gateway.cases.access import CASE, CaseNo, Clerk, admitted
from node.gateway.cases.problems import CaseProblem
from node.gateway.deposits.problems import DepositProblem
from node.gateway.deposits.reading import REFUSALS, account_right, admit
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.once import Key
from node.gateway.http.openapi import json_body, problems
from node.gateway.http.problems import AnyProblem, Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery
from node.gateway.members.answers import Found
from node.offchain.bundles import BundleRecord, Wanted

AT_ONCE = 8
"""Deposits looked for on the chain at the same time."""

router = APIRouter(tags=["look up"])

Nothing = Annotated[NoQuery, Query()]
Exporter = Annotated[Account, Depends(Permit(Scope.EXPORT))]

_OF_NUMBERS = (*REFUSALS, Problem.FIELD_INVALID, Problem.FIELD_UNKNOWN)
_ASKING = (
    *BODY_PROBLEMS,
    Problem.IDEMPOTENCY_KEY_MISSING,
    Problem.IDEMPOTENCY_KEY_SPELLING,
    Problem.NUMBER_SPELLING,
    Problem.NUMBER_UNKNOWN,
    Problem.NOT_SEALED,
    Problem.CANNOT_CHECK,
    BundleProblem.BUNDLE_OPENING_OTHER,
    BundleProblem.BUNDLES_WAITING,
)
_OF_CASE = (*CASE, *REFUSALS)


def _archive(*found: AnyProblem) -> dict[int | str, dict[str, object]]:
    """The answers of a route that gives the bytes."""
    return {
        200: {"content": {"application/zip": {}}, "description": "docs/bundle-format.md."},
        **problems(*found, BundleProblem.BUNDLE_UNKNOWN, BundleProblem.BUNDLE_NOT_READY),
    }


# By number


@router.post(
    "/v1/bundles",
    summary="Ask for one evidence bundle of several deposits",
    response_model=BundleAnswer,
    status_code=202,
    responses=problems(*_OF_NUMBERS, *_ASKING, BundleProblem.BUNDLE_NUMBERS_REPEATED),
    openapi_extra=json_body(SeveralRequest),
)
async def ask_for_several(http: Request, account: Exporter, key: Key, _: Nothing) -> Response:
    """Only of deposits that are FINAL, each of which the account may export. Made and kept like
    that of one."""
    gateway = gateway_of(http)
    bodies.expect_media_type(http, bodies.JSON)
    asked = bodies.parse_json(SeveralRequest, await bodies.read_body(http, BUNDLE_BODY_MAX))
    numbers = asked.evidence_nos
    if len(set(numbers)) != len(numbers):
        raise ProblemError(BundleProblem.BUNDLE_NUMBERS_REPEATED)
    asking.check_openings(asked.openings, numbers)
    found = await _all_found(gateway, numbers)
    for number, each in zip(numbers, found, strict=True):
        statement_id = each.placed.statement.statement_id
        await admit(http, account, None, statement_id, number, Action.BUNDLE_ASKED)
    wanted = await _all_wanted(gateway, list(enumerate(found, 1)), asked)
    bundle_id = asking.bundle_id(asking.account_digest(account), " ".join(numbers), key)
    record = await asking.ask(gateway, bundle_id, account.id, wanted)
    return answer(http, asking.told(http, record, f"/v1/bundles/{record.id}"), 202)


@router.get(
    "/v1/bundles/{bundle_id}",
    summary="How far a bundle of several deposits has come",
    response_model=BundleAnswer,
    responses=problems(*_OF_NUMBERS, BundleProblem.BUNDLE_UNKNOWN),
)
async def get_several(
    http: Request, bundle_id: BundleId, account: Exporter, _: Nothing
) -> Response:
    """Ask again every second or so until it is READY."""
    record = await _of_account(http, bundle_id, account)
    return answer(http, asking.told(http, record, f"/v1/bundles/{record.id}"))


@router.get(
    "/v1/bundles/{bundle_id}/archive",
    summary="An evidence bundle of several deposits",
    response_class=Response,
    responses=_archive(*_OF_NUMBERS),
)
async def get_several_archive(
    http: Request, bundle_id: BundleId, account: Exporter, _: Nothing
) -> Response:
    """The archive, the same bytes for a day. Verify it with trust that came another way."""
    return asking.archive_of(http, await _of_account(http, bundle_id, account))


async def _of_account(http: Request, bundle_id: str, account: Account) -> BundleRecord:
    """The bundle that this account asked for, all of whose deposits it may still export."""
    gateway = gateway_of(http)
    exporting(account)
    record = await gateway.bundles.find(bundle_id, gateway.clock())
    if record is None or record.account != account.id or record.case_no is not None:
        raise ProblemError(BundleProblem.BUNDLE_UNKNOWN)
    for each in record.deposits:
        action, number = Action.BUNDLE_READ, each.evidence_no
        if await account_right(gateway, account, each.statement_id, number, action) is None:
            await recorded(http, account, action, number, allowed=False)
            raise ProblemError(DepositProblem.READING_REFUSED)
    await recorded(http, account, Action.BUNDLE_READ, f"bundle {bundle_id}")
    return record


# Of a case


@router.post(
    "/v1/cases/{case_no}/bundles",
    summary="Ask for the evidence bundle of a case",
    response_model=BundleAnswer,
    status_code=202,
    responses=problems(
        *_OF_CASE, *_ASKING, CaseProblem.EXHIBITS_NONE, BundleProblem.BUNDLE_TOO_LARGE
    ),
    openapi_extra=json_body(BundleRequest),
)
async def ask_for_case(
    http: Request, account: Clerk, case_no: CaseNo, key: Key, _: Nothing
) -> Response:
    """Of all exhibits on its evidence list now, once each of them is FINAL, with what the list says
    of them. Made and kept like that of one deposit."""
    gateway = gateway_of(http)
    bodies.expect_media_type(http, bodies.JSON)
    asked = bodies.parse_json(BundleRequest, await bodies.read_body(http, BUNDLE_BODY_MAX))
    case = await _admitted(http, account, case_no)
    exhibits = await gateway.cases.exhibits(case.text)
    if not exhibits:
        raise ProblemError(CaseProblem.EXHIBITS_NONE)
    if len(exhibits) > DEPOSITS_MAX:
        raise ProblemError(BundleProblem.BUNDLE_TOO_LARGE, limit=DEPOSITS_MAX)
    numbers = [each.words.evidence_no for each in exhibits]
    asking.check_openings(asked.openings, numbers)
    await recorded(http, account, Action.BUNDLE_ASKED, case.text)
    for number in numbers:
        await recorded(http, account, Action.BUNDLE_ASKED, number)
    places = [each.exhibit_no for each in exhibits]
    found = await _all_found(gateway, numbers)
    wanted = await _all_wanted(gateway, list(zip(places, found, strict=True)), asked)
    bundle_id = asking.bundle_id(asking.account_digest(account), f"case {case.text}", key)
    record = await asking.ask(gateway, bundle_id, account.id, wanted, case.text)
    return answer(http, asking.told(http, record, _path(case, record.id)), 202)


@router.get(
    "/v1/cases/{case_no}/bundles/{bundle_id}",
    summary="How far the evidence bundle of a case has come",
    response_model=BundleAnswer,
    responses=problems(*_OF_CASE, BundleProblem.BUNDLE_UNKNOWN),
)
async def get_case_bundle(
    http: Request, account: Clerk, case_no: CaseNo, bundle_id: BundleId, _: Nothing
) -> Response:
    """Ask again every second or so until it is READY."""
    case, record = await _of_case(http, account, case_no, bundle_id)
    return answer(http, asking.told(http, record, _path(case, record.id)))


@router.get(
    "/v1/cases/{case_no}/bundles/{bundle_id}/archive",
    summary="The evidence bundle of a case",
    response_class=Response,
    responses=_archive(*_OF_CASE),
)
async def get_case_archive(
    http: Request, account: Clerk, case_no: CaseNo, bundle_id: BundleId, _: Nothing
) -> Response:
    """The archive, the same bytes for a day. Verify it with trust that came another way."""
    _case, record = await _of_case(http, account, case_no, bundle_id)
    return asking.archive_of(http, record)


async def _admitted(http: Request, account: Account, case_no: str) -> CaseNumber:
    """The case, for who may also take away what proves and opens its exhibits."""
    exporting(account)
    return await admitted(http, account, case_no)


async def _of_case(
    http: Request, account: Account, case_no: str, bundle_id: str
) -> tuple[CaseNumber, BundleRecord]:
    """The bundle that this account asked for, all of whose deposits still are exhibits."""
    gateway = gateway_of(http)
    case = await _admitted(http, account, case_no)
    record = await gateway.bundles.find(bundle_id, gateway.clock())
    if record is None or (record.account, record.case_no) != (account.id, case.text):
        raise ProblemError(BundleProblem.BUNDLE_UNKNOWN)
    listed = {each.words.evidence_no for each in await gateway.cases.exhibits(case.text)}
    if not all(each.evidence_no in listed for each in record.deposits):
        raise ProblemError(BundleProblem.BUNDLE_UNKNOWN)
    await recorded(http, account, Action.BUNDLE_READ, case.text)
    return case, record


def _path(case: CaseNumber, bundle_id: str) -> str:
    return f"/v1/cases/{quote(case.text)}/bundles/{bundle_id}"


# Deposits


async def _all_found(gateway: Gateway, numbers: Sequence[str]) -> list[Found]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def find(number: str) -> Found:
        async with limit:
            return await asking.found_number(gateway, number)

    return list(await asyncio.gather(*(find(number) for number in numbers)))


async def _all_wanted(
    gateway: Gateway, exhibits: Sequence[tuple[int, Found]], asked: BundleRequest
) -> list[Wanted]:
    """The deposits under their exhibit numbers; all of them are FINAL, and opened by what was
    sent."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def want(place: int, found: Found) -> Wanted:
        async with limit:
            proof = await asking.final(gateway, found)
            return asking.wanted(place, found, proof, asked.openings)

    return list(await asyncio.gather(*(want(place, found) for place, found in exhibits)))
