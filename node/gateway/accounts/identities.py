"""Identity records: what statements that this gateway attests commit to, of whose account it is.

The account, and how its identity was verified: method, provider, time, and the provider's reference
(电子签名法 Art. 20). On the chain is a salted digest of it; the depositor and this gateway have
what opens that, so a court can learn years later who was behind a deposit, and ask the provider.

A record is read from the database, decrypted and remembered for some seconds, as credentials are.
"""

from __future__ import annotations

from node.gateway.accounts.auth import REMEMBER_MAX, REMEMBER_MS
from node.gateway.clock import Clock
from node.offchain.accounts import AccountStore
from node.vault.keepsake import identity_record


class Identities:
    """Tells identity records. Owned by one event loop."""

    def __init__(self, accounts: AccountStore, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self._known: dict[str, tuple[int, bytes]] = {}

    async def record(self, account: str) -> bytes:
        """What is committed to of this account now."""
        now_ms = self._clock()
        read_ms, known = self._known.get(account, (0, b""))
        if known and abs(now_ms - read_ms) < REMEMBER_MS:
            return known
        proof = await self._accounts.proof(account)
        proofing: dict[str, str | int] = {}
        if proof is not None and proof.passed:
            proofing = {
                "method": proof.method.name,
                "provider": proof.provider,
                "verified_at": proof.verified_ms,
            }
            if proof.reference is not None:
                proofing["reference"] = proof.reference
        if len(self._known) >= REMEMBER_MAX:
            self._known.clear()
        record = identity_record(account, proofing)
        self._known[account] = now_ms, record
        return record
