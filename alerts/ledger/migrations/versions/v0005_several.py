"""Who has taken notice of an alert, where several people have to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; of what was kept before one person was enough."""
    op.add_column("alerts", sa.Column("acknowledgements", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("alerts", sa.Column("acknowledgements_needed", sa.Integer, nullable=False, server_default="1"))


def downgrade() -> None:
    """Drop them."""
    for name in ("acknowledgements", "acknowledgements_needed"):
        op.drop_column("alerts", name)
