"""Deposits that were to be erased and may not be yet: their processing is restricted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Whoever was refused before asks again."""
    op.add_column("deposits", sa.Column("restricted_ms", sa.BigInteger(), nullable=True))
    op.add_column("deposits", sa.Column("review_ms", sa.BigInteger(), nullable=True))
    op.add_column("deposits", sa.Column("erasure_ground", sa.String(64), nullable=True))
    op.add_column("deposits", sa.Column("erasure_account", sa.String(64), nullable=True))
    op.create_index("ix_deposits_restricted_ms", "deposits", ["restricted_ms"])
