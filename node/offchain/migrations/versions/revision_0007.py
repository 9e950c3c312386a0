"""Which deposit a delivery tells of, so that what is erased there is erased here too."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

AT_ONCE = 1_000
"""Messages read at once; each is less than a kilobyte."""

_deposits = sa.table("deposits", sa.column("statement_id"), sa.column("erased_ms"))
_deliveries = sa.table(
    "deliveries", sa.column("id"), sa.column("body"), sa.column("statement_id", sa.LargeBinary)
)


def upgrade() -> None:
    """A message says which deposit it is about. What was erased before is erased in it now."""
    op.add_column("deliveries", sa.Column("statement_id", sa.LargeBinary(32), nullable=True))
    connection, last = op.get_bind(), ""
    gone = sa.select(_deposits.c.statement_id).where(_deposits.c.erased_ms.is_not(None))
    erased = set(connection.execute(gone).scalars())
    query = sa.select(_deliveries.c.id, _deliveries.c.body).order_by(_deliveries.c.id)
    while rows := connection.execute(query.where(_deliveries.c.id > last).limit(AT_ONCE)).all():
        for row in rows:
            told = json.loads(row.body)
            values = {"statement_id": bytes.fromhex(told["deposit"]["statement_id"])}
            if values["statement_id"] in erased:
                told["deposit"].pop("client_ref", None)
                told["deposit"].pop("matter_id", None)
                values["body"] = json.dumps(told, ensure_ascii=False, sort_keys=True).encode()
            change = sa.update(_deliveries).where(_deliveries.c.id == row.id)
            connection.execute(change.values(**values))
        last = rows[-1].id
    op.create_index("ix_deliveries_statement_id", "deliveries", ["statement_id"])
