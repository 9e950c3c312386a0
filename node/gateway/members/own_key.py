"""Whether this gateway's own key is enrolled: without that it takes no deposit.

Every proof carries what the chain knew of the gateway's key when the deposit came into its block.
A deposit taken too early keeps the open point O06 for good, and no later enrolment mends it.
"""

from __future__ import annotations

import asyncio

from node.evidence.enrolment import standing
from node.evidence.keys import PublicKey
from node.gateway.clock import Clock
from node.gateway.members.client import CannotCheck, Members

ASK_AGAIN_MS = 1_000
"""How long a no, or no answer, is good for: refused clients must not become load on the members."""
REMEMBER_MS = 60_000
"""How long a yes is good for: a revoked key may sign for so long; every proof tells of it."""
PATIENCE_S = 0.5
"""How long they are asked: less than a deposit waits for it, or no answer would be remembered."""


class OwnKey:
    """Asks the members, and remembers what they said for a while. Owned by one event loop."""

    def __init__(self, members: Members, key: PublicKey, clock: Clock) -> None:
        self.public = key
        self.enrolled = False
        self._members = members
        self._clock = clock
        self._asking = asyncio.Lock()
        self._asked_ms: int | None = None
        self._unknown: CannotCheck | None = None

    async def check(self) -> bool:
        """Whether the key is enrolled as a gateway's; may raise `CannotCheck`."""
        if self._is_due():
            async with self._asking:  # All who wait meanwhile share one answer.
                if self._is_due():
                    await self._ask()
        if self._unknown is not None and not self.enrolled:
            raise CannotCheck(str(self._unknown)) from self._unknown
        return self.enrolled

    def ask_again(self) -> None:
        """Do not rely on what they said: a key record has just come onto the chain."""
        self._asked_ms = None

    def _is_due(self) -> bool:
        if self._asked_ms is None:
            return True
        # The distance, not the difference: the clock may have been set back by hours.
        lasts_ms = REMEMBER_MS if self.enrolled else ASK_AGAIN_MS
        return abs(self._clock() - self._asked_ms) >= lasts_ms

    async def _ask(self) -> None:
        """Where nobody answers, what they said last stays."""
        try:
            entries = await self._members.key_entries(self.public.text, PATIENCE_S)
        except CannotCheck as error:
            self._unknown, self._asked_ms = error, self._clock()
            return
        self._unknown, self._asked_ms = None, self._clock()
        found = standing(self.public, [entry.record for entry in entries], self._asked_ms)
        self.enrolled = "gateway" in found.roles and found.ended_by is None
