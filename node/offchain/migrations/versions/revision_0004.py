"""Answers to writes that are not deposits, for their retries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """One table; no older gateway kept answers."""
    op.create_table(
        "answers",
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(64), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "idempotency_key", name="pk_answers"),
    )
    op.create_index("ix_answers_asked_ms", "answers", ["asked_ms"])
