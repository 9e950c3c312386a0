"""Which revision of the schema a database has, and how it gets this version's.

Alembic's steps in `migrations` are the only thing that makes or changes a table, and a gateway
works only with the newest of them: what an operator runs is `cunzheng admin database upgrade`. All
steps that are missing are one transaction, in both databases; if it is broken off, nothing was
done. Going back is restoring a backup.

A database that a gateway made before there were revisions has the table `requests` and nothing
else; it is taken for what the first revision makes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from node.errors import Misconfigured
from node.offchain.engine import create_engine, for_reading, told
from node.offchain.schema import metadata

_Result = TypeVar("_Result")

_VERSIONS = "alembic_version"
_FIRST, _BEFORE_REVISIONS = "0001", {"requests"}
_UPGRADE_LOCK = 0x63756E7A68656E67
"""PostgreSQL's advisory lock of whoever upgrades, so that a second one waits; "cunzheng"."""


@dataclass(frozen=True, slots=True)
class SchemaReport:
    """What a database has, what this version needs, and where the tables differ from it."""

    found: str | None
    needed: str
    differences: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        """Whether a gateway of this version works with it."""
        return self.found == self.needed and not self.differences


def newest() -> str:
    """The revision this version works with."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def require_current(connection: Connection) -> None:
    """Raise `Misconfigured` unless the database has this version's schema."""
    found, needed = _found(connection), newest()
    if found == needed:
        return
    if found is None or _is_known(found):
        raise Misconfigured(
            f"database: its schema is {found or 'missing'}, this version works with {needed}; "
            "run `cunzheng admin database upgrade`",
            f"数据库：其结构版本为 {found or '无'}，本版本使用 {needed}；"
            "请执行 cunzheng admin database upgrade",
        )
    raise _newer(found)


async def upgrade(url: str) -> tuple[str | None, str]:
    """Bring a database to the newest revision; says from which to which."""
    # An index over millions of rows takes its time, and so does whoever upgrades already.
    return await _in_transaction(create_engine(url, patient=True), _upgrade)


async def check(url: str) -> SchemaReport:
    """Compare a database with what this version needs, table by table; changes nothing."""
    return await _in_transaction(for_reading(create_engine(url)), _check)


async def _in_transaction(engine: AsyncEngine, work: Callable[[Connection], _Result]) -> _Result:
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    except Exception as error:
        failure = told(error)
        if failure is error:
            raise
    finally:
        await engine.dispose()
    raise failure


def _upgrade(connection: Connection) -> tuple[str | None, str]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
    found, config = _found(connection), _config(connection)
    if found is None and (tables := _tables(connection)):
        if tables != _BEFORE_REVISIONS:
            raise Misconfigured(
                "database: it holds tables that are not a gateway's",
                "数据库：其中有不属于接入网关的表",
            )
        command.stamp(config, _FIRST)
    elif found is not None and not _is_known(found):
        raise _newer(found)
    command.upgrade(config, "head")
    return found, newest()


def _check(connection: Connection) -> SchemaReport:
    context = MigrationContext.configure(connection)
    differences = compare_metadata(context, metadata) if _tables(connection) else []
    described = tuple(_describe(each) for each in differences)
    return SchemaReport(_found(connection), newest(), described)


def _found(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {_VERSIONS}


def _is_known(revision: str) -> bool:
    script = ScriptDirectory.from_config(_config())
    return revision in (each.revision for each in script.walk_revisions())


def _newer(found: str) -> Misconfigured:
    return Misconfigured(
        f"database: its schema {found} is of a newer version of this program",
        f"数据库：其结构版本 {found} 属于本程序的更新版本",
    )


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "node.offchain:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _describe(difference: object) -> str:
    """One of Alembic's differences: ("add_column", ...), or a list of such about one column."""
    if isinstance(difference, list):
        return "; ".join(_describe(each) for each in difference)
    assert isinstance(difference, tuple)
    kind, *about = difference
    names = [getattr(each, "name", each) for each in about]
    return " ".join(str(each) for each in (kind, *names) if isinstance(each, str))
