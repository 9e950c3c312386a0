"""Whose certificate ends soon.

Members reach each other by exactly the certificates in the configuration, so one that has ended
shuts its member out, and a chain whose members all made theirs on one day can end on one day.
"""

from __future__ import annotations

from collections.abc import Iterable

from consensus.messages import Voter
from node.operating.expiry import ending


def expiring(replicas: Iterable[Voter], now_s: float) -> list[str]:
    """What to say of each replica whose certificate ends soon, or has ended."""
    named = (
        (f"the TLS certificate of {each.id.partition('/')[0]}", each.certificate)
        for each in replicas
    )
    return [f"{said}; see Leaving in docs/operations.md" for said in ending(named, now_s)]
