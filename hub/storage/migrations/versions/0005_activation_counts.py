"""How many records there are, by namespace, path and ten minutes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table, and count what is there once: each path for itself, then (path empty) all together."""
    op.create_table(
        "activation_counts",
        sa.Column("namespace", sa.Text(), primary_key=True),
        sa.Column("path", sa.Text(), primary_key=True),
        sa.Column("span", sa.BigInteger(), primary_key=True),
        sa.Column("slot", sa.BigInteger(), primary_key=True),
        sa.Column("total", sa.BigInteger(), nullable=False),
    )
    op.execute(
        "INSERT INTO activation_counts (namespace, path, span, slot, total) "
        "SELECT namespace, path, start / 600000, 0, count(*) FROM activations GROUP BY namespace, path, start / 600000"
    )
    op.execute(
        "INSERT INTO activation_counts (namespace, path, span, slot, total) "
        "SELECT namespace, '', span, 0, sum(total) FROM activation_counts GROUP BY namespace, span"
    )
