"""Events of deposits: what opens those that came through this gateway, sealed.

Which events a deposit has, the chain says, whoever made them and through whichever gateway; here is
only what the chain does not hold. A row is written in the transaction that takes its request in
(`requests`). An event that is here already stays as it is.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Insert, select
from sqlalchemy.dialects import postgresql, sqlite

from node.offchain.database import Database, Rows
from node.offchain.tables.deposits import events
from node.vault.keepsake import Submitter, submitter_value
from node.vault.sealing import Vault

Random = Callable[[int], bytes]

_ADD: dict[str, Insert] = {
    "sqlite": sqlite.insert(events).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(events).on_conflict_do_nothing(),
}
_COLUMN = "opening_sealed"


@dataclass(frozen=True, slots=True)
class EventOpening:
    """What an event's `details` hides, and its `submitter` if the gateway attested it."""

    salt: bytes
    details: bytes
    submitter: Submitter | None = None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is taken in."""

    statement_id: bytes
    subject_no: str
    subject_id: bytes
    account: str
    type: str
    received_ms: int
    opening: EventOpening


@dataclass(frozen=True, slots=True)
class OpenedEvent:
    """Who made an event, and what opens it, unless that was erased."""

    account: str
    opening: EventOpening | None


class EventStore:
    """The table `events`. Whatever the database refuses raises `StoreFailed`."""

    def __init__(
        self, database: Database, vault: Vault, random: Random = secrets.token_bytes
    ) -> None:
        self._database = database
        self._vault = vault
        self._random = random
        self._add = _ADD[database.dialect]

    def adding(self, new: NewEvent) -> Rows:
        """The row of a new event, to be written with others' rows."""
        row, stored_key = self._vault.new_row("events", new.statement_id, self._random)
        values = {
            "statement_id": new.statement_id,
            "subject_no": new.subject_no,
            "subject_id": new.subject_id,
            "account": new.account,
            "type": new.type,
            "received_ms": new.received_ms,
            "data_key": stored_key,
            _COLUMN: row.seal(_COLUMN, format_event_opening(new.opening), self._random),
        }
        return Rows(self._add, [values])

    async def opened(self, statement_ids: Iterable[bytes]) -> dict[bytes, OpenedEvent]:
        """Those of these events that came through a gateway of this database."""
        query = select(events).where(events.c.statement_id.in_(list(statement_ids)))

        def work(connection: Connection) -> dict[bytes, OpenedEvent]:
            found = {}
            for each in connection.execute(query):
                opening = None
                if each.data_key is not None and each.opening_sealed is not None:
                    row = self._vault.row("events", each.statement_id, each.data_key)
                    opening = parse_event_opening(row.open(_COLUMN, each.opening_sealed))
                found[each.statement_id] = OpenedEvent(each.account, opening)
            return found

        return await self._database.read(work)


def format_event_opening(opening: EventOpening) -> bytes:
    """The bytes that are sealed."""
    value: dict[str, object] = {"salt": opening.salt.hex(), "details": opening.details.decode()}
    if opening.submitter is not None:
        value["submitter"] = submitter_value(opening.submitter)
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def parse_event_opening(data: bytes) -> EventOpening:
    """What `format_event_opening` wrote."""
    value = json.loads(data)
    submitter = None
    if (told := value.get("submitter")) is not None:
        submitter = Submitter(bytes.fromhex(told["salt"]), told["identity"].encode())
    return EventOpening(bytes.fromhex(value["salt"]), value["details"].encode(), submitter)
