"""The idempotency store, exactly as gateways made it before there were revisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """The table `requests`."""
    op.create_table(
        "requests",
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("statement_id", sa.LargeBinary(32), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=True),
        sa.Column("keepsake", sa.LargeBinary(), nullable=True),
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.Column("settled_ms", sa.BigInteger(), nullable=True),
        sa.Column("skipped", sa.String(300), nullable=True),
        sa.PrimaryKeyConstraint("account", "idempotency_key", "part"),
    )
    op.create_index("ix_requests_statement_id", "requests", ["statement_id"])
    op.create_index("ix_requests_settled_ms", "requests", ["settled_ms"])
