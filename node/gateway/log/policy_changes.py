"""POST /v1/policies: the next policy of the chain goes onto it. GET: all policies so far.

The signatures of the members are the permission; no API key is asked for. What the chain would skip
is not proposed: a block is for ever. A policy that raises the rules number stops every member that
does not know the number, so it is proposed only once all of them say that they do.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from node.errors import Absent
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.policy import fingerprint
from node.evidence.policy_note import (
    NOTE_SIZE_MAX,
    PolicyNote,
    parse_policy_note,
    verify_succession,
)
from node.evidence.record import format_record
from node.evidence.succession import Succession, format_policies
from node.gateway.deposits.answers import state_words
from node.gateway.deposits.depositing import Waiting
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.language import language_of
from node.gateway.http.openapi import problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer, text
from node.gateway.http.schemas import NoQuery, PolicyChangeAnswer, WaitQuery
from node.gateway.members.answers import Outcome
from node.gateway.members.client import STATUS_TIMEOUT_S, CannotCheck, ProposalRefused
from node.words import State

router = APIRouter(tags=["policy"])

MEDIA_TYPE = "text/plain"


@router.post(
    "/v1/policies",
    summary="Put the next policy into force",
    response_model=PolicyChangeAnswer,
    status_code=201,
    responses={
        200: {"model": PolicyChangeAnswer},
        202: {"model": PolicyChangeAnswer},
        **problems(
            Problem.MEDIA_TYPE,
            Problem.BODY_TOO_LARGE,
            Problem.POLICY_INVALID,
            Problem.POLICY_NOT_NEXT,
            Problem.RULES_NOT_KNOWN,
            Problem.CANNOT_CHECK,
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        }
    },
)
async def post_policy(http: Request, query: Annotated[WaitQuery, Query()]) -> Response:
    """The body is the signed policy note. 201 once it is on the chain, 200 if it was there, 202 if
    that takes too long: then send the same again."""
    gateway, waiting = gateway_of(http), Waiting(query)
    bodies.expect_media_type(http, MEDIA_TYPE)
    note = _parse(await bodies.read_body(http, NOTE_SIZE_MAX))
    # One after the other: of many that come at once all but the first would be skipped.
    if await waiting.wait_for(gateway.changing_policy.acquire()) is None:
        return _answer(http, note, State.PENDING, 202)
    try:
        return await _post(http, gateway, note, waiting)
    finally:
        gateway.changing_policy.release()


async def _post(http: Request, gateway: Gateway, note: PolicyNote, waiting: Waiting) -> Response:
    standing = await _policies(gateway)
    if note in standing:
        return _answer(http, note, State.COMMITTED, 200)
    try:
        verify_succession(standing[-1], note)
    except (Malformed, BadSignature) as error:
        raise ProblemError(Problem.POLICY_NOT_NEXT, why=error) from error
    if note.rules > standing[-1].rules:
        await _check_everyone_knows(gateway, note.rules)
    outcome = await _propose(gateway, note, waiting)
    if outcome is None:
        return _answer(http, note, State.PENDING, 202)
    if outcome.placed is None:
        # The same policy may have come in by another request meanwhile.
        if note not in await _policies(gateway):
            raise ProblemError(Problem.POLICY_NOT_NEXT, why=outcome.skipped)
        return _answer(http, note, State.COMMITTED, 200)
    return _answer(http, note, State.COMMITTED, 201, outcome.placed.leaf_index)


@router.get(
    "/v1/policies",
    summary="All policies of the chain, from the first on",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: {}}, "description": "A policies file."},
        **problems(Problem.CANNOT_CHECK),
    },
)
async def get_policies(http: Request, _: Annotated[NoQuery, Query()]) -> Response:
    """Each but the first is signed by members of the one before it. Kept beside proofs, the file
    lets an old proof verify for who was told the newest fingerprint only."""
    return text(format_policies(Succession(tuple(await _policies(gateway_of(http))))))


def _parse(data: bytes) -> PolicyNote:
    try:
        note = parse_policy_note(data)
    except Malformed as error:
        raise ProblemError(Problem.POLICY_INVALID, why=error) from error
    return note


async def _policies(gateway: Gateway) -> list[PolicyNote]:
    """From the first on, as they are in the tree that a quorum sealed."""
    try:
        return await gateway.log.policies()
    except (Absent, BadSignature, CannotCheck, Malformed) as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error


async def _check_everyone_knows(gateway: Gateway, rules: int) -> None:
    statuses = await gateway.members.statuses(STATUS_TIMEOUT_S)
    missing = [
        name
        for name in gateway.members.names
        if name not in statuses or statuses[name].rules < rules
    ]
    if missing:
        raise ProblemError(Problem.RULES_NOT_KNOWN, rules=rules, members=", ".join(missing))


async def _propose(gateway: Gateway, note: PolicyNote, waiting: Waiting) -> Outcome | None:
    """By itself: a policy is the only record of its block."""
    proposing = asyncio.ensure_future(gateway.members.propose([format_record(note)]))
    try:
        outcomes = await waiting.wait_for(proposing)
    except ProposalRefused as error:
        raise ProblemError(Problem.POLICY_INVALID, why=error) from error
    finally:
        proposing.cancel()
    return None if outcomes is None else outcomes[0]


def _answer(
    http: Request, note: PolicyNote, state: State, status: int, leaf_index: int | None = None
) -> Response:
    value = PolicyChangeAnswer(
        serial=note.serial,
        fingerprint=fingerprint(note.policy_text),
        **state_words(state, language_of(http)),
        leaf_index=leaf_index,
    )
    return answer(http, value, status)
