"""Gateways restart behind a proxy that does no more than ask /readyz: no client notices, nothing is
sent twice."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from devnet.cluster import Cluster

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CLIENTS = 4
DRAIN_S = 2
ASK_EVERY_S = 0.2
PAUSE_S = 0.2
PATIENCE_S = 20.0


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """Its gateways drain for longer than the proxy lets pass between two questions."""
    made = Cluster(tmp_path / "devnet", 3, 2)
    for name in made.gateways:
        settings = made.places.settings(name)
        settings.write_text(f"drain_s = {DRAIN_S}\n{settings.read_text()}")
    async with made as running:
        yield running


class Proxy:
    """Sends each request to a gateway that said it was ready when it was last asked."""

    def __init__(self, cluster: Cluster) -> None:
        headers = {"authorization": f"Bearer {cluster.api_key}"}
        self._gateways = [
            httpx.AsyncClient(
                base_url=cluster.gateway_url(number), headers=headers, timeout=PATIENCE_S
            )
            for number in range(len(cluster.gateways))
        ]
        self._ready: list[httpx.AsyncClient] = []
        self.answered: list[str] = []
        self.failed: list[str] = []
        self._stop = False

    async def ask(self) -> None:
        """Who is ready, again and again."""
        while not self._stop:
            answers = await asyncio.gather(
                *(each.get("/readyz") for each in self._gateways), return_exceptions=True
            )
            self._ready = [
                gateway
                for gateway, answer in zip(self._gateways, answers, strict=True)
                if isinstance(answer, httpx.Response) and answer.status_code == 200
            ]
            await asyncio.sleep(ASK_EVERY_S)

    async def deposit(self, client: int) -> None:
        """One after the other, each sent once."""
        number = 0
        while not self._stop:
            if not self._ready:
                await asyncio.sleep(ASK_EVERY_S)
                continue
            number += 1
            name = f"{client}-{number}"
            digest = hashlib.sha256(name.encode()).hexdigest()
            try:
                response = await self._ready[number % len(self._ready)].post(
                    "/v1/anchors?wait_ms=15000",
                    json={"digests": {"sha256": digest}, "size": 1},
                    headers={"idempotency-key": name},
                )
                assert response.status_code == 201, response.text
                self.answered.append(response.json()["evidence_no"])
            except (AssertionError, httpx.HTTPError) as error:
                self.failed.append(f"{name}: {error!r}")
            await asyncio.sleep(PAUSE_S)

    async def has(self, count: int) -> bool:
        """Whether so many are answered, or one failed."""
        return len(self.answered) >= count or bool(self.failed)

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.ask())
            for client in range(CLIENTS):
                group.create_task(self.deposit(client))
            try:
                yield
            finally:
                self._stop = True
        for each in self._gateways:
            await each.aclose()


async def test_no_request_is_lost_to_a_gateway_that_stops(cluster: Cluster, until: Any) -> None:
    proxy = Proxy(cluster)
    async with proxy.working():
        for name in cluster.gateways:
            await cluster.restart(name)
            enough = len(proxy.answered) + 2 * CLIENTS
            await until(partial(proxy.has, enough))
    assert proxy.failed == []
    assert len(set(proxy.answered)) == len(proxy.answered)
