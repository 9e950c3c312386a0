"""The steps of Alembic and the tables the code works with are the same schema."""

import pytest
from sqlalchemy import Connection

from node.offchain import revisions
from node.offchain.database import Database

pytestmark = pytest.mark.anyio


async def test_the_steps_make_the_tables_the_code_works_with(empty_database_url: str) -> None:
    """If this fails after a table was changed: a step in `migrations` is missing."""
    assert await revisions.upgrade(empty_database_url) == (None, revisions.newest())
    report = await revisions.check(empty_database_url)
    assert report.differences == ()
    assert report.is_current


async def test_an_upgraded_database_is_opened(database: Database) -> None:
    def count(connection: Connection) -> int:
        return int(connection.exec_driver_sql("select count(*) from requests").scalar_one())

    assert await database.read(count) == 0
