"""What health records say about a span of time: who ran, who did not, and what was wrong.

Every record speaks for the time from the one before it, so what nobody speaks for is a gap: after a
record of kind `stop` the member was stopped in good order, otherwise it crashed, was cut off, or
its record is not shown. Gaps are facts about records; whether a deposit suffered is judged by what
the rest of the members did at that moment (`impact`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from node.operating.health import STOP, Reported

INTERVAL_MS = 600_000
"""Between two records of a member that runs."""
OVERDUE_MS = INTERVAL_MS + 60_000
"""A record is written, sent and kept by the others within this time; earlier nothing is missing."""

GapKind = Literal["stopped", "silent", "missing"]
"""Stopped in good order; nobody knows why; or there was a record and it is not shown."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time for which a member's records do not speak."""

    member: str
    kind: GapKind
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Break:
    """Two records that cannot both belong where they say: what was shown earlier was changed."""

    member: str
    at_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class Window:
    """What is to be said about a span of time."""

    gaps: tuple[Gap, ...]
    breaks: tuple[Break, ...]


def judge(
    reports: Sequence[Reported], members: Iterable[str], from_ms: int, to_ms: int, now_ms: int
) -> Window:
    """The gaps and breaks of these members between two times. `reports` holds what is known of that
    time, and of an interval before and after it."""
    gaps: list[Gap] = []
    breaks: list[Break] = []
    end_ms = min(to_ms, now_ms - OVERDUE_MS)
    for member in members:
        own = [each for each in reports if each.record.member == member]
        own.sort(key=lambda each: (each.record.to_ms, each.record.serial))
        _judge_one(member, own, from_ms, end_ms, gaps, breaks)
    return Window(tuple(gaps), tuple(breaks))


def _judge_one(
    member: str,
    own: Sequence[Reported],
    from_ms: int,
    end_ms: int,
    gaps: list[Gap],
    breaks: list[Break],
) -> None:
    covered_ms, before = from_ms, None
    for each in own:
        record = each.record
        follows = before is None or record.series != before.record.series or _follows(before, each)
        if not follows:
            assert before is not None
            why = _why_not(before, each)
            if why is not None:
                breaks.append(Break(member, record.to_ms, why))
        start_ms = min(record.from_ms, end_ms)
        if start_ms > covered_ms:
            gaps.append(Gap(member, _kind(before, follows), covered_ms, start_ms))
        covered_ms = max(covered_ms, record.to_ms)
        before = each
    if covered_ms < end_ms:
        gaps.append(Gap(member, _kind(before, True), covered_ms, end_ms))


def _kind(before: Reported | None, follows: bool) -> GapKind:
    if not follows:
        return "missing"
    return "stopped" if before is not None and before.record.kind == STOP else "silent"


def _follows(before: Reported, after: Reported) -> bool:
    return after.record.serial == before.record.serial + 1 and (
        after.record.previous == before.digest
    )


def _why_not(before: Reported, after: Reported) -> str | None:
    """What is wrong with two neighbours of one series; None if there was only one in between."""
    first, second = before.record.serial, after.record.serial
    if second == first:
        return f"two records are number {first}"
    if second < first:
        return f"record {second} is dated after record {first}"
    if second == first + 1:
        return f"record {second} names another record {first}"
    return None


def in_good_order(reports: Iterable[Reported], at_ms: int) -> set[str]:
    """The members whose records speak for this moment and say nothing against them: the clock
    right, no damage found."""
    return {
        each.record.member
        for each in reports
        if each.record.from_ms <= at_ms <= each.record.to_ms
        and not each.record.clock_off_ms
        and not each.record.scrub_damage
    }
