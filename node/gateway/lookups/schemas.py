"""The shapes of a verification: numbers and digests asked about, and what is said of each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.gateway.http.schemas import EvidenceSummary, Hex64, Searched

VERIFY_BODY_MAX = 1 << 20
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


class VerifyBatchAnswer(BaseModel):
    """One result for each item, in their order."""

    results: list[VerifyResult]
    consistent: int = Field(description="How many of them are.")
    searched: Searched = Field(description="At least to here everything was searched.")
    notices: list[str]
