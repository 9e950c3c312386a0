"""What was to be erased and may not be yet: processing is restricted until that is over.

个人信息保护法 Art. 47 last paragraph: while the law wants a deposit kept, as a court's hold or a
case does, it is stored and kept safe and nothing else. From the refused request on the gateway
opens it to nobody but a court that has it in a case: no openings, no details, no search by file,
V602. Its number still tells that it exists, and its proof file still proves it.

The gateway's own task looks again and again whether that is over, and then erases it, without being
asked anew. Where it is not over by the review date, which whoever asked was told, the reason has
been examined again, and the date is moved on.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from node.accounts.account import Account
from node.evidence.statement import Deposit
from node.gateway.deposits.depositing import Request
from node.gateway.events.erasing import Erasable, check_free, check_own, erase
from node.gateway.events.problems import EventProblem
from node.gateway.events.schemas import ErasureRequest
from node.gateway.gateway import Gateway
from node.gateway.http.once import request_digest
from node.gateway.http.problems import ProblemError
from node.gateway.lookups.finding import find_number
from node.offchain.engine import StoreFailed
from node.offchain.erasures import Waiting

LOOK_EVERY_S = 60.0
"""How long after a release a deposit is erased, at most, while nothing fails."""

_log = logging.getLogger(__name__)


class Reviewer:
    """The gateway's task that does so. Any number of gateways may. Owned by one event loop."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def run(self) -> NoReturn:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except StoreFailed:
                _log.error("what waits to be erased was not read; tried again")
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Erase what may be erased by now."""
        after = b""
        while waiting := await self._gateway.erasures.waiting(after):
            for each in waiting:
                try:
                    await self._review(each)
                except ProblemError as error:
                    _log.debug("a restriction goes on: %s", error.problem.name)
                    await self._keep_on(each, error)
            after = waiting[-1].statement_id

    async def _review(self, waiting: Waiting) -> None:
        gateway = self._gateway
        found, _ = await find_number(gateway, waiting.number)
        if found is None:
            return
        erasable = Erasable(found.placed.statement, waiting.number)
        erasable = await check_free(gateway, erasable)
        await check_own(gateway, erasable)
        record = await gateway.accounts.find(waiting.account)
        # One for each deposit: two gateways that do this at once write one event.
        key = f"after-restriction-{waiting.statement_id.hex()}"
        account = Account(record.holder, frozenset(), "review")
        request = Request(account, key, request_digest((b"erasure", key.encode())))
        deposit = found.placed.statement.statement
        assert isinstance(deposit, Deposit)
        asked = ErasureRequest(ground=waiting.ground, count=deposit.count)  # type: ignore[arg-type]
        taken, _ = await erase(gateway, request, erasable, asked)
        gateway.submissions.submit(taken.stored)

    async def _keep_on(self, waiting: Waiting, error: ProblemError) -> None:
        """The reason was looked at again: the next time that it must be is later."""
        now = self._gateway.clock()
        held = error.problem in (EventProblem.ERASURE_HELD, EventProblem.ERASURE_IN_CASE)
        if held and waiting.review_ms <= now:
            await self._gateway.erasures.postpone(waiting.statement_id, now)
