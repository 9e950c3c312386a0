"""The shape of what stamps a deposit."""

from __future__ import annotations

from pydantic import BaseModel, Field

from node.gateway.http.schemas import Searched
from node.gateway.http.timestamped import TimestampedValue


class ConsistencyValue(BaseModel):
    """That the stamped tree extends the one the deposit's proof ends in (RFC 9162, 2.1.4)."""

    from_size: int
    from_root: str = Field(description="Hex.")
    to_size: int
    to_root: str = Field(description="Hex.")
    path: list[str] = Field(description="Hex; empty if both are the same tree.")


class TokenValue(TimestampedValue):
    """A token with all that it takes to verify it, and to renew it one day."""

    accuracy_ms: int | None = Field(
        None, description="As the authority says; absent if it does not."
    )
    policy: str = Field(description="Object identifier of the policy it is under.")
    serial: str = Field(description="Hex.")
    imprint: str = Field(description="sha256, sha384, sha512 or sm3.")
    body: str = Field(description="The checkpoint body that is stamped, verbatim.")
    request: str = Field(description="TimeStampReq (.tsq), base64.")
    response: str = Field(description="TimeStampResp (.tsr), base64.")
    certificates: str = Field(
        description="PEM, from the authority to its root. The root is a copy: get it elsewhere."
    )
    consistency: ConsistencyValue


class SignatureValue(BaseModel):
    """The platform's signatures of a checkpoint body."""

    tree_size: int
    body: str
    p7s: str | None = Field(None, description="CMS, detached, P-256 (DER), base64.")
    sm2: str | None = Field(None, description="SM2 with SM3, DER of r and s, base64.")
    certificates: str = Field(description="PEM, without the root.")


class TimestampAnswer(BaseModel):
    """What stamps a deposit; without tokens none does yet."""

    evidence_no: str
    timestamped: bool
    tokens: list[TokenValue] = Field(description="Of independent authorities first.")
    signatures: list[SignatureValue] = Field(
        description="Of the bodies above, where the platform signed them."
    )
    searched: Searched
    notices: list[str]
