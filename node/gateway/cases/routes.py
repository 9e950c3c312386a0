"""/v1/cases/{case_no}: exhibits, evidence lists and court receipts (民事证据规定 Art. 19).

A case belongs to the court whose code its number has: only a clerk or judge of that court works on
it. Every access is recorded, and so is every refusal.
"""

from __future__ import annotations

import asyncio
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
    Exhibit,
    ExhibitWords,
    format_evidence_list,
)
from node.casework.interest import InterestCheck
from node.casework.vocabulary import LitigationRole
from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.gateway.accounts.access import recorded
from node.gateway.cases.access import BODY, CASE, CaseNo, Clerk, admitted, court_of
from node.gateway.cases.parties import interest_value, interests_of
from node.gateway.cases.problems import CaseProblem
from node.gateway.cases.schemas import (
    CaseAnswer,
    ExhibitRequest,
    ExhibitValue,
    LinksRequest,
    ListQuery,
)
from node.gateway.deposits.answers import moment
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.language import Language, language_of
from node.gateway.http.once import KEY_PROBLEMS, Key, once
from node.gateway.http.openapi import json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer, text
from node.gateway.http.schemas import NoQuery
from node.gateway.lookups.finding import find_number
from node.offchain.cases import (
    EXHIBITS_MAX,
    Linked,
    TooManyExhibits,
)

LINKS_BODY_MAX = 4 << 20
LOOKUPS_AT_ONCE = 8
"""Exhibits looked for on the chain at the same time."""

router = APIRouter(tags=["cases"])

Nothing = Annotated[NoQuery, Query()]


@router.post(
    "/v1/cases/{case_no}/links",
    summary="Link deposits to a case as exhibits",
    response_model=CaseAnswer,
    status_code=201,
    responses={
        200: {"model": CaseAnswer},
        **problems(
            *CASE,
            *BODY,
            *KEY_PROBLEMS,
            CaseProblem.EVIDENCE_SPELLING,
            CaseProblem.EVIDENCE_UNKNOWN,
            CaseProblem.EXHIBIT_REPEATED,
            CaseProblem.EXHIBIT_LINKED,
            CaseProblem.EXHIBITS_MAX,
            Problem.CANNOT_CHECK,
        ),
    },
    openapi_extra=json_body(LinksRequest),
)
async def link_exhibits(
    http: HttpRequest, account: Clerk, case_no: CaseNo, key: Key, _: Nothing
) -> Response:
    """Numbers them in their order after those that are linked. 200 for a retry, or if all were
    linked before; what is linked with other words is refused."""
    bodies.expect_media_type(http, bodies.JSON)
    body = await bodies.read_body(http, LINKS_BODY_MAX)
    asked = bodies.parse_json(LinksRequest, body)
    case = await admitted(http, account, case_no)
    return await once(http, account, key, body, lambda: _linked(http, account, case, asked))


async def _linked(
    http: HttpRequest, account: Account, case: CaseNumber, asked: LinksRequest
) -> Response:
    gateway = gateway_of(http)
    await _check_numbers(gateway, [each.evidence_no for each in asked.exhibits])
    check = await interests_of(gateway, case)
    await recorded(http, account, Action.CASE_LINKED, case.text)
    words = [_words(each) for each in asked.exhibits]
    try:
        linked, new = await gateway.cases.link(case, account.id, words, gateway.clock())
    except Linked as error:
        raise ProblemError(CaseProblem.EXHIBIT_LINKED, items=_listed(error.indexes)) from error
    except TooManyExhibits as error:
        raise ProblemError(CaseProblem.EXHIBITS_MAX, limit=f"{EXHIBITS_MAX:,}") from error
    return answer(http, await _answer(http, case, linked, check), 201 if new else 200)


@router.get(
    "/v1/cases/{case_no}/evidence-list",
    summary="The evidence list of a case",
    response_model=CaseAnswer,
    responses={
        200: {"content": {"text/plain": {}}, "description": "JSON, or text to print and sign."},
        **problems(*CASE, Problem.CANNOT_CHECK),
    },
)
async def get_evidence_list(
    http: HttpRequest, account: Clerk, case_no: CaseNo, query: Annotated[ListQuery, Query()]
) -> Response:
    """Exhibits by number, each with source, object of proof and content."""
    gateway = gateway_of(http)
    case = await admitted(http, account, case_no)
    await recorded(http, account, Action.CASE_READ, case.text)
    exhibits = await gateway.cases.exhibits(case.text)
    check = await interests_of(gateway, case)
    if query.format == "text":
        court = await court_of(gateway, case)
        printed = format_evidence_list(case.text, court.name, exhibits, check.result)
        return text(printed.encode())
    return answer(http, await _answer(http, case, exhibits, check))


@router.delete(
    "/v1/cases/{case_no}/links/{exhibit_no}",
    summary="Take an exhibit out of a case",
    status_code=204,
    responses=problems(*CASE, CaseProblem.EXHIBIT_UNKNOWN),
)
async def remove_exhibit(
    http: HttpRequest,
    account: Clerk,
    case_no: CaseNo,
    exhibit_no: Annotated[int, PathParameter(ge=1, le=EXHIBITS_MAX)],
    _: Nothing,
) -> Response:
    """The others keep their numbers, and its number is not given again."""
    gateway = gateway_of(http)
    case = await admitted(http, account, case_no)
    await recorded(http, account, Action.CASE_EXHIBIT_REMOVED, case.text)
    if not await gateway.cases.remove(case.text, exhibit_no, gateway.clock()):
        raise ProblemError(CaseProblem.EXHIBIT_UNKNOWN, number=exhibit_no)
    return Response(status_code=204)


async def _check_numbers(gateway: Gateway, numbers: Sequence[str]) -> None:
    """Every number is spelled well, stands once, and is a deposit's."""
    wrong = [index for index, number in enumerate(numbers) if not _is_number(number)]
    if wrong:
        raise ProblemError(CaseProblem.EVIDENCE_SPELLING, items=_listed(wrong))
    repeated = [index for index, number in enumerate(numbers) if number in numbers[:index]]
    if repeated:
        raise ProblemError(CaseProblem.EXHIBIT_REPEATED, items=_listed(repeated))
    limit = asyncio.Semaphore(LOOKUPS_AT_ONCE)

    async def searched_to(number: str) -> int | None:
        """None if it was found, else the height up to which it was searched for."""
        async with limit:
            found, search = await find_number(gateway, number)
        return search.height if found is None else None

    heights = await asyncio.gather(*(searched_to(number) for number in numbers))
    if missing := [index for index, height in enumerate(heights) if height is not None]:
        height = min(each for each in heights if each is not None)
        raise ProblemError(CaseProblem.EVIDENCE_UNKNOWN, items=_listed(missing), height=height)


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except Malformed:
        return False
    return True


def _listed(indexes: Sequence[int]) -> str:
    return ", ".join(str(index) for index in indexes)


def _words(asked: ExhibitRequest) -> ExhibitWords:
    said = asked.model_dump()
    return ExhibitWords(**{**said, "litigation_role": LitigationRole[asked.litigation_role]})


async def _answer(
    http: HttpRequest, case: CaseNumber, exhibits: Sequence[Exhibit], check: InterestCheck
) -> CaseAnswer:
    court, language = await court_of(gateway_of(http), case), language_of(http)
    return CaseAnswer(
        case_no=case.text,
        court=court.value,
        exhibits=[_exhibit(each, language) for each in exhibits],
        interests=interest_value(check, language),
    )


def _exhibit(exhibit: Exhibit, language: Language) -> ExhibitValue:
    words = exhibit.words
    return ExhibitValue(
        exhibit_no=exhibit.exhibit_no,
        evidence_no=words.evidence_no,
        litigation_role=words.litigation_role.name,
        litigation_role_text=getattr(words.litigation_role, language),
        name=words.name,
        source=words.source,
        proof_object=words.proof_object,
        content=words.content,
        copies=words.copies,
        pages=words.pages,
        adverse_to_submitter=words.adverse_to_submitter,
        linked_at=moment(exhibit.linked_ms, "gateway"),
    )
