"""Runs the migrations on the connection `alerts.ledger.database` hands over; logging stays as the service set it."""

from alembic import context

from alerts.ledger.schema import METADATA

# SQLite changes tables by copying them, hence the batch mode.
context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
