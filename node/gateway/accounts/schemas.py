"""The shapes of requests and answers about accounts, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from node.accounts.scopes import Scope
from node.evidence.spelling import INTEGER_MAX
from node.gateway.http.schemas import (
    KEY_LENGTH_MAX,
    WHOLE,
    Count,
    Hex64,
    Moment,
    StrictRequest,
)

ACCOUNT_BODY_MAX = 4_096
"""A public key, a signature and a list of scopes, with room to spare."""
EXPIRES_DAYS_MAX = 3_650
OVERLAP_S_MAX = 30 * 24 * 3600
"""Two keys for longer than a month are two keys, no rotation."""

ScopeName = Annotated[
    str, StringConstraints(pattern=f"^({'|'.join(scope.text for scope in Scope)})$")
]


class Word(BaseModel):
    """A code for programs, and what it says in the client's language."""

    code: str
    text: str


class IdentityAnswer(BaseModel):
    """Who the account is, as far as it is shown, and how that was verified."""

    name: str = Field(description="A person's is shown by its first character.")
    id_type: Word
    id_no: str = Field(description="The first three and the last two characters.")
    verified: bool
    method: Word | None = None
    provider: str | None = None
    verified_at: Moment | None = None


class ConsentAnswer(BaseModel):
    """A text that was agreed to."""

    version: str
    digest: Hex64
    scope: Word
    given_at: Moment
    withdrawn_at: Moment | None = None
    in_force: bool = Field(description="Whether it is what must be agreed to now.")


class ConsentsAnswer(BaseModel):
    """All that was ever agreed to, oldest first."""

    consents: list[ConsentAnswer]


class AccountAnswer(BaseModel):
    """The account of the request."""

    account: str
    submitter_type: Word
    status: Word
    roles: list[Word]
    courts: list[str] = Field(description="Codes of the courts where it is a clerk or judge.")
    identity: IdentityAnswer | None = None
    consents: list[ConsentAnswer]
    missing: str | None = Field(
        None, description="The problem every deposit and export meets; absent if there is none."
    )
    credential: str = Field(description="The id of the key this request came with.")
    scopes: list[str] = Field(description="What this request's key may do.")


class OfficerAnswer(BaseModel):
    """Whom to write to."""

    name: str
    contact: str


class ConsentTextAnswer(BaseModel):
    """The text in force, and who answers for it."""

    version: str
    digest: Hex64 = Field(description="SHA-256 of `document` in UTF-8.")
    scope: Word
    document: str
    data_protection_officer: OfficerAnswer | None = Field(
        None, description="Absent only where nothing is real: in a test."
    )


class ConsentRequest(StrictRequest):
    """Agreement to exactly one text."""

    version: str = Field(max_length=64)
    digest: Hex64


class ApiKeyRequest(StrictRequest):
    """A further API key."""

    scopes: list[ScopeName] = Field(min_length=1, max_length=len(Scope), examples=[["deposit"]])
    expires_in_days: Annotated[int, Field(ge=1, le=EXPIRES_DAYS_MAX), WHOLE] | None = Field(
        None, description="Not beyond the end of the key that asks, which is meant if absent."
    )


class RotationRequest(StrictRequest):
    """A key in place of another."""

    overlap_s: Annotated[int, Field(ge=0, le=OVERLAP_S_MAX), WHOLE] = Field(
        86_400, description="How long the old key goes on working."
    )


class ApiKeyAnswer(BaseModel):
    """An API key as it is known here: not the key itself."""

    id: str
    scopes: list[str]
    created_at: Moment
    expires_at: Moment | None = None
    revoked_at: Moment | None = None
    live: bool


class NewApiKeyAnswer(ApiKeyAnswer):
    """A new API key. It is told this once."""

    key: str


class ApiKeysAnswer(BaseModel):
    """All API keys the account ever had, oldest first."""

    keys: list[ApiKeyAnswer]


class AccountKeyRequest(StrictRequest):
    """A public key, and a signature by it over the lines of `cunzheng/account-key/v1`."""

    key: str = Field(max_length=KEY_LENGTH_MAX, examples=["ed25519:..."])
    time: Count = Field(description="Milliseconds; stands in what is signed.")
    signature: str = Field(max_length=200, examples=["ed25519:..."])


class AccountKeyAnswer(BaseModel):
    """A key of the account's own."""

    id: str
    kind: Word
    key: str
    scopes: list[str]
    created_at: Moment
    expires_at: Moment | None = Field(
        None, description="When the credential it was registered with ends."
    )
    revoked_at: Moment | None = None


class AccountKeysAnswer(BaseModel):
    """All keys the account ever registered, oldest first."""

    keys: list[AccountKeyAnswer]


class AccessesQuery(BaseModel):
    """Which lines of the record of accesses."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    begin: int = Field(alias="from", ge=0, le=INTEGER_MAX, description="Milliseconds, UTC.")
    end: int = Field(alias="to", ge=0, le=INTEGER_MAX, description="Before this time.")
    account: str | None = Field(None, max_length=64)
    after: str | None = Field(
        None, pattern="^[0-9]{1,15}-[0-9a-f]{32}$", description="`next` of the page before."
    )
    limit: int = Field(100, ge=1, le=1_000)


class AccessAnswer(BaseModel):
    """One line: who did or tried what, to what, from where."""

    at: Moment
    account: str | None = Field(None, description="Absent where the operator did it, beside it.")
    action: Word
    object: str | None = None
    allowed: bool
    origin: str | None = Field(None, description="Internet address and source port.")
    request_id: str | None = None
    inspection: str | None = Field(
        None, description="The inspection by an authority in which the operator showed it."
    )


class AccessesAnswer(BaseModel):
    """A page of the record of accesses, oldest first."""

    accesses: list[AccessAnswer]
    next: str | None = Field(None, description="Absent on the last page.")
