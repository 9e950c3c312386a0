"""The shape of what asks for an evidence bundle, and of what is told of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from node.export.bundle.layout import DEPOSITS_MAX
from node.gateway.http.schemas import Moment

OPENING_LENGTH_MAX = 20 << 10
"""Details of an item are at most 16 KiB."""
SINGLE_BODY_MAX = 32 << 10
BUNDLE_BODY_MAX = 16 << 20
"""As many openings of the usual length as there can be deposits, and many of the longest."""

EvidenceNo = Annotated[str, StringConstraints(pattern="^EV[0-9]{20}-[0-9]{2}$")]
OpeningText = Annotated[str, StringConstraints(min_length=1, max_length=OPENING_LENGTH_MAX)]


class BundleRequest(BaseModel):
    """What kind of bundle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: Literal["DIGEST"] = Field(
        "DIGEST", description="Without the files: a gateway never has them."
    )
    openings: dict[EvidenceNo, OpeningText] = Field(
        default_factory=dict,
        max_length=DEPOSITS_MAX,
        description="What opens deposits that their depositor salted by itself, by evidence "
        "number: the section `opening` of the proof file, byte for byte. It goes into the "
        "bundle's proof and certificate, and is kept as long as the bundle, encrypted.",
    )


class SeveralRequest(BundleRequest):
    """Of which deposits, in the order of the evidence list."""

    evidence_nos: list[EvidenceNo] = Field(min_length=1, max_length=DEPOSITS_MAX)


class BundleAnswer(BaseModel):
    """A bundle, and how far it has come."""

    bundle_id: str
    evidence_no: str = Field(description="The first on its evidence list.")
    case_no: str | None = Field(None, description="Of a bundle that was asked for with a case.")
    deposits: int = Field(description="How many it is of.")
    collected: int = Field(description="Of how many of them the proofs are collected.")
    state: Literal["WAITING", "MAKING", "READY", "FAILED"]
    state_text: str
    problem: str | None = Field(None, description="Why it could not be made: a problem's name.")
    name: str | None = Field(None, description="The bundle's name; its archive is NAME.zip.")
    size: int | None = Field(None, description="Bytes of the archive.")
    asked_at: Moment
    expires_at: Moment
    download: str | None = Field(None, description="Where to fetch it, once it is ready.")
