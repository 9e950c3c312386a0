"""A rolling restart of everything: no request at a gateway that stays fails, and nothing retries.

The records of it are the members' own: each says when it was stopped and when it was back.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from devnet.cluster import Cluster

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CLIENTS = 4
PATIENCE_S = 20.0
PAUSE_S = 0.2


@pytest.fixture
async def cluster(tmp_path: Path, devnet_database: str) -> AsyncIterator[Cluster]:
    async with Cluster(tmp_path / "devnet", 3, 2, database=devnet_database) as running:
        yield running


class Depositors:
    """Clients of one gateway, each one deposit after the other, none of them twice."""

    def __init__(self, url: str, api_key: str, name: str) -> None:
        self.answered: list[dict[str, Any]] = []
        self.failed: list[str] = []
        self._name = name
        self._stop = False
        self._http = httpx.AsyncClient(
            base_url=url, headers={"authorization": f"Bearer {api_key}"}, timeout=PATIENCE_S
        )

    async def deposit(self, client: int) -> None:
        number = 0
        while not self._stop:
            number += 1
            name = f"{self._name}-{client}-{number}"
            digest = hashlib.sha256(name.encode()).hexdigest()
            response = await self._http.post(
                "/v1/anchors?wait_ms=15000",
                json={"digests": {"sha256": digest}, "size": 1},
                headers={"idempotency-key": name},
            )
            answer = response.json()
            if response.status_code in (200, 201) and answer["state"] == "FINAL":
                self.answered.append(answer)
            else:
                self.failed.append(f"{response.status_code} {response.text}")
            await asyncio.sleep(PAUSE_S)

    def more(self, count: int) -> Callable[[], Awaitable[bool]]:
        """Whether so many more than now are answered."""
        enough = len(self.answered) + count

        async def is_answered() -> bool:
            return len(self.answered) >= enough or bool(self.failed)

        return is_answered

    async def __aenter__(self) -> "Depositors":
        self._tasks = [asyncio.create_task(self.deposit(each)) for each in range(CLIENTS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop = True
        await asyncio.gather(*self._tasks)
        await self._http.aclose()


async def test_restarting_everything_fails_no_request(cluster: Cluster, until: Any) -> None:
    first, second = cluster.gateways
    begun_ms = time.time_ns() // 1_000_000
    async with Depositors(cluster.gateway_url(0), cluster.api_key, "first") as stays:
        for name in (second, *cluster.members):
            await cluster.restart(name)
            await until(stays.more(CLIENTS))
    async with Depositors(cluster.gateway_url(1), cluster.api_key, "second") as others:
        await cluster.restart(first)
        await until(others.more(CLIENTS))
    assert stays.failed == others.failed == []
    numbers = [each["evidence_no"] for each in (*stays.answered, *others.answered)]
    assert len(set(numbers)) == len(numbers)
    await _check_health(cluster, begun_ms)
    await _check_window(cluster, numbers[-1])
    _check_logs(cluster)


async def _get(cluster: Cluster, path: str, **params: Any) -> Any:
    headers = {"authorization": f"Bearer {cluster.api_key}"}
    async with httpx.AsyncClient(base_url=cluster.gateway_url(0), headers=headers) as http:
        response = await http.get(path, params=params, timeout=PATIENCE_S)
    assert response.status_code == 200, response.text
    return response.json()


async def _check_health(cluster: Cluster, begun_ms: int) -> None:
    """Each member wrote that it started, stopped and started, on the chain, and the gap shows."""
    expected = ["start", "stop", "start"]
    while True:
        now_ms = time.time_ns() // 1_000_000
        found = await _get(
            cluster, "/v1/health/window", **{"from": begun_ms - 60_000, "to": now_ms}
        )
        kinds = {
            member: [
                each["kind"]
                for each in found["records"]
                if each["member"] == member and each["state"] == "FINAL"
            ]
            for member in cluster.members
        }
        if all(each == expected for each in kinds.values()):
            break
        await asyncio.sleep(0.2)
    assert found["breaks"] == []


async def _check_window(cluster: Cluster, number: str) -> None:
    found = await _get(cluster, f"/v1/evidence/{number}/health-window")
    assert found["impact"] in ("NONE", "NOT_YET_KNOWN")
    assert {each["member"] for each in found["records"]} == set(cluster.members)


def _check_logs(cluster: Cluster) -> None:
    """Processes that are not on a terminal write one JSON object a line."""
    for name in (*cluster.members, *cluster.gateways):
        lines = cluster.places.log(name).read_text("utf-8").splitlines()
        objects = [json.loads(line) for line in lines if line.startswith("{")]
        assert all({"time", "level", "logger", "event"} <= each.keys() for each in objects)
        assert [line for line in lines if not line.startswith("{")] == ["Stopped."]
    requests = [each for each in objects if each["event"] == "request"]
    assert {"request_id", "method", "route", "status", "ms"} <= requests[-1].keys()
