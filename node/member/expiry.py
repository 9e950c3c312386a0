"""Certificates that end soon, told while there is time to exchange them.

Members reach each other by exactly the certificates in the configuration, so one that has ended
shuts its member out, and a chain whose members all made theirs on one day can end on one day.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from cryptography.x509 import load_der_x509_certificate

from consensus.messages import REPLICAS_MAX, Voter

WARN_DAYS = 30
"""A certificate is exchanged by leaving and joining again, which several people must plan."""

_DAY_S = 86_400


def expiring(replicas: Iterable[Voter], now_s: float) -> list[str]:
    """What to say of each replica whose certificate ends within WARN_DAYS, or has ended."""
    found = []
    for each in replicas:
        end_s = _end_s(each.certificate)
        if end_s is None or end_s > now_s + WARN_DAYS * _DAY_S:
            continue
        member, days = each.id.partition("/")[0], int((end_s - now_s) // _DAY_S)
        when = f"ends in {days} days" if end_s > now_s else "has ended"
        found.append(f"the TLS certificate of {member} {when}; see Leaving in docs/operations.md")
    return found


@lru_cache(2 * REPLICAS_MAX)
def _end_s(certificate: bytes) -> float | None:
    try:
        return load_der_x509_certificate(certificate).not_valid_after_utc.timestamp()
    except ValueError:
        return None  # Not readable: then nobody connects with it either, and that is said.
