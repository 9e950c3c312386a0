"""Stories are played against a whole gateway, before members that are faked only in agreeing."""

from tests.node.conftest import world
from tests.node.gateway.conftest import (
    admitted_sqlite,
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
    "admitted_sqlite",
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
