"""Whose a case is: its number read, its court named, and who may work on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from fastapi import Path as PathParameter
from fastapi import Request as HttpRequest

from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.casework.case_number import (
    PROVINCES,
    SUPREME,
    BadCaseNumber,
    CaseNumber,
    parse_case_number,
)
from node.casework.court import NOT_CHECKED
from node.casework.exhibit import (
    CourtName,
)
from node.gateway.accounts.access import FORBIDDEN, Permit, recorded
from node.gateway.cases.problems import CaseProblem
from node.gateway.cases.schemas import (
    CourtValue,
)
from node.gateway.gateway import Gateway
from node.gateway.http.problems import Problem, ProblemError

_ENGLISH = {
    "年度": "year",
    "法院代字": "court code",
    "类型代字": "kind of case",
    "编号": "running number",
}

Clerk = Annotated[Account, Depends(Permit(Scope.CASES))]
CaseNo = Annotated[
    str,
    PathParameter(
        max_length=64,
        examples=["（2026）浙0192民初1234号"],
        # Shown, not applied: the answer names the element that is wrong.
        json_schema_extra={
            "pattern": rf"^[（(](19|20)[0-9]{{2}}[）)]({SUPREME}|[{PROVINCES}]([0-9]{{2}}){{0,2}})"
            r"[\u4e00-\u9fa5]{1,3}[1-9][0-9]{0,7}号$"
        },
    ),
]

CASE = (
    *FORBIDDEN,
    Problem.FIELD_INVALID,
    Problem.FIELD_UNKNOWN,
    CaseProblem.CASE_NO_SPELLING,
    CaseProblem.CASE_NO_COURT_UNKNOWN,
    CaseProblem.COURT_OTHER,
)
"""What every route of a case may answer."""
BODY = (
    Problem.MEDIA_TYPE,
    Problem.BODY_TOO_LARGE,
    Problem.BODY_NOT_JSON,
    Problem.FIELD_MISSING,
    Problem.FIELD_REPEATED,
)
"""What a route of a case with a body may answer."""


@dataclass(frozen=True, slots=True)
class CourtOfCase:
    """A court's name as documents and answers have it."""

    name: CourtName
    value: CourtValue


async def admitted(http: HttpRequest, account: Account, case_no: str) -> CaseNumber:
    """The case, which is at a court of the account's."""
    try:
        case = parse_case_number(case_no)
    except BadCaseNumber as error:
        raise ProblemError(
            CaseProblem.CASE_NO_SPELLING, element=error.element, english=_ENGLISH[error.element]
        ) from error
    if case.court_code is None:
        raise ProblemError(CaseProblem.CASE_NO_COURT_UNKNOWN)
    if case.court_code not in account.holder.courts:
        await recorded(http, account, Action.CASE_REFUSED, case.text, allowed=False)
        raise ProblemError(CaseProblem.COURT_OTHER, court=case.court_code)
    return case


async def court_of(gateway: Gateway, case: CaseNumber) -> CourtOfCase:
    assert case.court_code is not None
    court = await gateway.registries.court(case.court_code)
    name = None if court is None else court.name
    value = CourtValue(court_code=case.court_code, name=name, text=name or NOT_CHECKED[0])
    return CourtOfCase(CourtName(case.court_code, name), value)
