"""Cuts of power, each with its log."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "cuts",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("requested_ts", sa.BigInteger, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
    )
    op.create_index("ix_cuts_requested", "cuts", ["requested_ts"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("cuts")
