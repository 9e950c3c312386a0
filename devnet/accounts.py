"""Accounts of a devnet, let in as an operator would: opened, verified, with roles, consent and key.

Nobody was verified: identity and proof are made up, as everything in a devnet is.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from node.accounts.api_key import SIZE, digest_api_key, format_api_key
from node.accounts.consent import IN_FORCE
from node.accounts.identity import Identity
from node.accounts.scopes import allowed
from node.accounts.vocabulary import IdType, ProofMethod, Role, SubmitterType
from node.config import load_gateway
from node.keyfile import load_vault_key
from node.offchain import revisions
from node.offchain.accounts import AccountStore, IdentityProof
from node.offchain.credentials import CredentialStore
from node.offchain.database import Database
from node.vault.finding import Finder
from node.vault.keys import Purpose, VaultKey
from node.vault.sealing import Vault

IDENTITY = Identity("示例平台有限公司", IdType.USCC, "91990000MADE0NETX0")
PROVIDER = "devnet"


def new_api_key() -> str:
    """A fresh API key."""
    return format_api_key(secrets.token_bytes(SIZE))


async def admit(
    database: Database,
    vault_key: VaultKey,
    account: str,
    api_key: str,
    roles: Iterable[Role],
    now_ms: int,
) -> None:
    """A verified account with these roles, whose key may do all that they allow."""
    accounts = AccountStore(database, Vault(vault_key), Finder(vault_key))
    await accounts.open(account, SubmitterType.LEGAL_PERSON, now_ms)
    proof = IdentityProof(ProofMethod.DOCUMENT_COMPARISON, PROVIDER, now_ms, passed=True)
    await accounts.identify(account, IDENTITY, proof)
    for role in (held := tuple(roles)):
        await accounts.grant(account, role, None, now_ms)
    await accounts.agree(account, IN_FORCE, now_ms)
    digest = digest_api_key(vault_key.derive(Purpose.API_KEYS), api_key)
    await CredentialStore(database).add_api_key(account, digest, allowed(held), now_ms)


async def admit_at(
    settings: Path, account: str, api_key: str, roles: Iterable[Role], now_ms: int
) -> None:
    """The same at the gateway with these settings, whose database may not have been made yet."""
    config = load_gateway(settings)
    await revisions.upgrade(config.database)
    async with Database(config.database) as database:
        await admit(database, load_vault_key(config.vault_key), account, api_key, roles, now_ms)
