"""Webhooks and what is to be sent to them: written where it happens, claimed by who sends it.

A delivery is a row of the transaction in which its deposit became FINAL or FAILED (`tell`), so that
none is forgotten. Several gateways send: each claims some rows for a short while, and whoever comes
back with an answer writes it down only if the claim is still its own. A gateway that dies between
claim and answer delays a delivery by the rest of its claim, and the message may arrive twice; so it
is at least once, never less.

When no try is left, that is decided in the transaction of the last failed try, hence once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from node.offchain.database import Database
from node.offchain.deposit_values import DepositRecord
from node.offchain.notification_values import (
    Claimed,
    Delivery,
    Happened,
    Webhook,
    delivery_of,
    told_of,
    webhook_of,
)
from node.offchain.tables.notifications import deliveries, webhooks
from node.vault.sealing import Row as Vaulted
from node.vault.sealing import Vault
from node.webhooks.message import DEPOSIT_EVENT, EVENTS, Message, format_message
from node.webhooks.schedule import CLAIM_MS, delay_ms
from node.words import State

Random = Callable[[int], bytes]
Clock = Callable[[], int]
_News = tuple[DepositRecord, str, Happened | None]

WEBHOOKS_MAX = 10
"""Of one account: systems that want to be told; every deposit is told to each."""
CLAIMED_AT_ONCE = 16
"""A dead receiver keeps so many tries waiting for their time-outs, no more."""
LIST_MAX = 100
OLD_SECRET_MS = 24 * 3600 * 1000
"""How long after a rotation messages are signed with the old secret too."""
KEEP_MS = 400 * 24 * 3600 * 1000
"""As the record of accesses is kept."""
FORGET_AT_ONCE = 10_000

DELIVERY_FAILED = "DELIVERY_FAILED"

_EVENT_OF = {State.FINAL: "deposit.final", State.FAILED: "deposit.failed"}
assert {*_EVENT_OF.values(), DEPOSIT_EVENT} == set(EVENTS)
_OPEN = deliveries.c.delivered_ms.is_(None) & deliveries.c.due_ms.is_not(None)


class TooManyWebhooks(Exception):
    """The account has as many as it may have."""


class NotificationStore:
    """The tables `webhooks` and `deliveries`. What the database refuses raises `StoreFailed`."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        origin: str,
        clock: Clock,
        random: Random = secrets.token_bytes,
    ) -> None:
        self._database = database
        self._vault = vault
        self._origin = origin
        self._clock = clock
        self._random = random

    # What is written where it happens.

    def tell(self, connection: Connection, records: Sequence[DepositRecord]) -> None:
        """Deliveries of what has just become of these deposits, in the same transaction."""
        self._tell(connection, [(each, _EVENT_OF[each.state], None) for each in records])

    def tell_events(
        self, connection: Connection, events: Sequence[tuple[DepositRecord, Happened]]
    ) -> None:
        """Deliveries of what was said of deposits later."""
        self._tell(connection, [(each, DEPOSIT_EVENT, happened) for each, happened in events])

    def _tell(self, connection: Connection, news: Sequence[_News]) -> None:
        accounts = {record.account for record, _, _ in news}
        query = select(webhooks).where(
            webhooks.c.account.in_(accounts), webhooks.c.disabled_ms.is_(None)
        )
        told = [webhook_of(each) for each in connection.execute(query)]
        rows = [
            self._delivery(webhook, each)
            for each in news
            for webhook in told
            if webhook.account == each[0].account and each[1] in webhook.events
        ]
        if rows:
            connection.execute(insert(deliveries), rows)

    def _delivery(self, webhook: Webhook, news: _News) -> dict[str, object]:
        record, event, happened = news
        identity, now = self._random(16).hex(), self._clock()
        told = None if happened is None else happened.told()
        message = Message(identity, event, self._origin, now, told_of(record), told)
        return {
            "id": identity,
            "webhook": webhook.id,
            "event": event,
            "statement_id": record.statement_id,
            "body": format_message(message),
            "created_ms": now,
            "attempts": 0,
            "due_ms": now,
        }

    # Registrations.

    async def register(self, new: Webhook, secret: str) -> Webhook:
        """Store a webhook, or find it as it was stored before; raises `TooManyWebhooks`."""
        row, stored_key = self._vault.new_row("webhooks", new.id.encode(), self._random)
        change = insert(webhooks).values(
            id=new.id,
            account=new.account,
            url=new.url,
            events=" ".join(new.events),
            created_ms=new.created_ms,
            data_key=stored_key,
            secret_sealed=row.seal("secret_sealed", secret.encode(), self._random),
        )
        count = select(func.count()).where(webhooks.c.account == new.account)

        def work(connection: Connection) -> Webhook:
            if (kept := _by_id(connection, new.account, new.id)) is not None:
                return webhook_of(kept)
            if connection.execute(count).scalar_one() >= WEBHOOKS_MAX:
                raise TooManyWebhooks
            connection.execute(change)
            return new

        return await self._database.find_or_add(work)

    async def listed(self, account: str) -> list[Webhook]:
        """An account's webhooks, the oldest first."""
        query = select(webhooks).where(webhooks.c.account == account)
        query = query.order_by(webhooks.c.created_ms, webhooks.c.id)
        return await self._database.read(
            lambda connection: [webhook_of(each) for each in connection.execute(query)]
        )

    async def delete(self, account: str, webhook: str) -> bool:
        """Forget it and its deliveries; False if there is none."""

        def work(connection: Connection) -> bool:
            if _by_id(connection, account, webhook) is None:
                return False
            connection.execute(delete(deliveries).where(deliveries.c.webhook == webhook))
            connection.execute(delete(webhooks).where(webhooks.c.id == webhook))
            return True

        return await self._database.write(work)

    async def rotate(self, account: str, webhook: str, secret: str) -> Webhook | None:
        """Sign with this secret from now on, and with the old one too for a day; again with the
        same one changes nothing."""
        now = self._clock()

        def work(connection: Connection) -> Webhook | None:
            if (kept := _by_id(connection, account, webhook)) is None:
                return None
            row = self._vault.row("webhooks", webhook.encode(), kept.data_key)
            current = row.open("secret_sealed", kept.secret_sealed)
            if current != secret.encode():
                change = update(webhooks).where(webhooks.c.id == webhook)
                values = {
                    "secret_sealed": row.seal("secret_sealed", secret.encode(), self._random),
                    "old_secret_sealed": row.seal("old_secret_sealed", current, self._random),
                    "old_until_ms": now + OLD_SECRET_MS,
                }
                connection.execute(change.values(values))
            return webhook_of(kept)

        return await self._database.write(work)

    async def enable(self, account: str, webhook: str) -> Webhook | None:
        """Send again, beginning with what it was not told when it was disabled."""
        now = self._clock()

        def work(connection: Connection) -> Webhook | None:
            if (kept := _by_id(connection, account, webhook)) is None:
                return None
            if kept.disabled_ms is not None:
                again = update(deliveries).where(
                    deliveries.c.webhook == webhook, deliveries.c.delivered_ms.is_(None)
                )
                connection.execute(again.values(due_ms=now, attempts=0, claimed_until_ms=None))
                change = update(webhooks).where(webhooks.c.id == webhook)
                connection.execute(change.values(disabled_ms=None, disabled_why=None))
            found = _by_id(connection, account, webhook)
            assert found is not None
            return webhook_of(found)

        return await self._database.write(work)

    # Sending.

    async def claim(self, busy: Collection[str] = ()) -> list[Claimed]:
        """Some deliveries that are due, for this gateway alone; none of `busy` webhooks."""
        now = self._clock()
        free = deliveries.c.claimed_until_ms.is_(None) | (deliveries.c.claimed_until_ms <= now)
        due = _OPEN & (deliveries.c.due_ms <= now) & free
        some = (
            select(deliveries.c.id)
            .join(webhooks, webhooks.c.id == deliveries.c.webhook)
            .where(due, webhooks.c.disabled_ms.is_(None), deliveries.c.webhook.not_in(busy))
            .order_by(deliveries.c.due_ms, deliveries.c.id)
            .limit(CLAIMED_AT_ONCE)
        )
        # SQLite has one writer. PostgreSQL may carry a subquery out again for every row, and then
        # finds others than before; what stands in a WITH and locks is carried out once.
        locked = some.with_for_update(skip_locked=True, of=deliveries).cte("locked")
        change = (
            update(deliveries)
            .where(deliveries.c.id.in_(select(locked.c.id)), due)
            .values(claimed_until_ms=now + CLAIM_MS)
            .returning(*deliveries.c)
        )

        def work(connection: Connection) -> list[Claimed]:
            claimed = [delivery_of(each) for each in connection.execute(change)]
            query = select(webhooks).where(webhooks.c.id.in_({each.webhook for each in claimed}))
            kept = {each.id: each for each in connection.execute(query)} if claimed else {}
            return [
                Claimed(each, kept[each.webhook].url, self._secrets(kept[each.webhook], now))
                for each in claimed
            ]

        # A look first: asking to write would cost an fsync every time that nothing is due.
        if not await self._database.read(lambda connection: connection.execute(some).first()):
            return []
        return await self._database.write(work)

    async def delivered(self, claimed: Claimed, status: int) -> None:
        """It has arrived, whoever's the claim is by now; but if it was asked for once more while
        this try was under way, another try is still owed."""
        asked_again = deliveries.c.claimed_until_ms.is_(None) & (deliveries.c.attempts == 0)
        open_ = deliveries.c.delivered_ms.is_(None) & ~asked_again
        change = (
            update(deliveries)
            .where(deliveries.c.id == claimed.delivery.id, open_)
            .values(
                delivered_ms=self._clock(),
                due_ms=None,
                claimed_until_ms=None,
                attempts=deliveries.c.attempts + 1,
                last_status=status,
                last_failure=None,
            )
        )
        await self._database.write(lambda connection: connection.execute(change))

    async def failed(self, claimed: Claimed, status: int | None, failure: str) -> None:
        """It has not arrived. Without an answer the webhook's other deliveries wait as well."""
        now, this = self._clock(), claimed.delivery
        mine = (deliveries.c.id == this.id) & _OPEN
        mine &= deliveries.c.claimed_until_ms == this.claimed_until_ms
        attempts = this.attempts + 1
        delay = delay_ms(attempts)
        due = None if delay is None else now + delay
        change = update(deliveries).where(mine)
        values = {
            "attempts": attempts,
            "due_ms": due,
            "claimed_until_ms": None,
            "last_status": status,
            "last_failure": failure,
        }

        def work(connection: Connection) -> None:
            if not connection.execute(change.values(values)).rowcount:
                return  # The claim had ended: another gateway tries, and says what came of it.
            if due is None:
                _disable(connection, this, now)
            elif status is None:
                _postpone(connection, this.webhook, due)

        await self._database.write(work)

    def _secrets(self, kept: Row[Any], now_ms: int) -> tuple[str, ...]:
        row: Vaulted = self._vault.row("webhooks", kept.id.encode(), kept.data_key)
        found = [row.open("secret_sealed", kept.secret_sealed).decode()]
        if kept.old_until_ms is not None and kept.old_until_ms > now_ms:
            found.append(row.open("old_secret_sealed", kept.old_secret_sealed).decode())
        return tuple(found)

    # What is asked.

    async def deliveries(
        self, account: str, webhook: str | None = None, before: str | None = None
    ) -> list[Delivery]:
        """An account's deliveries, the newest first; `before` is the one that was listed last."""
        query = (
            select(*deliveries.c)
            .join(webhooks, webhooks.c.id == deliveries.c.webhook)
            .where(webhooks.c.account == account)
        )
        if webhook is not None:
            query = query.where(deliveries.c.webhook == webhook)
        if before is not None:
            at = select(deliveries.c.created_ms).where(deliveries.c.id == before).scalar_subquery()
            earlier = (deliveries.c.created_ms == at) & (deliveries.c.id < before)
            query = query.where((deliveries.c.created_ms < at) | earlier)
        query = query.order_by(deliveries.c.created_ms.desc(), deliveries.c.id.desc())
        return await self._database.read(
            lambda connection: [
                delivery_of(each) for each in connection.execute(query.limit(LIST_MAX))
            ]
        )

    async def redeliver(self, account: str, delivery: str) -> Delivery | None:
        """Send it again, also if it was delivered; None if the account has no such delivery."""
        now = self._clock()
        own = select(webhooks.c.id).where(webhooks.c.account == account)
        change = (
            update(deliveries)
            .where(deliveries.c.id == delivery, deliveries.c.webhook.in_(own.scalar_subquery()))
            .values(due_ms=now, attempts=0, claimed_until_ms=None, delivered_ms=None)
            .returning(*deliveries.c)
        )

        def work(connection: Connection) -> Delivery | None:
            row = connection.execute(change).first()
            return None if row is None else delivery_of(row)

        return await self._database.write(work)

    async def forget(self) -> int:
        """Delete deliveries whose time is over; says how many, at most `FORGET_AT_ONCE`."""
        old = select(deliveries.c.id).where(deliveries.c.created_ms < self._clock() - KEEP_MS)
        some = old.limit(FORGET_AT_ONCE).scalar_subquery()
        change = delete(deliveries).where(deliveries.c.id.in_(some))
        return await self._database.write(lambda connection: connection.execute(change).rowcount)


def _postpone(connection: Connection, webhook: str, until_ms: int) -> None:
    """Where nobody answers, one try at a time is enough."""
    others = _OPEN & (deliveries.c.webhook == webhook) & (deliveries.c.due_ms < until_ms)
    connection.execute(update(deliveries).where(others).values(due_ms=until_ms))


def _disable(connection: Connection, last: Delivery, now_ms: int) -> None:
    """Unless something arrived since this was due: then only this message is refused."""
    arrived = select(deliveries.c.id).where(
        deliveries.c.webhook == last.webhook, deliveries.c.delivered_ms >= last.created_ms
    )
    if connection.execute(arrived.limit(1)).first() is None:
        live: ColumnElement[bool] = webhooks.c.disabled_ms.is_(None)
        change = update(webhooks).where(webhooks.c.id == last.webhook, live)
        connection.execute(change.values(disabled_ms=now_ms, disabled_why=DELIVERY_FAILED))


def _by_id(connection: Connection, account: str, webhook: str) -> Row[Any] | None:
    query = select(webhooks).where(webhooks.c.id == webhook, webhooks.c.account == account)
    return connection.execute(query).first()
