"""Token buckets: how often somebody may ask, with room for a burst. Time is an argument.

>>> bucket = Bucket(Rate(per_minute=60, burst=2))
>>> [bucket.take(0.0), bucket.take(0.0), bucket.take(0.25), bucket.take(1.0)]
[0.0, 0.0, 0.75, 0.0]
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a minute, and so many at once after a pause."""

    per_minute: float
    burst: int

    def __post_init__(self) -> None:
        if self.per_minute <= 0 or self.burst < 1:
            raise ValueError("a rate allows something")


class Bucket:
    """What one caller may still ask for. Full at first."""

    __slots__ = ("_left", "_rate", "_seen_s")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._left = float(rate.burst)
        self._seen_s = 0.0

    def take(self, now_s: float) -> float:
        """Take one; returns 0, or in how many seconds there will be one (nothing is taken then)."""
        self._fill(now_s)
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) * 60 / self._rate.per_minute

    def borrow(self, now_s: float) -> float:
        """Take one, also what is not there: up to a burst may be owed. Returns as `take` does."""
        self._fill(now_s)
        least = 1.0 - self._rate.burst
        if self._left >= least:
            self._left -= 1
            return 0.0
        return (least - self._left) * 60 / self._rate.per_minute

    def give_back(self, now_s: float) -> None:
        """Put back what was borrowed."""
        self._fill(now_s)
        self._left = min(float(self._rate.burst), self._left + 1)

    def is_full(self, now_s: float) -> bool:
        """Whether it is as if this caller had never asked."""
        self._fill(now_s)
        return self._left >= self._rate.burst

    def _fill(self, now_s: float) -> None:
        passed_s = max(0.0, now_s - self._seen_s)
        self._seen_s = now_s
        self._left = min(self._rate.burst, self._left + passed_s * self._rate.per_minute / 60)
