"""Several gateways on one database: what one has promised, the other keeps."""

import asyncio
import json
from typing import Any

import pytest

from tests.databases import ON_BOTH

pytestmark = [pytest.mark.anyio, ON_BOTH]

BODY = {"digests": {"sha256": "01" * 32}, "size": 1}


@pytest.fixture
async def two(make_gateway: Any, clients: Any) -> list[Any]:
    """Clients of two gateways with the same key, as they stand behind one address."""
    return [clients(await make_gateway()) for _ in range(2)]


async def test_a_retry_at_the_other_gateway_deposits_nothing_new(two: Any, cluster: Any) -> None:
    first, second = two
    answer = await first.anchor(BODY, key="one")
    again = await second.anchor(BODY, key="one")
    assert again.json()["statement"] == answer.json()["statement"]
    assert len(cluster.statements) == 1


async def test_one_request_at_both_at_once_deposits_once(two: Any, cluster: Any) -> None:
    answers = await asyncio.gather(
        *(client.anchor(BODY, key=f"key-{n}") for n in range(5) for client in two)
    )
    assert sorted(each.status_code for each in answers) == [200] * 5 + [201] * 5
    assert len({json.dumps(each.json()["statement"]) for each in answers}) == 5
    assert len(cluster.statements) == 5
