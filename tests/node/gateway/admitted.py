"""Who has an account at the gateways of the tests, and the keys they come with."""

import asyncio
import shutil
from pathlib import Path

import pytest

from devnet.accounts import admit
from node.accounts.vocabulary import Role
from node.offchain.accounts import AccountStore
from node.offchain.database import Database
from node.vault.finding import Finder
from node.vault.keys import VaultKey
from node.vault.sealing import Vault

API_KEY = "czk_" + "5a" * 32
AUDITOR_KEY = "czk_" + "a5" * 32
JUDGE_KEY = "czk_" + "1d" * 32
RIVAL_KEY = "czk_" + "b6" * 32
CLERK_KEY = "czk_" + "c7" * 32
COURT = "浙0192"
VAULT_KEY = VaultKey(b"\x76" * 32)
START_MS = 1_790_000_000_000


async def admit_all(database: Database) -> None:
    """The depositors `acme` and `rival`, the auditor `office`, a clerk at a court, and a judge."""
    for account, key, role in (
        ("acme", API_KEY, Role.DEPOSITOR),
        ("rival", RIVAL_KEY, Role.DEPOSITOR),
        ("office", AUDITOR_KEY, Role.AUDITOR),
        ("clerk", CLERK_KEY, Role.CLERK),
        ("judge", JUDGE_KEY, Role.JUDGE),
    ):
        await admit(database, VAULT_KEY, account, key, [role], START_MS)
    accounts = AccountStore(database, Vault(VAULT_KEY), Finder(VAULT_KEY))
    await accounts.grant("clerk", Role.CLERK, COURT, START_MS)


@pytest.fixture(scope="session")
def admitted_sqlite(upgraded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file in which those whom the tests play have their accounts, to copy."""
    path = tmp_path_factory.mktemp("admitted") / "gateway.db"
    shutil.copy(upgraded_sqlite, path)

    async def let_in() -> None:
        async with Database(f"sqlite+aiosqlite:///{path}") as database:
            await admit_all(database)

    asyncio.run(let_in())
    return path
