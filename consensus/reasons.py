"""Why each of the others cannot be talked to, logged when it is news.

What is tried again some times a second would otherwise fill a disk with the same few lines.
"""

import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

REPEAT_S = 60.0
"""A reason that lasts is logged again after this, with how often it was met meanwhile."""
REASONS_MAX = 8
"""So many different reasons about one of them are logged within that time: there are not more
unless somebody makes them up."""


@dataclass(slots=True)
class _Told:
    """When a reason was logged last, and how often it was met since."""

    at_s: float
    since: int = 0


class Reasons:
    """What was logged about each of them lately; owned by one event loop."""

    def __init__(
        self, log: logging.Logger, level: int, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._level = level
        self._now_s = now_s
        self._told: dict[Hashable, dict[str, _Told]] = {}

    def note(self, about: Hashable, reason: str) -> None:
        """Log it, unless it was logged lately. `about` is one of few: a replica, or a certificate
        that was let in."""
        now_s, told = self._now_s(), self._told.setdefault(about, {})
        before = told.get(reason)
        if before is not None and now_s - before.at_s < REPEAT_S:
            before.since += 1
            return
        for other in [each for each, last in told.items() if now_s - last.at_s >= REPEAT_S]:
            del told[other]
        if len(told) >= REASONS_MAX:
            return
        told[reason] = _Told(now_s)
        since = before.since if before is not None else 0
        again = f" (and {since} times since it was last logged)" if since else ""
        self._log.log(self._level, "%s%s", reason, again)

    def forget(self, about: Hashable) -> None:
        """It is none of them any more."""
        self._told.pop(about, None)
