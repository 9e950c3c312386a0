"""Metrics of gateways and members: they count what happens, and the dashboard names no others."""

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from devnet.ceremony import free_ports

pytestmark = pytest.mark.anyio

DASHBOARD = Path(__file__).parents[3] / "docs" / "grafana.json"
SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}


def names(families: Iterable[Metric]) -> set[str]:
    return {each.name + suffix for each in families for suffix in SUFFIXES[each.type]}


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


async def scraped(port: int) -> list[Metric]:
    """What a member tells Prometheus, once it listens."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
            continue
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: member\r\n\r\n")
        body = (await reader.read()).partition(b"\r\n\r\n")[2]
        writer.close()
        return list(text_string_to_metric_families(body.decode()))


async def test_the_dashboard_names_metrics_that_exist(house: Any, gateway: Any) -> None:
    (port,) = free_ports(1)
    house.configs["court"] = replace(house.configs["court"], metrics=f"127.0.0.1:{port}")
    house.start()
    await house.leader()
    families = await scraped(port)
    samples = {
        (s.name, *sorted(s.labels.values())): s.value for each in families for s in each.samples
    }
    assert samples["cunzheng_raft_role", "leader"] == 1
    assert samples["cunzheng_raft_role", "follower"] == 0
    assert samples["cunzheng_grpc_calls_total", "Status", "ok"] >= 1
    assert samples["cunzheng_journal_writes_total",] >= 1
    assert samples["cunzheng_disk_free_bytes",] > 0
    exist = names(families) | names(gateway.metrics.registry.collect())
    dashboard = DASHBOARD.read_text()
    panels = json.loads(dashboard)["panels"]
    used = {
        name
        for panel in panels
        for target in panel["targets"]
        for name in re.findall(r"cunzheng_[a-z_]+", target["expr"])
    }
    assert used <= exist
    # And whoever adds a metric shows it; of a histogram the buckets are enough.
    assert {
        name for name in exist if not name.endswith(("_sum", "_count", "_created", "_size"))
    } <= used


async def test_requests_problems_and_deposits_are_counted(client: Any) -> None:
    registry = client.gateway.metrics.registry
    await client.anchor({"digests": {"sha256": "ab" * 32}, "size": 3})
    await client.get("/nothing/of/the/kind")
    await client.http.request("BREW", "/healthz")
    requests = "cunzheng_http_requests_total"
    assert value(registry, requests, method="POST", route="/v1/anchors", status="201") == 1
    assert value(registry, requests, method="GET", route="none", status="404") == 1
    assert value(registry, requests, method="other", route="/healthz", status="405") == 1
    assert value(registry, "cunzheng_problems_total", code="NOT_FOUND") == 1
    for state in ("RECEIVED", "COMMITTED"):
        assert value(registry, "cunzheng_deposits_total", state=state) == 1
    assert value(registry, "cunzheng_deposits_total", state="FAILED") == 0
    assert value(registry, "cunzheng_statements_on_way") == 0
    assert value(registry, "cunzheng_leader_known") == 1


async def test_metrics_are_not_for_everybody(client: Any) -> None:
    assert (await client.get("/metrics")).status_code == 404
