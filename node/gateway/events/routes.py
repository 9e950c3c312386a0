"""POST /v1/evidence/{number}/corrections and the like, and what became of a deposit in order.

Nothing that was deposited is ever changed: an event is one more statement on the chain, and lookups
tell of it beside the deposit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi import Request as HttpRequest
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.evidence.entry import StatementEntry
from node.evidence.events import BY_COURT, BY_DEPOSITOR, BY_INSTITUTION, Keys, may_make
from node.evidence.item import DetailValue
from node.evidence.keys import PublicKey, Signature
from node.evidence.statement import Subject
from node.gateway.accounts.access import NOT_YET, UNAUTHENTICATED, Permit, depositing, verified
from node.gateway.deposits.anchors import SignatureHeader, StatementHeader, own_statement
from node.gateway.deposits.depositing import Request, Waiting
from node.gateway.deposits.reading import CodeHeader, Reader, right_of
from node.gateway.events.answers import event_answer, events_answer
from node.gateway.events.attesting import who_attests
from node.gateway.events.eventing import carry_event, known_event, take_event
from node.gateway.events.history import History, read_keys
from node.gateway.events.problems import EventProblem
from node.gateway.events.schemas import (
    EVENT_BODY_MAX,
    EventAnswer,
    EventOpeningValue,
    EventRequest,
    EventsAnswer,
)
from node.gateway.events.statement import PreparedEvent
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.language import language_of
from node.gateway.http.once import KEY_PROBLEMS, Key, request_digest
from node.gateway.http.openapi import ALSO_ANONYMOUS, json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery, WaitQuery
from node.gateway.lookups.finding import find_number, history_of
from node.gateway.members.client import CannotCheck
from node.offchain.events import EventOpening, OpenedEvent

router = APIRouter(tags=["events"])

_KINDS = {
    "corrections": ("correction", "Correct what was said of a deposit"),
    "invalidations": ("invalidation", "Declare that a deposit is no longer relied on"),
    "supplements": ("supplement", "Name a deposit that supplements this one"),
    "renditions": ("rendition", "Name a deposit that is this one in another form"),
    "custody": ("custody", "Tell who keeps the original from now on"),
    "holds": ("hold", "Hold a deposit, as a court"),
    "releases": ("release", "Release a deposit that this court holds"),
    "notarisations": ("notarisation", "Tell that a deposit was notarised, as who did"),
    "verifications": ("verification", "Tell what a verification of a deposit found, as who did"),
}
"""By the last part of the address: the type of the event statement, and a summary."""
_SEEING = frozenset({"supplement", "rendition"})

_PROBLEMS = (
    *NOT_YET,
    *EventProblem,
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
    Problem.DIGEST_SPELLING,
    Problem.DETAILS_REFUSED,
    Problem.STATEMENT_HEADERS,
    Problem.STATEMENT_INVALID,
    Problem.STATEMENT_NEWER,
    Problem.SIGNATURE_WRONG,
    Problem.OTHER_CHAIN,
    Problem.RECORD_SKIPPED,
    Problem.BUSY,
    Problem.GATEWAY_NOT_ENROLLED,
    Problem.CANNOT_CHECK,
)

_May = Callable[..., Awaitable[Account]]


async def _holding(account: Annotated[Account, Depends(Permit(Scope.HOLD))]) -> Account:
    """The account of a request that holds or releases."""
    return verified(account)


async def _verifying(account: Annotated[Account, Depends(Permit(Scope.VERIFY))]) -> Account:
    """The account of a request that tells what a notary, a court or an expert found."""
    return verified(account)


_MAY: dict[str, _May] = {
    **dict.fromkeys(BY_DEPOSITOR, depositing),
    **dict.fromkeys(BY_COURT, _holding),
    **dict.fromkeys(BY_INSTITUTION, _verifying),
}
_NEEDS = {
    **dict.fromkeys(BY_COURT, EventProblem.EVENT_NEEDS_COURT),
    **dict.fromkeys(BY_INSTITUTION, EventProblem.EVENT_NEEDS_INSTITUTION),
}
"""Events that no gateway attests: whose own key must have signed them."""


@router.get(
    "/v1/evidence/{number}/events",
    summary="What became of a deposit, in order",
    response_model=EventsAnswer,
    responses=problems(
        *UNAUTHENTICATED, Problem.NUMBER_SPELLING, Problem.NUMBER_UNKNOWN, Problem.CANNOT_CHECK
    ),
    openapi_extra=ALSO_ANONYMOUS,
)
async def list_events(
    http: HttpRequest,
    number: str,
    account: Reader,
    _: Annotated[NoQuery, Query()],
    code: CodeHeader = None,
) -> Response:
    """Kinds and times are for everybody who has the number; details only for who may read the
    deposit, and for whoever made the event."""
    gateway = gateway_of(http)
    deposit = await _deposit(gateway, number)
    history = await history_of(gateway, deposit)
    opened = await _opened(http, number, deposit.statement_id, history, account, code)
    value = events_answer(number, history, opened, language_of(http), gateway.network)
    return answer(http, value)


def _posting(kind: str, may: _May) -> Callable[..., Awaitable[Response]]:
    allowed = Depends(may)

    async def post_event(
        http: HttpRequest,
        number: str,
        key: Key,
        query: Annotated[WaitQuery, Query()],
        account: Account = allowed,
        statement: StatementHeader = None,
        signature: SignatureHeader = None,
    ) -> Response:
        gateway, waiting = gateway_of(http), Waiting(query)
        bodies.expect_media_type(http, bodies.JSON)
        body = await bodies.read_body(http, EVENT_BODY_MAX)
        own = own_statement(statement, signature)
        signed = () if own is None else (own[0], own[1].raw)
        asked_for = (b"event", kind.encode(), number.encode(), *signed, body)
        request, new = Request(account, key, request_digest(asked_for)), False
        if (taken := await known_event(gateway, request)) is None:
            asked = bodies.parse_json(EventRequest, body)
            prepared = await _prepare(gateway, account, kind, number, own, asked)
            taken, new = await take_event(gateway, request, prepared)
        progress = await carry_event(gateway, taken, waiting)
        status = (201 if new else 200) if waiting.is_over(progress.state) else 202
        return answer(http, event_answer(progress, language_of(http), gateway.network), status)

    return post_event


def _add_routes() -> None:
    answers: dict[int | str, dict[str, Any]] = {
        status: {"model": EventAnswer} for status in (200, 202)
    }
    for path, (kind, summary) in _KINDS.items():
        router.add_api_route(
            f"/v1/evidence/{{number}}/{path}",
            _posting(kind, _MAY[kind]),
            methods=["POST"],
            summary=summary,
            description="The gateway that attested the deposit attests it for the account that "
            "deposited, whichever gateway of its database was asked; or bring your own signed "
            "event statement, with `opening` in the body. 201 once it is FINAL, 200 for a retry, "
            "202 if that takes longer than `wait_ms`.",
            response_model=EventAnswer,
            status_code=201,
            responses={**answers, **problems(*_PROBLEMS)},
            openapi_extra=json_body(EventRequest),
        )


_add_routes()


async def _prepare(
    gateway: Gateway,
    account: Account,
    kind: str,
    number: str,
    own: tuple[bytes, Signature] | None,
    asked: EventRequest,
) -> PreparedEvent:
    """The event statement, if its maker may make it."""
    deposit = await _deposit(gateway, number)
    subject = Subject(number, deposit.statement_id)
    if own is not None:
        opening = _opening(asked)
        prepared = gateway.event_preparer.countersign(kind, subject, own, opening)
        await _check_may(gateway, kind, prepared.event.key, deposit)
        return prepared
    details = await _details(gateway, kind, asked)
    if (needs := _NEEDS.get(kind)) is not None:
        raise ProblemError(needs)
    kept = await gateway.deposits.by_id(deposit.statement_id)
    if kept is None or kept.account != account.id:
        raise ProblemError(EventProblem.EVENT_NOT_YOURS)
    here = gateway.signer.public
    keys = await _keys(gateway, here, deposit)
    key = who_attests(kind, deposit, keys, gateway.clock())
    if key is None:
        raise ProblemError(EventProblem.EVENT_OTHER_KEY, key=here.text)
    identity = await gateway.identities.record(account.id)
    return gateway.event_preparer.attest(identity, kind, subject, details, key)


async def _check_may(gateway: Gateway, kind: str, key: PublicKey, deposit: StatementEntry) -> None:
    keys = await _keys(gateway, key, deposit)
    if may_make(kind, key, deposit, keys, gateway.clock()):
        return
    if (needs := _NEEDS.get(kind)) is not None:
        raise ProblemError(needs)
    raise ProblemError(EventProblem.EVENT_OTHER_KEY, key=key.text)


async def _keys(gateway: Gateway, key: PublicKey, deposit: StatementEntry) -> Keys:
    """What the log says of this key and the deposit's."""
    try:
        return await read_keys(gateway.members, {key, deposit.statement.key})
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error


async def _details(gateway: Gateway, kind: str, asked: EventRequest) -> dict[str, DetailValue]:
    """What the gateway attests, under its own names."""
    if asked.opening is not None:
        raise ProblemError(EventProblem.EVENT_BODY, why="`opening` without your own statement")
    if asked.reason is None:
        raise ProblemError(Problem.FIELD_MISSING, field="reason")
    if clash := {"reason", "see"} & asked.details.keys():
        raise ProblemError(EventProblem.EVENT_BODY, why=f"{min(clash)} stands in `details`")
    if asked.see is None:
        if kind in _SEEING:
            raise ProblemError(EventProblem.EVENT_SEE_MISSING)
        return {**asked.details, "reason": asked.reason}
    await _deposit(gateway, asked.see)
    return {**asked.details, "reason": asked.reason, "see": asked.see}


def _opening(asked: EventRequest) -> EventOpening:
    if asked.opening is None:
        raise ProblemError(Problem.FIELD_MISSING, field="opening")
    if asked.reason is not None or asked.see is not None or asked.details:
        raise ProblemError(EventProblem.EVENT_BODY, why="`opening` holds all that you signed")
    opening: EventOpeningValue = asked.opening
    return EventOpening(bytes.fromhex(opening.salt), opening.details.encode())


async def _deposit(gateway: Gateway, number: str) -> StatementEntry:
    found, search = await find_number(gateway, number)
    if found is None:
        raise ProblemError(Problem.NUMBER_UNKNOWN, height=search.height)
    return found.placed.statement


async def _opened(
    http: HttpRequest,
    number: str,
    statement_id: bytes,
    history: History,
    account: Account | None,
    code: str | None,
) -> dict[bytes, OpenedEvent]:
    """The events whose details this request may read."""
    if (account is None and code is None) or not history.events:
        return {}
    opened = await gateway_of(http).events.opened(
        each.placed.statement.statement_id for each in history.events
    )
    if await right_of(http, account, code, statement_id, number, Action.DEPOSIT_READ) is not None:
        return opened
    made = None if account is None else account.id
    return {identity: each for identity, each in opened.items() if each.account == made}
