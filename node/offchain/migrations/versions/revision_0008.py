"""Keys of an account's own end with the credential they were registered with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """What is registered already goes on."""
    op.add_column("account_keys", sa.Column("expires_ms", sa.BigInteger(), nullable=True))
