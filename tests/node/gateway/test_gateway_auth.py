"""How credentials are remembered: one read for many requests, and nothing stale for long."""

import asyncio
from typing import Any

import pytest

from devnet.accounts import admit
from node.accounts.account import Credential
from node.accounts.vocabulary import Role
from node.gateway.accounts import auth
from node.gateway.accounts.auth import REMEMBER_MS, Authenticator
from node.gateway.http.problems import ProblemError
from node.offchain.credentials import CredentialStore
from node.offchain.database import Database
from node.vault.keys import VaultKey

pytestmark = pytest.mark.anyio

KEY, OTHER = ("czk_" + digits * 32 for digits in ("5a", "a5"))
VAULT_KEY = VaultKey(b"\x76" * 32)
ORIGIN = "cunzheng.test/devnet"


class CountingStore(CredentialStore):
    """Counts reads, and holds them up while `gate` is closed."""

    reads = 0

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.has_read, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def by_api_key(self, digest: bytes) -> Credential | None:
        self.reads += 1
        found = await super().by_api_key(digest)
        self.has_read.set()
        await self.gate.wait()
        return found


@pytest.fixture
async def store(database: Database, clock: Any) -> CountingStore:
    await admit(database, VAULT_KEY, "acme", KEY, [Role.DEPOSITOR], clock.now)
    return CountingStore(database)


@pytest.fixture
def authenticator(store: CountingStore, clock: Any) -> Authenticator:
    return Authenticator(VAULT_KEY, store, ORIGIN, clock)


async def test_many_requests_cost_one_read(
    store: CountingStore, authenticator: Authenticator, clock: Any
) -> None:
    for _ in range(1_000):
        assert (await authenticator.by_api_key(KEY)).id == "acme"
    assert store.reads == 1
    clock.now += REMEMBER_MS - 1
    await authenticator.by_api_key(KEY)
    assert store.reads == 1
    clock.now += 1
    await authenticator.by_api_key(KEY)
    assert store.reads == 2


async def test_who_asks_at_once_shares_one_read(
    store: CountingStore, authenticator: Authenticator
) -> None:
    store.gate.clear()
    asking = [asyncio.create_task(authenticator.by_api_key(KEY)) for _ in range(50)]
    await store.has_read.wait()
    asking[0].cancel()  # Whoever goes away leaves the others their answer.
    store.gate.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert store.reads == 1
    assert isinstance(results[0], asyncio.CancelledError)
    assert [each.id for each in results[1:]] == ["acme"] * 49  # type: ignore[union-attr]


async def test_a_clock_set_back_does_not_keep_what_is_stale(
    store: CountingStore, authenticator: Authenticator, clock: Any
) -> None:
    await authenticator.by_api_key(KEY)
    clock.now -= 3_600_000
    await authenticator.by_api_key(KEY)
    assert store.reads == 2


async def test_what_is_not_known_is_asked_each_time(
    store: CountingStore, authenticator: Authenticator, clock: Any, database: Database
) -> None:
    """A new key works at once."""
    for _ in range(2):
        with pytest.raises(ProblemError):
            await authenticator.by_api_key(OTHER)
    assert store.reads == 2
    await admit(database, VAULT_KEY, "other", OTHER, [Role.VERIFIER], clock.now)
    assert (await authenticator.by_api_key(OTHER)).id == "other"


async def test_a_change_counts_even_against_what_is_being_read(
    store: CountingStore, authenticator: Authenticator, clock: Any
) -> None:
    """A read that began before a revocation and ended after it is not remembered."""
    store.gate.clear()
    asking = asyncio.create_task(authenticator.by_api_key(KEY))
    await store.has_read.wait()
    (key,) = await store.api_keys("acme")
    await store.revoke_api_key("acme", key.id, clock.now)
    authenticator.forget("acme")
    store.has_read.clear()
    asking_after = asyncio.create_task(authenticator.by_api_key(KEY))
    await store.has_read.wait()  # It does not share the read that was there.
    store.gate.set()
    await asking
    with pytest.raises(ProblemError):
        await asking_after
    with pytest.raises(ProblemError):
        await authenticator.by_api_key(KEY)


async def test_what_is_remembered_is_bounded(
    authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch, database: Database, clock: Any
) -> None:
    monkeypatch.setattr(auth, "REMEMBER_MAX", 3)
    for number in range(8):
        key = f"czk_{number:064x}"
        await admit(database, VAULT_KEY, f"a{number}", key, [Role.VERIFIER], clock.now)
        await authenticator.by_api_key(key)
        assert len(authenticator._known) <= 3


async def test_another_vault_key_knows_nobody(store: CountingStore, clock: Any) -> None:
    other = Authenticator(VaultKey(b"\x01" * 32), store, ORIGIN, clock)
    with pytest.raises(ProblemError):
        await other.by_api_key(KEY)
