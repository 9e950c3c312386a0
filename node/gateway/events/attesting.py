"""Signs what other gateways of the database have prepared for this gateway's key.

Whatever a gateway attested, only its own key, or the one that came in its place, may say something
of later: every verifier judges so, and a platform's other gateways have other keys. So a gateway
that is asked for an event of a deposit which another one attested writes the statement under that
one's key, keeps it unsigned in the database they share, and the other signs it here. No key may
more than before, and none leaves its gateway.

Being in the database is no right to a signature: the event is judged anew, as if it were asked for
here. Its opening is sealed for this very statement under the vault key, which nobody has but the
platform's gateways.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from node.evidence.entry import StatementEntry
from node.evidence.events import BY_DEPOSITOR, Keys, may_make
from node.evidence.keys import PublicKey
from node.evidence.malformed import Malformed
from node.evidence.statement import Event, parse_statement, statement_id
from node.gateway.clock import Clock
from node.gateway.deposits.submissions import Submissions
from node.gateway.events.history import read_keys
from node.gateway.events.statement import EventPreparer
from node.gateway.http.problems import ProblemError
from node.gateway.members.client import CannotCheck, Members
from node.offchain.deposits import DepositStore
from node.offchain.engine import StoreFailed
from node.offchain.events import EventStore
from node.offchain.requests import RequestStore, StoredStatement
from node.vault.sealing import Unreadable

LOOK_EVERY_S = 0.5
"""How long after it was asked for an event is signed, at most, while nothing fails."""

_log = logging.getLogger(__name__)


def who_attests(kind: str, deposit: StatementEntry, keys: Keys, time_ms: int) -> PublicKey | None:
    """The gateway key that may make this event: the one that attested the deposit, or that came in
    its place. None if no gateway did, or its key has ended without a successor."""
    if not deposit.attested:
        return None
    for key in keys.successors(deposit.statement.key, time_ms):
        if may_make(kind, key, deposit, keys, time_ms):
            return key
    return None


class _Refused(Exception):
    """No signature for this; the text says why, and is told to who asked for the event."""


class Attester:
    """The gateway's task that does so. Owned by one event loop."""

    def __init__(
        self,
        preparer: EventPreparer,
        members: Members,
        store: RequestStore,
        deposits: DepositStore,
        events: EventStore,
        submissions: Submissions,
        clock: Clock,
    ) -> None:
        self._key = preparer.key
        self._preparer = preparer
        self._members = members
        self._store = store
        self._deposits = deposits
        self._events = events
        self._submissions = submissions
        self._clock = clock

    async def run(self) -> NoReturn:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except CannotCheck:
                _log.debug("no member says whose keys are enrolled; asked again")
            except StoreFailed:
                _log.error("events that wait for this gateway were not signed; tried again")
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Sign what waits now, and send it on its way."""
        for row in await self._store.awaiting(self._key.text):
            await self._sign(row)

    async def _sign(self, row: StoredStatement) -> None:
        try:
            record = await self._record(row)
        except _Refused as error:
            _log.error("event %s is not signed: %s", row.statement_id.hex(), error)
            await self._store.settle(row.statement_id, self._clock(), str(error))
            return
        await self._store.sign(row.statement_id, self._key.text, record)
        # If we stop here, the next start finds the signed row unsettled and proposes it.
        (signed,) = await self._store.under_key(row.account, row.idempotency_key)
        if signed.awaits is None and signed.settled_ms is None:
            self._submissions.submit(signed)

    async def _record(self, row: StoredStatement) -> bytes:
        """What is proposed, signed; raises `_Refused`."""
        assert row.record is not None, "what waits is kept"
        if statement_id(row.record) != row.statement_id:  # What opens it is that of another.
            raise _Refused("it is not the statement that was prepared")
        try:
            event = parse_statement(row.record)
        except Malformed as error:
            raise _Refused("it is no statement") from error
        if not isinstance(event, Event) or not await self._may(row, event):
            raise _Refused("the gateway that attested the deposit does not make this event")
        try:
            opened = (await self._events.opened([row.statement_id])).get(row.statement_id)
        except Unreadable as error:
            raise _Refused("it was not sealed by a gateway of this platform") from error
        if opened is None or opened.opening is None or opened.account != row.account:
            raise _Refused("what opens it is missing")
        try:
            return self._preparer.sign(row.record, opened.opening).record
        except ProblemError as error:
            raise _Refused(error.problem.name) from error

    async def _may(self, row: StoredStatement, event: Event) -> bool:
        """Whether the account deposited what it is about, and this key may speak for it."""
        subject = event.subject
        if event.type not in BY_DEPOSITOR or subject is None:
            return False
        kept = await self._deposits.by_id(subject.statement)
        if kept is None or kept.account != row.account:
            return False
        search = await self._members.find(statement_id=subject.statement)
        if not search.found:
            return False
        deposit = search.found[0].placed.statement
        keys = await read_keys(self._members, {self._key, deposit.statement.key})
        return who_attests(event.type, deposit, keys, self._clock()) == self._key
