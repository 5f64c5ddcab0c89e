"""Alerts, their transitions, notices and marks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    _create_alerts()
    _create_notices()


def downgrade() -> None:
    """Drop them."""
    op.drop_table("marks")
    op.drop_table("notices")
    op.drop_table("transitions")
    op.drop_table("alerts")


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("site", sa.String(63), nullable=False),
        sa.Column("shed", sa.String(63), nullable=False),
        sa.Column("device", sa.String(63), nullable=False),
        sa.Column("port", sa.Integer),
        sa.Column("zone", sa.String(200)),
        sa.Column("state", sa.String(30), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("raised_ts", sa.BigInteger, nullable=False),
        sa.Column("message", sa.JSON, nullable=False),
        sa.Column("acknowledged_ts", sa.BigInteger),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("cleared_ts", sa.BigInteger),
        sa.Column("closed_ts", sa.BigInteger),
        sa.Column("shelved_until_ts", sa.BigInteger),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("threshold", sa.Float),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("related", sa.JSON, nullable=False),
        sa.Column("cause", sa.Text),
        sa.Column("assignee", sa.Text),
    )
    op.create_table(
        "transitions",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("alert_id", sa.String(40), sa.ForeignKey("alerts.id"), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("action", sa.String(30), nullable=False),
        sa.Column("from_state", sa.String(30)),
        sa.Column("to_state", sa.String(30), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("ix_alerts_raised", "alerts", ["raised_ts", "id"])
    op.create_index("ix_alerts_closed", "alerts", ["closed_ts"])
    op.create_index("ix_alerts_place", "alerts", ["site", "shed", "raised_ts"])
    op.create_index("ix_transitions_alert", "transitions", ["alert_id", "seq"])


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.String(120), primary_key=True),
        sa.Column("channel", sa.String(63), nullable=False),
        sa.Column("alert_id", sa.String(40), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("event_action", sa.String(20), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("done_ms", sa.BigInteger),
        sa.Column("error", sa.Text),
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_notices_state", "notices", ["state", "seq"])
