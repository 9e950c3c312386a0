"""Credentials as they are kept: found by their digests, bounded, ended and never used twice."""

import asyncio

import pytest

from node.accounts.scopes import Scope
from node.accounts.vocabulary import KeyKind, Role, SubmitterType
from node.offchain.accounts import AccountStore, NoSuchAccount
from node.offchain.credentials import (
    LIVE_MAX,
    CredentialStore,
    KeyKnown,
    NonceUsed,
    TooMany,
)
from node.offchain.database import Database
from node.vault.finding import Finder
from node.vault.keys import VaultKey
from node.vault.sealing import Vault

pytestmark = pytest.mark.anyio

NOW = 1_790_000_000_000
SCOPES = frozenset({Scope.DEPOSIT, Scope.READ})
KEY = "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="


def digest(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.fixture
async def store(database: Database) -> CredentialStore:
    vault_key = VaultKey(bytes(range(32)))
    accounts = AccountStore(database, Vault(vault_key), Finder(vault_key))
    for name in ("acme", "other"):
        await accounts.open(name, SubmitterType.LEGAL_PERSON, NOW)
        await accounts.grant(name, Role.DEPOSITOR, None, NOW)
    return CredentialStore(database)


async def test_a_key_opens_its_account_and_no_other(store: CredentialStore) -> None:
    key = await store.add_api_key("acme", digest(1), SCOPES, NOW, NOW + 10)
    found = await store.by_api_key(digest(1))
    assert found is not None
    assert (found.id, found.holder.id, found.scopes) == (key.id, "acme", SCOPES)
    assert found.is_live(NOW + 9)
    assert not found.is_live(NOW + 10)
    assert found.account.scopes == SCOPES
    assert await store.by_api_key(digest(2)) is None
    assert await store.api_keys("acme") == [key]
    assert await store.api_keys("other") == []


async def test_scopes_are_no_more_than_the_roles_allow(store: CredentialStore) -> None:
    await store.add_api_key("acme", digest(1), {Scope.AUDIT, Scope.READ}, NOW)
    found = await store.by_api_key(digest(1))
    assert found is not None
    assert found.account.scopes == {Scope.READ}


async def test_a_revoked_key_ends_at_its_time_and_only_once(store: CredentialStore) -> None:
    key = await store.add_api_key("acme", digest(1), SCOPES, NOW)
    assert not await store.revoke_api_key("other", key.id, NOW + 1)
    assert await store.revoke_api_key("acme", key.id, NOW + 2)
    assert await store.revoke_api_key("acme", key.id, NOW + 3)
    found = await store.by_api_key(digest(1))
    assert found is not None
    assert found.revoked_ms == NOW + 2
    assert not found.is_live(NOW + 2)


async def test_rotation_leaves_the_old_key_for_a_while(store: CredentialStore) -> None:
    old = await store.add_api_key("acme", digest(1), SCOPES, NOW, NOW + 1_000)
    new = await store.rotate("acme", old.id, digest(2), NOW + 100, NOW + 200)
    assert new is not None
    assert (new.scopes, new.created_ms, new.expires_ms) == (SCOPES, NOW + 100, NOW + 1_100)
    assert [each.expires_ms for each in await store.api_keys("acme")] == [NOW + 200, NOW + 1_100]
    again = await store.rotate("acme", old.id, digest(3), NOW + 150, NOW + 900)
    assert again is not None
    assert (await store.api_keys("acme"))[0].expires_ms == NOW + 200


async def test_only_a_live_key_of_the_account_is_rotated(store: CredentialStore) -> None:
    old = await store.add_api_key("acme", digest(1), SCOPES, NOW, NOW + 10)
    assert await store.rotate("other", old.id, digest(2), NOW, NOW) is None
    assert await store.rotate("acme", old.id, digest(2), NOW + 10, NOW + 10) is None
    endless = await store.add_api_key("acme", digest(3), SCOPES, NOW)
    rotated = await store.rotate("acme", endless.id, digest(4), NOW + 1, NOW + 1)
    assert rotated is not None
    assert rotated.expires_ms is None


async def test_an_account_has_a_bounded_number_of_live_keys(store: CredentialStore) -> None:
    made = [await store.add_api_key("acme", digest(n), SCOPES, NOW) for n in range(LIVE_MAX)]
    with pytest.raises(TooMany):
        await store.add_api_key("acme", digest(99), SCOPES, NOW)
    await store.add_api_key("other", digest(98), SCOPES, NOW)
    for at, key in enumerate(made):
        await store.rotate("acme", key.id, digest(100 + at), NOW, NOW + 50)
    with pytest.raises(TooMany):
        await store.rotate("acme", made[0].id, digest(99), NOW, NOW + 50)
    for key in await store.api_keys("acme"):
        await store.revoke_api_key("acme", key.id, NOW + 1)
    await store.add_api_key("acme", digest(99), SCOPES, NOW + 1)


async def test_a_key_of_ones_own_is_registered_once_for_ever(store: CredentialStore) -> None:
    key = await store.add_account_key("acme", KeyKind.SIGNATURE, KEY, SCOPES, NOW)
    for account in ("acme", "other"):
        with pytest.raises(KeyKnown):
            await store.add_account_key(account, KeyKind.SIGNATURE, KEY, SCOPES, NOW)
    found = await store.by_account_key(KeyKind.SIGNATURE, KEY)
    assert found is not None
    assert (found.holder.id, found.scopes, found.is_live(NOW)) == ("acme", SCOPES, True)
    assert await store.by_account_key(KeyKind.CERTIFICATE, KEY) is None
    assert await store.revoke_account_key("acme", key.id, NOW + 1)
    assert not await store.revoke_account_key("other", key.id, NOW + 1)
    found = await store.by_account_key(KeyKind.SIGNATURE, KEY)
    assert found is not None
    assert not found.is_live(NOW + 1)
    with pytest.raises(KeyKnown):
        await store.add_account_key("acme", KeyKind.SIGNATURE, KEY, SCOPES, NOW + 2)


async def test_no_credential_without_an_account(store: CredentialStore) -> None:
    with pytest.raises(NoSuchAccount):
        await store.add_api_key("nobody", digest(1), SCOPES, NOW)
    with pytest.raises(NoSuchAccount):
        await store.add_account_key("nobody", KeyKind.SIGNATURE, KEY, SCOPES, NOW)


async def test_a_nonce_is_used_once_until_it_may_be_forgotten(store: CredentialStore) -> None:
    await store.use_nonce(digest(1), NOW, NOW + 10)
    with pytest.raises(NonceUsed):
        await store.use_nonce(digest(1), NOW + 10, NOW + 20)
    await store.use_nonce(digest(1), NOW + 11, NOW + 20)


async def test_of_requests_with_one_nonce_at_once_one_works(store: CredentialStore) -> None:
    results = await asyncio.gather(
        *(store.use_nonce(digest(1), NOW, NOW + 10) for _ in range(10)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in results) == ["NonceUsed"] * 9 + ["NoneType"]
