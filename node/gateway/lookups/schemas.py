"""The shapes of a verification: numbers and digests asked about, and what is said of each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.evidence.spelling import INTEGER_MAX
from node.gateway.http.schemas import EvidenceSummary, Hex64, Moment, Searched

VERIFY_BODY_MAX = 1 << 20
VERIFY_BUNDLE_MAX = 64 << 20
"""A case of a hundred deposits without their files; those who have the files verify at home."""
VERIFY_INFLATED_MAX = 512 << 20
"""What its files may be together: each is hashed twice, by a thread that others wait for."""
VERIFY_JSON_MAX = 64 << 20
"""Of that its JSON, which takes a hundred times as long to read, and memory many times its size: as
much as fits into a bundle the way we write it, which packs nothing."""
VERIFY_BATCH_MAX = 1_000
"""A court's filing; each item takes the members some milliseconds."""
NUMBER_LENGTH_MAX = 40


def _number(text: str) -> str:
    try:
        parse_number(text)
    except Malformed as error:
        raise ValueError(error.why) from error
    return text


Number = Annotated[str, Field(max_length=NUMBER_LENGTH_MAX), AfterValidator(_number)]


class VerifyRequest(BaseModel):
    """A file's digest, and the number it was submitted under, if it was."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    evidence_no: Number | None = Field(None, examples=["EV20261121000000000042-47"])
    digest: Hex64
    alg: Literal["sha256", "sm3"]
    other_digest: Hex64 | None = Field(
        None, description="The same file's digest by the other algorithm, where there is one."
    )


class UploadQuery(BaseModel):
    """The file in hand, to be compared with the proof or bundle that is sent: all three of its
    facts, because a proof may rest on any of them. Not for a JSON body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int | None = Field(None, ge=0, le=INTEGER_MAX)
    sha256: Hex64 | None = None
    sm3: Hex64 | None = None
    evidence_no: Number | None = Field(
        None, description="Of which deposit it is the file, if a bundle has several."
    )

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said."""
        return not self.model_fields_set


class VerifyBatchRequest(BaseModel):
    """All that was filed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    items: list[VerifyRequest] = Field(min_length=1, max_length=VERIFY_BATCH_MAX)


class OpenPointValue(BaseModel):
    """What a consistent result leaves to examine."""

    code: str
    text: str


class VerifyResult(BaseModel):
    """What is said of one digest. `deposits` are those it is consistent with or, with V103, those
    it is deposited under instead."""

    result_code: str
    result_text: str
    consistent: bool
    open_points: list[OpenPointValue]
    deposits: list[EvidenceSummary]


class VerifyAnswer(VerifyResult):
    """One file's result."""

    searched: Searched
    notices: list[str]


class StepValue(BaseModel):
    """What one step found. The numbers are those of docs/bundle-format.md, section 11."""

    step: int
    outcome: Literal["PASSED", "FAILED", "NOT_CHECKED"]
    outcome_text: str
    text: str
    result_code: str | None = Field(None, description="What it would come to by itself.")


class ProofFacts(BaseModel):
    """What a proof says; it is proven only if the result is consistent."""

    evidence_no: str
    origin: str
    network: str
    no_later_than: Moment | None = None
    block_time: Moment
    entry_hash: str
    tree_size: int
    policy_fingerprint: str = Field(description="Of the policy enclosed: no trust anchor.")
    quorum: int
    cosigned: list[str]
    not_cosigned: list[str]


class VerdictValue(BaseModel):
    """核验结果 of one proof, as `cunzheng verify` tells it."""

    evidence_no: str | None = None
    result_code: str
    result_text: str
    consistent: bool
    steps: list[StepValue]
    open_points: list[OpenPointValue]
    facts: ProofFacts | None = Field(None, description="Absent if the proof cannot be read.")
    without_transit_damage: VerdictValue | None = Field(
        None, description="Where line ends were changed in transit: the result for the text before."
    )


class PackageValue(BaseModel):
    """What is said of the bundle itself: step 0, and step 8 of its certificate."""

    name: str | None = None
    result_code: str | None = Field(None, description="Absent if nothing speaks against it.")
    steps: list[StepValue]
    flaws: list[str] = Field(description="Their keys: docs/bundle-format.md, section 12.")
    contents_sha256: str | None = None


class HeldAgainst(BaseModel):
    """What was trusted: this gateway's own, and nothing that came with the upload."""

    policy_fingerprint: str = Field(description="Of the policy this gateway was set up with.")
    policies: int = Field(description="How many policies it knows that follow from that one.")
    timestamp_roots: list[str] = Field(description="SHA-256 of its authorities' roots.")
    platform_roots: list[str] = Field(
        description="SHA-256. A gateway has none: who signs is no one to vouch for the signature."
    )


class UploadAnswer(BaseModel):
    """The result of a proof file, or of a bundle and of each deposit in it."""

    kind: Literal["proof", "bundle"]
    result_code: str = Field(description="The gravest of all.")
    result_text: str
    consistent: bool
    held_against: HeldAgainst
    package: PackageValue | None = None
    deposits: list[VerdictValue]
    notices: list[str]


class VerifyBatchAnswer(BaseModel):
    """One result for each item, in their order."""

    results: list[VerifyResult]
    consistent: int = Field(description="How many of them are.")
    searched: Searched = Field(description="At least to here everything was searched.")
    notices: list[str]
