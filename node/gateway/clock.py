"""The gateway's clock: milliseconds since 1970 UTC, given as an argument so that tests own time."""

import time
from collections.abc import Callable

Clock = Callable[[], int]


def system_clock() -> int:
    """The computer's clock."""
    return time.time_ns() // 1_000_000
