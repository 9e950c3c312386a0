"""Stories are played against a whole gateway on either database, before members that are faked only
in agreeing."""

from typing import Any

import pytest

from node.gateway.gateway import Gateway
from node.offchain.database import Database
from tests.node.conftest import world
from tests.node.gateway.admitted import admit_all
from tests.node.gateway.conftest import (
    admitted_sqlite,
    client,
    clients,
    clock,
    cluster,
    eventually,
    make_gateway,
    tls,
)

__all__ = [
    "admitted_sqlite",
    "client",
    "clients",
    "clock",
    "cluster",
    "eventually",
    "make_gateway",
    "tls",
    "world",
]

SOURCE_PROFILE = {
    "system": "订单系统",
    "process": "下单、付款、登录时即写入",
    "operator": "示例平台有限公司",
    "clock_source": "NTP",
    "business_course": "每笔业务自动产生",
}


@pytest.fixture
async def gateway(make_gateway: Any, database_url: str) -> Gateway:
    """A gateway on SQLite, and once more on PostgreSQL."""
    async with Database(database_url) as database:
        await admit_all(database)
    made: Gateway = await make_gateway(url=database_url)
    return made


@pytest.fixture
async def source_profile(client: Any) -> str:
    """The digest of a platform's source profile, under which its records are deposited."""
    response = await client.post("/v1/source-profiles", SOURCE_PROFILE)
    assert response.status_code == 201, response.text
    digest: str = response.json()["digest"]
    return digest
