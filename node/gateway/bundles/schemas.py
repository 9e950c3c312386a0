"""The shape of what asks for an evidence bundle, and of what is told of it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from node.gateway.http.schemas import Moment

BUNDLE_BODY_MAX = 4 << 10


class BundleRequest(BaseModel):
    """What kind of bundle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: Literal["DIGEST"] = Field(
        "DIGEST", description="Without the files: a gateway never has them."
    )


class BundleAnswer(BaseModel):
    """A bundle, and how far it has come."""

    bundle_id: str
    evidence_no: str
    state: Literal["WAITING", "MAKING", "READY", "FAILED"]
    state_text: str
    problem: str | None = Field(None, description="Why it could not be made: a problem's name.")
    name: str | None = Field(None, description="The bundle's name; its archive is NAME.zip.")
    size: int | None = Field(None, description="Bytes of the archive.")
    asked_at: Moment
    expires_at: Moment
    download: str | None = Field(None, description="Where to fetch it, once it is ready.")
