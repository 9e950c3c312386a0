"""The shapes of requests and answers, as the OpenAPI document shows them.

Requests are read strictly: no field that is not named here, no text where a number belongs. What a
shape cannot say (which fields go together, digests of nothing) is judged in `deposit`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from node.casework.vocabulary import Phase
from node.evidence.spelling import INTEGER_MAX
from node.gateway.deposits.declared import Declared, Word
from node.gateway.http.timestamped import TimestampedValue
from node.offchain.columns import REFERENCE_LENGTH_MAX

JSON_ITEMS_MAX = 32_768
"""Two full statements; a larger deposit packs its items, which costs a twentieth of the bytes."""
PACKED_ITEMS_MAX = 262_144
"""Sixteen full statements, 8 MiB: a second of a member's work, not more."""
ANCHOR_BODY_MAX = 65_536
"""Room for 16,384 bytes of details however they are escaped."""
BATCH_BODY_MAX = 32 << 20
KEY_BODY_MAX = 8_192
KEY_LENGTH_MAX = 200
"""A public key as text, in its longest form with room to spare."""
WAIT_MS_DEFAULT = 5_000
WAIT_MS_MAX = 60_000
"""Proxies close idle requests after about a minute."""

Reference = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=REFERENCE_LENGTH_MAX, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"
    ),
]
"""What a depositor calls a deposit or a matter: nothing personal, it is stored in the clear."""
Hex64 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Mode = Literal["commitment", "digest"]
Alg = Literal["sha256", "sm3", "sha256+sm3"]
Category = Literal[
    "A14_0",
    "A14_1_WEB_PUBLICATION",
    "A14_2_NETWORK_COMMUNICATION",
    "A14_3_ACCOUNT_TRANSACTION_LOG",
    "A14_4_ELECTRONIC_FILE",
    "A14_5_OTHER_DIGITAL",
]
PhaseName = Annotated[str, Word(Phase)]
StateName = Literal["RECEIVED", "PENDING", "COMMITTED", "FINAL", "FAILED"]
WaitFor = Literal["final", "committed", "none"]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""An integer in a body, however its client spells it: JSON has one kind of number, and 7.0 is 7. It
stands last in `Annotated`, or the document does not tell the bounds."""
Count = Annotated[int, Field(ge=0, le=INTEGER_MAX), WHOLE]

CLIENT_REF = "What you call this deposit; lists can be searched for it. Nothing personal."
MATTER_ID = "The matter (事务编号) it belongs to, as you number it. Nothing personal."
PROFILE = "Digest of the source profile (来源档案) it comes under; see /v1/source-profiles."
STATE_SECRETS = "State secrets are refused. Who sends `false`, or nothing, declares there are none."


class StrictRequest(BaseModel):
    """A body: every field known, of its kind, and none that is unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Digests(StrictRequest):
    """Digests of one file; give both where you can."""

    sha256: Hex64 | None = None
    sm3: Hex64 | None = None


class BatchItem(StrictRequest):
    """One file: its digests, its size in bytes, and what the depositor says about it."""

    digests: Digests
    size: Count | None = None
    details: dict[str, str | int | bool] = Field(
        default={},
        description="Stays off the chain; every value gets a salt of its own.",
        examples=[{"file_name": "合同.pdf", "media_type": "application/pdf"}],
    )
    declared: Declared | None = None


class SeriesPlace(StrictRequest):
    """A business stream in which a gap is visible, and this statement's number in it."""

    id: Hex64 = Field(description="32 random bytes, drawn once for the stream.")
    seq: Count = Field(description="0, 1, 2, ...")
    prev: Hex64 | None = Field(
        None, description="Id of the statement before; this account's own is known here."
    )


class _Filed(StrictRequest):
    """What is said of a deposit as a whole."""

    client_ref: Reference | None = Field(None, description=CLIENT_REF)
    matter_id: Reference | None = Field(None, description=MATTER_ID)
    phase: PhaseName | None = Field(None, description="Phase of the matter; needs `matter_id`.")
    series: SeriesPlace | None = None
    profile: Hex64 | None = Field(None, description=PROFILE)
    category: Category = "A14_0"
    mode: Mode = "commitment"
    plain_declaration: bool = Field(
        False, description="The content is neither personal nor guessable. Needed in mode `digest`."
    )
    contains_state_secret: bool = Field(False, description=STATE_SECRETS)


class AnchorRequest(BatchItem, _Filed):
    """A deposit of one file."""


class BatchRequest(_Filed):
    """A deposit of many files under the same terms."""

    items: list[BatchItem] = Field(min_length=1, max_length=JSON_ITEMS_MAX)
    page: Literal[1, 16] = 1


class KeyRequest(StrictRequest):
    """A key record and the signature of an enrolling authority over exactly its bytes."""

    record: str = Field(max_length=1_024, examples=['cunzheng/key/v1 {"action":"enrol",...}'])
    authority: str = Field(max_length=100, examples=["ed25519:..."])
    signature: str = Field(max_length=200, examples=["ed25519:..."])


class WaitQuery(BaseModel):
    """How far to wait, and how long; when the time is over the answer is 202, never an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wait: WaitFor = "final"
    wait_ms: int = Field(WAIT_MS_DEFAULT, ge=0, le=WAIT_MS_MAX)


class BatchQuery(WaitQuery):
    """For packed items also what a statement says of them, unless they come with their own."""

    client_ref: Reference | None = Field(None, description=CLIENT_REF)
    matter_id: Reference | None = Field(None, description=MATTER_ID)
    phase: PhaseName | None = None
    series_id: Hex64 | None = None
    series_seq: int | None = Field(None, ge=0, le=INTEGER_MAX)
    series_prev: Hex64 | None = None
    profile: Hex64 | None = Field(None, description=PROFILE)
    mode: Mode | None = None
    alg: Alg | None = None
    page: int | None = Field(None, description="1 or 16")
    category: Category | None = None
    plain_declaration: bool | None = None
    contains_state_secret: bool | None = Field(None, description=STATE_SECRETS)


class DigestQuery(BaseModel):
    """A plain digest to search for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: Hex64
    alg: Literal["sha256", "sm3"]


class ConsistencyQuery(BaseModel):
    """Two sizes of the tree, the smaller first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    old: int = Field(alias="from", ge=1, le=INTEGER_MAX)
    new: int = Field(alias="to", ge=1, le=INTEGER_MAX)


class NoQuery(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Moment(BaseModel):
    """A time, and whose clock says so."""

    beijing: str
    utc: str
    ms: int
    by: Literal["gateway", "proposer", "members"]


class Times(BaseModel):
    """Accepted by the gateway, in a block by its proposer's clock, sealed by a quorum no later."""

    accepted_at: Moment
    block_time: Moment | None = None
    sealed_at: Moment | None = None


class ReceiptValue(BaseModel):
    """The gateway's signed word that it took the statement in."""

    number: str
    gateway: str
    signed: str = Field(description="The bytes the gateway signed.")
    signature: str


class Deposited(BaseModel):
    """A statement and how far it has come."""

    state: StateName
    state_text: str
    reason: str | None = Field(None, description="Why it failed.")
    statement_id: str
    statement: str = Field(description="Exactly the signed bytes.")
    signature: str
    receipt: ReceiptValue
    times: Times
    height: int | None = None
    entry_hash: str | None = None
    signature_effect: str | None = Field(
        None, description="NOT_ASSERTED_ART3 for documents that 电子签名法 Art. 3 excludes."
    )
    submitter: dict[str, str] | None = Field(
        None, description="What the statement's `submitter` commits to; keep it."
    )
    proof: str | None = Field(None, description="The proof file, once FINAL.")


class AnchorAnswer(Deposited):
    """One file's deposit. `proof` is the holder's copy: it contains the opening."""

    evidence_no: str | None = None
    opening: dict[str, object] | None = None
    notices: list[str]


class BatchPart(Deposited):
    """One statement of a batch; `proof` is that of its first item, in public form."""

    first_evidence_no: str | None = None
    count: int
    openings: list[dict[str, object]] | None = None


class BatchAnswer(BaseModel):
    """All statements of a batch; `state` is that of the one that is least far."""

    state: StateName
    state_text: str
    first_evidence_no: str | None = None
    count: int
    statements: list[BatchPart]
    notices: list[str]


class Searched(BaseModel):
    """What was searched: to this height and tree size everything was looked at."""

    height: int
    size: int | None = None
    algorithms: list[str] | None = None


class FlagValue(BaseModel):
    """A mark on a deposit, and the event that made it."""

    flag: Literal["SUPERSEDED", "INVALIDATED", "HELD", "ERASED"]
    text: str
    entry_hash: str = Field(description="Of the event (交易哈希).")
    height: int


class EvidenceSummary(BaseModel):
    """What a number alone tells: that it exists, and its times."""

    evidence_no: str
    state: StateName
    state_text: str
    times: Times
    height: int
    entry_hash: str
    mode: Mode
    count: int = Field(description="Items of the whole statement.")
    flags: list[FlagValue] = Field(default=[], description="What later events mark it with.")
    timestamped: TimestampedValue | None = Field(
        None, description="The timestamp that reaches it; absent if none is known to yet."
    )


class _Lookup(BaseModel):
    found: bool
    result_code: str | None = None
    result_text: str | None = None
    notices: list[str]


class EvidenceAnswer(_Lookup):
    """An evidence number looked up."""

    deposit: EvidenceSummary | None = None
    searched: Searched


class SearchAnswer(_Lookup):
    """A digest looked up among plain deposits, oldest first."""

    digest: str
    alg: str
    other_algorithm: str | None = None
    deposits: list[EvidenceSummary]
    complete: bool = Field(description="False if there are more than could be listed.")
    searched: Searched


class ReceiptAnswer(_Lookup):
    """A receipt number looked up; two statements may begin with the same 32 digits."""

    receipt_no: str
    state: StateName | None = None
    state_text: str | None = None
    reason: str | None = None
    deposits: list[EvidenceSummary]
    searched: Searched


class PolicyAnswer(BaseModel):
    """The policy in force as a member has it. Trust its fingerprint only from elsewhere."""

    origin: str
    network: str
    serial: int
    quorum: int
    fingerprint: str
    members: list[dict[str, str]]
    policy_text: str
    members_text: str


class ConsistencyAnswer(BaseModel):
    """The path from the smaller tree to the larger, and the roots of both, all base64."""

    model_config = ConfigDict(serialize_by_alias=True)

    old: int = Field(serialization_alias="from")
    new: int = Field(serialization_alias="to")
    path: list[str]
    roots: list[str] = Field(description="Of the smaller tree, then of the larger.")


class PolicyChangeAnswer(BaseModel):
    """What became of the next policy."""

    serial: int
    fingerprint: str
    state: StateName
    state_text: str
    leaf_index: int | None = None


class KeyQuery(BaseModel):
    """Which key is asked about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(max_length=KEY_LENGTH_MAX, examples=["ed25519:..."])


class KeyRecordSummary(BaseModel):
    """One key record as it stands on the chain, and the record itself."""

    action: str
    effective: int
    role: str
    serial: int
    successor: str | None = None
    height: int
    record: str


class KeyRecordsAnswer(BaseModel):
    """All records that name a key, as key or successor, oldest first. `next_serial` is the one the
    next record about it must have."""

    key: str
    next_serial: int
    records: list[KeyRecordSummary]


class KeyAnswer(BaseModel):
    """What became of a key record."""

    key: str
    action: str
    role: str
    state: StateName
    state_text: str
    height: int | None = None
    leaf_index: int | None = None
