"""The shapes of requests and answers about events of a deposit."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from node.evidence.item import ITEMS_MAX
from node.gateway.http.schemas import FlagValue, Hex64, Moment, ReceiptValue, StateName, Times

EVENT_BODY_MAX = 131_072
"""Room for 16,384 bytes of details, each byte escaped in a text that is itself JSON."""
REASON_LENGTH_MAX = 1_000

EventTypeName = Literal[
    "CORRECTION",
    "SUPPLEMENT",
    "RENDITION",
    "INVALIDATION",
    "CUSTODY",
    "HOLD",
    "RELEASE",
    "NOTARISATION",
    "VERIFICATION",
    "ERASED",
]
GroundName = Literal[
    "PURPOSE_ENDED",
    "PERIOD_ENDED",
    "CONSENT_WITHDRAWN",
    "UNLAWFUL_PROCESSING",
    "OTHER_LAW",
]
Number = Annotated[str, StringConstraints(pattern=r"^EV[0-9]{20}-[0-9]{2}$")]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EventOpeningValue(_Request):
    """What the `details` of your own event statement commits to (docs/proof-format.md)."""

    salt: Hex64
    details: str = Field(
        max_length=16_384,
        description="In canonical form, every value with its salt: exactly what was hashed.",
        examples=['{"reason":["000102030405060708090a0b0c0d0e0f","..."]}'],
    )


class EventRequest(_Request):
    """What is said of a deposit later. `opening` is for statements that you signed yourself; the
    rest is for those that the gateway attests for you."""

    reason: str | None = Field(None, min_length=1, max_length=REASON_LENGTH_MAX)
    see: Number | None = Field(None, description="The deposit that supplements or renders it.")
    details: dict[str, str | int | bool] = Field(
        default={},
        description="Stays off the chain; every value gets a salt of its own. Of a correction: "
        "what holds now.",
        examples=[{"title": "补充协议(2026-03)"}],
    )
    opening: EventOpeningValue | None = None


class ErasureRequest(_Request):
    """Why, and of how many items: all of the deposit, which is so asked for knowingly."""

    ground: GroundName
    count: int = Field(1, ge=1, le=ITEMS_MAX, description="Items of the deposit; all are erased.")


class EventSummary(BaseModel):
    """An event about a deposit; its details only for those who may read the deposit."""

    type: EventTypeName
    type_text: str
    effect: bool = Field(description="False: its maker may not make it; it is shown, no more.")
    effect_text: str
    attested: bool = Field(description="Signed by a gateway on the strength of a log-in.")
    times: Times
    height: int
    entry_hash: str
    details: dict[str, str | int | bool] | None = None


class EventsAnswer(BaseModel):
    """All events about a deposit, in the order of the chain."""

    evidence_no: str
    flags: list[FlagValue]
    events: list[EventSummary]
    complete: bool = Field(description="False if there are more than could be listed.")
    notices: list[str]


class EventAnswer(BaseModel):
    """What became of an event statement. Keep `opening`: it is what the details are proven by."""

    type: EventTypeName
    type_text: str
    evidence_no: str
    state: StateName
    state_text: str
    reason: str | None = Field(None, description="Why it failed.")
    statement_id: str
    statement: str = Field(description="Exactly the signed bytes.")
    signature: str | None = Field(
        None, description="Missing while the gateway that attested the deposit has not signed."
    )
    receipt: ReceiptValue | None = Field(None, description="Missing as long as `signature` is.")
    times: Times
    height: int | None = None
    entry_hash: str | None = None
    opening: dict[str, str] | None = None
    submitter: dict[str, str] | None = None
    notices: list[str]


class ErasureAnswer(EventAnswer):
    """What was erased, and the event that says so; from now on lookups answer V601."""

    ground: GroundName
    ground_text: str
    count: int = Field(description="Items of the deposit.")
    erased_at: Moment
    certificate: str = Field(description="个人信息删除证明, in both languages.")
