"""/v1/cases/{case_no}/parties: who takes part, and its interest in who keeps the evidence."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Request as HttpRequest
from starlette.responses import Response

from node.accounts.action import Action
from node.accounts.identity import parse_id_no
from node.accounts.vocabulary import IdType
from node.casework.case_number import CaseNumber
from node.casework.interest import InterestCheck, Party, check_interests
from node.casework.vocabulary import LitigationRole
from node.evidence.malformed import Malformed
from node.evidence.members import parse_members
from node.gateway.accounts.access import recorded
from node.gateway.cases.access import BODY, CASE, CaseNo, Clerk, admitted
from node.gateway.cases.problems import CaseProblem
from node.gateway.cases.schemas import (
    FoundInterest,
    InterestValue,
    PartiesAnswer,
    PartiesRequest,
    PartyRequest,
    PartyValue,
)
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.language import Language, language_of
from node.gateway.http.openapi import json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery
from node.gateway.members.client import CannotCheck

PARTIES_BODY_MAX = 16_384

router = APIRouter(tags=["cases"])

Nothing = Annotated[NoQuery, Query()]


@router.put(
    "/v1/cases/{case_no}/parties",
    summary="Name the parties of a case",
    response_model=PartiesAnswer,
    responses=problems(
        *CASE, *BODY, CaseProblem.PARTY_SPELLING, CaseProblem.PARTY_REPEATED, Problem.CANNOT_CHECK
    ),
    openapi_extra=json_body(PartiesRequest),
)
async def name_parties(http: HttpRequest, account: Clerk, case_no: CaseNo, _: Nothing) -> Response:
    """All of them, in the place of those that were named before. Organisations only, by their
    统一社会信用代码: nothing is kept of a person here."""
    gateway = gateway_of(http)
    bodies.expect_media_type(http, bodies.JSON)
    asked = bodies.parse_json(PartiesRequest, await bodies.read_body(http, PARTIES_BODY_MAX))
    case = await admitted(http, account, case_no)
    parties = _parties(asked.parties)
    await recorded(http, account, Action.CASE_PARTIES_NAMED, case.text)
    await gateway.cases.name_parties(case, account.id, parties, gateway.clock())
    return answer(http, await _answer(http, case))


@router.get(
    "/v1/cases/{case_no}/parties",
    summary="The parties of a case, and their interests",
    response_model=PartiesAnswer,
    responses=problems(*CASE, Problem.CANNOT_CHECK),
)
async def get_parties(http: HttpRequest, account: Clerk, case_no: CaseNo, _: Nothing) -> Response:
    """Compared anew each time with what the registry says now."""
    case = await admitted(http, account, case_no)
    await recorded(http, account, Action.CASE_READ, case.text)
    return answer(http, await _answer(http, case))


async def interests_of(gateway: Gateway, case: CaseNumber) -> InterestCheck:
    """The check for a case; every organisation that ever was a member counts as one."""
    try:
        policies = await gateway.log.policies()
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    members = {each.name for note in policies for each in parse_members(note.members_text)}
    parties = await gateway.cases.parties(case.text)
    return check_interests(parties, await gateway.registries.interests(), sorted(members))


def interest_value(check: InterestCheck, language: Language) -> InterestValue:
    """The check as it is answered."""
    return InterestValue(
        result=check.result.name,  # type: ignore[arg-type]
        text=getattr(check.result, language),
        found=[
            FoundInterest(
                uscc=each.party.uscc,
                litigation_role=each.party.role.name,
                litigation_role_text=getattr(each.party.role, language),
                member=each.interest.member,
                name=each.interest.name,
                relation=each.interest.relation.name,
                relation_text=getattr(each.interest.relation, language),
                source=each.interest.source,
            )
            for each in check.found
        ],
        not_checked=list(check.unknown),
    )


def _parties(asked: list[PartyRequest]) -> list[Party]:
    numbers: dict[str, int] = {}
    for index, each in enumerate(asked):
        try:
            number = parse_id_no(IdType.USCC, each.uscc)
        except Malformed as error:
            raise ProblemError(CaseProblem.PARTY_SPELLING, item=index) from error
        if number in numbers:
            raise ProblemError(CaseProblem.PARTY_REPEATED, item=index)
        numbers[number] = index
    return [
        Party(number, LitigationRole[asked[index].litigation_role])
        for number, index in numbers.items()
    ]


async def _answer(http: HttpRequest, case: CaseNumber) -> PartiesAnswer:
    gateway, language = gateway_of(http), language_of(http)
    check = await interests_of(gateway, case)
    return PartiesAnswer(
        case_no=case.text,
        parties=[
            PartyValue(
                uscc=each.uscc,
                litigation_role=each.role.name,
                litigation_role_text=getattr(each.role, language),
            )
            for each in await gateway.cases.parties(case.text)
        ],
        interests=interest_value(check, language),
    )
