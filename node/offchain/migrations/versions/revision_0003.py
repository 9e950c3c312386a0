"""Statements that wait for another gateway's signature; how far the log was read for events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """What is there has been signed; of events before this nobody is told."""
    op.add_column("requests", sa.Column("awaits", sa.String(256), nullable=True))
    op.create_index("ix_requests_awaits", "requests", ["awaits"])
    op.create_table(
        "followed",
        sa.Column("reader", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reader", name="pk_followed"),
    )
