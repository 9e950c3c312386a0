"""How often anybody may ask, counted in this process: per address, and per account.

Requests without a credential, and those whose credential does not count, are counted to the address
they come from; others to their account, whatever its keys. Each gateway counts by itself: behind
several of them a client has as many times the rate.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from node.config import RateLimits
from node.gateway.http.limit_problems import OperatingProblem
from node.gateway.http.problems import ProblemError
from node.operating.bucket import Bucket, Rate

REMEMBER_MAX = 50_000
"""Callers counted at once, each some hundred bytes. Who has not asked for a while is as good as
unknown and makes room; if there are none of those, all begin anew."""
IPV6_PREFIX = 64
"""One household, however many addresses it has."""


class Limits:
    """All buckets of one gateway. Owned by one event loop. What takes one returns 0, or in how many
    seconds there will be one."""

    def __init__(self, settings: RateLimits, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._clock_s = clock_s
        self._anonymous = Rate(settings.anonymous_per_minute, settings.anonymous_burst)
        self._account = Rate(settings.account_per_minute, settings.account_burst)
        self._addresses: dict[str, Bucket] = {}
        self._accounts: dict[str, Bucket] = {}

    def take_for_address(self, host: str) -> float:
        """For a request without a credential."""
        return self._of(self._addresses, _network(host), self._anonymous).take(self._clock_s())

    def take_for_account(self, account: str) -> float:
        """For a request whose credential counts."""
        return self._of(self._accounts, account, self._account).take(self._clock_s())

    def borrow(self, host: str) -> float:
        """For a request with a credential nobody has looked at yet, until it is found to count. Not
        afterwards: a header that nobody reads would let in any number of requests side by side."""
        return self._of(self._addresses, _network(host), self._anonymous).borrow(self._clock_s())

    def give_back(self, host: str) -> None:
        """That credential counts: the request is one of its account's."""
        self._of(self._addresses, _network(host), self._anonymous).give_back(self._clock_s())

    def _of(self, buckets: dict[str, Bucket], caller: str, rate: Rate) -> Bucket:
        found = buckets.get(caller)
        if found is None:
            if len(buckets) >= REMEMBER_MAX:
                self._make_room(buckets)
            found = buckets[caller] = Bucket(rate)
        return found

    def _make_room(self, buckets: dict[str, Bucket]) -> None:
        now_s = self._clock_s()
        for caller in [each for each, bucket in buckets.items() if bucket.is_full(now_s)]:
            del buckets[caller]
        if len(buckets) >= REMEMBER_MAX:
            buckets.clear()


def rate_limited(limits: Limits, who: str, wait_s: float) -> ProblemError:
    """The problem that says which limit it was; `who` is `anonymous` or `account`."""
    return ProblemError(
        OperatingProblem.RATE_LIMITED,
        limit=f"rate_limits.{who}_per_minute",
        per_minute=getattr(limits.settings, f"{who}_per_minute"),
        burst=getattr(limits.settings, f"{who}_burst"),
        wait_s=math.ceil(wait_s),
    )


@lru_cache(REMEMBER_MAX)
def _network(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:  # All of IPv4 is no household.
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, IPV6_PREFIX), strict=False))
    return host
