"""A devnet to which anything can be done, and the question whether it held."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from devnet.cluster import POLL_S, Cluster
from devnet.history import Findings, History, examine

DEADLINE_S = 60.0

Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
AssertHeld = Callable[[Cluster, History], Awaitable[None]]


@pytest.fixture
async def troubled(tmp_path: Path, devnet_database: str) -> AsyncIterator[Cluster]:
    """Three members and two gateways with a network that can be cut."""
    directory = tmp_path / "devnet"
    async with Cluster(directory, 3, 2, database=devnet_database, bad_network=True) as running:
        yield running


@pytest.fixture
def until(anyio_backend: str) -> Until:
    """Waits for what only shows from outside."""

    async def wait(condition: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not await condition():
            assert time.monotonic() < deadline, "it did not come to that"
            await asyncio.sleep(POLL_S)

    return wait


@pytest.fixture
def assert_held(anyio_backend: str) -> AssertHeld:
    """Nothing that was acknowledged is lost on any member, nothing is there twice, and one moment
    explains every answer."""

    async def examined(cluster: Cluster, history: History) -> None:
        assert await examine(cluster, history) == Findings(len(history.deposits))
        assert {look.entry_hash is None for look in history.looks} == {True, False}

    return examined
