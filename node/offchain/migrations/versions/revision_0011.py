"""A bundle may be of several deposits, of a case, and be asked for with openings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """One table and two columns more. Of which statements the bundles of today are is not known:
    they are forgotten a day early, and can be asked for again."""
    op.execute("DELETE FROM bundle_parts")
    op.execute("DELETE FROM bundles")
    op.add_column("bundles", sa.Column("case_no", sa.String(64), nullable=True))
    op.add_column("bundles", sa.Column("collected", sa.Integer(), nullable=True))
    op.create_table(
        "bundle_deposits",
        sa.Column("bundle_id", sa.String(32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("evidence_no", sa.String(25), nullable=False),
        sa.Column("statement_id", sa.LargeBinary(32), nullable=False),
        sa.Column("opening_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["bundle_id"], ["bundles.id"], name="fk_bundle_deposits_bundle_id"),
        sa.PrimaryKeyConstraint("bundle_id", "place", name="pk_bundle_deposits"),
    )
    op.create_index("ix_bundle_deposits_evidence_no", "bundle_deposits", ["evidence_no"])
