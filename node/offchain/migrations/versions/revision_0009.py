"""Inspections by authorities, and what was shown in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """One table; a line of the record of accesses may belong to one of its rows."""
    op.create_table(
        "inspections",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("inspection_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_inspections"),
    )
    op.create_index("ix_inspections_opened_ms", "inspections", ["opened_ms"])
    op.add_column("accesses", sa.Column("inspection", sa.String(32), nullable=True))
    op.create_index("ix_accesses_inspection", "accesses", ["inspection"])
