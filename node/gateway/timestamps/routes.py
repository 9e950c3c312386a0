"""GET /v1/evidence/{number}/timestamp: the tokens that reach a deposit, for whoever asks.

What is told here is about checkpoints, which everybody can see; of the deposit it says no more than
its number does.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from node.gateway.deposits.answers import always
from node.gateway.gateway import gateway_of
from node.gateway.http.language import language_of
from node.gateway.http.openapi import problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery, Searched
from node.gateway.lookups.finding import find_number, prove
from node.gateway.members.client import CannotCheck
from node.gateway.timestamps.answers import signature_value, token_value
from node.gateway.timestamps.schemas import TimestampAnswer
from node.words import OpenPoint

router = APIRouter(tags=["look up"])


@router.get(
    "/v1/evidence/{number}/timestamp",
    summary="The timestamps that reach a deposit",
    response_model=TimestampAnswer,
    responses=problems(
        Problem.NUMBER_SPELLING,
        Problem.NUMBER_UNKNOWN,
        Problem.NOT_SEALED,
        Problem.CANNOT_CHECK,
        Problem.DATABASE_UNAVAILABLE,
    ),
)
async def get_timestamp(http: Request, number: str, _: Annotated[NoQuery, Query()]) -> Response:
    """RFC 3161: of each authority the first token over a checkpoint that has the deposit under it,
    with the path from the deposit's own checkpoint. Verify them with roots from elsewhere."""
    gateway, language = gateway_of(http), language_of(http)
    found, search = await find_number(gateway, number)
    if found is None:
        raise ProblemError(Problem.NUMBER_UNKNOWN, height=search.height)
    proven = await prove(gateway, found)
    if proven.proof is None:
        raise ProblemError(Problem.NOT_SEALED)
    try:
        reached = await gateway.reaching.of(proven.proof)
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    sizes = dict.fromkeys(each.stamped.size for each in reached)
    signatures = [await gateway.reaching.signature(size) for size in sizes]
    if not reached:
        said = [getattr(OpenPoint.O08, language)]
    else:
        said = [getattr(OpenPoint.O03, language)] if reached[0].is_own else []
    value = TimestampAnswer(
        evidence_no=number,
        timestamped=bool(reached),
        tokens=[token_value(each) for each in reached],
        signatures=[signature_value(each) for each in signatures if each is not None],
        searched=Searched(height=search.height, size=search.size),
        notices=[*said, *always(language, gateway.network)],
    )
    return answer(http, value)
