"""Keys that were replaced, for as long as feeds may still fire with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("identities", sa.Column("previous_key", sa.Text(), nullable=True))
    op.add_column("identities", sa.Column("previous_until", sa.BigInteger(), nullable=False, server_default="0"))
