"""Tokens are kept with their types, and decisions about them with their reasons; the journal says what was decided."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("transactions", "transaction_events"):
        for name in ("token_type", "authorization_reason"):
            op.add_column(table, sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("ocpp_messages", sa.Column("note", sa.Text))
