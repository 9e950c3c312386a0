"""Fixtures every test may use."""

from typing import Any

import pytest

from tests.databases import (
    database,
    database_url,
    empty_database_url,
    postgres,
    postgresql_url,
    sqlite_url,
    upgraded_sqlite,
)
from tests.loops import Loop

__all__ = [
    "database",
    "database_url",
    "empty_database_url",
    "postgres",
    "postgresql_url",
    "sqlite_url",
    "upgraded_sqlite",
]


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": Loop}
