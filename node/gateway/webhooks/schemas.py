"""The shapes of requests and answers about webhooks."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from node.gateway.http.schemas import Moment
from node.webhooks.reach import URL_LENGTH_MAX

WEBHOOK_BODY_MAX = 8_192

EventName = Literal["deposit.final", "deposit.failed", "deposit.event"]
DeliveryState = Literal["delivered", "waiting", "failed"]


class WebhookRequest(BaseModel):
    """Where to tell of what."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    url: str = Field(max_length=URL_LENGTH_MAX, examples=["https://example.com/cunzheng"])
    events: list[EventName] = Field(
        default=["deposit.final", "deposit.failed", "deposit.event"],
        min_length=1,
        max_length=3,
        description="`deposit.event`: a correction, invalidation, hold or the like is on the chain,"
        " by whomever and through whichever gateway.",
    )


class DeliveriesQuery(BaseModel):
    """Which deliveries; without `after` the newest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    webhook: str | None = Field(None, pattern="^[0-9a-f]{32}$")
    after: str | None = Field(
        None, pattern="^[0-9a-f]{32}$", description="`next` of the page before."
    )


class WebhookAnswer(BaseModel):
    """A webhook. `secret` is there only where it was made."""

    id: str
    url: str
    events: list[EventName]
    created_at: Moment
    enabled: bool
    disabled_at: Moment | None = None
    disabled_why: str | None = Field(
        None, description="`DELIVERY_FAILED`: nothing arrived for three days."
    )
    secret: str | None = Field(
        None, description="Keep it: messages are signed with it (Cunzheng-Signature)."
    )


class WebhooksAnswer(BaseModel):
    """All webhooks of the account, the oldest first."""

    webhooks: list[WebhookAnswer]


class DeliveryAnswer(BaseModel):
    """One message to one webhook, and what became of it."""

    id: str
    webhook: str
    event: EventName
    state: DeliveryState
    body: str = Field(description="Exactly what is sent.")
    created_at: Moment
    attempts: int
    due_at: Moment | None = Field(None, description="When it is sent next.")
    delivered_at: Moment | None = None
    last_status: int | None = Field(None, description="Of the last answer.")
    last_failure: str | None = Field(
        None,
        description="STATUS, TIMEOUT, UNREACHABLE, NAME_UNKNOWN or ADDRESS_REFUSED.",
    )


class DeliveriesAnswer(BaseModel):
    """The newest first; `next` is for the page after this one."""

    deliveries: list[DeliveryAnswer]
    next: str | None = None
