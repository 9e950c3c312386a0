"""Fixtures every test may use."""

import logging
from collections.abc import Iterator
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


@pytest.fixture(autouse=True)
def log_of_this_process() -> Iterator[None]:
    """Commands that run in the tests' own process set up its log; the next test has the old one."""
    level = logging.root.level
    yield
    logging.root.setLevel(level)
    for handler in logging.root.handlers[:]:
        if type(handler) is logging.StreamHandler:  # pytest's own are of other classes
            logging.root.removeHandler(handler)
