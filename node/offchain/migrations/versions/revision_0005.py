"""Timestamps of checkpoints, and the platform's signatures of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Two tables; no older gateway kept such things."""
    op.create_table(
        "timestamps",
        sa.Column("tree_size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("authority", sa.String(128), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("obtained_ms", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tree_size", "authority", name="pk_timestamps"),
    )
    op.create_index("ix_timestamps_authority_tree_size", "timestamps", ["authority", "tree_size"])
    op.create_table(
        "checkpoint_signatures",
        sa.Column("tree_size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("signed_ms", sa.BigInteger(), nullable=False),
        sa.Column("p7s", sa.LargeBinary(), nullable=True),
        sa.Column("sm2", sa.LargeBinary(), nullable=True),
        sa.Column("certificates", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tree_size", name="pk_checkpoint_signatures"),
    )
