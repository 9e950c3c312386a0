"""When a delivery is tried again: soon at first, at last after a day, and then no more.

A receiver that is down for a weekend hears of everything; one that is gone is not knocked at for
ever: its webhook is disabled, with the reason, until its owner enables it.
"""

from __future__ import annotations

_S, _MIN, _H = 1_000, 60_000, 3_600_000

DELAYS_MS = (
    5 * _S,
    15 * _S,
    _MIN,
    5 * _MIN,
    15 * _MIN,
    _H,
    3 * _H,
    6 * _H,
    12 * _H,
    24 * _H,
    24 * _H,
)
"""After the first try, the second, and so on: three days in all."""
CLAIM_MS = 30_000
"""A gateway that has claimed a delivery has this long to send it; after that another one may."""
SEND_TIMEOUT_S = 10.0
"""Of one try, from looking up the name to the answer: well within the claim."""


def delay_ms(attempts: int) -> int | None:
    """How long after so many tries the next one is due; None: there is none."""
    assert attempts >= 1
    return DELAYS_MS[attempts - 1] if attempts <= len(DELAYS_MS) else None
