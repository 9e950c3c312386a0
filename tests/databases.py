"""The databases tests run on: SQLite in a file of the test's own, and a real PostgreSQL.

PostgreSQL is started once a session, on a Unix socket in a directory of its own, without syncing
anything. It refuses to be root, so where the tests are it runs as `nobody`. Every test has a
database of its own, copied from one that was upgraded once.
"""

import asyncio
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.offchain import revisions
from node.offchain.database import Database

UNPRIVILEGED = "nobody"
_UPGRADED = "upgraded"


def _binaries() -> Path | None:
    """Where PostgreSQL's own programs are; distributions keep all but `psql` out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: each.parts[4])
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Postgres:
    """One PostgreSQL, trusting whoever reaches its socket."""

    def __init__(self, binaries: Path, directory: Path) -> None:
        self._binaries = binaries
        self._directory = directory
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self._numbers = itertools.count()
        if self._user is not None:
            shutil.chown(directory, self._user)

    def start(self) -> None:
        data = self._directory / "data"
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", data)
        options = f"-c listen_addresses= -c fsync=off -k {self._directory}"
        log = self._directory / "log"
        self._run("pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._directory / "data", "-m", "immediate", "-w", "stop")

    def create(self, template: str = "template0") -> str:
        """The name of a new database."""
        name = f"test{next(self._numbers)}"
        self._run("createdb", *self._socket, "-T", template, name)
        return name

    def drop(self, name: str) -> None:
        self._run("dropdb", *self._socket, "--force", name)

    def rename(self, name: str, to: str) -> None:
        self._run("psql", *self._socket, "-q", "-c", f"alter database {name} rename to {to}")

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://postgres@/{name}?host={self._directory}"

    @property
    def _socket(self) -> tuple[str, ...]:
        return ("-h", str(self._directory), "-U", "postgres")

    def _run(self, program: str, *arguments: Any) -> None:
        subprocess.run(
            [self._binaries / program, *arguments],
            cwd=self._directory,
            user=self._user,
            check=True,
            stdout=subprocess.DEVNULL,
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL; skips where there is none."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed here")
    directory = Path(tempfile.mkdtemp(prefix="cunzheng-postgres-"))
    server = Postgres(binaries, directory)
    try:
        server.start()
        name = server.create()
        asyncio.run(revisions.upgrade(server.url(name)))
        server.rename(name, _UPGRADED)
        yield server
        server.stop()
    finally:
        shutil.rmtree(directory)


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
