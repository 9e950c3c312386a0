"""What is sent: JSON, made once and sent the same at every try, so that its signature is of it.

    {"created_at": 1790000000000, "deposit": {...}, "event": "deposit.final", "id": "0123...",
     "origin": "cunzheng.test/devnet"}

`id` is the delivery's: a receiver that has seen it before has seen the same message. Nothing in it
is personal; whoever wants more asks for the deposit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

EVENTS = ("deposit.final", "deposit.failed")
"""`deposit.final`: a quorum has sealed it, its proof can be fetched. `deposit.failed`: the chain
has skipped it, which the same bytes always would be."""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that happened."""

    id: str
    event: str
    origin: str
    created_ms: int
    deposit: Mapping[str, str | int]

    def __post_init__(self) -> None:
        assert self.event in EVENTS


def format_message(message: Message) -> bytes:
    """The body that is sent."""
    value = {
        "id": message.id,
        "event": message.event,
        "origin": message.origin,
        "created_at": message.created_ms,
        "deposit": dict(message.deposit),
    }
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()
