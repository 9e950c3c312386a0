"""Who has an account at the gateways of the tests, and the keys they come with."""

import asyncio
import contextlib
import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devnet.accounts import admit
from devnet.postgresql import Postgres
from node.accounts.vocabulary import Role
from node.offchain.accounts import AccountStore
from node.offchain.database import Database
from node.vault.finding import Finder
from node.vault.keys import VaultKey
from node.vault.sealing import Vault
from tests.databases import UPGRADED, make_template

API_KEY = "czk_" + "5a" * 32
AUDITOR_KEY = "czk_" + "a5" * 32
JUDGE_KEY = "czk_" + "1d" * 32
RIVAL_KEY = "czk_" + "b6" * 32
CLERK_KEY = "czk_" + "c7" * 32
COURT = "浙0192"
VAULT_KEY = VaultKey(b"\x76" * 32)
START_MS = 1_790_000_000_000

_ADMITTED = "admitted"


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


async def _let_in(url: str) -> None:
    async with Database(url) as database:
        await admit_all(database)


@pytest.fixture(scope="session")
def admitted_sqlite(upgraded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file in which those whom the tests play have their accounts, to copy."""
    path = tmp_path_factory.mktemp("admitted") / "gateway.db"
    shutil.copy(upgraded_sqlite, path)
    asyncio.run(_let_in(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def admitted_postgresql(postgres: Postgres) -> Postgres:
    """A PostgreSQL with a database like that, to copy."""
    make_template(postgres, _ADMITTED, UPGRADED, _let_in)
    return postgres


AdmittedDatabase = Callable[[str], str]


@pytest.fixture
def admitted_database(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[AdmittedDatabase]:
    """The URL of this test's database of a name; made when it is first asked for."""
    template = request.getfixturevalue(f"admitted_{database_kind}")
    with contextlib.ExitStack() as dropping:

        @functools.cache
        def find(name: str) -> str:
            if isinstance(template, Path):
                shutil.copy(template, tmp_path / f"{name}.db")
                return f"sqlite+aiosqlite:///{tmp_path / name}.db"
            made = template.create(_ADMITTED)
            dropping.callback(template.drop, made)
            return str(template.url(made))

        yield find
