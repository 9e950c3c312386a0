"""All tables together: what Alembic compares the database with, and what is published of them."""

from node.offchain.columns import metadata
from node.offchain.tables import (
    accesses,
    accounts,
    cases,
    deposits,
    notifications,
    registries,
    requests,
)

AREAS = (requests, accounts, deposits, notifications, cases, registries, accesses)

__all__ = ["AREAS", "metadata"]
