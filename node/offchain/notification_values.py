"""Webhooks and deliveries as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from node.offchain.deposit_values import DepositRecord


@dataclass(frozen=True, slots=True)
class Webhook:
    """One registration. The secret is not part of it: it is shown once."""

    id: str
    account: str
    url: str
    events: tuple[str, ...]
    created_ms: int
    disabled_ms: int | None = None
    disabled_why: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one webhook, and what became of it."""

    id: str
    webhook: str
    event: str
    statement_id: bytes | None
    body: bytes
    created_ms: int
    attempts: int
    due_ms: int | None
    claimed_until_ms: int | None
    delivered_ms: int | None
    last_status: int | None
    last_failure: str | None

    @property
    def state(self) -> str:
        """`delivered`, `waiting` or `failed`."""
        if self.delivered_ms is not None:
            return "delivered"
        return "failed" if self.due_ms is None else "waiting"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is this gateway's to send until its claim ends."""

    delivery: Delivery
    url: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """An event about a deposit, as it stands on the chain; `effect` is what a verifier makes of
    it."""

    subject: bytes
    evidence_no: str
    type: str
    effect: bool
    statement_id: bytes
    height: int
    entry_hash: bytes

    def told(self) -> dict[str, str | int | bool]:
        """What a message says of it."""
        return {
            "evidence_no": self.evidence_no,
            "type": self.type.upper(),
            "effect": self.effect,
            "statement_id": self.statement_id.hex(),
            "height": self.height,
            "entry_hash": self.entry_hash.hex(),
        }


def told_of(record: DepositRecord) -> dict[str, str | int]:
    """What a message says of a deposit."""
    identity, number = record.statement_id.hex(), record.number()
    value: dict[str, str | int | None] = {
        "statement_id": identity,
        "receipt_no": identity[:32],
        "state": record.state.name,
        "count": record.count,
        "client_ref": record.filing.client_ref,
        "matter_id": record.filing.matter_id,
        "reason": record.skipped,
        "first_evidence_no": number,
    }
    if record.standing is not None:
        value["height"] = record.standing.height
        value["entry_hash"] = record.standing.entry_hash.hex()
    return {key: each for key, each in value.items() if each is not None}


def webhook_of(row: Row[Any]) -> Webhook:
    """What a row says."""
    return Webhook(
        id=row.id,
        account=row.account,
        url=row.url,
        events=tuple(row.events.split(" ")),
        created_ms=row.created_ms,
        disabled_ms=row.disabled_ms,
        disabled_why=row.disabled_why,
    )


def delivery_of(row: Row[Any]) -> Delivery:
    """What a row says."""
    return Delivery(**row._mapping)
