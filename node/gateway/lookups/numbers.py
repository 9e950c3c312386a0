"""GET: evidence numbers, receipts, proofs, checkpoints and the policy.

"Not found" is said only when a member has confirmed with a quorum that its index is complete, and
it names the height. A number alone tells that a deposit exists and its times; a receipt needs an
API key, and a proof one that may read the deposit, or an extraction code (`reading`).
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from node import member_pb2 as pb
from node.accounts.account import Account
from node.accounts.action import Action
from node.evidence.policy import fingerprint, parse_policy
from node.evidence.proof_text import format_proof
from node.gateway.accounts.access import UNAUTHENTICATED, authenticated
from node.gateway.deposits.answers import lookup_notices, result, state_words
from node.gateway.deposits.reading import REFUSALS, CodeHeader, Reader, admit
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http.language import language_of
from node.gateway.http.openapi import ALSO_ANONYMOUS, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer, text
from node.gateway.http.schemas import (
    EvidenceAnswer,
    NoQuery,
    PolicyAnswer,
    ReceiptAnswer,
    Searched,
)
from node.gateway.lookups.finding import find, find_number, prove, summarised
from node.gateway.members.checking import check_policy
from node.gateway.members.client import CannotCheck
from node.words import ResultCode, State

router = APIRouter(tags=["look up"])

Nothing = Annotated[NoQuery, Query()]
Asking = Annotated[Account, Depends(authenticated)]

_RECEIPT = re.compile(r"[0-9a-f]{32}")


@router.get(
    "/v1/evidence/{number}",
    summary="What an evidence number alone tells",
    response_model=EvidenceAnswer,
    responses=problems(Problem.NUMBER_SPELLING, Problem.CANNOT_CHECK),
)
async def look_up_number(http: Request, number: str, _: Nothing) -> Response:
    """Existence and times; an unknown number is an answer (`found` is false), not an error."""
    gateway, language = gateway_of(http), language_of(http)
    found, search = await find_number(gateway, number)
    deposit = None if found is None else await summarised(gateway, found, language)
    value = EvidenceAnswer(
        found=found is not None,
        **result(None if found else ResultCode.V101, language),
        deposit=deposit,
        searched=Searched(height=search.height, size=search.size),
        notices=lookup_notices(
            found is not None, language, gateway.network, [deposit] if deposit else []
        ),
    )
    return answer(http, value)


@router.get(
    "/v1/evidence/{number}/proof",
    summary="The proof file in its public form",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {}}, "description": "The proof, without any opening."},
        **problems(
            *REFUSALS,
            Problem.NUMBER_SPELLING,
            Problem.NUMBER_UNKNOWN,
            Problem.NOT_SEALED,
            Problem.CANNOT_CHECK,
        ),
    },
    openapi_extra=ALSO_ANONYMOUS,
)
async def get_proof(
    http: Request, number: str, account: Reader, _: Nothing, code: CodeHeader = None
) -> Response:
    """For the depositor, a court with a case it is linked to, or with the extraction code. Verbatim
    text: keep exactly these bytes. Seals that were missing when the checkpoint was published and
    came later stand in a section of their own, `later`."""
    gateway = gateway_of(http)
    found, search = await find_number(gateway, number)
    if found is None:
        raise ProblemError(Problem.NUMBER_UNKNOWN, height=search.height)
    statement_id = found.placed.statement.statement_id
    await admit(http, account, code, statement_id, number, Action.PROOF_READ)
    proven = await prove(gateway, found, later=True)
    if proven.proof is None:
        raise ProblemError(Problem.NOT_SEALED)
    return text(format_proof(proven.proof), f"{number}.proof.txt")


@router.get(
    "/v1/receipts/{number}",
    summary="How far a deposit has come",
    response_model=ReceiptAnswer,
    responses=problems(*UNAUTHENTICATED, Problem.NUMBER_SPELLING, Problem.CANNOT_CHECK),
)
async def look_up_receipt(http: Request, number: str, account: Asking, _: Nothing) -> Response:
    """By the chain, and for one's own deposits also what this gateway still has on its way."""
    gateway, language = gateway_of(http), language_of(http)
    if not _RECEIPT.fullmatch(number):
        raise ProblemError(Problem.NUMBER_SPELLING, why="not 32 lower-case hex digits")
    prefix = bytes.fromhex(number)
    search = await find(gateway, receipt_prefix=prefix)
    # An event has a receipt too, but no evidence number to list.
    found = [each for each in search.found if each.placed.statement.first_item is not None]
    deposits = [await summarised(gateway, each, language) for each in found]
    stored = [] if search.found else await gateway.store.by_receipt(account.id, prefix)
    state, reason = None, None
    if search.found:
        state = State[deposits[0].state] if deposits else State.COMMITTED
    elif stored:
        reason = stored[0].skipped
        state = State.PENDING if reason is None else State.FAILED
    code = {None: ResultCode.V101, State.PENDING: ResultCode.V100}.get(state)
    value = ReceiptAnswer(
        receipt_no=number,
        found=state is not None,
        **result(code, language),
        **({} if state is None else state_words(state, language)),
        reason=reason,
        deposits=deposits,
        searched=Searched(height=search.height, size=search.size),
        notices=lookup_notices(state is not None, language, gateway.network, deposits),
    )
    return answer(http, value)


@router.get(
    "/v1/checkpoints/latest",
    summary="The newest checkpoint with a quorum of cosignatures",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {}}, "description": "A C2SP signed note."},
        **problems(Problem.NOT_SEALED, Problem.CANNOT_CHECK),
    },
)
async def latest_checkpoint(http: Request, _: Nothing) -> Response:
    """As at /checkpoint: a signed note, to be compared with what others were shown."""
    try:
        note = await gateway_of(http).log.checkpoint()
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    if not note:
        raise ProblemError(Problem.NOT_SEALED)
    return text(note)


@router.get(
    "/v1/policy",
    summary="The policy in force and its members",
    response_model=PolicyAnswer,
    responses=problems(Problem.CANNOT_CHECK),
)
async def get_policy(http: Request, _: Nothing) -> Response:
    """As one member has it: compare the fingerprint with what the court published."""
    gateway = gateway_of(http)
    told = await _checkpoint(gateway)
    members = check_policy(told.policy_text, told.members_text, gateway.origin)
    policy = parse_policy(told.policy_text)
    value = PolicyAnswer(
        origin=policy.origin,
        network=policy.network,
        serial=policy.serial,
        quorum=policy.quorum,
        fingerprint=fingerprint(told.policy_text),
        members=[
            {"name": each.name, "kind": each.kind, "organisation": each.organisation}
            for each in members
        ],
        policy_text=told.policy_text.decode(),
        members_text=told.members_text.decode(),
    )
    return answer(http, value)


async def _checkpoint(gateway: Gateway) -> pb.CheckpointResponse:
    try:
        return await gateway.members.checkpoint()
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
