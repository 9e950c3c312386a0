"""Notes how far deposits have come that nobody waits for: PENDING for long, and FINAL.

Every second, whatever the chain has taken and a published checkpoint covers becomes FINAL, through
whichever gateway of the database it came, and what was sent to the members before the last look and
is still there becomes PENDING. While nothing waits, all of it is one cheap question.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from node.gateway.clock import Clock
from node.gateway.deposits.submissions import Submissions
from node.gateway.log.publishing import PublishedLog
from node.gateway.members.client import CannotCheck
from node.offchain.deposits import FINAL_AT_ONCE, DepositStore
from node.offchain.engine import StoreFailed

LOOK_EVERY_S = 1.0
"""How long after its seals a deposit is noted as FINAL, at most."""

_log = logging.getLogger(__name__)


class Finality:
    """The gateway's task that does so. Owned by one event loop."""

    def __init__(
        self, deposits: DepositStore, submissions: Submissions, log: PublishedLog, clock: Clock
    ) -> None:
        self._deposits = deposits
        self._submissions = submissions
        self._published = log
        self._clock = clock
        self._seen_on_way: frozenset[bytes] = frozenset()
        self._noted_slow: frozenset[bytes] = frozenset()

    async def run(self) -> NoReturn:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look()
            except CannotCheck:
                _log.debug("no member says how far the seals are; asked again")
            except StoreFailed:
                _log.error("how far deposits have come was not noted; tried again")

    async def look(self) -> None:
        """Note what is to be noted now."""
        on_way = frozenset(self._submissions.on_way)
        slow = on_way & self._seen_on_way
        self._seen_on_way = on_way
        if new := slow - self._noted_slow:
            await self._deposits.slow(new)
        self._noted_slow = slow
        if await self._deposits.any_committed():
            size = await self._published.size()
            while await self._deposits.finish(size, self._clock()) == FINAL_AT_ONCE:
                pass
