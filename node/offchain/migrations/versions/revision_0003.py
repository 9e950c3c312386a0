"""Statements that wait for the signature of the gateway that attested their deposit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """What is there has been signed."""
    op.add_column("requests", sa.Column("awaits", sa.String(256), nullable=True))
    op.create_index("ix_requests_awaits", "requests", ["awaits"])
