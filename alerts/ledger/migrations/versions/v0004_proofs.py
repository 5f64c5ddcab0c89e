"""Alerts that are tests, and proofs of the way to people, each with its stages."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add them; nothing that was kept before was a test."""
    op.add_column("alerts", sa.Column("test", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "proofs",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("begun_ts", sa.BigInteger, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
    )
    op.create_index("ix_proofs_begun", "proofs", ["begun_ts"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("proofs")
    op.drop_column("alerts", "test")
