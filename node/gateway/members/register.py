"""Whose keys may deposit: asked of the chain, remembered for a moment.

Whether a key was good when a deposit came into a block is judged by every verifier from the log
itself; this question only keeps deposits out whose proofs would say "owner not checked".
"""

from __future__ import annotations

from node.evidence.enrolment import standing
from node.evidence.keys import PublicKey
from node.gateway.clock import Clock
from node.gateway.members.client import Members

REMEMBER_MS = 5_000
"""How long a revocation may go unnoticed here; the proof tells of it in any case."""
REMEMBER_MAX = 10_000


class KeyRegister:
    """Answers from the members' logs. Only a yes is remembered: an enrolment counts at once."""

    def __init__(self, members: Members, clock: Clock) -> None:
        self._members = members
        self._clock = clock
        self._good_until: dict[PublicKey, int] = {}

    async def may_deposit(self, key: PublicKey) -> bool:
        """Whether this key is enrolled for depositing and still good; may raise `CannotCheck`."""
        now = self._clock()
        if self._good_until.get(key, 0) > now:
            return True
        records = [entry.record for entry in await self._members.key_entries(key.text)]
        found = standing(key, records, now)
        good = "depositor" in found.roles and found.ended_by is None
        if good:
            if len(self._good_until) >= REMEMBER_MAX:
                self._good_until.clear()
            self._good_until[key] = now + REMEMBER_MS
        return good

    def ask_again(self, key: PublicKey) -> None:
        """Forget a yes: a record about this key has just come onto the chain."""
        self._good_until.pop(key, None)
