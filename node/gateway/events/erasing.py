"""POST /v1/evidence/{number}/erasures: what opens a deposit is deleted, and its proof still holds.

个人信息保护法 Art. 47. In this order, so that whoever was told it is erased can rely on it:

 1. refused if a court holds the deposit, or if it stands on a case's evidence list (Art. 47 last
    paragraph: until then it is stored, and kept safe, and nothing else: `restricting`);
 2. the erasure and the event that says so are stored together: from then on nobody can open it
    here, and lookups answer V601. The transaction asks 1. once more of what came in meanwhile
    (`node.offchain.erasures`): a hold that was taken in first, wins;
 3. the event goes to the chain. It holds no personal data; signed by the gateway that took the
    deposit in, it is with its opening the certificate of erasure.

The chain is not changed by it. Who kept the opening can still prove the deposit, without us.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi import Request as HttpRequest
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.evidence.entry import StatementEntry
from node.evidence.events import may_make
from node.evidence.item import parse_details
from node.evidence.statement import Deposit, Subject
from node.gateway.accounts.access import FORBIDDEN, authenticated, recorded
from node.gateway.accounts.problems import AccountProblem
from node.gateway.deposits.answers import moment
from node.gateway.deposits.depositing import Request, Waiting
from node.gateway.deposits.problems import DepositProblem
from node.gateway.events.answers import event_answer
from node.gateway.events.certificate import certificate
from node.gateway.events.eventing import (
    EventProgress,
    TakenEvent,
    carry_event,
    known_event,
    take_event,
)
from node.gateway.events.history import read_keys
from node.gateway.events.problems import EventProblem
from node.gateway.events.schemas import ErasureAnswer, ErasureRequest
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.language import Language, language_of
from node.gateway.http.once import KEY_PROBLEMS, Key, request_digest
from node.gateway.http.openapi import json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import WaitQuery
from node.gateway.lookups.finding import find_number, history_of
from node.gateway.members.client import CannotCheck
from node.offchain.engine import StoreFailed
from node.offchain.erasures import ErasedBefore, Held, InCase, NotErasable, Numbers
from node.vault.keepsake import identity_record
from node.words import ErasureGround, Flag

ERASURE_BODY_MAX = 4_096

router = APIRouter(tags=["events"])

_log = logging.getLogger(__name__)

_ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErasureAnswer} for status in (200, 202)
}
_PROBLEMS = (
    *FORBIDDEN,
    EventProblem.ERASED_ALREADY,
    EventProblem.ERASURE_COUNT,
    EventProblem.ERASURE_HELD,
    EventProblem.ERASURE_IN_CASE,
    EventProblem.ERASURE_OTHER_GATEWAY,
    EventProblem.EVENT_NOT_YOURS,
    DepositProblem.DEPOSIT_UNKNOWN,
    Problem.NUMBER_SPELLING,
    Problem.NUMBER_UNKNOWN,
    *KEY_PROBLEMS,
    Problem.MEDIA_TYPE,
    Problem.BODY_TOO_LARGE,
    Problem.BODY_NOT_JSON,
    Problem.FIELD_INVALID,
    Problem.FIELD_MISSING,
    Problem.FIELD_UNKNOWN,
    Problem.FIELD_REPEATED,
    Problem.BUSY,
    Problem.GATEWAY_NOT_ENROLLED,
    Problem.CANNOT_CHECK,
)

_FORBIDS: dict[type[NotErasable], EventProblem] = {
    ErasedBefore: EventProblem.ERASED_ALREADY,
    Held: EventProblem.ERASURE_HELD,
    InCase: EventProblem.ERASURE_IN_CASE,
}


@dataclass(frozen=True, slots=True)
class Erasable:
    """A deposit that may be erased, and what its event is about."""

    entry: StatementEntry
    number: str
    judged: frozenset[bytes] = frozenset()
    """The events about it that the chain told of; none of them forbids it."""

    @property
    def deposit(self) -> Deposit:
        """What was signed."""
        deposit = self.entry.statement
        assert isinstance(deposit, Deposit)
        return deposit

    @property
    def numbers(self) -> Numbers:
        """All evidence numbers that are erased with it."""
        assert self.entry.first_item is not None
        return Numbers(self.entry.time_ms, self.entry.first_item, self.deposit.count)


async def _erasing(account: Annotated[Account, Depends(authenticated)]) -> Account:
    """The account of a request that erases: who deposited, also after it has withdrawn its consent,
    or whoever handles requests of those whom personal data is about."""
    if not account.scopes & {Scope.DEPOSIT, Scope.PRIVACY}:
        raise ProblemError(AccountProblem.SCOPE_MISSING, scope=Scope.DEPOSIT.text)
    return account


@router.post(
    "/v1/evidence/{number}/erasures",
    summary="Erase what opens a deposit, for good",
    response_model=ErasureAnswer,
    status_code=201,
    responses={**_ANSWERS, **problems(*_PROBLEMS)},
    openapi_extra=json_body(ErasureRequest),
)
async def post_erasure(
    http: HttpRequest,
    number: str,
    key: Key,
    query: Annotated[WaitQuery, Query()],
    account: Annotated[Account, Depends(_erasing)],
) -> Response:
    """For the account that deposited, or the data protection officer; of all items of the deposit,
    whose `count` is named. Salts, digests, details and what was declared cannot be brought back.
    201 once the event is FINAL, 200 for a retry, 202 if that takes longer than `wait_ms`: erased it
    is in any case."""
    gateway, waiting = gateway_of(http), Waiting(query)
    bodies.expect_media_type(http, bodies.JSON)
    body = await bodies.read_body(http, ERASURE_BODY_MAX)
    asked_for = (b"erasure", number.encode(), body)
    request, new = Request(account, key, request_digest(asked_for)), False
    if (taken := await known_event(gateway, request)) is None:
        asked = bodies.parse_json(ErasureRequest, body)
        erasable = await _erasable(http, gateway, account, number, asked)
        try:
            erasable = await check_free(gateway, erasable)
            taken, new = await erase(gateway, request, erasable, asked)
        except ProblemError as error:
            raise await _restricted(gateway, account, erasable, asked, error) from error
    progress = await carry_event(gateway, taken, waiting)
    status = (201 if new else 200) if waiting.is_over(progress.state) else 202
    return answer(http, _answer(progress, language_of(http), gateway.network), status)


async def _erasable(
    http: HttpRequest, gateway: Gateway, account: Account, number: str, asked: ErasureRequest
) -> Erasable:
    """The deposit, if this account may have it erased and nothing forbids that."""
    found, search = await find_number(gateway, number)
    if found is None:
        raise ProblemError(Problem.NUMBER_UNKNOWN, height=search.height)
    erasable = Erasable(found.placed.statement, number)
    record = await gateway.deposits.by_id(erasable.entry.statement_id)
    mine = record is not None and record.account == account.id and Scope.DEPOSIT in account.scopes
    if not mine and Scope.PRIVACY not in account.scopes:
        await recorded(http, account, Action.DEPOSIT_ERASED, number, allowed=False)
        raise ProblemError(EventProblem.EVENT_NOT_YOURS)
    if record is None:  # It came through another gateway, which has what opens it.
        raise ProblemError(DepositProblem.DEPOSIT_UNKNOWN)
    if record.erased_ms is not None:
        raise ProblemError(EventProblem.ERASED_ALREADY)
    if asked.count != record.count:
        raise ProblemError(EventProblem.ERASURE_COUNT, count=record.count)
    await check_own(gateway, erasable)
    await recorded(http, account, Action.DEPOSIT_ERASED, number)
    return erasable


async def check_free(gateway: Gateway, erasable: Erasable) -> Erasable:
    """No court holds it or has it before it, as far as the chain and the database say now. What
    comes in from now on is seen when it is erased."""
    history = await history_of(gateway, erasable.entry)
    if not history.complete:  # A hold may be among what was not read.
        raise ProblemError(Problem.CANNOT_CHECK)
    if Flag.HELD in dict(history.flags):
        raise ProblemError(EventProblem.ERASURE_HELD)
    if await gateway.erasures.in_case(erasable.numbers):
        raise ProblemError(EventProblem.ERASURE_IN_CASE)
    judged = frozenset(each.placed.statement.statement_id for each in history.events)
    return replace(erasable, judged=judged)


async def _restricted(
    gateway: Gateway,
    account: Account,
    erasable: Erasable,
    asked: ErasureRequest,
    refused: ProblemError,
) -> ProblemError:
    """What whoever asked is told: if something forbids the erasure now, the processing is
    restricted until that is over, and the answer says when it is examined again."""
    if refused.problem not in (EventProblem.ERASURE_HELD, EventProblem.ERASURE_IN_CASE):
        return refused
    identity, now = erasable.entry.statement_id, gateway.clock()
    review_ms = await gateway.erasures.restrict(identity, account.id, asked.ground, now)
    return ProblemError(refused.problem, review=moment(review_ms, "gateway").beijing)


async def check_own(gateway: Gateway, erasable: Erasable) -> None:
    """The event counts if the gateway that took the deposit in has signed it."""
    entry, own = erasable.entry, gateway.signer.public
    try:
        keys = await read_keys(gateway.members, {own, entry.receipt.gateway})
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    if not may_make("erased", own, entry, keys, gateway.clock()):
        raise ProblemError(EventProblem.ERASURE_OTHER_GATEWAY, key=entry.receipt.gateway.text)


async def erase(
    gateway: Gateway, request: Request, erasable: Erasable, asked: ErasureRequest
) -> tuple[TakenEvent, bool]:
    entry, now = erasable.entry, gateway.clock()
    details = {"ground": asked.ground, "count": erasable.deposit.count, "erased_at": now}
    subject = Subject(erasable.number, entry.statement_id)
    # What the certificate commits to is kept: the account, and nothing personal.
    identity = identity_record(request.account.id)
    prepared = gateway.event_preparer.attest(identity, "erased", subject, details)
    work = gateway.erasures.erasing(entry.statement_id, erasable.numbers, erasable.judged, now)
    try:
        taken = await take_event(gateway, request, prepared, work)
    except NotErasable as error:
        raise ProblemError(_FORBIDS[type(error)]) from error
    try:
        await gateway.erasures.overwrite()
    except StoreFailed as error:  # It is done again with the next records that are deleted.
        _log.warning("what was erased is still in the database's own log: %s", error)
    return taken


def _answer(progress: EventProgress, language: Language, network: str) -> ErasureAnswer:
    told, opening = event_answer(progress, language, network), progress.taken.opening
    assert opening is not None, "of an erasure itself nothing is erased"
    said = {key: value for key, (_, value) in parse_details(opening.details).items()}
    ground, count, erased_ms = said["ground"], said["count"], said["erased_at"]
    assert isinstance(ground, str)
    assert isinstance(count, int)
    assert isinstance(erased_ms, int)
    return ErasureAnswer(
        **dict(told),
        ground=ground,  # type: ignore[arg-type]
        ground_text=getattr(ErasureGround[ground], language),
        count=count,
        erased_at=moment(erased_ms, "gateway"),
        certificate=certificate(told, ErasureGround[ground], count, erased_ms),
    )
