"""Costs are told with the number of decisions of persons that they go by: these change no revision."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("bill_decisions", sa.Integer, nullable=False, server_default="0")
    op.add_column("usage_sessions", column)
