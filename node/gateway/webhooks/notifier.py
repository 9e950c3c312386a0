"""The gateway's task that sends what webhooks are to be told.

Every second, and at once while there is more, it claims what is due and sends it; what a webhook is
being sent keeps others of the same webhook waiting at this gateway, so that a slow receiver takes
few of the connections, and a fast one gets the next few as soon as it has taken these. If the
process stops, what it had claimed is claimed again when that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from typing import NoReturn

from node.gateway.clock import Clock
from node.offchain.engine import StoreFailed
from node.offchain.notification_values import Claimed
from node.offchain.notifications import CLAIMED_AT_ONCE, FORGET_AT_ONCE, NotificationStore
from node.webhooks.post import CONNECTIONS_MAX, NotDelivered, Poster
from node.webhooks.signature import HEADER, sign

LOOK_EVERY_S = 1.0
"""How long after it happens a webhook is told, at most, while nothing fails."""
FORGET_EVERY_S = 3_600

_log = logging.getLogger(__name__)


class Notifier:
    """Owned by one event loop."""

    def __init__(self, store: NotificationStore, clock: Clock, *, public_only: bool) -> None:
        self._store = store
        self._clock = clock
        self._poster = Poster(public_only=public_only)
        self._sending: Counter[str] = Counter()
        self._more_waits: set[str] = (
            set()
        )  # Webhooks of the last full claim that are being sent to.
        self._freed = asyncio.Event()
        self._look_again = asyncio.Event()

    async def run(self) -> NoReturn:
        """Send, until cancelled."""
        async with self._poster, asyncio.TaskGroup() as group:
            group.create_task(self._forget())
            while True:
                try:
                    more = await self._look(group)
                except StoreFailed:
                    _log.error("what webhooks are to be told was not read; tried again")
                    more = False
                if not more:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._look_again.wait(), LOOK_EVERY_S)
                self._look_again.clear()
        raise AssertionError("ends only by cancellation")

    async def _look(self, group: asyncio.TaskGroup) -> bool:
        """Claim and begin to send; True if there may be more at once."""
        while self._sending.total() > CONNECTIONS_MAX - CLAIMED_AT_ONCE:
            self._freed.clear()
            await self._freed.wait()
        claimed = await self._store.claim(list(self._sending))
        for each in claimed:
            self._sending[each.delivery.webhook] += 1
            group.create_task(self._send(each))
        if full := len(claimed) == CLAIMED_AT_ONCE:
            self._more_waits |= {each.delivery.webhook for each in claimed}
        return full

    async def _send(self, claimed: Claimed) -> None:
        webhook = claimed.delivery.webhook
        try:
            await self._carry(claimed)
        except StoreFailed:
            _log.error("what became of delivery %s was not noted; sent again", claimed.delivery.id)
        finally:
            self._sending[webhook] -= 1
            self._sending += Counter()  # Whoever is at zero is no longer in it.
            self._freed.set()
            if webhook in self._more_waits and webhook not in self._sending:
                self._more_waits.remove(webhook)
                self._look_again.set()

    async def _carry(self, claimed: Claimed) -> None:
        body = claimed.delivery.body
        headers = {
            HEADER: sign(claimed.secrets, self._clock() // 1000, body),
            "Cunzheng-Delivery": claimed.delivery.id,
            "User-Agent": "cunzheng-webhooks",
        }
        try:
            status = await self._poster.post(claimed.url, body, headers)
        except NotDelivered as error:
            await self._store.failed(claimed, None, error.code)
            return
        # If we stop here, it is sent once more: its id tells the receiver.
        if 200 <= status < 300:
            await self._store.delivered(claimed, status)
        else:
            await self._store.failed(claimed, status, "STATUS")

    async def _forget(self) -> NoReturn:
        while True:
            try:
                while await self._store.forget() == FORGET_AT_ONCE:
                    pass
            except StoreFailed:
                _log.error("deliveries whose time is over were not deleted; tried again later")
            await asyncio.sleep(FORGET_EVERY_S)
