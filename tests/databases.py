"""The databases tests run on: SQLite in a file of the test's own, and a real PostgreSQL.

PostgreSQL is started once a session, without syncing anything. Every test has a database of its
own, copied from one that was upgraded once.

Stores are tested on both (`database_url`). Gateways are tested on SQLite, those of tests that are
marked `ON_BOTH` on both, and with `--database postgresql` all of them on PostgreSQL.
"""

import asyncio
import contextlib
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from devnet.places import OWN_FILE
from devnet.postgresql import Postgres, find_binaries, running
from node.offchain import revisions
from node.offchain.database import Database

KINDS = ("sqlite", "postgresql")
ON_BOTH = pytest.mark.parametrize("database_kind", KINDS)
"""For what a platform relies on most: the gateway of the test is on SQLite, and once more on
PostgreSQL, whatever `--database` says."""

UPGRADED = "upgraded"


def make_template(
    server: Postgres, name: str, of: str, fill: Callable[[str], Coroutine[Any, Any, object]]
) -> None:
    """A database with this name, filled once, from which others are copied."""
    made = server.create(of)
    asyncio.run(fill(server.url(made)))
    server.rename(made, name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL; skips where there is none."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed here")
    with running(binaries, syncs=False) as server:
        make_template(server, UPGRADED, "template0", revisions.upgrade)
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
    name = postgres.create(UPGRADED)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """What the gateways of the test keep their data in."""
    kind: str = request.config.getoption("--database")
    return kind


@pytest.fixture
def empty_database(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """A database of that kind, without any table."""
    if database_kind == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/empty.db"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        name = server.create()
        yield server.url(name)
        server.drop(name)


@pytest.fixture
def devnet_database(database_kind: str, request: pytest.FixtureRequest) -> str:
    """What the gateways of a devnet share: its own SQLite file, or an empty PostgreSQL."""
    if database_kind == "sqlite":
        return OWN_FILE
    url: str = request.getfixturevalue("empty_database")
    return url


def count_rows(url: str, table: str) -> int:
    """How many rows a table has, by other means than the gateway's."""
    query = f"select count(*) from {table}"  # noqa: S608 - a test's own word.
    kind, _, place = url.partition("+")
    if kind == "sqlite":
        with contextlib.closing(sqlite3.connect(place.partition(":///")[2])) as connection:
            return int(connection.execute(query).fetchone()[0])
    server = f"{kind}:{place.partition(':')[2]}"
    asked = subprocess.run(
        ["psql", server, "-Atc", query], check=True, capture_output=True, text=True
    )
    return int(asked.stdout)


@pytest.fixture(params=["sqlite_url", "postgresql_url"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Either of them: the test runs once on each."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
async def database(anyio_backend: str, database_url: str) -> AsyncIterator[Database]:
    """That database, opened."""
    async with Database(database_url) as database:
        yield database
