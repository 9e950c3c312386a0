"""How far the log was read for events about deposits, and the deliveries made on the way.

Several gateways read. Whoever has read some entries writes down how far, and what webhooks are to
be told of them, in one transaction, and only if nobody was faster; so every event is told once.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from node.offchain.database import Database, Rows
from node.offchain.deposit_values import RECORD, record_of
from node.offchain.notification_values import Happened
from node.offchain.notifications import NotificationStore
from node.offchain.tables.deposits import deposits
from node.offchain.tables.notifications import followed, webhooks
from node.webhooks.message import DEPOSIT_EVENT
from node.words import State

_READER = "events"
_ADD = insert(followed)


class FollowingStore:
    """The table `followed`. Whatever the database refuses raises `StoreFailed`."""

    def __init__(self, database: Database, notifications: NotificationStore) -> None:
        self._database = database
        self._notifications = notifications

    async def begin(self, size: int) -> int:
        """How many entries were read; `size` if nobody has ever read any: nobody was promised to
        be told of what is older."""
        query = select(followed.c.size).where(followed.c.reader == _READER)

        def work(connection: Connection) -> int | None:
            return connection.execute(query).scalar_one_or_none()

        if (found := await self._database.read(work)) is not None:
            return found
        try:
            await self._database.add(Rows(_ADD, [{"reader": _READER, "size": size}]))
        except IntegrityError:
            return await self.begin(size)
        return size

    async def is_wanted(self) -> bool:
        """Whether any webhook is to be told of events."""
        wants = webhooks.c.events.contains(DEPOSIT_EVENT, autoescape=True)
        query = select(webhooks.c.id).where(wants, webhooks.c.disabled_ms.is_(None)).limit(1)
        return await self._database.read(lambda each: each.execute(query).first() is not None)

    async def known(self, subjects: Sequence[bytes]) -> set[bytes]:
        """Those of these statements that are deposits of this database; not what the chain has
        skipped, of which there is nothing to find: anybody's gateway can put events about it."""
        if not subjects:
            return set()
        query = select(deposits.c.statement_id).where(
            deposits.c.statement_id.in_(subjects), deposits.c.state != State.FAILED.name
        )
        return await self._database.read(lambda each: {*each.execute(query).scalars()})

    async def advance(self, old: int, new: int, events: Sequence[Happened]) -> None:
        """That the entries from `old` to `new` were read, and tell of the events among them."""
        ahead = update(followed).where(followed.c.reader == _READER, followed.c.size == old)
        subjects = [each.subject for each in events]
        query = select(*RECORD).where(deposits.c.statement_id.in_(subjects))
        # As it is when this is written: what is erased meanwhile is not told.
        query = query.order_by(deposits.c.statement_id).with_for_update(read=True)

        def work(connection: Connection) -> None:
            if not connection.execute(ahead.values(size=new)).rowcount or not events:
                return
            found = [record_of(each) for each in connection.execute(query)]
            about = {each.statement_id: each for each in found}
            told = [(about[each.subject], each) for each in events if each.subject in about]
            self._notifications.tell_events(connection, told)

        await self._database.write(work)
