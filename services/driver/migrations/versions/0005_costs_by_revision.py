"""Costs are told with the revision of the session that was billed, so that one that is taken back stays so."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("bill_revision", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("usage_sessions", column)
