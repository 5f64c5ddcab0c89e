"""Alerts put aside: why and until when, requests to take one out of service, false alarms; transitions by time."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; what was kept before was never put aside."""
    # Not as a batch: SQLite would copy the table, and cannot drop the old one that the transitions refer to.
    op.add_column("alerts", sa.Column("aside", sa.JSON(none_as_null=True)))
    op.add_column("alerts", sa.Column("service_request", sa.JSON(none_as_null=True)))
    op.add_column("alerts", sa.Column("false_alarm", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("ix_transitions_at", "transitions", ["at_ms"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_transitions_at", "transitions")
    for name in ("aside", "service_request", "false_alarm"):
        op.drop_column("alerts", name)
