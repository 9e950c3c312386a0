"""/v1/webhooks and /v1/deliveries: what an account is told without asking.

There is no challenge at registration: whoever registers is a verified account, messages are small,
signed and of its own deposits, and an address that does not answer is given up. A secret is made
from the request that asks for it, so that a retry is told the same one and nobody else ever is.
"""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi import Request as HttpRequest
from starlette.responses import Response

from node.accounts.account import Account
from node.accounts.scopes import Scope
from node.gateway.accounts.access import FORBIDDEN, Permit
from node.gateway.deposits.answers import moment
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.once import KEY_PROBLEMS, Key, once
from node.gateway.http.openapi import json_body, problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import NoQuery
from node.gateway.webhooks.problems import WebhookProblem
from node.gateway.webhooks.schemas import (
    WEBHOOK_BODY_MAX,
    DeliveriesAnswer,
    DeliveriesQuery,
    DeliveryAnswer,
    WebhookAnswer,
    WebhookRequest,
    WebhooksAnswer,
)
from node.offchain.notification_values import Delivery, Webhook
from node.offchain.notifications import LIST_MAX, WEBHOOKS_MAX, TooManyWebhooks
from node.webhooks.message import EVENTS
from node.webhooks.reach import BadUrl, parse_url
from node.webhooks.signature import format_secret

router = APIRouter(tags=["webhooks"])

Owner = Annotated[Account, Depends(Permit(Scope.WEBHOOKS))]
Nothing = Annotated[NoQuery, Query()]
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="As the list tells it.")]

_BY_ID = (*FORBIDDEN, Problem.FIELD_INVALID, Problem.FIELD_UNKNOWN, WebhookProblem.WEBHOOK_UNKNOWN)


@router.post(
    "/v1/webhooks",
    summary="Be told when deposits become FINAL, fail, or get an event",
    response_model=WebhookAnswer,
    status_code=201,
    responses=problems(
        *FORBIDDEN,
        *KEY_PROBLEMS,
        Problem.MEDIA_TYPE,
        Problem.BODY_TOO_LARGE,
        Problem.BODY_NOT_JSON,
        Problem.FIELD_INVALID,
        Problem.FIELD_MISSING,
        Problem.FIELD_UNKNOWN,
        Problem.FIELD_REPEATED,
        WebhookProblem.WEBHOOK_URL,
        WebhookProblem.WEBHOOKS_MAX,
    ),
    openapi_extra=json_body(WebhookRequest),
)
async def post_webhook(http: HttpRequest, account: Owner, key: Key, _: Nothing) -> Response:
    """Messages come at least once, signed; the secret is told only in answer to this request."""
    gateway = gateway_of(http)
    bodies.expect_media_type(http, bodies.JSON)
    asked = bodies.parse_json(WebhookRequest, await bodies.read_body(http, WEBHOOK_BODY_MAX))
    try:
        parse_url(asked.url, public_only=gateway.public_only)
    except BadUrl as error:
        raise ProblemError(WebhookProblem.WEBHOOK_URL, why=error) from error
    identity = _made(gateway, "id", account.id, key).hex()[:32]
    secret = format_secret(_made(gateway, "secret", account.id, key))
    events = tuple(event for event in EVENTS if event in asked.events)
    new = Webhook(identity, account.id, asked.url, events, gateway.clock())
    try:
        kept = await gateway.notifications.register(new, secret)
    except TooManyWebhooks as error:
        raise ProblemError(WebhookProblem.WEBHOOKS_MAX, limit=WEBHOOKS_MAX) from error
    if (kept.url, kept.events) != (new.url, new.events):
        raise ProblemError(Problem.IDEMPOTENCY_MISMATCH)
    return answer(http, _webhook(kept, secret), 201)


@router.get(
    "/v1/webhooks",
    summary="The account's webhooks",
    response_model=WebhooksAnswer,
    responses=problems(*FORBIDDEN, Problem.FIELD_UNKNOWN),
)
async def get_webhooks(http: HttpRequest, account: Owner, _: Nothing) -> Response:
    """All of them, without their secrets."""
    kept = await gateway_of(http).notifications.listed(account.id)
    return answer(http, WebhooksAnswer(webhooks=[_webhook(each) for each in kept]))


@router.delete(
    "/v1/webhooks/{webhook_id}",
    summary="Be told no more",
    status_code=204,
    response_class=Response,
    responses=problems(*_BY_ID),
)
async def delete_webhook(http: HttpRequest, account: Owner, webhook_id: Id, _: Nothing) -> Response:
    """Its deliveries go with it, also those that wait."""
    if not await gateway_of(http).notifications.delete(account.id, webhook_id):
        raise ProblemError(WebhookProblem.WEBHOOK_UNKNOWN)
    return Response(status_code=204)


@router.post(
    "/v1/webhooks/{webhook_id}/rotate",
    summary="Put a new secret in place of the old one",
    response_model=WebhookAnswer,
    responses=problems(*_BY_ID, *KEY_PROBLEMS),
)
async def rotate_secret(
    http: HttpRequest, account: Owner, webhook_id: Id, key: Key, _: Nothing
) -> Response:
    """For a day messages are signed with both."""
    gateway = gateway_of(http)
    await bodies.read_body(http, 0)
    secret = format_secret(_made(gateway, "rotated", account.id, webhook_id, key))
    kept = await gateway.notifications.rotate(account.id, webhook_id, secret)
    if kept is None:
        raise ProblemError(WebhookProblem.WEBHOOK_UNKNOWN)
    return answer(http, _webhook(kept, secret))


@router.post(
    "/v1/webhooks/{webhook_id}/enable",
    summary="Send again to a webhook that was disabled",
    response_model=WebhookAnswer,
    responses=problems(*_BY_ID, *KEY_PROBLEMS),
)
async def enable_webhook(
    http: HttpRequest, account: Owner, webhook_id: Id, key: Key, _: Nothing
) -> Response:
    """Whatever it was not told then is sent first; of what happened since there is nothing."""
    body = await bodies.read_body(http, 0)

    async def enable() -> Response:
        kept = await gateway_of(http).notifications.enable(account.id, webhook_id)
        if kept is None:
            raise ProblemError(WebhookProblem.WEBHOOK_UNKNOWN)
        return answer(http, _webhook(kept))

    return await once(http, account, key, body, enable)


@router.get(
    "/v1/deliveries",
    summary="What was or is to be sent",
    response_model=DeliveriesAnswer,
    responses=problems(*FORBIDDEN, Problem.FIELD_INVALID, Problem.FIELD_UNKNOWN),
)
async def get_deliveries(
    http: HttpRequest, account: Owner, query: Annotated[DeliveriesQuery, Query()]
) -> Response:
    """The newest first, with what became of each."""
    found = await gateway_of(http).notifications.deliveries(account.id, query.webhook, query.after)
    last = found[-1].id if len(found) == LIST_MAX else None
    value = DeliveriesAnswer(deliveries=[_delivery(each) for each in found], next=last)
    return answer(http, value)


@router.post(
    "/v1/deliveries/{delivery_id}/redeliver",
    summary="Send a message again",
    response_model=DeliveryAnswer,
    status_code=202,
    responses=problems(
        *FORBIDDEN,
        *KEY_PROBLEMS,
        Problem.FIELD_INVALID,
        Problem.FIELD_UNKNOWN,
        WebhookProblem.DELIVERY_UNKNOWN,
    ),
)
async def redeliver(
    http: HttpRequest, account: Owner, delivery_id: Id, key: Key, _: Nothing
) -> Response:
    """The same message with the same id, also if it was delivered before."""
    body = await bodies.read_body(http, 0)

    async def send_again() -> Response:
        found = await gateway_of(http).notifications.redeliver(account.id, delivery_id)
        if found is None:
            raise ProblemError(WebhookProblem.DELIVERY_UNKNOWN)
        return answer(http, _delivery(found), 202)

    return await once(http, account, key, body, send_again)


def _made(gateway: Gateway, *asked: str) -> bytes:
    """32 bytes that only this request of this account gets; no part of it holds a space."""
    return hmac.digest(gateway.webhook_key, " ".join(asked).encode(), "sha256")


def _webhook(kept: Webhook, secret: str | None = None) -> WebhookAnswer:
    disabled = kept.disabled_ms
    return WebhookAnswer(
        id=kept.id,
        url=kept.url,
        events=list(kept.events),  # type: ignore[arg-type]
        created_at=moment(kept.created_ms, "gateway"),
        enabled=disabled is None,
        disabled_at=None if disabled is None else moment(disabled, "gateway"),
        disabled_why=kept.disabled_why,
        secret=secret,
    )


def _delivery(kept: Delivery) -> DeliveryAnswer:
    due, delivered = kept.due_ms, kept.delivered_ms
    return DeliveryAnswer(
        id=kept.id,
        webhook=kept.webhook,
        event=kept.event,  # type: ignore[arg-type]
        state=kept.state,  # type: ignore[arg-type]
        body=kept.body.decode(),
        created_at=moment(kept.created_ms, "gateway"),
        attempts=kept.attempts,
        due_at=None if due is None else moment(due, "gateway"),
        delivered_at=None if delivered is None else moment(delivered, "gateway"),
        last_status=kept.last_status,
        last_failure=kept.last_failure,
    )
