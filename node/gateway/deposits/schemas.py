"""The shapes of requests and answers about deposits that were made: lists, openings, codes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from node.evidence.spelling import INTEGER_MAX
from node.gateway.http.schemas import (
    Category,
    EvidenceSummary,
    FlagValue,
    Hex64,
    Mode,
    Moment,
    Reference,
    Searched,
    StateName,
)

CODE_BODY_MAX = 1_024
EXPIRES_IN_DAYS_MAX = 3_650
PAGE_DEFAULT, PAGE_MAX = 50, 100
Q_LENGTH_MAX = 200
"""The longest thing that is looked up has 64 digits; people paste spaces and line ends with it."""
CURSOR_LENGTH_MAX = 200


Mark = Literal["evidence_no", "entry_hash", "sha256", "sm3"]


class LookupQuery(BaseModel):
    """What somebody holds of a deposit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: str = Field(max_length=Q_LENGTH_MAX, examples=["EV20261121000000000042-47"])


class LookedUp(EvidenceSummary):
    """A deposit, and which of its marks was asked for."""

    matched: Mark


class LookupAnswer(BaseModel):
    """What was found, oldest first. Nothing found is an answer, not an error."""

    q: str = Field(description="What was looked for, without spaces.")
    found: bool
    result_code: str | None = None
    result_text: str | None = None
    deposits: list[LookedUp]
    complete: bool = Field(description="False if there are more than could be listed.")
    searched: Searched
    notices: list[str]


class ListQuery(BaseModel):
    """Conditions, all of which hold for what is listed, and where to go on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: StateName | None = None
    client_ref: Reference | None = None
    matter_id: Reference | None = None
    series: Hex64 | None = None
    category: Category | None = None
    overdue: bool = Field(
        False, description="Only those that are neither FINAL nor FAILED a day after they came in."
    )
    received_from: int | None = Field(
        None, ge=0, le=INTEGER_MAX, description="Received at this time or later, UTC milliseconds."
    )
    received_to: int | None = Field(
        None, ge=0, le=INTEGER_MAX, description="Received before this time, UTC milliseconds."
    )
    after: Annotated[str, StringConstraints(max_length=CURSOR_LENGTH_MAX)] | None = Field(
        None, description="`next` of the page before."
    )
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)


class DepositSummary(BaseModel):
    """A deposit statement of the account, and how far it has come."""

    receipt_no: str
    statement_id: str
    state: StateName
    state_text: str
    overdue: bool = Field(
        False,
        description="Neither FINAL nor FAILED a day after it came in. It goes on by itself: repeat "
        "it under its own `Idempotency-Key` if at all, never under a new one.",
    )
    reason: str | None = Field(None, description="Why it failed.")
    client_ref: str | None = None
    matter_id: str | None = None
    phase: str | None = None
    series: str | None = None
    series_seq: int | None = None
    category: Category
    mode: Mode
    alg: str
    count: int
    first_evidence_no: str | None = None
    height: int | None = None
    entry_hash: str | None = None
    received_at: Moment
    block_time: Moment | None = None
    final_at: Moment | None = Field(
        None, description="When this gateway noted that a quorum had sealed it."
    )
    erased: bool = Field(False, description="Its openings were deleted; its proof still holds.")
    restricted_at: Moment | None = Field(
        None,
        description="限制处理: it was to be erased and may not be yet, so it is stored and nothing "
        "else. Erased as soon as it may be.",
    )
    review_at: Moment | None = Field(None, description="When the reason is examined again.")
    flags: list[FlagValue] | None = Field(
        None, description="What later events mark it with; absent if nobody could say."
    )


class ListAnswer(BaseModel):
    """One page of the account's deposits, the newest first."""

    deposits: list[DepositSummary]
    next: str | None = Field(None, description="For the next page; absent on the last.")


class OpeningsQuery(BaseModel):
    """From which item on openings are told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: int = Field(0, ge=0, le=INTEGER_MAX)


class OpenedItem(BaseModel):
    """What opens one item of a salted deposit."""

    evidence_no: str | None = None
    item_index: int
    opening: dict[str, object]


class DepositAnswer(DepositSummary):
    """A deposit with what opens it, as far as this gateway has it."""

    submitter: dict[str, str] | None = Field(
        None, description="What the statement's `submitter` commits to."
    )
    declared: dict[str, object] | None = None
    openings: list[OpenedItem] = Field(
        description="Empty if the depositor salted by itself, or deposited plain digests."
    )
    next_first: int | None = Field(None, description="`first` for the openings that follow.")
    result_code: str | None = None
    result_text: str | None = None


class CodeRequest(BaseModel):
    """For how long an extraction code is to work; without, until it is revoked."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    expires_in_days: int | None = Field(None, ge=1, le=EXPIRES_IN_DAYS_MAX)


class CodeSummary(BaseModel):
    """An extraction code, without the code."""

    id: str
    evidence_no: str
    live: bool
    created_at: Moment
    expires_at: Moment | None = None
    revoked_at: Moment | None = None


class NewCodeAnswer(CodeSummary):
    """A fresh code. It is stored nowhere: give it to whom it is for."""

    code: str = Field(examples=["7K3M-9QXT-2V4B"])


class CodesAnswer(BaseModel):
    """All codes of a number, the oldest first."""

    codes: list[CodeSummary]
