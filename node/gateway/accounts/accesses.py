"""GET /v1/accesses: the record of accesses, for who is responsible for network security.

公安部令第82号 Art. 7(三), 网络安全法 Art. 23(三): who did what, when, from which address. Reading
it is a line of it too.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.gateway.accounts.access import FORBIDDEN, Permit, recorded
from node.gateway.accounts.routes import word
from node.gateway.accounts.schemas import AccessAnswer, AccessesAnswer, AccessesQuery
from node.gateway.deposits.answers import moment
from node.gateway.gateway import gateway_of
from node.gateway.http.language import Language, language_of
from node.gateway.http.openapi import problems
from node.gateway.http.problems import Problem
from node.gateway.http.responses import answer
from node.offchain.accesses import Access, Place

router = APIRouter(tags=["accounts"])

Watching = Annotated[Account, Depends(Permit(Scope.SECURITY))]

_PLACE = re.compile(r"([0-9]{1,15})-([0-9a-f]{32})")


@router.get(
    "/v1/accesses",
    summary="The record of accesses",
    response_model=AccessesAnswer,
    responses=problems(
        *FORBIDDEN, Problem.FIELD_INVALID, Problem.FIELD_MISSING, Problem.FIELD_UNKNOWN
    ),
)
async def get_accesses(
    http: Request, account: Watching, query: Annotated[AccessesQuery, Query()]
) -> Response:
    """Oldest first; `next` goes on where this page ends."""
    await recorded(http, account, Action.ACCESSES_READ, query.account)
    after = None
    if query.after is not None:
        match = _PLACE.fullmatch(query.after)
        assert match is not None, "the shape of the query says so"
        after = Place(int(match[1]), match[2])
    found = await gateway_of(http).accesses.between(
        query.begin, query.end, account=query.account, after=after, limit=query.limit
    )
    value = AccessesAnswer(
        accesses=[_access(each, language_of(http)) for each in found],
        next=_cursor(found[-1]) if len(found) == query.limit else None,
    )
    return answer(http, value)


def _access(access: Access, language: Language) -> AccessAnswer:
    return AccessAnswer(
        at=moment(access.at_ms, "gateway"),
        account=access.account,
        action=word(access.action, language),
        object=access.object,
        allowed=access.allowed,
        origin=access.origin,
        request_id=access.request_id,
        inspection=access.inspection,
    )


def _cursor(access: Access) -> str:
    assert access.place is not None
    return f"{access.place.at_ms}-{access.place.id}"
