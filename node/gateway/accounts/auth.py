"""Who is asking: an API key, a signature by a key of the account's own, or a client certificate.

What a credential opens is read from the database and remembered for 5 seconds, so that the many
requests of one client cost one read: a revocation, a role taken away or a suspension works at every
gateway within that time, and at the gateway that was asked for it at once. Only what was found is
remembered, a new credential works at once.

Nothing here compares secrets: a key is found by a digest that only who has the vault key can make,
a signature is verified with a public key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from node.accounts.account import Account, Credential
from node.accounts.api_key import digest_api_key
from node.accounts.signed_request import (
    TIME_TOLERANCE_MS,
    Asked,
    RequestSignature,
    parse_authorization,
)
from node.accounts.vocabulary import AccountStatus, KeyKind
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.sm2 import Sm2Missing
from node.gateway.accounts.problems import AccountProblem
from node.gateway.clock import Clock
from node.gateway.http.problems import AnyProblem, Problem, ProblemError
from node.offchain.credentials import CredentialStore, NonceUsed
from node.vault.keys import Purpose, VaultKey

REMEMBER_MS = 5_000
"""How long a revocation may go unnoticed at another gateway."""
REMEMBER_MAX = 10_000
"""Credentials remembered at once; each is about a kilobyte."""

_Read = Callable[[], Awaitable[Credential | None]]


class Refused(ProblemError):
    """A credential is refused, and whoever showed it has it: `account` is whose it is."""

    def __init__(self, account: str, problem: AnyProblem, **values: object) -> None:
        super().__init__(problem, **values)
        self.account = account


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed request: its account, and SHA-256 of the only body it may have."""

    account: Account
    body: bytes


class Authenticator:
    """Turns credentials into accounts, or raises the problem. Owned by one event loop."""

    def __init__(
        self, vault_key: VaultKey, credentials: CredentialStore, origin: str, clock: Clock
    ) -> None:
        self._subkey = vault_key.derive(Purpose.API_KEYS)
        self._credentials = credentials
        self._origin = origin
        self._clock = clock
        self._known: dict[bytes | str, tuple[int, Credential]] = {}
        self._reading: dict[tuple[bytes | str, int], asyncio.Task[Credential | None]] = {}
        self._changes = 0  # That were made here; a read that began before one is not shared after.

    def digest(self, api_key: str) -> bytes:
        """What is kept of an API key."""
        return digest_api_key(self._subkey, api_key)

    def forget(self, account: str) -> None:
        """What is known of this account has changed. What is being read just now may be what it
        was before: it is the answer of those who wait for it already, and of nobody after them."""
        self._changes += 1
        stale = [name for name, (_, known) in self._known.items() if known.holder.id == account]
        for name in stale:
            del self._known[name]

    async def by_api_key(self, api_key: str) -> Account:
        """The account of an API key."""
        try:
            digest = self.digest(api_key)
        except Malformed as error:
            raise ProblemError(AccountProblem.API_KEY_UNKNOWN) from error
        found = await self._find(digest, lambda: self._credentials.by_api_key(digest))
        return self._admit(found, AccountProblem.API_KEY_UNKNOWN)

    async def by_certificate(self, digest: str) -> Account:
        """The account of a client that has shown the certificate of this SHA-256."""
        found = await self._find(
            digest, lambda: self._credentials.by_account_key(KeyKind.CERTIFICATE, digest)
        )
        return self._admit(found, AccountProblem.CERTIFICATE_NOT_REGISTERED)

    async def by_signature(
        self, authorization: str, method: str, target: str, idempotency_key: str | None
    ) -> Signed:
        """The account of a signed request, and which body it may have."""
        try:
            signed = parse_authorization(authorization)
        except Malformed as error:
            raise ProblemError(AccountProblem.SIGNED_REQUEST_INVALID, why=error) from error
        key = signed.key.text
        found = await self._find(
            key, lambda: self._credentials.by_account_key(KeyKind.SIGNATURE, key)
        )
        if found is None:
            raise ProblemError(AccountProblem.KEY_NOT_REGISTERED)
        # First: everybody may know a public key, and only who has the private key is its account.
        asked = Asked(self._origin, method, target, signed.body, idempotency_key)
        await self._verify(found.holder.id, signed, asked)
        return Signed(self._admit(found, AccountProblem.KEY_NOT_REGISTERED), signed.body)

    async def _verify(self, account: str, signed: RequestSignature, asked: Asked) -> None:
        """The signature holds, is of now, and works this once."""
        now_ms = self._clock()
        if not signed.is_timely(now_ms):
            raise ProblemError(AccountProblem.SIGNED_REQUEST_UNTIMELY, now=now_ms)
        try:
            signed.verify(asked)
        except BadSignature as error:
            raise ProblemError(AccountProblem.SIGNED_REQUEST_INVALID, why=error) from error
        except Sm2Missing as error:
            raise ProblemError(Problem.CANNOT_CHECK) from error
        forget_ms = signed.time_ms + 2 * TIME_TOLERANCE_MS
        try:
            await self._credentials.use_nonce(signed.used, now_ms, forget_ms)
        except NonceUsed as error:
            raise Refused(account, AccountProblem.SIGNED_REQUEST_REPEATED) from error

    def _admit(self, found: Credential | None, unknown: AccountProblem) -> Account:
        if found is None:
            raise ProblemError(unknown)
        if not found.is_live(self._clock()):
            raise Refused(found.holder.id, unknown)
        status = found.holder.status
        if status is not AccountStatus.ACTIVE:
            raise Refused(found.holder.id, AccountProblem.ACCOUNT_NOT_ACTIVE, status=status.en)
        return found.account

    async def _find(self, name: bytes | str, read: _Read) -> Credential | None:
        read_ms, known = self._known.get(name, (0, None))
        # The distance, not the difference: the clock may have been set back by hours.
        if known is not None and abs(self._clock() - read_ms) < REMEMBER_MS:
            return known
        # All who wait meanwhile share one read, and whoever goes away does not end it.
        if (reading := self._reading.get((name, self._changes))) is None:
            reading = asyncio.create_task(self._read(name, read, self._changes))
            self._reading[name, self._changes] = reading
        return await asyncio.shield(reading)

    async def _read(self, name: bytes | str, read: _Read, changes: int) -> Credential | None:
        read_ms = self._clock()
        try:
            found = await read()
        finally:
            del self._reading[name, changes]
        self._known.pop(name, None)
        if found is not None and changes == self._changes:
            if len(self._known) >= REMEMBER_MAX:
                self._known.clear()
            self._known[name] = (read_ms, found)
        return found
