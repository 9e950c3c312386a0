"""Times as people write them: with their offset from UTC, because a court reads them too."""

from __future__ import annotations

import time
from datetime import datetime

from node.cli.failure import Failure
from node.evidence.spelling import TIME_MS_END


def now_ms() -> int:
    """The present, by this computer's clock."""
    return time.time_ns() // 1_000_000


def read_time(name: str, text: str) -> int:
    """The milliseconds since 1970 UTC; `name` is what the user calls it."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no offset from UTC")
        time_ms = round(moment.timestamp() * 1000)
        if not 0 <= time_ms < TIME_MS_END:
            raise ValueError("out of bounds")
    except (ValueError, OverflowError) as error:
        raise Failure(
            f"{name} 不是带时区的时间（{error}）；例如 2026-11-22T08:00:00+08:00。",
            f"{name} is no time with its offset ({error}); such as 2026-11-22T08:00:00+08:00.",
        ) from error
    return time_ms
