"""All tables together: what Alembic compares the database with, and what is published of them."""

from dataclasses import dataclass

from node.offchain.columns import FieldFacts, facts_of, metadata
from node.offchain.tables import (
    accesses,
    accounts,
    answers,
    bundles,
    cases,
    deposits,
    inspections,
    notifications,
    registries,
    requests,
    timestamps,
)

AREAS = (
    requests,
    answers,
    accounts,
    deposits,
    notifications,
    cases,
    registries,
    accesses,
    timestamps,
    bundles,
    inspections,
)


@dataclass(frozen=True, slots=True)
class PublishedField:
    """A column, and what is published of it."""

    table: str
    name: str
    facts: FieldFacts


def published_fields() -> list[PublishedField]:
    """Every column of every table, by name."""
    return [
        PublishedField(table.name, column.name, facts_of(column))
        for table in sorted(metadata.tables.values(), key=lambda each: each.name)
        for column in table.columns
    ]


__all__ = ["AREAS", "metadata"]
