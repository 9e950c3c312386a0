"""What an operator of this gateway must look at: said by /readyz, counted for Prometheus, logged.

- A certificate ends soon: its own towards the members (they list exactly this one, so the next must
  be listed before), its own towards clients, a member's that its settings name, or one that it
  signs with for courts.
- Deposits are not FINAL a day after they came in: what was promised then is not kept yet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from node.gateway.clock import Clock
from node.offchain.deposit_values import FINAL_WITHIN_MS
from node.offchain.deposits import LIST_MAX, DepositStore
from node.offchain.engine import StoreFailed
from node.operating.expiry import end_of, ending

LOOK_EVERY_S = 60.0
"""What is a day late need not be told to the second."""

_REMEDY = "see Certificates end in docs/operations.md"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that this gateway shows, or signs with, or that it knows a member by."""

    name: str
    der: bytes


class Alarms:
    """The gateway's task that looks for them. Owned by one event loop."""

    def __init__(
        self, deposits: DepositStore, clock: Clock, certificates: Sequence[Certificate]
    ) -> None:
        self._deposits = deposits
        self._clock = clock
        self._certificates = tuple(certificates)
        self._logged: frozenset[str] = frozenset()
        self.overdue = 0

    async def run(self) -> NoReturn:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except StoreFailed:
                _log.error("whether deposits are overdue is not known; asked again")
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Count what is overdue, and log each alarm when it is new."""
        self.overdue = await self._deposits.overdue(self._clock() - FINAL_WITHIN_MS)
        alarms = self.now()
        for alarm in alarms:
            if alarm not in self._logged:
                _log.warning("%s", alarm)
        self._logged = frozenset(alarms)

    def now(self) -> list[str]:
        """Each as one sentence."""
        named = ((each.name, each.der) for each in self._certificates)
        alarms = [f"{said}; {_REMEDY}" for said in ending(named, self._clock() / 1000)]
        if self.overdue:
            many = f"{self.overdue} or more" if self.overdue == LIST_MAX else str(self.overdue)
            alarms.append(f"deposits not final a day after they came in: {many}")
        return alarms

    def first_end_s(self) -> float:
        """When the first of the certificates ends, in POSIX seconds; 0 where none is known."""
        ends = [end for each in self._certificates if (end := end_of(each.der)) is not None]
        return min(ends, default=0.0)
