"""How the members were doing around one deposit (民事证据规定 Art. 93 (二)), and what that means.

The same for the answer to a request and for an evidence bundle. What follows for a deposit is said
carefully: a proof holds by its seals, whatever the members were doing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from node.evidence.entry import StatementEntry
from node.evidence.proof import Proof
from node.gateway.gateway import Gateway
from node.gateway.operating.health_reports import Shown, Told, collect
from node.operating.window import INTERVAL_MS, OVERDUE_MS, Window, in_good_order, judge

WINDOW_MS_MAX = 24 * 3_600_000
"""Some hundred records for each member; who wants more asks again."""
AROUND_MS = 3_600_000
"""Before a deposit was accepted, and after it was final."""
BESIDE_MS = 2 * INTERVAL_MS
"""A record from this long before and after shows whether the first and the last of the window
follow and are followed."""


class Impact(Enum):
    """What the records mean for a deposit."""

    NONE = (
        "对本存证的影响：无（上链时正常运行的成员达到法定家数）",
        "Impact on this deposit: none (a quorum of members was in good order at the time).",
    )
    POSSIBLE = (
        "对本存证的影响：有待审查（上链时有记录证明正常运行的成员未达到法定家数）；"
        "联签的效力不受影响",
        "Impact on this deposit: to be examined (records show fewer members in good order "
        "than a quorum at the time). The seals hold regardless.",
    )
    NOT_YET_KNOWN = (
        "对本存证的影响：成员尚未提交涵盖该时间的运行记录，请稍后查询",
        "Impact on this deposit: not known until the members' next records; ask again later.",
    )

    def __init__(self, zh: str, en: str) -> None:
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class Span:
    """What the members told of a span of time, and the gaps and breaks in it."""

    from_ms: int
    to_ms: int
    told: Told
    window: Window

    @property
    def inside(self) -> list[Shown]:
        """The records that speak for any of it."""
        return [
            each
            for each in self.told.shown
            if each.reported.record.to_ms >= self.from_ms
            and each.reported.record.from_ms <= self.to_ms
        ]


@dataclass(frozen=True, slots=True)
class Around:
    """The span around a deposit; `good` are the members in good order at its block time."""

    span: Span
    block_ms: int
    good: tuple[str, ...]
    quorum: int
    impact: Impact


async def span(gateway: Gateway, from_ms: int, to_ms: int) -> Span:
    """Raises `CannotCheck` if no member answers."""
    told = await collect(
        gateway.members, gateway.log, max(0, from_ms - BESIDE_MS), to_ms + BESIDE_MS
    )
    judged = judge(told.reports, told.members, from_ms, to_ms, gateway.clock())
    return Span(from_ms, to_ms, told, judged)


async def around(gateway: Gateway, entry: StatementEntry, proof: Proof | None) -> Around:
    """From an hour before it was accepted to an hour after it was final; raises `CannotCheck`."""
    block_ms = entry.time_ms
    sealed_s = None if proof is None else proof.seal_time_s
    final_ms = block_ms if sealed_s is None else sealed_s * 1000
    accepted_ms = min(entry.receipt.accepted_at, final_ms)
    start_ms = max(0, accepted_ms - AROUND_MS, final_ms - WINDOW_MS_MAX)
    found = await span(gateway, start_ms, final_ms + AROUND_MS)
    told = found.told
    good = in_good_order(told.reports, block_ms) & set(told.members)
    quorum = told.policy.policy.quorum
    impact = Impact.NONE if len(good) >= quorum else Impact.POSSIBLE
    if impact is not Impact.NONE and gateway.clock() < block_ms + OVERDUE_MS:
        impact = Impact.NOT_YET_KNOWN
    return Around(found, block_ms, tuple(sorted(good)), quorum, impact)
