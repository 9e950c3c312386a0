"""Stories are played against a whole gateway, on either database, before members that are faked
only in agreeing; or, where processes die in them, against a devnet."""

from typing import Any

import pytest

from tests.node.conftest import world
from tests.node.gateway.conftest import (
    client,
    clients,
    clock,
    cluster,
    eventually,
    gateway,
    make_gateway,
    tls,
)

__all__ = [
    "client",
    "clients",
    "clock",
    "cluster",
    "eventually",
    "gateway",
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
async def source_profile(client: Any) -> str:
    """The digest of a platform's source profile, under which its records are deposited."""
    response = await client.post("/v1/source-profiles", SOURCE_PROFILE)
    assert response.status_code == 201, response.text
    digest: str = response.json()["digest"]
    return digest
