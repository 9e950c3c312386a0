"""Fixtures every test may use."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases import (
    KINDS,
    database,
    database_kind,
    database_url,
    devnet_database,
    empty_database,
    postgres,
    postgresql_url,
    sqlite_url,
    upgraded_sqlite,
)
from tests.loops import Loop
from tests.node.gateway.admitted import admitted_database, admitted_postgresql, admitted_sqlite

__all__ = [
    "admitted_database",
    "admitted_postgresql",
    "admitted_sqlite",
    "database",
    "database_kind",
    "database_url",
    "devnet_database",
    "empty_database",
    "postgres",
    "postgresql_url",
    "sqlite_url",
    "upgraded_sqlite",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=KINDS,
        default=KINDS[0],
        help="what the gateways of all tests keep their data in (default: %(default)s)",
    )


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
