"""The databases tests run on: SQLite in a file of the test's own, and a real PostgreSQL.

PostgreSQL is started once a session, without syncing anything. Every test has a database of its
own, copied from one that was upgraded once.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from devnet.postgresql import Postgres, find_binaries, running
from node.offchain import revisions
from node.offchain.database import Database

_UPGRADED = "upgraded"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL; skips where there is none."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed here")
    with running(binaries, syncs=False) as server:
        name = server.create()
        asyncio.run(revisions.upgrade(server.url(name)))
        server.rename(name, _UPGRADED)
        yield server


@pytest.fixture(scope="session")
def upgraded_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the newest schema, to copy."""
    path = tmp_path_factory.mktemp("upgraded") / "gateway.db"
    asyncio.run(revisions.upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, upgraded_sqlite: Path) -> str:
    """An SQLite file of the test's own, alone in its directory, with the newest schema."""
    directory = tmp_path / "sqlite"
    directory.mkdir()
    shutil.copy(upgraded_sqlite, directory / "gateway.db")
    return f"sqlite+aiosqlite:///{directory}/gateway.db"


@pytest.fixture
def postgresql_url(postgres: Postgres) -> Iterator[str]:
    """A database of the test's own in a PostgreSQL, with the newest schema."""
    name = postgres.create(_UPGRADED)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(params=["sqlite_url", "postgresql_url"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Either of them: the test runs once on each."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/empty.db"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        name = server.create()
        yield server.url(name)
        server.drop(name)


@pytest.fixture
async def database(anyio_backend: str, database_url: str) -> AsyncIterator[Database]:
    """That database, opened."""
    async with Database(database_url) as database:
        yield database
