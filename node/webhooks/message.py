"""What is sent: JSON, made once and sent the same at every try, but for what is erased meanwhile.

    {"created_at": 1790000000000, "deposit": {...}, "event": "deposit.final", "id": "0123...",
     "origin": "cunzheng.test/devnet"}

`id` is the delivery's: a receiver that has seen it before has seen the same message. Nothing in it
is personal; whoever wants more asks for the deposit. What the account itself calls the deposit
(`NAMES`) is left out of a message that is sent, or sent again, after the deposit was erased. A
message about an event has `happened` too:

    {"effect": true, "entry_hash": "...", "evidence_no": "EV...", "height": 13,
     "statement_id": "...", "type": "HOLD"}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

DEPOSIT_EVENT = "deposit.event"
EVENTS = ("deposit.final", "deposit.failed", DEPOSIT_EVENT)
"""`deposit.final`: a quorum has sealed it, its proof can be fetched. `deposit.failed`: the chain
has skipped it, which the same bytes always would be. `deposit.event`: something was said of it
later, by whomever and through whichever gateway, and a quorum has sealed that."""
NAMES = frozenset({"client_ref", "matter_id"})
"""What the account calls the deposit, in words of its own."""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that happened."""

    id: str
    event: str
    origin: str
    created_ms: int
    deposit: Mapping[str, str | int]
    happened: Mapping[str, str | int | bool] | None = None

    def __post_init__(self) -> None:
        assert self.event in EVENTS
        assert (self.happened is not None) == (self.event == DEPOSIT_EVENT)


def format_message(message: Message) -> bytes:
    """The body that is sent."""
    value: dict[str, object] = {
        "id": message.id,
        "event": message.event,
        "origin": message.origin,
        "created_at": message.created_ms,
        "deposit": dict(message.deposit),
    }
    if message.happened is not None:
        value["happened"] = dict(message.happened)
    return _format(value)


def without_names(body: bytes) -> bytes:
    """The same message once the deposit was erased."""
    value = json.loads(body)
    kept = {name: each for name, each in value["deposit"].items() if name not in NAMES}
    return _format({**value, "deposit": kept})


def _format(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()
