"""The tables of the ledger, as they are after the newest migration (a test compares the two)."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)

METADATA = MetaData()

# One column for every field of `alerts.model.Alert`, of the same name: rows and alerts convert without a mapping.
ALERTS = Table(
    "alerts",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("site", String(63), nullable=False),
    Column("shed", String(63), nullable=False),
    Column("device", String(63), nullable=False),
    Column("port", Integer),
    Column("zone", String(200)),
    Column("state", String(30), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("raised_ts", BigInteger, nullable=False),
    Column("message", JSON, nullable=False),
    Column("acknowledged_ts", BigInteger),
    Column("acknowledged_by", Text),
    Column("cleared_ts", BigInteger),
    Column("closed_ts", BigInteger),
    Column("shelved_until_ts", BigInteger),
    Column("count", Integer, nullable=False),
    Column("value", Float),
    Column("threshold", Float),
    Column("unit", String(20), nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("related", JSON, nullable=False),
    Column("cause", Text),
    Column("assignee", Text),
    Column("aside", JSON(none_as_null=True)),
    Column("service_request", JSON(none_as_null=True)),
    Column("false_alarm", Boolean, nullable=False, server_default=false()),
    Column("test", Boolean, nullable=False, server_default=false()),
    Column("acknowledgements", JSON, nullable=False, server_default="[]"),
    Column("acknowledgements_needed", Integer, nullable=False, server_default="1"),
    Index("ix_alerts_raised", "raised_ts", "id"),
    Index("ix_alerts_closed", "closed_ts"),
    Index("ix_alerts_place", "site", "shed", "raised_ts"),
)

TRANSITIONS = Table(
    "transitions",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("alert_id", String(40), ForeignKey("alerts.id"), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", String(30), nullable=False),
    Column("from_state", String(30)),
    Column("to_state", String(30), nullable=False),
    Column("note", Text, nullable=False),
    Index("ix_transitions_alert", "alert_id", "seq"),
    Index("ix_transitions_at", "at_ms"),
)

NOTICES = Table(
    "notices",
    METADATA,
    Column("id", String(120), primary_key=True),
    Column("channel", String(63), nullable=False),
    Column("alert_id", String(40), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("event_action", String(20), nullable=False),
    Column("body", JSON, nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("done_ms", BigInteger),
    Column("error", Text),
    Index("ix_notices_state", "state", "seq"),
)

MARKS = Table(
    "marks",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

# The body is the whole `alerts.cutoff.model.Cut`: cuts are few, and read whole.
CUTS = Table(
    "cuts",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("requested_ts", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
    Index("ix_cuts_requested", "requested_ts"),
)

# Likewise a whole `alerts.proof.model.Proof`.
PROOFS = Table(
    "proofs",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("begun_ts", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
    Index("ix_proofs_begun", "begun_ts"),
)
