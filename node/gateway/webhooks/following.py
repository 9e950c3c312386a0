"""The gateway's task that reads the log for events about deposits, to tell their accounts.

Whoever makes an event, a court at its own gateway for one, the log has it and the account that
deposited should hear. What is read is what a quorum has sealed, checked entry by entry as for
everybody who reads the log here; whether an event has an effect is judged as by every reader.
While no webhook wants to be told, nothing is read.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from node.evidence.entry import StatementEntry, format_entry, parse_entry
from node.evidence.events import has_effect
from node.evidence.merkle import leaf_hash
from node.evidence.statement import Event, Subject
from node.evidence.tiles import WIDTH, Tile
from node.gateway.events.history import read_keys
from node.gateway.log.publishing import PublishedLog
from node.gateway.members.client import CannotCheck, Members
from node.offchain.engine import StoreFailed
from node.offchain.following import FollowingStore
from node.offchain.notification_values import Happened
from node.published.layout import split_bundle

LOOK_EVERY_S = 5.0
"""How long after its seals an event is told, at most, while nothing fails."""
_SUBJECT = b'"subject":{'
"""Stands in the canonical statement of every event about a deposit, and in few others."""

_log = logging.getLogger(__name__)


class Follower:
    """Owned by one event loop."""

    def __init__(self, store: FollowingStore, log: PublishedLog, members: Members) -> None:
        self._store = store
        self._published = log
        self._members = members

    async def run(self) -> NoReturn:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except CannotCheck:
                _log.debug("no member gave the newest entries; asked again")
            except StoreFailed:
                _log.error("what was said of deposits was not noted; tried again")
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Read what is new, and have it told."""
        size = await self._published.size()
        if not size:
            return
        at = await self._store.begin(size)
        # Asked after the size: who registers from now on is told of what is sealed from now on.
        if at < size and not await self._store.is_wanted():
            await self._store.advance(at, size, [])
            return
        while at < size:
            tile = Tile(0, at // WIDTH, min(WIDTH, size - at // WIDTH * WIDTH))
            entries = split_bundle(await self._published.entries(tile))
            end = tile.index * WIDTH + tile.width
            await self._store.advance(at, end, await self._events(entries[at % WIDTH :]))
            at = end

    async def _events(self, entries: list[bytes]) -> list[Happened]:
        """The events about deposits of this database."""
        found: list[tuple[StatementEntry, Subject]] = []
        for entry in (parse_entry(data) for data in entries if _SUBJECT in data):
            if isinstance(entry, StatementEntry) and isinstance(entry.statement, Event):
                subject = entry.statement.subject
                if subject is not None:
                    found.append((entry, subject))
        known = await self._store.known([subject.statement for _, subject in found])
        return [
            await self._happened(entry, subject)
            for entry, subject in found
            if subject.statement in known
        ]

    async def _happened(self, entry: StatementEntry, subject: Subject) -> Happened:
        event = entry.statement
        assert isinstance(event, Event)
        search = await self._members.find(statement_id=subject.statement)
        if not search.found:
            raise CannotCheck("a member does not have a deposit that is sealed")
        deposit = search.found[0].placed.statement
        concerned = {event.key, deposit.statement.key, deposit.receipt.gateway}
        keys = await read_keys(self._members, concerned)
        return Happened(
            subject=subject.statement,
            evidence_no=subject.evidence_no,
            type=event.type,
            effect=has_effect(entry, deposit, keys),
            statement_id=entry.statement_id,
            height=entry.height,
            entry_hash=leaf_hash(format_entry(entry)),
        )
