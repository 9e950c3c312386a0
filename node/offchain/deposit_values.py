"""Deposits as values: taken in, filed, standing on the chain, kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from node.evidence.number import format_number
from node.offchain.tables.deposits import deposits
from node.vault.keepsake import Keepsake
from node.words import State


@dataclass(frozen=True, slots=True)
class Filing:
    """Under what the depositor files a deposit. Nothing of it is personal but `declared`."""

    client_ref: str | None = None
    matter_id: str | None = None
    phase: str | None = None
    series: bytes | None = None
    series_seq: int | None = None
    profile: bytes | None = None
    signature_effect: str | None = None
    declared: bytes | None = None
    """JSON in the clear; stored sealed."""


@dataclass(frozen=True, slots=True)
class NewDeposit:
    """A deposit that is taken in, with what is only for its depositor in the clear."""

    statement_id: bytes
    account: str
    category: str
    mode: str
    alg: str
    count: int
    received_ms: int
    keepsake: Keepsake = field(default_factory=Keepsake)
    filing: Filing = field(default_factory=Filing)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a deposit stands on the chain."""

    height: int
    leaf_index: int
    entry_hash: bytes
    block_ms: int
    first_item: int


FINAL_WITHIN_MS = 86_400_000
"""Members seal within seconds; a deposit that is neither FINAL nor FAILED a day after it came in is
overdue, and somebody has to look."""
UNDER_WAY = frozenset({State.RECEIVED, State.PENDING, State.COMMITTED})


@dataclass(frozen=True, slots=True)
class DepositRecord:
    """What is kept of a deposit besides what is sealed."""

    statement_id: bytes
    account: str
    category: str
    mode: str
    alg: str
    count: int
    filing: Filing
    received_ms: int
    state: State
    skipped: str | None
    standing: Standing | None
    final_ms: int | None
    erased_ms: int | None
    restricted_ms: int | None = None
    review_ms: int | None = None
    """Since when its processing is restricted, and when that is examined again."""

    def is_overdue(self, now_ms: int) -> bool:
        """Whether what was promised with the receipt is not kept in time."""
        return self.state in UNDER_WAY and self.received_ms < now_ms - FINAL_WITHIN_MS

    def number(self, item_index: int = 0) -> str | None:
        """The evidence number of one of its items, once it has one."""
        if self.standing is None:
            return None
        return format_number(self.standing.block_ms, self.standing.first_item + item_index)


@dataclass(frozen=True, slots=True)
class FoundItem:
    """A deposit that was searched for, and which of its items it was."""

    deposit: DepositRecord
    item_index: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is to hold; what is None does not matter."""

    state: State | None = None
    client_ref: str | None = None
    matter_id: str | None = None
    series: bytes | None = None
    category: str | None = None
    overdue_before_ms: int | None = None
    """Those that came in before this time and are still under way."""
    from_ms: int | None = None
    to_ms: int | None = None
    """From one time to before another."""


_APART = {"data_key", "declared_sealed", "submitter_sealed", "erasure_ground", "erasure_account"}
RECORD = tuple(column for column in deposits.c if column.name not in _APART)

FILED = ("client_ref", "matter_id", "phase", "series", "series_seq", "profile", "signature_effect")
STANDING = ("height", "leaf_index", "entry_hash", "block_ms", "first_item")


def record_of(row: Row[Any]) -> DepositRecord:
    """What a row of `RECORD` says."""
    values = row._mapping
    standing = None
    if row.leaf_index is not None:
        standing = Standing(**{name: values[name] for name in STANDING})
    return DepositRecord(
        statement_id=row.statement_id,
        account=row.account,
        category=row.category,
        mode=row.mode,
        alg=row.alg,
        count=values["count"],  # `row.count` counts, as of any tuple.
        filing=Filing(**{name: values[name] for name in FILED}),
        received_ms=row.received_ms,
        state=State[row.state],
        skipped=row.skipped,
        standing=standing,
        final_ms=row.final_ms,
        erased_ms=row.erased_ms,
        restricted_ms=row.restricted_ms,
        review_ms=row.review_ms,
    )
