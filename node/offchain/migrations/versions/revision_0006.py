"""Evidence bundles that were asked for, and their bytes for a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Two tables; no older gateway made bundles."""
    op.create_table(
        "bundles",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("account", sa.String(64), nullable=True),
        sa.Column("evidence_no", sa.String(25), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("why", sa.String(64), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("alive_ms", sa.BigInteger(), nullable=True),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(128), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_bundles"),
    )
    op.create_index("ix_bundles_expires_ms", "bundles", ["expires_ms"])
    op.create_index("ix_bundles_state_asked_ms", "bundles", ["state", "asked_ms"])
    op.create_table(
        "bundle_parts",
        sa.Column("bundle_id", sa.String(32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("part_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["bundle_id"], ["bundles.id"], name="fk_bundle_parts_bundle_id"),
        sa.PrimaryKeyConstraint("bundle_id", "attempt", "place", name="pk_bundle_parts"),
    )
