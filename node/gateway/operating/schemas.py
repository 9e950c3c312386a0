"""The shapes of what is told about how gateway and members are: readiness, health records."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from node.evidence.spelling import TIME_MS_END
from node.gateway.http.schemas import Moment


class WindowQuery(BaseModel):
    """A span of time in milliseconds since 1970 UTC; at most a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start_ms: int = Field(alias="from", ge=0, lt=TIME_MS_END)
    end_ms: int = Field(alias="to", ge=0, lt=TIME_MS_END)


class ShownRecord(BaseModel):
    """One health record: what it says verbatim, and where it stands on the chain."""

    member: str
    kind: Literal["start", "periodic", "stop"]
    serial: int
    from_ms: int
    to_ms: int
    record: str = Field(description="Tagged JSON, verbatim: SHA-256 of it is `details`.")
    statement: str = Field(description="The event statement, verbatim.")
    signature: str = Field(description="Of the member's log key over the statement.")
    statement_id: str
    state: Literal["PENDING", "FINAL"]
    state_text: str
    height: int | None = None
    block_time: Moment | None = None
    entry_hash: str | None = None


class ShownGap(BaseModel):
    """A time for which no record of a member speaks."""

    member: str
    kind: Literal["stopped", "silent", "missing"]
    kind_text: str
    from_ms: int
    to_ms: int


class ShownBreak(BaseModel):
    """Two records of a member that cannot both be true."""

    member: str
    at_ms: int
    why: str


class WindowAnswer(BaseModel):
    """How the members were doing in a span of time, as each signed it then."""

    from_ms: int
    to_ms: int
    members: list[str]
    records: list[ShownRecord]
    gaps: list[ShownGap]
    breaks: list[ShownBreak]
    unreachable: list[str] = Field(description="Members that could not be asked now.")
    complete: bool = Field(description="False if there are more records than could be listed.")
    notices: list[str]


class DepositWindowAnswer(WindowAnswer):
    """The same around one deposit. `impact` is judged at its block time."""

    evidence_no: str
    block_time: Moment
    in_good_order: list[str] = Field(
        description="Members whose records speak for the block time and say nothing against them."
    )
    quorum: int
    impact: Literal["NONE", "POSSIBLE", "NOT_YET_KNOWN"]
    impact_text: str


class WitnessHealth(BaseModel):
    """A witness outside the members, and what it cosigned last for this one."""

    name: str
    size: int = Field(description="Entries of the tree it cosigned; 0: nothing yet.")
    time_s: int = Field(description="When, in POSIX seconds by its clock.")


class HealthSummary(BaseModel):
    """A health record in short; /v1/health/window has it whole."""

    serial: int
    kind: Literal["start", "periodic", "stop"]
    to_ms: int = Field(description="When it was written, by the member's clock.")
    alarms: list[str] = Field(description="Those it had then.")


class MemberHealth(BaseModel):
    """One member as it describes itself."""

    member: str
    role: str
    height: int
    sealed_height: int
    alarms: list[str]
    witnesses: list[WitnessHealth]
    health: HealthSummary | None = Field(
        None,
        description="Its newest health record; absent if it has written none since it started.",
    )


class ReadyAnswer(BaseModel):
    """Whether deposits can become FINAL now."""

    ready: bool
    draining: bool = Field(
        False, description="It was told to stop: what is asked is answered, ask elsewhere."
    )
    enrolled: bool | None = Field(
        None,
        description="Whether this gateway's key is enrolled; deposits are refused until it is. "
        "Absent if no member can say.",
    )
    alarms: list[str] = Field(
        default=[],
        description="What this gateway's operator must look at: certificates that end within 30 "
        "days, deposits that are not FINAL a day after they came in.",
    )
    leader: str | None
    members: list[MemberHealth]
    unreachable: list[str]
